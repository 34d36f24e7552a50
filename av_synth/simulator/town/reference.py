"""Reference lines of roads: straight lines and circular arcs, as OpenDRIVE's planView has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

SAGITTA_M = 0.004  # how far a chord of the mesh may leave the true curve


@dataclass(frozen=True)
class Piece:
    """A line or arc that starts at (x_m, y_m) with a heading; curvature in 1/m, positive to the left."""

    s_m: float
    x_m: float
    y_m: float
    heading_rad: float
    length_m: float
    curvature_per_m: float


@dataclass(frozen=True)
class ReferenceLine:
    """A smooth chain of lines and arcs, built by walking: ``ReferenceLine.at(0, 0, 0).line(50).arc(1.57, 25)``."""

    x_m: float
    y_m: float
    heading_rad: float
    pieces: tuple[Piece, ...] = ()

    @staticmethod
    def at(x_m: float, y_m: float, heading_rad: float) -> ReferenceLine:
        """An empty line that starts here."""
        return ReferenceLine(x_m, y_m, heading_rad)

    @property
    def length_m(self) -> float:
        """Length of the whole chain in metres."""
        return self.pieces[-1].s_m + self.pieces[-1].length_m if self.pieces else 0.0

    @property
    def end(self) -> tuple[float, float, float]:
        """(x, y, heading) at the end."""
        if not self.pieces:
            return self.x_m, self.y_m, self.heading_rad
        x, y, heading = self.poses(np.array([self.length_m]))[0]
        return float(x), float(y), float(heading)

    def line(self, length_m: float) -> ReferenceLine:
        """Go on straight; a length below a micrometre adds nothing."""
        return self._with(length_m, 0.0)

    def arc(self, angle_rad: float, radius_m: float) -> ReferenceLine:
        """Go on along a circle of this radius, turning by the angle (positive to the left)."""
        return self._with(abs(angle_rad) * radius_m, math.copysign(1.0 / radius_m, angle_rad))

    def line_to(self, x_m: float, y_m: float) -> ReferenceLine:
        """Go on straight to a point that must lie ahead on the tangent.

        Raises:
            ValueError: if the point is more than a micrometre off the tangent, or behind.
        """
        x, y, heading = self.end
        c, s = math.cos(heading), math.sin(heading)
        ahead, aside = (x_m - x) * c + (y_m - y) * s, (y_m - y) * c - (x_m - x) * s
        if abs(aside) > 1e-6 or ahead < -1e-6:
            raise ValueError(f"({x_m}, {y_m}) is {aside:.6f} m beside and {ahead:.3f} m ahead of the road's end")
        return self.line(ahead)

    def poses(self, s_m: npt.ArrayLike) -> Array:
        """(N, 3) x, y in metres and heading in radians at distances s (N,) along the line."""
        s = np.asarray(s_m, dtype=np.float64)
        starts = np.array([piece.s_m for piece in self.pieces])
        index = np.clip(np.searchsorted(starts, s, side="right") - 1, 0, len(self.pieces) - 1)
        table = np.array([(p.x_m, p.y_m, p.heading_rad, p.curvature_per_m) for p in self.pieces])[index]
        ds = s - starts[index]
        x0, y0, h0, k = table.T
        heading = h0 + k * ds
        bent = np.abs(k) > 1e-12
        safe = np.where(bent, k, 1.0)
        x = x0 + np.where(bent, (np.sin(heading) - np.sin(h0)) / safe, np.cos(h0) * ds)
        y = y0 + np.where(bent, (np.cos(h0) - np.cos(heading)) / safe, np.sin(h0) * ds)
        return np.stack([x, y, heading], axis=-1)

    def points(self, s_m: npt.ArrayLike, t_m: npt.ArrayLike) -> Array:
        """(N, 2) world points at distances s along the line and t to its left, both (N,) or numbers."""
        s, t = np.broadcast_arrays(np.asarray(s_m, dtype=np.float64), np.asarray(t_m, dtype=np.float64))
        x, y, heading = self.poses(s).T
        return np.stack([x - np.sin(heading) * t, y + np.cos(heading) * t], axis=-1)

    def point(self, s_m: float, t_m: float) -> tuple[float, float]:
        """One world point (x, y) at distance s along the line and t to its left."""
        x, y = self.points([s_m], t_m)[0]
        return float(x), float(y)

    def stations(self, longest_m: float, start_m: float, end_m: float) -> list[float]:
        """Distances from start to end at which straight chords stay within `SAGITTA_M` and `longest_m`."""
        stations = [start_m]
        for piece in self.pieces:
            low, high = max(piece.s_m, start_m), min(piece.s_m + piece.length_m, end_m)
            if high - low < 1e-6:
                continue
            step = longest_m
            if piece.curvature_per_m:
                step = min(step, math.sqrt(8.0 * SAGITTA_M / abs(piece.curvature_per_m)))
            count = max(1, math.ceil((high - low) / step - 1e-9))
            stations += [low + (high - low) * (i + 1) / count for i in range(count)]
        return stations

    def _with(self, length_m: float, curvature_per_m: float) -> ReferenceLine:
        if length_m < 1e-6:
            return self
        x, y, heading = self.end
        piece = Piece(self.length_m, x, y, heading, length_m, curvature_per_m)
        return ReferenceLine(self.x_m, self.y_m, self.heading_rad, (*self.pieces, piece))


def turn_between(start: tuple[float, float, float], end: tuple[float, float, float]) -> ReferenceLine:
    """The smooth way between two poses (x, y, heading): straight on, or line, arc, line around a corner.

    Raises:
        ValueError: if no such way leads forwards from one to the other.
    """
    x, y, heading = start
    turn = math.remainder(end[2] - heading, 2 * math.pi)
    way = ReferenceLine.at(x, y, heading)
    if abs(turn) < 1e-9:
        return way.line_to(end[0], end[1])
    # the tangents meet at start + before * d1 = end - after * d2
    d1 = np.array([math.cos(heading), math.sin(heading)])
    d2 = np.array([math.cos(end[2]), math.sin(end[2])])
    before, after = np.linalg.solve(np.stack([d1, d2], axis=1), np.array([end[0] - x, end[1] - y]))
    tangent = min(float(before), float(after))
    if tangent <= 0:
        raise ValueError(f"no forward corner leads from {start} to {end}")
    radius = tangent / math.tan(abs(turn) / 2)
    return way.line(float(before) - tangent).arc(turn, radius).line_to(end[0], end[1])
