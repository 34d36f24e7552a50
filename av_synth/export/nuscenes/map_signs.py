"""What stands beside and lies on a town's roads: lights and signs that stop traffic, crossings, parking spaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import carla
import numpy as np

from av_synth.export.nuscenes.map_lanes import Lane, Network, Road
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array

LIGHT = "TRAFFIC_LIGHT"
_HOLDING_LINE = "294"
_HOLDING_REACH_M = 15.0
_KINDS = {
    # OpenDRIVE's own lights for vehicles: three lamps, arrows, two lamps
    **dict.fromkeys(("1000001", "1000008", "1000009", "1000010", "1000011", "1000012", "1000016", "1000020"), LIGHT),
    # German and American numbers
    **dict.fromkeys(("206", "R1-1"), "STOP_SIGN"),
    **dict.fromkeys(("205", "R1-2"), "YIELD"),
}


@dataclass(frozen=True)
class Sign:
    """A traffic light, stop sign or yield sign, at one place where it is in force.

    Attributes:
        id: as in the file; a light that is in force on several roads has one for all.
        kind: nuScenes' type of the stop line that belongs to it.
        road_id, s_m: where traffic stops.
        section: index of the section of the road.
        lanes: for which it is in force, from left to right along the reference line.
        along: whether they go in the direction of the reference line.
        position_m: (3,) where it stands, world metres.
        height_m: of its face.
    """

    id: str
    kind: str
    road_id: int
    s_m: float
    section: int
    lanes: tuple[int, ...]
    along: bool
    position_m: Array
    height_m: float


def read_signs(network: Network) -> list[Sign]:
    """All lights and signs that stop cars, in order of road and station; one for each direction that it is for."""
    landmarks = sorted(network.world.get_all_landmarks(), key=lambda mark: (mark.road_id, mark.s, mark.id))
    holding = [mark for mark in landmarks if mark.type == _HOLDING_LINE]
    signs: list[Sign] = []
    for mark in landmarks:
        road = network.by_id.get(mark.road_id)
        if mark.type not in _KINDS or road is None or not road.sections:
            continue
        # where the file says where cars wait, not where the sign stands
        lines = [line for line in holding if (line.road_id, line.orientation) == (mark.road_id, mark.orientation)]
        near = [float(line.s) for line in lines if abs(line.s - mark.s) < _HOLDING_REACH_M]
        s_m = min(near, key=lambda s: abs(s - mark.s), default=float(mark.s))
        signs += _signs(road, mark, s_m)
    return signs


def _signs(road: Road, mark: carla.Landmark, s_m: float) -> Iterator[Sign]:
    both = mark.orientation == carla.LandmarkOrientation.Both
    directions = (True, False) if both else (mark.orientation == carla.LandmarkOrientation.Positive,)
    section = road.section_at(s_m)
    for along in directions:
        lanes = [lane for lane in road.car_lanes(section) if road.along(lane.id) == along]
        valid = [lane for lane in lanes if _is_for(mark.get_lane_validities(), lane)]
        # a sign without validities gets from CARLA 0.9.16 those of the lanes that it faces away from
        ids = tuple(lane.id for lane in valid or lanes)
        if ids:
            position = vector_from_carla(mark.transform.location)
            yield Sign(mark.id, _KINDS[mark.type], road.id, s_m, section, ids, along, position, float(mark.height))


def _is_for(validities: Sequence[tuple[int, int]], lane: Lane) -> bool:
    return any(min(ends) <= lane.id <= max(ends) for ends in validities)


def read_crossings(network: Network) -> list[Array]:
    """Outlines (N, 2) of pedestrian crossings, world metres, not closed."""
    outlines: list[Array] = []
    points: list[Array] = []
    for location in network.world.get_crosswalks():
        point = vector_from_carla(location)[:2]
        if len(points) > 2 and np.allclose(point, points[0], atol=1e-3):
            outlines.append(np.array(points))
            points = []
        else:
            points.append(point)
    # CARLA reads outlines as OpenDRIVE 1.4 has them
    newer = [outline for outline, element in _outlines(network, "crosswalk") if element.find("outline") is None]
    return outlines + newer


def read_parking_spaces(network: Network) -> list[tuple[Array, float]]:
    """Outlines (N, 2) of parking spaces that are objects beside a road, and the heading of their longest side."""
    spaces = []
    for outline, _ in _outlines(network, "parkingSpace"):
        sides = np.roll(outline, -1, axis=0) - outline
        longest = sides[int(np.argmax(np.linalg.norm(sides, axis=1)))]
        spaces.append((outline, float(np.arctan2(longest[1], longest[0]))))
    return spaces


def _outlines(network: Network, kind: str) -> Iterator[tuple[Array, ElementTree.Element]]:
    """Outlines of objects of a type, repeated ones too, with their elements."""
    for element in network.root.iter("road"):
        road = network.by_id.get(int(element.get("id", "0")))
        if road is None or not road.sections:
            continue
        for item in element.iterfind("objects/object"):
            if item.get("type") != kind:
                continue
            for s_m, t_m in _spots(item):
                for corners in (*item.iterfind("outline"), *item.iterfind("outlines/outline")):
                    outline = _outline(road, item, corners, s_m, t_m)
                    if len(outline) > 2:
                        yield outline, item


def _spots(item: ElementTree.Element) -> Iterator[tuple[float, float]]:
    """Stations and offsets at which an object stands."""
    repeat = item.find("repeat")
    step = 0.0 if repeat is None else float(repeat.get("distance", "0"))
    if repeat is None or step <= 0:
        yield float(item.get("s", "0")), float(item.get("t", "0"))
        return
    start, length = float(repeat.get("s", "0")), float(repeat.get("length", "0"))
    ends = [float(repeat.get(key, item.get("t", "0"))) for key in ("tStart", "tEnd")]
    for way in np.arange(0.0, length, step):
        yield start + float(way), float(np.interp(way, [0.0, length], ends))


def _outline(road: Road, item: ElementTree.Element, corners: ElementTree.Element, s_m: float, t_m: float) -> Array:
    turn = float(item.get("hdg", "0"))
    local_from_item = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    # the corners of a repeated object move on with it
    moved = (s_m - float(item.get("s", "0")), t_m - float(item.get("t", "0")))
    points = []
    for corner in corners:
        if corner.tag == "cornerLocal":
            origin, axes = road.frame(s_m)
            local = local_from_item @ [float(corner.get("u", "0")), float(corner.get("v", "0"))] + [0.0, t_m]
            points.append(origin + axes @ local)
        elif corner.tag == "cornerRoad":
            origin, axes = road.frame(float(corner.get("s", "0")) + moved[0])
            points.append(origin + axes @ [0.0, float(corner.get("t", "0")) + moved[1]])
    if len(points) > 3 and np.allclose(points[0], points[-1], atol=1e-3):
        points.pop()
    return np.array(points).reshape(-1, 2)
