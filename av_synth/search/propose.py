"""Which draws are tried: first a Sobol design, then those that a model of what was seen gives the best chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.scenario import designs
from av_synth.search.space import Space
from av_synth.search.target import METRICS, Condition, Target

BLOCK = 16  # draws that are proposed at once; a block knows what came of all before the last one
DESIGN = 64  # draws of the Sobol design
_POOL = 512  # draws that a block is chosen from
_EXPLORED = 4  # every so manieth draw of a block is any of the pool: models can be wrong
_RIDGE = 1e-3  # keeps the fit from chasing single draws
_LEAST_SHARE = 0.05  # a draw whose chance is below this share of the pool's best is not worth its variety


@dataclass(frozen=True)
class Seen:
    """What came of a draw: its position (D,), and the value of each condition's metric (M,)."""

    position: Array
    values: Array


class Proposer:
    """Proposes blocks of draws; what it proposes depends on what it is shown, the seed and the block's number alone."""

    def __init__(self, space: Space, target: Target, seed: int, near: float) -> None:
        """Search a space; two draws nearer to each other than `near` are not both proposed."""
        self._space, self._target, self._seed, self._near = space, target, seed, near
        design = designs.sobol(space.scenario, DESIGN, seed).points
        self._design = [list(design[start : start + BLOCK]) for start in range(0, len(design), BLOCK)]

    def block(self, number: int, seen: Sequence[Seen], tried: Sequence[Array]) -> list[designs.Point]:
        """The draws of a block.

        Args:
            number: of the block, from 0.
            seen: what came of draws so far.
            tried: positions (D,) of all that were proposed so far.
        """
        if number < len(self._design):
            return self._design[number]
        pool = list(designs.sobol(self._space.scenario, _POOL, self._seed + 7919 * (number + 1)).points)
        positions = np.stack([self._space.position(point) for point in pool])
        score = self._chances(positions, seen) if seen else np.ones(len(pool))
        known = [*tried]
        room = (
            np.min([self._space.apart(positions, one) for one in known], axis=0) if known else np.full(len(pool), 1.0)
        )
        chosen: list[designs.Point] = []
        for place in range(min(BLOCK, len(pool))):
            # likely ones first; of those that are alike likely, what is unlike everything tried
            worth = np.where(score >= _LEAST_SHARE * score.max(), score * np.minimum(room, 0.5), 0.0)
            worth = np.where(room < self._near, 0.0, room if place % _EXPLORED == _EXPLORED - 1 else worth)
            best = int(np.argmax(worth))
            if worth[best] <= 0.0:  # nothing new is left that is likely: any that is new
                best = int(np.argmax(room))
            chosen.append(pool[best])
            room = np.minimum(room, self._space.apart(positions, positions[best]))
        return chosen

    def _chances(self, positions: Array, seen: Sequence[Seen]) -> Array:
        """(N,) chance of each position (N, D) to reach the target, each condition by itself.

        A quadratic model of each metric, fitted to what was seen, whose errors are taken as normal.
        """
        design = self._space.features(np.stack([one.position for one in seen]))
        asked = self._space.features(positions)
        normal = design.T @ design + _RIDGE * len(seen) * np.eye(design.shape[1])
        chance = np.ones(len(positions))
        for number, condition in enumerate(self._target.conditions):
            values = np.minimum([one.values[number] for one in seen], METRICS[condition.metric].most)
            fit = np.linalg.solve(normal, design.T @ values)
            spread = float(np.sqrt(np.mean((values - design @ fit) ** 2)))
            chance *= _within(condition, asked @ fit, max(spread, 1e-3 * METRICS[condition.metric].most))
        return chance


def _within(condition: Condition, mean: Array, sd: float) -> Array:
    high = np.array([_normal_cdf((condition.high - value) / sd) for value in mean.tolist()])
    low = np.array([_normal_cdf((condition.low - value) / sd) for value in mean.tolist()])
    return high - low


def _normal_cdf(value: float) -> float:
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
