"""Oriented boxes: corners, what of them is before a camera, and which points lie inside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array, apply

# Corners in units of half the size: the front face (x = +1) first, each face counter-clockwise seen from ahead.
_CORNER_SIGNS: Array = np.array(
    [[1, 1, 1], [1, -1, 1], [1, -1, -1], [1, 1, -1], [-1, 1, 1], [-1, -1, 1], [-1, -1, -1], [-1, 1, -1]],
    dtype=np.float64,
)

# (12, 2): an edge joins two corners that differ in one sign
_EDGES = np.argwhere(np.triu((_CORNER_SIGNS[:, None] != _CORNER_SIGNS).sum(axis=2) == 1))
_NEAR_M = 0.1


def corners(a_from_box: Array, size_lwh_m: npt.ArrayLike) -> Array:
    """The eight corners (8, 3) in frame a of a box centred on its own origin; 0 to 3 are its front face."""
    return apply(a_from_box, _CORNER_SIGNS * (np.asarray(size_lwh_m, dtype=np.float64) / 2.0))


def in_front(around: Array, pieces: int = 1) -> Array:
    """What bounds the part of a box before a camera: corners that are there, and where edges cross the near plane.

    A car alongside the camera reaches behind it, and its corners there would be projected to the wrong side.

    Args:
        around: the eight corners (8, 3) in metres, in the axes of the camera.
        pieces: into how many each edge is cut, whose ends are told too: behind a lens edges are not straight.

    Returns:
        (K, 3), in the same axes; none if all of it is behind the camera.
    """
    one, two = around[_EDGES[:, 0]], around[_EDGES[:, 1]]
    crossing = (one[:, 2] < _NEAR_M) != (two[:, 2] < _NEAR_M)
    one, two = one[crossing], two[crossing]
    share = (_NEAR_M - one[:, 2:]) / (two[:, 2:] - one[:, 2:])
    ends = [around[around[:, 2] >= _NEAR_M], one + share * (two - one)]
    if pieces > 1:
        first, last = around[_EDGES[:, 0], None], around[_EDGES[:, 1], None]
        between = (first + np.linspace(0.0, 1.0, pieces + 1)[1:-1, None] * (last - first)).reshape(-1, 3)
        ends.append(between[between[:, 2] >= _NEAR_M])
    return np.concatenate(ends)


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
