"""Reference lines of OpenDRIVE's planView: lines, arcs, spirals, cubic and parametric cubic polynomials.

Formulas: ASAM OpenDRIVE 1.6, section 7 (geometry). As carla.Map does, a place along a polynomial is found by its
length along the curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

Shape = Literal["line", "arc", "spiral", "poly3", "paramPoly3"]
_STEP_M = 1.0  # of the quadrature: curves of 2 m radius are then exact to a nanometre
_TABLE_STEP_M = 0.1
_STRAIGHT = 1e-9  # 1/m: an arc of less curvature is integrated, as a spiral is
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True)
class Piece:
    """One geometry: it starts at `s_m` of the road in (x_m, y_m) with a heading.

    Attributes:
        values: nothing for a line; curvature (1/m) of an arc, the first and the last of a spiral; a to d of v(u) of a
            poly3; a to d of u(p), then of v(p), of a paramPoly3.
        normalized: p of a paramPoly3 runs from 0 to 1 instead of to the length.
    """

    s_m: float
    x_m: float
    y_m: float
    heading_rad: float
    length_m: float
    shape: Shape = "line"
    values: tuple[float, ...] = ()
    normalized: bool = False

    def poses(self, ds_m: Array) -> Array:
        """(N, 3) x, y and heading at distances (N,) from its start."""
        if self.shape in ("poly3", "paramPoly3"):
            u, v, turn = self._polynomial(ds_m)
            c, s = np.cos(self.heading_rad), np.sin(self.heading_rad)
            return np.column_stack([self.x_m + c * u - s * v, self.y_m + s * u + c * v, self.heading_rad + turn])
        heading = self._heading(ds_m)
        dx, dy = self._walk(ds_m)
        return np.column_stack([self.x_m + dx, self.y_m + dy, heading])

    def _heading(self, ds_m: Array) -> Array:
        first = self.values[0] if self.values else 0.0
        last = self.values[-1] if self.values else 0.0
        bend = (last - first) / max(self.length_m, 1e-9)
        return np.asarray(self.heading_rad + ds_m * (first + 0.5 * bend * ds_m))

    def _walk(self, ds_m: Array) -> tuple[Array, Array]:
        """How far a line, arc or spiral has got: the integral of its heading's cosine and sine."""
        if self.shape == "line":
            return ds_m * np.cos(self.heading_rad), ds_m * np.sin(self.heading_rad)
        if self.shape == "arc" and abs(self.values[0]) > _STRAIGHT:
            heading, radius = self._heading(ds_m), 1.0 / self.values[0]
            return (
                radius * (np.sin(heading) - np.sin(self.heading_rad)),
                radius * (np.cos(self.heading_rad) - np.cos(heading)),
            )
        knots, along = self._knots
        before = np.clip(np.floor(ds_m / _STEP_M).astype(int), 0, len(knots) - 1)
        way = along[before] + self._quadrature(knots[before], ds_m)
        return way[:, 0], way[:, 1]

    @cached_property
    def _knots(self) -> tuple[Array, Array]:
        """Distances (K,), and how far the curve has got there (K, 2)."""
        knots: Array = np.arange(0.0, self.length_m + _STEP_M, _STEP_M, dtype=np.float64)
        return knots, np.vstack([np.zeros(2), np.cumsum(self._quadrature(knots[:-1], knots[1:]), axis=0)])

    def _quadrature(self, low: Array, high: Array) -> Array:
        half = (high - low) / 2
        at = (low + half)[:, None] + half[:, None] * _NODES
        heading = self._heading(at)
        return np.column_stack([half * (np.cos(heading) @ _WEIGHTS), half * (np.sin(heading) @ _WEIGHTS)])

    def _polynomial(self, ds_m: Array) -> tuple[Array, Array, Array]:
        """u, v and the turn since the start, by the length along the curve."""
        cubic_u, cubic_v = self._uv
        length, p = self._lengths
        at = np.interp(ds_m, length, p)
        turn = np.arctan2(_slope(cubic_v, at), _slope(cubic_u, at))
        return _cubic(cubic_u, at), _cubic(cubic_v, at), turn

    @property
    def _uv(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0, 1.0, 0.0, 0.0) if self.shape == "poly3" else self.values[:4], self.values[-4:]

    @cached_property
    def _lengths(self) -> tuple[Array, Array]:
        """Lengths (K,) along a polynomial, and p there (K,)."""
        count = int(np.clip(self.length_m / _TABLE_STEP_M, 64, 20_000))
        p = np.linspace(0.0, 1.0 if self.normalized else self.length_m, count + 1)
        u, v = (_cubic(cubic, p) for cubic in self._uv)
        return np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))]), p


@dataclass(frozen=True)
class Cubics:
    """A value along a road, by cubic records: `table` (K, 5) start, a, b, c, d, sorted by start; 0 without records."""

    table: Array

    def at(self, s_m: npt.ArrayLike) -> Array:
        """(N,) values; the first record counts before its start too."""
        s = np.asarray(s_m, dtype=np.float64)
        if not len(self.table):
            return np.zeros_like(s)
        start, a, b, c, d = self.table[self._which(s)].T
        ds = s - start
        return np.asarray(a + ds * (b + ds * (c + ds * d)))

    def slope(self, s_m: npt.ArrayLike) -> Array:
        """(N,) change per metre."""
        s = np.asarray(s_m, dtype=np.float64)
        if not len(self.table):
            return np.zeros_like(s)
        start, _, b, c, d = self.table[self._which(s)].T
        ds = s - start
        return np.asarray(b + ds * (2 * c + ds * 3 * d))

    def _which(self, s: Array) -> npt.NDArray[np.intp]:
        return np.maximum(np.searchsorted(self.table[:, 0], s + 1e-9, side="right") - 1, 0)


def poses(pieces: tuple[Piece, ...], s_m: npt.ArrayLike) -> Array:
    """(N, 3) x, y in metres and heading in radians at distances (N,) along a chain of pieces."""
    s = np.asarray(s_m, dtype=np.float64)
    which = np.maximum(np.searchsorted([piece.s_m for piece in pieces], s, side="right") - 1, 0)
    out = np.empty((len(s), 3))
    for k in np.unique(which):
        mine = which == k
        out[mine] = pieces[k].poses(s[mine] - pieces[k].s_m)
    return out


def _cubic(abcd: tuple[float, ...], p: Array) -> Array:
    a, b, c, d = abcd
    return np.asarray(a + p * (b + p * (c + p * d)))


def _slope(abcd: tuple[float, ...], p: Array) -> Array:
    _, b, c, d = abcd
    return np.asarray(b + p * (2 * c + p * 3 * d))
