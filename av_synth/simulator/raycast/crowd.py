"""Everything that stands in a scene, and where it goes while rays are fired at it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.raycast.path import Path
from av_synth.simulator.raycast.prototype import Prototype
from av_synth.simulator.scene import Instance

AT_HAND_M = 3.0
"""Nearer than that are the sensor's own vehicle, and what stands beside it."""


class Crowd:
    """The things of a scene: bodies, or parts of them. Arrays have one row for each of the M.

    Attributes:
        instances: what they are.
        prototypes: their meshes.
    """

    def __init__(self, instances: Sequence[Instance], prototypes: Sequence[Prototype], *, lasting: bool) -> None:
        """Of a frame; `lasting`: of all the time since the frame before."""
        self.instances, self.prototypes = instances, prototypes
        self._lasting = lasting
        self._paths: dict[int, Path] = {}

    def path(self, k: int) -> Path:
        """Where thing `k` goes."""
        if k not in self._paths:
            each = self.instances[k]
            self._paths[k] = Path(each.world_from_body, each.last_world_from_body if self._lasting else None)
        return self._paths[k]

    @cached_property
    def corners_m(self) -> Array:
        """Corners of the boxes around things, first on the frame before, then on this one; (M, 16, 3), world frame."""
        own = np.stack([prototype.corners_m for prototype in self.prototypes])
        before, after = (
            own @ poses[:, :3, :3].transpose(0, 2, 1) + poses[:, None, :3, 3] for poses in (self._last, self._now)
        )
        return np.concatenate([before, after], axis=1)

    @cached_property
    def travel_m(self) -> Array:
        """How far each goes, (M,)."""
        shift = self._now[:, :3, 3] - self._last[:, :3, 3]
        return np.sqrt((shift * shift).sum(axis=1))

    @cached_property
    def turn_rad(self) -> Array:
        """How far each turns, (M,)."""
        turned = self._last[:, :3, :3].transpose(0, 2, 1) @ self._now[:, :3, :3]
        off = (turned - turned.transpose(0, 2, 1))[:, [2, 0, 1], [1, 2, 0]]
        return np.arctan2(np.sqrt((off * off).sum(axis=1)) / 2.0, (np.trace(turned, axis1=1, axis2=2) - 1.0) / 2.0)

    @cached_property
    def arm_m(self) -> Array:
        """How far from its origin each reaches, (M,)."""
        return np.array([prototype.reach_m for prototype in self.prototypes])

    @cached_property
    def _now(self) -> Array:
        return np.stack([each.world_from_body for each in self.instances])

    @cached_property
    def _last(self) -> Array:
        if not self._lasting:
            return self._now
        last = (each.last_world_from_body for each in self.instances)
        return np.stack([now if pose is None else pose for now, pose in zip(self._now, last, strict=True)])


class Aimed(NamedTuple):
    """Rays that may meet thing `k` of a crowd, others perhaps among them, and how far away it is at least.

    That is below 0 where nobody knows. Where it is known which triangle each of the rays meets and how far away, if
    nothing else is before it, `met` says so.
    """

    k: int
    rays: npt.NDArray[np.intp]
    nearest_m: float
    met: tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]] | None = None


class Near(Protocol):
    """Knows how rays are laid out, and so which of them may meet a thing."""

    @property
    def eye_m(self) -> Array:
        """(3,), about where rays come from, world frame."""

    def aimed(self, crowd: Crowd) -> Sequence[Aimed]:
        """Rays that may meet things; what is not among these they do not meet."""
