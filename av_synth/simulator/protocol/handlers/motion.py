"""Where actors are and how they are pushed, whatever their kind."""

from __future__ import annotations

import math
from typing import Any

from av_synth.geometry.carla import angular_from_carla, flip_y
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import CallTable
from av_synth.simulator.protocol.codec import flag, integer

TABLE: CallTable[Engine] = CallTable()
_NM_PER_UNREAL = math.radians(1.0) / 100.0**2  # CarlaActor.cpp, AddAngularImpulseInDegrees and AddTorqueInDegrees


@TABLE.void
def set_actor_location(engine: Engine, actor_id: Any, location: Any) -> None:
    """Move an actor and keep its heading."""
    engine.world.set_location(integer(actor_id), codec.read_vector(location))


@TABLE.void
def set_actor_transform(engine: Engine, actor_id: Any, transform: Any) -> None:
    """Move an actor."""
    engine.world.set_transform(integer(actor_id), codec.read_transform(transform))


@TABLE.void
def set_actor_target_velocity(engine: Engine, actor_id: Any, velocity: Any) -> None:
    """Give an actor a velocity, m/s."""
    engine.world.set_target_velocity(integer(actor_id), codec.read_vector(velocity))


@TABLE.void
def set_actor_target_angular_velocity(engine: Engine, actor_id: Any, angular: Any) -> None:
    """Give an actor an angular velocity, which travels in degrees/s."""
    in_degrees = flip_y(codec.read_vector(angular))
    engine.world.set_target_angular_velocity(integer(actor_id), angular_from_carla(in_degrees))


@TABLE.void
def enable_actor_constant_velocity(engine: Engine, actor_id: Any, velocity: Any) -> None:
    """Hold a vehicle at a velocity in its own axes, m/s."""
    engine.world.enable_constant_velocity(integer(actor_id), codec.read_vector(velocity))


@TABLE.void
def disable_actor_constant_velocity(engine: Engine, actor_id: Any) -> None:
    """Give a vehicle back to its pedals."""
    engine.world.disable_constant_velocity(integer(actor_id))


@TABLE.void
def add_actor_impulse(engine: Engine, actor_id: Any, impulse: Any) -> None:
    """Hit an actor at its centre of mass, N s."""
    engine.world.add_impulse(integer(actor_id), codec.read_vector(impulse))


@TABLE.void
def add_actor_force(engine: Engine, actor_id: Any, force: Any) -> None:
    """Push an actor at its centre of mass during the next frame, N."""
    engine.world.add_force(integer(actor_id), codec.read_vector(force))


@TABLE.void
def add_actor_impulse_at_location(engine: Engine, actor_id: Any, impulse: Any, location: Any) -> None:
    """Hit an actor at a place in the world, N s and m."""
    engine.world.add_impulse_at(integer(actor_id), codec.read_vector(impulse), codec.read_vector(location))


@TABLE.void
def add_actor_force_at_location(engine: Engine, actor_id: Any, force: Any, location: Any) -> None:
    """Push an actor at a place in the world during the next frame, N and m."""
    engine.world.add_force_at(integer(actor_id), codec.read_vector(force), codec.read_vector(location))


@TABLE.void
def add_actor_angular_impulse(engine: Engine, actor_id: Any, impulse: Any) -> None:
    """Spin an actor; in Unreal's own unit, kg cm2 degrees/s, for CARLA passes it on as it is."""
    engine.world.add_angular_impulse(integer(actor_id), codec.read_axial(impulse) * _NM_PER_UNREAL)


@TABLE.void
def add_actor_torque(engine: Engine, actor_id: Any, torque: Any) -> None:
    """Twist an actor during the next frame; in Unreal's own unit, kg cm2 degrees/s2."""
    engine.world.add_torque(integer(actor_id), codec.read_axial(torque) * _NM_PER_UNREAL)


@TABLE.void
def set_actor_simulate_physics(engine: Engine, actor_id: Any, enabled: Any) -> None:
    """Switch an actor's physics."""
    engine.world.set_simulate_physics(integer(actor_id), flag(enabled))


@TABLE.void
def set_actor_enable_gravity(engine: Engine, actor_id: Any, enabled: Any) -> None:
    """Switch an actor's weight."""
    engine.world.set_enable_gravity(integer(actor_id), flag(enabled))


@TABLE.void
def set_actor_collisions(engine: Engine, actor_id: Any, enabled: Any) -> None:
    """Switch an actor's contacts."""
    engine.world.set_collisions(integer(actor_id), flag(enabled))


@TABLE.void
def set_actor_dead(engine: Engine, actor_id: Any) -> None:
    """Stop an actor for good."""
    engine.world.set_dead(integer(actor_id))
