"""Manoeuvres that change a vehicle's pace: told by speeds and times alone, or bound to a place."""

from __future__ import annotations

import math
from dataclasses import replace

from av_synth.director.lamps import hazard
from av_synth.director.manoeuvres.meetings import FASTEST_MPS, Meeting, meeting_point, until_at, until_ego_at
from av_synth.director.manoeuvres.paces import (
    STOPPED_MPS,
    USUAL_ACCELERATION_MPS2,
    Backwards,
    Behind,
    Keep,
    Match,
    Me,
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
from av_synth.scenario.manoeuvres import Do, Drive, Stop
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO

_TOGETHER_UNTIL_S = 0.3  # it adjusts its speed to the last, as far as this is any use


def begin_pace(vehicle: Vehicle, event: EventSpec, view: View) -> None:
    """Start what changes the pace.

    Raises:
        CastError: if the road has no way to do it, or it is no manoeuvre of a vehicle.
    """
    if event.do is None:
        return
    me, before = vehicle.me(view), vehicle.pace
    pace = _steady(vehicle, event.do, me, view) or _bound(vehicle, event.do, me, view)
    if pace is None:
        raise CastError(f"{vehicle.name}: got do: {event.do.kind}; want a manoeuvre of a vehicle")
    vehicle.pace = pace
    told = event.do.drive or event.do.match_speed
    if told is not None and told.at_once:
        vehicle.has_speed(pace.plan(me, view).target_mps, view)

    def undo(_: View) -> None:
        vehicle.pace = before

    vehicle.run(event, "pace", lambda now: pace.over(vehicle.me(now), now), undo, view)


def _steady(vehicle: Vehicle, do: Do, me: Me, view: View) -> Pace | None:
    """The pace of a manoeuvre that is told by speeds and times alone."""
    own = vehicle.pace.plan(me, view)
    if do.drive is not None:
        return _driven(do.drive, me, view)
    if do.match_speed is not None:
        match, rate = do.match_speed, do.match_speed.acceleration_mps2
        pace = Match(
            match.who,
            match.factor,
            match.faster_kmh / 3.6,
            replace(own, acceleration_mps2=rate, deceleration_mps2=rate),
        )
        return pace if match.keeps_to_it else Keep(pace.plan(me, view))
    if do.speed_profile is not None:
        return profile(do.speed_profile.points, me, view)
    if do.follow is not None:
        return Behind(do.follow.who, do.follow.gap_s, own, do.follow.gap_m)
    if do.brake is not None:
        target = min(do.brake.to_kmh / 3.6, own.target_mps)
        return Keep(SpeedPlan(target, USUAL_ACCELERATION_MPS2, do.brake.deceleration_mps2))
    if do.run_light is not None:
        vehicle.careful = False
        speed_kmh = do.run_light.speed_kmh
        return vehicle.pace if speed_kmh is None else Keep(SpeedPlan(speed_kmh / 3.6))
    if do.wait is not None:
        return Keep(SpeedPlan(0.0))
    if do.stall is not None:
        vehicle.light(vehicle.lamps | hazard())
        return Keep(SpeedPlan(0.0, USUAL_ACCELERATION_MPS2, do.stall.deceleration_mps2))
    return None


def _bound(vehicle: Vehicle, do: Do, me: Me, view: View) -> Pace | None:
    """The pace of a manoeuvre that is bound to a place."""
    if do.stop is not None:
        return StopAt(_station_of(vehicle, do.stop, view), do.stop.wait_s, vehicle.pace)
    if do.reverse is not None:
        distance_m = math.inf if do.reverse.distance_m is None else do.reverse.distance_m
        return Backwards(me.station_m, distance_m, do.reverse.speed_kmh / 3.6)
    if do.arrive_together is not None:
        return _together(vehicle, do.arrive_together, view)
    if do.meet is None:
        return None
    half_widths = float(vehicle.half_m[1]) + float(view.box(view.scene.ids[EGO]).half_m[1])
    found = meeting_point(vehicle.line, me.station_m, vehicle.ego_line, half_widths)
    if found is None:
        raise CastError(f"{vehicle.name}: meet: its way does not come to the ego's; want a route or lane that does")
    limits = do.meet.min_kmh / 3.6, do.meet.max_kmh / 3.6
    here_m, ego_m = found
    there = until_ego_at(ego_m, vehicle.ego_line)
    return Meeting(lambda _: here_m, there, do.meet.before_ego_s, do.meet.until_s, limits)


def _driven(drive: Drive, me: Me, view: View) -> Pace:
    target = drive.speed_kmh / 3.6
    if drive.over_s is not None:
        return evenly(target, drive.over_s, me, view)
    mean = (max(me.speed_mps, 0.0) + target) / 2.0
    if drive.over_m is not None and mean > STOPPED_MPS:
        return evenly(target, drive.over_m / mean, me, view)
    return Keep(SpeedPlan(target, drive.acceleration_mps2, drive.acceleration_mps2))


def _together(vehicle: Vehicle, arrive: ArriveTogether, view: View) -> Pace:
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
