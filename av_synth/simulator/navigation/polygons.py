"""Convex polygons that meet edge to edge: triangles of faces, joined as far as they stay convex."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.navigation.faces import faces
from av_synth.simulator.navigation.ground import GRID_M, Area
from av_synth.simulator.town.relief import Relief

MAX_CORNERS = 6  # of a polygon of Detour's
_LEAST_M2 = 4.0  # an island of pavement that is smaller is no place to be
_INWARD_M = 0.15  # where the height of a corner is asked for, so that it is that of its own side of a kerb

Corner = tuple[int, int]
Edge = tuple[Corner, Corner]


@dataclass(frozen=True)
class PolygonMesh:
    """A walkable surface.

    Attributes:
        vertices_m: (V, 3) world metres.
        polygons: for each, the indices of its corners, counter-clockwise seen from above.
        neighbours: for each, and each of its edges (edge k leaves corner k), the polygon beyond it or -1.
        areas: the kind of each.
    """

    vertices_m: Array
    polygons: tuple[tuple[int, ...], ...]
    neighbours: tuple[tuple[int, ...], ...]
    areas: tuple[Area, ...]


def build(areas: Mapping[Area, BaseGeometry], height_m: Callable[[Array, Array], Array], relief: Relief) -> PolygonMesh:
    """The mesh of areas that do not overlap, on ground of a height; empty where no island of them is worth keeping.

    Args:
        areas: by kind, seen from above.
        height_m: of the ground at points (N,), (N,).
        relief: which the heights follow, kerbs apart.
    """
    rings: list[tuple[Corner, ...]] = []
    kinds: list[Area] = []
    for area, face in faces(areas, relief):
        joined = _joined(_triangles(face))
        rings += joined
        kinds += [area] * len(joined)
    kept = _worth_keeping(rings, kinds)
    if not kept:
        return PolygonMesh(np.zeros((0, 3)), (), (), ())
    rings, kinds = [rings[k] for k in kept], [kinds[k] for k in kept]
    numbers, vertices = _stand(rings, kinds, height_m)
    return PolygonMesh(vertices, numbers, _neighbours(rings), tuple(kinds))


def _triangles(face: BaseGeometry) -> list[tuple[Corner, ...]]:
    """Triangles between the corners of a face, counter-clockwise, on the grid."""
    parts = shapely.get_parts(shapely.constrained_delaunay_triangles(face))
    corners = np.rint(shapely.get_coordinates(parts).reshape(-1, 4, 2)[:, :3] / GRID_M).astype(np.int64)
    rings: list[tuple[Corner, ...]] = [tuple((int(x), int(y)) for x, y in triangle) for triangle in corners]
    turned = [ring if _turn(*ring) > 0 else ring[::-1] for ring in rings]
    return [ring for ring in turned if _turn(*ring)]


def _turn(a: Corner, b: Corner, c: Corner) -> int:
    """Twice the area of a triangle, above 0 if it is counter-clockwise."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _joined(triangles: Sequence[tuple[Corner, ...]]) -> list[tuple[Corner, ...]]:
    """Larger convex polygons out of triangles of one face: over the longest edges first, as long as they stay so."""
    rings: dict[int, tuple[Corner, ...]] = dict(enumerate(triangles))
    owner = {edge: k for k, ring in rings.items() for edge in _edges(ring)}
    inner = [(a, b) for a, b in owner if a < b and (b, a) in owner]
    inner.sort(key=lambda e: (-((e[0][0] - e[1][0]) ** 2 + (e[0][1] - e[1][1]) ** 2), e))
    for a, b in inner:
        first, second = owner[a, b], owner[b, a]
        ring = _over(rings[first], rings[second], a, b) if first != second else None
        if ring is not None:
            rings[first] = ring
            for edge in _edges(rings.pop(second)):
                owner[edge] = first
    return list(rings.values())


def _over(first: tuple[Corner, ...], second: tuple[Corner, ...], a: Corner, b: Corner) -> tuple[Corner, ...] | None:
    """Two polygons joined over the edge from a to b of the first, if that is a convex one of few enough corners."""
    i, j = first.index(b), second.index(a)
    ring = first[i:] + first[:i] + (second[j:] + second[:j])[1:-1]
    if len(ring) > MAX_CORNERS or len(set(ring)) < len(ring):
        return None
    convex = all(_turn(ring[k - 2], ring[k - 1], ring[k]) >= 0 for k in range(len(ring)))
    return ring if convex else None


def _edges(ring: Sequence[Corner]) -> list[Edge]:
    return [(ring[k], ring[(k + 1) % len(ring)]) for k in range(len(ring))]


def _neighbours(rings: Sequence[tuple[Corner, ...]]) -> tuple[tuple[int, ...], ...]:
    owner = {edge: k for k, ring in enumerate(rings) for edge in _edges(ring)}
    return tuple(tuple(owner.get((b, a), -1) for a, b in _edges(ring)) for ring in rings)


def _worth_keeping(rings: Sequence[tuple[Corner, ...]], kinds: Sequence[Area]) -> list[int]:
    """Polygons but those of small islands that cannot be left without walking on a road."""
    beyond = _neighbours(rings)
    doubled = [sum(_turn(ring[0], b, c) for b, c in pairwise(ring)) for ring in rings]
    kept, seen = [], set()
    for start in range(len(rings)):
        if start in seen:
            continue
        island, todo = [], [start]
        seen.add(start)
        while todo:
            k = todo.pop()
            island.append(k)
            for n in beyond[k]:
                if n >= 0 and n not in seen and (kinds[n] is Area.ROAD) == (kinds[start] is Area.ROAD):
                    seen.add(n)
                    todo.append(n)
        if sum(doubled[k] for k in island) * GRID_M**2 / 2 >= _LEAST_M2:
            kept += island
    return sorted(kept)


def _stand(
    rings: Sequence[tuple[Corner, ...]], kinds: Sequence[Area], height_m: Callable[[Array, Array], Array]
) -> tuple[tuple[tuple[int, ...], ...], Array]:
    """Corners put on the ground: numbers of vertices, and the vertices; both sides of a kerb have their own."""
    corners = np.array([corner for ring in rings for corner in ring], dtype=np.float64) * GRID_M
    sizes = np.array([len(ring) for ring in rings])
    of = np.repeat(np.arange(len(rings)), sizes)
    middle = np.column_stack([np.bincount(of, corners[:, k]) for k in (0, 1)]) / sizes[:, None]
    way = middle[of] - corners
    length = np.hypot(*way.T)
    at = corners + way * (np.minimum(_INWARD_M, length / 2) / np.maximum(length, GRID_M))[:, None]
    heights = height_m(at[:, 0], at[:, 1])
    found: dict[tuple[Corner, bool], list[float]] = defaultdict(list)
    keys = [(corner, kind is Area.SIDEWALK) for ring, kind in zip(rings, kinds, strict=True) for corner in ring]
    for key, height in zip(keys, heights, strict=True):
        found[key].append(float(height))
    number = {key: k for k, key in enumerate(found)}
    # beside a kerb the mesh is less exact than the town: pavements are what is high there, roads what is low
    z = [max(seen) if raised else min(seen) for (_, raised), seen in found.items()]
    xy: npt.NDArray[np.float64] = np.array([corner for corner, _ in found], dtype=np.float64) * GRID_M
    numbers = iter(number[key] for key in keys)
    return tuple(tuple(next(numbers) for _ in ring) for ring in rings), np.column_stack([xy, z])
