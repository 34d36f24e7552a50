"""Hills: the smooth height that a whole town is lifted by, and what follows from it for meshes and roads.

A hill goes up and down along the one road that crosses it and is level across, so that no road is banked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.town.reference import ReferenceLine

_GROUND = (int(Tag.ROADS), int(Tag.SIDEWALKS), int(Tag.TERRAIN), int(Tag.ROAD_LINES))
_EDGE_M = 3.0  # chords of ground on a hill then stay within a centimetre of it
_PIECE_M = 5.0  # of an elevation profile: cubics this long keep to the hill within a tenth of a millimetre

Corners = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hill:
    """One crest.

    Attributes:
        x_m, y_m: its middle.
        heading_rad: of the road that crosses it.
        height_m: of the crest.
        half_length_m: from the crest to the foot, along the road.
        half_width_m: level across so far to both sides of the road.
        fade_m: and then down to the plain within this distance.
    """

    x_m: float
    y_m: float
    heading_rad: float
    height_m: float
    half_length_m: float
    half_width_m: float
    fade_m: float

    def height_and_slope(self, x_m: Array, y_m: Array) -> tuple[Array, Array, Array]:
        """Height (...) at world points (...), and how it grows with x and with y."""
        c, s = math.cos(self.heading_rad), math.sin(self.heading_rad)
        dx, dy = x_m - self.x_m, y_m - self.y_m
        u = np.clip((dx * c + dy * s) / self.half_length_m, -1.0, 1.0)
        aside = dy * c - dx * s
        q = np.clip((np.abs(aside) - self.half_width_m) / self.fade_m, 0.0, 1.0)
        rise, fade = (1.0 - u * u) ** 3, 1.0 - q**3 * (10.0 - 15.0 * q + 6.0 * q * q)
        along = self.height_m * fade * -6.0 * u * (1.0 - u * u) ** 2 / self.half_length_m
        across = self.height_m * rise * np.sign(aside) * -30.0 * (q * (1.0 - q)) ** 2 / self.fade_m
        return self.height_m * rise * fade, along * c - across * s, along * s + across * c


@dataclass(frozen=True)
class Relief:
    """All hills of a town; they do not overlap."""

    hills: tuple[Hill, ...] = ()

    @property
    def is_flat(self) -> bool:
        """Whether it lifts nothing."""
        return not self.hills

    def height_m(self, x_m: Array, y_m: Array) -> Array:
        """Height (...) of the carriageway at world points (...), all within the town or not."""
        total: Array = np.zeros(np.shape(x_m))
        for hill in self.hills:
            total = total + hill.height_and_slope(x_m, y_m)[0]
        return total

    def slope(self, x_m: Array, y_m: Array) -> tuple[Array, Array]:
        """How the height grows with x and with y, each (...), metres per metre."""
        by_x, by_y = np.zeros(np.shape(x_m)), np.zeros(np.shape(x_m))
        for hill in self.hills:
            _, along_x, along_y = hill.height_and_slope(x_m, y_m)
            by_x, by_y = by_x + along_x, by_y + along_y
        return by_x, by_y

    def profile(self, line: ReferenceLine) -> Iterator[tuple[float, float, float, float, float]]:
        """The heights along a road as OpenDRIVE's cubics: s, and a, b, c, d of a + b ds + c ds^2 + d ds^3."""
        s = np.linspace(0.0, line.length_m, max(2, math.ceil(line.length_m / _PIECE_M) + 1))
        x, y, heading = line.poses(s).T
        z = self.height_m(x, y)
        by_x, by_y = self.slope(x, y)
        climb = by_x * np.cos(heading) + by_y * np.sin(heading)
        level_before = False
        for k in range(len(s) - 1):
            ds, rise = s[k + 1] - s[k], z[k + 1] - z[k]
            level = not (z[k] or z[k + 1])
            if not (level and level_before):
                c = (3.0 * rise / ds - 2.0 * climb[k] - climb[k + 1]) / ds
                d = (climb[k] + climb[k + 1] - 2.0 * rise / ds) / ds**2
                yield float(s[k]), float(z[k]), float(climb[k]), float(c), float(d)
            level_before = level

    def lift(self, mesh: Mesh, raise_m: float = 0.0) -> Mesh:
        """A mesh of the plain put on the hills, `raise_m` higher; its ground gets triangles that follow them."""
        fine = self._refined(mesh) if self.hills else mesh
        points, normals = fine.positions_m.astype(np.float64), fine.normals.astype(np.float64)
        x, y = points[:, 0], points[:, 1]
        points[:, 2] += self.height_m(x, y) + raise_m
        # what is sheared upwards keeps its sides upright, and its normals go with the inverse transpose
        by_x, by_y = self.slope(x, y)
        normals[:, 0] -= by_x * normals[:, 2]
        normals[:, 1] -= by_y * normals[:, 2]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return replace(fine, positions_m=points.astype(np.float32), normals=normals.astype(np.float32))

    def lift_pose(self, world_from_body: Array) -> Array:
        """A level pose (4, 4) of the plain put on the hills, its nose along the slope."""
        x, y = world_from_body[0, 3], world_from_body[1, 3]
        by_x, by_y = self.slope(x, y)
        forward = world_from_body[:3, 0]
        pitch = math.atan(float(by_x * forward[0] + by_y * forward[1]))
        c, s = math.cos(pitch), math.sin(pitch)
        lifted: Array = world_from_body.copy()
        lifted[:3, :3] = world_from_body[:3, :3] @ np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
        lifted[2, 3] += float(self.height_m(x, y))
        return lifted

    def _refined(self, mesh: Mesh) -> Mesh:
        """The mesh with all ground edges on hills halved until they are short; neighbours halve the same edges."""
        while True:
            corners = mesh.triangles.astype(np.int64)
            points = mesh.positions_m.astype(np.float64)
            ends = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)  # (T, 3, 2): edge k leaves corner k
            a, b = points[ends[..., 0]], points[ends[..., 1]]
            ground = np.isin(mesh.tags[corners[:, 0]], _GROUND)
            too_long = (np.linalg.norm(a - b, axis=2) > _EDGE_M) & self._touches(a, b) & ground[:, None]
            if not too_long.any():
                return mesh
            mesh = _split(mesh, corners, too_long)

    def _touches(self, a: Array, b: Array) -> Array:
        """Whether straight lines between points (..., 3) may pass over a hill."""
        near = np.zeros(a.shape[:-1], dtype=bool)
        middle, half = (a + b) / 2.0, np.linalg.norm(a - b, axis=-1) / 2.0
        for hill in self.hills:
            c, s = math.cos(hill.heading_rad), math.sin(hill.heading_rad)
            dx, dy = middle[..., 0] - hill.x_m, middle[..., 1] - hill.y_m
            along, aside = np.abs(dx * c + dy * s), np.abs(dy * c - dx * s)
            near |= (along < hill.half_length_m + half) & (aside < hill.half_width_m + hill.fade_m + half)
        return near


FLAT = Relief()


def _split(mesh: Mesh, corners: Corners, halved: npt.NDArray[np.bool_]) -> Mesh:
    """Cut triangles (T, 3) at the middles of chosen edges (T, 3); edge k leaves corner k."""
    ends = np.sort(np.stack([corners, np.roll(corners, -1, axis=1)], axis=2), axis=2)
    pairs, which = np.unique(ends[halved], axis=0, return_inverse=True)
    middle = np.full(corners.shape, -1, dtype=np.int64)
    middle[halved] = len(mesh.positions_m) + which.ravel()
    low, high = pairs.T
    normals = mesh.normals[low].astype(np.float64) + mesh.normals[high]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    positions = (mesh.positions_m[low].astype(np.float64) + mesh.positions_m[high]) / 2.0
    colours = (mesh.colours[low].astype(np.uint16) + mesh.colours[high]) // 2
    count = halved.sum(axis=1)
    made = [corners[count == 0]]
    for edges in (1, 2, 3):
        rows = np.flatnonzero(count == edges)
        # turned so that the halved edges come first: one leaves corner 0, two leave corners 0 and 1
        first = np.argmax(halved[rows], axis=1)
        if edges == 2:
            first = (np.argmin(halved[rows], axis=1) + 1) % 3
        turn = (first[:, None] + np.arange(3)) % 3
        (p, q, r), (m, n, o) = (np.take_along_axis(t[rows], turn, axis=1).T for t in (corners, middle))
        cut = {
            1: [(p, m, r), (m, q, r)],
            2: [(m, q, n), (p, m, n), (p, n, r)],
            3: [(p, m, o), (m, q, n), (o, n, r), (m, n, o)],
        }[edges]
        made += [np.stack(triangle, axis=1) for triangle in cut]
    return Mesh(
        np.concatenate([mesh.positions_m, positions.astype(np.float32)]),
        np.concatenate([mesh.normals, normals.astype(np.float32)]),
        np.concatenate([mesh.colours, colours.astype(np.uint8)]),
        np.concatenate([mesh.materials, mesh.materials[low]]),
        np.concatenate([mesh.tags, mesh.tags[low]]),
        np.concatenate(made).astype(np.uint32),
    )
