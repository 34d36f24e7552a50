"""Controllers: what a driver's hands and feet do, as pure functions of the vehicle's state."""

from __future__ import annotations

import math
from dataclasses import dataclass

import carla
import numpy as np

# What a passenger car does at full pedal, about; the integral part makes up for any other vehicle.
_FULL_THROTTLE_MPS2 = 3.4
_FULL_BRAKE_MPS2 = 8.0
_GAIN_PER_S = 1.2  # acceleration asked for, by m/s of speed error
_INTEGRAL_PER_S2 = 0.4
_MAX_LAG_MPS = 1.5  # the reference speed never runs further ahead than this
_COASTING_MPS2 = 0.6  # a vehicle loses about this with no pedal pressed
_STANDSTILL_MPS = 0.15
WALKER_ACCELERATION_MPS2 = 5.0  # of somebody who starts to run


class SpeedControl:
    """Follows a speed with bounded acceleration: a ramped reference, and PI control of the pedals towards it."""

    def __init__(self, speed_mps: float) -> None:
        self._reference_mps = speed_mps
        self._integral_mps2 = 0.0

    def pedals(
        self, speed_mps: float, target_mps: float, acceleration_mps2: float, deceleration_mps2: float, dt_s: float
    ) -> tuple[float, float]:
        """Throttle and brake, each 0 to 1, for the next tick.

        Args:
            speed_mps: present speed along the heading.
            target_mps: speed to get to.
            acceleration_mps2: at most this fast up,
            deceleration_mps2: and this fast down.
            dt_s: the tick.
        """
        if target_mps < _STANDSTILL_MPS and speed_mps < _STANDSTILL_MPS:
            self._reference_mps, self._integral_mps2 = 0.0, 0.0
            return 0.0, 1.0
        before = min(max(self._reference_mps, speed_mps - _MAX_LAG_MPS), speed_mps + _MAX_LAG_MPS)
        step = min(max(target_mps - before, -deceleration_mps2 * dt_s), acceleration_mps2 * dt_s)
        self._reference_mps = max(before + step, 0.0)
        error = self._reference_mps - speed_mps
        asked = step / dt_s + _GAIN_PER_S * error + self._integral_mps2
        # the integral holds a steady speed against drag and slopes; it must not remember a hard braking
        if abs(step / dt_s) < 1.0:
            self._integral_mps2 = min(max(self._integral_mps2 + _INTEGRAL_PER_S2 * error * dt_s, -2.0), 2.0)
        if target_mps < _STANDSTILL_MPS:  # a foot stays on the brake: no rolling out, no creeping
            return 0.0, min(max(-asked / _FULL_BRAKE_MPS2, 0.15), 1.0)
        if asked > -_COASTING_MPS2:
            return min(max((asked + _COASTING_MPS2) / (_FULL_THROTTLE_MPS2 + _COASTING_MPS2), 0.0), 1.0), 0.0
        return 0.0, min((-asked - _COASTING_MPS2) / _FULL_BRAKE_MPS2, 1.0)


@dataclass(frozen=True)
class Steering:
    """The steering of a vehicle: wheelbase, greatest wheel angle, and the share of it that is left at each speed."""

    wheelbase_m: float
    max_angle_rad: float
    curve_kmh: tuple[tuple[float, float], ...]

    @staticmethod
    def of(vehicle: carla.Vehicle, length_m: float) -> Steering:
        """Read from the vehicle's physics control; wheels that are not in place yet give a usual wheelbase."""
        physics = vehicle.get_physics_control()
        points = np.array([[wheel.position.x, wheel.position.y] for wheel in physics.wheels]).reshape(-1, 2) / 100.0
        spread = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)).max() if len(points) > 1 else 0.0
        track = np.hypot(*(points[2] - points[3])) if len(points) == 4 else 0.0
        wheelbase = math.sqrt(max(spread**2 - track**2, 0.0))
        angle = max((wheel.max_steer_angle for wheel in physics.wheels), default=70.0)
        curve = tuple((float(knot.x), float(knot.y)) for knot in physics.steering_curve) or ((0.0, 1.0),)
        usual = 0.4 * length_m < wheelbase < 0.9 * length_m
        return Steering(wheelbase if usual else 0.62 * length_m, math.radians(max(float(angle), 1.0)), curve)

    def command(self, left_rad: float, speed_mps: float) -> float:
        """CARLA's steer, -1 to 1 and positive to the right, for a wheel angle to the left."""
        speeds, shares = zip(*self.curve_kmh, strict=True)
        share = float(np.interp(speed_mps * 3.6, speeds, shares))
        return min(max(-left_rad / (self.max_angle_rad * max(share, 0.05)), -1.0), 1.0)


def look_ahead_m(speed_mps: float) -> float:
    """How far ahead a driver aims."""
    return max(3.5, 0.55 * speed_mps)


def pure_pursuit_rad(ahead_m: float, left_m: float, wheelbase_m: float) -> float:
    """Wheel angle, positive to the left, that takes the rear axle on a circle through an aim point.

    Source: R. C. Coulter, Implementation of the pure pursuit path tracking algorithm, CMU-RI-TR-92-01, 1992.

    Args:
        ahead_m: the aim point in the rear axle's frame, along the heading,
        left_m: and to its left.
        wheelbase_m: distance between the axles.
    """
    return math.atan2(2.0 * wheelbase_m * left_m, max(ahead_m**2 + left_m**2, 1e-6))
