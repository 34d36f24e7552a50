"""Meshes packed for drawing: one vertex and one index buffer for everything, cut into chunks of one material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.render.occlusion import open_sky
from av_synth.simulator.scene import Material, Mesh

_TILE_M = 32.0
"""The town is cut into squares of this size, which are culled and ordered as one."""
_VAST_M = 24.0  # triangles from this size on are kept apart

_VERTEX = np.dtype([("position", "<f4", 3), ("normal", "<i2", 4), ("colour", "u1", 3), ("tag", "u1"), ("uv", "<f4", 2)])
VERTEX_LAYOUT = "3f 4i2 3f1 1u1 2f"
"""`_VERTEX` in moderngl's words; normals arrive unscaled, which a shader that normalises them need not know.

Their fourth number is how much of the sky the vertex sees, in the same units.
"""


class Meshes(Protocol):
    """What the renderer wants of a body: see `bodies.Body`."""

    @property
    def meshes(self) -> tuple[Mesh, ...]:
        """One mesh per pose."""

    @property
    def texture(self) -> npt.NDArray[np.uint8] | None:
        """(H, W, 3) sRGB, what `Material.TEXTURED` shows; None where nothing does."""


@dataclass(frozen=True)
class Chunks:
    """Ranges of the index buffer, each of one material, with the boxes around them.

    Attributes:
        materials: (N,) uint8.
        firsts, counts: (N,) int64, in indices.
        centres_m, halves_m: (N, 3), the axis-aligned box in the mesh's own frame.
        vast: (N,) bool, of triangles within which the air to the eye differs much.
    """

    materials: npt.NDArray[np.uint8]
    firsts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    centres_m: Array
    halves_m: Array
    vast: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shape:
    """One pose of one body: its chunks, one per material and adjoining, and a box and a sphere around all of it.

    Attributes:
        first_vertex: where its vertices start in the vertex buffer.
        follows: all poses of the body have the same triangles, so vertex k of one is the same point as k of another.
    """

    chunks: Chunks
    centre_m: Array
    half_m: Array
    radius_m: float
    first_vertex: int
    follows: bool
    cover: float = 1.0  # share of the ground under the box that is under the body

    @property
    def first(self) -> int:
        """Where the whole shape starts in the index buffer."""
        return int(self.chunks.firsts[0])

    @property
    def count(self) -> int:
        """How many indices the whole shape has."""
        return int(self.chunks.counts.sum())


@dataclass(frozen=True)
class Geometry:
    """Everything that can be drawn: `vertices` (V,) of dtype `_VERTEX`, `indices` (3 T,), and what lies where."""

    vertices: npt.NDArray[np.void]
    indices: npt.NDArray[np.uint32]
    town: Chunks
    shapes: Mapping[tuple[str, int], Shape]


def pack(town: Mesh, bodies: Mapping[str, Meshes]) -> Geometry:
    """Pack the town in `_TILE_M` tiles and every pose of every body into one pair of buffers.

    Raises:
        DataError: something is `TEXTURED` that has no texture, or no place in it.
    """
    _check_pictures("the town", town, None)
    follow = {
        name: all(np.array_equal(m.triangles, body.meshes[0].triangles) for m in body.meshes)
        for name, body in bodies.items()
    }
    # the steps of a gait differ too little to trace each
    traced = {
        (name, k): m for name, body in bodies.items() for k, m in enumerate(body.meshes[: 1 if follow[name] else None])
    }
    shares = dict(zip(traced, open_sky(list(traced.values()), on_ground=True), strict=True))
    buffers = _Buffers.holding([town, *(mesh for body in bodies.values() for mesh in body.meshes)])
    town_chunks, _ = buffers.add(town, open_sky([town])[0], _TILE_M)
    shapes = {}
    for name, body in bodies.items():
        for pose, mesh in enumerate(body.meshes):
            _check_pictures(f"body {name!r}, pose {pose}", mesh, body.texture)
            chunks, first_vertex = buffers.add(mesh, shares[name, 0 if follow[name] else pose])
            low, high = mesh.positions_m.min(axis=0).astype(float), mesh.positions_m.max(axis=0).astype(float)
            centre = (low + high) / 2
            radius = float(np.linalg.norm(mesh.positions_m - centre, axis=1).max())
            cover = _cover(mesh, low, high)
            shapes[name, pose] = Shape(chunks, centre, (high - low) / 2, radius, first_vertex, follow[name], cover)
    return Geometry(buffers.vertices, buffers.indices.reshape(-1), town_chunks, shapes)


@dataclass
class _Buffers:
    """The two buffers while they are filled; as large from the beginning as they are in the end."""

    vertices: npt.NDArray[np.void]
    indices: npt.NDArray[np.uint32]  # (T, 3)
    vertices_used: int = 0
    triangles_used: int = 0

    @classmethod
    def holding(cls, meshes: Sequence[Mesh]) -> _Buffers:
        count = sum(len(mesh.positions_m) for mesh in meshes)
        return cls(np.zeros(count, _VERTEX), np.empty((sum(len(mesh.triangles) for mesh in meshes), 3), np.uint32))

    def add(self, mesh: Mesh, sky_share: npt.NDArray[np.float32], tile_m: float = np.inf) -> tuple[Chunks, int]:
        """Its chunks, and where its vertices begin."""
        order, chunks = _cut(mesh, tile_m, 3 * self.triangles_used)
        first, behind = self.vertices_used, self.vertices_used + len(mesh.positions_m)
        _fill(self.vertices[first:behind], mesh, sky_share)
        indices = self.indices[self.triangles_used : self.triangles_used + len(order)]
        np.add(mesh.triangles[order], np.uint32(first), out=indices)
        self.vertices_used, self.triangles_used = behind, self.triangles_used + len(order)
        return chunks, first


def _check_pictures(name: str, mesh: Mesh, texture: npt.NDArray[np.uint8] | None) -> None:
    if not (mesh.materials == int(Material.TEXTURED)).any():
        return
    if texture is None or texture.dtype != np.uint8 or texture.ndim != 3 or texture.shape[2] != 3 or not texture.size:
        got = "none" if texture is None else f"{texture.dtype} {texture.shape}"
        raise DataError(f"{name}: TEXTURED wants a texture (H, W, 3) of uint8, got {got}")
    if mesh.uvs is None or mesh.uvs.shape != (len(mesh.positions_m), 2) or not np.isfinite(mesh.uvs).all():
        got = "none" if mesh.uvs is None else f"{mesh.uvs.shape}"
        raise DataError(f"{name}: TEXTURED wants finite uvs ({len(mesh.positions_m)}, 2), got {got}")


def _cover(mesh: Mesh, low: Array, high: Array) -> float:
    """Share of the ground under the box (low, high: (3,)) that upward faces cover, each counted; at most 1."""
    a, b, c = (mesh.positions_m[mesh.triangles[:, k], :2].astype(float) for k in range(3))
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return min(float(np.maximum(twice, 0.0).sum()) / 2.0 / max(float(np.prod((high - low)[:2])), 1e-9), 1.0)


def _fill(packed: npt.NDArray[np.void], mesh: Mesh, sky_share: npt.NDArray[np.float32]) -> None:
    packed["position"] = mesh.positions_m
    packed["normal"][:, :3] = np.round(np.clip(mesh.normals, -1.0, 1.0) * 32767)
    packed["normal"][:, 3] = np.round(sky_share * 32767)
    packed["colour"] = mesh.colours
    packed["tag"] = mesh.tags
    if mesh.uvs is not None:
        packed["uv"] = mesh.uvs


def _cut(mesh: Mesh, tile_m: float, first: int) -> tuple[npt.NDArray[np.int64], Chunks]:
    """Order of the triangles (T,) that brings those of one material and tile together, and the chunks that makes."""
    materials = mesh.materials[mesh.triangles[:, 0]].astype(np.int64)
    materials[materials == Material.RETRO] = Material.MATTE  # only who carries the light sees the difference
    vast = np.zeros(len(materials), dtype=bool)
    if np.isinf(tile_m):  # most meshes: the poses of bodies
        order = np.argsort(materials, kind="stable")
        keys = materials[order, None]
    else:
        corners = mesh.positions_m[mesh.triangles]
        vast = (corners.max(axis=1) - corners.min(axis=1)).max(axis=1) > _VAST_M
        middles = mesh.positions_m[mesh.triangles].mean(axis=1)
        cells = np.floor(middles[:, :2] / tile_m).astype(np.int64)
        order = np.lexsort((cells[:, 1], cells[:, 0], vast, materials))
        keys = np.column_stack([materials, vast, cells])[order]
    starts = np.flatnonzero(np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)]))
    a, b, c = (mesh.positions_m[mesh.triangles[order, k]] for k in range(3))
    low = np.minimum.reduceat(np.minimum(np.minimum(a, b), c), starts, axis=0).astype(np.float64)
    high = np.maximum.reduceat(np.maximum(np.maximum(a, b), c), starts, axis=0).astype(np.float64)
    counts = np.diff(np.append(starts, len(order)))
    chunks = Chunks(
        keys[starts, 0].astype(np.uint8),
        first + 3 * starts,
        3 * counts,
        (low + high) / 2,
        (high - low) / 2,
        vast[order][starts],
    )
    return order, chunks
