"""Where the wheels of a model are, so that they stay round when a body's box is filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers

_BESIDE = 0.04  # of its radius: how far what belongs to a wheel stands out of its tyre


@dataclass(frozen=True)
class Wheel:
    """A wheel or a pair of them: its middle (3,), its radius, and from where to where it is along y."""

    hub: Array
    radius: float
    low_y: float
    high_y: float


def find(points: Array, tyres: Integers) -> list[Wheel]:
    """The wheels of a model that stands on the ground, by its triangles `tyres` (N, 3); from rear to front."""
    if not len(tyres):
        return []
    low = points[tyres].min(axis=1)
    high = points[tyres].max(axis=1)
    middle_y = (low[:, 1] + high[:, 1]) / 2
    reach = float(np.ptp(points[:, 1]))
    sides = (middle_y > 0.12 * reach, middle_y < -0.12 * reach, np.abs(middle_y) <= 0.12 * reach)
    found = []
    for side in sides:
        for chosen in _runs(low[side, 0], high[side, 0]):
            a, b = low[side][chosen].min(axis=0), high[side][chosen].max(axis=0)
            radius = float(b[0] - a[0]) / 2
            # what is no wheel: a bumper of rubber, or what is not as high as it is long
            if 0.7 < (b[2] - a[2]) / max(b[0] - a[0], 1e-9) < 1.4:
                found.append(Wheel((a + b) / 2, radius, float(a[1]), float(b[1])))
    return sorted(found, key=lambda wheel: (float(wheel.hub[0]), -float(wheel.hub[1])))


def _runs(low: Array, high: Array) -> list[npt.NDArray[np.intp]]:
    """Groups of spans along a line that touch each other."""
    if not len(low):
        return []
    order = np.argsort(low, kind="stable")
    runs, reached = [[int(order[0])]], float(high[order[0]])
    for k in order[1:]:
        if low[k] > reached + 1e-6:
            runs.append([])
        runs[-1].append(int(k))
        reached = max(reached, float(high[k]))
    return [np.array(run) for run in runs]


def membership(wheels: list[Wheel], points: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """The wheel that each of the points (V, 3) is of; -1 for none."""
    found = np.full(len(points), -1, dtype=np.int8)
    for number, wheel in enumerate(wheels):
        beside = _BESIDE * wheel.radius
        near = np.hypot(points[:, 0] - wheel.hub[0], points[:, 2] - wheel.hub[2]) <= 1.01 * wheel.radius
        near &= (points[:, 1] >= wheel.low_y - beside) & (points[:, 1] <= wheel.high_y + beside)
        found[near] = number
    return found
