"""A rigid thing on its way from where it was on the frame before to where it is now."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
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
        origins = np.empty((len(share), 3))
        for axis in range(3):
            origins[:, axis] = self.last[axis, 3] + share.astype(np.float64) * self._shift[axis]
        return origins

    def origins_from(self, other: Path, share: Float32s) -> Float32s:
        """Where its origin is from the other's at N shares; (N, 3), world axes."""
        last, shift = self.last[:3, 3] - other.last[:3, 3], self._shift - other._shift
        return last.astype(np.float32) + share[:, None] * shift.astype(np.float32)

    def outward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the thing in world axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].T.astype(np.float32)
        return _blended(self._outward, vectors, share * np.float32(self.turn_rad))

    def inward(self, vectors: Float32s, share: Float32s | None) -> Float32s:
        """Vectors (N, 3) of the world in the thing's axes."""
        if share is None or self.turn_rad == 0.0:
            return vectors @ self.now[:3, :3].astype(np.float32)
        return _blended(self._inward, vectors, share * np.float32(self.turn_rad))

    def inside(self, points_m: Array | Path, vectors: Float32s, share: Float32s | None) -> tuple[Float32s, Float32s]:
        """Points of the world and vectors (N, 3), in the thing's frame; both (N, 3).

        Points are (3,) for all, or (N, 3), or where the origin of another thing is at the shares.
        """
        if isinstance(points_m, Path):
            if share is None:
                raise DataError("points on a path without their shares")
            gone: Float32s = points_m.origins_from(self, share)
        elif share is None or not self.moves:
            local = np.broadcast_to(self.inward_points(points_m, share), vectors.shape)
            return np.ascontiguousarray(local), self.inward(vectors, share)
        else:
            gone = (points_m - self.origins(share)).astype(np.float32)
        both = self.inward(np.concatenate([gone, vectors]), None if share is None else np.tile(share, 2))
        return both[: len(vectors)], both[len(vectors) :]

    @cached_property
    def _outward(self) -> Float32s:
        """`_blended`'s matrices from the thing's axes to those of the world."""
        rotation = self.last[:3, :3]
        return np.concatenate([rotation @ part for part in _rodrigues(self._axis)]).astype(np.float32)

    @cached_property
    def _inward(self) -> Float32s:
        """The same the other way round."""
        back = self.last[:3, :3].T
        return np.concatenate([part @ back for part in _rodrigues(-self._axis)]).astype(np.float32)

    def inward_points(self, points_m: Array, share: Float32s | None) -> Float32s:
        """Points of the world, (3,) for all or (N, 3), in the thing's frame; (N, 3), or (3,) if nothing tells N."""
        if share is None or not self.moves:
            return np.asarray((points_m - self.now[:3, 3]) @ self.now[:3, :3], dtype=np.float32)
        return self.inward((points_m - self.origins(share)).astype(np.float32), share)


def dot(a: Float32s, b: Float32s) -> Float32s:
    """Products (...) of pairs of vectors (..., 3)."""
    # three times as fast as einsum, to the same bytes
    product: Float32s = a[..., 0] * b[..., 0]
    product += a[..., 1] * b[..., 1]
    product += a[..., 2] * b[..., 2]
    return product


def _rodrigues(axis: Array) -> tuple[Array, Array, Array]:
    """Matrices (3, 3) whose sum, times 1, the sine and 1 - the cosine of an angle, turns by it: Rodrigues' formula."""
    x, y, z = axis
    return np.eye(3), np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]), np.outer(axis, axis) - np.eye(3)


def _blended(matrices: Float32s, vectors: Float32s, angle: Float32s) -> Float32s:
    """Vectors (N, 3) times the sum of three matrices (9, 3), weighted as in `_rodrigues` for an angle each (N,)."""
    sine, versine = np.sin(angle), 1.0 - np.cos(angle)
    parts = matrices @ vectors.T
    blended = np.empty_like(vectors)
    for axis in range(3):
        blended[:, axis] = parts[axis] + parts[3 + axis] * sine + parts[6 + axis] * versine
    return blended
