"""The limbs of a standing person found in a mesh, so that they can walk: joints, and which bone moves which vertex.

Trunk and head stay as the model holds them, and so do arms that do not hang free. Below the crotch a mesh falls into
what is connected: two legs, and what belongs to one of them, such as a shoe; hands that hang lower than that are of
neither. Below the armpits what lies wholly beside the trunk and is none of a leg is an arm: sleeve and hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers
from av_synth.simulator.assets.recipe import Arms, Legs

BONES = 7
"""Trunk; thigh, shin and foot of the left leg, then of the right."""
ARM_BONES = 4
"""Those that come after them, if an arm swings: upper arm and forearm, left and right."""

_HANGS = 0.28  # of the height: what is below the crotch and begins above this is no part of a leg
_SMOOTHINGS = 6
_BESIDE, _LOWEST_HAND = 0.035, 0.33  # of the height: how far from the middle an arm is, and how far it hangs down

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rig:
    """Limbs of a mesh.

    Attributes:
        joints_m: (3, 2, 3) float32: hips, knees and ankles, left and right; (5, 2, 3) with shoulders and elbows.
        weights: (V, BONES) float32, how much each bone moves a vertex, or (V, BONES + ARM_BONES); each row adds up
            to 1.
    """

    joints_m: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]


def rigged(points: Array, triangles: Integers, legs: Legs, arms: Arms | None, name: str) -> Rig:
    """Find the limbs of a person who looks along +x and stands on z = 0.

    Args:
        points: (V, 3), of the finished look.
        triangles: (T, 3).
        legs: how high its joints are.
        arms: which of them swing, and how high their joints are; None if none does.
        name: of the look, for messages.

    Raises:
        DataError: there are no two legs below the crotch, or no arm that is to swing.
    """
    height, share, weld = _measured(points)
    faces = weld[triangles]
    side = _sides(points, share, faces, weld, legs, name)
    low = side != 0
    joints = np.zeros((3, 2, 3))
    waist = points[_reached(faces, weld, low, share < legs.hip + 0.03) & (np.abs(share - legs.hip) < 0.03)]
    middle_x = float(np.median(waist[:, 0])) if len(waist) else float(np.median(points[:, 0]))
    for k, sign in enumerate((1, -1)):
        leg = triangles[(side == sign)[triangles].all(axis=1)]
        top = _middle_at(points, leg, (legs.crotch - 0.03) * height)
        joints[0, k] = [middle_x, top[1], legs.hip * height]
        joints[1, k] = _middle_at(points, leg, legs.knee * height)
        joints[2, k] = _middle_at(points, leg, legs.ankle * height)
    near = _reached(faces, weld, low, share < legs.hip + 0.05)
    weights = _weights(points, side, near, joints, height, legs)
    weights = _smoothed(weights, faces, weld, near)
    if arms is not None:
        shoulders, elbows, weights = _with_arms(points, faces, weld, arms, weights, name)
        joints = np.concatenate([joints, shoulders[None], elbows[None]])
    return Rig(joints.astype(np.float32), weights.astype(np.float32))


def hanging(points: Array, triangles: Integers, arms: Arms) -> Flags:
    """Triangles (T,) of what hangs below the armpits of the arms that swing; arguments as of `rigged`."""
    _, share, weld = _measured(points)
    labels = _components(weld[triangles], weld, share < arms.armpit)
    found = np.zeros(len(points), dtype=bool)
    for word in arms.swing:
        found |= _arm(labels, share, _aside(points, word), arms.armpit)
    return np.asarray(found[triangles].all(axis=1))


def _measured(points: Array) -> tuple[float, Array, Integers]:
    """The height of a person, how high each point (V, 3) is, as a share of that, and a number (V,) for each place."""
    height = max(float(np.ptp(points[:, 2])), 1e-9)
    _, place = np.unique(np.round(points / height * 2e4), axis=0, return_inverse=True)
    return height, points[:, 2] / height, np.asarray(place, dtype=np.int64).reshape(-1)


def _aside(points: Array, word: str) -> Array:
    """How far points (V, 3) are on a side of the middle, as shares of the height."""
    sign = 1.0 if word == "left" else -1.0
    return np.asarray((points[:, 1] - np.median(points[:, 1])) * sign / np.ptp(points[:, 2]))


def _with_arms(
    points: Array, faces: Integers, weld: Integers, arms: Arms, weights: Array, name: str
) -> tuple[Array, Array, Array]:
    """Shoulders and elbows (2, 3), zero where an arm stays, and the weights (V, BONES + ARM_BONES)."""
    height = float(np.ptp(points[:, 2]))
    share = points[:, 2] / height
    shoulders, elbows = np.zeros((2, 3)), np.zeros((2, 3))
    weights = np.concatenate([weights, np.zeros((len(points), ARM_BONES))], axis=1)
    moved = np.zeros(len(points), dtype=bool)
    labels = _components(faces, weld, share < arms.armpit)
    for k, word in enumerate(("left", "right")):
        if word not in arms.swing:
            continue
        aside = _aside(points, word)
        arm = _arm(labels, share, aside, arms.armpit)
        top = arm & (share > arms.armpit - 0.04)
        if not top.any():
            raise DataError(
                f"{name}: below its armpit at {arms.armpit} of its height no {word} arm hangs free; see `arms`"
            )
        shoulders[k] = [*_middle_of(points[top])[:2], arms.shoulder * height]
        bent = arm & (np.abs(share - arms.elbow) < 0.03)
        elbows[k] = [*_middle_of(points[bent if bent.any() else top])[:2], arms.elbow * height]
        inner, outer = float(aside[top].min()), float(aside[top].mean())
        above = (share >= arms.armpit) & (share < arms.shoulder + 0.05) & (aside > inner)
        fades = _ramp(aside, inner, outer) * (1.0 - _ramp(share, arms.shoulder - 0.03, arms.shoulder + 0.05))
        much = np.where(arm, 1.0, np.where(above, fades, 0.0))
        lower = 1.0 - _ramp(share, arms.elbow - 0.035, arms.elbow + 0.035)
        weights *= (1.0 - much)[:, None]
        weights[:, BONES + 2 * k] += much * (1.0 - lower)
        weights[:, BONES + 2 * k + 1] += much * lower
        moved |= arm | above
    return shoulders, elbows, _smoothed(weights, faces, weld, moved)


def _arm(labels: Integers, share: Array, aside: Array, armpit: float) -> Flags:
    """Vertices (V,) of pieces below the armpit that lie on one side alone, where no leg is."""
    below = share < armpit
    return np.isin(
        labels,
        [
            number
            for number in np.unique(labels[below & (aside > _BESIDE)])
            if aside[(labels == number) & below].min() > _BESIDE
            and share[(labels == number) & below].min() > _LOWEST_HAND
        ],
    ) & np.asarray(below, dtype=bool)


def _middle_of(points: Array) -> Array:
    """Of the box around points (N, 3)."""
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2)


def _middle_at(points: Array, triangles: Integers, z: float) -> Array:
    """Middle (3,) of the box around where triangles cross a height; of their points nearest to it if none does."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    across = (a[:, 2] - z) * (b[:, 2] - z) < 0
    a, b = a[across], b[across]
    cut = a + (b - a) * ((z - a[:, 2]) / (b[:, 2] - a[:, 2]))[:, None]
    if not len(cut):
        corners = points[np.unique(triangles)]
        cut = corners[np.argsort(np.abs(corners[:, 2] - z), kind="stable")[:12]]
    middle = (cut.min(axis=0) + cut.max(axis=0)) / 2
    return np.array([middle[0], middle[1], z])


def _components(faces: Integers, weld: Integers, inside: Flags) -> Integers:
    """Number (V,) of the connected piece of each vertex, with edges between vertices (V,) `inside` only."""
    count = int(weld.max()) + 1
    within = np.zeros(count, dtype=bool)
    within[weld[inside]] = True
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    a, b = edges[within[edges].all(axis=1)].T
    labels = np.arange(count)
    while True:  # the least number of each piece spreads along edges, and by what it has reached already
        before = labels.copy()
        least = np.minimum(labels[a], labels[b])
        np.minimum.at(labels, a, least)
        np.minimum.at(labels, b, least)
        labels = labels[labels]
        if np.array_equal(labels, before):
            return labels[weld]


def _reached(faces: Integers, weld: Integers, start: Flags, inside: Flags) -> Flags:
    """Vertices (V,) that are connected to `start` without leaving `inside`."""
    labels = _components(faces, weld, inside)
    return np.isin(labels, np.unique(labels[start & inside])) & inside


def _sides(points: Array, share: Array, faces: Integers, weld: Integers, legs: Legs, name: str) -> Integers:
    """Of what leg (V,) each vertex below the crotch is: 1 left, -1 right, 0 of none."""
    below = share < legs.crotch
    labels = _components(faces, weld, below)
    side = np.zeros(len(points), dtype=np.int64)
    numbers = [number for number in np.unique(labels[below]) if share[(labels == number) & below].min() < _HANGS]
    tall = [n for n in numbers if np.ptp(share[(labels == n) & below]) > 0.3 * legs.crotch]
    if not tall:
        raise DataError(f"{name}: below its crotch at {legs.crotch} of its height is no leg; see `legs`")
    middle = float(np.mean([np.median(points[(labels == n) & below, 1]) for n in tall]))
    for number in numbers:
        mine = (labels == number) & below
        side[mine] = 1 if np.median(points[mine, 1]) > middle else -1
    if not (side > 0).any() or not (side < 0).any():
        raise DataError(
            f"{name}: its legs are one piece below its crotch at {legs.crotch} of its height; lower `crotch` in `legs`"
        )
    return side


def _ramp(value: Array, low: float, high: float) -> Array:
    """0 below, 1 above, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _weights(points: Array, side: Integers, near: Flags, joints: Array, height: float, legs: Legs) -> Array:
    share = points[:, 2] / height
    middle = float(joints[0, :, 1].mean())
    reach = max(abs(float(joints[0, 0, 1] - joints[0, 1, 1])), 1e-6)
    left = np.where(side != 0, (side > 0).astype(float), _ramp(points[:, 1] - middle, -0.35 * reach, 0.35 * reach))
    moved = np.where(near, 1.0 - _ramp(share, legs.crotch - 0.03, legs.hip + 0.04), 0.0)
    below_knee = 1.0 - _ramp(share, legs.knee - 0.035, legs.knee + 0.035)
    foot = 1.0 - _ramp(share, legs.ankle - 0.012, legs.ankle + 0.018)
    weights = np.zeros((len(points), BONES))
    for k, mine in enumerate((left, 1.0 - left)):
        first = 1 + 3 * k
        weights[:, first] = moved * mine * (1.0 - below_knee)
        weights[:, first + 1] = moved * mine * below_knee * (1.0 - foot)
        weights[:, first + 2] = moved * mine * foot
    weights[:, 0] = 1.0 - weights[:, 1:].sum(axis=1)
    return weights


def _smoothed(weights: Array, faces: Integers, weld: Integers, near: Flags) -> Array:
    """Weights that no edge tears: each vertex takes part of what its neighbours have; vertices in one place agree."""
    count = int(weld.max()) + 1
    inside = np.zeros(count, dtype=bool)
    inside[weld[near]] = True
    mean = np.zeros((count, weights.shape[1]))
    np.add.at(mean, weld, weights)
    mean /= np.bincount(weld, minlength=count)[:, None]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    degree = np.maximum(np.bincount(edges[:, 0], minlength=count), 1)[:, None]
    for _ in range(_SMOOTHINGS):
        around = np.zeros_like(mean)
        np.add.at(around, edges[:, 0], mean[edges[:, 1]])
        mean[inside] = (0.5 * mean + 0.5 * around / degree)[inside]
    return mean[weld]
