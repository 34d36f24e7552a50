"""Actors, blueprints, controls and physics to and from their wire shapes (field order as the client reads it)."""

from __future__ import annotations

from dataclasses import astuple
from functools import lru_cache
from typing import Any

import numpy as np

from av_synth.geometry.transforms import Array, apply
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import ArgumentError, Packed, pack
from av_synth.simulator.protocol.codec import flag, integer, items, number, numbers, text
from av_synth.simulator.scene import Tag
from av_synth.simulator.world.model import (
    AckermannControl,
    AckermannSettings,
    Actor,
    Definition,
    Gear,
    VehicleControl,
    VehiclePhysics,
    WalkerControl,
    WheelPhysics,
)
from av_synth.simulator.world.telemetry import VehicleTelemetry

WireActor = list[Any]
"""An Actor as it travels."""

_NO_TYPE = 4  # String: for an attribute that is not in the blueprint
_REVERSE_GEAR, _MAX_GEAR = -1, 100
_WHEELS_OF_A_CYCLE = 2
_MAX_TEXT = 1024  # characters of a blueprint's name and of an attribute: each actor keeps its own, and tells them all


def definition(value: Definition) -> list[Any]:
    """ActorDefinition."""
    attributes = [
        [a.id, int(a.type), a.value, list(a.recommended), a.modifiable, a.restrict_to_recommended]
        for a in value.attributes
    ]
    return [value.uid, value.id, value.tags, attributes]


def actor(value: Actor, blueprint: Definition | None, token: bytes) -> list[Any]:
    """Actor, with the blueprint it came from (for uid and attribute types) and its stream's token, or b''."""
    types = {a.id: int(a.type) for a in blueprint.attributes} if blueprint else {}
    attributes = [[name, types.get(name, _NO_TYPE), text] for name, text in value.attributes.items()]
    tags = bytes([int(value.body.tag)]) if value.body else b""
    described = [blueprint.uid if blueprint else 0, value.blueprint_id, attributes]
    return [value.id, value.parent_id, described, _box_of(value), tags, token]


def static_actor(tag: Tag) -> list[Any]:
    """The Actor that stands for the town where something meets it: id 0, blueprint static.<class>.

    Source: CARLA, CarlaEpisode.cpp (SerializeActor) and Tagger.cpp: names of classes in lower case, without a break.
    """
    name = "unknown" if tag in (Tag.NONE, Tag.OTHER) else tag.name.lower().replace("_", "")
    return [0, 0, [0, f"static.{name}", []], codec.NO_BOX, bytes([int(tag)]), b""]


def _box_of(value: Actor) -> list[Any]:
    """The BoundingBox of an actor in its own frame; empty for what has no body."""
    centre, half = value.box or (np.zeros(3), np.zeros(3))
    return codec.bounding_box(centre, half, actor_id=value.id)


def packed_box_of(value: Actor) -> Packed:
    """As `_box_of`, packed: Traffic Managers ask at every tick for the box of every vehicle that they do not drive."""
    centre, half = value.box or (np.zeros(3), np.zeros(3))
    return _packed_box(centre.tobytes(), half.tobytes(), value.id)


@lru_cache(maxsize=1024)
def _packed_box(centre: bytes, half: bytes, actor_id: int) -> Packed:
    return Packed(pack(codec.bounding_box(np.frombuffer(centre), np.frombuffer(half), actor_id=actor_id)))


def read_description(value: Any) -> tuple[str, dict[str, str]]:
    """ActorDescription as blueprint id and attributes; raises ArgumentError."""
    _, blueprint_id, attributes = items(value, 3)[:3]
    fields = [items(each, 3) for each in items(attributes)]
    return text(blueprint_id, _MAX_TEXT), {text(each[0], _MAX_TEXT): text(each[2], _MAX_TEXT) for each in fields}


def read_vehicle_control(value: Any) -> VehicleControl:
    """VehicleControl, clamped as CARLA does; raises ArgumentError."""
    throttle, steer, brake = numbers(value, 3)
    hand_brake, reverse, manual = (flag(v) for v in items(value, 7)[3:6])
    return VehicleControl(
        throttle=min(max(throttle, 0.0), 1.0),
        steer=min(max(steer, -1.0), 1.0),
        brake=min(max(brake, 0.0), 1.0),
        hand_brake=hand_brake,
        reverse=reverse,
        manual_gear_shift=manual,
        gear=integer(value[6], _REVERSE_GEAR, _MAX_GEAR),
    )


def read_ackermann_control(value: Any) -> AckermannControl:
    """VehicleAckermannControl; raises ArgumentError."""
    return AckermannControl(*numbers(value, 5))


def read_ackermann_settings(value: Any) -> AckermannSettings:
    """AckermannControllerSettings; raises ArgumentError."""
    return AckermannSettings(*numbers(value, 6))


def ackermann_settings(value: AckermannSettings) -> list[float]:
    """AckermannControllerSettings."""
    return [float(v) for v in astuple(value)]


def read_walker_control(value: Any) -> WalkerControl:
    """WalkerControl; raises ArgumentError."""
    direction, speed, jump = items(value, 3)[:3]
    x, y, z = (float(v) for v in codec.read_vector(direction))
    return WalkerControl((x, y, z), number(speed), flag(jump))


def physics_control(world_from_actor: Array, physics: VehiclePhysics) -> list[Any]:
    """VehiclePhysicsControl; wheel positions are world centimetres, as CARLA has them.

    A two-wheeler has each of its wheels twice, a left and a right one at one place: CARLA's have four too.
    """
    wheels = []
    for wheel in (wheel for wheel in physics.wheels for _ in range(_times_told(physics))):
        position = codec.vector(100.0 * apply(world_from_actor, np.asarray(wheel.position_m)))
        wheels.append(
            [
                float(wheel.tire_friction),
                float(wheel.damping_rate),
                float(wheel.max_steer_deg),
                100.0 * float(wheel.radius_m),
                float(wheel.max_brake_torque_nm),
                float(wheel.max_handbrake_torque_nm),
                float(wheel.lat_stiff_max_load),
                float(wheel.lat_stiff_value),
                float(wheel.long_stiff_value),
                position,
            ]
        )
    return [
        codec.pairs(physics.torque_curve),
        float(physics.max_rpm),
        float(physics.moi),
        float(physics.damping_rate_full_throttle),
        float(physics.damping_rate_zero_throttle_clutch_engaged),
        float(physics.damping_rate_zero_throttle_clutch_disengaged),
        physics.use_gear_autobox,
        float(physics.gear_switch_time_s),
        float(physics.clutch_strength),
        float(physics.final_ratio),
        [[float(g.ratio), float(g.down_ratio), float(g.up_ratio)] for g in physics.forward_gears],
        float(physics.mass_kg),
        float(physics.drag_coefficient),
        codec.vector(np.asarray(physics.center_of_mass_m)),
        codec.pairs(physics.steering_curve),
        wheels,
        physics.use_sweep_wheel_collision,
    ]


def _times_told(physics: VehiclePhysics) -> int:
    return 2 if len(physics.wheels) == _WHEELS_OF_A_CYCLE else 1


def telemetry(value: VehicleTelemetry) -> list[Any]:
    """VehicleTelemetryData."""
    head = [float(v) for v in (value.speed_mps, value.steer, value.throttle, value.brake, value.engine_rpm)]
    wheels = [[float(v) for v in astuple(wheel)] for wheel in value.wheels]
    return [*head, value.gear, float(value.drag_n), wheels]


def read_physics_control(value: Any, now: VehiclePhysics) -> VehiclePhysics:
    """VehiclePhysicsControl; wheel positions stay those of the body, which CARLA does not move either.

    Of a wheel that is told twice (`physics_control`) the left one counts.

    Raises:
        ArgumentError: if a field is of the wrong type, or the number of wheels is not the vehicle's.
    """
    parts = items(value, 17)
    wheels = items(parts[15])
    times = _times_told(now)
    if len(wheels) != times * len(now.wheels):
        raise ArgumentError(f"got {len(wheels)} wheels; want the vehicle's {times * len(now.wheels)}")
    new_wheels = []
    for wheel, old in zip(wheels[::times], now.wheels, strict=True):
        friction, damping, steer, radius_cm, brake, hand_brake, load, lateral, longitudinal = numbers(wheel, 9)
        new_wheels.append(
            WheelPhysics(
                tire_friction=friction,
                damping_rate=damping,
                max_steer_deg=steer,
                radius_m=radius_cm / 100.0,
                max_brake_torque_nm=brake,
                max_handbrake_torque_nm=hand_brake,
                lat_stiff_max_load=load,
                lat_stiff_value=lateral,
                long_stiff_value=longitudinal,
                position_m=old.position_m,
            )
        )
    com = codec.read_vector(parts[13])
    return VehiclePhysics(
        torque_curve=codec.read_pairs(parts[0]),
        max_rpm=number(parts[1]),
        moi=number(parts[2]),
        damping_rate_full_throttle=number(parts[3]),
        damping_rate_zero_throttle_clutch_engaged=number(parts[4]),
        damping_rate_zero_throttle_clutch_disengaged=number(parts[5]),
        use_gear_autobox=flag(parts[6]),
        gear_switch_time_s=number(parts[7]),
        clutch_strength=number(parts[8]),
        final_ratio=number(parts[9]),
        forward_gears=tuple(Gear(*numbers(gear, 3)) for gear in items(parts[10])),
        mass_kg=number(parts[11]),
        drag_coefficient=number(parts[12]),
        center_of_mass_m=(float(com[0]), float(com[1]), float(com[2])),
        steering_curve=codec.read_pairs(parts[14]),
        wheels=tuple(new_wheels),
        use_sweep_wheel_collision=flag(parts[16]),
    )
