"""Oriented boxes: corners, and which points lie inside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array, apply

# Corners in units of half the size: the front face (x = +1) first, each face counter-clockwise seen from ahead.
CORNER_SIGNS: Array = np.array(
    [[1, 1, 1], [1, -1, 1], [1, -1, -1], [1, 1, -1], [-1, 1, 1], [-1, -1, 1], [-1, -1, -1], [-1, 1, -1]],
    dtype=np.float64,
)


def corners(a_from_box: Array, size_lwh_m: npt.ArrayLike) -> Array:
    """The eight corners (8, 3) in frame a of a box centred on its own origin; 0 to 3 are its front face."""
    return apply(a_from_box, CORNER_SIGNS * (np.asarray(size_lwh_m, dtype=np.float64) / 2.0))


def points_inside(
    a_from_box: Array, size_lwh_m: npt.ArrayLike, points_a: npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    """Which points (N, 3) in frame a lie in the box, faces included: (N,) bool.

    Projects on three edge vectors from one corner, as nuScenes-devkit's `points_in_box` does, so that a count made
    here is the count that its users make.
    """
    corner = corners(a_from_box, size_lwh_m)
    origin = corner[0]
    inside: npt.NDArray[np.bool_] = np.ones(len(points_a), dtype=bool)
    offset = points_a - origin
    for end in (corner[4], corner[1], corner[3]):
        edge = end - origin
        along = offset @ edge
        inside &= (along >= 0.0) & (along <= edge @ edge)
    return inside
