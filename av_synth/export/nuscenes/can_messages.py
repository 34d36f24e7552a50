"""The messages of nuScenes' CAN bus expansion, one function a kind: keys, units, ranges and resolutions.

What a log cannot know is 0 in every message (range and battery, lights, solar sensors, torques, coasting);
docs/reference/dataset.md lists it.

Source of names, units, ranges and rates: nuscenes-devkit, can_bus/README.md. Its tutorial gives the tyre radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.log.motion import GRAVITY_MPS2, Motion, Times
from av_synth.sensing.inertial import stepped

TYRE_RADIUS_M = 0.305
"""Of nuScenes' car, a Renault Zoe; readers turn wheel speeds into metres with it, whatever body drove here."""

TYRE_WIDTH_M = 0.195
"""Of the same car's 195/55 R16 tyres, whose outer faces are taken to be flush with the sides of the body."""

_STEERING_RATIO = 16.0
"""Steering wheel over front wheels: a usual one for a car (Gillespie, Fundamentals of Vehicle Dynamics: 15 to 20)."""

PERIODS_US = {
    "pose": 20_000,
    "ms_imu": 10_000,
    "steeranglefeedback": 10_000,
    "zoe_veh_info": 10_000,
    "zoesensors": 10_000,
    "vehicle_monitor": 500_000,
}

Columns = dict[str, "npt.NDArray[Any] | int"]
"""Values (N,) or (N, d) of the messages of one kind, by key in the order of the file; a number stands for all."""


@dataclass(frozen=True)
class Body:
    """What the wheels of the ego are fixed to: metres between its axles, and between its left and right wheels."""

    wheelbase_m: float
    track_m: float


@dataclass(frozen=True)
class Moment:
    """Everything that messages are made of, at N times.

    Attributes:
        wheel_rad: (N,), angle of the front wheels, left positive.
        pedals: (N,) each: throttle and brake, 0 to 1, and hand brake, 0 or 1.
    """

    time_us: Times
    motion: Motion
    body: Body
    wheel_rad: Array
    pedals: Mapping[str, Array]

    @property
    def steering_rad(self) -> Array:
        """Of the steering wheel."""
        return self.wheel_rad * _STEERING_RATIO

    @property
    def speed_mps(self) -> Array:
        """(N,), along the ego's x axis, never negative."""
        return np.abs(self.motion.velocity_mps[:, 0])

    def rpm(self, axle: int, side: int) -> Array:
        """Of one wheel, rounds per minute: how fast its centre moves along its own heading.

        Args:
            axle: 0 the rear one, 1 the front one.
            side: 1 left, -1 right.
        """
        turning = self.motion.rotation_rate_radps[:, 2]
        along = self.motion.velocity_mps[:, 0] - side * self.body.track_m / 2 * turning
        across = self.motion.velocity_mps[:, 1] + axle * self.body.wheelbase_m * turning
        # front wheels roll where they point, which is where they go
        rolling = np.copysign(np.hypot(along, across), along) if axle else along
        return _stepped(rolling / (2 * np.pi * TYRE_RADIUS_M) * 60, 0.0417)


def _pose(now: Moment) -> Columns:
    motion = now.motion
    return {
        "accel": _rounded(motion.specific_force_mps2),
        "orientation": np.round(motion.orientation, 12) + 0.0,
        "pos": _rounded(motion.position_m),
        "rotation_rate": _rounded(motion.rotation_rate_radps),
        "vel": _rounded(motion.velocity_mps),
    }


def _ms_imu(now: Moment) -> Columns:
    return {
        "linear_accel": _rounded(now.motion.specific_force_mps2),
        "q": np.round(now.motion.orientation, 12) + 0.0,
        "rotation_rate": _rounded(now.motion.rotation_rate_radps),
    }


def _steeranglefeedback(now: Moment) -> Columns:
    return {"value": _rounded(now.steering_rad)}


def _vehicle_monitor(now: Moment) -> Columns:
    steering_deg = np.degrees(now.steering_rad)
    return {
        "available_distance": 0,
        "battery_level": 0,
        "brake": np.round(126 * now.pedals["brake"]).astype(np.int64),
        "brake_switch": np.where(now.pedals["brake"] > 0, 3, 1),
        "gear_position": np.where(now.pedals["hand_brake"] > 0, 0, 7),
        "left_signal": 0,
        "rear_left_rpm": now.rpm(0, 1),
        "rear_right_rpm": now.rpm(0, -1),
        "right_signal": 0,
        "steering": _stepped(steering_deg, 0.1),
        "steering_speed": _rounded(_per_second(steering_deg, now.time_us)),
        "throttle": np.round(1000 * now.pedals["throttle"]).astype(np.int64),
        "vehicle_speed": _stepped(now.speed_mps * 3.6, 0.01),
        "yaw_rate": _stepped(np.degrees(now.motion.rotation_rate_radps[:, 2]), 0.1),
    }


def _zoesensors(now: Moment) -> Columns:
    """Sensor voltages, as it seems: pedals and steering scaled onto the ranges that nuScenes' own values have."""
    turned = np.clip(now.steering_rad / 7.7, -1.0, 1.0)  # nuScenes' steering wheel goes to 7.7 rad
    return {
        "brake_sensor": _rounded(0.166 + (0.631 - 0.166) * now.pedals["brake"]),
        "steering_sensor": _rounded(0.214 + (0.252 - 0.214) * turned),
        "throttle_sensor": _rounded(0.105 + (0.411 - 0.105) * now.pedals["throttle"]),
    }


def _zoe_veh_info(now: Moment) -> Columns:
    steering_deg = _stepped(np.degrees(now.steering_rad), 0.1)
    seconds = np.diff(now.time_us) * 1e-6
    way_m = np.cumsum(np.concatenate([[0.0], (now.speed_mps[1:] + now.speed_mps[:-1]) / 2 * seconds]))
    return {
        "FL_wheel_speed": now.rpm(1, 1),
        "FR_wheel_speed": now.rpm(1, -1),
        "RL_wheel_speed": now.rpm(0, 1),
        "RR_wheel_speed": now.rpm(0, -1),
        "left_solar": 0,
        "longitudinal_accel": _stepped(now.motion.specific_force_mps2[:, 0], 0.05),
        "meanEffTorque": 0,
        "odom": np.floor(way_m * 100).astype(np.int64) % 125,
        "odom_speed": _stepped(now.speed_mps * 3.6, 0.01),
        "pedal_cc": np.round(1000 * now.pedals["throttle"]).astype(np.int64),
        "regen": 0,
        "requestedTorqueAfterProc": 0,
        "right_solar": 0,
        "steer_corrected": steering_deg,
        "steer_offset_can": 0,
        "steer_raw": steering_deg,
        "transversal_accel": _stepped(now.motion.specific_force_mps2[:, 1] / GRAVITY_MPS2, 0.004),
    }


COLUMNS: Mapping[str, Callable[[Moment], Columns]] = {
    "pose": _pose,
    "ms_imu": _ms_imu,
    "steeranglefeedback": _steeranglefeedback,
    "zoe_veh_info": _zoe_veh_info,
    "zoesensors": _zoesensors,
    "vehicle_monitor": _vehicle_monitor,
}


def _per_second(values: Array, time_us: Times) -> Array:
    return np.gradient(values, time_us * 1e-6) if len(values) > 1 else np.zeros_like(values)


def _rounded(values: Array) -> Array:
    """To a millionth; no negative zeros."""
    return np.round(values, 6) + 0.0


def _stepped(values: Array, step: float) -> Array:
    """In whole steps of a sensor's resolution."""
    return _rounded(stepped(values, step))
