"""The place of one building, and the parts that buildings are put together from, in a lot's own frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.shapes import Look, box, faceted, loose, prism, quad, rectangle

Colour = tuple[int, int, int]
STOREY_M = 3.2  # storeys are counted from the ground at kerb height: the renderer's windows rely on it
_WINDOW_M = 2.5  # and this is from window to window
WINDOW_HALF_M = (0.675, 0.864)  # half the width and the height of the renderer's windows
_WINDOW_Z_M = 1.728  # of their middles above their floor
_CORNERS = {"f": [0, 4, 5, 1], "l": [2, 0, 1, 3], "r": [4, 6, 7, 5], "t": [1, 5, 7, 3], "b": [2, 6, 4, 0]}


@dataclass(frozen=True)
class Lot:
    """Space for one building; its own frame has x along the front (0 in the middle) and y from the front backwards."""

    x_m: float
    y_m: float
    yaw_rad: float
    width_m: float
    depth_m: float
    storeys: int
    wall: Colour

    @property
    def eaves_m(self) -> float:
        """Height of the upper end of its walls."""
        return KERB_HEIGHT_M + self.storeys * STOREY_M

    def world(self, x: float, y: float) -> tuple[float, float]:
        """A point of the lot in the world."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return self.x_m + c * x - s * y, self.y_m + s * x + c * y


def windows_x_m(lot: Lot) -> Array:
    """Where the middles of the renderer's windows are along the front, in the lot's own frame."""
    c, s = math.cos(lot.yaw_rad), math.sin(lot.yaw_rad)
    x, y = lot.world(-lot.width_m / 2, 0.0)
    start = x * c + y * s
    first = math.ceil(start / _WINDOW_M) * _WINDOW_M - start
    count = int((lot.width_m - first) // _WINDOW_M)
    return np.asarray(-lot.width_m / 2 + first + (np.arange(count) + 0.5) * _WINDOW_M, dtype=np.float64)


def windows_z_m(first: int, storeys: int) -> Array:
    """How high the middles of the renderer's windows are on storeys from the first on."""
    return np.asarray(KERB_HEIGHT_M + _WINDOW_Z_M + STOREY_M * np.arange(first, storeys), dtype=np.float64)


def blocks(spans: npt.ArrayLike, look: Look, faces: str = "flrtb", base_m: float = 0.0) -> list[Mesh]:
    """Blocks that stand out of the front.

    Args:
        spans: (N, 5): x from and to, how far out, z from and to.
        look: of all.
        faces: which of front, left, right, top and bottom they have.
        base_m: y of their backs.

    Returns:
        One mesh, or none if there are no blocks.
    """
    rows = np.asarray(spans, dtype=np.float64).reshape(-1, 5)
    if not len(rows):
        return []
    # corners by x, y (near, then far) and z
    at = np.empty((len(rows), 2, 2, 2, 3))
    at[..., 0] = rows[:, :2, None, None]
    at[..., 0, :, 1], at[..., 1, :, 1] = -rows[:, 2, None, None], base_m
    at[..., 2] = rows[:, None, None, 3:]
    corners = at.reshape(-1, 8, 3)
    quads = np.concatenate([corners[:, _CORNERS[face]] for face in faces])
    return [loose(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]), look)]


def walls(lot: Lot, bottom_m: float, top_m: float, look: Look) -> Mesh:
    """Four plain walls and a lid."""
    return prism(rectangle(0.0, lot.depth_m / 2, lot.width_m / 2, lot.depth_m / 2, 0.0), bottom_m, top_m, look)


def facades(lot: Lot, bottom_m: float, top_m: float, wall: Colour | None = None) -> list[Mesh]:
    """Four walls with windows, plain at their ends, so that no window is cut by a corner.

    The renderer's windows keep to a grid along the wall that starts at the world's origin.
    """
    windows, plain = (Look(wall or lot.wall, material, Tag.BUILDINGS) for material in (Material.FACADE, Material.MATTE))
    w, deep = lot.width_m / 2, lot.depth_m
    corners = [(-w, 0.0), (w, 0.0), (w, deep), (-w, deep)]
    found: dict[Look, list[list[list[float]]]] = {windows: [], plain: []}
    for k, (ax, ay) in enumerate(corners):
        bx, by = corners[(k + 1) % 4]
        (px, py), (qx, qy) = lot.world(ax, ay), lot.world(bx, by)
        length = math.hypot(qx - px, qy - py)
        start = (px * (qx - px) + py * (qy - py)) / length
        first = math.ceil(start / _WINDOW_M) * _WINDOW_M - start
        last = math.floor((start + length) / _WINDOW_M) * _WINDOW_M - start
        for low, high, look in ((0.0, first, plain), (first, last, windows), (last, length, plain)):
            if high - low > 1e-3:
                x0, y0 = ax + (bx - ax) * low / length, ay + (by - ay) * low / length
                x1, y1 = ax + (bx - ax) * high / length, ay + (by - ay) * high / length
                a, b, c, d = (
                    [x, y, z] for x, y, z in ((x0, y0, bottom_m), (x1, y1, bottom_m), (x1, y1, top_m), (x0, y0, top_m))
                )
                found[look] += [[a, b, c], [a, c, d]]
    return [loose(np.array(triangles), look) for look, triangles in found.items() if triangles]


def ledge(lot: Lot, z_m: float, height_m: float, overhang_m: float, look: Look) -> Mesh:
    """A slab a little larger than the building."""
    half = [lot.width_m / 2 + overhang_m, lot.depth_m / 2 + overhang_m, height_m / 2]
    return box([0.0, lot.depth_m / 2, z_m], half, look)


def panel(x: float, half_width: float, bottom: float, top: float, out: float, look: Look) -> Mesh:
    """An upright pane just before the front."""
    left, right = x - half_width, x + half_width
    return quad([left, -out, bottom], [right, -out, bottom], [right, -out, top], [left, -out, top], look)


def panel_back(x: float, half_width: float, bottom: float, top: float, out: float, look: Look) -> Mesh:
    """An upright pane before the front that looks at it."""
    left, right = x - half_width, x + half_width
    return quad([right, -out, bottom], [left, -out, bottom], [left, -out, top], [right, -out, top], look)


def side_rail(x: float, z: float, look: Look) -> Mesh:
    """The side of a balcony: a sheet seen from both sides."""
    a, b, c, d = [x, -1.04, z], [x, 0.0, z], [x, 0.0, z + 1.0], [x, -1.04, z + 1.0]
    return Mesh.merge([quad(a, b, c, d, look), quad(d, c, b, a, look)])


def extruded(ring_yz: Array, half_width: float, look: Look) -> Mesh:
    """A convex (K, 2) outline in y and z drawn out along x to both sides, closed, whichever way it winds."""
    y, z = ring_yz.T
    area = float(np.sum(y * np.roll(z, -1) - z * np.roll(y, -1)))
    ring = ring_yz if area > 0 else ring_yz[::-1]
    k = len(ring)
    points = np.concatenate([np.column_stack([np.full(k, x), ring]) for x in (-half_width, half_width)])
    faces: list[Sequence[int]] = [[0, i + 1, i] for i in range(1, k - 1)]
    faces += [[k, k + i, k + i + 1] for i in range(1, k - 1)]
    faces += [t for i in range(k) for j in [(i + 1) % k] for t in ([i, j, k + j], [i, k + j, k + i])]
    return faceted(points, faces, look)
