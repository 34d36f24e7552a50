"""Manoeuvres that change a vehicle's pace: told by speeds and times alone, or bound to a place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from av_synth.director.manoeuvres.map_courses import MapCourse
from av_synth.director.manoeuvres.meetings import FASTEST_MPS, Meeting, meeting_point, until_at, until_ego_at
from av_synth.director.manoeuvres.moved import take_back
from av_synth.director.manoeuvres.paces import (
    STOPPED_MPS,
    USUAL_ACCELERATION_MPS2,
    Backwards,
    Behind,
    Keep,
    Match,
    Pace,
    SpeedPlan,
    StopAt,
    evenly,
    profile,
)
from av_synth.director.manoeuvres.vehicle import Vehicle
from av_synth.director.roads.poses import locate
from av_synth.director.view import View
from av_synth.errors import CastError
from av_synth.scenario.exact import ArriveTogether
from av_synth.scenario.manoeuvres import Brake, Drive, Follow, MatchSpeed, Meet, Reverse, RunLight, Stall, Stop
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO

_TOGETHER_UNTIL_S = 0.3  # it adjusts its speed to the last, as far as this is any use


def begin_pace(vehicle: Vehicle, event: EventSpec, view: View) -> None:
    """Start what changes the pace.

    Raises:
        CastError: if the road has no way to do it, or it is no manoeuvre of a vehicle.
    """
    do = event.do
    if do is None:
        return
    if do.kind not in _PACES:
        raise CastError(f"{vehicle.name}: got do: {do.kind}; want a manoeuvre of a vehicle")
    if not isinstance(vehicle.body, MapCourse):  # on a course it stays, a trajectory it leaves
        take_back(vehicle, view, at_end=False)
    before, hazards, careful = vehicle.pace, vehicle.hazards, vehicle.careful
    vehicle.pace = pace = _PACES[do.kind](vehicle, getattr(do, do.kind), view)
    told = do.drive or do.match_speed
    if told is not None and told.at_once:
        vehicle.has_speed(pace.plan(vehicle.me(view), view).target_mps, view)

    def undo(_: View) -> None:
        vehicle.pace, vehicle.careful = before if vehicle.pace is pace else vehicle.pace, careful
        if vehicle.hazards and not hazards:
            vehicle.light(vehicle.lamps, hazards=False)

    vehicle.run(event, "pace", lambda now: pace.over(vehicle.me(now), now), undo, view)


# -- told by speeds and times alone -----------------------------------------------------------------------------


def _drive(vehicle: Vehicle, drive: Drive, view: View) -> Pace:
    me, target = vehicle.me(view), drive.speed_kmh / 3.6
    if drive.over_s is not None:
        return evenly(target, drive.over_s, me, view)
    mean = (max(me.speed_mps, 0.0) + target) / 2.0
    if drive.over_m is not None and mean > STOPPED_MPS:
        return evenly(target, drive.over_m / mean, me, view)
    return Keep(SpeedPlan(target, drive.acceleration_mps2, drive.acceleration_mps2))


def _match_speed(vehicle: Vehicle, match: MatchSpeed, view: View) -> Pace:
    rate = match.acceleration_mps2
    own = replace(_own(vehicle, view), acceleration_mps2=rate, deceleration_mps2=rate)
    pace = Match(match.who, match.factor, match.faster_kmh / 3.6, own)
    return pace if match.keeps_to_it else Keep(pace.plan(vehicle.me(view), view))


def _follow(vehicle: Vehicle, follow: Follow, view: View) -> Pace:
    return Behind(follow.who, follow.gap_s, _own(vehicle, view), follow.gap_m)


def _brake(vehicle: Vehicle, brake: Brake, view: View) -> Pace:
    target = min(brake.to_kmh / 3.6, _own(vehicle, view).target_mps)
    return Keep(SpeedPlan(target, USUAL_ACCELERATION_MPS2, brake.deceleration_mps2))


def _run_light(vehicle: Vehicle, run: RunLight, _: View) -> Pace:
    vehicle.careful = False
    return vehicle.pace if run.speed_kmh is None else Keep(SpeedPlan(run.speed_kmh / 3.6))


def _stall(vehicle: Vehicle, stall: Stall, _: View) -> Pace:
    vehicle.light(vehicle.lamps, hazards=True)
    return Keep(SpeedPlan(0.0, USUAL_ACCELERATION_MPS2, stall.deceleration_mps2))


def _own(vehicle: Vehicle, view: View) -> SpeedPlan:
    """What the pace so far wants."""
    return vehicle.pace.plan(vehicle.me(view), view)


# -- bound to a place -------------------------------------------------------------------------------------------


def _stop(vehicle: Vehicle, stop: Stop, view: View) -> Pace:
    return StopAt(_station_of(vehicle, stop, view), stop.wait_s, vehicle.pace)


def _reverse(vehicle: Vehicle, reverse: Reverse, view: View) -> Pace:
    distance_m = math.inf if reverse.distance_m is None else reverse.distance_m
    return Backwards(vehicle.me(view).station_m, distance_m, reverse.speed_kmh / 3.6)


def _meet(vehicle: Vehicle, meet: Meet, view: View) -> Pace:
    half_widths = float(vehicle.half_m[1]) + float(view.box(view.scene.ids[EGO]).half_m[1])
    found = meeting_point(vehicle.line, vehicle.me(view).station_m, vehicle.ego_line, half_widths)
    if found is None:
        raise CastError(f"{vehicle.name}: meet: its way does not come to the ego's; want a route or lane that does")
    here_m, ego_m = found
    there = until_ego_at(ego_m, vehicle.ego_line)
    return Meeting(lambda _: here_m, there, meet.before_ego_s, meet.until_s, (meet.min_kmh / 3.6, meet.max_kmh / 3.6))


def _arrive_together(vehicle: Vehicle, arrive: ArriveTogether, view: View) -> Pace:
    left_s = until_at(arrive.who, arrive.who_at, view)
    place = locate(view.scene.map, arrive.at).point_m
    final = None if arrive.final_kmh is None else arrive.final_kmh / 3.6
    if left_s(view) <= 0.0:  # the other has been there
        return vehicle.pace if final is None else Keep(SpeedPlan(final))
    return Meeting(
        lambda now: now.line.path.project(place)[0], left_s, 0.0, _TOGETHER_UNTIL_S, (0.0, FASTEST_MPS), final
    )


def _station_of(vehicle: Vehicle, stop: Stop, view: View) -> float:
    """The station on its own path of a place told along the ego's."""
    anchor = view.scene.places.get(stop.of, view.anchor_m(stop.of))
    point = vehicle.ego_line.path.point((anchor or 0.0) + stop.ahead_m)
    return vehicle.line.path.project(point)[0]


_PACES: Mapping[str, Callable[[Vehicle, Any, View], Pace]] = {
    "drive": _drive,
    "match_speed": _match_speed,
    "speed_profile": lambda vehicle, asked, view: profile(asked.points, vehicle.me(view), view),
    "follow": _follow,
    "brake": _brake,
    "run_light": _run_light,
    "wait": lambda *_: Keep(SpeedPlan(0.0)),
    "stall": _stall,
    "stop": _stop,
    "reverse": _reverse,
    "arrive_together": _arrive_together,
    "meet": _meet,
}
