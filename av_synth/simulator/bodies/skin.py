"""Surfaces of many finishes: lofted sheets, boxes, car wheels, and patches laid on a surface.

Everything is in metres, right-handed; triangles are counter-clockwise seen from outside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.shapes import DARK, RUBBER, STEEL, Finish
from av_synth.simulator.runs import runs
from av_synth.simulator.scene import Mesh, Tag

Knots = Sequence[tuple[float, float]]
_LEAST_AREA_M2 = 1e-8  # of twice a triangle; smaller ones are left out
_CREASE_DEG = 50.0  # edges sharper than this stay hard
_FINER = 4  # places along a quad of a patch at which the surface below it is looked for


def curve(knots: Knots, at: npt.ArrayLike) -> Array:
    """Monotone cubic through `knots` (x, value), x rising, at the places `at`; constant beyond the ends.

    Source: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984): slopes by the harmonic mean never overshoot.
    """
    x = np.array([knot[0] for knot in knots])
    y = np.array([knot[1] for knot in knots])
    places = np.clip(np.asarray(at, dtype=np.float64), x[0], x[-1])
    step, rise = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.zeros_like(y)
    same = rise[:-1] * rise[1:] > 0
    ahead, behind = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    safe = np.where(same[:, None], np.stack([rise[:-1], rise[1:]], axis=1), 1.0)
    slope[1:-1] = np.where(same, (ahead + behind) / (ahead / safe[:, 0] + behind / safe[:, 1]), 0.0)
    slope[0], slope[-1] = rise[0], rise[-1]
    i = np.clip(np.searchsorted(x, places, side="right") - 1, 0, len(step) - 1)
    t, h = (places - x[i]) / step[i], step[i]
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * h * slope[i]
        + t**2 * (3 - 2 * t) * y[i + 1]
        + t**2 * (t - 1) * h * slope[i + 1]
    )


class Skin:
    """Collects faces with finishes, then welds them and gives smooth normals that split at hard edges."""

    def __init__(self) -> None:
        self._points: list[Array] = []
        self._faces: list[npt.NDArray[np.int64]] = []
        self._finishes: list[npt.NDArray[np.int64]] = []  # material, r, g, b per face
        self._count = 0

    @property
    def filled(self) -> bool:
        """Whether anything was added."""
        return self._count > 0

    def triangles(self, points: Array, faces: npt.ArrayLike, finishes: Finish | Sequence[Finish]) -> None:
        """Add triangles `faces` (T, 3) over `points` (V, 3), with one finish or one for each."""
        index = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
        each = [finishes] * len(index) if isinstance(finishes, Finish) else list(finishes)
        self._points.append(np.asarray(points, dtype=np.float64).reshape(-1, 3))
        self._faces.append(index + self._count)
        self._finishes.append(np.array([(f.material, *f.colour) for f in each], dtype=np.int64).reshape(-1, 4))
        self._count += len(self._points[-1])

    def grid(self, points: Array, finishes: Finish | Sequence[Sequence[Finish]], *, flip: bool = False) -> None:
        """Add a sheet of quads over `points` (n, m, 3), facing d/dm x d/dn (the other way if `flip`).

        `finishes` is one for all, or (n - 1) rows of (m - 1).
        """
        n, m = points.shape[:2]
        i, j = np.meshgrid(np.arange(n - 1), np.arange(m - 1), indexing="ij")
        a, b, c, d = (((i + di) * m + j + dj).ravel() for di, dj in ((0, 0), (0, 1), (1, 1), (1, 0)))
        faces = np.stack([a, b, c, a, c, d], axis=1).reshape(-1, 3)
        each = finishes if isinstance(finishes, Finish) else [f for row in finishes for f in row for _ in range(2)]
        self.triangles(points, faces[:, ::-1] if flip else faces, each)

    def box(self, low: Sequence[float], high: Sequence[float], finish: Finish) -> None:
        """Add an axis-aligned box."""
        corner = np.array([low, high], dtype=np.float64)
        points = np.array([[corner[i, 0], corner[j, 1], corner[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
        quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
        faces = [(q[0], q[1], q[2]) for q in quads] + [(q[0], q[2], q[3]) for q in quads]
        self.triangles(points, faces, finish)

    def slab(self, outline: Sequence[tuple[float, float]], across: tuple[float, float], finish: Finish) -> None:
        """Add a convex outline of (x, z), counter-clockwise seen from the right, drawn out from right to left y."""
        edge = np.array(outline, dtype=np.float64)
        count = len(edge)
        sheets = [np.stack([edge[:, 0], np.full(count, y), edge[:, 1]], axis=1) for y in across]
        fan = [(0, k, k + 1) for k in range(1, count - 1)]
        faces = [*fan, *((count + a, count + c, count + b) for a, b, c in fan)]
        for k in range(count):
            a, b = k, (k + 1) % count
            faces += [(a, count + a, count + b), (a, count + b, b)]
        self.triangles(np.concatenate(sheets), faces, finish)

    def corners(self) -> Array:
        """Corners (T, 3, 3) of all triangles so far."""
        return np.concatenate(self._points)[np.concatenate(self._faces)]

    @property
    def triangle_count(self) -> int:
        """How many triangles the mesh would have."""
        return int((self._welded()[3] > _LEAST_AREA_M2).sum())

    def _welded(self) -> tuple[Array, npt.NDArray[np.int64], Array, Array]:
        """Points without doubles, faces over them, their normals as long as twice their areas, and that length."""
        raw, inverse = np.unique(np.round(np.concatenate(self._points), 4) + 0.0, axis=0, return_inverse=True)
        faces = np.asarray(inverse).reshape(-1)[np.concatenate(self._faces)]
        normal = np.cross(raw[faces[:, 1]] - raw[faces[:, 0]], raw[faces[:, 2]] - raw[faces[:, 0]])
        return raw, faces, normal, np.linalg.norm(normal, axis=1)

    def mesh(self, tag: Tag) -> Mesh:
        """Weld points closer than 0.1 mm and make the mesh."""
        raw, faces, normal, area = self._welded()
        finishes = np.concatenate(self._finishes)
        keep = area > _LEAST_AREA_M2
        faces, finishes, normal, area = faces[keep], finishes[keep], normal[keep], area[keep]
        corner = _corner_normals(faces, normal, normal / area[:, None], np.cos(np.radians(_CREASE_DEG)))
        key = np.concatenate(
            [faces.reshape(-1, 1), np.round(corner * 500).astype(np.int64), np.repeat(finishes, 3, axis=0)], axis=1
        )
        _, first, back = np.unique(key, axis=0, return_index=True, return_inverse=True)
        kept = np.repeat(finishes, 3, axis=0)[first]
        return Mesh(
            raw[faces.reshape(-1)[first]].astype(np.float32),
            corner[first].astype(np.float32),
            kept[:, 1:].astype(np.uint8),
            kept[:, 0].astype(np.uint8),
            np.full(len(first), tag, dtype=np.uint8),
            np.asarray(back).reshape(-1, 3).astype(np.uint32),
        )


def _corner_normals(faces: npt.NDArray[np.int64], weighted: Array, unit: Array, cosine: float) -> Array:
    """Normal (3T, 3) of each corner: the area-weighted mean over the faces around it that are not beyond the crease."""
    vertex = faces.reshape(-1)
    owner = np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(vertex, kind="stable")
    count = np.bincount(vertex)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    own, place = runs(start[vertex], count[vertex])
    other = owner[order[place]]
    smooth = np.einsum("ij,ij->i", unit[owner[own]], unit[other]) >= cosine - 1e-9
    total = np.zeros((len(vertex), 3))
    np.add.at(total, own[smooth], weighted[other[smooth]])
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), unit[owner])


def lay(
    onto: Array,
    centre: Sequence[float],
    azimuth_deg: float,
    width_m: float,
    height_m: float,
    *,
    shape: tuple[int, int],
    slant_m: float,
    proud_m: float,
    deep_m: float,
    upper: float = 1.0,
) -> tuple[Array, list[tuple[int, int, int]]]:
    """Press a flat patch onto a surface, such as a lamp onto a wing.

    The patch starts as a rectangle around `centre` whose outward normal is level, at `azimuth_deg` from x towards y,
    and moves against that normal until each of its points stands `proud_m` off the surface.

    Args:
        onto: (T, 3, 3), corners of the surface's triangles.
        centre: a point near the middle of the patch; only its place across the normal matters.
        azimuth_deg: heading of the outward normal.
        width_m: level size across the normal.
        height_m: upright size.
        shape: quads along width and height.
        slant_m: how much higher the right end is, seen from outside.
        proud_m: gap to the surface.
        deep_m: quads reach less far back than this.
        upper: how wide its upper edge is, as a share of the lower.

    Returns:
        Points (P, 3) and faces over them, without the quads that missed the surface or fell into a hole of it.
    """
    angle = np.radians(azimuth_deg)
    out, along = np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0])
    u, v = np.meshgrid(*(np.linspace(-0.5, 0.5, _FINER * quads + 1) for quads in shape), indexing="ij")
    rise = v * height_m + u * slant_m
    wide = u * width_m * (1.0 - (1.0 - upper) * (v + 0.5))
    start = np.asarray(centre) + 5.0 * out + wide[..., None] * along + rise[..., None] * np.array([0, 0, 1.0])
    fine = _first_hit(start.reshape(-1, 3), -out, _behind(start.reshape(-1, 3), along, onto)).reshape(u.shape)
    distance = fine[::_FINER, ::_FINER].reshape(-1)
    off = distance - proud_m - _bulge(fine, proud_m, deep_m).reshape(-1)
    points = start[::_FINER, ::_FINER].reshape(-1, 3) - off[:, None].clip(max=50.0) * out
    rows = shape[1] + 1
    faces = []
    for i in range(shape[0]):
        for j in range(shape[1]):
            a, b, c, d = i * rows + j, (i + 1) * rows + j, (i + 1) * rows + j + 1, i * rows + j + 1
            depths = distance[[a, b, c, d]]
            if np.isfinite(depths).all() and depths.max() - depths.min() < deep_m:
                faces += [(a, b, c), (a, c, d)]
    return points, faces


def _bulge(fine: Array, proud_m: float, deep_m: float) -> Array:
    """How much further out each corner of a patch must be for the surface to stay below its quads.

    `fine` (_FINER * n + 1, _FINER * m + 1) is how far the surface is below the corners, and places between them.
    """
    coarse = fine[::_FINER, ::_FINER]
    raised = np.zeros_like(coarse)
    n, m = coarse.shape[0] - 1, coarse.shape[1] - 1
    corners = np.stack([coarse[:-1, :-1], coarse[:-1, 1:], coarse[1:, :-1], coarse[1:, 1:]])
    whole = corners.max(axis=0) < corners.min(axis=0) + deep_m  # and false beside the surface, where all is infinite
    corners = np.where(whole, corners, 0.0)
    steps = [(i, j) for i in range(_FINER + 1) for j in range(_FINER + 1)]
    below = [fine[i : i + _FINER * n : _FINER, j : j + _FINER * m : _FINER] for i, j in steps]
    room = corners - np.where(whole, np.min(below, axis=0), 0.0)  # none stands further out than what it covers
    for (i, j), depth in zip(steps, below, strict=True):
        a, b = i / _FINER, j / _FINER
        weight = np.array([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b])
        over = np.where(whole, np.tensordot(weight, corners, 1) - depth - 0.6 * proud_m, 0.0).clip(0.0)
        out = room * (over / np.maximum(np.tensordot(weight, room, 1), 1e-9))
        for k, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            cell = raised[row : row + n, column : column + m]
            np.maximum(cell, out[k], out=cell)
    return raised


def _behind(points: Array, along: Array, corners: Array) -> Array:
    """The triangles (T, 3, 3) that level rays across `along` from `points` (N, 3) can meet, and few others."""
    kept = np.ones(len(corners), dtype=bool)
    for axis in (along, np.array([0.0, 0.0, 1.0])):
        places, spans = points @ axis, corners @ axis
        kept &= (spans.min(axis=1) <= places.max() + 1e-3) & (spans.max(axis=1) >= places.min() - 1e-3)
    return np.asarray(corners[kept])


def _first_hit(origins: Array, direction: Array, corners: Array) -> Array:
    """Distance (N,) of parallel rays to the nearest triangle, inf without one (Moeller and Trumbore, 1997)."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(direction, edge2)
    det = np.einsum("tj,tj->t", edge1, p)
    good = np.abs(det) > 1e-12
    corner, edge1, edge2, p, inverse = corners[good, 0], edge1[good], edge2[good], p[good], 1.0 / det[good]
    s = origins[:, None, :] - corner[None]
    u = np.einsum("ntj,tj->nt", s, p) * inverse
    q = np.cross(s, edge1[None])
    v = (q @ direction) * inverse
    t = np.einsum("ntj,tj->nt", q, edge2) * inverse
    inside = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 0)
    return np.asarray(np.where(inside, t, np.inf).min(axis=1, initial=np.inf))


def wheel(skin: Skin, hub: npt.ArrayLike, radius_m: float, width_m: float, outward: float, spokes: int = 5) -> None:
    """Add a car wheel around `hub` (3,) whose rim shows towards `outward` (+1 left, -1 right); 20 sides."""
    half = width_m / 2
    profile = [  # how far out along the axle, radius as a share
        (half - 0.030, 0.0),
        (half - 0.022, 0.16),
        (half - 0.034, 0.60),
        (half - 0.008, 0.67),
        (half, 0.76),
        (half - 0.035, 1.0),
        (-half + 0.03, 1.0),
        (-half, 0.92),
        (-half, 0.0),
    ]
    sides = 20
    turn = -np.pi / 2 + np.arange(sides + 1) * (2 * np.pi / sides)
    out = np.array([p[0] for p in profile])[:, None]
    radius = np.array([p[1] for p in profile])[:, None] * radius_m
    points = np.stack([radius * np.cos(turn), np.repeat(out, sides + 1, axis=1), radius * np.sin(turn)], axis=-1)
    gap = sides // spokes
    spoke = [STEEL if j % gap < gap / 2 else DARK for j in range(sides)]
    finishes = [[STEEL] * sides, spoke, [STEEL] * sides] + [[RUBBER] * sides] * 4 + [[DARK] * sides]
    points[..., 1] *= outward
    skin.grid(points + np.asarray(hub), finishes, flip=outward < 0)
