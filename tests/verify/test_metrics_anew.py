"""The verifier's own metrics against the product's, which share no code: what is true passes, what is off does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.metrics import (
    Footprint,
    deceleration_to_avoid_crash_mps2,
    distance_m,
    headway_s,
    required_deceleration_mps2,
    time_to_collision_s,
)
from av_synth.verify.rows.criticality import Body, problems

METRICS = {
    "distance_m": distance_m,
    "ttc_s": time_to_collision_s,
    "drac_mps2": deceleration_to_avoid_crash_mps2,
    "required_deceleration_mps2": required_deceleration_mps2,
    "headway_s": headway_s,
}


def told(ego: Footprint, other: Footprint) -> dict[str, float]:
    values = {name: metric(ego, other) for name, metric in METRICS.items()}
    return {name: v for name, v in values.items() if math.isfinite(v) and not (v == 0.0 and name.endswith("mps2"))}


def body(box: Footprint) -> Body:
    rotation = [math.cos(box.yaw_rad / 2), 0.0, 0.0, math.sin(box.yaw_rad / 2)]
    size = [2 * box.half_m[1], 2 * box.half_m[0], 1.5]
    return Body.of([*box.centre_m, 0.75], rotation, size, [*box.velocity_mps, 0.0])


def car(x: float, y: float, yaw: float, speed: float, half: tuple[float, float] = (2.0, 0.9)) -> Footprint:
    return Footprint(np.array([x, y]), yaw, np.array(half), 0.0, 1.5, speed * np.array([math.cos(yaw), math.sin(yaw)]))


others = st.builds(
    car,
    st.floats(-40, 40),
    st.floats(-12, 12),
    st.floats(-4, 4),
    st.floats(0, 12),
    st.sampled_from([(2.0, 0.9), (0.3, 0.3), (6.0, 1.3)]),
)


@settings(max_examples=80)
@given(others, st.floats(-3, 3), st.floats(0, 20))
def test_what_the_product_measures_is_true_to_the_verifier(other: Footprint, yaw: float, speed: float) -> None:
    ego = car(0.0, 0.0, yaw, speed)
    assert problems(told(ego, other), body(ego), body(other), METRICS) == []


def test_who_has_fallen_is_measured_by_the_ground_that_the_body_lies_on() -> None:
    over = [math.cos(math.pi / 4), math.sin(math.pi / 4), 0.0, 0.0]  # to the right
    fallen = Body.of([0.0, 3.0, 0.3], over, [0.6, 0.5, 1.8], [0.0, 0.0, 0.0])
    ego, lies, stands = car(0, 0, 0, 10), car(0, 3, 0, 0, (0.25, 0.9)), car(0, 3, 0, 0, (0.25, 0.3))

    assert problems(told(ego, lies), body(ego), fallen, METRICS) == []
    assert problems(told(ego, stands), body(ego), fallen, METRICS) != []


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_that_is_off_is_found(metric: str) -> None:
    ego, lead = car(0, 0, 0.3, 15), car(24 * math.cos(0.3), 24 * math.sin(0.3), 0.3, 5)
    true = told(ego, lead)
    assert set(true) == set(METRICS)
    for factor in (0.8, 1.25):
        found = problems({**true, metric: factor * true[metric]}, body(ego), body(lead))
        assert len(found) == 1
        assert metric in found[0]


def test_a_metric_that_is_left_out_is_missed_where_it_is_measured() -> None:
    ego, lead = car(0, 0, 0.3, 15), car(24 * math.cos(0.3), 24 * math.sin(0.3), 0.3, 5)
    true = told(ego, lead)
    for metric in ("ttc_s", "drac_mps2", "headway_s"):
        left = {name: value for name, value in true.items() if name != metric}
        assert any(metric in found for found in problems(left, body(ego), body(lead), METRICS))
    assert problems({"distance_m": true["distance_m"], "ttc_s": true["ttc_s"]}, body(ego), body(lead)) == []
