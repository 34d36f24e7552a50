"""A vehicle's physics control: made from its body, and turned into the numbers the dynamics use.

The shape and the defaults that are the same for all vehicles are CARLA's (tyre friction 3.5, steering 70 degrees on
cars, the steering curve); engine and brakes are chosen per class so that a car does 0 to 50 km/h in about 5 s and
brakes at 8 m/s2 on a dry road.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body, Wheel
from av_synth.simulator.world.arrays import CURVE_KNOTS, CURVE_STEP_KMH, MOST_GEARS, BodyArrays
from av_synth.simulator.world.drivetrain import load_drivetrain, wheel_radius_m
from av_synth.simulator.world.model import Gear, VehiclePhysics, VehicleState, WheelPhysics

_DEFAULT_FRICTION = 3.5
_AIR_KG_M3 = 1.2
_MAX_TORQUE_NM = 1e7
_BOUNDS: dict[str, tuple[float, float, str]] = {  # of what acts; wide enough for a bicycle and a heavy lorry
    "mass": (1.0, 1e6, "kg"),
    "max_rpm": (1.0, 1e5, "rpm"),
    "final_ratio": (0.01, 100.0, ""),
    "forward_gears.ratio": (0.01, 100.0, ""),
    "forward_gears.up_ratio": (0.0, 10.0, ""),
    "moi": (0.0, 1e3, "kg m2"),
    "damping_rate_zero_throttle_clutch_engaged": (0.0, 1e3, ""),
    "gear_switch_time": (0.0, 60.0, "s"),
    "center_of_mass.x": (-10.0, 10.0, "m"),
    "center_of_mass.y": (-10.0, 10.0, "m"),
    "center_of_mass.z": (-10.0, 10.0, "m"),
    "drag_coefficient": (0.0, 100.0, ""),
    "torque_curve.x": (0.0, 1e6, "rpm"),
    "torque_curve.y": (-_MAX_TORQUE_NM, _MAX_TORQUE_NM, "N m"),
    "steering_curve.x": (0.0, 1e4, "km/h"),
    "steering_curve.y": (0.0, 10.0, ""),
    "wheels.radius": (1.0, 1000.0, "cm"),
    "wheels.tire_friction": (0.0, 100.0, ""),
    "wheels.max_steer_angle": (-90.0, 90.0, "degrees"),
    "wheels.max_brake_torque": (0.0, _MAX_TORQUE_NM, "N m"),
    "wheels.max_handbrake_torque": (0.0, _MAX_TORQUE_NM, "N m"),
}
_FINAL_RATIO = 4.0
_GEARS = (2.85, 2.02, 1.35, 1.0, 0.75)
_STEERING_CURVE = ((0.0, 1.0), (20.0, 0.9), (60.0, 0.8), (120.0, 0.7))


@dataclass(frozen=True)
class _Class:
    """What a class of vehicles can do: pull and braking in m/s2, power in W/kg, top speed, wheel angle, drag area."""

    pull_mps2: float
    power_w_kg: float
    top_mps: float
    brake_mps2: float
    max_steer_deg: float
    drag_coefficient: float


_CLASSES = {
    "car": _Class(3.1, 44.0, 50.0, 8.0, 70.0, 0.30),
    "van": _Class(2.8, 32.0, 42.0, 7.5, 65.0, 0.35),
    "truck": _Class(2.0, 16.0, 33.0, 6.5, 60.0, 0.60),
    "bus": _Class(1.6, 13.0, 30.0, 6.5, 60.0, 0.60),
    "motorcycle": _Class(4.5, 90.0, 50.0, 8.0, 60.0, 0.60),
    "bicycle": _Class(1.3, 4.0, 11.0, 5.0, 60.0, 0.90),
}


def _class_of(body: Body) -> _Class:
    usual = _CLASSES.get(body.attributes.get("base_type", "car").lower(), _CLASSES["car"])
    return replace(
        usual,
        power_w_kg=1e3 * body.power_kw / body.mass_kg if body.power_kw else usual.power_w_kg,
        top_mps=body.top_mps or usual.top_mps,
    )


def _in_order(body: Body) -> list[Wheel]:
    """Wheels as CARLA counts them: front left, front right, rear left, rear right, or front, rear."""
    return sorted(body.wheels, key=lambda wheel: (-float(wheel.position_m[0]), -float(wheel.position_m[1])))


def default_physics(body: Body) -> VehiclePhysics:
    """The physics control a vehicle starts with."""
    kind, mass = _class_of(body), float(body.mass_kg)
    radius = float(np.mean([wheel.radius_m for wheel in body.wheels])) if body.wheels else 0.35
    max_rpm = kind.top_mps / radius * _FINAL_RATIO * _GEARS[-1] * 60.0 / (2.0 * math.pi)
    torque = kind.pull_mps2 * mass * radius / (_FINAL_RATIO * _GEARS[0])
    count = max(len(body.wheels), 1)
    wheels = tuple(
        WheelPhysics(
            tire_friction=_DEFAULT_FRICTION,
            damping_rate=0.25,
            max_steer_deg=kind.max_steer_deg if wheel.steered else 0.0,
            radius_m=float(wheel.radius_m),
            max_brake_torque_nm=kind.brake_mps2 * mass * float(wheel.radius_m) / count,
            max_handbrake_torque_nm=0.0 if wheel.steered else 4.5 * mass * float(wheel.radius_m) / max(count // 2, 1),
            lat_stiff_max_load=2.0,
            lat_stiff_value=17.0,
            long_stiff_value=1000.0,
            position_m=(float(wheel.position_m[0]), float(wheel.position_m[1]), float(wheel.position_m[2])),
        )
        for wheel in _in_order(body)
    )
    return VehiclePhysics(
        torque_curve=((0.0, 0.8 * torque), (0.4 * max_rpm, torque), (max_rpm, 0.7 * torque)),
        max_rpm=max_rpm,
        moi=1.0,
        damping_rate_full_throttle=0.15,
        damping_rate_zero_throttle_clutch_engaged=2.0,
        damping_rate_zero_throttle_clutch_disengaged=0.35,
        use_gear_autobox=True,
        gear_switch_time_s=0.0,
        clutch_strength=10.0,
        final_ratio=_FINAL_RATIO,
        forward_gears=tuple(Gear(ratio, 0.5, 0.65) for ratio in _GEARS),
        mass_kg=mass,
        drag_coefficient=kind.drag_coefficient,
        center_of_mass_m=(0.0, 0.0, float(body.box_centre_m[2])),
        steering_curve=_STEERING_CURVE,
        wheels=wheels,
    )


def check_physics(physics: VehiclePhysics) -> None:
    """Refuse numbers that would break the dynamics; the wheels are as many as the vehicle has.

    Raises:
        DataError: if a curve is empty, or something that acts is out of its bounds.
    """
    if not (physics.torque_curve and physics.forward_gears):
        raise DataError("apply_physics_control: torque_curve or forward_gears is empty; want one entry at least")
    values = [("mass", physics.mass_kg), ("max_rpm", physics.max_rpm), ("final_ratio", physics.final_ratio)]
    if len(physics.forward_gears) > MOST_GEARS:
        raise DataError(f"apply_physics_control: got {len(physics.forward_gears)} gears; want {MOST_GEARS} at most")
    values += [("drag_coefficient", physics.drag_coefficient), ("moi", physics.moi)]
    zero = "damping_rate_zero_throttle_clutch_engaged"
    values += [("gear_switch_time", physics.gear_switch_time_s), (zero, getattr(physics, zero))]
    values += [(f"center_of_mass.{axis}", v) for axis, v in zip("xyz", physics.center_of_mass_m, strict=True)]
    values += [("forward_gears.ratio", gear.ratio) for gear in physics.forward_gears]
    values += [("forward_gears.up_ratio", gear.up_ratio) for gear in physics.forward_gears]
    for name, curve in (("torque_curve", physics.torque_curve), ("steering_curve", physics.steering_curve)):
        for x, y in curve:
            values += [(f"{name}.x", x), (f"{name}.y", y)]
    for wheel in physics.wheels:
        values += [
            ("wheels.radius", 100.0 * wheel.radius_m),
            ("wheels.tire_friction", wheel.tire_friction),
            ("wheels.max_steer_angle", wheel.max_steer_deg),
            ("wheels.max_brake_torque", wheel.max_brake_torque_nm),
            ("wheels.max_handbrake_torque", wheel.max_handbrake_torque_nm),
        ]
    for name, value in values:
        low, high, unit = _BOUNDS[name]
        if not low <= value <= high:
            raise DataError(f"apply_physics_control: {name} = {value:g}; want {low:g} to {high:g} {unit}".rstrip())


def load_row(arrays: BodyArrays, k: int, body: Body, physics: VehiclePhysics) -> None:
    """Write what the dynamics need of `physics` into row `k`.

    The class's own pull at standstill is peak torque times first gear and final drive over the wheel radius, as the
    vehicle was made, and its power keeps the class's ratio to that; `load_drivetrain` scales both.
    """
    kind, usual = _class_of(body), default_physics(body)
    peak = max(torque for _, torque in usual.torque_curve)
    pull = max(peak, 0.0) * usual.forward_gears[0].ratio * usual.final_ratio / wheel_radius_m(usual)
    arrays.set_mass(k, physics.mass_kg)
    arrays.pull_n[k] = pull
    arrays.power_w[k] = pull * kind.power_w_kg / kind.pull_mps2
    load_drivetrain(arrays, k, physics, usual)
    x, y, z = physics.center_of_mass_m
    arrays.com[k] = x, y
    arrays.lean_share[k] = z / usual.center_of_mass_m[2]
    frontal_m2 = 4.0 * arrays.half[k, 1] * arrays.half[k, 2] * 0.85
    arrays.drag_kg_m[k] = 0.5 * _AIR_KG_M3 * max(physics.drag_coefficient, 0.0) * frontal_m2
    arrays.brake_n[k] = sum(max(w.max_brake_torque_nm, 0.0) / w.radius_m for w in physics.wheels)
    arrays.hand_brake_n[k] = sum(max(w.max_handbrake_torque_nm, 0.0) / w.radius_m for w in physics.wheels)
    frictions = [w.tire_friction for w in physics.wheels]
    arrays.tyre[k] = (sum(frictions) / len(frictions) if frictions else _DEFAULT_FRICTION) / _DEFAULT_FRICTION
    arrays.max_steer[k] = math.radians(max((abs(w.max_steer_deg) for w in physics.wheels), default=0.0))
    arrays.steer_curve[k] = _resample(physics.steering_curve)
    xs = [float(w.position_m[0]) for w in body.wheels] or [arrays.half[k, 0] * 0.6, -arrays.half[k, 0] * 0.6]
    arrays.rear_x[k] = min(xs)
    arrays.wheelbase[k] = max(max(xs) - min(xs), 0.5)
    arrays.half_track[k] = max([abs(float(w.position_m[1])) for w in body.wheels] + [0.2])


def hold_gear(arrays: BodyArrays, k: int, body: Body, vehicle: VehicleState) -> None:
    """Keep row `k` in the gear its control asks for, or let the gearbox choose, where that has changed."""
    control, physics = vehicle.control, vehicle.physics
    if control.manual_gear_shift:
        gear = min(max(control.gear, 0), len(physics.forward_gears))
    else:
        gear = 0 if physics.use_gear_autobox else max(int(arrays.gear[k]), 1)
    if gear != arrays.held_gear[k]:
        arrays.held_gear[k] = gear
        load_drivetrain(arrays, k, physics, default_physics(body))


def _resample(curve: tuple[tuple[float, float], ...]) -> Array:
    knots = np.arange(CURVE_KNOTS) * CURVE_STEP_KMH
    if not curve:
        return np.ones(CURVE_KNOTS)
    ordered = sorted(curve)
    return np.asarray(np.interp(knots, [x for x, _ in ordered], [y for _, y in ordered]))
