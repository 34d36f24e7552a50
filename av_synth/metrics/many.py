"""Many boxes at once: distance and time to collision of arrays of rectangles, equal to those of single ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint

_SIGNS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
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
        return self.centre_m[..., None, :] + (_SIGNS * self.half_m[..., None, :]) @ self.axes


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
    (al, aw), (bl, bw) = np.moveaxis(a.half_m, -1, 0), np.moveaxis(b.half_m, -1, 0)
    reach = np.stack([al + c * bl + s * bw, aw + s * bl + c * bw, bl + c * al + s * aw, bw + s * al + c * aw], axis=-1)
    offset, rate = b.centre_m - a.centre_m, b.velocity_mps - a.velocity_mps
    return Strips(reach, _on_axes(a, b, offset), _on_axes(a, b, rate))


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
    mine, others = np.broadcast_arrays(a.corners_m, b.corners_m)
    apart = np.minimum(_corners_to_edges_m(mine, others), _corners_to_edges_m(others, mine))
    return np.where(overlaps(a, b), 0.0, apart)


def _on_axes(a: Footprints, b: Footprints, vector: Array) -> Array:
    """Components (*S, 4) of vectors (*S, 2) along a's axes and b's."""
    parts = [(axes * vector[..., None, :]).sum(-1) for axes in (a.axes, b.axes)]
    return np.concatenate(np.broadcast_arrays(*parts), axis=-1)


def _corners_to_edges_m(corners: Array, polygons: Array) -> Array:
    edges = np.roll(polygons, -1, axis=-2) - polygons
    offset = corners[..., :, None, :] - polygons[..., None, :, :]
    edges = edges[..., None, :, :]
    along = (offset * edges).sum(-1) / np.maximum((edges * edges).sum(-1), 1e-12)
    nearest = offset - np.clip(along, 0.0, 1.0)[..., None] * edges
    return np.asarray(np.sqrt((nearest * nearest).sum(-1).min((-2, -1))))
