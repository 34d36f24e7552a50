"""A rigid thing on its way from where it was on the frame before to where it is now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.motion import axis_angle, spun
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
        self._axis, self.turn_rad = axis_angle(self.last[:3, :3].T @ now[:3, :3])
        if self.turn_rad < _STILL_RAD:
            self.turn_rad = 0.0
            self.travel_m = 0.0 if self.travel_m < _STILL_M else self.travel_m
        self.moves = self.travel_m > 0.0 or self.turn_rad > 0.0

    def at(self, point_m: Array, share: float) -> Array:
        """Where a point (3,) of the thing is in the world."""
        if self.turn_rad != 0.0:
            point_m = spun(point_m[None], self._axis, np.array([share * self.turn_rad]))[0]
        position: Array = self.last[:3, :3] @ point_m + self.last[:3, 3] + share * self._shift
        return position

    def origins(self, share: Float32s) -> Array:
        """Where its origin is at N shares; (N, 3), world axes."""
        return self.last[:3, 3] + share[:, None].astype(np.float64) * self._shift

    def outward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the thing in world axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].T.astype(np.float32)
        turned = spun(vectors, self._axis.astype(np.float32), share * np.float32(self.turn_rad))
        return turned @ self.last[:3, :3].T.astype(np.float32)

    def inward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the world in the thing's axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].astype(np.float32)
        local = vectors @ self.last[:3, :3].astype(np.float32)
        return spun(local, self._axis.astype(np.float32), share * np.float32(-self.turn_rad))

    def inward_points(self, points_m: Array, share: Float32s | None) -> Float32s:
        """Points of the world, (3,) for all or (N, 3), in the thing's frame; (N, 3), or (3,) if nothing tells N."""
        if share is None or not self.moves:
            return np.asarray((points_m - self.now[:3, 3]) @ self.now[:3, :3], dtype=np.float32)
        return self.inward((points_m - self.origins(share)).astype(np.float32), share)
