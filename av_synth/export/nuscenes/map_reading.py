"""Reads the lanes of an OpenDRIVE file.

`carla.Map`, the same reader that the run used, says where the reference lines are and which lane follows which; lane
types, widths, links and road marks come from the file itself, so that neighbouring lanes share their edges exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree

import carla
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.nuscenes.map_lanes import INSIDE_M, TIP_M, Lane, Mark, Network, Road, Section
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array

_STEP_M = 1.0
_JUNCTION_STEP_M = 0.5
_FLAT_M = 0.01  # how far an edge may be from its polyline
_GAP_M = 5.0  # at most, between the nodes of a polyline: readers find lines by their nodes
_SHORT_M = 0.02


def read_network(name: str, opendrive: str) -> Network:
    """Read the lanes of an OpenDRIVE file.

    Args:
        name: what the town is called, for messages.
        opendrive: the file's text.

    Raises:
        DataError: if it cannot be parsed.
    """
    try:
        # a committed run's own file; expat 2.5 and later stop entity bombs
        root = ElementTree.fromstring(opendrive)  # noqa: S314
    except ElementTree.ParseError as error:
        raise DataError(f"town {name}: OpenDRIVE: {error}") from error
    world = carla.Map(name, _readable(root, opendrive))
    return Network(name, tuple(_road(world, element) for element in root.iter("road")), world, root)


def _readable(root: ElementTree.Element, opendrive: str) -> str:
    """The file without spirals of constant curvature, arcs by another name, of which CARLA 0.9.16 makes NaN."""
    changed = False
    for geometry in root.iter("geometry"):
        spiral = geometry.find("spiral")
        if spiral is not None and math.isclose(_number(spiral, "curvStart"), _number(spiral, "curvEnd")):
            ElementTree.SubElement(geometry, "arc", curvature=spiral.get("curvStart", "0"))
            geometry.remove(spiral)
            changed = True
    return ElementTree.tostring(root, encoding="unicode") if changed else opendrive


def _number(element: ElementTree.Element, key: str) -> float:
    return float(element.get(key) or "0")


def _road(world: carla.Map, element: ElementTree.Element) -> Road:
    road_id, junction = int(element.get("id", "0")), int(element.get("junction", "-1"))
    elements = sorted(element.iter("laneSection"), key=lambda section: _number(section, "s"))
    ends = [*(_number(section, "s") for section in elements[1:]), _number(element, "length")]
    breaks = {_number(part, "s") for tag in ("geometry", "laneOffset", "laneSection") for part in element.iter(tag)}
    for section in elements:
        breaks |= {_number(section, "s") + _number(part, "sOffset") for part in section.iter("width")}
    step = _STEP_M if junction < 0 else _JUNCTION_STEP_M
    spans = [
        (section, _number(section, "s"), end)
        for section, end in zip(elements, ends, strict=True)
        if end - _number(section, "s") > _SHORT_M
    ]
    sections = [_section(world, road_id, section, _stations(low, high, breaks, step)) for section, low, high in spans]
    return Road(
        road_id, junction, _left_hand(world, road_id, sections), tuple(sorted(breaks)), tuple(s for s in sections if s)
    )


def _left_hand(world: carla.Map, road_id: int, sections: Iterable[Section | None]) -> bool:
    for section in sections:
        if section is not None:
            waypoint = world.get_waypoint_xodr(road_id, 0, float(section.s_m[0]))
            return waypoint is not None and not waypoint.is_rht
    return False


def _stations(low: float, high: float, breaks: Iterable[float], step: float) -> Array:
    inner = sorted(s for s in breaks if low + 0.1 < s < high - 0.1)
    knots = [low + INSIDE_M, *inner, high - INSIDE_M]
    parts = [np.linspace(a, b, max(2, math.ceil((b - a) / step) + 1)) for a, b in pairwise(knots)]
    return np.unique(np.concatenate(parts))


def _section(world: carla.Map, road_id: int, element: ElementTree.Element, s_m: Array) -> Section | None:
    """None if the reader knows no place on it, or it has no lane."""
    start = _number(element, "s")
    lanes, marks, widths = {}, {}, {}
    for part in element.iter("lane"):
        lane_id = int(part.get("id", "0"))
        marks[lane_id] = _marks(part, start)
        if lane_id:
            widths[lane_id] = _cubic(part.findall("width"), s_m - start)
    offsets = {0: np.zeros(len(s_m))}
    kinds = {int(part.get("id", "0")): part for part in element.iter("lane")}
    for sign in (1, -1):
        inner = 0
        for lane_id in sorted((i for i in widths if i * sign > 0), key=abs):
            offsets[lane_id] = offsets[inner] + sign * widths[lane_id]
            part = kinds[lane_id]
            lanes[lane_id] = Lane(lane_id, part.get("type", "none"), inner, _after(part), marks[lane_id])
            inner = lane_id
    placed = _reference(world, road_id, s_m, offsets, lanes)
    if placed is None or not lanes:
        return None
    known, points, normals = placed
    edges = {i: points + normals * t[known][:, None] for i, t in offsets.items()}
    s_known = s_m[known]
    fixed = {mark.s_m for group in marks.values() for mark in group}
    fixed |= {tip for width in widths.values() for tip in _tips(s_known, width[known])}
    return Section(
        s_known,
        edges,
        normals,
        {i: lanes[i] for i in sorted(lanes, reverse=True)},
        marks.get(0, ()),
        _needed(s_known, np.stack(list(edges.values())), fixed),
    )


def _after(lane: ElementTree.Element) -> int | None:
    link = lane.find("link/successor")
    return None if link is None else int(link.get("id", "0"))


def _marks(lane: ElementTree.Element, start_m: float) -> tuple[Mark, ...]:
    marks = [
        Mark(start_m + _number(part, "sOffset"), part.get("type", "none"), part.get("color", "standard"))
        for part in lane.findall("roadMark")
    ]
    return tuple(sorted(marks, key=lambda mark: mark.s_m))


def _cubic(records: Sequence[ElementTree.Element], s_m: Array) -> Array:
    """Widths (N,) at stations counted from the section's start; 0 before the first record."""
    rows = sorted([_number(record, key) for key in ("sOffset", "a", "b", "c", "d")] for record in records)
    if not rows:
        return np.zeros(len(s_m))
    table = np.array(rows)
    # stations are a little inside their section, so a record that begins there is in force
    index = np.searchsorted(table[:, 0], s_m + INSIDE_M, side="right") - 1
    start, a, b, c, d = table[np.maximum(index, 0)].T
    ds = s_m - start
    width: Array = np.where(index < 0, 0.0, np.maximum(0.0, a + ds * (b + ds * (c + ds * d))))
    return width


def _reference(
    world: carla.Map, road_id: int, s_m: Array, offsets: Mapping[int, Array], lanes: Mapping[int, Lane]
) -> tuple[npt.NDArray[np.int_], Array, Array] | None:
    """Stations (indices) that the reader knows, the reference line there and its unit normals to the left, (N, 2)."""
    known, points, normals = [], [], []
    middles = {i: (offsets[i] + offsets[lane.inner]) / 2 for i, lane in lanes.items()}
    for k, s in enumerate(s_m):
        waypoint = world.get_waypoint_xodr(road_id, 0, float(s))
        here = np.full(2, math.nan) if waypoint is None else vector_from_carla(waypoint.transform.location)[:2]
        if not np.isfinite(here).all():
            continue
        # the middle of the farthest lane says, better than any heading, which way is across
        far = max(middles, key=lambda i: abs(float(middles[i][k])), default=0)
        other = world.get_waypoint_xodr(road_id, far, float(s)) if far else None
        across = np.zeros(2)
        if other is not None and abs(middles[far][k]) > 0.1:
            across = (vector_from_carla(other.transform.location)[:2] - here) * math.copysign(1.0, middles[far][k])
        known.append(k)
        points.append(here)
        normals.append(across)
    if len(known) < 2:
        return None
    line, across_all = np.array(points), np.array(normals)
    ahead = np.gradient(line, axis=0)
    missing = np.linalg.norm(across_all, axis=1) < 1e-6
    across_all[missing] = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)[missing]
    length = np.linalg.norm(across_all, axis=1, keepdims=True)
    return np.array(known), line, across_all / np.maximum(length, 1e-9)


def _tips(s_m: Array, width_m: Array) -> Iterator[float]:
    """Stations where a lane opens or shuts: the last ones without it."""
    there = width_m > TIP_M
    for k in np.flatnonzero(there[1:] != there[:-1]):
        yield float(s_m[k] if there[k + 1] else s_m[k + 1])


def _needed(s_m: Array, edges_m: Array, fixed_m: Iterable[float]) -> npt.NDArray[np.int_]:
    """Indices of the stations between which all edges (lanes, N, 2) are straight, and of the ends and `fixed_m`."""
    last = len(s_m) - 1
    knots = sorted({0, last} | {int(np.searchsorted(s_m, s)) for s in fixed_m if s_m[0] < s < s_m[-1]})
    return np.array([0, *(k for a, b in pairwise(knots) for k in _flat_ends(s_m, edges_m, a, b))])


def _flat_ends(s_m: Array, edges_m: Array, first: int, last: int) -> Iterator[int]:
    """Ends of flat pieces from station `first` (left out) to `last`."""
    chord = edges_m[:, last] - edges_m[:, first]
    along = (s_m[first : last + 1] - s_m[first]) / (s_m[last] - s_m[first])
    off = edges_m[:, first : last + 1] - edges_m[:, first, None] - along[None, :, None] * chord[:, None]
    flat = float(np.abs(off).max()) < _FLAT_M and s_m[last] - s_m[first] <= _GAP_M
    if flat or last - first < 2:
        yield last
    else:
        middle = (first + last) // 2
        yield from _flat_ends(s_m, edges_m, first, middle)
        yield from _flat_ends(s_m, edges_m, middle, last)
