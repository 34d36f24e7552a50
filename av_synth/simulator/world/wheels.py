"""Wheels one by one: where each points and how far it has turned, out of the model that has one axle before another.

The steering turns the front axle's middle by one angle; left and right differ so that all four wheels go round one
point (Ackermann's geometry), so the cotangents of their angles have that of the middle as their mean.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.errors import DataError
from av_synth.simulator.world.arrays import CURVE_STEP_KMH, BodyArrays
from av_synth.simulator.world.errors import NotSupported
from av_synth.simulator.world.model import Actor, WheelAngles, WheelPhysics

_STRAIGHT_RAD = 1e-9
_UNWINDS_DEG = 1800.0  # PhysX begins anew after ten half turns


def wheel_angles(arrays: BodyArrays, k: int, actor: Actor, index: int, call: str) -> WheelAngles:
    """Angles of a wheel of row `k`, counted as in CARLA's VehicleWheelLocation; without physics those it was given.

    Raises:
        WrongActorKind: if it is no vehicle.
        DataError: if the vehicle has no such wheel.
    """
    wheel = _wheel(actor, index, call)
    vehicle = actor.as_vehicle(call)
    if not actor.simulate_physics:
        return vehicle.shown_wheels.get(index, WheelAngles())
    turned = math.degrees(float(arrays.rolled_m[k]) / wheel.radius_m)
    return WheelAngles(-math.degrees(wheel_left_rad(arrays, k, wheel)), -math.fmod(turned, _UNWINDS_DEG))


def show_wheel(
    actor: Actor, index: int, call: str, *, steer_deg: float | None = None, pitch_deg: float | None = None
) -> None:
    """Turn a wheel of a vehicle without physics; it moves nothing.

    Raises:
        WrongActorKind: if it is no vehicle.
        DataError: if it has no such wheel.
        NotSupported: if the vehicle simulates physics, which turns its wheels itself.
    """
    _wheel(actor, index, call)
    shown = actor.as_vehicle(call).shown_wheels
    if actor.simulate_physics:
        raise NotSupported(call, f"actor {actor.id} simulates physics, which turns its wheels; switch it off first")
    now = shown.get(index, WheelAngles())
    shown[index] = WheelAngles(
        now.steer_deg if steer_deg is None else steer_deg, now.pitch_deg if pitch_deg is None else pitch_deg
    )


def _front_left_rad(arrays: BodyArrays, k: int) -> float:
    """The angle to the left of the front axle's middle of row `k`."""
    forward = arrays.pose[k, :2, 0] / max(float(np.hypot(*arrays.pose[k, :2, 0])), 1e-9)
    kmh = abs(float(arrays.velocity[k, :2] @ forward)) * 3.6
    curve = arrays.steer_curve[k]
    share = float(np.interp(kmh, np.arange(len(curve)) * CURVE_STEP_KMH, curve))
    return -float(arrays.pedals[k, 2]) * float(arrays.max_steer[k]) * share


def wheel_left_rad(arrays: BodyArrays, k: int, wheel: WheelPhysics) -> float:
    """The angle to the left of a wheel of row `k`; those that are not steered point ahead."""
    middle = _front_left_rad(arrays, k)
    if wheel.max_steer_deg == 0.0 or abs(middle) < _STRAIGHT_RAD:
        return 0.0
    base = wheel.position_m[0] - float(arrays.rear_x[k])
    # the point all go round lies on the rear axle's line, that far to the left
    round_m = float(arrays.wheelbase[k]) / math.tan(middle)
    inner = round_m - wheel.position_m[1]
    # measured on the side that it turns to: a wheel beyond the point would else face backwards
    return math.atan2(math.copysign(base, round_m), math.copysign(1.0, round_m) * inner)


def _wheel(actor: Actor, index: int, call: str) -> WheelPhysics:
    wheels = actor.as_vehicle(call).physics.wheels
    if not 0 <= index < len(wheels):
        raise DataError(f"{call}: got wheel {index}; {actor.blueprint_id} has wheels 0 to {len(wheels) - 1}")
    return wheels[index]
