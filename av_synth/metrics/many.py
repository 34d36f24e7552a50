"""Many boxes at once: distance and time to collision of arrays of rectangles, equal to those of single ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import CORNERS, Footprint

STILL_MPS = 1e-9


@dataclass(frozen=True)
class Footprints:
    """Rectangles on the ground, world frame; the leading shape S of all arrays may be anything that broadcasts.

    Attributes:
        centre_m: (*S, 2).
        yaw_rad: (*S,), heading of the long axis.
        half_m: (*S, 2), half of length and width.
        velocity_mps: (*S, 2), of the centre.
    """

    centre_m: Array
    yaw_rad: Array
    half_m: Array
    velocity_mps: Array

    @staticmethod
    def of(boxes: Sequence[Footprint]) -> Footprints:
        """N single ones as arrays (N, ...)."""
        return Footprints(
            np.array([box.centre_m for box in boxes]).reshape(-1, 2),
            np.array([box.yaw_rad for box in boxes], dtype=np.float64),
            np.array([box.half_m for box in boxes]).reshape(-1, 2),
            np.array([box.velocity_mps for box in boxes]).reshape(-1, 2),
        )

    def __getitem__(self, key: Any) -> Footprints:
        """Those at an index of the leading shape, whatever numpy takes."""
        return Footprints(
            self.centre_m[key],
            self.yaw_rad[key],
            self.half_m[key],
            self.velocity_mps[key],
        )

    @property
    def axes(self) -> Array:
        """(*S, 2, 2): unit vectors along length and width, as rows."""
        c, s = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return np.stack([np.stack([c, s], -1), np.stack([-s, c], -1)], -2)

    @property
    def corners_m(self) -> Array:
        """(*S, 4, 2): front left, rear left, rear right, front right."""
        return self.centre_m[..., None, :] + (CORNERS * self.half_m[..., None, :]) @ self.axes


@dataclass(frozen=True)
class Strips:
    """Two rectangles on the four edge normals, a's length and width first, then b's; all (*S, 4).

    They overlap where |offset_m| <= reach_m on all four.

    Attributes:
        reach_m: how far apart centres may be and the projections still touch.
        offset_m: from a's centre to b's.
        rate_mps: how fast the offset grows.
    """

    reach_m: Array
    offset_m: Array
    rate_mps: Array


def strips(a: Footprints, b: Footprints) -> Strips:
    """Project pairs of rectangles on their edge normals (the separating axes; see `boxes.overlap_interval_s`)."""
    turn = b.yaw_rad - a.yaw_rad
    c, s = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    al, aw, bl, bw = a.half_m[..., 0], a.half_m[..., 1], b.half_m[..., 0], b.half_m[..., 1]
    offset, rate = b.centre_m - a.centre_m, b.velocity_mps - a.velocity_mps
    found = np.empty((3, *np.broadcast_shapes(c.shape, offset.shape[:-1]), 4))
    found[0, ..., 0], found[0, ..., 1] = al + c * bl + s * bw, aw + s * bl + c * bw
    found[0, ..., 2], found[0, ..., 3] = bl + c * al + s * aw, bw + s * al + c * aw
    for axes, one in ((slice(0, 2), a), (slice(2, 4), b)):
        cos, sin = np.cos(one.yaw_rad), np.sin(one.yaw_rad)
        found[1, ..., axes], found[2, ..., axes] = _turned(cos, sin, offset), _turned(cos, sin, rate)
    return Strips(*found)


def overlaps(a: Footprints, b: Footprints) -> npt.NDArray[np.bool_]:
    """Whether pairs of rectangles touch now, (*S,)."""
    found = strips(a, b)
    return np.asarray((np.abs(found.offset_m) <= found.reach_m).all(-1))


def times_to_collision_s(a: Footprints, b: Footprints) -> Array:
    """Seconds until each pair touches at constant velocity and heading, (*S,): 0 if they do, inf if never.

    The same as `time_to_collision_s`, for all pairs at once.
    """
    found = strips(a, b)
    still = np.abs(found.rate_mps) < STILL_MPS
    rate = np.where(still, 1.0, found.rate_mps)
    ends = (-found.reach_m - found.offset_m) / rate, (found.reach_m - found.offset_m) / rate
    within = np.abs(found.offset_m) <= found.reach_m
    enter = np.where(still, np.where(within, -math.inf, math.inf), np.minimum(*ends)).max(-1)
    leave = np.where(still, np.where(within, math.inf, -math.inf), np.maximum(*ends)).min(-1)
    return np.where((enter <= leave) & (leave >= 0.0), np.maximum(enter, 0.0), math.inf)


def distances_m(a: Footprints, b: Footprints) -> Array:
    """The least distance of each pair, (*S,), in metres; 0 if they touch. The same as `distance_m`, for all at once."""
    # two convex polygons that do not overlap are nearest at a corner of one
    return np.where(overlaps(a, b), 0.0, np.minimum(_corners_to_box_m(a, b), _corners_to_box_m(b, a)))


def _corners_to_box_m(a: Footprints, b: Footprints) -> Array:
    """From each box a to the nearest corner of its b, (*S,); 0 if one is inside."""
    local = _turned(np.cos(a.yaw_rad)[..., None], np.sin(a.yaw_rad)[..., None], b.corners_m - a.centre_m[..., None, :])
    outside = np.maximum(np.abs(local) - a.half_m[..., None, :], 0.0)
    return np.asarray(np.hypot(outside[..., 0], outside[..., 1]).min(-1))


def _turned(cos: Array, sin: Array, vectors: Array) -> Array:
    """Components (..., 2) of vectors (..., 2) along the length and the width of boxes with such headings."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], -1)
