"""Simple solids as classed meshes: boxes, prisms, blobs and flat polygons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag

Indices = npt.NDArray[np.int64]


class Look(NamedTuple):
    """Colour (sRGB), material and tag of a surface."""

    colour: tuple[int, int, int]
    material: Material
    tag: Tag


def shade(colour: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    """A colour made lighter (factor above 1) or darker."""
    r, g, b = (max(0, min(255, round(c * factor))) for c in colour)
    return r, g, b


def faceted(points: Array, triangles: npt.ArrayLike, look: Look) -> Mesh:
    """A mesh (V, 3), (T, 3) with a normal for each face: every corner becomes a vertex of its own."""
    corners = points[np.asarray(triangles, dtype=np.int64)]
    (ax, ay, az), (bx, by, bz) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    # as numpy's cross, which takes as long for a few triangles as all the rest
    normals = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return _mesh(
        corners.reshape(-1, 3), np.repeat(normals, 3, axis=0), np.arange(len(corners) * 3).reshape(-1, 3), look
    )


def loose(triangles: Array, look: Look) -> Mesh:
    """A mesh of triangles (T, 3, 3) given by their corners, with a normal for each face."""
    return faceted(triangles.reshape(-1, 3), np.arange(len(triangles) * 3).reshape(-1, 3), look)


def smooth(points: Array, normals: Array, triangles: npt.ArrayLike, look: Look) -> Mesh:
    """A mesh (V, 3), (T, 3) with given unit normals (V, 3)."""
    return _mesh(points, normals, np.asarray(triangles, dtype=np.int64), look)


def flat(points_xy: Array, triangles: npt.ArrayLike, z_m: float, look: Look) -> Mesh:
    """A level mesh of points (V, 2) that looks up; triangles of either winding are turned up, empty ones dropped."""
    corners = np.asarray(triangles, dtype=np.int64).reshape(-1, 3)
    a, b, c = (points_xy[corners[:, k]] for k in range(3))
    doubled = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    upward: Indices = np.where((doubled < 0)[:, None], corners[:, ::-1], corners)[np.abs(doubled) > 1e-6]
    points = np.column_stack([points_xy, np.full(len(points_xy), z_m)])
    return _mesh(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), upward, look)


def quad(a: npt.ArrayLike, b: npt.ArrayLike, c: npt.ArrayLike, d: npt.ArrayLike, look: Look) -> Mesh:
    """A four-cornered face, counter-clockwise seen from where it looks to."""
    return faceted(np.array([a, b, c, d], dtype=np.float64), [[0, 1, 2], [0, 2, 3]], look)


def prism(
    polygon: Array, bottom_m: float, top_m: float, look: Look, *, top: Look | None = None, scale: float = 1.0
) -> Mesh:
    """A solid over a convex counter-clockwise (K, 2) polygon: walls and a top (of another look if given), no bottom.

    Args:
        polygon: (K, 2) in metres.
        bottom_m: height of its foot.
        top_m: height of its top.
        look: of the walls.
        top: of the top face.
        scale: of the top polygon about its middle, for tapered poles.
    """
    k = len(polygon)
    upper = polygon.mean(axis=0) + (polygon - polygon.mean(axis=0)) * scale
    points = np.concatenate(
        [np.column_stack([polygon, np.full(k, bottom_m)]), np.column_stack([upper, np.full(k, top_m)])]
    )
    walls = [t for i in range(k) for j in [(i + 1) % k] for t in ([i, j, k + j], [i, k + j, k + i])]
    lid = [[k, k + i, k + i + 1] for i in range(1, k - 1)]
    return Mesh.merge([faceted(points, walls, look), faceted(points, lid, top or look)])


def box(centre_m: npt.ArrayLike, half_m: npt.ArrayLike, look: Look, yaw_rad: float = 0.0) -> Mesh:
    """A closed box about its centre (3,), half extents (3,), turned about z."""
    half = np.asarray(half_m, dtype=np.float64)
    corners = np.array([[x, y, z] for z in (-1, 1) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]) * half
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    points = corners @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + np.asarray(centre_m, dtype=np.float64)
    faces = [[0, 3, 2], [0, 2, 1], [4, 5, 6], [4, 6, 7]]
    faces += [t for i in range(4) for j in [(i + 1) % 4] for t in ([i, j, 4 + j], [i, 4 + j, 4 + i])]
    return faceted(points, faces, look)


def circle(x_m: float, y_m: float, radius_m: float, sides: int) -> Array:
    """A regular polygon (sides, 2), counter-clockwise."""
    angle = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    return np.column_stack([x_m + radius_m * np.cos(angle), y_m + radius_m * np.sin(angle)])


def rectangle(x_m: float, y_m: float, half_x_m: float, half_y_m: float, yaw_rad: float) -> Array:
    """A rectangle (4, 2) about its centre, counter-clockwise, its own x axis at `yaw_rad`."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    corners = np.array([[-half_x_m, -half_y_m], [half_x_m, -half_y_m], [half_x_m, half_y_m], [-half_x_m, half_y_m]])
    turned: Array = corners @ np.array([[c, s], [-s, c]]) + [x_m, y_m]
    return turned


def icosphere(subdivisions: int) -> tuple[Array, Indices]:
    """Unit sphere of 20 * 4^n faces: points (V, 3), triangles (T, 3)."""
    g = (1 + math.sqrt(5)) / 2
    points = [[-1, g, 0], [1, g, 0], [-1, -g, 0], [1, -g, 0], [0, -1, g], [0, 1, g]]
    points += [[0, -1, -g], [0, 1, -g], [g, 0, -1], [g, 0, 1], [-g, 0, -1], [-g, 0, 1]]
    vertices = [np.array(p) / math.hypot(1, g) for p in points]
    faces = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2)]
    faces += [(10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5)]
    faces += [(2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]
    for _ in range(subdivisions):
        middles: dict[tuple[int, int], int] = {}

        def middle(i: int, j: int, middles: dict[tuple[int, int], int] = middles) -> int:
            key = (min(i, j), max(i, j))
            if key not in middles:
                point = vertices[i] + vertices[j]
                vertices.append(point / np.linalg.norm(point))
                middles[key] = len(vertices) - 1
            return middles[key]

        split = []
        for a, b, c in faces:
            ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
            split += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = split
    return np.array(vertices), np.array(faces)


def moved(mesh: Mesh, x_m: float, y_m: float, z_m: float, yaw_rad: float = 0.0, scale: float = 1.0) -> Mesh:
    """A copy of a mesh scaled, turned about z, then moved."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    points = mesh.positions_m.astype(np.float64) * scale @ turn + [x_m, y_m, z_m]
    return Mesh(
        points.astype(np.float32),
        (mesh.normals.astype(np.float64) @ turn).astype(np.float32),
        mesh.colours,
        mesh.materials,
        mesh.tags,
        mesh.triangles,
    )


def triangulate(ring: Sequence[Sequence[float]] | Array) -> list[tuple[int, int, int]]:
    """Cut a simple counter-clockwise polygon (K, 2) into triangles, by clipping ears; straight corners are fine."""
    points = [(float(p[0]), float(p[1])) for p in ring]
    left = list(range(len(points)))
    triangles = []
    while len(left) > 3:
        for k in range(len(left)):
            i, j, m = left[k - 1], left[k], left[(k + 1) % len(left)]
            a, b, c = points[i], points[j], points[m]
            if _cross(a, b, c) > 1e-9 and not any(_inside(points[n], a, b, c) for n in left if n not in (i, j, m)):
                triangles.append((i, j, m))
                left.pop(k)
                break
        else:
            return triangles  # the rest lies on one straight line
    triangles.append((left[0], left[1], left[2]))
    return triangles


def _cross(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _inside(p: tuple[float, float], a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return _cross(a, b, p) >= -1e-9 and _cross(b, c, p) >= -1e-9 and _cross(c, a, p) >= -1e-9


def _mesh(points: Array, normals: Array, triangles: Indices, look: Look) -> Mesh:
    count = len(points)
    return Mesh(
        points.astype(np.float32),
        normals.astype(np.float32),
        np.tile(np.array(look.colour, dtype=np.uint8), (count, 1)),
        np.full(count, int(look.material), dtype=np.uint8),
        np.full(count, int(look.tag), dtype=np.uint8),
        triangles.astype(np.uint32),
    )
