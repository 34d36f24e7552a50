"""Poses between two instants: along a straight line at an even speed, turning evenly by the shortest way."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

_STILL_RAD = 1e-9
_Real = TypeVar("_Real", np.float32, np.float64)


class Between:
    """The motion of one frame b in another, a, from one pose to another."""

    def __init__(self, a_from_b_first: Array, a_from_b_last: Array) -> None:
        """From the pose (4, 4) at share 0 to that at share 1."""
        self._first, self._step_m = a_from_b_first, a_from_b_last[:3, 3] - a_from_b_first[:3, 3]
        self._axis, self._angle_rad = axis_angle(a_from_b_first[:3, :3].T @ a_from_b_last[:3, :3])

    def apply(self, share: npt.ArrayLike, points_b: npt.ArrayLike) -> Array:
        """Points (N, 3) of frame b, each of its own instant, in frame a.

        Args:
            share: (N,), of the way from the first pose to the last, of each point.
            points_b: (N, 3), metres.
        """
        way = np.asarray(share, dtype=np.float64)
        turned = spun(np.asarray(points_b, dtype=np.float64), self._axis, self._angle_rad * way)
        return np.asarray(turned @ self._first[:3, :3].T + self._place(way))

    def undo(self, share: npt.ArrayLike, points_a: npt.ArrayLike) -> Array:
        """Points (N, 3) of frame a in frame b at each one's own instant: undoes `apply`."""
        way = np.asarray(share, dtype=np.float64)
        local = (np.asarray(points_a, dtype=np.float64) - self._place(way)) @ self._first[:3, :3]
        return spun(local, self._axis, -self._angle_rad * way)

    def _place(self, way: Array) -> Array:
        place: Array = self._first[:3, 3] + way[:, None] * self._step_m
        return place


def axis_angle(rotation: Array) -> tuple[Array, float]:
    """Unit axis (3,) and angle, 0 to pi, of a rotation matrix (3, 3); about z where it does not turn."""
    doubled = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine, cosine = float(np.linalg.norm(doubled)) / 2.0, (float(np.trace(rotation)) - 1.0) / 2.0
    angle = math.atan2(sine, cosine)
    if angle < _STILL_RAD:
        return np.array([0.0, 0.0, 1.0]), 0.0
    if cosine > 0.0 or sine > 1e-6:
        return doubled / (2.0 * sine), angle
    # half a turn: the axis is what the rotation leaves alone
    outer = (rotation + np.eye(3)) / 2.0
    axis = outer[:, int(np.argmax(np.diag(outer)))]
    return axis / np.linalg.norm(axis), angle


def spun(vectors: npt.NDArray[_Real], axis: npt.NDArray[_Real], angle_rad: npt.NDArray[_Real]) -> npt.NDArray[_Real]:
    """Vectors (N, 3) turned about one unit axis (3,) by an angle each (N,): Rodrigues' formula."""
    x, y, z = axis
    sine, cosine = np.sin(angle_rad), np.cos(angle_rad)
    along = (vectors @ axis) * (1.0 - cosine)
    a, b, c = vectors[:, 0], vectors[:, 1], vectors[:, 2]
    result = np.empty_like(vectors)
    result[:, 0] = a * cosine + (y * c - z * b) * sine + x * along
    result[:, 1] = b * cosine + (z * a - x * c) * sine + y * along
    result[:, 2] = c * cosine + (x * b - y * a) * sine + z * along
    return result
