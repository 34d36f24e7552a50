"""The world snapshot: what the world observer's stream carries, once a frame."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from av_synth.geometry.carla import angular_to_carla, carla_from_matrices, carla_from_matrix, flip_y
from av_synth.simulator.protocol.bodies import SensorType, header
from av_synth.simulator.world.arrays import AllTold
from av_synth.simulator.world.model import Actor, LightState, VehicleState

if TYPE_CHECKING:
    from av_synth.simulator.world import World

MAP_CHANGED, LIGHTS_CHANGED = 1, 2  # bits that tell clients what to ask for anew
_HEAD = struct.Struct("<Qdf3iI")
_STATE_BYTES = 54
_ACTOR = np.dtype(
    [
        ("id", "<u4"),
        ("active", "u1"),
        ("place", "<f4", 6),
        ("velocity", "<f4", 3),
        ("spin", "<f4", 3),
        ("acceleration", "<f4", 3),
        ("state", "V", _STATE_BYTES),
    ]
)
_STATE_AT = _ACTOR.itemsize - _STATE_BYTES
_VEHICLE = struct.Struct("<fff???ifBBIB")
_WALKER = struct.Struct("<4f?")
_LIGHT = struct.Struct("<32s4fI?B")
_ACTIVE = 1


def snapshot(world: World, delta_s: float, flags: int) -> bytes:
    """Encode all actors in the order of their ids; the platform time is the simulation's, for equal bytes."""
    ids = np.array(sorted(world.actors))
    table = np.zeros(len(ids), dtype=_ACTOR)
    table["id"], table["active"] = ids, _ACTIVE
    told = world.all_told()
    rows = np.searchsorted(ids, [actor.id for actor in told.actors])
    table["place"][rows] = carla_from_matrices(told.pose)
    table["velocity"][rows] = flip_y(told.velocity)
    table["spin"][rows] = angular_to_carla(told.angular)
    table["acceleration"][rows] = flip_y(told.acceleration)
    _write_states(table.view(np.uint8).data, (rows * _ACTOR.itemsize + _STATE_AT).tolist(), world, told)
    bodiless = np.ones(len(ids), dtype=np.bool_)
    bodiless[rows] = False
    for row in np.flatnonzero(bodiless).tolist():
        _write_bodiless(table, row, world.actors[int(ids[row])])
    head = _HEAD.pack(world.episode_id, world.elapsed_s, delta_s, 0, 0, 0, flags)
    return header(SensorType.WORLD_OBSERVER, world.frame, world.elapsed_s) + head + table.tobytes()


def _write_bodiless(table: npt.NDArray[np.void], row: int, actor: Actor) -> None:
    location, rotation = carla_from_matrix(actor.world_from_actor)
    table["place"][row] = *location, *rotation
    table["velocity"][row] = flip_y(actor.velocity_mps)
    table["spin"][row] = angular_to_carla(actor.angular_velocity_radps)
    table["acceleration"][row] = flip_y(actor.acceleration_mps2)


def _write_states(into: memoryview, places: Sequence[int], world: World, told: AllTold) -> None:
    """What only its kind has, of each body at its place (N,) in the bytes: each kind has a layout of its own."""
    for actor, at, limit_kmh in zip(told.actors, places, told.limit_kmh.tolist(), strict=True):
        if actor.vehicle is not None:
            _write_vehicle(into, at, actor.vehicle, limit_kmh, world.traffic_light_of(actor))
        elif actor.walker is not None:
            control = actor.walker.control
            x, y, z = control.direction
            _WALKER.pack_into(into, at, x, -y, z, control.speed_mps, control.jump)
        elif actor.traffic_light is not None:
            light = actor.traffic_light
            times = (light.green_s, light.yellow_s, light.red_s, light.elapsed_s)
            sign_id = light.signal_id.encode()[:31]
            _LIGHT.pack_into(into, at, sign_id, *times, light.pole_index, light.frozen, light.state)


def _write_vehicle(into: memoryview, at: int, vehicle: VehicleState, limit_kmh: float, light: Actor | None) -> None:
    control = vehicle.control
    state = LightState.GREEN  # what CARLA says where no light applies
    if light is not None and light.traffic_light is not None:
        state = light.traffic_light.state
    _VEHICLE.pack_into(
        into,
        at,
        control.throttle,
        control.steer,
        control.brake,
        control.hand_brake,
        control.reverse,
        control.manual_gear_shift,
        vehicle.gear,
        limit_kmh,
        state,
        light is not None,
        0 if light is None else light.id,
        vehicle.failure,
    )
