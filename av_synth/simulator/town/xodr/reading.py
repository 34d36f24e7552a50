"""Reads the roads of an OpenDRIVE file (ASAM OpenDRIVE 1.4 to 1.8, as far as CARLA 0.9.16 reads them)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast
from xml.etree import ElementTree as ET

import numpy as np

from av_synth.simulator.town.markings import DASH_M, GAP_M
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.roads import LINE_WIDTH_M
from av_synth.simulator.town.xodr.curves import Cubics, Piece, Shape
from av_synth.simulator.town.xodr.document import number, refuse, whole
from av_synth.simulator.town.xodr.links import check_links
from av_synth.simulator.town.xodr.roads import DRIVING, RAISED, TO_KMH, VERGE, Lane, Mark, Road, Section, Stripe

_MAX_LENGTH_M = 500_000.0  # of all roads together
_MAX_COORDINATE_M = 50_000.0  # meshes are of 32-bit floats: 4 mm there
_BORDER_M = 1.5  # a border is a hard edge; what is wider and called so is the land beside the road
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "line": (),
    "arc": ("curvature",),
    "spiral": ("curvStart", "curvEnd"),
    "poly3": ("a", "b", "c", "d"),
    "paramPoly3": ("aU", "bU", "cU", "dU", "aV", "bV", "cV", "dV"),
}


def read_roads(root: ET.Element) -> tuple[Road, ...]:
    """All roads that have lanes.

    Raises:
        DocumentError: if one cannot be built, a link leads nowhere, or no lane is for driving.
    """
    roads = [_road(element) for element in root.findall("road")]
    ids = [road.id for road in roads]
    for twice in sorted(road_id for road_id in set(ids) if ids.count(road_id) > 1):
        raise refuse(f"road {twice}", "two roads have this id; want one")
    if sum(road.length_m for road in roads) > _MAX_LENGTH_M:
        raise refuse("", f"roads are longer than {_MAX_LENGTH_M / 1000:.0f} km together; want a part of the map")
    check_links(root)
    if not any(lane.kind in DRIVING for road in roads for s in road.sections for lane in (*s.left, *s.right)):
        raise refuse("", "no road has a lane of type driving; want one at least")
    return tuple(roads)


def _road(element: ET.Element) -> Road:
    road_id = whole(element, "id", "road")
    place = f"road {road_id}"
    length = number(element, "length", place)
    pieces = tuple(sorted((_piece(g, place) for g in element.iterfind("planView/geometry")), key=lambda p: p.s_m))
    if not pieces or length <= 0.0:
        raise refuse(place, f"length {length:g} m, {len(pieces)} geometries; want a length above 0 and one at least")
    lanes = element.find("lanes")
    starts = [] if lanes is None else lanes.findall("laneSection")
    if lanes is None or not starts:
        raise refuse(place, "got no <laneSection>; want one at least, if only with the centre lane")
    begins = [number(section, "s", place) for section in starts]
    if begins != sorted(begins) or begins[0] < 0.0:
        raise refuse(place, f"lane sections begin at {begins[:5]} m; want them in this order, from 0 on")
    ends = [min(end, length) for end in (*begins[1:], length)]
    return Road(
        id=road_id,
        length_m=length,
        junction_id=whole(element, "junction", place) if element.get("junction") else -1,
        ends_at=_linked(element, "junction", place),
        neighbours=_linked(element, "road", place),
        left_hand=element.get("rule", "RHT").upper() == "LHT",
        pieces=pieces,
        elevation=_cubics(element.iterfind("elevationProfile/elevation"), "s", place),
        lane_offset=_cubics(lanes.iterfind("laneOffset"), "s", place),
        sections=tuple(_section(s, b, e, place) for s, b, e in zip(starts, begins, ends, strict=True)),
        speeds=tuple(sorted(_speed(kind, place) for kind in element.iterfind("type"))),
    )


def _linked(road: ET.Element, kind: str, place: str) -> tuple[int, int]:
    """Ids of what of a kind (road or junction) is linked at the start and at the end, -1 for none."""
    links = [road.find(f"link/{end}") for end in ("predecessor", "successor")]
    start, end = (
        whole(link, "elementId", place) if link is not None and link.get("elementType") == kind else -1
        for link in links
    )
    return start, end


def _speed(kind: ET.Element, place: str) -> tuple[float, float]:
    """Where a speed limit begins, and what it is; OpenDRIVE also allows 'no limit' and 'undefined'."""
    start, speed = number(kind, "s", place, 0.0), kind.find("speed")
    if speed is None:
        return start, 0.0
    try:
        limit = float(speed.get("max", ""))
    except ValueError:
        return start, 0.0
    kmh = limit * TO_KMH.get(speed.get("unit", "m/s"), 0.0)
    return start, kmh if math.isfinite(kmh) and kmh > 0.0 else 0.0


def _piece(element: ET.Element, place: str) -> Piece:
    shape = next((child for child in element if child.tag in _PARAMETERS), None)
    if shape is None:
        raise refuse(place, f"a geometry is none of {', '.join(_PARAMETERS)}; want one of them")
    s, x, y, heading, length = (number(element, key, place) for key in ("s", "x", "y", "hdg", "length"))
    if not (abs(x) <= _MAX_COORDINATE_M and abs(y) <= _MAX_COORDINATE_M and 0.0 <= length <= _MAX_LENGTH_M):
        raise refuse(
            place,
            f"a geometry of {length:g} m begins at x = {x:g}, y = {y:g} m; want it within "
            f"{_MAX_COORDINATE_M / 1000:.0f} km of the origin: move the map there",
        )
    values = tuple(number(shape, key, place) for key in _PARAMETERS[shape.tag])
    normalized = shape.tag == "paramPoly3" and shape.get("pRange", "normalized") == "normalized"
    return Piece(s, x, y, heading, length, cast(Shape, shape.tag), values, normalized)


def _cubics(records: Iterable[ET.Element], start: str, place: str) -> Cubics:
    rows = [[number(record, key, place, 0.0) for key in (start, "a", "b", "c", "d")] for record in records]
    rows.sort(key=lambda row: row[0])
    return Cubics(np.array(rows, dtype=np.float64).reshape(-1, 5))


def _section(element: ET.Element, begin_m: float, end_m: float, place: str) -> Section:
    where = f"{place}, lane section at {begin_m:g} m"
    lanes = [_lane(lane, begin_m, where) for side in ("left", "right") for lane in element.iterfind(f"{side}/lane")]
    ids = [lane.id for lane in lanes]
    if 0 in ids or len(set(ids)) < len(ids):
        raise refuse(where, f"lane ids {sorted(ids)}; want each once, and 0 in the middle only")
    centre = element.find("center/lane")
    if centre is None:
        raise refuse(where, "got no <center> lane; want one")
    return Section(
        begin_m,
        end_m,
        tuple(sorted((lane for lane in lanes if lane.id > 0), key=lambda lane: lane.id)),
        tuple(sorted((lane for lane in lanes if lane.id < 0), key=lambda lane: -lane.id)),
        _marks(centre, 0, begin_m, where),
    )


def _lane(element: ET.Element, begin_m: float, place: str) -> Lane:
    lane_id = whole(element, "id", place)
    where = f"{place}, lane {lane_id}"
    kind = element.get("type", "none").lower()
    width = _cubics(element.iterfind("width"), "sOffset", where)
    if not len(width.table) and element.find("border") is not None:
        raise refuse(where, "got a <border>; want a <width>: CARLA reads no borders")
    if kind == "border" and np.abs(width.table[:, 1]).max(initial=0.0) > _BORDER_M:
        kind = VERGE
    return Lane(lane_id, kind, width, _marks(element, lane_id, begin_m, where), _height(element, kind, where))


def _height(lane: ET.Element, kind: str, place: str) -> tuple[float, float]:
    """What a lane is raised by; the carriageway never is, for carla.Map knows no such heights."""
    record = lane.find("height")
    if record is not None and kind not in DRIVING:
        inner, outer = number(record, "inner", place, 0.0), number(record, "outer", place, 0.0)
        return min(max(inner, -1.0), 1.0), min(max(outer, -1.0), 1.0)
    return (KERB_HEIGHT_M, KERB_HEIGHT_M) if kind in RAISED else (0.0, 0.0)


def _marks(lane: ET.Element, lane_id: int, begin_m: float, place: str) -> tuple[Mark, ...]:
    marks = []
    for element in lane.iterfind("roadMark"):
        start = begin_m + number(element, "sOffset", place, 0.0)
        marks.append(Mark(start, element.get("color", "standard"), _stripes(element, lane_id, place)))
    return tuple(sorted(marks, key=lambda mark: mark.s_m))


def _stripes(mark: ET.Element, lane_id: int, place: str) -> tuple[Stripe, ...]:
    """The lines of a mark: as the file describes them, else by the mark's type, ours being those of our own towns."""
    lines = mark.findall("type/line")
    width = number(mark, "width", place, LINE_WIDTH_M)
    width = min(width, 1.0) if width > 0.01 else LINE_WIDTH_M
    kind = mark.get("type", "none").lower()
    if kind in ("none", "curb", "grass"):
        return ()
    if lines:
        own = [(number(line, key, place, 0.0) for key in ("tOffset", "width", "length", "space")) for line in lines]
        return tuple(Stripe(t, min(w, 1.0) if w > 0.01 else width, length, gap) for t, w, length, gap in own)
    words = [word for word in kind.split() if word in ("solid", "broken")] or ["solid"]
    # from the inside out; on the centre line from left to right
    places = (0.0,) if len(words) == 1 else (-width, width) if lane_id > 0 else (width, -width)
    return tuple(
        Stripe(t, width, *((DASH_M, GAP_M) if word == "broken" else (0.0, 0.0)))
        for t, word in zip(places, words, strict=False)
    )
