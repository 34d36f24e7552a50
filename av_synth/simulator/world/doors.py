"""Doors of vehicles: asked to open or to close, swinging, seen and in the way.

As on CARLA (CarlaWheeledVehicle.cpp, OpenDoorPhys and CloseDoorPhys) a door that is told to open is driven to its
limit and then blocks others, and one that is told to close is back in its place at once. CARLA's is a body of its own
on a hinge, which gives way within its limits; here it is rigid once it is where it is: who drives into it drives into
the vehicle. It touches bodies only, not what belongs to the town.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import numpy as np

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.bodies.model import Doors, behind_doors, door_panels
from av_synth.simulator.runs import Indices
from av_synth.simulator.scene import Instance
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.contacts import Boxes
from av_synth.simulator.world.errors import NotSupported
from av_synth.simulator.world.model import Actor, DoorState

_OPENING_S = 0.6  # our own: about what a hand takes
_INNER_M, _OUTER_M = 0.10, 0.03  # how far a door reaches to both sides of its hinge, below its window
_NO_BOXES = Boxes.of(np.zeros((0, 4, 4)), np.zeros((0, 3)), np.zeros((0, 3)))
_NO_OWNERS = np.zeros(0, dtype=np.intp)


class DoorIndex(IntEnum):
    """CARLA's VehicleDoor."""

    FL = 0
    FR = 1
    RL = 2
    RR = 3
    HOOD = 4
    TRUNK = 5
    ALL = 6


def move_door(actor: Actor, index: int, *, opened: bool) -> None:
    """Begin to open a door, or close it at once.

    Raises:
        WrongActorKind: if it is no vehicle.
        NotSupported: if the vehicle has no such door.
    """
    call = "open_vehicle_door" if opened else "close_vehicle_door"
    vehicle = actor.as_vehicle(call)
    doors = vehicle.doors
    if index == DoorIndex.ALL and doors:
        chosen = doors
    elif 0 <= index < len(doors):
        chosen = doors[index : index + 1]
    else:
        has = ", ".join(DoorIndex(k).name for k in range(len(doors))) or "none"
        raise NotSupported(call, f"{actor.blueprint_id} has no door {index}; those of its doors that open: {has}")
    for door in chosen:
        door.opening = opened
        if not opened:
            door.share = door.last_share = door.per_s = 0.0
    vehicle.ajar = any(door.opening for door in doors)


def swing_doors(actors: Iterable[Actor], delta_s: float) -> list[int]:
    """Let `delta_s` pass for all doors; returns the places, among `actors`, of those with a door that is not shut."""
    ajar = []
    for k, actor in enumerate(actors):
        vehicle = actor.vehicle
        if vehicle is not None and vehicle.ajar:
            ajar.append(k)
            for door in vehicle.doors:
                door.last_share = door.share
                if door.opening:
                    door.share = min(door.share + delta_s / _OPENING_S, 1.0)
                door.per_s = (door.share - door.last_share) / delta_s
    return ajar


def with_open_doors(actor: Actor, seen: Instance) -> Iterator[Instance]:
    """What is seen of an actor whose closed body is `seen`: that, or the body behind its doors and each open door."""
    ajar = list(_ajar(actor))
    if not ajar:
        yield seen
        return
    mask = sum(1 << side for side, _, _ in ajar)
    yield Instance(
        seen.actor_id,
        behind_doors(seen.body),
        mask - 1,
        seen.world_from_body,
        seen.velocity_mps,
        seen.angular_velocity_radps,
        seen.colour,
        seen.lights,
        mask - 1,
        seen.last_world_from_body,
    )
    last = seen.world_from_body if seen.last_world_from_body is None else seen.last_world_from_body
    for side, door, doors in ajar:
        hinge = seen.world_from_body[:3, :3] @ doors.hinges_m[side]
        turning = seen.world_from_body[:3, 2] * (doors.open_rad[side] * door.per_s)
        yield Instance(
            seen.actor_id,
            door_panels(seen.body),
            side,
            seen.world_from_body @ _body_from_panel(doors, side, door.share),
            seen.velocity_mps + np.cross(seen.angular_velocity_radps, hinge),
            seen.angular_velocity_radps + turning,
            seen.colour,
            last_pose=side,
            last_world_from_body=last @ _body_from_panel(doors, side, door.last_share),
        )


def door_boxes(arrays: BodyArrays, ajar: Sequence[int]) -> tuple[Boxes, Indices]:
    """Boxes (D,) of the doors of the rows `ajar` that are not closed, and the row (D,) of the vehicle of each."""
    if not ajar:
        return _NO_BOXES, _NO_OWNERS
    poses, centres, halves, owners = [np.zeros((0, 4, 4))], [np.zeros((0, 3))], [np.zeros((0, 3))], []
    for k in ajar:
        for side, door, doors in _ajar(arrays.actors[k]):
            points = doors.panels[side].positions_m
            out = 1.0 if side == DoorIndex.FL else -1.0
            low = np.array([points[:, 0].min(), min(-out * _INNER_M, out * _OUTER_M), points[:, 2].min()])
            high = np.array([0.0, max(-out * _INNER_M, out * _OUTER_M), points[:, 2].max()])
            poses.append((arrays.pose[k] @ _body_from_panel(doors, side, door.share))[None])
            centres.append((low + high)[None] / 2)
            halves.append((high - low)[None] / 2)
            owners.append(k)
    return (
        Boxes.of(np.concatenate(poses), np.concatenate(centres), np.concatenate(halves)),
        np.array(owners, dtype=np.intp),
    )


def _ajar(actor: Actor) -> Iterator[tuple[int, DoorState, Doors]]:
    if actor.vehicle is not None and actor.body is not None and actor.body.doors is not None:
        for side, door in enumerate(actor.vehicle.doors):
            if door.share > 0.0:
                yield side, door, actor.body.doors


def _body_from_panel(doors: Doors, side: int, share: float) -> Array:
    x, y, z = doors.hinges_m[side]
    return from_yaw(float(x), float(y), float(z), share * doors.open_rad[side])
