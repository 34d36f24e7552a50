"""Engine and gearbox: which gear a speed is driven in, how fast the engine turns, and how hard it pulls for that.

What a vehicle pulls with is its class's own curve (`physics.py`). A physics control that differs from the one the
vehicle was made with scales that curve: at each speed by its own pull over the usual one, each the engine's torque at
its speed in the gear it would be in, times gear and final ratio over the wheel radius.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.world.arrays import CURVE_KNOTS, CURVE_STEP_KMH, MOST_GEARS, BodyArrays, Span
from av_synth.simulator.world.model import VehiclePhysics

_USUAL_UP_MPS = (4.2, 8.3, 13.9, 19.4)  # where a vehicle as it was made shifts up: long before its engine must
_KNOTS_MPS = np.arange(CURVE_KNOTS) * CURVE_STEP_KMH / 3.6
_RPM = 60.0 / (2.0 * math.pi)


def load_drivetrain(arrays: BodyArrays, k: int, physics: VehiclePhysics, usual: VehiclePhysics) -> None:
    """Write what the dynamics need of engine and gears into row `k`; `usual` is what the vehicle was made with."""
    ups = _up_speeds(physics, usual)
    arrays.gear_up[k] = np.inf
    arrays.gear_up[k, : len(ups)] = ups
    arrays.gear_switch_s[k] = max(physics.gear_switch_time_s, 0.0)
    arrays.spin_up[k] = physics.moi / usual.moi
    at_rest = "damping_rate_zero_throttle_clutch_engaged"
    arrays.engine_drag[k] = getattr(physics, at_rest) / getattr(usual, at_rest)
    gear = _held(arrays, k, physics)
    arrays.top_speed[k] = _speed_at_rpm(physics, gear or len(physics.forward_gears), physics.max_rpm)
    own, plain = _pulls(physics, ups, gear), _pulls(usual, _up_speeds(usual, usual), 0)
    arrays.pull_share[k] = own / plain


def shift(arrays: BodyArrays, rows: Span, dt: float) -> None:
    """Let the gearboxes of `rows` shift after a step of `dt` seconds; while one does, nothing pulls."""
    speed = np.hypot(arrays.velocity[rows, 0], arrays.velocity[rows, 1])
    chosen = 1.0 + (arrays.gear_up[rows] < speed[:, None]).sum(axis=1)
    sign, held = arrays.drive_sign[rows], arrays.held_gear[rows]
    gear = np.where(sign > 0.0, np.where(held > 0.0, held, chosen), sign)
    shifts = (gear != arrays.gear[rows]) & (arrays.gear[rows] != 0.0)
    left_s = np.maximum(arrays.shifting_s[rows] - dt, 0.0)
    arrays.shifting_s[rows] = np.where(shifts, arrays.gear_switch_s[rows], left_s)
    arrays.gear[rows] = gear


def engine_rpm(physics: VehiclePhysics, gear: int, speed_mps: float, throttle: float) -> float:
    """How fast the engine turns: as the wheels make it, or as the throttle does while the clutch slips.

    In neutral the throttle alone turns it. It has no idle speed, as PhysX's engine has none.
    """
    free = throttle * (_peak_rpm(physics) if gear != 0 else physics.max_rpm)
    if gear == 0:
        return free
    turned = abs(speed_mps) / _speed_at_rpm(physics, abs(gear), 1.0)
    return min(max(turned, free if abs(gear) == 1 else 0.0), physics.max_rpm)


def _speed_at_rpm(physics: VehiclePhysics, gear: int, rpm: float) -> float:
    """Metres per second at an engine speed in a forward gear, counted from 1; the highest one if there are fewer."""
    ratio = physics.forward_gears[min(gear, len(physics.forward_gears)) - 1].ratio * physics.final_ratio
    return rpm * 2.0 * math.pi / 60.0 / ratio * wheel_radius_m(physics)


def wheel_radius_m(physics: VehiclePhysics) -> float:
    """The wheels' mean radius."""
    return float(np.mean([wheel.radius_m for wheel in physics.wheels])) if physics.wheels else 0.35


def _held(arrays: BodyArrays, k: int, physics: VehiclePhysics) -> int:
    return min(int(arrays.held_gear[k]), len(physics.forward_gears))


def _up_speeds(physics: VehiclePhysics, usual: VehiclePhysics) -> Array:
    """Speeds (G - 1,) at which the gearbox shifts up, never falling.

    The usual ones, moved as the speeds at which the engine comes to the gear's `up_ratio` moved.
    """
    ups = []
    for gear in range(1, min(len(physics.forward_gears), MOST_GEARS)):
        like = min(gear, len(_USUAL_UP_MPS))
        ups.append(_USUAL_UP_MPS[like - 1] * (_must_shift_mps(physics, gear) / _must_shift_mps(usual, like)))
    return np.maximum.accumulate(np.array(ups, dtype=np.float64))


def _must_shift_mps(physics: VehiclePhysics, gear: int) -> float:
    return _speed_at_rpm(physics, gear, physics.max_rpm) * physics.forward_gears[gear - 1].up_ratio


def _pulls(physics: VehiclePhysics, ups: Array, held: int) -> Array:
    """Newtons (21,) at the speeds of the knots, at full throttle, in the gear of each or in the one that is held."""
    gears = np.full(CURVE_KNOTS, held) if held else 1 + np.searchsorted(ups, _KNOTS_MPS)
    ratios = np.array([gear.ratio for gear in physics.forward_gears])[gears - 1] * physics.final_ratio
    radius = wheel_radius_m(physics)
    turned = _KNOTS_MPS / radius * ratios * _RPM
    # in first gear the clutch slips until the wheels are as fast as the engine where it pulls best
    rpm = np.where(gears == 1, np.maximum(turned, _peak_rpm(physics)), turned)
    curve = sorted(physics.torque_curve)
    torque = np.interp(rpm, [x for x, _ in curve], [y for _, y in curve])
    return np.asarray(np.maximum(torque, 0.0) * ratios / radius)


def _peak_rpm(physics: VehiclePhysics) -> float:
    return min(max(physics.torque_curve, key=lambda point: point[1])[0], physics.max_rpm)
