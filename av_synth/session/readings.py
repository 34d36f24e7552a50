"""What a session says of an actor, of what the client says."""

from __future__ import annotations

import math

import carla
import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.carla import Numbers, matrix_from_transform, motion_from_numbers, vector_from_carla
from av_synth.geometry.transforms import Array, invert, rigid
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import ActorInfo, ActorState
from av_synth.session.boxes import actor_box


def info_of(actor: carla.Actor, role: str, parked: bool, towed_by: int = 0) -> ActorInfo:
    """What does not change of an actor.

    Raises:
        DataError: if the labels are to know it, and its box has no size.
    """
    box = actor_box(actor)
    size = 2.0 * box.half_m
    attributes = dict(actor.attributes)
    category = nuscenes_category(actor.type_id, attributes)
    if category and not box.usable:
        raise DataError(f"{role} ({actor.type_id}): bounding box size {size.tolist()} m; want three positive lengths")
    centre = box.centre_m
    return ActorInfo(actor.id, actor.type_id, role, category, centre, size, parked, box.source, attributes, towed_by)


def state_of(numbers: Numbers, info: ActorInfo, frame: int) -> ActorState:
    """The state of an actor of a snapshot's numbers (see `motion_numbers`).

    Raises:
        DataError: if they are not finite.
    """
    if not all(map(math.isfinite, numbers)):
        raise DataError(f"{info.role} (actor {info.actor_id}), frame {frame}: state is not finite: {numbers}")
    return ActorState(*motion_from_numbers(numbers))


def actor_from_ego(vehicle: carla.Vehicle) -> Array:
    """`actor_from_ego` (4, 4): the ground point under the rear axle, in the vehicle's actor frame.

    The rear axle is the pair of wheels furthest behind. Call it after the first tick: before, a spawned actor's
    transform is zero.

    Raises:
        DataError: if the wheels give no axle within the vehicle's length.
    """
    in_actor = _wheels(vehicle)
    rear = in_actor[np.argsort(in_actor[:, 0])[: len(in_actor) // 2]]
    axle_x_m = float(rear[:, 0].mean()) if len(rear) else float("nan")
    box = vehicle.bounding_box
    if not abs(axle_x_m - box.location.x) < box.extent.x:
        raise DataError(f"{vehicle.type_id}: rear axle at x = {axle_x_m} m is outside its box; want wheel positions")
    return rigid(np.eye(3), [axle_x_m, 0.0, 0.0])


def axles(vehicle: carla.Vehicle) -> tuple[float, float] | None:
    """Metres between the axles of a vehicle, and between its left and right wheels; None if it has not two of each.

    To a millimetre: single precision leaves a tenth of one a kilometre away, and a replay has to read the same.
    """
    wheels = _wheels(vehicle)
    if len(wheels) < 4:
        return None
    lengthwise, across = np.sort(wheels[:, 0]), wheels[:, 1]
    half = len(wheels) // 2
    wheelbase_m = float(lengthwise[half:].mean() - lengthwise[:half].mean())
    track_m = float(across[across > across.mean()].mean() - across[across <= across.mean()].mean())
    wheelbase_m, track_m = round(wheelbase_m, 3), round(track_m, 3)
    return (wheelbase_m, track_m) if wheelbase_m > 0 and track_m > 0 else None


def _wheels(vehicle: carla.Vehicle) -> Array:
    """Centres (N, 3) of the wheels in the vehicle's actor frame; CARLA gives them in world centimetres."""
    wheels = vehicle.get_physics_control().wheels
    actor_from_world = invert(matrix_from_transform(vehicle.get_transform()))
    centres = np.array([vector_from_carla(wheel.position) / 100.0 for wheel in wheels]).reshape(-1, 3)
    in_actor: Array = centres @ actor_from_world[:3, :3].T + actor_from_world[:3, 3]
    return in_actor
