"""Placing the cast: named actors where the scenario says, rows of parked vehicles around them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.director import lanes
from av_synth.director.casting import Casting, Role, Size
from av_synth.director.junctions import Entrance
from av_synth.director.model import Event, Stage
from av_synth.director.path import Path
from av_synth.director.roads import Place
from av_synth.director.routes import behind, by_turns, path_along, turned_rad
from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import location_from_point, transform_from_matrix, vector_from_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.draw import ConcreteScenario, Row
from av_synth.scenario.model import Actor
from av_synth.scenario.road import ANCHORS, Placement
from av_synth.scenario.words import Arm, Turn, is_person

LIFT_M = 0.1  # spawned this far above the road, to settle on it
KERB_M = 0.25  # and this much further where that is refused
RAYS_M = (-0.45, -0.3, -0.15, 0.0, 0.15, 0.3, 0.45)  # the width somebody who runs needs; no post fits in between
RAY_LIFT_M = np.array([0.0, 0.0, 0.6])  # above kerbs, below the crowns of trees
PAINT_M = 0.03  # what lies lower on the road is a marking, not a kerb
ARM_BACK_M, ARM_ON_M = 150.0, 200.0  # of the way of somebody on another arm
CLEAR_M = 0.8  # a parked row stays this far from named actors
TURN_RAD = {"along": 0.0, "against": math.pi, "left": math.pi / 2, "right": -math.pi / 2}


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


def spots(concrete: ConcreteScenario, place: Place, sizes: Mapping[str, Size]) -> dict[str, Spot]:
    """The spot of each named actor at recorded time zero; who is placed by another comes after it.

    Raises:
        CastError: if the road has no such lane, or the junction no such arm.
    """
    found: dict[str, Spot] = {}
    waiting = dict(concrete.actors)
    while waiting:
        ready = [name for name, actor in waiting.items() if _leader(actor.at) is None or _leader(actor.at) in found]
        for name in ready:
            actor = waiting.pop(name)
            found[name] = _spot(actor, place, sizes[name], found, concrete.ego.speed_kmh / 3.6)
    return {name: found[name] for name in concrete.actors}


def obstructed(stage: Stage, concrete: ConcreteScenario, cast: Mapping[str, Spot]) -> str | None:
    """The first pedestrian whose way across is blocked by something fixed (a tree, a lamp post), or None.

    Asked before anybody is placed, so that all the simulator's rays can hit is the town itself.
    """
    for event in concrete.events:
        if event.actor is None or event.do is None or event.do.cross is None or event.actor not in cast:
            continue
        spot = cast[event.actor]
        for beside_m in RAYS_M:
            ends = [spot.ahead(along_m, beside_m) for along_m in (RAYS_M[0], event.do.cross.distance_m)]
            start, end = (location_from_point(point + RAY_LIFT_M) for point in ends)
            if stage.world.cast_ray(start, end):
                return event.actor
    return None


def spawn_named(stage: Stage, casting: Casting, role: Role, name: str, actor: Actor, pose: Array) -> carla.Actor:
    """Spawn a named actor, with what it tows, at a pose of the road (see `box_pose`)."""
    size = casting.size(role.type_id)
    pose = pose.copy()
    if is_person(actor.body):
        pose[2, 3] += float(size.half_m[2]) - float(size.centre_m[2])  # CARLA's walkers have their origin half way up
    if actor.stands:
        pose[2, 3] = _ground_m(stage, pose)
    spawned = _spawn(stage, role, pose, name, actor.stands)
    if actor.stands:
        settle(stage, spawned, pose)
    hitch_on(stage, casting, role, spawned, name, parked=actor.stands)
    return spawned


def hitch_on(stage: Stage, casting: Casting, role: Role, vehicle: carla.Actor, name: str, *, parked: bool) -> None:
    """Spawn what a vehicle tows, straight behind it."""
    towed = casting.towed(role.type_id)
    if towed is not None:
        behind = rigid(np.eye(3), [-towed.behind_m, 0.0, 0.0])
        stage.spawn(towed.type_id, behind, role=f"{name}_rear", parked=parked, towed_by=vehicle)


def park_row(
    stage: Stage, place: Place, casting: Casting, number: int, row: Row, taken: list[tuple[float, float]]
) -> Iterator[Event]:
    """Fill the scenario's n-th row, front to back, but for what is taken; tells of vehicles that were refused."""
    cursor = row.from_m
    for index, slot in enumerate(row.slots):
        role = casting.role(slot.body, slot.pick, parked=True)
        size = casting.size(role.type_id)
        length = 2.0 * float(size.half_m[0]) + size.tail_m
        begin = _first_free(cursor + slot.gap_m, length, taken)
        if begin + length > row.to_m:
            return
        cursor = begin + length
        against = row.side == "left"
        s_m = begin + (length - size.tail_m if against else length + size.tail_m) / 2.0
        aside = place.lane_offset_m("parking_left" if against else "parking_right", s_m)
        turn = (math.pi if against else 0.0) + slot.yaw_rad
        pose = box_pose(place.path, s_m, aside + slot.offset_m, turn, size)
        name = f"parked_{number}_{index}"
        try:
            spawned = _spawn(stage, role, pose, name, parked=True)
        except SpawnError as error:
            yield Event(0, "not_placed", detail={"role": name, "reason": str(error)})
            continue
        settle(stage, spawned, pose)
        try:
            hitch_on(stage, casting, role, spawned, name, parked=True)
        except SpawnError as error:  # the vehicle itself stands
            yield Event(0, "not_placed", detail={"role": f"{name}_rear", "reason": str(error)})


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
            taken.append((begin - CLEAR_M, end + CLEAR_M))
    return sorted(taken)


def box_pose(path: Path, s_m: float, d_m: float, turn_rad: float, size: Size) -> Array:
    """`world_from_actor` on the ground such that the centre of the actor's box is at a path's station and offset."""
    pose = path.pose(s_m, d_m, turn_rad)
    pose[:2, 3] -= pose[:2, :2] @ size.centre_m[:2]
    return pose


def settle(stage: Stage, actor: carla.Actor, world_from_actor: Array) -> None:
    """Put something without physics exactly on the ground: it was spawned a little above."""
    command = carla.command.ApplyTransform(actor.id, transform_from_matrix(world_from_actor))
    stage.client.apply_batch_sync([command], False)


def _ground_m(stage: Stage, pose: Array) -> float:
    """Height of the ground under a pose of the road: a pavement is a kerb higher."""
    found = stage.world.ground_projection(location_from_point(pose[:3, 3] + RAY_LIFT_M), 2.0 * float(RAY_LIFT_M[2]))
    road_m = float(pose[2, 3])
    ground_m = road_m if found is None else float(vector_from_carla(found.location)[2])
    return ground_m if abs(ground_m - road_m) > PAINT_M else road_m


def _spawn(stage: Stage, role: Role, pose: Array, name: str, parked: bool) -> carla.Actor:
    lifted = pose.copy()
    lifted[2, 3] += LIFT_M
    try:
        return stage.spawn(role.type_id, lifted, role=name, attributes=role.attributes, parked=parked)
    except SpawnError:
        # the road's height says nothing of a kerb, and a CARLA refuses who would stand in it
        lifted[2, 3] += KERB_M
        return stage.spawn(role.type_id, lifted, role=name, attributes=role.attributes, parked=parked)


def _leader(at: Placement) -> str | None:
    """The actor that a placement counts from."""
    return at.beyond or at.behind or (at.of if at.ahead_m is not None and at.of not in ANCHORS else None)


def _spot(actor: Actor, place: Place, size: Size, found: Mapping[str, Spot], ego_mps: float) -> Spot:
    at = actor.at
    turn = TURN_RAD[at.heading or ("against" if at.lane.startswith("oncoming") else "along")]
    turn = math.remainder(turn + math.radians(at.turn_deg), math.tau)
    across = abs(math.sin(turn)) > 0.5
    half_along = float(size.half_m[1] if across else size.half_m[0])
    if at.arm is not None:
        entrance = arm_entrance(place, at.arm, actor.route)
        path = path_along(entrance.before, ARM_BACK_M, ARM_ON_M, by_turns(actor.route))
        station = -float(at.before_m or 0.0)
        point: carla.Waypoint | None = [entrance.before, *behind(entrance.before, max(-station, 0.0))][-1]
    else:
        path, station = _station(at, place, found, half_along, ego_mps)
        point = place.waypoint(station) if path is place.path else None
    lane = None if point is None else lanes.find(point, at.lane)
    if lane is None:
        raise CastError(
            f"the road has no lane {at.lane!r} at {station:.0f} m along the ego's path; ask for it in `road`"
        )
    offset, waypoint = lane
    return Spot(path, station, offset + at.offset_m, turn, half_along, size.tail_m, waypoint)


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


def _first_free(begin_m: float, length_m: float, taken: list[tuple[float, float]]) -> float:
    for low, high in taken:
        if begin_m < high and begin_m + length_m > low:
            begin_m = high
    return begin_m
