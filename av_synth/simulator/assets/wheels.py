"""Where the wheels of a model are: they are turned straight ahead, and stay round when a body's box is filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers

_BESIDE = 0.04  # of its radius: how far what belongs to a wheel stands out of its tyre
_STEERED_RAD = np.radians([4.0, 50.0])  # from where to where a wheel is steered, and not just roughly modelled
_NEAR_GROUND = 0.2  # of the height of a model: what of rubber begins higher is no tyre
_NARROWER = 0.9  # so much less room does a tyre take across when it is turned straight
_LEVEL = 0.15  # an axle rises less than this


@dataclass(frozen=True)
class Wheel:
    """A wheel or a pair of them: its middle (3,), its radius, and from where to where it is along y."""

    hub: Array
    radius: float
    low_y: float
    high_y: float


def find(points: Array, tyres: Integers) -> list[Wheel]:
    """The wheels of a model that stands on the ground, by its triangles `tyres` (N, 3); from rear to front."""
    tyres = _standing(points, tyres)
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


def straightened(points: Array, tyres: Integers) -> Array:
    """The points (P, 3) of a model, its wheels turned straight ahead if it shows them steered.

    Args:
        points: of a model that stands on the ground.
        tyres: (N, 3), its triangles that are tyres.
    """
    of_tyres = points[np.unique(_standing(points, tyres))]
    turned = []
    for wheel in find(points, tyres):
        mine = (np.abs(of_tyres[:, 0] - wheel.hub[0]) <= 1.01 * wheel.radius) & (of_tyres[:, 1] >= wheel.low_y - 1e-6)
        tyre = of_tyres[mine & (of_tyres[:, 1] <= wheel.high_y + 1e-6)]
        # a ring is thinnest along its axle
        axle = np.linalg.svd(tyre - tyre.mean(axis=0), full_matrices=False)[2][-1]
        axle = axle * np.sign(axle[1])
        turn = float(np.arctan2(axle[0], axle[1]))
        if abs(axle[2]) > _LEVEL or not _STEERED_RAD[0] < abs(turn) < _STEERED_RAD[1]:
            continue
        c, s = np.cos(turn), np.sin(turn)
        straight = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        ahead = (points - wheel.hub) @ straight.T
        reach = np.abs((tyre - wheel.hub) @ straight.T)
        if reach[:, 1].max() > _NARROWER * (wheel.high_y - wheel.low_y) / 2:
            continue
        near = np.abs(ahead[:, 1]) <= reach[:, 1].max() + _BESIDE * wheel.radius
        near &= np.hypot(ahead[:, 0], ahead[:, 2]) <= 1.01 * np.hypot(reach[:, 0], reach[:, 2]).max()
        turned.append((wheel, near, ahead))
    moved = points.copy()
    for wheel, near, ahead in turned:
        # steering takes one wheel of an axle as far ahead as the other back
        beside = [other.hub[0] for other, _, _ in turned if abs(other.hub[0] - wheel.hub[0]) < wheel.radius]
        moved[near] = [np.mean(beside), *wheel.hub[1:]] + ahead[near]
    return moved


def _standing(points: Array, tyres: Integers) -> Integers:
    """Those of the triangles (N, 3) that hang together with what is near the ground: no seals around windows."""
    if not len(tyres):
        return tyres
    piece = np.arange(len(points))
    while True:
        before = piece.copy()
        least = piece[tyres].min(axis=1)
        for corner in range(3):
            np.minimum.at(piece, tyres[:, corner], least)
        piece = piece[piece]
        if np.array_equal(piece, before):
            break
    lowest = np.full(len(points), np.inf)
    np.minimum.at(lowest, np.repeat(piece[tyres[:, 0]], 3), points[tyres.reshape(-1), 2])
    return tyres[lowest[piece[tyres[:, 0]]] < _NEAR_GROUND * float(np.ptp(points[:, 2]))]


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
