"""The ego's path as a curve with stations and offsets: what positions in a scenario are told by."""

from __future__ import annotations

import math
from bisect import bisect_right
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
        # the columns and numbers that are looked up at every tick, as they are quickest
        self._x, self._y = points[:-1, 0].copy(), points[:-1, 1].copy()
        self._step_x, self._step_y = self._steps[:, 0].copy(), self._steps[:, 1].copy()
        self._squares = self._lengths**2
        self._least, self._most = np.zeros(len(points) - 1), np.ones(len(points) - 1)
        self._least[0], self._most[-1] = -np.inf, np.inf  # no ends: straight on
        self._stations = self.stations_m.tolist()
        self._places = [tuple(row) for row in points.tolist()]
        self._middles = ((self.stations_m[1:] + self.stations_m[:-1]) / 2.0).tolist()
        self._headings = self._yaws.tolist()

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
        return _between(self._middles, self._headings, s_m)

    def point(self, s_m: float, d_m: float = 0.0) -> Array:
        """The point (3,) at a station and an offset; straight on beyond either end."""
        inside = min(max(s_m, self.begin_m), self.end_m)
        k = min(max(bisect_right(self._stations, inside) - 1, 0), len(self._places) - 2)
        share = (inside - self._stations[k]) / (self._stations[k + 1] - self._stations[k])
        here, there = self._places[k], self._places[k + 1]
        base = [a + (b - a) * share for a, b in zip(here, there, strict=True)]
        heading = self.heading_rad(s_m)
        cos, sin, beyond = math.cos(heading), math.sin(heading), s_m - inside
        return np.array([base[0] + beyond * cos - d_m * sin, base[1] + beyond * sin + d_m * cos, base[2]])

    def pose(self, s_m: float, d_m: float = 0.0, turn_rad: float = 0.0) -> Array:
        """`world_from_actor` (4, 4) of something on the ground there, turned left of the path by `turn_rad`."""
        x, y, z = self.point(s_m, d_m).tolist()
        return from_yaw(x, y, z, self.heading_rad(s_m) + turn_rad)

    def project(self, point_m: Array | Sequence[float]) -> tuple[float, float]:
        """Station and offset of the point of the path nearest to (x, y, ...); beyond the ends, along the tangent."""
        dx, dy = float(point_m[0]) - self._x, float(point_m[1]) - self._y
        share = (dx * self._step_x + dy * self._step_y) / self._squares
        clipped = np.minimum(np.maximum(share, self._least), self._most)
        dx -= clipped * self._step_x
        dy -= clipped * self._step_y
        k = int((dx * dx + dy * dy).argmin())
        left = float(self._step_x[k] * dy[k] - self._step_y[k] * dx[k]) / float(self._lengths[k])
        return float(self.stations_m[k] + clipped[k] * self._lengths[k]), left


def _between(xs: list[float], ys: list[float], x: float) -> float:
    """Straight lines between knots, flat beyond both ends."""
    if x <= xs[0]:
        return ys[0]
    if x >= xs[-1]:
        return ys[-1]
    k = bisect_right(xs, x) - 1
    return ys[k] + (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) * (x - xs[k])
