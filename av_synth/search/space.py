"""The space that a search moves in: a scenario's free parameters, each from 0 to 1, and how far draws are apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.expressions import Value
from av_synth.scenario.scenario import Scenario
from av_synth.search.target import METRICS, Target

_HALVINGS = 20  # of 0 to 1, to find the fraction of a value


@dataclass(frozen=True)
class Space:
    """The parameters of a scenario that are not given by hand and can have more than one value."""

    scenario: Scenario
    names: tuple[str, ...]

    @staticmethod
    def of(scenario: Scenario, fixed: Mapping[str, str]) -> Space:
        """Of a scenario of which some parameters are given."""
        free = [name for name in scenario.parameters if name not in fixed]
        return Space(scenario, tuple(name for name in free if _many(scenario.parameters[name])))

    def position(self, values: Mapping[str, Value]) -> Array:
        """(D,) fractions of the parameters' distributions; of a choice its number."""
        return np.array([_fraction(self.scenario.parameters[name], values[name]) for name in self.names])

    @property
    def chosen(self) -> Array:
        """(D,) 1 for parameters whose values have no order, 0 for numbers."""
        return np.array([float(_unordered(self.scenario.parameters[name])) for name in self.names])

    def features(self, positions: Array) -> Array:
        """(N, F) of (N, D): a constant, each number and its square, and each choice as zeros and a one."""
        columns = [np.ones(len(positions))]
        for column, name in zip(positions.T, self.names, strict=True):
            distribution = self.scenario.parameters[name]
            if _unordered(distribution):
                columns += [column == number for number in range(1, len(distribution.values or ()))]
            else:
                columns += [column - 0.5, (column - 0.5) ** 2]
        return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)

    def apart(self, positions: Array, one: Array) -> Array:
        """(N,) root mean square difference of positions (N, D) from one (D,); another choice counts 1."""
        if not self.names:
            return np.zeros(len(positions))
        difference = np.abs(positions - one)
        difference = np.where(self.chosen > 0.0, (difference > 0.0).astype(float), difference)
        return np.asarray(np.sqrt((difference**2).mean(axis=1)))


def outcome(target: Target, measured: Mapping[str, float]) -> Array:
    """(M,) where a run came out: each metric of the target as a share of the range asked for, or of all it can be."""
    found = []
    for condition in target.conditions:
        width = condition.high - condition.low
        most = METRICS[condition.metric].most
        found.append(min(measured[condition.metric], most) / (width if math.isfinite(width) and width > 0 else most))
    return np.array(found)


def effective_count(space: Space, positions: Sequence[Array], near: float) -> float:
    """How many different draws these are, 1 to N: near-copies count once.

    The exponential of the entropy of the eigenvalues of the similarities, exp(-(distance / near)^2), over N.
    Source: D. Friedman, A. B. Dieng, The Vendi Score, Transactions on Machine Learning Research, 2023.
    """
    if not positions:
        return 0.0
    stacked = np.stack(positions)
    similar = np.stack([np.exp(-((space.apart(stacked, one) / near) ** 2)) for one in stacked])
    shares = np.linalg.eigvalsh(similar / len(stacked))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _many(distribution: Distribution) -> bool:
    if distribution.values is not None:
        return len(distribution.values) > 1
    limits = distribution.limits
    return limits is None or limits[0] < limits[1]


def _unordered(distribution: Distribution) -> bool:
    return distribution.values is not None and any(isinstance(value, str | bool) for value in distribution.values)


def _fraction(distribution: Distribution, value: Value) -> float:
    if distribution.values is not None:
        values = list(distribution.values)
        number = values.index(value)
        return float(number) if _unordered(distribution) else number / max(len(values) - 1, 1)
    if distribution.uniform is not None:
        low, high = distribution.uniform
        return (float(value) - low) / (high - low)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(distribution.at(middle)) < float(value) else (low, middle)
    return (low + high) / 2.0
