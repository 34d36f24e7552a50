"""Manoeuvres that change a vehicle's line: it shifts, changes lane, turns, passes somebody, or wanders off."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import carla
import numpy as np

from av_synth.director.manoeuvres.moved import take_back
from av_synth.director.manoeuvres.own_lanes import lane_at
from av_synth.director.manoeuvres.paces import USUAL_ACCELERATION_MPS2, Keep, Pace, SpeedPlan
from av_synth.director.manoeuvres.vehicle import Vehicle
from av_synth.director.roads import lanes, new_lines
from av_synth.director.roads.courses import Line, Wander, drift, swerve
from av_synth.director.roads.routes import path_along
from av_synth.director.view import View
from av_synth.errors import CastError
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import TakeRoute
from av_synth.scenario.manoeuvres import CutIn, LaneChange, Merge, Overtake, TurnAt, UTurn
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO, Side

_GO_BACK_S = 2.5  # to the line that one kept to before
_IN_LANE_M = 1.75  # of the ego's line: the ego is in its lane
_ROUTE_M = 2000.0
_TURN_IN_S, _TURN_ROUND_S = 1.5, 0.5  # from one's line to that of a turn

_Led = tuple[Line, float, float | None]
"""The line that a manoeuvre leads to, how long it takes to get there, and the speed (km/h) that it takes."""


def begin_line(vehicle: Vehicle, event: EventSpec, view: View) -> bool:
    """Start what changes the line, with the speed that goes with it; False if it is nothing of that kind.

    Raises:
        CastError: if the road has no way to do it.
    """
    do = event.do
    if do is None or do.kind not in {*_LINES, *_WANDERS, "overtake"}:
        return False
    take_back(vehicle, view, at_end=True)
    asked = getattr(do, do.kind)
    if do.overtake is not None:
        _overtake(vehicle, event, do.overtake, view)
    elif do.kind in _WANDERS:
        _wander(vehicle, event, *_WANDERS[do.kind](asked), view)
    else:
        line, duration_s, speed_kmh = _LINES[do.kind](vehicle, asked, view)
        pace = vehicle.pace if speed_kmh is None else Keep(SpeedPlan(speed_kmh / 3.6))
        _run(vehicle, event, lambda now: vehicle.course.changed(now.time_us), view, pace)
        vehicle.head_for(line, duration_s, view)
    return True


def _change(vehicle: Vehicle, change: LaneChange, view: View) -> _Led:
    return _changed(vehicle, change, view), change.duration_s, change.speed_kmh


def _cut_in(vehicle: Vehicle, cut: CutIn, view: View) -> _Led:
    position = vehicle.position_m(view)
    return new_lines.facing(vehicle.ego_line, position, _heading_rad(vehicle, view)), cut.duration_s, cut.speed_kmh


def _merge(vehicle: Vehicle, merge: Merge, view: View) -> _Led:
    me = vehicle.me(view)
    left_s = (vehicle.line.path.end_m - me.station_m) / max(me.speed_mps, 1.0)
    line = new_lines.beside(view.scene.map, vehicle.line, vehicle.position_m(view), "left")
    return line, max(min(merge.duration_s, left_s), 1.0), merge.speed_kmh


def _turn(vehicle: Vehicle, turn: TurnAt, view: View) -> _Led:
    line = new_lines.turning(view.scene.map, vehicle.line, vehicle.position_m(view), turn.to, vehicle.name)
    return line, _TURN_IN_S, turn.speed_kmh


def _u_turn(vehicle: Vehicle, turn: UTurn, view: View) -> _Led:
    line = new_lines.turned_round(view.scene.map, vehicle.line, vehicle.position_m(view), turn.radius_m, vehicle.name)
    return line, _TURN_ROUND_S, turn.speed_kmh


def _take_route(vehicle: Vehicle, take: TakeRoute, view: View) -> _Led:
    """One's own lane, and the ways from there that lead through some places."""
    town = view.scene.map
    here = lane_at(town, vehicle.position_m(view), _heading_rad(vehicle, view))
    return Line(new_lines.through(town, here, take.through, _ROUTE_M)), _TURN_IN_S, None


def _heading_rad(vehicle: Vehicle, view: View) -> float:
    """Where one's line leads, beside oneself."""
    path = vehicle.line.path
    return path.heading_rad(path.project(vehicle.position_m(view))[0])


def _changed(vehicle: Vehicle, change: LaneChange, view: View) -> Line:
    town, position = view.scene.map, vehicle.position_m(view)
    if change.to is not None:
        return _several(town, vehicle.line, position, change.to, change.lanes)
    if change.into is not None:
        return _into(vehicle, change.into, change.aside, view)
    if change.lane_id is not None:
        return _numbered(vehicle, change.lane_id, view)
    return new_lines.shifted(town, vehicle.line, position, change.offset_m or 0.0)


def _several(town: carla.Map, line: Line, position_m: Array, side: Side, lanes: int) -> Line:
    """The line so many lanes to a side."""
    for _ in range(lanes):
        line = new_lines.beside(town, line, position_m, side)
        position_m = line.point(position_m, 0.0)
    return line


def _into(vehicle: Vehicle, who: str, aside: int, view: View) -> Line:
    """The lane in which somebody is, or one so many to its left; one's own if nobody of that name is there."""
    actor_id = view.scene.ids.get(who)
    if actor_id is None:
        return vehicle.line
    town, box, me = view.scene.map, view.box(actor_id), vehicle.position_m(view)
    if who == EGO and abs(vehicle.ego_line.path.project(box.centre_m)[1]) < _IN_LANE_M:
        theirs = vehicle.ego_line
    else:
        apart = float(np.hypot(*(box.centre_m - me)))
        lane = lane_at(town, box.centre_m, box.yaw_rad)
        theirs = Line(path_along(lane, new_lines.BEHIND_M + apart, new_lines.AHEAD_M + apart))
    theirs = _several(town, theirs, box.centre_m, "left" if aside > 0 else "right", abs(aside))
    return new_lines.facing(theirs, me, _heading_rad(vehicle, view))


def _numbered(vehicle: Vehicle, lane_id: int, view: View) -> Line:
    """The lane with a number in the map, of the road that one is on."""
    town, position, heading = view.scene.map, vehicle.position_m(view), _heading_rad(vehicle, view)
    here = lane_at(town, position, heading)
    lane = here if here.lane_id == lane_id else town.get_waypoint_xodr(here.road_id, lane_id, here.s)
    if lane is None:
        beside = [found.waypoint for side in ("left", "right") for found in lanes.beside(here, side)]
        has = ", ".join(str(found.lane_id) for found in sorted([here, *beside], key=lambda found: found.lane_id))
        raise CastError(
            f"{vehicle.name}: lane_change: no lane {lane_id} of road {here.road_id} is here; want one of {has}"
        )
    return new_lines.facing(Line(path_along(lane, new_lines.BEHIND_M, new_lines.AHEAD_M)), position, heading)


def _run(vehicle: Vehicle, event: EventSpec, over: Callable[[View], bool], view: View, pace: Pace) -> None:
    """Note what changes the line, and drive at a pace meanwhile.

    Ended by the scenario, the vehicle goes back to the line before, and to the pace before unless it has been told
    another since.
    """
    line, before = vehicle.line, vehicle.pace
    vehicle.pace = pace

    def undo(now: View) -> None:
        vehicle.pace = before if vehicle.pace is pace else vehicle.pace
        vehicle.head_for(line, _GO_BACK_S, now)

    vehicle.run(event, "course", over, undo, view)


def _wander(vehicle: Vehicle, event: EventSpec, shape: Wander, lasts_s: float, view: View) -> None:
    until_us = view.time_us + lasts_s * 1e6
    vehicle.course.wander(shape, view.time_us)
    _run(vehicle, event, lambda now: now.time_us >= until_us, view, vehicle.pace)


def _overtake(vehicle: Vehicle, event: EventSpec, overtake: Overtake, view: View) -> None:
    """Out, past, and back: three parts, one after the other."""
    before = vehicle.line
    passing = new_lines.beside(view.scene.map, vehicle.line, vehicle.position_m(view), overtake.side)
    returning = False

    def over(now: View) -> bool:
        nonlocal returning
        if returning:
            return vehicle.course.changed(now.time_us)
        if not vehicle.course.changed(now.time_us) or _ahead_of_m(vehicle, overtake.who, now) < overtake.back_gap_m:
            return False
        vehicle.head_for(before, overtake.duration_s, now)
        returning = True
        return False

    _run(vehicle, event, over, view, Keep(SpeedPlan(overtake.speed_kmh / 3.6, USUAL_ACCELERATION_MPS2 * 1.5)))
    vehicle.head_for(passing, overtake.duration_s, view)


def _ahead_of_m(vehicle: Vehicle, who: str, view: View) -> float:
    """Free length from somebody's front to one's own rear, along one's own path."""
    actor_id = view.scene.ids.get(who)
    if actor_id is None:
        return math.inf
    box = view.box(actor_id)
    station, _ = vehicle.line.path.project(box.centre_m)
    return vehicle.me(view).station_m - station - float(vehicle.half_m[0]) - float(box.half_m[0])


_LINES: Mapping[str, Callable[[Vehicle, Any, View], _Led]] = {
    "lane_change": _change,
    "cut_out": _change,
    "cut_in": _cut_in,
    "merge": _merge,
    "turn": _turn,
    "u_turn": _u_turn,
    "take_route": _take_route,
}
_WANDERS: Mapping[str, Callable[[Any], tuple[Wander, float]]] = {
    "swerve": lambda asked: (swerve(asked.offset_m, asked.duration_s), asked.duration_s),
    "drift": lambda asked: (drift(asked.offset_m, asked.rate_mps), abs(asked.offset_m) / asked.rate_mps),
}
