"""Our manoeuvres in OpenSCENARIO 1.2's words."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

from av_synth.documents import Strict
from av_synth.scenario.exact import Pose
from av_synth.scenario.manoeuvres import Do
from av_synth.scenario.openscenario.actions import LAMPS
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.telling import Teller
from av_synth.scenario.openscenario.writing import Xml, position, world, xml
from av_synth.scenario.words import EGO

HARDEST_MPS2 = 12.0
_REVERSE_MPS2 = 2.0


def actions(teller: Teller, do: Do, lamps: Collection[str] = ()) -> list[Xml]:
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
    dynamics = xml("SpeedActionDynamics", dynamicsShape=shape, dynamicsDimension=dimension, value=value)
    target = xml("SpeedActionTarget", xml("AbsoluteTargetSpeed", value=speed_mps))
    return xml("LongitudinalAction", xml("SpeedAction", dynamics, target))


def _drive(_: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    speed = given["speed_kmh"] / KMH
    if given["over_s"] is not None:
        return speed_action(speed, "linear", "time", given["over_s"])
    if given["over_m"] is not None:
        return speed_action(speed, "linear", "distance", given["over_m"])
    if given["at_once"]:
        return speed_action(speed, "step", "time", 0.0)
    return speed_action(speed, "linear", "rate", given["acceleration_mps2"])


def _brake(_: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    return speed_action(given["to_kmh"] / KMH, "linear", "rate", given["deceleration_mps2"])


def _match(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["factor"] != 1 and given["faster_kmh"]:
        raise UnsaidError("a factor and a difference at once have no words")
    by_factor = given["factor"] != 1
    value = given["factor"] if by_factor else given["faster_kmh"] / KMH
    target = xml(
        "RelativeTargetSpeed",
        entityRef=teller.who(given["who"]),
        value=value,
        speedTargetValueType="factor" if by_factor else "delta",
        continuous=given["keeps_to_it"],
    )
    shape, dimension, value = "linear", "rate", given["acceleration_mps2"]
    if given["at_once"]:
        shape, dimension, value = "step", "time", 0.0
    dynamics = xml("SpeedActionDynamics", dynamicsShape=shape, dynamicsDimension=dimension, value=value)
    return xml("LongitudinalAction", xml("SpeedAction", dynamics, xml("SpeedActionTarget", target)))


def _profile(_: Teller, do: Strict) -> Xml:
    entries, before = [], 0.0
    for time, speed in do.model_dump()["points"]:
        entries.append(xml("SpeedProfileEntry", time=time - before, speed=speed / KMH))
        before = time
    return xml("LongitudinalAction", xml("SpeedProfileAction", *entries, followingMode="position"))


def _follow(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    gap = {"timeGap": given["gap_s"]} if given["gap_m"] is None else {"distance": given["gap_m"]}
    rest = {"freespace": True, "continuous": True, "displacement": "trailingReferencedEntity"}
    limits = xml("DynamicConstraints", maxAcceleration=3.0, maxDeceleration=HARDEST_MPS2, maxSpeed=70.0)
    return xml(
        "LongitudinalAction",
        xml("LongitudinalDistanceAction", limits, entityRef=teller.who(given["who"]), **gap, **rest),
    )


def _sideways(duration_s: float, target: Xml) -> Xml:
    dynamics = xml("LaneChangeActionDynamics", dynamicsShape="sinusoidal", dynamicsDimension="time", value=duration_s)
    return xml("LateralAction", xml("LaneChangeAction", dynamics, xml("LaneChangeTarget", target)))


def _lane_change(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["speed_kmh"] is not None:
        raise UnsaidError("another speed meanwhile has no words")
    if given["offset_m"] is not None:
        # a cosine over time T moves d with at most pi^2 d / (2 T^2); the offset is taken as the whole way
        aside = max(abs(given["offset_m"]), 0.1)
        hardest = math.pi**2 * aside / (2.0 * given["duration_s"] ** 2)
        dynamics = xml("LaneOffsetActionDynamics", dynamicsShape="sinusoidal", maxLateralAcc=hardest)
        target = xml("LaneOffsetTarget", xml("AbsoluteTargetLaneOffset", value=given["offset_m"]))
        return xml("LateralAction", xml("LaneOffsetAction", dynamics, target, continuous=False))
    if given["lane_id"] is not None:
        return _sideways(given["duration_s"], xml("AbsoluteTargetLane", value=given["lane_id"]))
    if given["into"] is not None:
        target = xml("RelativeTargetLane", entityRef=teller.who(given["into"]), value=given["aside"])
        return _sideways(given["duration_s"], target)
    steps = given["lanes"] if given["to"] == "left" else -given["lanes"]
    return _sideways(given["duration_s"], xml("RelativeTargetLane", entityRef=teller.me, value=steps))


def _cut_in(_: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["speed_kmh"] is not None:
        raise UnsaidError("another speed meanwhile has no words")
    return _sideways(given["duration_s"], xml("RelativeTargetLane", entityRef=EGO, value=0))


def _cross(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["stop_after_m"] is not None or given["turn_back"]:
        raise UnsaidError("stopping on the way has no words")
    return _course(teller, _ahead(given["distance_m"], given["speed_kmh"]), "own")


def _walk(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if teller.walks_to != given["direction"]:
        raise UnsaidError("walking another way than one faces has no words")
    if given["distance_m"] is not None:
        return _course(teller, _ahead(given["distance_m"], given["speed_kmh"]), "own")
    return speed_action(given["speed_kmh"] / KMH, "step", "time", 0.0)


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


def _follow_course(teller: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["timed"]:
        return _course(teller, list(given["timed"]), given["frame"])
    return _course(teller, [(0.0, x, y) for x, y in given["line"]], given["frame"], timed=False)


def _arrive(teller: Teller, do: Strict) -> Xml:
    given = dict(do)
    inside = [
        _renamed(world(given["who_at"]), "TargetPositionMaster"),
        _renamed(world(given["at"]), "TargetPosition"),
    ]
    if given["final_kmh"] is not None:
        inside.append(xml("FinalSpeed", xml("AbsoluteSpeed", value=given["final_kmh"] / KMH)))
    return xml("SynchronizeAction", *inside, masterEntityRef=teller.who(given["who"]))


def _renamed(element: Xml, tag: str) -> Xml:
    element.tag = tag
    return element


def _route(_: Teller, do: Strict) -> Xml:
    return xml("RoutingAction", xml("AssignRouteAction", route(dict(do)["through"])))


def route(places: tuple[Pose, ...]) -> Xml:
    """A Route through places; a single one is there twice, since a route has two at least."""
    stops = [*places, *places] if len(places) == 1 else list(places)
    waypoints = [xml("Waypoint", world(one), routeStrategy="shortest") for one in stops]
    return xml("Route", *waypoints, name="route", closed=False)


def _lights(on: Collection[str], known: Collection[str]) -> list[Xml]:
    """What is listed is on, every other light that is ever on is off."""
    if not known:
        raise UnsaidError("none of its lights is ever on")
    kinds: dict[str, str] = {}
    for kind, name in LAMPS.items():
        kinds.setdefault(name, kind)
    found = []
    for name in (name for name in kinds if name in known):
        kind = kinds[name]
        state = xml("LightState", mode="on" if name in on else "off")
        light = xml("LightType", xml("VehicleLight", vehicleLightType=kind))
        found.append(xml("AppearanceAction", xml("LightStateAction", light, state)))
    return found


def _reverse(_: Teller, do: Strict) -> Xml:
    given = do.model_dump()
    if given["distance_m"] is not None:
        raise UnsaidError("driving backwards so far and no further has no words")
    return speed_action(-given["speed_kmh"] / KMH, "linear", "rate", _REVERSE_MPS2)


_DOING: Mapping[str, Callable[[Teller, Strict], Xml]] = {
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
    "appear": lambda _, do: xml("TeleportAction", world(dict(do)["at"])),
    "reverse": _reverse,
}
