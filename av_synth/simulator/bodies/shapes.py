"""Finishes, and round solids of one finish: limbs, balls, tubes, hoops.

Everything is in metres, right-handed; triangles are counter-clockwise seen from outside.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import UNPAINTED, Material, Mesh, Tag

Colour = tuple[int, int, int]


class Finish(NamedTuple):
    """Material and sRGB colour of a surface."""

    material: Material
    colour: Colour


PAINT = Finish(Material.PAINT, UNPAINTED)
GLASS = Finish(Material.GLASS, (24, 28, 33))
RUBBER = Finish(Material.MATTE, (24, 24, 25))
PLASTIC = Finish(Material.MATTE, (36, 37, 39))
DARK = Finish(Material.MATTE, (14, 14, 15))
STEEL = Finish(Material.METAL, (168, 171, 176))
CHROME = Finish(Material.METAL, (205, 207, 210))
PLATE = Finish(Material.RETRO, (226, 226, 220))
HEADLAMP = Finish(Material.LAMP_FRONT, (226, 230, 234))
TAIL_LAMP = Finish(Material.LAMP_BRAKE, (150, 18, 20))
LEFT_LAMP = Finish(Material.LAMP_LEFT, (214, 118, 26))
RIGHT_LAMP = Finish(Material.LAMP_RIGHT, (214, 118, 26))
CLEAR_BLINKER: Colour = (166, 146, 120)
AMBER_BLINKER: Colour = (158, 72, 24)
"""Of the outer end of a lamp, which is the indicator: behind the clear glass at the front, and at the rear."""
BLUE_LAMP = Finish(Material.LAMP_BLUE, (24, 50, 190))
RED_LAMP = Finish(Material.LAMP_RED, (190, 24, 30))


def vec(x_m: float, y_m: float, z_m: float) -> Array:
    """A vector (3,) in metres."""
    return np.array([x_m, y_m, z_m])


def cross(a: Array, b: Array) -> Array:
    """Cross products (..., 3); `np.cross` is several times slower on the few points of a limb."""
    product = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for k, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        product[..., k] = a[..., i] * b[..., j] - a[..., j] * b[..., i]
    return product


def limb(
    a: npt.ArrayLike, b: npt.ArrayLike, radius_a: float, radius_b: float, finish: Finish, tag: Tag, sides: int = 8
) -> Mesh:
    """A tapered tube with round ends from `a` to `b` (3,)."""
    start, end = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    axis = end - start
    length = float(np.linalg.norm(axis))
    axis = axis / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])
    side = cross(axis, vec(0.0, 1.0, 0.0) if abs(axis[1]) < 0.9 else vec(1.0, 0.0, 0.0))
    side /= np.linalg.norm(side)
    frame = np.stack([side, cross(axis, side), axis])
    up = np.radians([-90.0, -40.0, 0.0, 0.0, 40.0, 90.0])
    centre = np.array([0.0, 0.0, 0.0, length, length, length])
    radius = np.array([radius_a] * 3 + [radius_b] * 3)
    turn = np.arange(sides) * (2 * np.pi / sides)
    normal = np.stack(
        [
            np.cos(up)[:, None] * np.cos(turn),
            np.cos(up)[:, None] * np.sin(turn),
            np.repeat(np.sin(up)[:, None], sides, axis=1),
        ],
        axis=-1,
    )
    local = normal * radius[:, None, None]
    local[..., 2] += centre[:, None]
    return plain(
        start + local.reshape(-1, 3) @ frame, normal.reshape(-1, 3) @ frame, _ring_faces(6, sides), finish, tag
    )


def ellipsoid(
    centre: npt.ArrayLike, radii: npt.ArrayLike, finish: Finish, tag: Tag, shape: tuple[int, int] = (10, 7)
) -> Mesh:
    """An axis-aligned ellipsoid of `shape` (sides, rings)."""
    sides, rings = shape
    up = np.linspace(-np.pi / 2, np.pi / 2, rings)
    turn = np.arange(sides) * (2 * np.pi / sides)
    ball = np.stack(
        [
            np.cos(up)[:, None] * np.cos(turn),
            np.cos(up)[:, None] * np.sin(turn),
            np.repeat(np.sin(up)[:, None], sides, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 3)
    size = np.asarray(radii, dtype=np.float64)
    normal = ball / size
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return plain(np.asarray(centre) + ball * size, normal, _ring_faces(rings, sides), finish, tag)


def tube(rings: Array, finish: Finish, tag: Tag) -> Mesh:
    """A smooth closed skin through `rings` (n, m, 3), each counter-clockwise seen from its far end, ends capped."""
    n, m = rings.shape[:2]
    points = np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(axis=1)])
    turn = np.arange(m)
    after = (turn + 1) % m
    bottom = np.stack([np.full(m, n * m), after, turn], axis=1)
    top = np.stack([np.full(m, n * m + 1), (n - 1) * m + turn, (n - 1) * m + after], axis=1)
    faces = np.concatenate([_ring_faces(n, m), bottom, top])
    return plain(points, smooth_normals(points, faces), faces, finish, tag)


def smooth_normals(points: Array, faces: npt.NDArray[np.int64]) -> Array:
    """Unit normals (V, 3) of points (V, 3): of the faces (T, 3) around each, the larger ones more."""
    weighted = cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    normal = np.zeros_like(points)
    for k in range(3):
        np.add.at(normal, faces[:, k], weighted)
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12))


def hoop(centre: npt.ArrayLike, radius_m: float, thick_m: float, finish: Finish, tag: Tag, sides: int = 24) -> Mesh:
    """A torus around y: a tyre of outer radius `radius_m` and `thick_m` across."""
    turn, tilt = -np.pi / 2 + np.arange(sides + 1) * (2 * np.pi / sides), np.arange(7) * (2 * np.pi / 6)
    ring = radius_m - thick_m / 2 + thick_m / 2 * np.cos(tilt)[:, None]
    across = np.repeat(np.sin(tilt)[:, None], sides + 1, axis=1)
    points = np.stack([ring * np.cos(turn), thick_m / 2 * across, ring * np.sin(turn)], axis=-1)
    normal = np.stack([np.cos(tilt)[:, None] * np.cos(turn), across, np.cos(tilt)[:, None] * np.sin(turn)], axis=-1)
    columns = sides + 1
    i, j = np.meshgrid(np.arange(6), np.arange(sides), indexing="ij")
    a, b, c, d = i * columns + j, i * columns + j + 1, (i + 1) * columns + j + 1, (i + 1) * columns + j
    faces = np.stack([a, c, b, a, d, c], axis=-1).reshape(-1, 3)
    return plain(np.asarray(centre) + points.reshape(-1, 3), normal.reshape(-1, 3), faces, finish, tag)


@cache
def _ring_faces(rings: int, sides: int) -> npt.NDArray[np.int64]:
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    k = (j + 1) % sides
    a, b, c, d = i * sides + j, i * sides + k, (i + 1) * sides + k, (i + 1) * sides + j
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def plain(points: Array, normals: Array, faces: npt.ArrayLike, finish: Finish, tag: Tag) -> Mesh:
    """A mesh of one finish and one tag; degenerate triangles are dropped."""
    index = np.asarray(faces)
    size = np.linalg.norm(
        cross(points[index[:, 1]] - points[index[:, 0]], points[index[:, 2]] - points[index[:, 0]]), axis=1
    )
    count = len(points)
    return Mesh(
        points.astype(np.float32),
        normals.astype(np.float32),
        np.tile(np.array(finish.colour, dtype=np.uint8), (count, 1)),
        np.full(count, finish.material, dtype=np.uint8),
        np.full(count, tag, dtype=np.uint8),
        index[size > 1e-9].astype(np.uint32),
    )
