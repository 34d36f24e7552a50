"""Safety metrics against closed forms, brute force and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.metrics import (
    Footprint,
    contact,
    distance_m,
    in_sight,
    post_encroachment_s,
    time_to_collision_s,
)


def box(x: float, y: float, yaw: float = 0.0, half: tuple[float, float] = (2.0, 0.9), v: tuple[float, float] = (0, 0)):  # type: ignore[no-untyped-def]
    return Footprint(np.array([x, y]), yaw, np.array(half), 0.0, 1.5, np.array(v, dtype=float))


def moved(a: Footprint, t: float) -> Footprint:
    return Footprint(a.centre_m + a.velocity_mps * t, a.yaw_rad, a.half_m, a.bottom_m, a.top_m, a.velocity_mps)


footprints = st.builds(
    box,
    st.floats(-20, 20),
    st.floats(-20, 20),
    st.floats(-4, 4),
    st.tuples(st.floats(0.2, 4), st.floats(0.2, 2)),
    st.tuples(st.floats(-15, 15), st.floats(-15, 15)),
)


def test_time_to_collision_behind_a_slower_lead_is_gap_over_closing_speed() -> None:
    ego, lead = box(0, 0, v=(15, 0)), box(24, 0, v=(5, 0))

    assert time_to_collision_s(ego, lead) == pytest.approx((24 - 4) / 10)
    assert time_to_collision_s(lead, ego) == pytest.approx(2.0)
    assert time_to_collision_s(ego, lead, horizon_s=1.9) == math.inf


def test_nobody_collides_with_a_lead_that_is_faster_or_beside() -> None:
    assert time_to_collision_s(box(0, 0, v=(5, 0)), box(10, 0, v=(6, 0))) == math.inf
    assert time_to_collision_s(box(0, 0, v=(15, 0)), box(10, 3.5)) == math.inf


def test_a_crossing_pedestrian_is_hit_when_the_later_of_the_two_gets_there() -> None:
    ego = box(0, 0, v=(10, 0))
    late = box(20, -5, math.pi / 2, (0.3, 0.3), (0, 2))  # enters the ego's corridor after (5 - 1.2) / 2 = 1.9 s

    assert time_to_collision_s(ego, late) == pytest.approx(1.9)
    assert time_to_collision_s(ego, box(20, 5, 0, (0.3, 0.3), (0, 9))) == math.inf


@settings(max_examples=60, deadline=None)
@given(footprints, footprints)
def test_time_to_collision_agrees_with_stepping_through_time(a: Footprint, b: Footprint) -> None:
    exact = time_to_collision_s(a, b)
    times = np.arange(0.0, 4.0, 0.02)
    touching = [t for t in times if distance_m(moved(a, t), moved(b, t)) == 0.0]

    if touching:
        assert exact <= touching[0] + 1e-9
        assert touching[0] - exact <= 0.02 + 1e-9 or distance_m(moved(a, exact), moved(b, exact)) < 1e-6
    if math.isfinite(exact):
        assert distance_m(moved(a, exact), moved(b, exact)) < 1e-6
        if exact > 1e-3:
            assert distance_m(moved(a, exact * 0.5), moved(b, exact * 0.5)) > 0.0


@settings(max_examples=60, deadline=None)
@given(footprints, footprints, st.floats(-3, 3), st.floats(-50, 50))
def test_distance_is_symmetric_rigid_and_that_of_dense_outlines(
    a: Footprint, b: Footprint, turn: float, shift: float
) -> None:
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, -s], [s, c]])
    turned = [
        Footprint(rotation @ one.centre_m + shift, one.yaw_rad + turn, one.half_m, 0.0, 1.0, np.zeros(2))
        for one in (a, b)
    ]
    outline = np.linspace(0, 1, 40)[:, None, None]
    dense = [
        (one.corners_m + outline * (np.roll(one.corners_m, -1, 0) - one.corners_m)).reshape(-1, 2) for one in (a, b)
    ]
    brute = float(np.sqrt(((dense[0][:, None] - dense[1][None]) ** 2).sum(-1)).min())

    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-9)
    assert distance_m(*turned) == pytest.approx(distance_m(a, b), abs=1e-6)
    if distance_m(a, b) > 0:
        assert distance_m(a, b) <= brute + 1e-9
        assert brute <= distance_m(a, b) + 0.15


def test_contact_needs_overlap_in_height_too() -> None:
    low = box(0, 0)
    over = Footprint(np.array([1.0, 0.0]), 0.0, np.array([2.0, 1.0]), 3.0, 4.0)

    assert contact(low, box(3.9, 0))
    assert not contact(low, box(4.1, 0))
    assert not contact(low, over)


def test_post_encroachment_is_the_time_between_leaving_a_spot_and_coming_to_it() -> None:
    times = np.arange(0.0, 6.0, 0.05)
    first = [box(-20 + 10 * t, 0, v=(10, 0)) for t in times]  # its rear leaves x = 0.9 at 2.29 s
    second = [box(0, -20 + 5 * t, math.pi / 2, v=(0, 5)) for t in times]  # its front comes to y = -0.9 at 3.42 s

    assert post_encroachment_s(first, second, times) == pytest.approx(3.42 - 2.29, abs=0.1)
    assert post_encroachment_s(first, [box(0, 50)] * len(times), times) == math.inf


def test_a_van_hides_a_child_but_a_low_car_does_not_hide_an_adult() -> None:
    eye = np.array([0.0, 0.0, 1.2])
    child = Footprint(np.array([20.0, -3.0]), 0.0, np.array([0.25, 0.25]), 0.0, 1.1)
    adult = Footprint(np.array([20.0, -3.0]), 0.0, np.array([0.25, 0.25]), 0.0, 1.8)
    van = Footprint(np.array([15.0, -2.6]), 0.0, np.array([3.0, 1.0]), 0.0, 2.5)
    wall = Footprint(np.array([15.0, -2.6]), 0.0, np.array([3.0, 1.0]), 0.0, 0.8)

    assert not in_sight(eye, child, [van])
    assert in_sight(eye, child, [])
    assert in_sight(eye, adult, [wall])


def test_a_footprint_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="centre_m: want two finite numbers"):
        Footprint(np.array([math.nan, 0.0]), 0.0, np.array([1.0, 1.0]))
