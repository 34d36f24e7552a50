"""A mesh that rays can meet."""

from __future__ import annotations

from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
from embreex import mesh_construction, rtcore_scene

from av_synth.geometry.transforms import Array
from av_synth.simulator.raycast.path import Float32s
from av_synth.simulator.raycast.sweep import first_contact
from av_synth.simulator.scene import Mesh


class Prototype:
    """One mesh in its own frame, with what a hit on a triangle means.

    Attributes:
        tags: (T,) uint8, of each triangle.
        kinds: (T + 1,) uint16, of each triangle: 256 times its material, plus its tag; the last, -1, is 0: no triangle.
        normals: (T + 1, 3) float32, unit; the last is 0.
        centre_m, radius_m: (3,) and the radius of a sphere around it.
        corners_m: (8, 3), of the box around it.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._vertices = np.ascontiguousarray(mesh.positions_m, dtype=np.float32)
        self._faces = np.ascontiguousarray(mesh.triangles, dtype=np.int32)
        self._scene = rtcore_scene.EmbreeScene()
        self._geometry = mesh_construction.TriangleMesh(self._scene, self._vertices, self._faces)
        first = mesh.triangles[:, 0]
        self.tags = mesh.tags[first]
        kinds = mesh.materials[first].astype(np.uint16) * np.uint16(256) + self.tags
        self.kinds: npt.NDArray[np.uint16] = np.append(kinds, np.uint16(0))
        corners = self._vertices[self._faces].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        unit = np.append(normal / np.maximum(length, 1e-12), np.zeros((1, 3)), axis=0)
        self.normals: Float32s = np.ascontiguousarray(unit.T, dtype=np.float32).T
        low, high = self._vertices.min(axis=0), self._vertices.max(axis=0)
        self.corners_m = np.array(list(product(*zip(low, high, strict=True))), dtype=np.float64)
        self.centre_m = ((low + high) / 2).astype(np.float64)
        self.radius_m = float(np.linalg.norm(self._vertices - self.centre_m, axis=1).max())

    @cached_property
    def reach_m(self) -> float:
        """How far from its origin the box around it reaches."""
        return float(np.linalg.norm(self.corners_m, axis=1).max())

    def run(self, origins: Float32s, directions: Float32s, limit_m: Float32s) -> tuple[npt.NDArray[np.int32], Float32s]:
        """Triangle (-1 for none) and distance of the nearest hit of each ray within `limit_m`."""
        out = self._scene.run(origins, directions, limit_m, output=True)
        return out["primID"], out["tfar"]

    def sweep(self, start_m: Array, direction: Array, distance_m: float, radius_m: float) -> tuple[float, int]:
        """How far a sphere goes before it touches a triangle, and which; inf and -1 for none within `distance_m`."""
        ends = np.stack([start_m, start_m + direction * distance_m])
        low, high = ends.min(axis=0) - radius_m, ends.max(axis=0) + radius_m
        lows, highs = self._boxes
        near = np.flatnonzero((lows[0] <= high[0]) & (highs[0] >= low[0]))
        for axis in (1, 2):
            near = near[(lows[axis, near] <= high[axis]) & (highs[axis, near] >= low[axis])]
        if not len(near):
            return np.inf, -1
        found = first_contact(self._vertices[self._faces[near]].astype(np.float64), start_m, direction, radius_m)
        first = int(np.argmin(found))
        return (float(found[first]), int(near[first])) if found[first] <= distance_m else (np.inf, -1)

    @cached_property
    def _boxes(self) -> tuple[Float32s, Float32s]:
        """Lowest and highest corner of each triangle, both (3, T)."""
        corners = self._vertices[self._faces]
        low, high = corners.min(axis=1), corners.max(axis=1)
        return np.ascontiguousarray(low.T), np.ascontiguousarray(high.T)
