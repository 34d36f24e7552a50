"""Where a map has what a scenario's road asks for: waypoints at which each feature begins, in the ego's direction."""

from __future__ import annotations

import math
from collections.abc import Iterator

import carla
import numpy as np
from shapely.geometry import Point, Polygon

from av_synth.director.roads.junctions import Entrance, JunctionArms, is_roundabout
from av_synth.director.roads.lanes import DRIVEN, LaneBeside, beside
from av_synth.director.roads.map_facts import MapFacts
from av_synth.director.roads.routes import ahead, behind, heading_rad, position
from av_synth.geometry.carla import location_from_point, vector_from_carla
from av_synth.geometry.transforms import Array

_SEARCH_STEP_M = 5.0
_LEADS_M = 120.0  # a junction that leads a lane over is no longer than this
_FROM_JUNCTION_M = 12.0  # a zebra nearer than this belongs to the junction
_CREST_SPAN_M, _CREST_RISE_M = 80.0, 1.5  # a crest stands out this much over what is so far before and behind


def lane_starts(town: carla.Map) -> list[carla.Waypoint]:
    """Waypoints every few metres along all driving lanes outside junctions, sorted."""
    return sorted(
        (point for point in town.generate_waypoints(_SEARCH_STEP_M) if not point.is_junction),
        key=lambda point: (point.road_id, point.section_id, point.lane_id, round(point.s, 3)),
    )


def entrances(junctions: dict[int, JunctionArms], *, roundabouts: bool) -> Iterator[carla.Waypoint]:
    """Where lanes lead into a junction, or into a roundabout."""
    for junction in junctions.values():
        for entrance in junction.entrances:
            if not entrance.passes_through and is_roundabout(entrance) == roundabouts and not _in_ring(entrance.before):
                yield entrance.before


def crossings(town: carla.Map) -> Iterator[carla.Waypoint]:
    """Where zebra crossings outside junctions begin, for each lane over which one runs."""
    for polygon in _polygons(town):
        middle = polygon.centroid
        under = town.get_waypoint(location_from_point(np.array([middle.x, middle.y, 0.0])))
        if under is None or under.is_junction or _near_junction(under):
            continue
        lanes = [under, *(lane.waypoint for side in ("left", "right") for lane in beside(under, side) if lane.driven)]
        for lane in lanes:
            yield _first_in(lane, polygon)


def crests(starts: list[carla.Waypoint]) -> Iterator[carla.Waypoint]:
    """Tops of the road that hide what is behind them."""
    for point in starts:
        height = point.transform.location.z
        near = [*point.previous(_SEARCH_STEP_M), *point.next(_SEARCH_STEP_M)]
        if any(other.transform.location.z > height for other in near):
            continue
        far = [list(behind(point, _CREST_SPAN_M, 10.0)), list(ahead(point, _CREST_SPAN_M, step_m=10.0))]
        if all(side and height - side[-1].transform.location.z >= _CREST_RISE_M for side in far):
            yield point


def tunnel_mouths(starts: list[carla.Waypoint], facts: MapFacts) -> Iterator[carla.Waypoint]:
    """The first waypoint of each lane in a tunnel."""
    for point in starts:
        if facts.tunnel_at(point) is not None:
            before = point.previous(_SEARCH_STEP_M)
            if before and facts.tunnel_at(before[0]) is None:
                yield point


def entry_ends(starts: list[carla.Waypoint], junctions: dict[int, JunctionArms]) -> Iterator[carla.Waypoint]:
    """Where an acceleration lane on the right ends, or is led over into its neighbour; waypoints of that neighbour."""
    for point in starts:
        there = point.next(_SEARCH_STEP_M)
        if len(there) == 1 and not there[0].is_junction and _right(point) and not _right(there[0]):
            yield point
    for junction in junctions.values():
        led_to: dict[tuple[int, int], list[Entrance]] = {}
        for entrance in junction.entrances:
            for _, last in entrance.ways if entrance.passes_through else ():
                after = next((point for point in ahead(last, _LEADS_M) if not point.is_junction), None)
                if after is not None:
                    led_to.setdefault((after.road_id, after.lane_id), []).append(entrance)
        for joining in led_to.values():
            lanes_in = [entrance.before for entrance in joining if _right(entrance.before)]
            if len(joining) == 2 and len(lanes_in) == 1:
                yield lanes_in[0]


def exit_begins(starts: list[carla.Waypoint]) -> Iterator[carla.Waypoint]:
    """Where an exit lane begins on the right; waypoints of the lane beside it.

    A lane beside one's own that comes from somewhere is that of an entry.
    """
    for point in starts:
        before = point.previous(_SEARCH_STEP_M)
        if len(before) != 1 or before[0].is_junction or _right(before[0]):
            continue
        lane = _right(point)
        if lane is not None and not lane.waypoint.previous(_SEARCH_STEP_M):
            yield point


def _right(point: carla.Waypoint) -> LaneBeside | None:
    """The lane on the right, if it is driven in one's own direction."""
    lane = next(beside(point, "right"), None)
    return lane if lane is not None and lane.along and lane.kind in DRIVEN else None


def _in_ring(before: carla.Waypoint) -> bool:
    """Whether a lane is itself part of a roundabout: it keeps turning left on a small radius."""
    back = list(behind(before, 8.0))
    if not back or back[-1].is_junction:
        return False
    turned = math.remainder(heading_rad(before) - heading_rad(back[-1]), math.tau)
    return turned > math.radians(15.0)


def _polygons(town: carla.Map) -> Iterator[Polygon]:
    """Zebra crossings; CARLA lists their corners one after the other, each outline closed by its first corner."""
    ring: list[Array] = []
    for corner in town.get_crosswalks():
        point = vector_from_carla(corner)[:2]
        if len(ring) > 2 and float(np.hypot(*(point - ring[0]))) < 1e-3:
            yield Polygon(ring)
            ring = []
        else:
            ring.append(point)


def _near_junction(point: carla.Waypoint) -> bool:
    walks = (behind(point, _FROM_JUNCTION_M), ahead(point, _FROM_JUNCTION_M))
    return any(here.is_junction for walk in walks for here in walk)


def _first_in(lane: carla.Waypoint, polygon: Polygon) -> carla.Waypoint:
    here = lane
    for before in behind(lane, 10.0, 0.5):
        if not polygon.contains(Point(*position(before)[:2].tolist())):
            break
        here = before
    return here
