"""A pedestrian who moves by the scenario: stands until an event begins something, and stands again after."""

from __future__ import annotations

import math

import carla
import numpy as np

from av_synth.director.cast import Member
from av_synth.director.control import WALKER_ACCELERATION_MPS2
from av_synth.director.kinematics import Body, let_go
from av_synth.director.path import Path
from av_synth.director.players import Command, Manoeuvres, Running
from av_synth.director.view import View
from av_synth.geometry.carla import vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.manoeuvres import Cross
from av_synth.scenario.model import EventSpec

BACK_ON_LINE = 0.5  # how fast somebody who walks along comes back to their line, as a share of 1/s


class WalkerPlayer:
    """A pedestrian."""

    def __init__(self, member: Member) -> None:
        self.actor = member.actor
        self._manoeuvres = Manoeuvres()
        self._way: Array | None = None
        self._goal_mps = self._speed_mps = 0.0
        self._walk: _Walking | None = None
        if member.stroll_m is not None:
            along = math.cos(member.turn_rad) > 0.0
            self._walk = _Walking(
                member.path, member.offset_m, member.speed_mps, along=along, between_m=member.stroll_m
            )
        self._cross: _Crossing | None = None
        self.body: Body | None = None
        self._extra: list[Command] = []

    def begin(self, event: EventSpec, view: View) -> None:
        """Start a manoeuvre; see `players.Player`."""
        do = event.do
        if do is None:
            return
        self._walk = self._cross = None
        pose = view.state.actors[self.actor.id].world_from_actor
        if do.cross is not None:
            self._cross = crossing = _Crossing(do.cross, pose)
            self._run(event, view, lambda _: crossing.over)
        elif do.walk is not None:
            path, along = view.scene.path, do.walk.direction == "along"
            station, offset = path.project(pose[:3, 3])
            ends = None if do.walk.distance_m is None else station + (1.0 if along else -1.0) * do.walk.distance_m
            self._walk = walking = _Walking(path, offset, do.walk.speed_kmh / 3.6, along=along, until_m=ends)
            self._run(event, view, lambda _: walking.over)
        elif do.fall is not None or do.follow_trajectory is not None:
            self._manoeuvres.begin(Running(event, "walk", *let_go(self, do, view, walks=True)), view)
        else:  # it waits
            self._run(event, view, lambda _: True)

    def ended(self, view: View) -> list[EventSpec]:
        """The manoeuvres that are over."""
        return self._manoeuvres.ended(view)

    def control(self, view: View, dt_s: float) -> list[Command]:
        """Direction and speed for the next tick."""
        extra, self._extra = self._extra, []
        if self.body is not None:
            return [*extra, *self.body.move(view, dt_s)]
        pose = view.state.actors[self.actor.id].world_from_actor
        self._goal_mps = 0.0
        for steps in (self._cross, self._walk):
            if steps is not None:
                self._way, self._goal_mps = steps.step(pose, dt_s)
        way = pose[:3, 0] if self._way is None else self._way
        step = WALKER_ACCELERATION_MPS2 * dt_s
        self._speed_mps += min(max(self._goal_mps - self._speed_mps, -step), step)
        control = carla.WalkerControl(vector_to_carla(way), self._speed_mps)
        return [*extra, carla.command.ApplyWalkerControl(self.actor.id, control)]

    def _run(self, event: EventSpec, view: View, over: object) -> None:
        def undo(_: View) -> None:
            self._walk = self._cross = None

        self._manoeuvres.begin(Running(event, "walk", over, undo), view)  # type: ignore[arg-type]

    def goes_on(self, _body: Body, _view: View) -> None:
        """Stand where a body came to; see `kinematics.Moved`."""

    def send(self, *commands: Command) -> None:
        """Send these along with the next tick's control."""
        self._extra += commands


class _Crossing:
    """Straight ahead of where somebody faces, with a stop on the way, and perhaps back."""

    def __init__(self, cross: Cross, pose: Array) -> None:
        self._cross = cross
        self._began_m, self._ahead = pose[:2, 3].copy(), pose[:3, 0].copy()
        self._waits_s = cross.stop_s
        self._stopped = self._back = False
        self.over = False

    def step(self, pose: Array, dt_s: float) -> tuple[Array, float]:
        """Direction (3,) and speed."""
        gone = float((pose[:2, 3] - self._began_m) @ self._ahead[:2])
        cross = self._cross
        way = -self._ahead if self._back else self._ahead
        self.over = self.over or (gone <= 0.0 if self._back else gone >= cross.distance_m)
        if self.over:
            return way, 0.0
        if cross.stop_after_m is not None and not self._stopped and gone >= cross.stop_after_m:
            if self._waits_s > 0.0:
                self._waits_s -= dt_s
                return way, 0.0
            self._stopped, self._back = True, cross.turn_back
            way = -self._ahead if self._back else self._ahead
        return way, cross.speed_kmh / 3.6


class _Walking:
    """Along a path, at one's own distance from it: to a station, up and down between two, or for good."""

    def __init__(
        self,
        path: Path,
        offset_m: float,
        speed_mps: float,
        *,
        along: bool,
        until_m: float | None = None,
        between_m: tuple[float, float] | None = None,
    ) -> None:
        self._path, self._offset_m, self._speed_mps = path, offset_m, speed_mps
        self._sign = 1.0 if along else -1.0
        self._until_m, self._between_m = until_m, between_m
        self.over = False

    def step(self, pose: Array, _dt_s: float) -> tuple[Array, float]:
        """Direction (3,) and speed."""
        station, offset = self._path.project(pose[:3, 3])
        if self._between_m is not None:
            low, high = self._between_m
            self._sign = 1.0 if station <= low else -1.0 if station >= high else self._sign
        heading = self._path.heading_rad(station)
        along = self._sign * np.array([math.cos(heading), math.sin(heading), 0.0])
        left = np.array([-math.sin(heading), math.cos(heading), 0.0])
        if self._until_m is not None and self._sign * (station - self._until_m) >= 0.0:
            self.over = True
        way = along + left * (self._offset_m - offset) * BACK_ON_LINE
        return way, 0.0 if self.over else self._speed_mps
