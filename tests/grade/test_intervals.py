"""Intervals hold the truth as often as they say, because scenes are drawn anew and not samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.grade import telling
from av_synth.grade.matching import Detections, Objects
from av_synth.grade.precision import AveragePrecision, of_coco, of_nuscenes
from av_synth.grade.resampling import drawn, interval
from av_synth.grade.telling import Matched, told

TRUTH = 2 / 3


def covered(scenes: int, trials: int = 400) -> tuple[float, float]:
    """How often the truth is in the interval, and in one that takes objects of a scene for independent."""
    rng = np.random.default_rng(5)
    weights = drawn(scenes, 600, seed=0)
    ours = naive = 0
    for _ in range(trials):
        objects = rng.integers(1, 16, scenes)
        found = rng.binomial(objects, rng.beta(2, 1, scenes))  # some scenes are hard, as a whole
        share = float(found.sum() / objects.sum())
        low, high = interval(share, (weights @ found) / (weights @ objects), scenes)
        ours += low <= TRUTH <= high
        naive += abs(share - TRUTH) <= 1.96 * math.sqrt(share * (1 - share) / objects.sum())
    return ours / trials, naive / trials


def test_of_twenty_scenes_the_truth_is_in_ninety_five_intervals_of_a_hundred() -> None:
    ours, naive = covered(20)
    assert 0.92 <= ours <= 0.975
    assert naive < 0.8


def test_of_the_fewest_scenes_that_are_ranked_it_is_in_nine_of_ten() -> None:
    assert covered(5)[0] >= 0.88
    assert covered(3)[0] < 0.85


@pytest.mark.parametrize(("share", "scenes", "low", "high"), [(1.0, 1, 0.207, 1.0), (0.0, 10, 0.0, 0.278)])
def test_where_all_scenes_agree_each_is_one_trial(share: float, scenes: int, low: float, high: float) -> None:
    """Wilson's intervals, as tables have them."""
    assert interval(share, np.full(100, share), scenes) == pytest.approx((low, high), abs=1e-3)


def test_one_scene_tells_of_itself_alone_however_much_its_parts_differ() -> None:
    low, high = interval(0.5, np.array([0.5, 0.5, np.nan]), 1)
    assert high - low > 0.8


@pytest.mark.parametrize("average_precision", [of_nuscenes, of_coco])
def test_a_detection_of_no_weight_is_not_there_and_one_of_two_is_there_twice(
    average_precision: AveragePrecision,
) -> None:
    right = np.array([False, True, True, False, True, False, True])

    def of(*weights: int) -> float:
        (found,) = average_precision(right, np.array([weights], dtype=float), np.array([6.0]))
        listed = np.repeat(right, weights)
        (one_by_one,) = average_precision(listed, np.ones((1, len(listed))), np.array([6.0]))
        assert found == pytest.approx(one_by_one, abs=1e-12 if max(weights) == 1 else 0.03)
        return float(found)

    assert of(0, 1, 1, 1, 1, 1, 1) > of(1, 1, 1, 1, 1, 1, 1) > of(1, 1, 0, 1, 1, 0, 1) > 0.1
    assert of(0, 0, 2, 1, 1, 2, 1) > 0.2
    assert average_precision(np.array([True]), np.zeros((1, 1)), np.array([2.0])).tolist() == [0.0]


def test_the_score_of_the_best_f1_counts_all_detections_that_have_it() -> None:
    """The second right one has the score of three wrong ones, which come behind it."""
    none = np.zeros(5, dtype=np.int64)
    objects = Objects(none[:2], none[:2], np.zeros((0, 2), dtype=np.int64))
    said = np.array([[0, 1, -1, -1, -1]])
    detections = Detections(none, none, np.array([0.9, 0.5, 0.5, 0.5, 0.5]), np.zeros((0, 5), dtype=np.int64), said)
    matched = Matched(objects, detections, scenes=1, counted=0, average_precision=of_coco)
    grades = told(matched, (), 1, None, per_class=False, score=None, draws=2, seed=0)
    assert grades.scores == {"car": 0.9}
    assert (grades.overall.found, grades.overall.wrong) == (1, 0)


@pytest.mark.parametrize("average_precision", [of_nuscenes, of_coco])
def test_more_detections_than_a_piece_of_work_holds_are_graded_alike(
    average_precision: AveragePrecision, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = np.zeros(6, dtype=np.int64)
    objects = Objects(none, np.arange(6), np.zeros((0, 6), dtype=np.int64))
    said = np.array([[0, -1, 2, 3, -1, 5]])
    detections = Detections(none, np.arange(6), np.linspace(0.9, 0.4, 6), np.zeros((0, 6), dtype=np.int64), said)
    matched = Matched(objects, detections, scenes=6, counted=0, average_precision=average_precision)
    at_once = told(matched, (), 6, None, per_class=True, score=None, draws=20, seed=0)
    monkeypatch.setattr(telling, "_LARGEST", 5)

    assert told(matched, (), 6, None, per_class=True, score=None, draws=20, seed=0) == at_once
