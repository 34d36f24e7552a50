"""Placing the cast: named actors at their spots, rows of parked vehicles around them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import carla
import numpy as np

from av_synth.director.model import Event, Stage
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place
from av_synth.director.stage.casting import Casting, Role, Size
from av_synth.director.stage.spots import Spot
from av_synth.errors import SpawnError
from av_synth.geometry.carla import location_from_point, transform_from_matrix, vector_from_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.concrete import ConcreteScenario, Row
from av_synth.scenario.model import Actor
from av_synth.scenario.words import is_person

LIFT_M = 0.1  # spawned this far above the road, to settle on it
_KERB_M = 0.25  # and this much further where that is refused
_RAYS_M = (-0.45, -0.3, -0.15, 0.0, 0.15, 0.3, 0.45)  # the width somebody who runs needs; no post fits in between
_RAY_LIFT_M = np.array([0.0, 0.0, 0.6])  # above kerbs, below the crowns of trees
_ABOVE_M = 40.0  # over most roofs
_SLOPE_M = 1.5  # slopes are taken over twice this
_PAINT_M = 0.03  # what lies lower on the road is a marking, not a kerb


def obstructed(stage: Stage, concrete: ConcreteScenario, cast: Mapping[str, Spot]) -> str | None:
    """The first pedestrian whose way across is blocked by something fixed (a tree, a lamp post), or None.

    Asked before anybody is placed, so that all the simulator's rays can hit is the town itself.
    """
    for event in concrete.events:
        if event.actor is None or event.do is None or event.do.cross is None:
            continue
        if concrete.actors[event.actor].absent:  # it crosses from wherever it appears
            continue
        spot = cast[event.actor]
        for beside_m in _RAYS_M:
            ends = [spot.ahead(along_m, beside_m) for along_m in (_RAYS_M[0], event.do.cross.distance_m)]
            start, end = (location_from_point(point + _RAY_LIFT_M) for point in ends)
            if stage.world.cast_ray(start, end):
                return event.actor
    return None


def spawn_at(
    stage: Stage, casting: Casting, role: Role, name: str, actor: Actor, pose: Array
) -> tuple[carla.Actor, str]:
    """Spawn a named actor exactly at a pose of the road, even where others touch it: what is exact is asked for.

    Returns:
        The actor, and why the simulator refused the place, if it did; empty if not.

    Raises:
        SpawnError: if the simulator refuses even the air over it.
    """
    try:
        return spawn_named(stage, casting, role, name, actor, pose), ""
    except SpawnError as refused:
        above = pose.copy()
        above[2, 3] += _ABOVE_M
        spawned = spawn_named(stage, casting, role, name, actor, above)
        settle(stage, spawned, upright(actor.body, casting.size(role.type_id), pose))
        return spawned, str(refused)


def spawn_named(stage: Stage, casting: Casting, role: Role, name: str, actor: Actor, pose: Array) -> carla.Actor:
    """Spawn a named actor, with what it tows, at a pose of the road (see `box_pose`).

    Raises:
        SpawnError: if the simulator refuses the place to it, or to what it tows; neither is there then.
    """
    pose = upright(actor.body, casting.size(role.type_id), pose)
    if actor.stands:
        pose[2, 3] = _ground_m(stage, pose)
    spawned = spawn_lifted(stage, role, pose, name, parked=actor.stands)
    if actor.stands:
        settle(stage, spawned, pose)
    try:
        hitch_on(stage, casting, role, spawned, name, parked=actor.stands)
    except SpawnError:
        stage.destroy(spawned)
        raise
    return spawned


def upright(body: str, size: Size, pose: Array) -> Array:
    """A pose of the road at the height at which the origin of a body is that stands there."""
    pose = pose.copy()
    if is_person(body):
        pose[2, 3] += float(size.half_m[2]) - float(size.centre_m[2])  # CARLA's walkers have their origin half way up
    return pose


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
            spawned = spawn_lifted(stage, role, pose, name, parked=True)
        except SpawnError as error:
            yield Event(0, "not_placed", detail={"role": name, "reason": str(error)})
            continue
        settle(stage, spawned, pose)
        try:
            hitch_on(stage, casting, role, spawned, name, parked=True)
        except SpawnError as error:  # the vehicle itself stands
            yield Event(0, "not_placed", detail={"role": f"{name}_rear", "reason": str(error)})


def box_pose(path: Path, s_m: float, d_m: float, turn_rad: float, size: Size) -> Array:
    """`world_from_actor` on the ground such that the centre of the actor's box is at a path's station and offset."""
    pose = path.pose(s_m, d_m, turn_rad)
    pose[:2, 3] -= pose[:2, :2] @ size.centre_m[:2]
    return pose


def sloped(path: Path, s_m: float, turn_rad: float, pose: Array) -> Array:
    """A level pose on a path, tilted forwards or backwards as the path rises at a station."""
    rise = float(path.point(s_m + _SLOPE_M)[2] - path.point(s_m - _SLOPE_M)[2]) / (2.0 * _SLOPE_M)
    pitch = math.atan(rise * math.cos(turn_rad))
    tilt = np.array(
        [[math.cos(pitch), 0.0, -math.sin(pitch)], [0.0, 1.0, 0.0], [math.sin(pitch), 0.0, math.cos(pitch)]]
    )
    return rigid(pose[:3, :3] @ tilt, pose[:3, 3])


def settle(stage: Stage, actor: carla.Actor, world_from_actor: Array) -> None:
    """Put something without physics exactly on the ground: it was spawned a little above."""
    command = carla.command.ApplyTransform(actor.id, transform_from_matrix(world_from_actor))
    stage.send([command], "the place of")


def spawn_lifted(stage: Stage, role: Role, pose: Array, name: str, *, parked: bool) -> carla.Actor:
    """Spawn somebody a little above a pose of the road, and a little higher where that is refused.

    Those with physics come down by themselves; who is parked is put down by `settle`.

    Raises:
        SpawnError: if the simulator refuses both.
    """
    lifted = pose.copy()
    lifted[2, 3] += LIFT_M
    try:
        return stage.spawn(role.type_id, lifted, role=name, attributes=role.attributes, parked=parked)
    except SpawnError:
        # the road's height says nothing of a kerb, and a CARLA refuses who would stand in it
        lifted[2, 3] += _KERB_M
        return stage.spawn(role.type_id, lifted, role=name, attributes=role.attributes, parked=parked)


def _ground_m(stage: Stage, pose: Array) -> float:
    """Height of the ground under a pose of the road: a pavement is a kerb higher."""
    found = stage.world.ground_projection(location_from_point(pose[:3, 3] + _RAY_LIFT_M), 2.0 * float(_RAY_LIFT_M[2]))
    road_m = float(pose[2, 3])
    ground_m = road_m if found is None else float(vector_from_carla(found.location)[2])
    return ground_m if abs(ground_m - road_m) > _PAINT_M else road_m


def _first_free(begin_m: float, length_m: float, taken: list[tuple[float, float]]) -> float:
    for low, high in taken:
        if begin_m < high and begin_m + length_m > low:
            begin_m = high
    return begin_m
