"""A rigid thing on its way from where it was on the frame before to where it is now."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

Float32s = npt.NDArray[np.float32]

_STILL_RAD, _STILL_M = 1e-7, 1e-7


class Path:
    """Poses between two: translation in a straight line, rotation by the shortest way, both evenly in time.

    A share of 0 is the frame before, of 1 this one. Without shares everything is as on this frame.

    Attributes:
        now, last: (4, 4), world_from_thing on this frame and on the one before.
        travel_m, turn_rad: how far it goes and turns; both 0 for what stands still.
    """

    def __init__(self, now: Array, last: Array | None = None) -> None:
        self.now = now
        self.last = now if last is None else last
        self._shift, self._axis = np.zeros(3), np.zeros(3)
        self.travel_m, self.turn_rad, self.moves = 0.0, 0.0, False
        if last is None:
            return
        self._shift = now[:3, 3] - self.last[:3, 3]
        self.travel_m = float(np.linalg.norm(self._shift))
        self._axis, self.turn_rad = _axis_angle(self.last[:3, :3].T @ now[:3, :3])
        if self.travel_m < _STILL_M and self.turn_rad < _STILL_RAD:
            self.travel_m = self.turn_rad = 0.0
        self.moves = self.travel_m > 0.0 or self.turn_rad > 0.0

    def at(self, point_m: Array, share: float) -> Array:
        """Where a point (3,) of the thing is in the world."""
        spun = (
            point_m if self.turn_rad == 0.0 else _spin(point_m[None], self._axis, np.array([share * self.turn_rad]))[0]
        )
        position: Array = self.last[:3, :3] @ spun + self.last[:3, 3] + share * self._shift
        return position

    def origins(self, share: Float32s) -> Array:
        """Where its origin is at N shares; (N, 3), world axes."""
        return self.last[:3, 3] + share[:, None].astype(np.float64) * self._shift

    def outward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the thing in world axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].T.astype(np.float32)
        spun = _spin(vectors, self._axis.astype(np.float32), share * np.float32(self.turn_rad))
        return spun @ self.last[:3, :3].T.astype(np.float32)

    def inward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the world in the thing's axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].astype(np.float32)
        local = vectors @ self.last[:3, :3].astype(np.float32)
        return _spin(local, self._axis.astype(np.float32), share * np.float32(-self.turn_rad))

    def inward_points(self, points_m: Array, share: Float32s | None) -> Float32s:
        """Points of the world, (3,) for all or (N, 3), in the thing's frame; (N, 3), or (3,) if nothing tells N."""
        if share is None or not self.moves:
            return np.asarray((points_m - self.now[:3, 3]) @ self.now[:3, :3], dtype=np.float32)
        return self.inward((points_m - self.origins(share)).astype(np.float32), share)


def _axis_angle(rotation: Array) -> tuple[Array, float]:
    """Unit axis (3,) and angle, 0 to pi, of a rotation matrix (3, 3)."""
    doubled = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    sine, cosine = float(np.linalg.norm(doubled)) / 2.0, (float(np.trace(rotation)) - 1.0) / 2.0
    angle = math.atan2(sine, cosine)
    if angle < _STILL_RAD:
        return np.array([0.0, 0.0, 1.0]), 0.0
    if sine > 1e-6:
        return doubled / (2.0 * sine), angle
    # half a turn: the axis is what the rotation leaves alone
    outer = (rotation + np.eye(3)) / 2.0
    axis = outer[:, int(np.argmax(np.diag(outer)))]
    return axis / np.linalg.norm(axis), angle


def _spin(vectors: npt.NDArray, axis: npt.NDArray, angle: npt.NDArray) -> npt.NDArray:  # type: ignore[type-arg]
    """Vectors (N, 3) turned about one unit axis (3,) by an angle each (N,): Rodrigues' formula."""
    x, y, z = axis
    sine, cosine = np.sin(angle), np.cos(angle)
    along = (vectors @ axis) * (1.0 - cosine)
    a, b, c = vectors[:, 0], vectors[:, 1], vectors[:, 2]
    spun = np.empty_like(vectors)
    spun[:, 0] = a * cosine + (y * c - z * b) * sine + x * along
    spun[:, 1] = b * cosine + (z * a - x * c) * sine + y * along
    spun[:, 2] = c * cosine + (x * b - y * a) * sine + z * along
    return spun
