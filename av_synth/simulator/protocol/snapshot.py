"""The world snapshot: what the world observer's stream carries, once a frame."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from av_synth.geometry.carla import angular_to_carla, carla_from_matrix
from av_synth.simulator.protocol.bodies import SensorType, header
from av_synth.simulator.world.model import Actor, LightState

if TYPE_CHECKING:
    from av_synth.simulator.world import World

MAP_CHANGED, LIGHTS_CHANGED = 1, 2  # bits that tell clients what to ask for anew
_HEAD = struct.Struct("<Qdf3iI")
_ACTOR = struct.Struct("<IB15f54s")
_VEHICLE = struct.Struct("<fff???ifBBIB")
_WALKER = struct.Struct("<4f?")
_LIGHT = struct.Struct("<32s4fI?B")
_ACTIVE = 1


def snapshot(world: World, delta_s: float, flags: int) -> bytes:
    """Encode all actors in the order of their ids; the platform time is the simulation's, for equal bytes."""
    out = [
        header(SensorType.WORLD_OBSERVER, world.frame, world.elapsed_s),
        _HEAD.pack(world.episode_id, world.elapsed_s, delta_s, 0, 0, 0, flags),
    ]
    for actor_id in sorted(world.actors):
        actor = world.actors[actor_id]
        pose, (vx, vy, vz), turn = world.told(actor)
        place = _place(pose.tobytes())
        ax, ay, az = actor.acceleration_mps2
        spin = angular_to_carla(turn)
        state = _state(world, actor)
        out.append(_ACTOR.pack(actor_id, _ACTIVE, *place, vx, -vy, vz, spin[0], spin[1], spin[2], ax, -ay, az, state))
    return b"".join(out)


@lru_cache(maxsize=1024)
def _place(world_from_actor: bytes) -> tuple[float, ...]:
    """Location and rotation of a (4, 4) matrix's bytes: most actors stand still most of the time."""
    location, rotation = carla_from_matrix(np.frombuffer(world_from_actor).reshape(4, 4))
    return (*location, *rotation)


def _state(world: World, actor: Actor) -> bytes:
    if actor.vehicle is not None:
        control = actor.vehicle.control
        light = world.traffic_light_of(actor)
        light_state = LightState.GREEN  # what CARLA says where no light applies
        if light is not None and light.traffic_light is not None:
            light_state = light.traffic_light.state
        return _VEHICLE.pack(
            control.throttle,
            control.steer,
            control.brake,
            control.hand_brake,
            control.reverse,
            control.manual_gear_shift,
            actor.vehicle.gear,
            world.speed_limit_kmh(actor),
            light_state,
            light is not None,
            light.id if light is not None else 0,
            actor.vehicle.failure,
        )
    if actor.walker is not None:
        x, y, z = actor.walker.control.direction
        return _WALKER.pack(x, -y, z, actor.walker.control.speed_mps, actor.walker.control.jump)
    if actor.traffic_light is not None:
        light_ = actor.traffic_light
        sign_id = light_.signal_id.encode()[:31]
        times = (light_.green_s, light_.yellow_s, light_.red_s, light_.elapsed_s)
        return _LIGHT.pack(sign_id, *times, light_.pole_index, light_.frozen, light_.state)
    return b""
