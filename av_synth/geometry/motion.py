"""Poses between two instants: along a straight line at an even speed, turning evenly by the shortest way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

_STILL_RAD = 1e-9


class Between:
    """The motion of one frame b in another, a, from one pose to another."""

    def __init__(self, a_from_b_first: Array, a_from_b_last: Array) -> None:
        """From the pose (4, 4) at share 0 to that at share 1."""
        self._first, self._step_m = a_from_b_first, a_from_b_last[:3, 3] - a_from_b_first[:3, 3]
        turn = a_from_b_first[:3, :3].T @ a_from_b_last[:3, :3]
        twist = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        sine = float(np.linalg.norm(twist))
        self._angle_rad = float(np.arctan2(sine, np.trace(turn) - 1.0))
        # half a turn within a tick has no shortest way, and nobody makes it
        self._axis = twist / sine if sine > _STILL_RAD else np.array([0.0, 0.0, 1.0])

    def apply(self, share: npt.ArrayLike, points_b: npt.ArrayLike) -> Array:
        """Points (N, 3) of frame b, each of its own instant, in frame a.

        Args:
            share: (N,), of the way from the first pose to the last, of each point.
            points_b: (N, 3), metres.
        """
        way = np.asarray(share, dtype=np.float64)
        turned = self._turned(np.asarray(points_b, dtype=np.float64), self._angle_rad * way)
        return np.asarray(turned @ self._first[:3, :3].T + self._place(way))

    def undo(self, share: npt.ArrayLike, points_a: npt.ArrayLike) -> Array:
        """Points (N, 3) of frame a in frame b at each one's own instant: undoes `apply`."""
        way = np.asarray(share, dtype=np.float64)
        local = (np.asarray(points_a, dtype=np.float64) - self._place(way)) @ self._first[:3, :3]
        return self._turned(local, -self._angle_rad * way)

    def _place(self, way: Array) -> Array:
        place: Array = self._first[:3, 3] + way[:, None] * self._step_m
        return place

    def _turned(self, points: Array, angle_rad: Array) -> Array:
        """Rodrigues' formula: (N, 3) points, each about the one axis by its own angle (N,)."""
        cosine, sine = np.cos(angle_rad)[:, None], np.sin(angle_rad)[:, None]
        along = (points @ self._axis)[:, None]
        turned: Array = points * cosine + np.cross(self._axis, points) * sine + self._axis * along * (1.0 - cosine)
        return turned
