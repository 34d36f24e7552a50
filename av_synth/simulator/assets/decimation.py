"""Fewer triangles: edges are collapsed onto one of their ends, the cheapest first.

Ends stay where they are, so textures keep their places. What bounds a hole, a substance or a piece of texture may only
be collapsed along itself. Source: M. Garland and P. Heckbert, Surface simplification using quadric error metrics,
SIGGRAPH 1997; H. Hoppe, Progressive meshes, SIGGRAPH 1996 (half-edge collapse).
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers, Model

_EDGE_WEIGHT = 6.0  # of what holds a boundary in place, against the surface
_MIN_TURN = 0.25  # cosine of how far a triangle may turn in one collapse

Point = tuple[float, float, float]
Quadric = list[float]


def simplified(model: Model, budget: int, worth: Array) -> Model:
    """The model with at most `budget` triangles, or as few as its boundaries allow.

    Args:
        model: welded.
        budget: of triangles.
        worth: (S,), how much the shape of each substance counts against that of others.
    """
    return model if len(model.triangles) <= budget else _Surface(model, worth).reduced(budget)


class _Surface:
    """A mesh that can lose edges, as lists: single steps on arrays would take ten times as long."""

    def __init__(self, model: Model, worth: Array) -> None:
        self._model = model
        self._worth: list[float] = worth[model.substance].tolist()
        scale = 1.0 / max(float(np.ptp(model.points, axis=0).max()), 1e-12)
        middle = model.points.mean(axis=0)
        self._points: list[Point] = [(x, y, z) for x, y, z in ((model.points - middle) * scale).tolist()]
        self._faces: list[list[int] | None] = [list(face) for face in model.triangles.tolist()]
        wedge = np.column_stack(
            [
                model.triangles.reshape(-1),
                np.repeat(model.substance, 3),
                np.round(model.uvs.reshape(-1, 2) * 1e5).astype(np.int64),
            ]
        )
        _, self._first_corner, number = np.unique(wedge, axis=0, return_index=True, return_inverse=True)
        self._wedges: list[list[int]] = np.asarray(number, dtype=np.int64).reshape(-1, 3).tolist()
        self._around: list[set[int]] = [set() for _ in self._points]
        for number_of_face, face in enumerate(model.triangles.tolist()):
            for corner in face:
                self._around[corner].add(number_of_face)
        self._quadrics: list[Quadric] = [[0.0] * 10 for _ in self._points]
        self._bounds: list[set[int]] = [set() for _ in self._points]
        self._weigh()
        self._age = [0] * len(self._points)
        self._queue: list[tuple[float, int, int, int, int]] = []

    def _weigh(self) -> None:
        """Set out the quadrics, and find the edges that bound something."""
        edges: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
        normals: list[Point] = []
        for number, face in enumerate(self._faces):
            if face is None:
                continue
            a, b, c = (self._points[corner] for corner in face)
            normal, area = _normal(a, b, c)
            normals.append(normal)
            for corner in face:
                _add_plane(self._quadrics[corner], normal, a, self._worth[number] * area)
            wedges = self._wedges[number]
            for k in range(3):
                u, v = face[k], face[(k + 1) % 3]
                p, q = wedges[k], wedges[(k + 1) % 3]
                edges[(u, v) if u < v else (v, u)].append((number, p if u < v else q, q if u < v else p))
        for (u, v), sides in edges.items():
            if len(sides) == 2 and sides[0][1:] == sides[1][1:]:
                continue
            self._bounds[u].add(v)
            self._bounds[v].add(u)
            a, b = self._points[u], self._points[v]
            along = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
            for number, _, _ in sides:
                wall = _cross(along, normals[number])
                length = (wall[0] ** 2 + wall[1] ** 2 + wall[2] ** 2) ** 0.5
                if length > 1e-12:
                    wall = (wall[0] / length, wall[1] / length, wall[2] / length)
                    for end in (u, v):
                        _add_plane(self._quadrics[end], wall, a, self._worth[number] * _EDGE_WEIGHT * length * length)

    def reduced(self, budget: int) -> Model:
        """Collapse edges until the budget is met or none is left that may go."""
        for u in range(len(self._points)):
            self._offer(u)
        left = len(self._faces)
        while left > budget and self._queue:
            _, u, v, age_u, age_v = heapq.heappop(self._queue)
            if self._age[u] != age_u or self._age[v] != age_v:
                continue
            left -= self._collapse(u, v)
        return self._finished()

    def _neighbours(self, u: int) -> set[int]:
        found = {corner for number in self._around[u] for corner in self._faces[number] or ()}
        found.discard(u)
        return found

    def _offer(self, u: int) -> None:
        """Queue what `u` may be collapsed onto."""
        bounds = self._bounds[u]
        if len(bounds) not in (0, 2):
            return  # a corner of what is bounded stays
        for v in bounds or self._neighbours(u):
            self._offer_edge(u, v)

    def _offer_edge(self, u: int, v: int) -> None:
        a, b = self._points[u], self._points[v]
        cost = _error(self._quadrics[u], b) + _error(self._quadrics[v], b)
        cost += 1e-9 * ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)
        heapq.heappush(self._queue, (cost, u, v, self._age[u], self._age[v]))

    def _collapse(self, u: int, v: int) -> int:
        """Move `u` onto `v` if the surface stays one; returns how many triangles went."""
        gone = self._around[u] & self._around[v]
        if not gone or len(self._neighbours(u) & self._neighbours(v)) != len(gone):
            return 0
        stand_in: dict[int, int] = {}
        for number in gone:
            face, wedges = self._faces[number] or [], self._wedges[number]
            stand_in[wedges[face.index(u)]] = wedges[face.index(v)]
        moved = self._around[u] - gone
        for number in moved:
            face = self._faces[number] or []
            if self._wedges[number][face.index(u)] not in stand_in:
                return 0
            before, area = _normal(*(self._points[corner] for corner in face))
            after, left = _normal(*(self._points[v if corner == u else corner] for corner in face))
            turn = before[0] * after[0] + before[1] * after[1] + before[2] * after[2]
            if left < 1e-12 or (turn < _MIN_TURN and area > 1e-12):
                return 0
        for number in gone:
            for corner in self._faces[number] or ():
                self._around[corner].discard(number)
            self._faces[number] = None
        for number in moved:
            face, wedges = self._faces[number] or [], self._wedges[number]
            at = face.index(u)
            face[at], wedges[at] = v, stand_in[wedges[at]]
            self._around[v].add(number)
        self._around[u] = set()
        self._hand_over(u, v)
        return len(gone)

    def _hand_over(self, u: int, v: int) -> None:
        """What held `u` holds `v` now, and edges to `v` are offered anew."""
        self._quadrics[v] = [p + q for p, q in zip(self._quadrics[u], self._quadrics[v], strict=True)]
        for other in self._bounds[u]:
            self._bounds[other].discard(u)
            if other != v:
                self._bounds[other].add(v)
                self._bounds[v].add(other)
        self._bounds[u] = set()
        self._age[u] += 1
        self._age[v] += 1
        for other in sorted(self._neighbours(v)):
            bounds = self._bounds[other]
            if not bounds or (len(bounds) == 2 and v in bounds):
                self._offer_edge(other, v)
        self._offer(v)

    def _finished(self) -> Model:
        kept: Integers = np.array([k for k, face in enumerate(self._faces) if face is not None], dtype=np.int64)
        faces = np.array([self._faces[k] for k in kept], dtype=np.int64).reshape(-1, 3)
        wedges = np.array([self._wedges[k] for k in kept], dtype=np.int64).reshape(-1, 3)
        model = self._model
        uvs = model.uvs.reshape(-1, 2)[self._first_corner[wedges]]
        whole = Model(model.points, faces, uvs, model.substance[kept], model.substances)
        return whole.kept(np.ones(len(faces), dtype=bool))


def _cross(a: Point, b: Point) -> Point:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _normal(a: Point, b: Point, c: Point) -> tuple[Point, float]:
    """Unit normal and twice the area of a triangle."""
    x, y, z = _cross((b[0] - a[0], b[1] - a[1], b[2] - a[2]), (c[0] - a[0], c[1] - a[1], c[2] - a[2]))
    area = (x * x + y * y + z * z) ** 0.5
    return ((x / area, y / area, z / area) if area > 1e-14 else (0.0, 0.0, 0.0)), area


def _add_plane(quadric: Quadric, n: Point, at: Point, weight: float) -> None:
    d = -(n[0] * at[0] + n[1] * at[1] + n[2] * at[2])
    x, y, z = n
    for k, term in enumerate((x * x, x * y, x * z, x * d, y * y, y * z, y * d, z * z, z * d, d * d)):
        quadric[k] += weight * term


def _error(q: Quadric, p: Point) -> float:
    x, y, z = p
    return (
        q[0] * x * x
        + 2 * q[1] * x * y
        + 2 * q[2] * x * z
        + 2 * q[3] * x
        + q[4] * y * y
        + 2 * q[5] * y * z
        + 2 * q[6] * y
        + q[7] * z * z
        + 2 * q[8] * z
        + q[9]
    )
