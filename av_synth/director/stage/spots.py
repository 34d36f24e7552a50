"""Spots: where each named actor is at recorded time zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import carla

from av_synth.director.roads import lanes
from av_synth.director.roads.junctions import Entrance
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place
from av_synth.director.roads.poses import Located, locate
from av_synth.director.roads.routes import Route, behind, by_turns, path_along, turned_rad
from av_synth.director.stage.casting import Size
from av_synth.errors import CastError
from av_synth.geometry.transforms import Array
from av_synth.scenario.concrete import ConcreteScenario, Row
from av_synth.scenario.model import Actor
from av_synth.scenario.road import ANCHORS, Placement
from av_synth.scenario.words import Arm, Turn, is_person

_ARM_BACK_M, _ARM_ON_M = 150.0, 200.0  # of the way of somebody on another arm, at least
_ARM_SPARE_M = 40.0
_RUN_UP_S = 2.5  # no run-up is longer
_CLEAR_M = 0.8  # a parked row stays this far from named actors
_TURN_RAD = {"along": 0.0, "against": math.pi, "left": math.pi / 2, "right": -math.pi / 2}


@dataclass(frozen=True)
class Spot:
    """Where an actor goes: the centre of its box at a station and an offset of a path, turned left of it.

    It reaches `half_along_m` to either side of the station, and what it tows `tail_m` further back. The path is the
    ego's, or that of an arm of its junction; `waypoint` is the map's in the lane it was put in, None beside the road.
    """

    path: Path
    station_m: float
    offset_m: float
    turn_rad: float
    half_along_m: float
    tail_m: float = 0.0
    waypoint: carla.Waypoint | None = None

    @property
    def ends_m(self) -> tuple[float, float]:
        """First and last station that it covers."""
        back, front = (self.tail_m, 0.0) if math.cos(self.turn_rad) > 0 else (0.0, self.tail_m)
        return self.station_m - self.half_along_m - back, self.station_m + self.half_along_m + front

    @property
    def point_m(self) -> Array:
        """Its centre on the ground (3,)."""
        return self.path.point(self.station_m, self.offset_m)

    @property
    def yaw_rad(self) -> float:
        """Where it faces, counter-clockwise from x."""
        return self.path.heading_rad(self.station_m) + self.turn_rad

    def ahead(self, along_m: float, beside_m: float = 0.0) -> Array:
        """The point (3,) so far ahead of it, and beside it to its left."""
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        station = self.station_m + along_m * cos - beside_m * sin
        return self.path.point(station, self.offset_m + along_m * sin + beside_m * cos)


def spots(concrete: ConcreteScenario, town: carla.Map, place: Place, sizes: Mapping[str, Size]) -> dict[str, Spot]:
    """The spot of each named actor at recorded time zero; who is placed by another comes after it.

    Raises:
        CastError: if the road has no such lane, the junction no such arm, or the map no such pose.
    """
    found: dict[str, Spot] = {}
    waiting = dict(concrete.actors)
    while waiting:
        ready = [name for name, actor in waiting.items() if _leader(actor.at) is None or _leader(actor.at) in found]
        for name in ready:
            actor = waiting.pop(name)
            pose = actor.at.pose
            if pose is not None:
                found[name] = exact_spot(locate(town, pose), sizes[name])
            else:
                found[name] = _spot(concrete, actor, place, sizes[name], found)
    return {name: found[name] for name in concrete.actors}


def exact_spot(there: Located, size: Size) -> Spot:
    """The spot of somebody at a pose; its path is the line straight on from there, until it gets one of its own."""
    lane = there.lane if there.on_road else None
    return Spot(there.line, 0.0, 0.0, 0.0, float(size.half_m[0]), size.tail_m, lane)


def farthest_m(concrete: ConcreteScenario, place: Place) -> float:
    """The last station of the ego's path that somebody is placed by, at the start."""
    ego_mps = concrete.ego.speed_kmh / 3.6
    found = [flow.first_m for flow in concrete.flows if flow.arm is None]
    for actor in concrete.actors.values():
        station, at = 0.0, actor.at
        while at.arm is None and at.pose is None:
            station += ego_mps * (at.ahead_s or 0.0) + (at.ahead_m or 0.0)
            leader = _leader(at)
            if leader is None:
                station += place.anchors[at.of] if at.ahead_m is not None else 0.0
                found.append(station)
                break
            at = concrete.actors[leader].at
    return max(found, default=0.0)


def taken_by(concrete: ConcreteScenario, cast: Mapping[str, Spot], place: Place, row: Row) -> list[tuple[float, float]]:
    """The stretches of a row's lane that named actors stand in or cross, sorted."""
    lane_m = place.lane_offset_m("parking_left" if row.side == "left" else "parking_right", (row.from_m + row.to_m) / 2)
    taken = []
    for name, spot in cast.items():
        if spot.path is not place.path:
            continue
        crosses = is_person(concrete.actors[name].body) and abs(math.sin(spot.turn_rad)) > 0.5
        if crosses or abs(spot.offset_m - lane_m) < 1.5:
            begin, end = spot.ends_m
            taken.append((begin - _CLEAR_M, end + _CLEAR_M))
    return sorted(taken)


def _leader(at: Placement) -> str | None:
    """The actor that a placement counts from."""
    return at.beyond or at.behind or (at.of if at.ahead_m is not None and at.of not in ANCHORS else None)


def _spot(concrete: ConcreteScenario, actor: Actor, place: Place, size: Size, found: Mapping[str, Spot]) -> Spot:
    at, speed, ego_mps = actor.at, actor.speed_kmh / 3.6, concrete.ego.speed_kmh / 3.6
    turn = _TURN_RAD[at.heading or ("against" if at.lane.startswith("oncoming") else "along")]
    turn = math.remainder(turn + math.radians(at.turn_deg), math.tau)
    across = abs(math.sin(turn)) > 0.5
    half_along = float(size.half_m[1] if across else size.half_m[0])
    if at.arm is not None:
        entrance = arm_entrance(place, at.arm, actor.route)
        station = -float(at.before_m or 0.0)
        back_m = max(_ARM_BACK_M, -station + speed * _RUN_UP_S + _ARM_SPARE_M)
        on_m = max(_ARM_ON_M, station + speed * concrete.duration_s + _ARM_SPARE_M)
        route = Route(actor.route)
        path = path_along(entrance.before, back_m, on_m, route)
        route.refuse_missed(actor.body)
        point: carla.Waypoint | None = [entrance.before, *behind(entrance.before, max(-station, 0.0))][-1]
    else:
        path, station = _station(at, place, found, half_along, ego_mps)
        point = place.waypoint(station) if path is place.path else None
    lane = None if point is None else lanes.find(point, at.lane)
    shift_m = place.shift_m if path is place.path and at.lane != "same" else 0.0
    if lane is None:
        raise CastError(
            f"the road has no lane {at.lane!r} at {station:.0f} m along the ego's path; ask for it in `road`"
        )
    offset, waypoint = lane
    return Spot(path, station, offset - shift_m + at.offset_m, turn, half_along, size.tail_m, waypoint)


def _station(
    at: Placement, place: Place, found: Mapping[str, Spot], half_along_m: float, ego_mps: float
) -> tuple[Path, float]:
    """The path that a placement is told along, and the station on it."""
    leader = _leader(at)
    if leader is None:
        if at.ahead_s is not None:
            return place.path, at.ahead_s * ego_mps
        return place.path, place.anchors[at.of] + float(at.ahead_m or 0.0)
    other = found[leader]
    if at.beyond is not None:
        return other.path, other.ends_m[1] + at.gap_m + half_along_m
    if at.behind is not None:
        return other.path, other.ends_m[0] - at.gap_m - half_along_m
    return other.path, other.station_m + float(at.ahead_m or 0.0)


def arm_entrance(place: Place, arm: Arm, route: Sequence[Turn]) -> Entrance:
    """The lane of an arm by which somebody comes to the ego's junction: the outermost that leads where they go.

    Raises:
        CastError: if there is no such junction, arm or way.
    """
    if place.junction is None:
        raise CastError("the road has no junction for `arm`; ask for one in `road`")
    lanes_in = place.junction.on_arm(place.waypoint(place.anchors["junction"] - 1.0), arm)
    if not lanes_in:
        raise CastError(f"no lane comes to the junction from the arm {arm!r}; ask for more arms in `road.junction`")
    for entrance in lanes_in:
        ways = [(first, turned_rad(entrance.before, first)) for first, _ in entrance.ways]
        if by_turns(route[:1])(ways) is not None:
            return entrance
    raise CastError(f"nobody can go {route[0]} from the arm {arm!r} of the junction; want another route")
