"""CAN values that follow from one another: gravity, acceleration, steering, wheels, and the counts of meta."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array

Rows = Sequence[Mapping[str, Any]]

_GRAVITY, _GRAVITY_OFF = 9.81, 0.8  # of the middle message: a slope of 10 % tilts it by 0.05
_HARD_MPS2, _HARD_LEAST, _HARD_SHARE = 1.0, 25, 0.5  # true data are off by 2 %
_WHEEL_M = 0.305  # of the Renault Zoe, as nuScenes' readers have it
_WHEELBASE_M, _STEERING_RATIO = 2.6, 16.0
_TURNING_MPS, _TURNING_RAD, _TURNING_LEAST = 2.0, 0.3, 50
_STRAIGHT_RAD, _STRAIGHT_OFF_RAD = 0.05, 0.5  # what is needed, and what the middle message may have then
_STEERING = (0.3, 3.0)  # other cars, tyres that slip, and a lag make it no better known
_WHEELS: Mapping[str, tuple[str, ...]] = {
    "zoe_veh_info": tuple(f"{corner}_wheel_speed" for corner in ("FL", "FR", "RL", "RR")),
    "vehicle_monitor": ("rear_left_rpm", "rear_right_rpm"),
}


def check_gravity(name: str, key: str, rows: Rows, findings: Findings) -> None:
    """An accelerometer on the ego shows gravity upwards, in the middle message."""
    findings.checked("can_motion")
    up = float(np.median([row[key][2] for row in rows]))
    if abs(up - _GRAVITY) > _GRAVITY_OFF:
        message = f"{key}'s z is {up:.2f} m/s2 (median); want about {_GRAVITY}, gravity included, z up"
        findings.add("can_motion", name, message)


def check_acceleration(name: str, rows: Rows, findings: Findings) -> None:
    """Accelerations along the car are the derivative of its speed, where either is large."""
    if len(rows) < _HARD_LEAST:
        return
    seconds = _column(rows, "utime") / 1e6
    gained = np.gradient(np.array([row["vel"][0] for row in rows], dtype=np.float64), seconds - seconds[0])
    said = np.array([row["accel"][0] for row in rows], dtype=np.float64)
    size = np.maximum(np.abs(gained), np.abs(said))
    hard = size > _HARD_MPS2
    if hard.sum() < _HARD_LEAST:
        return
    findings.checked("can_motion", int(hard.sum()))
    off = float(np.median(np.abs(said - gained)[hard]))
    if off > _HARD_SHARE * float(np.median(size[hard])):
        guess = ": its sign is turned" if float(np.median(np.abs(said + gained)[hard])) < off / 2 else ""
        message = f"accel's x is {off:.2f} m/s2 (median) off the derivative of vel's x{guess}"
        findings.add("can_motion", name, f"{message}; want m/s2, forward positive")


def check_steering(name: str, rows: Rows, pose: Rows, findings: Findings) -> None:
    """The steering wheel is turned as far as speed and yaw rate need it.

    Source: a car of one track turns at the rate v / wheelbase * tan(angle of its front wheels).
    """
    at, times = _column(rows, "utime"), _column(pose, "utime")
    speed = np.interp(at, times, [row["vel"][0] for row in pose])
    rate = np.interp(at, times, [row["rotation_rate"][2] for row in pose])
    fast = speed > _TURNING_MPS
    wanted = np.zeros(len(at))
    wanted[fast] = _STEERING_RATIO * np.arctan(_WHEELBASE_M * rate[fast] / speed[fast])
    straight = fast & (np.abs(wanted) < _STRAIGHT_RAD)
    if straight.sum() >= _TURNING_LEAST:
        findings.checked("can_motion", int(straight.sum()))
        middle = float(np.median(_column(rows, "value")[straight]))
        if abs(middle) > _STRAIGHT_OFF_RAD:
            message = f"value is {middle:.2f} rad (median) while the ego drives straight on"
            findings.add("can_motion", name, f"{message}; want the steering wheel's angle, about 0 there")
    turning = np.abs(wanted) > _TURNING_RAD
    if turning.sum() < _TURNING_LEAST:
        return
    findings.checked("can_motion", int(turning.sum()))
    ratio = float(np.median(_column(rows, "value")[turning] / wanted[turning]))
    if not _STEERING[0] <= ratio <= _STEERING[1]:
        guess = ": its sign is turned" if ratio < 0 else ": degrees?" if ratio > 20 else ""
        message = f"value is {ratio:.2f} times (median) what speed and yaw rate need{guess}"
        findings.add("can_motion", name, f"{message}; want the steering wheel's angle in rad, left positive")


def wheel_speeds(message: str, rows: Rows) -> dict[str, Array]:
    """Per field with the turns of a wheel a minute, the speed (N,) in m/s that it rolls at, either way."""
    return {key: np.abs(_column(rows, key)) * (2 * math.pi / 60 * _WHEEL_M) for key in _WHEELS.get(message, ())}


def check_meta(
    name: str, meta: Mapping[str, Mapping[str, Any]], lengths: Mapping[str, int], findings: Findings
) -> None:
    """The counts of messages that meta tells are those of the files."""
    for message, told in meta.items():
        if message in lengths:
            findings.checked("can_bus")
            if told.get("message_count") != lengths[message]:
                got = f"message_count of {message} is {told.get('message_count')!r}"
                findings.add("can_bus", name, f"{got}; its file has {lengths[message]} messages")


def _column(rows: Rows, key: str) -> Array:
    return np.array([row[key] for row in rows], dtype=np.float64)
