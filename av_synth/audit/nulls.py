"""Chance: how far figures go by luck alone, so that two batches of one kind raise no alarm.

Scenes are what chance deals: samples of one scene are alike, so nothing smaller is exchangeable. All alarms of one kind
together are wrong once in 1 / `ALPHA` datasets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ALPHA = 0.005
RELABELLINGS = 4999
"""Of scenes: the least probability they can show is 1 / 5000, which a dozen slices at once need of Holm."""

_LEAST_SHARE = 0.5  # of a thing or sample that PSI takes to be under a value where there is none


def relabelled(rng: np.random.Generator, scenes: int, first: int, count: int = RELABELLINGS) -> Array:
    """Scenes put into a first batch at random.

    Args:
        rng: of chance.
        scenes: in all.
        first: of them in the first batch.
        count: how often.

    Returns:
        (count, scenes) float64: 1 for those in the first batch.
    """
    rows = np.zeros((count, scenes))
    for row in rows:
        row[rng.permutation(scenes)[:first]] = 1.0
    return rows


def p_value(observed: float, by_chance: Array) -> float:
    """The share of chance's figures (N,) that are as large, the observed one among them (Phipson and Smyth 2010)."""
    return float((1 + np.count_nonzero(by_chance >= observed - 1e-12)) / (1 + len(by_chance)))


def holm(found: Sequence[float]) -> list[float]:
    """Probabilities corrected for how many there are (Holm 1979)."""
    order = sorted(range(len(found)), key=found.__getitem__)
    corrected, least = [1.0] * len(found), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, found[index] * (len(found) - rank)))
        corrected[index] = least
    return corrected


def all_of_one_kind(drawn: int, kind: int, everything: int) -> float:
    """The probability that so many, drawn from everything without putting back, are all of one kind."""
    if drawn > kind:
        return 0.0
    return math.exp(sum(math.log((kind - k) / (everything - k)) for k in range(drawn)))


def shares(counts: Array) -> Array:
    """Counts (..., values) as shares of their sum; 0 of nothing."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-300)


def entropy_nats(counts: Array) -> Array:
    """Shannon's entropy of counts (..., values), natural logarithm."""
    share = shares(counts)
    return -np.sum(share * np.log(np.where(share > 0.0, share, 1.0)), axis=-1)


def divergence_bits(first: Array, second: Array) -> float:
    """Jensen-Shannon divergence (Lin 1991) of counts (values,), base 2."""
    one, other = shares(first), shares(second)
    mixed = entropy_nats((one + other) / 2.0)
    return float((mixed - (entropy_nats(one) + entropy_nats(other)) / 2.0) / math.log(2.0))


def stability_index(now: Array, before: Array) -> float:
    """Population stability index of counts (values,): above 0.1 something moved, above 0.25 much (Siddiqi 2006)."""
    a, b = shares(np.maximum(now, _LEAST_SHARE)), shares(np.maximum(before, _LEAST_SHARE))
    return float(np.sum((a - b) * np.log(a / b)))


def association(tables: Array) -> Array:
    """Cramer's V (1946) of tables (..., rows, columns) of counts: 0 independent, 1 each tells the other."""
    total = tables.sum(axis=(-1, -2), keepdims=True)
    expected = tables.sum(axis=-1, keepdims=True) * tables.sum(axis=-2, keepdims=True) / np.maximum(total, 1.0)
    chi2 = np.sum(np.where(expected > 0.0, (tables - expected) ** 2 / np.maximum(expected, 1e-300), 0.0), axis=(-1, -2))
    least = min(tables.shape[-1], tables.shape[-2]) - 1
    return np.sqrt(chi2 / np.maximum(total[..., 0, 0] * least, 1e-300))
