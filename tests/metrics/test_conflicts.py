"""Braking, headway, exposure and arrays of boxes: against closed forms, simulation in fine steps, and symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from av_synth.metrics import (
    Footprint,
    Footprints,
    brake_threat_number,
    deceleration_to_avoid_crash_mps2,
    distance_m,
    distances_m,
    encroachment_s,
    headway_along_m,
    headway_m,
    headway_s,
    overlaps,
    post_encroachment_s,
    required_deceleration_mps2,
    required_lateral_mps2,
    time_exposed_s,
    time_integrated_s2,
    time_to_collision_s,
    times_to_collision_s,
)
from tests.metrics.test_metrics import box, footprints, moved

drivers = st.builds(
    box,
    st.floats(-5, 5),
    st.floats(-5, 5),
    st.just(0.0),
    st.just((2.0, 0.9)),
    st.tuples(st.floats(1, 20), st.just(0.0)),
)


def turned(a: Footprint, angle: float, shift: float) -> Footprint:
    c, s = math.cos(angle), math.sin(angle)
    rotation = np.array([[c, -s], [s, c]])
    return Footprint(
        rotation @ a.centre_m + shift, a.yaw_rad + angle, a.half_m, a.bottom_m, a.top_m, rotation @ a.velocity_mps
    )


@settings(max_examples=40)
@given(footprints, st.lists(footprints, min_size=1, max_size=5))
def test_arrays_of_boxes_give_what_single_ones_give(ego: Footprint, others: list[Footprint]) -> None:
    one, many = Footprints.of([ego]), Footprints.of(others)

    assert distances_m(one, many) == pytest.approx([distance_m(ego, b) for b in others], abs=1e-9)
    assert times_to_collision_s(one, many) == pytest.approx([time_to_collision_s(ego, b) for b in others], abs=1e-9)
    assert overlaps(one, many).tolist() == [distance_m(ego, b) == 0.0 for b in others]
    assert many.corners_m == pytest.approx(np.array([b.corners_m for b in others]))


@settings(max_examples=40)
@given(drivers, footprints, st.floats(-3, 3), st.floats(-50, 50))
def test_figures_of_a_pair_do_not_depend_on_where_the_world_has_its_axes(
    a: Footprint, b: Footprint, angle: float, shift: float
) -> None:
    for figure in (deceleration_to_avoid_crash_mps2, required_deceleration_mps2, headway_m, headway_s):
        before, after = figure(a, b), figure(turned(a, angle, shift), turned(b, angle, shift))
        # what hangs on whether a corner grazes an edge may fall either way
        assume(math.isfinite(before) == math.isfinite(after) and (before == 0.0) == (after == 0.0))
        assert after == pytest.approx(before, rel=1e-4, abs=1e-6), figure
    assert deceleration_to_avoid_crash_mps2(a, b) == pytest.approx(deceleration_to_avoid_crash_mps2(b, a), rel=1e-6)


@settings(max_examples=40)
@given(footprints, footprints)
def test_drac_brings_the_approach_to_rest_just_at_contact(a: Footprint, b: Footprint) -> None:
    drac = deceleration_to_avoid_crash_mps2(a, b)
    closing = b.velocity_mps - a.velocity_mps
    if not 0.0 < drac < math.inf:
        assert (drac == 0.0) == (time_to_collision_s(a, b) == math.inf or not closing.any())
        return

    def apart_m(deceleration: float) -> float:
        way_m = closing @ closing / (2.0 * deceleration) * closing / np.linalg.norm(closing)
        return distance_m(a, Footprint(b.centre_m + way_m, b.yaw_rad, b.half_m))

    assert apart_m(drac) == pytest.approx(0.0, abs=1e-6)
    assert apart_m(1.05 * drac) > 0.0


def braked(a: Footprint, deceleration: float, t: float) -> Footprint:
    speed = float(np.linalg.norm(a.velocity_mps))
    t = min(t, speed / max(deceleration, 1e-9))
    return Footprint(a.centre_m + a.axes[0] * (speed * t - deceleration * t * t / 2), a.yaw_rad, a.half_m)


@settings(max_examples=60)
@given(st.floats(2, 20), footprints, st.floats(0.5, 4))
def test_nobody_who_brakes_as_required_runs_into_the_other(speed: float, b: Footprint, meet_s: float) -> None:
    a = box(0, 0, v=(speed, 0))
    start_m = b.centre_m / 10 - meet_s * b.velocity_mps + (speed * meet_s + 2, 0)  # so that many do meet
    b = Footprint(start_m, b.yaw_rad, b.half_m, 0.0, 1.0, b.velocity_mps)
    needed = required_deceleration_mps2(a, b)
    if not 0.0 < needed < math.inf:
        return
    until_s = speed / needed
    for t in np.linspace(0.0, until_s, 200):
        assert distance_m(braked(a, needed * 1.001, t), moved(b, t)) > 0.0


def test_a_lead_that_is_braked_for_any_less_is_run_into() -> None:
    ego, lead = box(0, 0, v=(15, 0)), box(24, 0, v=(5, 0))
    needed = required_deceleration_mps2(ego, lead)

    assert needed == pytest.approx(10**2 / (2 * 20))
    assert deceleration_to_avoid_crash_mps2(ego, lead) == pytest.approx(needed)
    times = np.linspace(0.0, 8.0, 400)
    assert min(distance_m(braked(ego, needed * 0.98, t), moved(lead, t)) for t in times) == 0.0
    assert min(distance_m(braked(ego, needed * 1.001, t), moved(lead, t)) for t in times) > 0.0
    assert brake_threat_number(needed, 8.0) == pytest.approx(needed / 8.0)


def test_who_crosses_is_let_pass_rather_than_stopped_for() -> None:
    ego = box(0, 0, v=(10, 0))
    walker = box(20, -3, math.pi / 2, (0.3, 0.3), (0, 2))  # leaves the ego's width at (3 + 0.3 + 0.9) / 2 = 2.1 s
    gap = 20 - 2 - 0.3

    assert required_deceleration_mps2(ego, walker) == pytest.approx(2 * (10 * 2.1 - gap) / 2.1**2)
    slow = box(20, -1.3, math.pi / 2, (0.3, 0.3), (0, 0.2))
    assert required_deceleration_mps2(ego, slow) == pytest.approx(10**2 / (2 * gap))


def test_braking_for_an_oncoming_car_has_the_ego_at_rest_when_they_meet() -> None:
    ego, oncoming = box(0, 0, v=(10, 0)), box(44, 0, math.pi, v=(-6, 0))
    needed = required_deceleration_mps2(ego, oncoming)

    stands_s = 10 / needed
    assert distance_m(braked(ego, needed, stands_s), moved(oncoming, stands_s)) == pytest.approx(0.0, abs=1e-6)
    assert distance_m(braked(ego, needed, 0.95 * stands_s), moved(oncoming, 0.95 * stands_s)) > 0.0


@pytest.mark.parametrize(
    ("other", "drac", "required"),
    [
        pytest.param(box(10, 0, v=(20, 0)), 0.0, 0.0, id="it drives away"),
        pytest.param(box(10, 5), 0.0, 0.0, id="it is beside the way"),
        pytest.param(box(3, 0), math.inf, math.inf, id="in contact"),
        pytest.param(box(3, 0, v=(10, 0)), 0.0, math.inf, id="in contact, at one speed"),
        pytest.param(box(-10, 0, v=(15, 0)), 5**2 / (2 * 6), math.inf, id="it comes from behind"),
    ],
)
def test_edge_cases_of_braking(other: Footprint, drac: float, required: float) -> None:
    ego = box(0, 0, v=(10, 0))
    assert deceleration_to_avoid_crash_mps2(ego, other) == pytest.approx(drac)
    assert required_deceleration_mps2(ego, other) == pytest.approx(required)


def test_two_that_stand_need_not_brake_and_who_stands_cannot() -> None:
    assert required_deceleration_mps2(box(0, 0), box(10, 0)) == 0.0
    assert required_deceleration_mps2(box(0, 0), box(10, 0, v=(-5, 0))) == math.inf
    with pytest.raises(ValueError, match="want more than 0"):
        brake_threat_number(1.0, 0.0)


def test_swerving_takes_the_shift_that_is_missing_when_they_would_touch() -> None:
    ego = box(0, 0, v=(10, 0))
    assert required_lateral_mps2(ego, box(24, 1.3)) == pytest.approx(2 * (1.8 - 1.3) / 2.0**2)
    assert required_lateral_mps2(ego, box(24, 3)) == 0.0
    assert required_lateral_mps2(ego, box(1, 0)) == math.inf


def test_headway_is_front_to_rear_and_of_who_is_ahead_in_the_corridor() -> None:
    ego = box(0, 0, v=(10, 0))

    assert headway_m(ego, box(24, 0.5)) == pytest.approx(20.0)
    assert headway_s(ego, box(24, 0.5, v=(3, 0))) == pytest.approx(2.0)
    assert headway_m(ego, box(24, 2.4)) == math.inf
    assert headway_m(ego, box(24, 2.4), corridor_m=3.5) == pytest.approx(20.0)
    assert headway_m(ego, box(-24, 0)) == math.inf
    assert headway_m(ego, box(3, 0)) == 0.0
    assert headway_s(box(0, 0), box(24, 0)) == math.inf


def test_headway_round_a_bend_is_along_the_lane() -> None:
    angles = np.linspace(-0.5, 2.0, 400)
    path = 50.0 * np.stack([np.sin(angles), 1.0 - np.cos(angles)], axis=-1)
    leader = box(50, 50, math.pi / 2)  # a quarter turn on
    arc_m = 50 * math.pi / 2

    assert headway_along_m(path, box(0, 0), leader, 3.5) == pytest.approx(arc_m - 4.0, abs=0.1)
    assert headway_m(box(0, 0), leader) == math.inf
    assert headway_along_m(path, leader, box(0, 0), 3.5) == math.inf
    assert headway_along_m(path, box(0, 0), box(46, 50, math.pi / 2), 3.5) == math.inf
    straight = np.array([[-5.0, 0.0], [30.0, 0.0]])
    assert headway_along_m(straight, box(0, 0), box(24, 2.4), 3.5) == pytest.approx(20.0)


def test_exposure_counts_the_time_and_the_area_under_the_threshold() -> None:
    ttc = [math.inf, 3.0, 2.0, 1.0, 1.5, math.inf]

    assert time_exposed_s(ttc, 0.1, 2.0) == pytest.approx(0.3)
    assert time_integrated_s2(ttc, 0.1, 2.0) == pytest.approx(0.1 * (0.0 + 1.0 + 0.5))
    with pytest.raises(ValueError, match="want times of 0 or more"):
        time_exposed_s([-1.0], 0.1, 2.0)


def test_post_encroachment_is_good_to_a_part_of_a_frame_whatever_the_frame() -> None:
    # its rear leaves x = 0.9 at 2.29 s; the other's front comes to y = -0.9 at (20 - 2 - 0.9) / 5 = 3.42 s
    for step in (0.05, 0.1):
        times = np.arange(0.0, 6.0, step)
        first = [box(-20 + 10 * t, 0, v=(10, 0)) for t in times]
        second = [box(0, -20 + 5 * t, math.pi / 2, v=(0, 5)) for t in times]
        assert post_encroachment_s(first, second, times) == pytest.approx(3.42 - 2.29, abs=2 * step / 16)
        assert post_encroachment_s(second, first, times) == pytest.approx(3.42 - 2.29, abs=2 * step / 16)
        assert encroachment_s(first, second, times) == pytest.approx((1.8 + 4.0) / 10, abs=step)
        assert encroachment_s(second, first, times) == pytest.approx((1.8 + 4.0) / 5, abs=step)


def test_tracks_that_share_nothing_or_have_no_frame_have_no_encroachment() -> None:
    far = [box(0, 0)] * 3, [box(0, 50)] * 3
    assert encroachment_s(*far, [0.0, 0.1, 0.2]) == 0.0
    assert post_encroachment_s([], [], []) == math.inf
    assert encroachment_s([], [], []) == 0.0
    assert post_encroachment_s([box(0, 0)] * 2, [box(1, 0)] * 2, [0.0, 0.1]) == 0.0
