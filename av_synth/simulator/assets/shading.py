"""Vertices out of the corners of triangles: normals that are smooth but for creases, and no vertex twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers

_CREASE = float(np.cos(np.radians(42.0)))


@dataclass(frozen=True)
class Vertices:
    """What the corners of triangles share; see `look.Look` for the arrays."""

    points_m: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    colours: npt.NDArray[np.uint8]
    materials: npt.NDArray[np.uint8]
    uvs: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.uint32]


def vertices(
    points: Array,
    triangles: Integers,
    materials: npt.NDArray[np.uint8],
    colours: npt.NDArray[np.uint8],
    places: Array,
) -> Vertices:
    """Join corners that have everything in common.

    Args:
        points: (P, 3).
        triangles: (T, 3), indices of points.
        materials: (T,).
        colours: (T, 3), sRGB.
        places: (T, 3, 2), in the texture.
    """
    normals = _corner_normals(points, triangles)
    key = np.column_stack(
        [
            triangles.reshape(-1),
            np.repeat(materials, 3),
            np.repeat(colours, 3, axis=0),
            np.round(places.reshape(-1, 2) * 8192).astype(np.int64),
            np.round(normals.reshape(-1, 3) * 256).astype(np.int64),
        ]
    )
    _, first, index = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return Vertices(
        points[triangles.reshape(-1)[first]].astype(np.float32),
        normals.reshape(-1, 3)[first].astype(np.float32),
        np.repeat(colours, 3, axis=0)[first],
        np.repeat(materials, 3)[first],
        places.reshape(-1, 2)[first].astype(np.float32),
        np.asarray(index, dtype=np.uint32).reshape(-1, 3),
    )


def _corner_normals(points: Array, triangles: Integers) -> Array:
    """Unit normals (T, 3, 3): at each corner of what meets there at less than the crease, by angle."""
    corners = points[triangles]
    sides = np.roll(corners, -1, axis=1) - corners
    normal = np.cross(sides[:, 0], sides[:, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    unit = sides / np.maximum(np.linalg.norm(sides, axis=2, keepdims=True), 1e-300)
    angle = np.arccos(np.clip(-np.einsum("tkj,tkj->tk", unit, np.roll(unit, 1, axis=1)), -1.0, 1.0))
    at = triangles.reshape(-1)
    order = np.argsort(at, kind="stable")
    face, weight = np.repeat(np.arange(len(triangles)), 3), angle.reshape(-1)
    starts = np.searchsorted(at[order], np.arange(len(points)))
    counts = np.bincount(at, minlength=len(points))
    smooth = np.zeros((len(at), 3))
    # every corner against the first, second, ... corner that meets in its point
    for k in range(int(counts.max())):
        has = counts[at] > k
        other = order[starts[at[has]] + k]
        flat = np.einsum("nj,nj->n", normal[face[has]], normal[face[other]]) > _CREASE
        smooth[has] += normal[face[other]] * (weight[other] * flat)[:, None]
    length = np.linalg.norm(smooth, axis=1, keepdims=True)
    whole = np.where(length > 1e-9, smooth / np.maximum(length, 1e-9), normal[face])
    return whole.reshape(-1, 3, 3)
