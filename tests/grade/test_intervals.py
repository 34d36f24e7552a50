"""Intervals hold the truth as often as they say, because scenes are drawn anew and not samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.grade.precision import of_coco, of_nuscenes
from av_synth.grade.resampling import drawn, interval

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
def test_a_weight_of_two_is_the_same_detection_twice_and_none_is_none(average_precision: object) -> None:
    right = np.array([True, False, True, True, False, True])
    weights = np.array([[0.0, 1.0, 2.0, 1.0, 0.0, 3.0]])
    (weighed,) = average_precision(right, weights, np.array([9.0]))  # type: ignore[operator]
    listed = np.repeat(right, weights[0].astype(int))
    (one_by_one,) = average_precision(listed, np.ones((1, 7)), np.array([9.0]))  # type: ignore[operator]
    assert weighed == pytest.approx(one_by_one, abs=0.02)
    assert weighed > 0.2
