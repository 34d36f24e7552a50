"""How high the ground is: on the lanes their own triangles, beyond them a lattice of land that follows the roads."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from av_synth.geometry.transforms import Array
from av_synth.simulator.runs import runs
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.country import COUNTRY_M, GRASS
from av_synth.simulator.town.relief import FLAT, Relief
from av_synth.simulator.town.shapes import Look, smooth

_CELL_M = 2.0
_MAX_CELLS = 4_000_000
_EDGE_M = 1e-4  # between two triangles there is no gap
_RIM_M = 0.01  # points on the very edge are in a cell
_DROP_M = 0.06  # the land lies that much below the roads' edges
_CLEAR_M = 0.03
_LATTICE_M = 4.0
_MAX_NODES = 60_000
_SMOOTHING = 40
_LEVEL_M = 0.02  # no more than verges lie below lanes
_ASIDE_M = 1.0


class Surface:
    """Triangles (T, 3, 3) seen from above, found by cell."""

    def __init__(self, triangles: Array) -> None:
        a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
        across = np.cross(b - a, c - a)
        # z = slope . (x, y) + level on each triangle; inside: each edge's value is above zero
        self._slope = -across[:, :2] / across[:, 2:3]
        self._level = a[:, 2] - np.einsum("nk,nk->n", self._slope, a[:, :2])
        start, edge = np.stack([a, b, c], axis=1)[..., :2], np.stack([b - a, c - b, a - c], axis=1)[..., :2]
        inward = np.stack([-edge[..., 1], edge[..., 0]], axis=2) / np.hypot(edge[..., 0], edge[..., 1])[..., None]
        self._inward = inward
        self._offset = np.einsum("nek,nek->ne", inward, start)
        low, high = triangles[..., :2].min(axis=1), triangles[..., :2].max(axis=1)
        self._origin = low.min(axis=0) - _RIM_M
        extent = high.max(axis=0) + _RIM_M - self._origin
        self._cell_m = max(_CELL_M, math.sqrt(float(extent.prod()) / _MAX_CELLS))
        self._shape = (extent / self._cell_m).astype(int) + 1
        self._fill(low, high)

    def _fill(self, low: Array, high: Array) -> None:
        first = ((low - self._origin) / self._cell_m).astype(int)
        last = ((high - self._origin) / self._cell_m).astype(int)
        size = last - first + 1
        count = size.prod(axis=1)
        triangle, place = runs(np.zeros_like(count), count)
        column = first[triangle, 0] + place // size[triangle, 1]
        row = first[triangle, 1] + place % size[triangle, 1]
        # a bounding box has corners that its triangle does not reach
        centre = self._origin + (np.column_stack([column, row]) + 0.5) * self._cell_m
        reach = self._cell_m * math.sqrt(0.5) + _EDGE_M
        near = (self._inside(triangle, centre) > -reach).all(axis=1)
        triangle, cell = triangle[near], (column * self._shape[1] + row)[near]
        order = np.argsort(cell, kind="stable")
        self._members = triangle[order]
        self._starts = np.searchsorted(cell[order], np.arange(int(self._shape.prod()) + 1))

    def _inside(self, triangle: npt.NDArray[np.intp], points: Array) -> Array:
        return np.asarray(np.einsum("nek,nk->ne", self._inward[triangle], points) - self._offset[triangle])

    def height_m(self, points: Array) -> Array:
        """(N,) heights at (N, 2); where surfaces lie over each other, of the upper; NaN beside all of them."""
        place = np.floor((points - self._origin) / self._cell_m)
        inside = ((place >= 0) & (place < self._shape)).all(axis=1)
        place = np.where(inside[:, None], place, 0).astype(np.intp)
        cell = place[:, 0] * self._shape[1] + place[:, 1]
        count = np.where(inside, self._starts[cell + 1] - self._starts[cell], 0)
        which, at = runs(self._starts[cell], count)
        member = self._members[at]
        met = (self._inside(member, points[which]) >= -_EDGE_M).all(axis=1)
        which, member = which[met], member[met]
        height = np.full(len(points), -np.inf)
        z = np.einsum("nk,nk->n", self._slope[member], points[which]) + self._level[member]
        np.maximum.at(height, which, z)
        return np.where(np.isfinite(height), height, np.nan)


@dataclass(frozen=True)
class Land:
    """Heights (I, J) on a square lattice; each square is cut from its lower left to its upper right corner."""

    origin_m: Array
    step_m: float
    heights_m: Array

    def height_m(self, points: Array) -> Array:
        """(N,) heights at (N, 2); outside, that of the nearest edge."""
        at = (points - self.origin_m) / self.step_m
        at = np.clip(at, 0.0, np.array(self.heights_m.shape) - 1.0)
        cell = np.minimum(at.astype(int), np.array(self.heights_m.shape) - 2)
        (i, j), (u, v) = cell.T, (at - cell).T
        z00, z11 = self.heights_m[i, j], self.heights_m[i + 1, j + 1]
        z10, z01 = self.heights_m[i + 1, j], self.heights_m[i, j + 1]
        return np.where(u >= v, z00 + u * (z10 - z00) + v * (z11 - z10), z00 + v * (z01 - z00) + u * (z11 - z01))

    def mesh(self) -> Mesh:
        """Grass, in gently varied greens."""
        rows, columns = self.heights_m.shape
        i, j = (k.ravel() for k in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
        points = np.column_stack([self.origin_m + np.column_stack([i, j]) * self.step_m, self.heights_m.ravel()])
        dz_dx, dz_dy = (np.gradient(self.heights_m, self.step_m, axis=k).ravel() for k in (0, 1))
        normals = np.column_stack([-dz_dx, -dz_dy, np.ones(len(points))])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        k = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
        right, up = k + columns, k + 1
        triangles = np.concatenate([np.column_stack([k, right, right + 1]), np.column_stack([k, right + 1, up])])
        return smooth(points, normals, triangles, Look(GRASS, Material.GRASS, Tag.TERRAIN))


def height_over(surface: Surface, land: Land, x_m: Array, y_m: Array) -> Array:
    """Heights (...) at world points (...): of the surface, and of the land beside it."""
    points = np.column_stack([x_m.ravel(), y_m.ravel()])
    height = surface.height_m(points)
    beside = np.isnan(height)
    if beside.any():
        height[beside] = land.height_m(points[beside])
    return height.reshape(x_m.shape)


@dataclass(frozen=True, kw_only=True)
class RoadRelief(Relief):
    """The heights of roads without their kerbs.

    Attributes:
        surface: the lanes as if none were raised.
        land: all the rest, level with the edges of roads.
    """

    surface: Surface
    land: Land

    @property
    def is_flat(self) -> bool:
        """Never: whoever makes one has heights."""
        return False

    def height_m(self, x_m: Array, y_m: Array) -> Array:
        """Height (...) of the carriageway at world points (...)."""
        return height_over(self.surface, self.land, x_m, y_m)

    def slope(self, x_m: Array, y_m: Array) -> tuple[Array, Array]:
        """How the height grows with x and with y, each (...), metres per metre, taken over two metres."""
        by_x = self.height_m(x_m + _ASIDE_M, y_m) - self.height_m(x_m - _ASIDE_M, y_m)
        by_y = self.height_m(x_m, y_m + _ASIDE_M) - self.height_m(x_m, y_m - _ASIDE_M)
        return by_x / (2 * _ASIDE_M), by_y / (2 * _ASIDE_M)


def relief_of(triangles: Array, land: Land) -> Relief:
    """What bodies follow at once, given the triangles (T, 3, 3) of lanes as if none were raised."""
    if float(np.ptp(triangles[..., 2])) < _LEVEL_M:
        return FLAT
    return RoadRelief(surface=Surface(triangles), land=replace(land, heights_m=land.heights_m + _DROP_M))


def land_around(on_road: Array, bounds_m: tuple[float, float, float, float]) -> Land:
    """Land for roads: a little below them, level with the nearest road elsewhere, without steps between two of them.

    Args:
        on_road: (N, 3) points on the roads, 2 m apart.
        bounds_m: (x_min, y_min, x_max, y_max) of the roads.
    """
    origin = np.array(bounds_m[:2]) - COUNTRY_M
    extent = np.array(bounds_m[2:]) + COUNTRY_M - origin
    if float(np.ptp(on_road[:, 2])) < 1e-3:
        return Land(origin, float(extent.max()), np.full((2, 2), on_road[0, 2] - _DROP_M))
    step = max(_LATTICE_M, math.sqrt(float(extent.prod()) / _MAX_NODES))
    shape = np.ceil(extent / step).astype(int) + 1
    i, j = (k.ravel() for k in np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij"))
    nodes = origin + np.column_stack([i, j]) * step
    tree = shapely.STRtree(shapely.points(on_road[:, :2]))
    nearest, distance = tree.query_nearest(shapely.points(nodes), return_distance=True, all_matches=False)
    heights = (on_road[nearest[1], 2] - _DROP_M).reshape(shape)
    fixed = distance.reshape(shape) < 2 * step
    for _ in range(_SMOOTHING):
        around = np.pad(heights, 1, mode="edge")
        mean = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
        heights = np.where(fixed, heights, mean)
    land = Land(origin, step, heights)
    _lower(land, on_road)
    return land


def _lower(land: Land, on_road: Array) -> None:
    """Bring nodes down, in place, until no road is under the land."""
    cell = np.floor((on_road[:, :2] - land.origin_m) / land.step_m).astype(int)
    high = land.height_m(on_road[:, :2]) - (on_road[:, 2] - _CLEAR_M)
    buried = high > 0
    (i, j), by = cell[buried].T, high[buried]
    down = np.zeros_like(land.heights_m)
    for di, dj in ((0, 0), (1, 0), (0, 1), (1, 1)):
        np.maximum.at(down, (i + di, j + dj), by)
    land.heights_m[...] -= down
