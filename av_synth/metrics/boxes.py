"""Boxes seen from above: oriented rectangles with a height range and a velocity, their distance and their contact."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from av_synth.geometry import transforms
from av_synth.geometry.transforms import Array

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])  # front left, and on round the left


@dataclass(frozen=True)
class Footprint:
    """An oriented rectangle on the ground, world frame.

    Attributes:
        centre_m: (2,).
        yaw_rad: heading of its long axis.
        half_m: (2,), half of length and width.
        bottom_m, top_m: the height range of the box.
        velocity_mps: (2,), of its centre.
    """

    centre_m: Array
    yaw_rad: float
    half_m: Array
    bottom_m: float = 0.0
    top_m: float = 1.0
    velocity_mps: Array = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        for name in ("centre_m", "half_m", "velocity_mps"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if value.shape != (2,) or not np.isfinite(value).all():
                raise ValueError(f"{name}: want two finite numbers, got {value.tolist()}")
            object.__setattr__(self, name, value)

    @staticmethod
    def of_box(world_from_box: Array, size_lwh_m: Array, velocity_mps: Array) -> Footprint:
        """Of a box by its pose (4, 4), size (3,) and velocity (3,); pitch and roll are small and left out."""
        half = np.asarray(size_lwh_m, dtype=np.float64) / 2.0
        height = float(world_from_box[2, 3])
        return Footprint(
            centre_m=world_from_box[:2, 3],
            yaw_rad=transforms.yaw(world_from_box),
            half_m=half[:2],
            bottom_m=height - float(half[2]),
            top_m=height + float(half[2]),
            velocity_mps=np.asarray(velocity_mps, dtype=np.float64)[:2],
        )

    @cached_property
    def axes(self) -> Array:
        """(2, 2): unit vectors along its length and its width, as rows."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return np.array([[c, s], [-s, c]])

    @cached_property
    def corners_m(self) -> Array:
        """(4, 2): front left, rear left, rear right, front right."""
        return self.centre_m + (CORNERS * self.half_m) @ self.axes


def overlap_interval_s(a: Footprint, b: Footprint) -> tuple[float, float] | None:
    """When, at constant velocities and headings, the rectangles overlap: (enter, leave) in seconds from now.

    Exact. Two convex shapes overlap exactly when their projections on every edge normal do; under translation each
    pair of projections overlaps during one interval of time, and the shapes during the intersection of those.
    Source: the moving form of the separating axis test, S. Gottschalk, M. C. Lin, D. Manocha, OBBTree, SIGGRAPH 1996;
    C. Ericson, Real-Time Collision Detection, section 5.5.8.

    Returns:
        The interval (ends may be negative or infinite), or None if they never overlap.
    """
    axes, reach = _separating(a, b)
    offset = axes @ (b.centre_m - a.centre_m)
    closing = axes @ (b.velocity_mps - a.velocity_mps)
    enter, leave = -math.inf, math.inf
    for r, d, v in zip(reach.tolist(), offset.tolist(), closing.tolist(), strict=True):
        if abs(v) < 1e-9:
            if abs(d) > r:
                return None
            continue
        first, last = sorted(((-r - d) / v, (r - d) / v))
        enter, leave = max(enter, first), min(leave, last)
    return (enter, leave) if enter <= leave else None


def contact(a: Footprint, b: Footprint) -> bool:
    """Whether the boxes touch now, height included."""
    if a.bottom_m > b.top_m or b.bottom_m > a.top_m:
        return False
    return distance_m(a, b) == 0.0


def distance_m(a: Footprint, b: Footprint) -> float:
    """The least distance between the rectangles in metres; 0 if they touch.

    Two convex polygons that do not overlap are nearest at a corner of one and an edge of the other.
    """
    if _overlap(a, b):
        return 0.0
    return min(_corners_to_edges_m(a.corners_m, b.corners_m), _corners_to_edges_m(b.corners_m, a.corners_m))


def _separating(a: Footprint, b: Footprint) -> tuple[Array, Array]:
    """The four edge normals (4, 2), and how far apart along each the centres may be for the projections to touch."""
    axes = np.concatenate([a.axes, b.axes])
    return axes, np.abs(axes @ a.axes.T) @ a.half_m + np.abs(axes @ b.axes.T) @ b.half_m


def _overlap(a: Footprint, b: Footprint) -> bool:
    axes, reach = _separating(a, b)
    return bool((np.abs(axes @ (b.centre_m - a.centre_m)) <= reach).all())


def _corners_to_edges_m(corners: Array, polygon: Array) -> float:
    edges = np.roll(polygon, -1, axis=0) - polygon
    offset = corners[:, None, :] - polygon[None, :, :]
    along = (offset * edges).sum(-1) / np.maximum((edges * edges).sum(-1), 1e-12)
    nearest = offset - np.clip(along, 0.0, 1.0)[..., None] * edges
    return float(np.sqrt((nearest * nearest).sum(-1).min()))
