"""The ego's path as a curve with stations and offsets: what positions in a scenario are told by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from av_synth.geometry.transforms import Array, from_yaw


class Path:
    """A polyline on the road, world frame; stations s grow along it, offsets d are positive to the left."""

    def __init__(self, points_m: Array, start_index: int = 0, *, origin_m: float = 0.0) -> None:
        """Make a path of points (N, 3), at least two, none doubled; `points_m[start_index]` has s = `origin_m`."""
        points = np.asarray(points_m, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or len(points) < 2 or not np.isfinite(points).all():
            raise ValueError(f"want at least two finite points (N, 3), got an array of shape {points.shape}")
        self.points_m = points
        self._steps = np.diff(points[:, :2], axis=0)
        self._lengths = np.hypot(*self._steps.T)
        along = np.concatenate([[0.0], np.cumsum(self._lengths)])
        self.stations_m: Array = along - along[start_index] + origin_m
        self._yaws = np.unwrap(np.arctan2(self._steps[:, 1], self._steps[:, 0]))

    def reversed(self) -> Path:
        """The same line the other way: station s becomes -s, offset d becomes -d."""
        return Path(self.points_m[::-1], origin_m=-self.end_m)

    def counted_from(self, station_m: float) -> Path:
        """The same line with its stations counted from one of its own."""
        return Path(self.points_m, origin_m=self.begin_m - station_m)

    @property
    def begin_m(self) -> float:
        """The first station."""
        return float(self.stations_m[0])

    @property
    def end_m(self) -> float:
        """The last station."""
        return float(self.stations_m[-1])

    def heading_rad(self, s_m: float) -> float:
        """Direction of travel at a station; turns smoothly from segment to segment."""
        middles = (self.stations_m[1:] + self.stations_m[:-1]) / 2.0
        return float(np.interp(s_m, middles, self._yaws))

    def point(self, s_m: float, d_m: float = 0.0) -> Array:
        """The point (3,) at a station and an offset; straight on beyond either end."""
        inside = min(max(s_m, self.begin_m), self.end_m)
        base = np.array([np.interp(inside, self.stations_m, self.points_m[:, axis]) for axis in range(3)])
        heading = self.heading_rad(s_m)
        tangent = np.array([math.cos(heading), math.sin(heading), 0.0])
        normal = np.array([-tangent[1], tangent[0], 0.0])
        result: Array = base + (s_m - inside) * tangent + d_m * normal
        return result

    def pose(self, s_m: float, d_m: float = 0.0, turn_rad: float = 0.0) -> Array:
        """`world_from_actor` (4, 4) of something on the ground there, turned left of the path by `turn_rad`."""
        x, y, z = self.point(s_m, d_m).tolist()
        return from_yaw(x, y, z, self.heading_rad(s_m) + turn_rad)

    def project(self, point_m: Array | Sequence[float]) -> tuple[float, float]:
        """Station and offset of the point of the path nearest to (x, y, ...); beyond the ends, along the tangent."""
        offset = np.asarray(point_m, dtype=np.float64)[:2] - self.points_m[:-1, :2]
        share = (offset * self._steps).sum(axis=1) / self._lengths**2
        clipped = np.clip(share, 0.0, 1.0)
        clipped[0], clipped[-1] = min(share[0], 1.0), max(share[-1], 0.0)  # no ends: straight on
        apart = offset - clipped[:, None] * self._steps
        k = int(np.argmin((apart * apart).sum(axis=1)))
        dx, dy = self._steps[k] / self._lengths[k]
        left = float(dx * apart[k, 1] - dy * apart[k, 0])
        return float(self.stations_m[k] + clipped[k] * self._lengths[k]), left
