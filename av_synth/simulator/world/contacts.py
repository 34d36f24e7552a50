"""Contacts in the plane: which boxes overlap which boxes and which static footprints, and how deep.

Broad phase: bodies sorted along x, a grid for footprints. Narrow phase: separating axes on convex
polygons (C. Ericson, Real-Time Collision Detection, 2005, section 5.2), with the axis of first touch where the
closing speed tells it, so that a fast car hitting a thin pole is stopped and not pushed aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.runs import Indices, runs
from av_synth.simulator.town.model import Footprint
from av_synth.simulator.world.arrays import BodyArrays

_CELL_M = 8.0


@dataclass(frozen=True)
class Boxes:
    """Boxes in the plane: corners (N, 4, 2) counter-clockwise, axes (N, 2, 2) unit, and heights (N,), (N,)."""

    corners: Array
    axes: Array
    bottom: Array
    top: Array

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """The least and the greatest x and y (N, 2) of the corners; by pairs, for short axes are reduced slowly."""
        a, b, c, d = (self.corners[:, k] for k in range(4))
        low = np.minimum(np.minimum(a, b), np.minimum(c, d))
        return low, np.maximum(np.maximum(a, b), np.maximum(c, d))

    @staticmethod
    def of(pose: Array, centre: Array, half: Array) -> Boxes:
        """Boxes of poses (N, 4, 4) with centres and half sizes (N, 3) in the actor frames; tilt is left out."""
        yaw = np.arctan2(pose[:, 1, 0], pose[:, 0, 0])
        cos, sin = np.cos(yaw), np.sin(yaw)
        axes = np.empty((len(yaw), 2, 2))
        axes[:, 0, 0], axes[:, 0, 1], axes[:, 1, 0], axes[:, 1, 1] = cos, sin, -sin, cos
        forward, left = axes[:, 0], axes[:, 1]
        middle = pose[:, :2, 3] + forward * centre[:, :1] + left * centre[:, 1:2]
        ahead, aside = forward * half[:, :1], left * half[:, 1:2]
        front, back = middle + ahead, middle - ahead
        corners = np.empty((len(yaw), 4, 2))
        corners[:, 0], corners[:, 1] = front + aside, back + aside
        corners[:, 2], corners[:, 3] = back - aside, front - aside
        height = pose[:, 2, 3] + centre[:, 2]
        return Boxes(corners, axes, height - half[:, 2], height + half[:, 2])

    @staticmethod
    def of_arrays(arrays: BodyArrays) -> Boxes:
        """Boxes of all rows."""
        return Boxes.of(arrays.pose, arrays.centre, arrays.half)


@dataclass(frozen=True)
class Overlaps:
    """Overlapping pairs: rows `first` (P,) of bodies, `second` (P,) of bodies or footprints.

    `depth_m` (P,) along `push` (P, 2), the unit direction in which `first` gets free of `second`; `point` (P, 2) is
    where they touch.
    """

    first: Indices
    second: Indices
    depth_m: Array
    push: Array
    point: Array


def _separate(
    a: Array, a_axes: Array, b: Array, b_axes: Array, closing: Array, horizon_s: float
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Separating-axis test of convex polygons a (P, K, 2) and b (P, L, 2) with unit axes (P, ., 2).

    `closing` (P, 2) is the velocity of a relative to b; an axis along which they came to overlap within `horizon_s`
    wins over the least depth. Returns depth (P,), the direction (P, 2) that frees a, and whether they overlap (P,).
    """
    axes = np.concatenate([a_axes, b_axes], axis=1)
    along_a = np.einsum("pkd,pmd->pmk", a, axes)
    along_b = np.einsum("pkd,pmd->pmk", b, axes)
    low = along_a.max(axis=2) - along_b.min(axis=2)  # how far a must go back along the axis
    high = along_b.max(axis=2) - along_a.min(axis=2)  # how far a must go on along the axis
    speed = np.einsum("pd,pmd->pm", closing, axes)
    depth = np.minimum(low, high)
    hit = (depth > 0.0).all(axis=1)
    # going along +axis, contact began `low` ago; along -axis, `high` ago
    entered = np.where(speed > 0.0, low, high)
    age = entered / np.maximum(np.abs(speed), 1e-9)
    age = np.where((np.abs(speed) > 0.1) & (age <= horizon_s), age, np.inf)
    at = np.arange(len(a))
    youngest, least = np.argmin(age, axis=1), np.argmin(depth, axis=1)
    timed = np.isfinite(age[at, youngest])
    pick = np.where(timed, youngest, least)
    back = np.where(timed, speed[at, pick] > 0.0, low[at, pick] <= high[at, pick])
    amount = np.where(timed, entered[at, pick], depth[at, pick])
    push = axes[at, pick] * np.where(back, -1.0, 1.0)[:, None]
    return amount, push, hit


def _touch_points(a: Array, b: Array, push: Array) -> Array:
    """Where polygons a and b touch (P, 2): a corner on a face at the corner, a face on a face in what both cover."""
    side = np.stack([-push[:, 1], push[:, 0]], axis=1)
    deep_a, low_a, high_a = _feature(a, -push, side)
    deep_b, low_b, high_b = _feature(b, push, side)
    low, high = np.maximum(low_a, low_b), np.minimum(high_a, high_b)
    corner = np.where(high_a - low_a < high_b - low_b, low_a + high_a, low_b + high_b)  # where they miss each other
    along = 0.5 * np.where(low <= high, low + high, corner)
    level = 0.5 * (deep_b - deep_a)
    return np.asarray(push * level[:, None] + side * along[:, None])


def _feature(polygon: Array, direction: Array, side: Array) -> tuple[Array, Array, Array]:
    """The corners furthest along `direction`: how far (P,), and the stretch they cover along `side` (P,), (P,)."""
    along = np.einsum("pkd,pd->pk", polygon, direction)
    deepest = along.max(axis=1)
    far = along >= deepest[:, None] - 0.02
    across = np.einsum("pkd,pd->pk", polygon, side)
    return deepest, np.where(far, across, np.inf).min(axis=1), np.where(far, across, -np.inf).max(axis=1)


def body_pairs(boxes: Boxes, usable: npt.NDArray[np.bool_], active: npt.NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Pairs of rows whose upright bounds overlap, first < second, at least one of them active, in a fixed order."""
    rows = np.flatnonzero(usable)
    if len(rows) < 2 or not active.any():
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    low, high = (bound[rows] for bound in boxes.bounds)
    order = np.argsort(low[:, 0], kind="stable")
    left, right = _meeting(low[order, 0], high[order, 0], active[rows[order]])
    i, j = order[left], order[right]
    near = (low[i, 1] < high[j, 1]) & (low[j, 1] < high[i, 1])
    i, j = rows[i[near]], rows[j[near]]
    near = (boxes.bottom[i] < boxes.top[j]) & (boxes.bottom[j] < boxes.top[i])
    first, second = np.minimum(i, j)[near], np.maximum(i, j)[near]
    fixed = np.lexsort((second, first))
    return first[fixed], second[fixed]


def _meeting(low: Array, high: Array, active: npt.NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Pairs of stretches (N,) that meet, sorted by their lower ends, the earlier first; one of the two is active.

    Those at rest are compared with active ones only: a town full of what stands costs nothing.
    """
    every, at = np.arange(len(low)), np.flatnonzero(active)
    moving, others = runs(at + 1, np.maximum(np.searchsorted(low, high[at], side="right") - at - 1, 0))
    if len(at) == len(low):
        return moving, others
    rest = every[~active]
    first, last = np.searchsorted(at, rest), np.searchsorted(low[at], high[rest], side="right")
    which, later = runs(first, np.maximum(last - first, 0))
    return np.concatenate([at[moving], rest[which]]), np.concatenate([others, at[later]])


def _indices(values: list[int]) -> Indices:
    return np.array(values, dtype=np.intp)


class StaticGrid:
    """Footprints of a town, found by cell; polygons are padded to one length by repeating their last corner."""

    def __init__(self, footprints: Sequence[Footprint], reach_m: float) -> None:
        """`reach_m` is the largest half diagonal of anything that will be asked for."""
        self.footprints = tuple(footprints)
        sides = max((len(f.polygon) for f in footprints), default=3)
        self.polygons = np.zeros((len(footprints), sides, 2))
        self.axes = np.zeros((len(footprints), sides, 2))
        self.bottom = np.array([f.bottom_m for f in footprints], dtype=np.float64)
        self.top = np.array([f.top_m for f in footprints], dtype=np.float64)
        for k, footprint in enumerate(footprints):
            polygon = np.asarray(footprint.polygon, dtype=np.float64)
            edge = np.roll(polygon, -1, axis=0) - polygon
            normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1) / np.maximum(np.hypot(*edge.T), 1e-9)[:, None]
            self.polygons[k] = polygon[-1]
            self.axes[k] = normal[0]
            self.polygons[k, : len(polygon)], self.axes[k, : len(polygon)] = polygon, normal
        self.low, self.high = self.polygons.min(axis=1), self.polygons.max(axis=1)
        self._fill(reach_m)

    def _fill(self, reach_m: float) -> None:
        if not self.footprints:
            self._origin, self._shape = np.zeros(2), (1, 1)
            self._starts, self._members = _indices([0, 0]), _indices([])
            return
        self._origin = self.low.min(axis=0) - reach_m
        extent = self.high.max(axis=0) + reach_m - self._origin
        self._shape = (int(extent[0] // _CELL_M) + 1, int(extent[1] // _CELL_M) + 1)
        cells: list[list[int]] = [[] for _ in range(self._shape[0] * self._shape[1])]
        first = ((self.low - reach_m - self._origin) // _CELL_M).astype(int)
        last = ((self.high + reach_m - self._origin) // _CELL_M).astype(int)
        for k in range(len(self.footprints)):
            for i in range(first[k, 0], last[k, 0] + 1):
                for j in range(first[k, 1], last[k, 1] + 1):
                    cells[i * self._shape[1] + j].append(k)
        self._starts = _indices([0, *np.cumsum([len(cell) for cell in cells]).tolist()])
        self._members = _indices([k for cell in cells for k in cell])

    def pairs(self, boxes: Boxes, rows: Indices) -> tuple[Indices, Indices]:
        """(row, footprint) pairs whose upright bounds overlap, in a fixed order."""
        if len(rows) == 0 or not self.footprints:
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        corners = boxes.corners[rows]
        middle = (corners[:, 0] + corners[:, 1] + corners[:, 2] + corners[:, 3]) / 4.0
        column, line = np.floor((middle - self._origin) / _CELL_M).astype(np.intp).T
        inside = (column >= 0) & (line >= 0) & (column < self._shape[0]) & (line < self._shape[1])
        if not inside.any():
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        rows, flat = rows[inside], column[inside] * self._shape[1] + line[inside]
        count = self._starts[flat + 1] - self._starts[flat]
        which, member = runs(self._starts[flat], count)
        other = self._members[member]
        row = rows[which]
        low, high = (bound[row] for bound in boxes.bounds)
        meets = (low < self.high[other]) & (self.low[other] < high)
        near = meets[:, 0] & meets[:, 1]
        near &= (boxes.bottom[row] < self.top[other]) & (self.bottom[other] < boxes.top[row])
        return row[near], other[near]


def rows_overlapping(box: Boxes, bodies: Boxes, wanted: npt.NDArray[np.bool_]) -> Indices:
    """Rows of the `wanted` (N,) among bodies that overlap one box, all of them at rest."""
    (low, high), (box_low, box_high) = bodies.bounds, box.bounds
    near = wanted & (bodies.bottom < box.top[0]) & (bodies.top > box.bottom[0])
    rows = np.flatnonzero(near & ((low < box_high) & (box_low < high)).all(axis=1))
    if len(rows) == 0:
        return rows
    both = Boxes(
        np.concatenate([box.corners, bodies.corners[rows]]),
        np.concatenate([box.axes, bodies.axes[rows]]),
        np.concatenate([box.bottom, bodies.bottom[rows]]),
        np.concatenate([box.top, bodies.top[rows]]),
    )
    others = np.arange(1, len(rows) + 1)
    overlaps = body_overlaps(both, np.zeros_like(others), others, np.zeros((len(rows) + 1, 3)), 0.0)
    return rows[overlaps.second - 1]


def body_overlaps(boxes: Boxes, first: Indices, second: Indices, velocity: Array, horizon_s: float) -> Overlaps:
    """Which of the pairs truly overlap; `velocity` (N, 3) of all rows."""
    closing = (velocity[first] - velocity[second])[:, :2]
    a, b = boxes.corners[first], boxes.corners[second]
    depth, push, hit = _separate(a, boxes.axes[first], b, boxes.axes[second], closing, horizon_s)
    points = _touch_points(a[hit], b[hit], push[hit])
    return Overlaps(first[hit], second[hit], depth[hit], push[hit], points)


def door_overlaps(
    doors: Boxes,
    owners: Indices,
    boxes: Boxes,
    usable: npt.NDArray[np.bool_],
    active: npt.NDArray[np.bool_],
    velocity: Array,
    horizon_s: float,
) -> Overlaps:
    """Which doors overlap which bodies but their own; `first` are the rows (D,) `owners` of the doors' vehicles.

    `boxes`, `usable`, `active` and `velocity` are of all rows, as in `body_pairs` and `body_overlaps`.
    """
    door, row = (grid.ravel() for grid in np.meshgrid(np.arange(len(owners)), np.arange(len(usable)), indexing="ij"))
    owner = owners[door]
    near = (owner != row) & usable[owner] & usable[row] & (active[owner] | active[row])
    near &= (doors.corners[door].min(axis=1) < boxes.corners[row].max(axis=1)).all(axis=1)
    near &= (boxes.corners[row].min(axis=1) < doors.corners[door].max(axis=1)).all(axis=1)
    near &= (doors.bottom[door] < boxes.top[row]) & (boxes.bottom[row] < doors.top[door])
    door, owner, row = door[near], owner[near], row[near]
    closing = (velocity[owner] - velocity[row])[:, :2]
    a, b = doors.corners[door], boxes.corners[row]
    depth, push, hit = _separate(a, doors.axes[door], b, boxes.axes[row], closing, horizon_s)
    return Overlaps(owner[hit], row[hit], depth[hit], push[hit], _touch_points(a[hit], b[hit], push[hit]))


def static_overlaps(
    boxes: Boxes, grid: StaticGrid, rows: Indices, other: Indices, velocity: Array, horizon_s: float
) -> Overlaps:
    """Which of the (row, footprint) pairs truly overlap."""
    a, b = boxes.corners[rows], grid.polygons[other]
    depth, push, hit = _separate(a, boxes.axes[rows], b, grid.axes[other], velocity[rows, :2], horizon_s)
    points = _touch_points(a[hit], b[hit], push[hit])
    return Overlaps(rows[hit], other[hit], depth[hit], push[hit], points)
