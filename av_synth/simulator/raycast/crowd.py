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


class Thing(NamedTuple):
    """A body, or a part of one: its mesh, what it is, and where it goes."""

    prototype: Prototype
    instance: Instance
    path: Path


class Crowd:
    """The things of a scene; arrays of them have one row for each of the M."""

    def __init__(self, things: Sequence[Thing]) -> None:
        self.things = things

    @cached_property
    def corners_m(self) -> Array:
        """Corners of the boxes around things, first on the frame before, then on this one; (M, 16, 3), world frame."""
        now, last = (np.stack([pose(thing.path) for thing in self.things]) for pose in (_now, _last))
        own = np.stack([thing.prototype.corners_m for thing in self.things])
        before, after = (own @ poses[:, :3, :3].transpose(0, 2, 1) + poses[:, None, :3, 3] for poses in (last, now))
        return np.concatenate([before, after], axis=1)

    @cached_property
    def travel_m(self) -> Array:
        """How far each goes, (M,)."""
        return np.array([thing.path.travel_m for thing in self.things])

    @cached_property
    def turn_rad(self) -> Array:
        """How far each turns, (M,)."""
        return np.array([thing.path.turn_rad for thing in self.things])

    @cached_property
    def arm_m(self) -> Array:
        """How far from its origin each reaches, (M,)."""
        return np.array([thing.prototype.reach_m for thing in self.things])


class Aimed(NamedTuple):
    """Rays that may meet thing `k` of a crowd, others perhaps among them, and how far away it is at least.

    That is below 0 where nobody knows.
    """

    k: int
    rays: npt.NDArray[np.intp]
    nearest_m: float


class Near(Protocol):
    """Knows how rays are laid out, and so which of them may meet a thing."""

    @property
    def eye_m(self) -> Array:
        """(3,), about where rays come from, world frame."""

    def aimed(self, crowd: Crowd) -> Sequence[Aimed]:
        """Rays that may meet things; what is not among these they do not meet."""


def _now(path: Path) -> Array:
    return path.now


def _last(path: Path) -> Array:
    return path.last
