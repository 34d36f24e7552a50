"""Lines over the map that somebody is moved along: by a clock, or at the speed that they have."""

from __future__ import annotations

import math
from typing import Protocol

import carla
import numpy as np

from av_synth.director.manoeuvres.kinematics import placed
from av_synth.director.manoeuvres.paces import SpeedPlan
from av_synth.director.roads.courses import Line, smooth_step
from av_synth.director.roads.path import Path
from av_synth.director.view import View
from av_synth.geometry.carla import location_from_point, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.exact import Course
from av_synth.session.commands import Command

_HEIGHT_STEP_M = 2.0  # the road's height is asked for this often
_FACE_M = 0.5  # headings are taken over twice this
_BEGIN_M = 10.0  # of a line: where on it somebody is when they begin
_JOINING = 4.0  # from beside the line onto it, in so many times the way across
_SAME_M = 1e-6


class Paced(Protocol):
    """Somebody who has a pace of their own."""

    actor: carla.Actor

    def plan(self, view: View, /) -> SpeedPlan:
        """The speed that they want to go at."""

    @property
    def backs(self) -> bool:
        """Whether they go backwards."""


class MapCourse:
    """Somebody on a line over the map: the middle of their box is on it, at the road's height; they face along it.

    Whoever goes backwards faces against it. A timed line is kept to the instant. One without times begins where it is
    given to; who is beside it, or before its first point, comes onto it on the way.
    """

    def __init__(self, who: Paced, course: Course, view: View, *, walks: bool) -> None:
        self._who, self._walks = who, walks
        self._began_us = view.time_us
        self._pose = pose = view.state.actors[who.actor.id].world_from_actor
        middle = view.state.infos[who.actor.id].box_centre_m
        self._middle_m = np.array([float(middle[0]), float(middle[1]), 0.0])
        here = view.box(who.actor.id).centre_m
        self._velocity = view.state.actors[who.actor.id].velocity_mps
        self.speed_mps = max(float(self._velocity[:2] @ pose[:2, 0]), 0.0)
        points = np.array([point[-2:] for point in course.timed or course.line], dtype=np.float64)
        if course.frame == "own":
            ahead = pose[:2, 0] / float(np.hypot(*pose[:2, 0]))
            points = here + points @ np.array([ahead, [-ahead[1], ahead[0]]])
        self._times_s = np.array([time for time, _, _ in course.timed])
        if course.timed and course.timed[0][0] > 0.0:
            points, self._times_s = np.vstack([here, points]), np.concatenate([[0.0], self._times_s])
        self._stations = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        path = over_road(view.scene.map, points, pose)
        self.line = Line(path)
        self._at_m, self._beside_m = (0.0, 0.0) if course.timed else _begin(path, here)
        self._from_m = self._at_m
        road_m = _height_m(view.scene.map, np.array([*here, float(pose[2, 3])]))
        self._above_m = float(pose[2, 3]) - road_m
        self._place = path.point(self._at_m, self._beside_m)

    @property
    def is_timed(self) -> bool:
        """Whether its speed is told by its times."""
        return bool(len(self._times_s))

    def move(self, view: View, dt_s: float) -> list[Command]:
        """Its place at the next tick."""
        now_s = (view.time_us - self._began_us) * 1e-6 + dt_s
        before = self._place
        if self.is_timed:
            self._at_m, before = self._station(now_s), self.line.path.point(self._station(now_s - dt_s))
        else:
            plan = self._who.plan(view)
            step = plan.target_mps - self.speed_mps
            self.speed_mps += min(max(step, -plan.deceleration_mps2 * dt_s), plan.acceleration_mps2 * dt_s)
            self._at_m += self.speed_mps * dt_s
        joined = (self._at_m - self._from_m) / max(_JOINING * abs(self._beside_m), _SAME_M)
        self._place = self.line.path.point(self._at_m, self._beside_m * (1.0 - smooth_step(joined)))
        self._velocity = (self._place - before) / dt_s
        if self.is_timed:
            self.speed_mps = float(np.hypot(*self._velocity[:2]))
        self._pose = pose = self._facing()
        pose[:3, 3] = self._place - pose[:3, :3] @ self._middle_m + np.array([0.0, 0.0, self._above_m])
        return placed(self._who.actor.id, pose, self._velocity)

    def over(self, view: View) -> bool:
        """After its last point."""
        if self.is_timed:
            return view.time_us >= self._began_us + self._times_s[-1] * 1e6
        return self._at_m >= self.line.path.end_m

    def released(self) -> list[Command]:
        """Physics again, at the speed it has."""
        commands: list[Command] = [carla.command.SetSimulatePhysics(self._who.actor.id, True)]
        if not self._walks:
            commands.append(carla.command.ApplyTargetVelocity(self._who.actor.id, vector_to_carla(self._velocity)))
        return commands

    def rest(self, here_m: Array) -> Path:
        """The line from where somebody is on it, for whoever drives on."""
        path = self.line.path
        passed = int(np.searchsorted(path.stations_m, path.project(here_m)[0], side="right")) - 1
        first = min(max(passed, 0), len(path.points_m) - 2)
        return Path(path.points_m[first:], origin_m=float(path.stations_m[first]))

    def _station(self, time_s: float) -> float:
        """Where the clock wants it; behind the last point it goes on as it came there."""
        times, stations = self._times_s, self._stations
        late_s = max(time_s - float(times[-1]), 0.0)
        speed = float((stations[-1] - stations[-2]) / (times[-1] - times[-2]))
        return float(np.interp(time_s, times, stations)) + speed * late_s

    def _facing(self) -> Array:
        """`world_from_actor` along the line, and up and down with the road; people stand upright."""
        behind, ahead = (self.line.path.point(self._at_m + lead) for lead in (-_FACE_M, _FACE_M))
        forward = behind - ahead if self._who.backs else ahead - behind
        if self._walks:
            forward[2] = 0.0
        if float(np.hypot(*forward[:2])) < _SAME_M:  # where a line turns back on itself
            return rigid(self._pose[:3, :3], np.zeros(3))
        forward /= float(np.linalg.norm(forward))
        left = np.array([-forward[1], forward[0], 0.0]) / float(np.hypot(*forward[:2]))
        return rigid(np.column_stack([forward, left, np.cross(forward, left)]), np.zeros(3))


def over_road(town: carla.Map, points_m: Array, world_from_actor: Array) -> Path:
    """A line (N, 2) at the height of the road under it; straight on from somebody, where all its points are one."""
    kept = [points_m[0]]
    for point in points_m[1:]:
        apart = float(np.hypot(*(point - kept[-1])))
        if apart > _SAME_M:
            parts = math.ceil(apart / _HEIGHT_STEP_M)
            kept += [kept[-1] + (point - kept[-1]) * share for share in np.linspace(0.0, 1.0, parts + 1)[1:]]
    if len(kept) == 1:
        kept.append(kept[0] + world_from_actor[:2, 0])
    height, found = float(world_from_actor[2, 3]), []
    for point in kept:
        height = _height_m(town, np.array([*point, height]))
        found.append([*point, height])
    return Path(np.array(found))


def _height_m(town: carla.Map, point_m: Array) -> float:
    """Of the road that is nearest to a point; the point's own where there is none."""
    lane = town.get_waypoint(location_from_point(point_m), lane_type=carla.LaneType.Any)
    return float(point_m[2]) if lane is None else float(lane.transform.location.z)


def _begin(path: Path, here_m: Array) -> tuple[float, float]:
    """Station and offset of somebody at a line's beginning: it may cross itself, so the rest of it does not count."""
    last = max(int(np.searchsorted(path.stations_m, _BEGIN_M)), 1) + 1
    first = Path(path.points_m[:last])
    station, _ = first.project(here_m)
    station = min(station, first.end_m)
    return station, _offset_m(path, station, here_m)


def _offset_m(path: Path, station_m: float, point_m: Array) -> float:
    """How far to the left of a station of a path a point is."""
    heading = path.heading_rad(station_m)
    apart = point_m[:2] - path.point(station_m)[:2]
    return float(apart @ np.array([-math.sin(heading), math.cos(heading)]))
