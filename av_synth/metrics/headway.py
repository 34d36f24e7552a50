"""Headway: how far, and how long, somebody is behind who drives ahead in the same lane."""

from __future__ import annotations

import math

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint
from av_synth.metrics.many import Footprints, strips

STANDING_MPS = 0.1
"""Below this a follower has no headway in seconds."""


def headways_m(followers: Footprints, others: Footprints, corridor_m: float | None = None) -> Array:
    """Clear distance from each follower's front to the nearest face of the other, straight ahead, (*S,), in metres.

    inf where the other is not ahead in the follower's corridor; 0 where the two are level and overlap across it.

    Args:
        followers: those who drive behind; their heading is that of the lane.
        others: those who may be ahead.
        corridor_m: the lane's width; None for that of the follower's box.
    """
    found = strips(followers, others)
    spare = 0.0 if corridor_m is None else corridor_m / 2.0 - followers.half_m[..., 1]
    inside = np.abs(found.offset_m[..., 1]) < found.reach_m[..., 1] + spare
    ahead = found.offset_m[..., 0] > 0.0
    return np.where(inside & ahead, np.maximum(found.offset_m[..., 0] - found.reach_m[..., 0], 0.0), math.inf)


def headways_s(followers: Footprints, others: Footprints, corridor_m: float | None = None) -> Array:
    """`headways_m` over the follower's speed along its heading, (*S,), in seconds; inf for who stands or reverses.

    The time until the follower's front is where the other's rear is now: what SAE J2944 (2015) calls the time gap and
    UN Regulation 157 follows by. Rear to front, not front to front, so that a long leader makes no difference.
    """
    speed = (followers.velocity_mps * followers.axes[..., 0, :]).sum(-1)
    gap = headways_m(followers, others, corridor_m)
    return np.where(speed > STANDING_MPS, gap / np.where(speed > STANDING_MPS, speed, 1.0), math.inf)


def headway_m(follower: Footprint, other: Footprint, corridor_m: float | None = None) -> float:
    """Straight ahead, of one pair; see `headways_m`."""
    return float(headways_m(Footprints.of([follower]), Footprints.of([other]), corridor_m)[0])


def headway_s(follower: Footprint, other: Footprint, corridor_m: float | None = None) -> float:
    """Straight ahead, of one pair; see `headways_s`."""
    return float(headways_s(Footprints.of([follower]), Footprints.of([other]), corridor_m)[0])


def headway_along_m(path_m: Array, follower: Footprint, other: Footprint, corridor_m: float) -> float:
    """As `headway_m`, along a path that bends: by the stations of the boxes' corners on it.

    Args:
        path_m: (N, 2), the middle of the lane in the direction of travel, N at least 2, no two points in a row equal.
        follower: who drives behind, on the path.
        other: who may be ahead.
        corridor_m: the lane's width; the other is in it if any corner is, or if it reaches right across.
    """
    mine, _ = _stations(path_m, follower.corners_m)
    theirs, aside = _stations(path_m, other.corners_m)
    if aside.min() >= corridor_m / 2.0 or aside.max() <= -corridor_m / 2.0 or theirs.mean() <= mine.mean():
        return math.inf
    return max(float(theirs.min() - mine.max()), 0.0)


def _stations(path_m: Array, points_m: Array) -> tuple[Array, Array]:
    """Station along a polyline and offset to its left, (M,) each, of points (M, 2); its ends go on straight."""
    steps = np.diff(path_m, axis=0)
    length = np.hypot(*steps.T)
    ways = steps / length[:, None]
    begins = np.concatenate([[0.0], np.cumsum(length)[:-1]])
    offset = points_m[:, None] - path_m[:-1]
    along = (offset * ways).sum(-1)
    low, high = np.zeros_like(length), length.copy()
    low[0], high[-1] = -math.inf, math.inf
    held = np.clip(along, low, high)
    nearest = np.linalg.norm(offset - held[..., None] * ways, axis=-1).argmin(axis=1)
    rows = np.arange(len(points_m))
    left = ways[nearest, 0] * offset[rows, nearest, 1] - ways[nearest, 1] * offset[rows, nearest, 0]
    return begins[nearest] + held[rows, nearest], left
