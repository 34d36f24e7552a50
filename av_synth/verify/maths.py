"""Quaternions, box corners, projection and convex polygons, written anew so that no error is shared with the writer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NEAR_M = 0.05
"""Boxes are cut at this depth before they are projected."""


def rotation_matrix(wxyz: Sequence[float]) -> Array:
    """The (3, 3) rotation of a Hamilton quaternion w, x, y, z of any length; the identity for a zero one.

    Source: v' = v + 2 w (u x v) + 2 u x (u x v) with u = (x, y, z), applied to the three axes and written out.
    """
    q = np.asarray(wxyz, dtype=np.float64)
    norm = float(np.linalg.norm(q))
    if norm < 1e-12:
        return np.eye(3)
    w, x, y, z = (q / norm).tolist()
    twice = 2.0 * w
    return np.array(
        [
            [1.0 + 2.0 * (-y * y - z * z), -twice * z + 2.0 * (x * y), twice * y + 2.0 * (x * z)],
            [twice * z + 2.0 * (x * y), 1.0 + 2.0 * (-z * z - x * x), -twice * x + 2.0 * (y * z)],
            [-twice * y + 2.0 * (x * z), twice * x + 2.0 * (y * z), 1.0 + 2.0 * (-x * x - y * y)],
        ]
    )


def pose(rotation_wxyz: Sequence[float], translation_m: Sequence[float]) -> Array:
    """`a_from_b` (4, 4) of a rotation and a translation as the tables give them."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_matrix(rotation_wxyz)
    matrix[:3, 3] = translation_m
    return matrix


def inverse(a_from_b: Array) -> Array:
    """`b_from_a` (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, :3] = a_from_b[:3, :3].T
    matrix[:3, 3] = -a_from_b[:3, :3].T @ a_from_b[:3, 3]
    return matrix


def move(a_from_b: Array, points_b: Array) -> Array:
    """Points (N, 3) of frame b in frame a."""
    return np.asarray(points_b @ a_from_b[:3, :3].T + a_from_b[:3, 3])


def turn_between_rad(a: Array, b: Array) -> float:
    """The angle of the rotation between two poses (4, 4), in [0, pi]."""
    cosine = (float(np.trace(a[:3, :3].T @ b[:3, :3])) - 1.0) / 2.0
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def angles_rad(rotations: Array) -> Array:
    """Angles (N,) of rotations (N, 3, 3); by the sine where they are small, which a cosine tells to 1e-8 only."""
    sines = np.linalg.norm(rotations - rotations.transpose(0, 2, 1), axis=(1, 2)) / math.sqrt(8.0)
    cosines = (np.trace(rotations, axis1=1, axis2=2) - 1.0) / 2.0
    return np.asarray(np.arctan2(sines, cosines))


# corner k has x, y, z signs from its bits 2, 1, 0; an edge joins corners that differ in one bit
_SIGNS = np.array([[1 if k >> bit & 1 else -1 for bit in (2, 1, 0)] for k in range(8)], dtype=np.float64)
BOX_EDGES: tuple[tuple[int, int], ...] = tuple((a, a | bit) for bit in (4, 2, 1) for a in range(8) if not a & bit)
FRONT_CORNERS = (4, 5, 7, 6)
"""The corners of the face at +x, in turn around it."""


def box_corners(a_from_box: Array, size_wlh_m: Sequence[float], margin_m: float = 0.0) -> Array:
    """The corners (8, 3) in frame a of a box with its centre at the origin of its frame, x along its length."""
    width, length, height = size_wlh_m
    half = np.array([length, width, height]) / 2.0 + margin_m
    return move(a_from_box, _SIGNS * half)


def clip_edge(a: Array, b: Array, near_m: float = NEAR_M) -> tuple[Array, Array] | None:
    """Cut a segment of camera-frame points (3,) at the near plane; None when all of it is behind."""
    if a[2] < near_m and b[2] < near_m:
        return None
    if a[2] < near_m:
        a = a + (near_m - a[2]) / (b[2] - a[2]) * (b - a)
    elif b[2] < near_m:
        b = b + (near_m - b[2]) / (a[2] - b[2]) * (a - b)
    return a, b


def project(intrinsic: Array, points_camera: Array) -> Array:
    """Pixels (N, 2) of camera-frame points (N, 3) with depth > 0; whole numbers are the middles of pixels."""
    homogeneous = points_camera @ intrinsic.T
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:3])


def box_outline(intrinsic: Array, corners_camera: Array) -> Array | None:
    """The convex outline (K, 2), in turn, in pixels, of the part of a box in front of the camera.

    Returns:
        None when none of the box is in front. The outline may reach far beyond the image.
    """
    ends = [clip_edge(corners_camera[a], corners_camera[b]) for a, b in BOX_EDGES]
    points = [point for pair in ends if pair is not None for point in pair]
    return convex_hull(project(intrinsic, np.array(points))) if points else None


def convex_hull(points: Array) -> Array:
    """The convex hull (K, 2) of points (N, 2), in turn so that the inside is on the left of each edge (x right, y up).

    Source: Andrew's monotone chain (1979).
    """
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered)

    def chain(run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for p in run:
            while len(out) >= 2 and _cross(out[-2], out[-1], p) <= 0:
                out.pop()
            out.append(p)
        return out[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


def _cross(o: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def depth_inside(outline: Array, points: Array) -> Array:
    """How far points (N, 2) are inside a convex outline from `convex_hull` (negative outside), in pixels.

    Outside near a corner it is less than the distance to the outline, never more.
    """
    starts, edges = outline, np.roll(outline, -1, axis=0) - outline
    lengths = np.maximum(np.linalg.norm(edges, axis=1), 1e-12)
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / lengths[:, None]
    return np.asarray((normals @ points.T - np.sum(starts * normals, axis=1)[:, None]).min(axis=0))


def clip_to_image(outline: Array, width: int, height: int) -> Array:
    """The part (K, 2) of a convex outline inside an image, whose pixels' middles are whole numbers.

    Source: Sutherland and Hodgman (1974), one side of the image at a time.
    """
    for axis, bound, sign in ((0, -0.5, 1.0), (0, width - 0.5, -1.0), (1, -0.5, 1.0), (1, height - 0.5, -1.0)):
        if len(outline) == 0:
            break
        inside = sign * (outline[:, axis] - bound)
        kept: list[Array] = []
        for k in range(len(outline)):
            a, b, da, db = outline[k - 1], outline[k], inside[k - 1], inside[k]
            if (da >= 0) != (db >= 0):
                kept.append(a + da / (da - db) * (b - a))
            if db >= 0:
                kept.append(b)
        outline = np.array(kept).reshape(-1, 2)
    return outline


def polygon_area(outline: Array) -> float:
    """The area of a simple polygon (K, 2)."""
    if len(outline) < 3:
        return 0.0
    x, y = outline[:, 0], outline[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2.0)
