"""A pedestrian who moves by the scenario: stands until an event begins something, and stands again after."""

from __future__ import annotations

import math
from collections.abc import Callable

import carla
import numpy as np

from av_synth.director.manoeuvres.control import WALKER_ACCELERATION_MPS2
from av_synth.director.manoeuvres.kinematics import Body
from av_synth.director.manoeuvres.map_courses import MapCourse
from av_synth.director.manoeuvres.meetings import Left, straight, until_at
from av_synth.director.manoeuvres.moved import let_go, take_back
from av_synth.director.manoeuvres.paces import SpeedPlan
from av_synth.director.manoeuvres.players import Manoeuvres, Running
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.director.roads.poses import locate
from av_synth.director.stage.cast import Member
from av_synth.director.view import View
from av_synth.geometry.carla import vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import ArriveTogether
from av_synth.scenario.manoeuvres import Cross, Do
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import FASTEST_ON_FOOT_KMH
from av_synth.session.commands import Command

_BACK_ON_LINE = 0.5  # how fast somebody who walks along comes back to their line, as a share of 1/s
_SEES_M, _ROOM_M = 3.0, 0.75  # those of a crowd who are so near ahead, and so little aside, are given way to
_GIVE_WAY = 0.35  # sideways, as a share of the way ahead
_ARRIVED_S = 0.2  # so little time before another is at their place, nobody changes their speed any more
_FASTEST_MPS = FASTEST_ON_FOOT_KMH / 3.6


class PedestrianPlayer:
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
        self._told_mps = member.speed_mps
        self._arriving: _Arriving | None = None
        self.body: Body | None = None
        self._extra: list[Command] = []

    def begin(self, event: EventSpec, view: View) -> None:
        """Start a manoeuvre; see `players.Player`."""
        do = event.do
        if do is None:
            return
        if do.arrive_together is not None:
            self._arrive(event, do.arrive_together, view)
            return
        if do.follow_course is None:
            self._arriving, self._told_mps = None, _told_mps(do)
        if do.kind in ("cross", "walk", "wait"):
            if isinstance(self.body, MapCourse):  # it stays on its line
                self._manoeuvres.begin(Running(event, "pace", lambda _: True, lambda _: None), view)
                return
            take_back(self, view, at_end=False)
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
        elif do.fall is not None or do.follow_trajectory is not None or do.follow_course is not None:
            self._manoeuvres.begin(Running(event, "walk", *let_go(self, do, view, walks=True)), view)
            if self._arriving is not None and isinstance(self.body, MapCourse):
                self._arriving.come_along(self.body.line)
        elif do.wait is not None:
            self._run(event, view, lambda _: True)
        else:  # the document is refused before: see `OF_PEOPLE`
            raise AssertionError(f"{do.kind} is nothing that people do")

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
        if self._walk is not None and self._walk.strolls and self._way is not None:
            self._way = self._round_others(self._way, view)
        if self._arriving is not None:
            self._goal_mps = self._arriving.speed_mps(view)
            if self._cross is None and self._walk is None:
                self._way = self._arriving.way
        way = pose[:3, 0] if self._way is None else self._way
        step = WALKER_ACCELERATION_MPS2 * dt_s
        self._speed_mps += min(max(self._goal_mps - self._speed_mps, -step), step)
        control = carla.WalkerControl(vector_to_carla(way), self._speed_mps)
        return [*extra, carla.command.ApplyWalkerControl(self.actor.id, control)]

    def _round_others(self, way: Array, view: View) -> Array:
        """Where to walk, on a stroll, so that nobody of a crowd is run into: to the right of whoever is ahead."""
        here = view.box(self.actor.id).centre_m
        ahead = way[:2] / float(np.hypot(*way[:2]))
        right = np.array([ahead[1], -ahead[0]])
        for name, actor_id in view.scene.ids.items():
            if actor_id == self.actor.id or not name.startswith("crowd_"):
                continue
            apart = view.box(actor_id).centre_m - here
            if 0.0 < float(apart @ ahead) < _SEES_M and abs(float(apart @ right)) < _ROOM_M:
                return np.array([*(ahead + right * _GIVE_WAY), 0.0])
        return way

    def _run(self, event: EventSpec, view: View, over: Callable[[View], bool]) -> None:
        def undo(_: View) -> None:
            self._walk = self._cross = None

        self._manoeuvres.begin(Running(event, "walk", over, undo), view)

    def _arrive(self, event: EventSpec, arrive: ArriveTogether, view: View) -> None:
        """Walk at the speed that brings it there in time: along its line if it is on one, else straight."""
        if not isinstance(self.body, MapCourse):
            take_back(self, view, at_end=False)
        place, here = locate(view.scene.map, arrive.at).point_m, view.box(self.actor.id).centre_m
        final = None if arrive.final_kmh is None else arrive.final_kmh / 3.6
        left_s = until_at(arrive.who, arrive.who_at, view)
        self._arriving = arriving = _Arriving(self.actor.id, place, left_s, final)
        arriving.come_along(self.body.line if isinstance(self.body, MapCourse) else straight(here, place))

        def undo(_: View) -> None:
            self._arriving = None

        self._manoeuvres.begin(Running(event, "pace", arriving.over, undo), view)

    @property
    def backs(self) -> bool:
        """Never: people walk as they face."""
        return False

    def plan(self, view: View) -> SpeedPlan:
        """The speed that it was told to walk at, or that it arrives by."""
        speed = self._told_mps if self._arriving is None else self._arriving.speed_mps(view)
        return SpeedPlan(speed, WALKER_ACCELERATION_MPS2, WALKER_ACCELERATION_MPS2)

    def goes_on(self, body: Body, _view: View, *, at_end: bool) -> None:
        """Stand where a body came to; see `moved.Moved`."""
        self._way, self._speed_mps = None, 0.0
        if at_end and isinstance(body, MapCourse):
            self._arriving = None

    def send(self, *commands: Command) -> None:
        """Send these along with the next tick's control."""
        self._extra += commands


def _told_mps(do: Do) -> float:
    """How fast a manoeuvre has somebody walk."""
    told = do.cross or do.walk
    return 0.0 if told is None else told.speed_kmh / 3.6


class _Arriving:
    """The speed that brings somebody to a place on a line when another is at theirs."""

    def __init__(self, actor_id: int, place_m: Array, left_s: Left, final_mps: float | None) -> None:
        self._actor_id, self._place_m = actor_id, place_m
        self._left_s, self._final_mps = left_s, final_mps
        self._last_mps = 0.0

    def come_along(self, line: Line) -> None:
        """Come to the place along a line."""
        self._line = line
        self._here_m, _ = line.path.project(self._place_m)
        heading = line.path.heading_rad(self._here_m)
        self.way = np.array([math.cos(heading), math.sin(heading), 0.0])

    def speed_mps(self, view: View) -> float:
        """The speed of now; its last one from shortly before it is there."""
        left_s = self._left_s(view)
        if self.over(view):
            return self._last_mps if self._final_mps is None else self._final_mps
        if left_s > _ARRIVED_S:
            self._last_mps = min(self._room_m(view) / left_s, _FASTEST_MPS)
        return self._last_mps

    def over(self, view: View) -> bool:
        """Once it has been there."""
        return self._room_m(view) <= 0.0

    def _room_m(self, view: View) -> float:
        return self._here_m - self._line.path.project(view.box(self._actor_id).centre_m)[0]


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
        self.strolls = between_m is not None
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
        way = along + left * (self._offset_m - offset) * _BACK_ON_LINE
        return way, 0.0 if self.over else self._speed_mps
