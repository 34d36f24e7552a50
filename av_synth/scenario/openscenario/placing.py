"""Where our actors are at the start, in OpenSCENARIO 1.2's words: seen from the ego, by lanes and metres."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.model import Actor
from av_synth.scenario.openscenario.context import KMH
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.writing import SIZES_M, Xml, category_of, world, xml
from av_synth.scenario.road import ANCHORS
from av_synth.scenario.words import EGO

_LANE_M = 3.5
# lanes beside the ego's, counted to the left
_LANES = {"same": 0, "left": 1, "left_2": 2, "right": -1, "right_2": -2}
_GUESSED = {"oncoming": 1, "oncoming_2": 2, "parking": 1, "shoulder": 1, "pavement": 2, "verge": 3}
_TURNED_DEG = {"along": 0.0, "against": 180.0, "left": 90.0, "right": -90.0}


@dataclass(frozen=True)
class Placed:
    """Somebody's place.

    Attributes:
        position: in OpenSCENARIO's words.
        aside_m: about how far it is from the ego's line.
        how: how it differs from ours; empty if it does not.
    """

    position: Xml
    aside_m: float
    how: str = ""


def placed(concrete: ConcreteScenario, actor: Actor) -> Placed:
    """Where somebody is.

    Raises:
        UnsaidError: if that cannot be told.
    """
    at = actor.at
    if at.pose is not None:
        return Placed(world(at.pose), _LANE_M)
    ahead, how = _station_m(concrete, actor)
    lane, side = at.lane, 1
    if lane in _LANES:
        steps = _LANES[lane]
    else:
        kind, _, where = lane.partition("_")
        side = -1 if where == "right" else 1
        steps = side * _GUESSED.get(lane, _GUESSED.get(kind, 1))
        how = [*how, f"{lane} as the lane number {steps} to the left of the ego's"]
    h = math.radians(_TURNED_DEG[heading(actor)] + at.turn_deg)
    facing = (xml("Orientation", type="relative", h=h),) if h else ()
    given = {"entityRef": EGO, "dLane": steps, "ds": ahead, "offset": at.offset_m}
    position = xml("Position", xml("RelativeLanePosition", *facing, **given))
    return Placed(position, abs(steps) * _LANE_M or _LANE_M, "; ".join(dict.fromkeys(how)))


def heading(actor: Actor) -> str:
    """Which way it faces, but for what it is turned further."""
    return actor.at.heading or ("against" if actor.at.lane.startswith("oncoming") else "along")


def walks_to(concrete: ConcreteScenario, actor: Actor) -> str:
    """`along` or `against`: where somebody comes who goes straight ahead; empty where that is across."""
    pose, ego = actor.at.pose, concrete.road.pose
    if pose is None:
        off = _TURNED_DEG[heading(actor)] + actor.at.turn_deg
    elif ego is None or ego.yaw_deg is None or pose.yaw_deg is None:
        return ""
    else:
        off = pose.yaw_deg - ego.yaw_deg
    ahead = math.cos(math.radians(off))
    return "along" if ahead > math.sqrt(0.5) else "against" if ahead < -math.sqrt(0.5) else ""


def anchors_m(concrete: ConcreteScenario) -> dict[str, float]:
    """How far along the ego's path the road's features are that tell it."""
    found = {}
    for name in ANCHORS:
        with suppress(UnsaidError):
            found[name] = _anchor_m(concrete, name)
    return found


def _station_m(concrete: ConcreteScenario, actor: Actor) -> tuple[float, list[str]]:
    """How far ahead of the ego, and how that differs from ours."""
    at = actor.at
    how: list[str] = []
    if at.ahead_s is not None:
        ahead = at.ahead_s * concrete.ego.speed_kmh / KMH
    elif at.ahead_m is not None and at.of in ANCHORS:
        ahead = _anchor_m(concrete, at.of) + at.ahead_m
    elif at.ahead_m is not None:
        ahead, how = _station_m(concrete, concrete.actors[at.of])
        ahead += at.ahead_m
    elif at.beyond is not None or at.behind is not None:
        other = concrete.actors[at.beyond or at.behind or ""]
        ahead, how = _station_m(concrete, other)
        room = (SIZES_M[category_of(actor.body)][0] + SIZES_M[category_of(other.body)][0]) / 2.0 + at.gap_m
        ahead += room if at.beyond else -room
        how = [*how, "by the usual sizes of such bodies"]
    else:
        raise UnsaidError("a place on another arm of a junction has no words")
    return ahead, how + _past(concrete, ahead)


def _anchor_m(concrete: ConcreteScenario, name: str) -> float:
    if name == "start":
        return 0.0
    road = concrete.road
    feature = road.roundabout if name == "junction" and road.junction is None else getattr(road, name, None)
    if feature is None:
        raise UnsaidError(f"a place told by a road's {name} has no words")
    return float(feature.ahead_m)


def _past(concrete: ConcreteScenario, ahead_m: float) -> list[str]:
    """How a place that lies in or behind a junction differs from ours."""
    road = concrete.road
    if road.roundabout is not None and ahead_m > road.roundabout.ahead_m:
        raise UnsaidError("a place in or behind a roundabout has no words")
    if road.junction is None or ahead_m <= road.junction.ahead_m:
        return []
    if road.junction.turn != "straight":
        raise UnsaidError("a place behind a junction at which the ego turns has no words")
    return ["straight on across the junction"]
