"""A rigid thing on its way from where it was on the frame before to where it is now."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from av_synth.geometry.motion import axis_angle, spun
from av_synth.geometry.transforms import Array

Float32s = npt.NDArray[np.float32]

_STILL_RAD, _STILL_M = 1e-7, 1e-7


class Path:
    """Poses between two: translation in a straight line, rotation by the shortest way, both evenly in time.

    A share of 0 is the frame before, of 1 this one. Without shares everything is as on this frame. Vectors (N, 3) that
    come out are in memory one axis after the other, which is what numpy is fast at; those that come in may be anyhow.

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
        self.travel_m = math.hypot(*self._shift.tolist())
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
        origins = np.empty((3, len(share)))
        way = share.astype(np.float64)
        for axis in range(3):
            np.multiply(way, self._shift[axis], out=origins[axis])
            origins[axis] += self.last[axis, 3]
        return origins.T

    def origins_from(self, other: Path, share: Float32s) -> Float32s:
        """Where its origin is from the other's at N shares; (N, 3), world axes."""
        origins = np.empty((3, len(share)), dtype=np.float32)
        for axis in range(3):
            np.multiply(share, np.float32(self._shift[axis] - other._shift[axis]), out=origins[axis])
            origins[axis] += np.float32(self.last[axis, 3] - other.last[axis, 3])
        return origins.T

    def outward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the thing in world axes."""
        if share is None or self.turn_rad == 0.0:
            return (self.now[:3, :3].astype(np.float32) @ vectors.T).T
        sine, versine = self._turned(share)
        parts = self.outward_parts @ vectors.T
        blended = parts[3:6] * sine
        blended += parts[:3]
        parts[6:] *= versine
        blended += parts[6:]
        return blended.T

    def gap(self, other: Path) -> tuple[Array, Array]:
        """From its origin to that of the other on the frame before, and how much farther the other goes; (3,) each."""
        return other.last[:3, 3] - self.last[:3, 3], other._shift - self._shift

    def _turned(self, share: Float32s) -> tuple[Float32s, Float32s]:
        """Sine, and 1 - cosine, of how far it has turned at N shares."""
        angle = share * np.float32(self.turn_rad)
        return np.sin(angle), np.float32(1.0) - np.cos(angle)

    @cached_property
    def outward_parts(self) -> Float32s:
        """From its axes to those of the world: (3, 3) if it does not turn. Otherwise (9, 3), three such matrices.

        Times 1, the sine and 1 - the cosine of the angle that it has turned by, their sum is what turns.
        """
        if self.turn_rad == 0.0:
            return self.now[:3, :3].astype(np.float32)
        return (self.last[:3, :3] @ _rodrigues(self._axis)).reshape(9, 3).astype(np.float32)

    @cached_property
    def inward_parts(self) -> Float32s:
        """The same the other way round."""
        if self.turn_rad == 0.0:
            return self.now[:3, :3].T.astype(np.float32)
        return (_rodrigues(-self._axis) @ self.last[:3, :3].T).reshape(9, 3).astype(np.float32)


def dot(a: Float32s, b: Float32s) -> Float32s:
    """Products (...) of pairs of vectors (..., 3)."""
    # three times as fast as einsum, to the same bytes
    product: Float32s = a[..., 0] * b[..., 0]
    product += a[..., 1] * b[..., 1]
    product += a[..., 2] * b[..., 2]
    return product


def rows(vectors: Float32s, which: npt.NDArray[np.integer]) -> Float32s:
    """Some (K, 3) of vectors (N, 3); in memory one axis after the other, as they are best."""
    return vectors.T.take(which, axis=1).T


def _rodrigues(axis: Array) -> Array:
    """Matrices (3, 3, 3): their sum, times 1, the sine and 1 - the cosine of an angle, turns by it (Rodrigues)."""
    x, y, z = axis.tolist()
    return np.array(
        [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]],
            [[x * x - 1.0, x * y, x * z], [x * y, y * y - 1.0, y * z], [x * z, y * z, z * z - 1.0]],
        ]
    )
