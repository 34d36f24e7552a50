"""The Ackermann controller: target speed, acceleration and wheel angle to pedals, once a step.

Two loops as CARLA documents them: the speed error gives a target acceleration within the asked limit, the
acceleration error moves the pedal, positive for throttle, negative for brake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from av_synth.simulator.world.model import AckermannControl, AckermannSettings, VehicleControl

_FULL_STOP_MPS = 0.1
_PEDAL_ACCEL_MPS2 = 3.0  # full throttle, nearly: the pedal starts from target acceleration over this
_PEDAL_BRAKE_MPS2 = 8.0


@dataclass
class _Loop:
    """A PID loop that keeps its integral and last error."""

    integral: float = 0.0
    last: float | None = None

    def run(self, error: float, kp: float, ki: float, kd: float, dt: float) -> float:
        self.integral = max(-10.0, min(10.0, self.integral + error * dt))
        slope = 0.0 if self.last is None else (error - self.last) / dt
        self.last = error
        return kp * error + ki * self.integral + kd * slope


@dataclass
class AckermannController:
    """State of one vehicle's controller."""

    speed: _Loop = field(default_factory=_Loop)
    acceleration: _Loop = field(default_factory=_Loop)
    steer_rad: float = 0.0
    target_mps2: float = 0.0
    trim: float = 0.0

    def control(
        self,
        target: AckermannControl,
        settings: AckermannSettings,
        max_steer_rad: float,
        speed_mps: float,
        acceleration_mps2: float,
        dt: float,
    ) -> VehicleControl:
        """Pedals for the next step, given forward speed and acceleration along the heading."""
        self._steer(target, max_steer_rad, dt)
        # the limit may have shrunk below where the wheels are
        steer = max(-1.0, min(1.0, self.steer_rad / max_steer_rad)) if max_steer_rad > 0.0 else 0.0
        if abs(target.speed_mps) < _FULL_STOP_MPS and abs(speed_mps) < _FULL_STOP_MPS:
            self.trim, self.target_mps2 = 0.0, 0.0
            return VehicleControl(steer=steer, brake=1.0)
        reverse = target.speed_mps < 0.0
        sign = -1.0 if reverse else 1.0
        error = sign * (target.speed_mps - speed_mps)
        s = settings
        wanted = self.speed.run(error, s.speed_kp / dt, s.speed_ki, s.speed_kd, dt)
        if target.acceleration_mps2 > 0.0:
            wanted = max(-target.acceleration_mps2, min(target.acceleration_mps2, wanted))
        if target.jerk_mps3 > 0.0:
            change = target.jerk_mps3 * dt
            wanted = max(self.target_mps2 - change, min(self.target_mps2 + change, wanted))
        self.target_mps2 = max(-_PEDAL_BRAKE_MPS2, min(_PEDAL_ACCEL_MPS2, wanted))
        miss = self.target_mps2 - sign * acceleration_mps2
        self.trim += self.acceleration.run(miss, s.accel_kp, s.accel_ki, s.accel_kd * dt, dt)
        self.trim = max(-0.5, min(0.5, self.trim))
        start = self.target_mps2 / (_PEDAL_ACCEL_MPS2 if self.target_mps2 >= 0.0 else _PEDAL_BRAKE_MPS2)
        pedal = max(-1.0, min(1.0, start + self.trim))
        return VehicleControl(throttle=max(pedal, 0.0), brake=max(-pedal, 0.0), steer=steer, reverse=reverse)

    def _steer(self, target: AckermannControl, max_steer_rad: float, dt: float) -> None:
        wanted = max(-max_steer_rad, min(max_steer_rad, target.steer_rad))
        if target.steer_speed_radps > 0.0 and math.isfinite(target.steer_speed_radps):
            change = target.steer_speed_radps * dt
            wanted = max(self.steer_rad - change, min(self.steer_rad + change, wanted))
        self.steer_rad = wanted
