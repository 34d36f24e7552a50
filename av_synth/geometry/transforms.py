"""Rigid transforms as 4x4 float64 matrices, and unit quaternions (w, x, y, z)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from pyquaternion import Quaternion

Array = npt.NDArray[np.float64]


def rigid(rotation: npt.ArrayLike, translation_m: npt.ArrayLike) -> Array:
    """Build `a_from_b` (4, 4) from a rotation matrix (3, 3) and a translation (3,) in metres.

    Raises:
        ValueError: if anything is not finite or has another shape.
    """
    rot = np.asarray(rotation, dtype=np.float64)
    trans = np.asarray(translation_m, dtype=np.float64)
    if rot.shape != (3, 3) or trans.shape != (3,):
        raise ValueError(f"want a rotation (3, 3) and a translation (3,), got {rot.shape} and {trans.shape}")
    matrix = np.eye(4)
    matrix[:3, :3] = rot
    matrix[:3, 3] = trans
    if not np.isfinite(matrix).all():
        raise ValueError(f"want a finite transform, got {matrix.tolist()}")
    return matrix


def from_yaw(x_m: float, y_m: float, z_m: float, yaw_rad: float) -> Array:
    """Build `a_from_b` (4, 4) from a position in metres and a counter-clockwise heading in radians."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    return rigid([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], [x_m, y_m, z_m])


def turned(yaw_rad: float, pitch_rad: float, roll_rad: float) -> Array:
    """(3, 3): how who looked ahead (x), with y left and z up, is turned: left, then the nose up, then to the right."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw_rad, pitch_rad, roll_rad) for f in (math.cos, math.sin))
    about_z = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[cp, 0.0, -sp], [0.0, 1.0, 0.0], [sp, 0.0, cp]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    matrix: Array = about_z @ about_y @ about_x
    return matrix


def invert(a_from_b: Array) -> Array:
    """Return `b_from_a` (4, 4) of a rigid `a_from_b` (4, 4)."""
    rot = a_from_b[:3, :3]
    inverse = np.eye(4)
    inverse[:3, :3] = rot.T
    inverse[:3, 3] = -rot.T @ a_from_b[:3, 3]
    return inverse


def apply(a_from_b: Array, points_b: npt.ArrayLike) -> Array:
    """Map points (..., 3) in metres from frame b to frame a."""
    points = np.asarray(points_b, dtype=np.float64)
    return points @ a_from_b[:3, :3].T + a_from_b[:3, 3]


def rotate(a_from_b: Array, vectors_b: npt.ArrayLike) -> Array:
    """Turn free vectors (..., 3), velocities say, from the axes of b to the axes of a."""
    return np.asarray(vectors_b, dtype=np.float64) @ a_from_b[:3, :3].T


def yaw(a_from_b: Array) -> float:
    """Heading of b's x axis in a's x-y plane, radians, counter-clockwise, in (-pi, pi]."""
    return math.atan2(a_from_b[1, 0], a_from_b[0, 0])


def quaternion_from_matrix(a_from_b: Array) -> Array:
    """Unit quaternion (w, x, y, z), w >= 0, of the rotation in `a_from_b` (4, 4) or (3, 3).

    Raises:
        ValueError: if it is not a rotation.
    """
    unit: Array = Quaternion(matrix=a_from_b[:3, :3], rtol=1e-6, atol=1e-6).unit.elements
    return -unit if unit[0] < 0 else unit


def matrix_from_quaternion(wxyz: npt.ArrayLike, translation_m: npt.ArrayLike = (0.0, 0.0, 0.0)) -> Array:
    """Build `a_from_b` (4, 4) from a quaternion (w, x, y, z) of any non-zero length and a translation in metres.

    Raises:
        ValueError: if the quaternion is zero or not finite.
    """
    q = np.asarray(wxyz, dtype=np.float64)
    norm = float(np.linalg.norm(q))
    if q.shape != (4,) or not math.isfinite(norm) or norm < 1e-9:
        raise ValueError(f"want a non-zero quaternion (w, x, y, z), got {q.tolist()}")
    return rigid(Quaternion(q).rotation_matrix, translation_m)
