"""The devkit's prediction challenge finds our agents, follows them, and scores a perfect prediction with no error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nuscenes.eval.prediction.compute_metrics import compute_metrics
from nuscenes.eval.prediction.config import PredictionConfig
from nuscenes.eval.prediction.metrics import MinADEK, MinFDEK, MissRateTopK, RowMean
from nuscenes.eval.prediction.splits import get_prediction_challenge_split
from nuscenes.prediction import PredictHelper
from nuscenes.prediction.models.physics import ConstantVelocityHeading

from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, THINGS, build_run

LIDAR = tuple(s for s in SENSORS if s.channel == "LIDAR_TOP")
KEYFRAMES = 16  # so that two samples have two before them and twelve after


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prediction")
    long = [build_run(root / "store", seed, sensors=LIDAR, last_frame=10 * (KEYFRAMES - 1)) for seed in range(2)]
    return export([*long, build_run(root / "store", 2, sensors=LIDAR)], root / "dataset", profile="compat")


@pytest.fixture(scope="module")
def helper(dataset: Path) -> PredictHelper:
    return PredictHelper(oracles.load(dataset, "v1.0-mini"))


def agents(dataset: Path) -> list[tuple[str, ...]]:
    """(instance, sample) of both splits."""
    tokens = [token for split in ("mini_train", "mini_val") for token in get_prediction_challenge_split(split, dataset)]
    return [tuple(token.split("_")) for token in tokens]


def predictions(helper: PredictHelper, dataset: Path, shift_m: float = 0.0) -> list[dict[str, Any]]:
    futures = {agent: helper.get_future_for_agent(*agent, 6, in_agent_frame=False) for agent in agents(dataset)}
    return [
        {
            "instance": instance,
            "sample": sample,
            "prediction": (future[None] + shift_m).tolist(),
            "probabilities": [1.0],
        }
        for (instance, sample), future in futures.items()
    ]


def scores(helper: PredictHelper, found: list[dict[str, Any]]) -> dict[str, float]:
    metrics = [MinADEK([1], [RowMean()]), MinFDEK([1], [RowMean()]), MissRateTopK([1], [RowMean()])]
    result = compute_metrics(found, helper, PredictionConfig(metrics, seconds=6, frequency=2))
    return {name: means["RowMean"][0] for name, means in result.items()}


def test_listed_are_the_vehicles_that_move_with_all_of_their_past_and_future(
    dataset: Path, helper: PredictHelper
) -> None:
    moving = [thing for thing in THINGS if thing.category.startswith("vehicle.") and thing.speed_mps]
    found = agents(dataset)
    assert len(found) == 2 * 2 * len(moving) == 16
    names = {helper.data.get("instance", instance)["category_token"] for instance, _ in found}
    assert {helper.data.get("category", name)["name"] for name in names} == {thing.category for thing in moving}
    for instance, sample in found:
        assert helper.get_future_for_agent(instance, sample, 6, in_agent_frame=True).shape == (12, 2)
        assert helper.get_past_for_agent(instance, sample, 1, in_agent_frame=True).shape == (2, 2)
        assert np.isfinite(helper.get_velocity_for_agent(instance, sample))
        assert np.isfinite(helper.get_acceleration_for_agent(instance, sample))


def test_a_perfect_prediction_has_no_error_and_a_wrong_one_has_its_own(dataset: Path, helper: PredictHelper) -> None:
    assert set(scores(helper, predictions(helper, dataset)).values()) == {0.0}
    wrong = scores(helper, predictions(helper, dataset, 3.0))
    assert wrong == pytest.approx({"MinADEK": 3 * 2**0.5, "MinFDEK": 3 * 2**0.5, "MissRateTopK_2.0": 1.0})


def test_the_devkits_own_baseline_predicts_who_drives_straight_on(dataset: Path, helper: PredictHelper) -> None:
    baseline = ConstantVelocityHeading(sec_from_now=6, helper=helper)
    errors = scores(helper, [baseline("_".join(agent)).serialize() for agent in agents(dataset)])
    assert errors["MinADEK"] < 0.01


def test_a_run_shorter_than_a_prediction_lists_nobody(dataset: Path) -> None:
    listed = json.loads((dataset / "maps/prediction/prediction_scenes.json").read_text())
    assert sorted(map(len, listed.values())) == [0, 8, 8]
