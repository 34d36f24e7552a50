"""A recording as a function of time: who is there, where, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from av_synth.errors import LogError
from av_synth.geometry.carla import CM_PER_M, angular_from_carla, flip_y, matrix_from_recorded
from av_synth.geometry.transforms import Array
from av_synth.recording import format as layout
from av_synth.recording.model import Added, Frame, Recording

_FARTHEST_CM = 1e9
_FASTEST = 1e6
_SAME_S = 1e-6
"""Closer than this to a frame, a time is that frame's."""


@dataclass(frozen=True)
class Arrival:
    """An actor that appears, the recorded id of what it is attached to (0 for nothing), and where it is then."""

    added: Added
    parent_id: int
    world_from_actor: Array


@dataclass(frozen=True)
class Motion:
    """Where somebody is: `world_from_actor` (4, 4), velocity (3,) in m/s and angular velocity (3,) in rad/s."""

    world_from_actor: Array
    velocity_mps: Array
    angular_velocity_radps: Array


class Timeline:
    """A recording that is played. Frames are counted from 0.

    Attributes:
        total_s: time of the last frame.
    """

    def __init__(self, recording: Recording) -> None:
        """Take a recording; raises LogError if somebody in it is where nobody can be put, or faster than anybody."""
        for frame in recording.frames:
            _need_possible(recording.name, frame)
        self.frames = recording.frames
        self._times_s = np.array([frame.elapsed_s for frame in recording.frames])
        self.total_s = float(self._times_s[-1])

    def at(self, time_s: float) -> tuple[int, float]:
        """The frame that is shown at a time, and how much of the way to the next has passed, 0 to 1."""
        found = max(int(np.searchsorted(self._times_s, time_s + _SAME_S, side="right")) - 1, 0)
        since_s = time_s - self._times_s[found]
        if found + 1 == len(self.frames) or since_s < _SAME_S:
            return found, 0.0
        return found, float(since_s / (self._times_s[found + 1] - self._times_s[found]))

    def standing(self, number: int) -> list[Arrival]:
        """Everybody who is there at a frame, in the order of their coming."""
        there: dict[int, tuple[Added, int]] = {}
        for frame in self.frames[: number + 1]:
            parents = _parents(frame)
            there |= {added.actor_id: (added, parents.get(added.actor_id, 0)) for added in frame.added}
            for actor_id in frame.records(layout.EVENT_DEL)["actor_id"].tolist():
                there.pop(actor_id, None)
        poses = _poses(self.frames[number])
        return [Arrival(added, parent, _pose(added, poses)) for added, parent in there.values()]

    def arriving(self, number: int) -> list[Arrival]:
        """Who comes with a frame."""
        frame = self.frames[number]
        poses, parents = _poses(frame), _parents(frame)
        return [Arrival(each, parents.get(each.actor_id, 0), _pose(each, poses)) for each in frame.added]

    def doors(self, number: int) -> dict[tuple[int, int], bool]:
        """Whether each door that has ever moved stands open at a frame, by actor and door."""
        found: dict[tuple[int, int], bool] = {}
        for frame in self.frames[: number + 1]:
            found |= doors_of(frame)
        return found

    def motions(self, number: int, share: float) -> Iterator[tuple[int, Motion]]:
        """Everybody's at a frame, or a share of the way to the next: along a straight line and the shortest turn."""
        here, after = self.frames[number], self.frames[min(number + 1, len(self.frames) - 1)]
        now, then = _poses(here), _poses(after)
        spins, later = _kinematics(here), _kinematics(after)
        drifts = self._drifts(number) if now.keys() - spins.keys() else {}
        for actor_id, (location, euler) in now.items():
            goal = then.get(actor_id) if share else None
            if goal is not None:
                location = location + share * (goal[0] - location)
                euler = euler + share * ((goal[1] - euler + 180.0) % 360.0 - 180.0)
            velocity, spin = spins.get(actor_id, (drifts.get(actor_id, np.zeros(3)), np.zeros(3)))
            if share and actor_id in spins and actor_id in later:
                velocity = velocity + share * (later[actor_id][0] - velocity)
                spin = spin + share * (later[actor_id][1] - spin)
            pose = matrix_from_recorded(location.tolist(), euler.tolist())
            yield actor_id, Motion(pose, flip_y(velocity), angular_from_carla(spin))

    def _drifts(self, number: int) -> Mapping[int, Array]:
        """Velocities in m/s, CARLA's axes, of those whose are not told, props say: differences of places."""
        first = min(number, len(self.frames) - 2)
        if first < 0 or self._times_s[first + 1] - self._times_s[first] < _SAME_S:
            return {}
        step_s = self._times_s[first + 1] - self._times_s[first]
        here, after = _poses(self.frames[first]), _poses(self.frames[first + 1])
        return {who: (after[who][0] - here[who][0]) / CM_PER_M / step_s for who in here.keys() & after.keys()}


def _need_possible(name: str, frame: Frame) -> None:
    """A finite number may still be of no world."""
    positions, motions = frame.records(layout.POSITION), frame.records(layout.KINEMATICS)
    added = np.array([each.location_cm for each in frame.added])
    farthest = max(float(np.abs(places).max(initial=0.0)) for places in (positions["location_cm"], added))
    fastest = max(float(np.abs(motions[name]).max(initial=0.0)) for name in ("velocity_mps", "spin_degps"))
    if farthest > _FARTHEST_CM or fastest > _FASTEST:
        raise LogError(
            f"{name}: frame {frame.number}: places to {farthest:g} cm, velocities to {fastest:g}; "
            f"want {_FARTHEST_CM:g} and {_FASTEST:g} at most"
        )


def doors_of(frame: Frame) -> dict[tuple[int, int], bool]:
    """Doors that move at a frame, by actor and door: whether they open."""
    return {(who, door): bool(is_open) for who, door, is_open in frame.records(layout.VEHICLE_DOOR).tolist()}


def _parents(frame: Frame) -> dict[int, int]:
    return dict(frame.records(layout.EVENT_PARENT).tolist())


def _poses(frame: Frame) -> dict[int, tuple[Array, Array]]:
    rows = frame.records(layout.POSITION)
    places, turns = rows["location_cm"].astype(np.float64), rows["euler_deg"].astype(np.float64)
    return dict(zip(rows["actor_id"].tolist(), zip(places, turns, strict=True), strict=True))


def _pose(added: Added, poses: Mapping[int, tuple[Any, Any]]) -> Array:
    location, euler = poses.get(added.actor_id, (added.location_cm, added.euler_deg))
    return matrix_from_recorded([float(v) for v in location], [float(v) for v in euler])


def _kinematics(frame: Frame) -> dict[int, tuple[Array, Array]]:
    rows = frame.records(layout.KINEMATICS)
    velocities, spins = rows["velocity_mps"].astype(np.float64), rows["spin_degps"].astype(np.float64)
    return dict(zip(rows["actor_id"].tolist(), zip(velocities, spins, strict=True), strict=True))
