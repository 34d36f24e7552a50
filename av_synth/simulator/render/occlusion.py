"""How much of the sky each vertex of a mesh sees: what makes corners, arches and narrow streets dark under soft light.

Rays are traced once, when a mesh is made ready for drawing. Large meshes are kept in the user's cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from embreex import mesh_construction, rtcore_scene

from av_synth.geometry.transforms import Array
from av_synth.simulator.cache import cached
from av_synth.simulator.scene import Mesh

Float32s = npt.NDArray[np.float32]

_RAYS = 20
_AT_ONCE = 50_000  # vertices
_UP_M, _DOWN_M = 40.0, 1.2
"""How far something keeps the light of the sky off, and how far what lies below keeps off that of the ground."""
_INWARDS, _INWARDS_M, _OUTWARDS_M = 0.3, 0.35, 0.02
_KEPT_FROM = 20_000  # vertices
_GROUND_M = 30.0


def open_sky(meshes: Sequence[Mesh], *, on_ground: bool = False) -> list[Float32s]:
    """Share (V,) of the directions in front of each vertex that nothing is near in, weighted by what they add.

    Args:
        meshes: each stands in its own way alone.
        on_ground: they stand on flat ground at their lowest points, as bodies do.
    """
    if sum(len(mesh.positions_m) for mesh in meshes) < _KEPT_FROM:
        return [_traced(mesh, on_ground) for mesh in meshes]
    digest = hashlib.sha256()
    for mesh in meshes:
        for array in (mesh.positions_m, mesh.normals, mesh.triangles):
            digest.update(np.ascontiguousarray(array).data)
    kept = cached(
        f"sky-{digest.hexdigest()[:20]}-{'bodies' if on_ground else 'town'}",
        lambda: [np.round(_traced(mesh, on_ground) * 255).astype(np.uint8) for mesh in meshes],
    )
    return [shares.astype(np.float32) / np.float32(255.0) for shares in kept]


def _traced(mesh: Mesh, on_ground: bool) -> Float32s:
    scene = rtcore_scene.EmbreeScene()
    points = np.ascontiguousarray(mesh.positions_m, dtype=np.float32)
    kept = [mesh_construction.TriangleMesh(scene, points, np.ascontiguousarray(mesh.triangles, dtype=np.int32))]
    if on_ground:
        ground = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=np.float32) * np.float32(_GROUND_M)
        ground[:, 2] = points[:, 2].min() - 0.01
        kept.append(mesh_construction.TriangleMesh(scene, ground, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)))
    origins, normals, which = _places(mesh)
    seen = np.concatenate(
        [_share(scene, origins[k : k + _AT_ONCE], normals[k : k + _AT_ONCE]) for k in range(0, len(origins), _AT_ONCE)]
    )
    return np.asarray(seen[which], dtype=np.float32)


def _places(mesh: Mesh) -> tuple[Float32s, Float32s, npt.NDArray[np.intp]]:
    """Where rays start (N, 3), normals (N, 3), and which of them each vertex (V,) takes.

    They start a little inside their triangles: a corner itself lies in the ground, or in the wall next to it.
    """
    inwards, count = np.zeros_like(mesh.positions_m), np.zeros(len(mesh.positions_m), dtype=np.float32)
    middles = mesh.positions_m[mesh.triangles].mean(axis=1)
    for k in range(3):
        corner = mesh.triangles[:, k]
        for axis in range(3):
            inwards[:, axis] += np.bincount(corner, middles[:, axis], len(inwards)).astype(np.float32)
        count += np.bincount(corner, minlength=len(count)).astype(np.float32)
    inwards = inwards / np.maximum(count, 1.0)[:, None] - mesh.positions_m
    length = np.linalg.norm(inwards, axis=1, keepdims=True)
    inwards *= np.minimum(_INWARDS, _INWARDS_M / np.maximum(length, 1e-6))
    origins = mesh.positions_m + inwards + np.float32(_OUTWARDS_M) * mesh.normals
    keys = np.concatenate([np.round(origins * 20.0), np.round(mesh.normals * 5.0)], axis=1).astype(np.int64)
    mixed = (keys * np.array([73856093, 19349663, 83492791, 49979687, 86028121, 15485863])).sum(axis=1)
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    return origins[first].astype(np.float32), mesh.normals[first].astype(np.float32), which.reshape(-1)


def _share(scene: rtcore_scene.EmbreeScene, origins: Float32s, normals: Float32s) -> Float32s:
    directions = _directions(normals)
    reach = np.where(directions[..., 2] > 0.0, np.float32(_UP_M), np.float32(_DOWN_M)).reshape(-1)
    starts = np.repeat(origins, _RAYS, axis=0)
    hit = scene.run(starts, directions.reshape(-1, 3), reach.astype(np.float32), output=True)["primID"] >= 0
    return 1.0 - hit.reshape(-1, _RAYS).mean(axis=1, dtype=np.float32)


def _directions(normals: Float32s) -> Float32s:
    """(N, `_RAYS`, 3): the same spiral over every normal, denser where light falls in steeply (by the cosine)."""
    k = np.arange(_RAYS) + 0.5
    away, turn = np.sqrt(k / _RAYS), k * np.pi * (3.0 - np.sqrt(5.0))
    spiral: Array = np.stack([away * np.cos(turn), away * np.sin(turn), np.sqrt(1.0 - away * away)], axis=1)
    side = np.where(np.abs(normals[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    across = np.cross(side, normals)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    frames = np.stack([across, np.cross(normals, across), normals], axis=1)
    return np.ascontiguousarray(np.einsum("kj,nji->nki", spiral, frames), dtype=np.float32)
