"""Prediction scenes: who is listed, and who is not."""

from __future__ import annotations

import pytest

from av_synth.export.nuscenes.names import RunNames, category
from av_synth.export.nuscenes.prediction import prediction_tokens
from av_synth.export.rows import Row

NAMES = RunNames("0" * 20)


def listed(
    kind: str = "vehicle.car", speed_mps: float = 5.0, without: tuple[int, ...] = (), period_us: int = 500_000
) -> list[int]:
    """Samples, of twenty, at which one actor is listed."""
    keyframes = {10 * index: period_us * index for index in range(20)}
    instances: list[Row] = [{"token": NAMES.instance(7), "category_token": category(kind)}]
    annotations: list[Row] = [
        {
            "instance_token": NAMES.instance(7),
            "sample_token": NAMES.sample(frame),
            "translation": [speed_mps * time_us * 1e-6, 3.0, 0.8],
        }
        for index, (frame, time_us) in enumerate(keyframes.items())
        if index not in without
    ]
    found = prediction_tokens(NAMES, keyframes, instances, annotations)
    samples = [f"{NAMES.instance(7)}_{NAMES.sample(frame)}" for frame in keyframes]
    return [samples.index(token) for token in found]


def test_a_vehicle_that_moves_is_listed_where_a_second_precedes_and_six_follow() -> None:
    assert listed() == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("gap", "left"), [(0, [3, 4, 5, 6, 7]), (2, [5, 6, 7]), (17, [2, 3, 4]), (9, [])])
def test_a_gap_in_the_annotations_leaves_nothing_to_compare(gap: int, left: list[int]) -> None:
    assert listed(without=(gap,)) == left


def test_walkers_parked_vehicles_and_other_rates_are_not_listed() -> None:
    assert listed("human.pedestrian.adult") == []
    assert listed(speed_mps=0.1) == []
    assert listed(speed_mps=0.2) == [2, 3, 4, 5, 6, 7]
    assert listed(period_us=250_000) == []
    assert listed(period_us=510_000) == [2, 3, 4, 5, 6, 7]
