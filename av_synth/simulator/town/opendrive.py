"""Writes roads and junctions as OpenDRIVE 1.4 text, the version that CARLA reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.relief import FLAT, Relief
from av_synth.simulator.town.roads import (
    CHILDREN,
    CROSSWALK,
    GIVE_WAY,
    LINE_WIDTH_M,
    SPEED_LIMIT,
    STOP,
    TRAFFIC_LIGHT,
    Crosswalk,
    Junction,
    LaneKind,
    Mark,
    Road,
    Section,
    Signal,
)

_GEO_REFERENCE = "+proj=tmerc +lat_0=49.0 +lon_0=8.0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
_SIGNAL_NAMES = {
    TRAFFIC_LIGHT: "traffic light",
    GIVE_WAY: "yield",
    STOP: "stop",
    SPEED_LIMIT: "speed limit",
    CHILDREN: "children",
    CROSSWALK: "crosswalk",
}


def write(
    name: str,
    roads: Sequence[Road],
    junctions: Sequence[Junction],
    bounds_m: Sequence[float],
    relief: Relief = FLAT,
    verge_m: float = KERB_HEIGHT_M,
) -> str:
    """Return the .xodr text of a network.

    Args:
        name: of the town.
        roads: of the network, paths through junctions included.
        junctions: of the network.
        bounds_m: (x_min, y_min, x_max, y_max).
        relief: what the roads go up and down with.
        verge_m: how high above the carriageway the ground beside it is, on which signs stand.
    """
    root = ET.Element("OpenDRIVE")
    west, south, east, north = (_number(v) for v in bounds_m)
    header = _child(
        root,
        "header",
        revMajor="1",
        revMinor="4",
        name=name,
        version="1",
        north=north,
        south=south,
        east=east,
        west=west,
    )
    _child(header, "geoReference").text = _GEO_REFERENCE
    for road in roads:
        _road(root, road, relief, verge_m)
    for junction in junctions:
        for phase, signals in enumerate(junction.phases):
            controller = _child(
                root,
                "controller",
                name=f"{junction.name} {phase}",
                id=_controller_id(junction, phase),
                sequence=str(phase),
            )
            for signal in signals:
                _child(controller, "control", signalId=signal, type="0")
    for junction in junctions:
        _junction(root, junction)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _road(root: ET.Element, road: Road, relief: Relief, verge_m: float) -> None:
    element = _child(
        root,
        "road",
        name=road.name,
        length=_number(road.line.length_m),
        id=str(road.id),
        junction=str(road.junction_id),
    )
    _links(element, road)
    kind = _child(element, "type", s="0", type=road.kind)
    _child(kind, "speed", max=_number(road.speed_kmh), unit="km/h")
    plan = _child(element, "planView")
    for piece in road.line.pieces:
        geometry = _child(
            plan,
            "geometry",
            s=_number(piece.s_m),
            x=_number(piece.x_m),
            y=_number(piece.y_m),
            hdg=_number(piece.heading_rad),
            length=_number(piece.length_m),
        )
        if piece.curvature_per_m:
            _child(geometry, "arc", curvature=_number(piece.curvature_per_m))
        else:
            _child(geometry, "line")
    elevation = _child(element, "elevationProfile")
    for s, *cubic in relief.profile(road.line):
        a, b, c, d = (_number(v) for v in cubic)
        _child(elevation, "elevation", s=_number(s), a=a, b=b, c=c, d=d)
    _child(element, "lateralProfile")
    lanes = _child(element, "lanes")
    _child(lanes, "laneOffset", s="0", a="0", b="0", c="0", d="0")
    for index in range(len(road.sections)):
        _section(lanes, road, index)
    if road.crosswalks or road.tunnels:
        objects = _child(element, "objects")
        for crosswalk in road.crosswalks:
            _crosswalk(objects, crosswalk)
        for tunnel in road.tunnels:
            where = {"s": _number(tunnel.s_m), "length": _number(tunnel.length_m)}
            _child(objects, "tunnel", id=tunnel.id, name=tunnel.name, type="standard", **where)
    if road.signals:
        signals = _child(element, "signals")
        for signal in road.signals:
            _signal(signals, signal, verge_m)


def _links(element: ET.Element, road: Road) -> None:
    link = _child(element, "link")
    for tag, junction, end in (
        ("predecessor", road.begins_at, road.comes_from),
        ("successor", road.finishes_at, road.goes_to),
    ):
        if end is not None:
            _child(link, tag, elementType="road", elementId=str(end.road_id), contactPoint=end.contact)
        elif junction >= 0:
            _child(link, tag, elementType="junction", elementId=str(junction))


def _section(lanes: ET.Element, road: Road, index: int) -> None:
    section = road.sections[index]
    element = _child(lanes, "laneSection", s=_number(section.s_m))
    if section.left:
        left = _child(element, "left")
        for k in range(len(section.left), 0, -1):
            _lane(left, road, index, k)
    centre = _child(_child(element, "center"), "lane", id="0", type="none", level="false")
    _mark(centre, section.centre_mark)
    right = _child(element, "right")
    for k in range(1, len(section.right) + 1):
        _lane(right, road, index, -k)


def _lane(parent: ET.Element, road: Road, index: int, lane_id: int) -> None:
    section = road.sections[index]
    side = section.left if lane_id > 0 else section.right
    lane = side[abs(lane_id) - 1]
    element = _child(parent, "lane", id=str(lane_id), type=lane.kind.value, level="false")
    link = _child(element, "link")
    for tag, neighbour, end in (("predecessor", index - 1, road.comes_from), ("successor", index + 1, road.goes_to)):
        if 0 <= neighbour < len(road.sections):
            same = _same_lane(section, road.sections[neighbour], lane_id)
        else:
            met = () if end is None else end.left_ids if lane_id > 0 else end.lane_ids
            same = (met[abs(lane_id) - 1] or None) if abs(lane_id) <= len(met) else None
        if same is not None:
            _child(link, tag, id=str(same))
    a, b, c, d = (_number(v) for v in lane.width)
    _child(element, "width", sOffset="0", a=a, b=b, c=c, d=d)
    _mark(element, lane.mark)
    if lane.speed_kmh is not None:
        _child(element, "speed", sOffset="0", max=_number(lane.speed_kmh), unit="km/h")
    if lane.kind is LaneKind.SIDEWALK:
        _child(element, "height", sOffset="0", inner=_number(KERB_HEIGHT_M), outer=_number(KERB_HEIGHT_M))


def _same_lane(section: Section, neighbour: Section, lane_id: int) -> int | None:
    """The lane of a neighbouring section that carries on `lane_id`: same side, same kind, same place among its kind.

    Places are counted from the middle of the road, those of shoulders from its edge.
    """
    here, there = (s.left if lane_id > 0 else s.right for s in (section, neighbour))
    kind = here[abs(lane_id) - 1].kind
    outside_in = kind is LaneKind.SHOULDER
    place = sum(lane.kind is kind for lane in (here[abs(lane_id) :] if outside_in else here[: abs(lane_id) - 1]))
    matches = [k + 1 for k, lane in enumerate(there) if lane.kind is kind]
    if outside_in:
        matches = matches[::-1]
    if place >= len(matches):
        return None
    return matches[place] if lane_id > 0 else -matches[place]


def _mark(lane: ET.Element, mark: Mark) -> None:
    kind, colour, change = mark.value
    _child(
        lane,
        "roadMark",
        sOffset="0",
        type=kind,
        weight="standard",
        color=colour,
        width=_number(LINE_WIDTH_M if mark is not Mark.NONE else 0.0),
        laneChange=change,
    )


def _crosswalk(objects: ET.Element, crosswalk: Crosswalk) -> None:
    half_u, half_v = crosswalk.along_m / 2, crosswalk.across_m / 2
    element = _child(
        objects,
        "object",
        id=crosswalk.id,
        name="crosswalk",
        type="crosswalk",
        s=_number(crosswalk.s_m),
        t="0",
        zOffset="0",
        hdg="0",
        pitch="0",
        roll="0",
        orientation="none",
        length=_number(crosswalk.along_m),
        width=_number(crosswalk.across_m),
    )
    outline = _child(element, "outline")
    # closed: CARLA tells one crosswalk from the next by the first corner coming again
    for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)):
        _child(outline, "cornerLocal", u=_number(u * half_u), v=_number(v * half_v), z="0")


def _signal(signals: ET.Element, signal: Signal, verge_m: float) -> None:
    element = _child(
        signals,
        "signal",
        id=signal.id,
        name=_SIGNAL_NAMES[signal.kind],
        s=_number(signal.s_m),
        t=_number(signal.t_m),
        zOffset=_number(verge_m),
        hOffset="0",
        roll="0",
        pitch="0",
        orientation="+" if signal.along else "-",
        dynamic="yes" if signal.kind == TRAFFIC_LIGHT else "no",
        country="OpenDRIVE",
        type=signal.kind,
        subtype="-1",
        value=_number(signal.value),
        unit="km/h",
        text="",
        height="0.6",
        width="0.6",
    )
    _child(element, "validity", fromLane=str(min(signal.lanes)), toLane=str(max(signal.lanes)))


def _junction(root: ET.Element, junction: Junction) -> None:
    element = _child(root, "junction", id=str(junction.id), name=junction.name)
    for k, connection in enumerate(junction.connections):
        node = _child(
            element,
            "connection",
            id=str(k),
            incomingRoad=str(connection.incoming_road),
            connectingRoad=str(connection.connecting_road),
            contactPoint="start",
        )
        for lane_from, lane_to in connection.lane_links:
            _child(node, "laneLink", **{"from": str(lane_from), "to": str(lane_to)})
    for phase in range(len(junction.phases)):
        _child(element, "controller", id=_controller_id(junction, phase), type="0", sequence=str(phase))


def _controller_id(junction: Junction, phase: int) -> str:
    return str(junction.id * 10 + phase)


def _child(parent: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, attributes)


def _number(value: float) -> str:
    # twelve digits: far below a nanometre here, and without the last bits that differ between machines
    if not math.isfinite(value):
        raise ValueError(f"want a finite number for OpenDRIVE, got {value}")
    return f"{value:.12g}" if abs(value) > 1e-12 else "0"
