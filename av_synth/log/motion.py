"""How the ego moved between the ticks of the log: pose, velocity, specific force and turning at any time.

The log has a pose and a velocity at every tick. Positions between two ticks lie on the cubic Hermite curve that has
the logged velocities at its ends; orientations turn at an even rate (slerp); velocities, and the accelerations and
rates that are central differences of the log, run straight from tick to tick.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from av_synth.geometry import quaternions
from av_synth.geometry.transforms import Array

GRAVITY_MPS2 = 9.80665
"""Standard gravity (BIPM, The International System of Units)."""

_MARGIN_US = 20_000
"""How far the motion is carried on before the first and after the last tick, with the acceleration it has there."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Motion:
    """A point of the ego at N times: the ground under its rear axle, or what `at_point` makes of it.

    Attributes:
        position_m: (N, 3), in the axes of the poses that it is made from.
        orientation: (N, 4), unit quaternions w, x, y, z, from ego axes to those.
        velocity_mps: (N, 3), ego axes.
        specific_force_mps2: (N, 3), ego axes: acceleration as an accelerometer feels it, +9.8 along z at rest.
        rotation_rate_radps: (N, 3), ego axes.
        angular_acceleration_radps2: (N, 3), ego axes.
    """

    position_m: Array
    orientation: Array
    velocity_mps: Array
    specific_force_mps2: Array
    rotation_rate_radps: Array
    angular_acceleration_radps2: Array

    def at_point(self, point_m: npt.ArrayLike) -> Motion:
        """The motion of a point (3,) that is fixed to the ego, ego axes.

        Source: velocity and acceleration of a point of a rigid body, v + w x r and a + dw/dt x r + w x (w x r)
        (Goldstein, Classical Mechanics, chapter 4).
        """
        lever = np.broadcast_to(np.asarray(point_m, dtype=np.float64), self.position_m.shape)
        rate = self.rotation_rate_radps
        turned = quaternions.cross(rate, lever)
        return replace(
            self,
            position_m=self.position_m + quaternions.turned_by(self.orientation, lever),
            velocity_mps=self.velocity_mps + turned,
            specific_force_mps2=self.specific_force_mps2
            + quaternions.cross(self.angular_acceleration_radps2, lever)
            + quaternions.cross(rate, turned),
        )


class EgoMotion:
    """The motion of a run's ego.

    Attributes:
        frame, time_us: (N,) of the ticks, microseconds since the first recorded frame.
    """

    def __init__(self, frame: Times, time_us: Times, pose: Array, velocity_mps: Array) -> None:
        """Of a log.

        Args:
            frame: (N,), the number of each tick.
            time_us: (N,), when each was.
            pose: (N, 7), x, y, z and the quaternion w, x, y, z of the ego.
            velocity_mps: (N, 3), in the axes of the poses.
        """
        self.frame, self.time_us = frame, time_us
        time_s = time_us.astype(np.float64) * 1e-6
        position, velocity = pose[:, :3], velocity_mps
        turn = quaternions.continuous(pose[:, 3:])
        acceleration = _slope(velocity, time_s)
        rate = _rates(turn, time_s)
        gain = _slope(rate, time_s)
        # one more knot at either end, so that messages lie on both sides of the first and the last keyframe
        step = _MARGIN_US * 1e-6
        ends = np.array([-step, step])[:, None]
        edge = [0, -1]
        outer = (
            position[edge] + velocity[edge] * ends + acceleration[edge] * ends**2 / 2,
            quaternions.unit(quaternions.product(turn[edge], quaternions.turn_of(rate[edge] * ends))),
            velocity[edge] + acceleration[edge] * ends,
            acceleration[edge],
            rate[edge],
            gain[edge],
        )
        knots = [
            np.concatenate([far[:1], inner, far[1:]])
            for far, inner in zip(outer, (position, turn, velocity, acceleration, rate, gain), strict=True)
        ]
        self._time_s = np.concatenate([[time_s[0] - step], time_s, [time_s[-1] + step]])
        self._position, self._turn, self._velocity, self._acceleration, self._rate, self._gain = knots

    def grid(self, period_us: int) -> Times:
        """Times (N,), microseconds, at the multiples of a period that the log covers, the margins included."""
        first = -((_MARGIN_US - int(self.time_us[0])) // period_us)
        last = (int(self.time_us[-1]) + _MARGIN_US) // period_us
        return np.arange(first, last + 1, dtype=np.int64) * period_us

    def at(self, time_us: Times) -> Motion:
        """The motion at times (N,) within the log and its margins."""
        time_s = time_us * 1e-6
        right = np.clip(np.searchsorted(self._time_s, time_s), 1, len(self._time_s) - 1)
        left = right - 1
        length = (self._time_s[right] - self._time_s[left])[:, None]
        share = (time_s - self._time_s[left])[:, None] / length

        def straight(knots: Array) -> Array:
            mixed: Array = knots[left] * (1 - share) + knots[right] * share
            return mixed

        s2, s3 = share**2, share**3
        position = (
            (2 * s3 - 3 * s2 + 1) * self._position[left]
            + (s3 - 2 * s2 + share) * length * self._velocity[left]
            + (3 * s2 - 2 * s3) * self._position[right]
            + (s3 - s2) * length * self._velocity[right]
        )
        between = quaternions.vector_of(quaternions.product(quaternions.conjugate(self._turn[left]), self._turn[right]))
        orientation = quaternions.unit(quaternions.product(self._turn[left], quaternions.turn_of(between * share)))
        up = np.array([0.0, 0.0, GRAVITY_MPS2])
        return Motion(
            position,
            orientation,
            quaternions.turned_by(quaternions.conjugate(orientation), straight(self._velocity)),
            quaternions.turned_by(quaternions.conjugate(orientation), straight(self._acceleration) + up),
            straight(self._rate),
            straight(self._gain),
        )


def _slope(values: Array, time_s: Array) -> Array:
    """Central differences (N, 3) per second; 0 for a log of one tick."""
    return np.gradient(values, time_s, axis=0) if len(time_s) > 1 else np.zeros_like(values)


def _rates(turn: Array, time_s: Array) -> Array:
    """Turning (N, 3) in body axes, rad/s, at each tick: the mean of the rates before and after it."""
    if len(time_s) == 1:
        return np.zeros((1, 3))
    between = (
        quaternions.vector_of(quaternions.product(quaternions.conjugate(turn[:-1]), turn[1:]))
        / np.diff(time_s)[:, None]
    )
    return (np.concatenate([between[:1], between]) + np.concatenate([between, between[-1:]])) / 2
