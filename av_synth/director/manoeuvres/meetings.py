"""Meetings: paces by which somebody is at a place when somebody else is at theirs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from av_synth.director.manoeuvres.own_lanes import lane_at
from av_synth.director.manoeuvres.paces import Me, SpeedPlan
from av_synth.director.roads import new_lines
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.director.roads.poses import locate
from av_synth.director.view import View
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import Pose
from av_synth.scenario.words import EGO, FASTEST_KMH

_ACCELERATION_MPS2, _DECELERATION_MPS2 = 3.0, 5.0
_STEP_M, _CROSSES_WITHIN_M = 0.5, 8.0
_TOGETHER = 0.9  # cosine of the angle under which ways run together rather than cross
_ON_WAY_M = 5.0  # a place is on somebody's way if it is no further from it
_FARTHEST_M = 1000.0  # of somebody from their place, along the road
FASTEST_MPS = FASTEST_KMH / 3.6

Left = Callable[[View], float]
"""Seconds until somebody is at a place; 0 once they have been there, or are gone."""


@dataclass
class Meeting:
    """Comes to a place so long before somebody else comes to theirs, whatever they do meanwhile.

    At every frame it is asked when the other will be there, and takes the speed that brings itself there at the time
    wanted; near the end it keeps what it has for good, since a small error of time asks for a large change of speed.
    """

    here_m: Callable[[Me], float]
    left_s: Left
    before_s: float
    until_s: float
    limits_mps: tuple[float, float]
    final_mps: float | None = None
    _speed: SpeedPlan | None = field(default=None, init=False)
    _kept: bool = field(default=False, init=False)

    def plan(self, me: Me, view: View) -> SpeedPlan:
        """The speed that it needs."""
        left_s = self.left_s(view)
        room = self.here_m(me) - me.station_m
        time_s = left_s - self.before_s
        near = self._speed is not None and min(left_s, time_s) <= self.until_s
        self._kept = self._kept or room <= 0.0 or near
        if not self._kept:
            self._speed = _plan(self._needed_mps(me, room, time_s))
        elif self.final_mps is not None:
            self._speed = _plan(self.final_mps)
        return self._speed or SpeedPlan(me.speed_mps)

    def over(self, me: Me, _view: View) -> bool:
        """Once it has been there."""
        return me.station_m >= self.here_m(me)

    def _needed_mps(self, me: Me, room_m: float, time_s: float) -> float:
        """The speed, reached at once from the present one at the usual rate, that makes so many metres in a time."""
        low, high = self.limits_mps
        if time_s <= 0.0:
            return high
        final = self.final_mps
        if final is not None and time_s <= abs(final - me.speed_mps) / _rate(me.speed_mps, final):
            return final
        for _ in range(14):
            middle = (low + high) / 2.0
            if final is None:
                rate = _rate(me.speed_mps, middle)
                lost_m = (middle - me.speed_mps) * abs(middle - me.speed_mps) / (2.0 * rate)
                needs_s = me.line.travel_s(me.station_m, me.station_m + room_m, middle) + lost_m / max(middle, 0.1)
                too_slow = needs_s > time_s
            else:
                too_slow = _way_m(me.speed_mps, middle, final, time_s) < room_m
            low, high = (middle, high) if too_slow else (low, middle)
        return (low + high) / 2.0


def _plan(speed_mps: float) -> SpeedPlan:
    return SpeedPlan(speed_mps, _ACCELERATION_MPS2, _DECELERATION_MPS2)


def _rate(from_mps: float, to_mps: float) -> float:
    return _ACCELERATION_MPS2 if to_mps > from_mps else _DECELERATION_MPS2


def _way_m(from_mps: float, middle_mps: float, final_mps: float, time_s: float) -> float:
    """How far one comes in a time: from one speed to a middle one, and to a final one just at the end.

    A middle speed that is too far off for the rates is gone towards as long as there is time.
    """
    times = np.linspace(0.0, time_s, 41)
    left = time_s - times
    least = np.maximum(from_mps - _DECELERATION_MPS2 * times, final_mps - _ACCELERATION_MPS2 * left)
    greatest = np.minimum(from_mps + _ACCELERATION_MPS2 * times, final_mps + _DECELERATION_MPS2 * left)
    return float(np.clip(middle_mps, least, np.maximum(greatest, least)).mean()) * time_s


def until_ego_at(station_m: float, ego_line: Line) -> Left:
    """Until the ego's front is at a station of its line, by its present speed and the bends before it."""

    def left_s(view: View) -> float:
        ego = view.along(view.scene.ids[EGO])
        return ego_line.travel_s(ego.front_m, station_m, ego.speed_mps)

    return left_s


def until_at(who: str, place: Pose, view: View) -> Left:
    """Until somebody's middle is at a place, by their present speed and their way there.

    Their way is the ego's path, or that which leads there from their lane, or straight on for people and whoever else
    is not on one that does.

    Raises:
        CastError: if the place is not on the map.
    """
    there = locate(view.scene.map, place).point_m
    line = None if who not in view.scene.ids else _way_to(who, place, there, view)

    def left_s(now: View) -> float:
        actor_id = now.scene.ids.get(who)
        if actor_id is None or line is None:
            return 0.0
        box = now.box(actor_id)
        here_m, there_m = (line.path.project(point)[0] for point in (box.centre_m, there))
        return line.travel_s(here_m, there_m, float(np.hypot(*box.velocity_mps)))

    return left_s


def _way_to(who: str, place: Pose, there_m: Array, view: View) -> Line:
    town, box = view.scene.map, view.box(view.scene.ids[who])
    ways_on = [view.scene.path] if who == EGO else []
    lane = lane_at(town, box.centre_m, box.yaw_rad)
    ways_on.append(new_lines.through(town, lane, (place,), _FARTHEST_M))
    for path in ways_on:
        if max(abs(path.project(point)[1]) for point in (box.centre_m, there_m)) < _ON_WAY_M:
            return Line(path)
    return straight(box.centre_m, there_m)


def straight(from_m: Array, to_m: Array) -> Line:
    """The line from one place (2,) or (3,) to another; ahead along x if they are one."""
    ends = np.zeros((2, 3))
    ends[:, :2] = from_m[:2], to_m[:2]
    if float(np.hypot(*(ends[1] - ends[0])[:2])) < 1e-3:
        ends[1, 0] += 1.0
    return Line(Path(ends))


def meeting_point(mine: Line, from_m: float, ego: Line, half_widths_m: float) -> tuple[float, float] | None:
    """Where two ways cross, or run together: the station on one's own path and that on the ego's; None if they do not.

    Ways that run together do so from where they are nearer to each other than the vehicles are wide.
    """
    stations = np.arange(from_m, mine.path.end_m, _STEP_M)
    places = [ego.path.project(mine.path.point(s, mine.offset_m)) for s in stations.tolist()]
    on_it = [ego.path.begin_m < station < ego.path.end_m for station, _ in places]
    offsets = np.array([offset for _, offset in places])
    near = [k for k in range(len(stations)) if on_it[k] and abs(offsets[k]) < half_widths_m]
    if not near or near[0] == 0:
        return None
    for k in range(near[0], min(near[0] + int(_CROSSES_WITHIN_M / _STEP_M), len(stations))):
        turned = mine.path.heading_rad(float(stations[k])) - ego.path.heading_rad(places[k][0])
        if math.cos(turned) < _TOGETHER and offsets[k] * offsets[k - 1] <= 0.0 and offsets[k] != offsets[k - 1]:
            share = float(offsets[k - 1] / (offsets[k - 1] - offsets[k]))
            here = float(stations[k - 1]) + _STEP_M * share
            return here, places[k - 1][0] + share * (places[k][0] - places[k - 1][0])
    return float(stations[near[0]]), places[near[0]][0]
