"""Vehicles: controls, physics, instruments, wheels, lights and doors."""

from __future__ import annotations

from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import structs
from av_synth.simulator.protocol.calls import CallTable
from av_synth.simulator.protocol.codec import flag, integer, items, number
from av_synth.simulator.world import Actor
from av_synth.simulator.world.doors import move_door
from av_synth.simulator.world.model import VehicleState, WheelAngles
from av_synth.simulator.world.wheels import show_wheel

TABLE: CallTable[Engine] = CallTable()


@TABLE.void
def apply_control_to_vehicle(engine: Engine, actor_id: Any, control: Any) -> None:
    """Set pedals and steering."""
    engine.world.apply_vehicle_control(integer(actor_id), structs.read_vehicle_control(control))


@TABLE.void
def apply_ackermann_control_to_vehicle(engine: Engine, actor_id: Any, control: Any) -> None:
    """Set the targets of the Ackermann controller."""
    engine.world.apply_ackermann_control(integer(actor_id), structs.read_ackermann_control(control))


@TABLE.value
def get_ackermann_controller_settings(engine: Engine, actor_id: Any) -> list[float]:
    """Gains of the Ackermann controller."""
    return structs.ackermann_settings(engine.world.ackermann_settings(integer(actor_id)))


@TABLE.void
def apply_ackermann_controller_settings(engine: Engine, actor_id: Any, settings: Any) -> None:
    """Change the gains of the Ackermann controller."""
    engine.world.apply_ackermann_settings(integer(actor_id), structs.read_ackermann_settings(settings))


@TABLE.value
def get_physics_control(engine: Engine, actor_id: Any) -> list[Any]:
    """VehiclePhysicsControl."""
    actor, vehicle = _vehicle(engine, "get_physics_control", actor_id)
    return structs.physics_control(engine.world.told(actor)[0], vehicle.physics)


@TABLE.void
def apply_physics_control(engine: Engine, actor_id: Any, physics: Any) -> None:
    """Change a vehicle's physics."""
    _, vehicle = _vehicle(engine, "apply_physics_control", actor_id)
    engine.world.apply_physics_control(actor_id, structs.read_physics_control(physics, vehicle.physics))


@TABLE.value
def get_vehicle_light_state(engine: Engine, actor_id: Any) -> list[int]:
    """VehicleLightState."""
    return [_vehicle(engine, "get_vehicle_light_state", actor_id)[0].lights]


@TABLE.void
def set_vehicle_light_state(engine: Engine, actor_id: Any, lights: Any) -> None:
    """Switch a vehicle's lights; the flags are a struct in the call and bare in a batch."""
    flags = items(lights, 1)[0] if isinstance(lights, list) else lights
    engine.world.set_lights(integer(actor_id), integer(flags))


@TABLE.value
def get_vehicle_light_states(engine: Engine) -> list[list[int]]:
    """Lights of all vehicles."""
    return [[actor.id, actor.lights] for actor in engine.world.actors.values() if actor.vehicle is not None]


@TABLE.void
def open_vehicle_door(engine: Engine, actor_id: Any, door: Any) -> None:
    """Begin to open a door."""
    move_door(engine.world.get("open_vehicle_door", integer(actor_id)), integer(door), opened=True)


@TABLE.void
def close_vehicle_door(engine: Engine, actor_id: Any, door: Any) -> None:
    """Close a door at once."""
    move_door(engine.world.get("close_vehicle_door", integer(actor_id)), integer(door), opened=False)


def leave_to_traffic_manager(engine: Engine, actor_id: Any, enabled: Any) -> None:
    """What a batch's SetAutopilot is to a server: the client that sends it hands the vehicle to its Traffic Manager."""
    flag(enabled)
    _vehicle(engine, "set_actor_autopilot", actor_id)


@TABLE.value
def get_telemetry_data(engine: Engine, actor_id: Any) -> list[Any]:
    """VehicleTelemetryData of the last step."""
    return structs.telemetry(engine.world.telemetry(integer(actor_id)))


@TABLE.value
def get_wheel_steer_angle(engine: Engine, actor_id: Any, wheel: Any) -> float:
    """Degrees to the right that a wheel points."""
    return _angles(engine, "get_wheel_steer_angle", actor_id, wheel).steer_deg


@TABLE.value
def get_wheel_pitch_angle(engine: Engine, actor_id: Any, wheel: Any) -> float:
    """Degrees that a wheel has rolled, backwards."""
    return _angles(engine, "get_wheel_pitch_angle", actor_id, wheel).pitch_deg


@TABLE.void
def set_wheel_steer_direction(engine: Engine, actor_id: Any, wheel: Any, degrees: Any) -> None:
    """Point a wheel of a vehicle without physics; nothing moves by it."""
    call = "set_wheel_steer_direction"
    actor = _vehicle(engine, call, actor_id)[0]
    show_wheel(actor, integer(wheel), call, steer_deg=number(degrees))


@TABLE.void
def set_wheel_pitch_angle(engine: Engine, actor_id: Any, wheel: Any, degrees: Any) -> None:
    """Roll a wheel of a vehicle without physics; nothing moves by it."""
    call = "set_wheel_pitch_angle"
    actor = _vehicle(engine, call, actor_id)[0]
    show_wheel(actor, integer(wheel), call, pitch_deg=number(degrees))


def _angles(engine: Engine, call: str, actor_id: Any, wheel: Any) -> WheelAngles:
    return engine.world.wheel_angles(call, integer(actor_id), integer(wheel))


def _vehicle(engine: Engine, call: str, actor_id: Any) -> tuple[Actor, VehicleState]:
    actor = engine.world.get(call, integer(actor_id))
    return actor, actor.as_vehicle(call)
