"""Signals and crosswalks of an OpenDRIVE file."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.town.roads import SPEED_LIMIT, TRAFFIC_LIGHT
from av_synth.simulator.town.xodr.document import number, refuse, whole
from av_synth.simulator.town.xodr.ribbons import MAX_OFFSET_M
from av_synth.simulator.town.xodr.roads import DRIVING, TO_KMH, Lane, Road

_PEDESTRIAN_LIGHT = "1000002"
_CROSSWALK, STOP_LINE = "1000003", "294"  # as road markings among the signals, in older files
_THIN_M = 0.5  # nobody waits on a lane that has yet to open
_ON_THE_ROAD = frozenset({_CROSSWALK, STOP_LINE, "-1", ""})


@dataclass(frozen=True)
class Signal:
    """A signal where it stands on a road, or where a signalReference says that it also counts.

    Attributes:
        along: for traffic along the reference line; else for traffic against it.
        lanes: lowest and highest lane id that it is for, or None for all.
        value: of a speed limit in km/h; length along the road of a crosswalk in metres.
        stands: False for a reference.
    """

    road: Road
    id: str
    kind: str
    s_m: float
    t_m: float
    along: bool
    lanes: tuple[int, int] | None
    value: float
    width_m: float
    stands: bool

    @property
    def is_post(self) -> bool:
        """Whether it is a sign on a post."""
        return self.stands and self.kind not in _ON_THE_ROAD | {TRAFFIC_LIGHT, _PEDESTRIAN_LIGHT}

    def governed(self) -> list[tuple[Lane, float, float]]:
        """The driving lanes whose traffic it is for, with the offsets of their edges there."""
        section = self.road.section_at(self.s_m)
        found = []
        for side, lanes in section.sides():
            edges = self.road.edges(section, side, np.array([self.s_m]))[:, 0]
            for k, lane in enumerate(lanes):
                meant = self.lanes is None or self.lanes[0] <= lane.id <= self.lanes[1]
                if abs(edges[k + 1] - edges[k]) < _THIN_M or not meant:
                    continue
                if lane.kind in DRIVING and self.road.travels_along(lane.id) == self.along:
                    found.append((lane, float(edges[k]), float(edges[k + 1])))
        return found


@dataclass(frozen=True)
class Crosswalk:
    """A crosswalk: corners (K, 3) in the world, and the direction of the traffic over it."""

    corners: Array
    along_rad: float


def read_signals(root: ET.Element, roads: dict[int, Road]) -> list[Signal]:
    """All signals, in the file's order, references to them included."""
    elements = {s.get("id", ""): s for s in root.iterfind("road/signals/signal")}
    found = []
    for element in root.iterfind("road"):
        road = roads[whole(element, "id", "road")]
        place = f"road {road.id}"
        found += [_signal(road, s, s, place) for s in element.iterfind("signals/signal")]
        for reference in element.iterfind("signals/signalReference"):
            meant = elements.get(reference.get("id", ""))
            if meant is not None:
                found.append(_signal(road, meant, reference, place))
    return found


def _signal(road: Road, what: ET.Element, where: ET.Element, place: str) -> Signal:
    validity = where.find("validity")
    lanes = None
    if validity is not None:
        ends = [whole(validity, key, place) for key in ("fromLane", "toLane")]
        lanes = (min(ends), max(ends))
    kind = what.get("type", "")
    read = _beside if kind == _CROSSWALK else number
    value = read(what, "value", place, 0.0) if _is_number(what.get("value")) else 0.0
    unit = TO_KMH.get(what.get("unit", "km/h"), 1.0)
    return Signal(
        road=road,
        id=what.get("id", ""),
        kind=kind,
        s_m=min(max(number(where, "s", place), 0.0), road.length_m),
        t_m=_beside(where, "t", place, 0.0),
        along=where.get("orientation", "+") != "-",
        lanes=lanes,
        value=value * unit if kind == SPEED_LIMIT else value,
        width_m=read(what, "width", place, 0.0),
        stands=what is where,
    )


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True


def _beside(element: ET.Element, key: str, place: str, default: float | None = None) -> float:
    """A distance from the road, or within a thing beside it.

    Raises:
        DocumentError: if that is too far.
    """
    value = number(element, key, place, default)
    if abs(value) > MAX_OFFSET_M:
        raise refuse(place, f"<{element.tag}> {key} = {value:g} m; want {MAX_OFFSET_M:g} m at most")
    return value


def read_crosswalks(root: ET.Element, roads: dict[int, Road], signals: list[Signal]) -> list[Crosswalk]:
    """Objects of type crosswalk, and signals that stand for one."""
    found = []
    for element in root.iterfind("road"):
        road = roads[whole(element, "id", "road")]
        for thing in element.iterfind("objects/object"):
            if thing.get("type", "").lower() == "crosswalk":
                corners = _corners(road, thing, f"road {road.id}, crosswalk {thing.get('id')}")
                if len(corners) > 2:
                    s = min(max(number(thing, "s", f"road {road.id}"), 0.0), road.length_m)
                    found.append(Crosswalk(corners, road.heading_rad(s)))
    for signal in signals:
        if signal.kind == _CROSSWALK and signal.stands and signal.value > 0 and signal.width_m > 0:
            corners = _rectangle(signal.road, signal.s_m, signal.t_m, 0.0, signal.value, signal.width_m)
            found.append(Crosswalk(corners, signal.road.heading_rad(signal.s_m)))
    return found


def _corners(road: Road, thing: ET.Element, place: str) -> Array:
    """The outline of an object, else the rectangle of its length and width."""
    s, turn = (number(thing, key, place, 0.0) for key in ("s", "hdg"))
    t = _beside(thing, "t", place, 0.0)
    outline = next(thing.iter("outline"), None)
    on_road = [] if outline is None else outline.findall("cornerRoad")
    if on_road:
        at = np.array([[number(c, "s", place), _beside(c, "t", place)] for c in on_road])
        return _open(road.points(np.clip(at[:, 0], 0.0, road.length_m), at[:, 1]))
    local = [] if outline is None else outline.findall("cornerLocal")
    if local:
        uv = np.array([[_beside(c, "u", place), _beside(c, "v", place)] for c in local])
        return _open(_placed(road, s, t, turn, uv))
    length, width = (_beside(thing, key, place, 0.0) for key in ("length", "width"))
    return _rectangle(road, s, t, turn, length, width)


def _open(ring: Array) -> Array:
    """A ring without its first corner a second time."""
    return ring[:-1] if np.allclose(ring[0], ring[-1], atol=1e-3) else ring


def _rectangle(road: Road, s_m: float, t_m: float, turn_rad: float, length_m: float, width_m: float) -> Array:
    if length_m <= 0.0 or width_m <= 0.0:
        return np.zeros((0, 3))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length_m / 2, width_m / 2]
    return _placed(road, s_m, t_m, turn_rad, half)


def _placed(road: Road, s_m: float, t_m: float, turn_rad: float, uv: Array) -> Array:
    origin = road.points([min(max(s_m, 0.0), road.length_m)], t_m)[0]
    angle = road.heading_rad(min(max(s_m, 0.0), road.length_m)) + turn_rad
    c, s = np.cos(angle), np.sin(angle)
    return np.column_stack([origin[:2] + uv @ np.array([[c, s], [-s, c]]), np.full(len(uv), origin[2])])
