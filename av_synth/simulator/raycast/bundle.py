"""Rays in the frames of several things, thing after thing in one array: many things cost hardly more than one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.raycast.path import Float32s, Path

_Indices = npt.NDArray[np.intp]


class Bundle:
    """N rays, of which those from `cuts[i]` on belong to thing i.

    Args:
        paths: where the things go.
        cuts: one more than things; the last is N.
        share: (N,), when each ray is fired: 0 on the frame before, 1 on this one. None: all on this one.
    """

    def __init__(self, paths: Sequence[Path], cuts: Sequence[int], share: Float32s | None) -> None:
        self._paths, self._cuts, self._share = paths, cuts, share
        self._whose = np.repeat(np.arange(len(paths)), np.diff(cuts))
        self._turning: tuple[Float32s, Float32s] | None = None
        if share is not None and any(path.turn_rad != 0.0 for path in paths):
            angle = np.array([path.turn_rad for path in paths], dtype=np.float32).take(self._whose)
            angle *= share
            self._turning = np.sin(angle), np.float32(1.0) - np.cos(angle)

    def inward(self, origins_m: Array | Path, rays: Float32s) -> tuple[Float32s, Float32s]:
        """Where rays (N, 3) of the world begin and point, in the frames of their things; both (N, 3).

        They begin at `origins_m`: (3,) for all, or (N, 3), or where the origin of another thing is at the shares.
        """
        parts = [path.inward_parts for path in self._paths]
        local_rays = _blended(parts, self._cuts, rays.T, self._turning)
        return _blended(parts, self._cuts, self._gone(origins_m), self._turning).T, local_rays.T

    def _gone(self, origins_m: Array | Path) -> Float32s:
        """Where rays begin (3, N), from where the origins of their things are then; world axes."""
        if isinstance(origins_m, Path):
            ways = zip(*(path.gap(origins_m) for path in self._paths), strict=True)
            begins, goes = (np.array(way, dtype=np.float32).T.take(self._whose, axis=1) for way in ways)
            return begins if self._share is None else begins + goes * self._share
        gone = np.empty((3, len(self._whose)), dtype=np.float32)
        for path, (first, end) in zip(self._paths, pairwise(self._cuts), strict=True):
            own = origins_m if origins_m.ndim == 1 else origins_m[first:end]
            away = own - (path.now[:3, 3] if self._share is None else path.origins(self._share[first:end]))
            gone[:, first:end] = away.T if away.ndim > 1 else away[:, None]
        return gone

    def outward(self, vectors: Float32s, which: _Indices) -> Float32s:
        """Vectors (K, 3) in the frames of the things of the rays `which` (K,), rising; in world axes, (K, 3)."""
        cuts = np.searchsorted(which, self._cuts).tolist()
        turning = None if self._turning is None else tuple(each.take(which) for each in self._turning)
        return _blended([path.outward_parts for path in self._paths], cuts, vectors.T, turning).T


def _blended(
    parts: Sequence[Float32s], cuts: Sequence[int], vectors: Float32s, turning: tuple[Float32s, ...] | None
) -> Float32s:
    """Vectors (3, N) turned by `Path.inward_parts`, thing after thing, where sine and 1 - cosine (N,) are `turning`."""
    each = np.empty((3 if turning is None else 9, vectors.shape[1]), dtype=np.float32)
    for part, (first, end) in zip(parts, pairwise(cuts), strict=True):
        np.matmul(part, vectors[:, first:end], out=each[: len(part), first:end])
        each[len(part) :, first:end] = 0.0
    if turning is None:
        return each
    sine, versine = turning
    blended: Float32s = each[3:6] * sine
    blended += each[:3]
    each[6:] *= versine
    blended += each[6:]
    return blended
