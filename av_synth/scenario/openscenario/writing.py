"""XML for OpenSCENARIO 1.2: small pieces that several parts of the export share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree import ElementTree

from av_synth.scenario.exact import Pose
from av_synth.scenario.openscenario.entities import VEHICLES
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.words import is_person, is_vehicle

Xml = ElementTree.Element
_CATEGORIES = {**{ours: theirs for theirs, ours in VEHICLES.items()}, "bendy_bus": "bus"}
# length, width, height in metres: what is usual for such a thing, where a file must say one
SIZES_M: Mapping[str, tuple[float, float, float]] = {
    "car": (4.5, 1.8, 1.5),
    "van": (5.5, 2.0, 2.4),
    "truck": (9.0, 2.5, 3.4),
    "bus": (12.0, 2.5, 3.2),
    "trailer": (8.0, 2.5, 3.4),
    "motorbike": (2.2, 0.8, 1.5),
    "bicycle": (1.8, 0.6, 1.7),
    "pedestrian": (0.5, 0.5, 1.75),
    "thing": (1.0, 1.0, 1.0),
}


def category_of(body: str) -> str:
    """What OpenSCENARIO calls such a body, as `SIZES_M` has it."""
    if is_vehicle(body):
        return _CATEGORIES.get(body, "car")
    return "pedestrian" if is_person(body) else "thing"


def xml(tag: str, *inside: Xml, **given: object) -> Xml:
    """An element with its attributes and what is inside it."""
    element = Xml(tag, {name: text(value) for name, value in given.items()})
    element.extend(inside)
    return element


def text(value: object) -> str:
    """A value as attributes have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") or "0"
    return str(value)


def world(pose: Pose) -> Xml:
    """A place."""
    if pose.x_m is not None and pose.y_m is not None:
        heading = {} if pose.yaw_deg is None else {"h": math.radians(pose.yaw_deg)}
        return xml("Position", xml("WorldPosition", x=pose.x_m, y=pose.y_m, **heading))
    turned = () if pose.yaw_deg is None else (xml("Orientation", type="relative", h=math.radians(pose.yaw_deg)),)
    if pose.lane_id is None:
        place = xml("RoadPosition", *turned, roadId=pose.road_id, s=pose.s_m, t=pose.offset_m or 0.0)
    else:
        given = {"roadId": pose.road_id, "laneId": pose.lane_id, "s": pose.s_m, "offset": pose.offset_m or 0.0}
        place = xml("LanePosition", *turned, **given)
    return xml("Position", place)


def position(x_m: float, y_m: float, frame: str, me: str) -> Xml:
    """A point of a course."""
    if frame == "own":
        return xml("Position", xml("RelativeObjectPosition", entityRef=me, dx=x_m, dy=y_m))
    return xml("Position", xml("WorldPosition", x=x_m, y=y_m))


def limited(limits: tuple[float | None, float | None], factor: float = 1.0) -> list[tuple[str, float]]:
    """A range as rules with their values."""
    low, high = limits
    rules = [("greaterOrEqual", low), ("lessOrEqual", high)]
    found = [(rule, value * factor) for rule, value in rules if value is not None]
    if not found:
        raise UnsaidError("there is no limit in it")
    return found


def opposite(rule: str) -> str:
    """The rule that holds where one does not."""
    pairs = {"greaterOrEqual": "lessThan", "lessOrEqual": "greaterThan", "lessThan": "greaterOrEqual"}
    return {**pairs, "greaterThan": "lessOrEqual"}[rule]
