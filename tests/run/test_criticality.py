"""Criticality over a run: what the ego and those near it come to, from states alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.director.footprints import footprint as as_it_lies
from av_synth.geometry.transforms import from_yaw
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.metrics import METRICS, Footprint, distance_m, post_encroachment_s, time_to_collision_s
from av_synth.run.criticality import measure

STEP_US = 50_000
EGO, LEAD, WALKER, PARKED, FAR = 1, 5, 3, 4, 2
SIZE = {EGO: (4.0, 1.8, 1.5), LEAD: (4.0, 1.8, 1.5), WALKER: (0.5, 0.6, 1.8), PARKED: (4.0, 1.8, 1.5), FAR: (4, 2, 2)}
ROLES = {EGO: "ego", LEAD: "lead", WALKER: "walker", PARKED: "van", FAR: "traffic_0"}
# x, y, yaw, vx, vy
STARTS = {
    EGO: (0.0, 0.0, 0.0, 10.0, 0.0),
    LEAD: (30.0, 0.0, 0.0, 6.0, 0.0),
    WALKER: (10.0, -3.0, math.pi / 2, 0.0, 2.0),
    PARKED: (15.0, 4.0, 0.0, 0.0, 0.0),
    FAR: (200.0, 0.0, 0.0, 5.0, 0.0),
}


def states(seconds: float = 3.0) -> list[WorldState]:
    infos = {key: ActorInfo(key, "x", ROLES[key], "", np.array([0.1, 0.0, 0.7]), np.array(SIZE[key])) for key in STARTS}

    def state(actor_id: int, t: float) -> ActorState:
        x, y, yaw, vx, vy = STARTS[actor_id]
        pose = from_yaw(x + vx * t, y + vy * t, 0.0, yaw)
        return ActorState(pose, np.array([vx, vy, 0.0]), np.zeros(3), np.zeros(3))

    return [
        WorldState(k, k * STEP_US, {key: state(key, k * STEP_US * 1e-6) for key in STARTS}, infos)
        for k in range(round(seconds / (STEP_US * 1e-6)) + 1)
    ]


def footprint(state: WorldState, actor_id: int) -> Footprint:
    size, velocity = state.infos[actor_id].size_lwh_m, state.actors[actor_id].velocity_mps
    return Footprint.of_box(state.world_from_box(actor_id), size, velocity)


def test_every_frame_has_what_single_boxes_give_and_nothing_that_is_not_finite() -> None:
    log = states()
    found = {(m.time_us, m.other_id, m.metric): m.value for m in measure(log, EGO, {"van"}).measurements}

    for state in log:
        for other in (LEAD, WALKER, PARKED):
            ego, them = footprint(state, EGO), footprint(state, other)
            assert found[state.time_us, other, "distance_m"] == pytest.approx(distance_m(ego, them), abs=1e-9)
            ttc = found.get((state.time_us, other, "ttc_s"), math.inf)
            assert ttc == pytest.approx(time_to_collision_s(ego, them), abs=1e-9)
    assert {metric for _, _, metric in found} == set(METRICS)
    assert all(math.isfinite(value) for value in found.values())
    assert found[0, LEAD, "drac_mps2"] == found[0, LEAD, "required_deceleration_mps2"]
    assert found[0, LEAD, "drac_mps2"] == pytest.approx(4.0**2 / (2 * 26))
    assert found[0, LEAD, "headway_s"] == pytest.approx(2.6)


def test_who_is_far_away_or_stands_unnamed_is_not_measured() -> None:
    assert [pair.role for pair in measure(states(), EGO, {"van"}).pairs] == ["walker", "van", "lead"]
    assert [pair.role for pair in measure(states(), EGO, ()).pairs] == ["walker", "lead"]


def test_a_pair_has_its_worst_figures_and_when() -> None:
    log = states()
    walker, _, lead = measure(log, EGO, {"van"}).pairs

    assert lead.figures["least_ttc_s"] == pytest.approx(26 / 4 - 3.0)
    assert lead.at_us["least_ttc_s"] == lead.at_us["least_distance_m"] == 3_000_000
    assert lead.figures["greatest_drac_mps2"] == pytest.approx(4.0**2 / (2 * (26 - 12)))
    times = [state.time_us * 1e-6 for state in log]
    tracks = ([footprint(state, key) for state in log] for key in (EGO, WALKER))
    assert walker.figures["pet_s"] == pytest.approx(post_encroachment_s(*tracks, times))
    assert walker.figures["encroachment_s"] == pytest.approx((1.8 + 0.5) / 2, abs=0.1)
    assert "tet_s" not in lead.figures
    assert walker.to_json()["role"] == "walker"


def test_who_has_fallen_takes_up_the_ground_that_the_body_lies_on() -> None:
    log = states()
    for state in log[30:]:
        state.actors[WALKER].world_from_actor[:3, :3] = [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]
    of_walker = [m for m in measure(log, EGO, ()).measurements if m.other_id == WALKER]
    found = {m.time_us: m.value for m in of_walker if m.metric == "distance_m"}

    for state in log:
        mine, theirs = (as_it_lies(state, actor_id) for actor_id in (EGO, WALKER))
        assert found[state.time_us] == pytest.approx(distance_m(mine, theirs), abs=1e-9)
    assert as_it_lies(log[-1], WALKER).half_m == pytest.approx([0.25, 0.9])


def test_a_run_of_one_frame_can_be_measured() -> None:
    assert measure(states(0.0), EGO, ()).pairs[1].figures["least_distance_m"] == pytest.approx(26.0)
