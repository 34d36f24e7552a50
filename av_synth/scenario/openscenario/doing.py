"""Our manoeuvres in OpenSCENARIO 1.2's words."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from av_synth.scenario.exact import ArriveTogether, Course, Pose, TakeRoute
from av_synth.scenario.manoeuvres import (
    HARDEST_MPS2,
    Brake,
    Cross,
    CutIn,
    Do,
    Drive,
    Follow,
    LaneChange,
    MatchSpeed,
    Reverse,
    SpeedProfile,
    Walk,
)
from av_synth.scenario.openscenario.actions import LAMPS
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.telling import Teller
from av_synth.scenario.openscenario.writing import Xml, position, world, xml
from av_synth.scenario.words import EGO, Lamp

_REVERSE_MPS2 = 2.0


def actions(teller: Teller, do: Do, lamps: Collection[Lamp]) -> list[Xml]:
    """PrivateActions that do it together.

    Args:
        teller: who speaks.
        do: what.
        lamps: the actor's lights that are ever switched.

    Raises:
        UnsaidError: if it cannot be told.
    """
    if do.kind not in _DOING and do.lights is None:
        raise UnsaidError(f"there is no action such as {do.kind}")
    if do.lights is not None:
        return [xml("PrivateAction", one) for one in _lights(do.lights.on, lamps)]
    return [xml("PrivateAction", _DOING[do.kind](teller, getattr(do, do.kind)))]


def speed_action(speed_mps: float, shape: str, dimension: str, value: float) -> Xml:
    """A LongitudinalAction that takes a speed."""
    return _speed(xml("AbsoluteTargetSpeed", value=speed_mps), shape, dimension, value)


def _speed(target: Xml, shape: str, dimension: str, value: float) -> Xml:
    dynamics = xml("SpeedActionDynamics", dynamicsShape=shape, dynamicsDimension=dimension, value=value)
    return xml("LongitudinalAction", xml("SpeedAction", dynamics, xml("SpeedActionTarget", target)))


def _drive(_: Teller, do: Drive) -> Xml:
    speed = do.speed_kmh / KMH
    if do.over_s is not None:
        return speed_action(speed, "linear", "time", do.over_s)
    if do.over_m is not None:
        return speed_action(speed, "linear", "distance", do.over_m)
    if do.at_once:
        return speed_action(speed, "step", "time", 0.0)
    return speed_action(speed, "linear", "rate", do.acceleration_mps2)


def _brake(_: Teller, do: Brake) -> Xml:
    return speed_action(do.to_kmh / KMH, "linear", "rate", do.deceleration_mps2)


def _match(teller: Teller, do: MatchSpeed) -> Xml:
    if do.factor != 1 and do.faster_kmh:
        raise UnsaidError("a factor and a difference at once have no words")
    by_factor = do.factor != 1
    target = xml(
        "RelativeTargetSpeed",
        entityRef=teller.who(do.who),
        value=do.factor if by_factor else do.faster_kmh / KMH,
        speedTargetValueType="factor" if by_factor else "delta",
        continuous=do.keeps_to_it,
    )
    if do.at_once:
        return _speed(target, "step", "time", 0.0)
    return _speed(target, "linear", "rate", do.acceleration_mps2)


def _profile(_: Teller, do: SpeedProfile) -> Xml:
    entries, before = [], 0.0
    for time, speed in do.points:
        entries.append(xml("SpeedProfileEntry", time=time - before, speed=speed / KMH))
        before = time
    return xml("LongitudinalAction", xml("SpeedProfileAction", *entries, followingMode="position"))


def _follow(teller: Teller, do: Follow) -> Xml:
    gap = {"timeGap": do.gap_s} if do.gap_m is None else {"distance": do.gap_m}
    rest = {"freespace": True, "continuous": True, "displacement": "trailingReferencedEntity"}
    limits = xml("DynamicConstraints", maxAcceleration=3.0, maxDeceleration=HARDEST_MPS2, maxSpeed=70.0)
    return xml(
        "LongitudinalAction",
        xml("LongitudinalDistanceAction", limits, entityRef=teller.who(do.who), **gap, **rest),
    )


def _sideways(duration_s: float, target: Xml) -> Xml:
    dynamics = xml("LaneChangeActionDynamics", dynamicsShape="sinusoidal", dynamicsDimension="time", value=duration_s)
    return xml("LateralAction", xml("LaneChangeAction", dynamics, xml("LaneChangeTarget", target)))


def _lane_change(teller: Teller, do: LaneChange) -> Xml:
    if do.speed_kmh is not None:
        raise UnsaidError("another speed meanwhile has no words")
    if do.offset_m is not None:
        # a cosine over time T moves d with at most pi^2 d / (2 T^2); the offset is taken as the whole way
        aside = max(abs(do.offset_m), 0.1)
        hardest = math.pi**2 * aside / (2.0 * do.duration_s**2)
        dynamics = xml("LaneOffsetActionDynamics", dynamicsShape="sinusoidal", maxLateralAcc=hardest)
        target = xml("LaneOffsetTarget", xml("AbsoluteTargetLaneOffset", value=do.offset_m))
        return xml("LateralAction", xml("LaneOffsetAction", dynamics, target, continuous=False))
    if do.lane_id is not None:
        return _sideways(do.duration_s, xml("AbsoluteTargetLane", value=do.lane_id))
    if do.into is not None:
        target = xml("RelativeTargetLane", entityRef=teller.who(do.into), value=do.aside)
        return _sideways(do.duration_s, target)
    steps = do.lanes if do.to == "left" else -do.lanes
    return _sideways(do.duration_s, xml("RelativeTargetLane", entityRef=teller.me, value=steps))


def _cut_in(_: Teller, do: CutIn) -> Xml:
    if do.speed_kmh is not None:
        raise UnsaidError("another speed meanwhile has no words")
    return _sideways(do.duration_s, xml("RelativeTargetLane", entityRef=EGO, value=0))


def _cross(teller: Teller, do: Cross) -> Xml:
    if do.stop_after_m is not None or do.turn_back:
        raise UnsaidError("stopping on the way has no words")
    return _course(teller, _ahead(do.distance_m, do.speed_kmh), "own")


def _walk(teller: Teller, do: Walk) -> Xml:
    if teller.walks_to != do.direction:
        raise UnsaidError("walking another way than one faces has no words")
    if do.distance_m is not None:
        return _course(teller, _ahead(do.distance_m, do.speed_kmh), "own")
    return speed_action(do.speed_kmh / KMH, "step", "time", 0.0)


def _ahead(distance_m: float, speed_kmh: float) -> list[tuple[float, float, float]]:
    return [(0.0, 0.0, 0.0), (distance_m / (speed_kmh / KMH), distance_m, 0.0)]


def _course(teller: Teller, points: list[tuple[float, float, float]], frame: str, *, timed: bool = True) -> Xml:
    vertices = []
    for time, x, y in points:
        clock = {"time": time} if timed else {}
        vertices.append(xml("Vertex", position(x, y, frame, teller.me), **clock))
    line = xml("Trajectory", xml("Shape", xml("Polyline", *vertices)), name="course", closed=False)
    timing = xml("Timing", domainAbsoluteRelative="relative", scale=1.0, offset=0.0) if timed else xml("None")
    rest = (xml("TimeReference", timing), xml("TrajectoryFollowingMode", followingMode="position"))
    return xml("RoutingAction", xml("FollowTrajectoryAction", xml("TrajectoryRef", line), *rest))


def _follow_course(teller: Teller, do: Course) -> Xml:
    if do.timed:
        return _course(teller, list(do.timed), do.frame)
    return _course(teller, [(0.0, x, y) for x, y in do.line], do.frame, timed=False)


def _arrive(teller: Teller, do: ArriveTogether) -> Xml:
    inside = [
        _renamed(world(do.who_at), "TargetPositionMaster"),
        _renamed(world(do.at), "TargetPosition"),
    ]
    if do.final_kmh is not None:
        inside.append(xml("FinalSpeed", xml("AbsoluteSpeed", value=do.final_kmh / KMH)))
    return xml("SynchronizeAction", *inside, masterEntityRef=teller.who(do.who))


def _renamed(element: Xml, tag: str) -> Xml:
    element.tag = tag
    return element


def _route(_: Teller, do: TakeRoute) -> Xml:
    return xml("RoutingAction", xml("AssignRouteAction", route(do.through)))


def route(places: tuple[Pose, ...]) -> Xml:
    """A Route through places; a single one is there twice, since a route has two at least."""
    stops = [*places, *places] if len(places) == 1 else list(places)
    waypoints = [xml("Waypoint", world(one), routeStrategy="shortest") for one in stops]
    return xml("Route", *waypoints, name="route", closed=False)


def _lights(on: Collection[Lamp], known: Collection[Lamp]) -> list[Xml]:
    """What is listed is on, every other light that is ever on is off."""
    if not known:
        raise UnsaidError("none of its lights is ever on")
    kinds: dict[Lamp, str] = {}
    for kind, name in LAMPS.items():
        kinds.setdefault(name, kind)
    found = []
    for name in (name for name in kinds if name in known):
        kind = kinds[name]
        state = xml("LightState", mode="on" if name in on else "off")
        light = xml("LightType", xml("VehicleLight", vehicleLightType=kind))
        found.append(xml("AppearanceAction", xml("LightStateAction", light, state)))
    return found


def _reverse(_: Teller, do: Reverse) -> Xml:
    if do.distance_m is not None:
        raise UnsaidError("driving backwards so far and no further has no words")
    return speed_action(-do.speed_kmh / KMH, "linear", "rate", _REVERSE_MPS2)


_DOING: Mapping[str, Callable[[Teller, Any], Xml]] = {
    "drive": _drive,
    "brake": _brake,
    "match_speed": _match,
    "speed_profile": _profile,
    "follow": _follow,
    "lane_change": _lane_change,
    "cut_out": _lane_change,
    "cut_in": _cut_in,
    "cross": _cross,
    "walk": _walk,
    "wait": lambda _, __: speed_action(0.0, "step", "time", 0.0),
    "follow_course": _follow_course,
    "arrive_together": _arrive,
    "take_route": _route,
    "appear": lambda _, do: xml("TeleportAction", world(do.at)),
    "reverse": _reverse,
}
