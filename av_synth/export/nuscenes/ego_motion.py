"""How the ego moved between the ticks of the log: pose, velocity, specific force and turning at any time.

The log has a pose and a velocity at every tick. Positions between two ticks lie on the cubic Hermite curve that has
the logged velocities at its ends; orientations turn at an even rate (slerp); velocities, and the accelerations and
rates that are central differences of the log, run straight from tick to tick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.export.nuscenes.values import Offset
from av_synth.geometry.transforms import Array
from av_synth.store import Run

GRAVITY_MPS2 = 9.80665
"""Standard gravity (BIPM, The International System of Units)."""

_MARGIN_US = 20_000
"""How far the motion is carried on before the first and after the last tick, with the acceleration it has there."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Motion:
    """The ego's rear axle, on the ground, at N times.

    Attributes:
        position_m: (N, 3), map coordinates.
        orientation: (N, 4), unit quaternions w, x, y, z, `map_from_ego`.
        velocity_mps: (N, 3), ego axes.
        specific_force_mps2: (N, 3), ego axes: acceleration as an accelerometer feels it, +9.8 along z at rest.
        rotation_rate_radps: (N, 3), ego axes.
    """

    position_m: Array
    orientation: Array
    velocity_mps: Array
    specific_force_mps2: Array
    rotation_rate_radps: Array


class EgoMotion:
    """The motion of a run's ego.

    Attributes:
        time_us: (N,) of the ticks, microseconds since the first recorded frame.
    """

    def __init__(self, run: Run, offset_m: Offset) -> None:
        """Read the poses of a run, shifted into the map."""
        table = run.table("ego_poses")

        def columns(*names: str) -> Array:
            return np.stack([table.column(name).to_numpy() for name in names], axis=1)

        self.frame: Times = table.column("frame").to_numpy().astype(np.int64)
        self.time_us: Times = table.column("time_us").to_numpy().astype(np.int64)
        time_s = self.time_us * 1e-6
        position = columns("x_m", "y_m", "z_m") + np.array([*offset_m, 0.0])
        turn = _continuous(columns("qw", "qx", "qy", "qz"))
        velocity = columns("vx_mps", "vy_mps", "vz_mps")
        acceleration = _slope(velocity, time_s)
        rate = _rates(turn, time_s)
        # one more knot at either end, so that messages lie on both sides of the first and the last keyframe
        step = _MARGIN_US * 1e-6
        ends = np.array([-step, step])[:, None]
        edge = [0, -1]
        outer = (
            position[edge] + velocity[edge] * ends + acceleration[edge] * ends**2 / 2,
            _unit(_product(turn[edge], _turn_of(rate[edge] * ends))),
            velocity[edge] + acceleration[edge] * ends,
            acceleration[edge],
            rate[edge],
        )
        knots = [
            np.concatenate([far[:1], inner, far[1:]])
            for far, inner in zip(outer, (position, turn, velocity, acceleration, rate), strict=True)
        ]
        self._time_s = np.concatenate([[time_s[0] - step], time_s, [time_s[-1] + step]])
        self._position, self._turn, self._velocity, self._acceleration, self._rate = knots

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
        between = _vector_of(_product(_conjugate(self._turn[left]), self._turn[right]))
        orientation = _unit(_product(self._turn[left], _turn_of(between * share)))
        up = np.array([0.0, 0.0, GRAVITY_MPS2])
        return Motion(
            position,
            orientation,
            _into(orientation, straight(self._velocity)),
            _into(orientation, straight(self._acceleration) + up),
            straight(self._rate),
        )


def _slope(values: Array, time_s: Array) -> Array:
    """Central differences (N, 3) per second; 0 for a log of one tick."""
    return np.gradient(values, time_s, axis=0) if len(time_s) > 1 else np.zeros_like(values)


def _rates(turn: Array, time_s: Array) -> Array:
    """Turning (N, 3) in body axes, rad/s, at each tick: the mean of the rates before and after it."""
    if len(time_s) == 1:
        return np.zeros((1, 3))
    between = _vector_of(_product(_conjugate(turn[:-1]), turn[1:])) / np.diff(time_s)[:, None]
    return (np.concatenate([between[:1], between]) + np.concatenate([between, between[-1:]])) / 2


def _continuous(turn: Array) -> Array:
    """The same rotations with signs such that neighbours lie in one half of the sphere."""
    flips = np.where((turn[1:] * turn[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return turn * np.concatenate([[1.0], np.cumprod(flips)])[:, None]


def _product(a: Array, b: Array) -> Array:
    """Hamilton product of quaternions (N, 4)."""
    real = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(axis=1, keepdims=True)
    return np.concatenate([real, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + _cross(a[:, 1:], b[:, 1:])], axis=1)


def _cross(a: Array, b: Array) -> Array:
    """Cross product (N, 3): numpy's own takes ten times as long for short arrays."""
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _conjugate(turn: Array) -> Array:
    return turn * np.array([1.0, -1.0, -1.0, -1.0])


def _unit(turn: Array) -> Array:
    unit: Array = turn / np.linalg.norm(turn, axis=1, keepdims=True)
    return unit


def _turn_of(vector: Array) -> Array:
    """Quaternions (N, 4) of rotation vectors (N, 3) in radians."""
    angle = np.linalg.norm(vector, axis=1, keepdims=True)
    return np.concatenate([np.cos(angle / 2), vector * np.sinc(angle / (2 * np.pi)) / 2], axis=1)


def _vector_of(turn: Array) -> Array:
    """Rotation vectors (N, 3) in radians of unit quaternions (N, 4), the short way round."""
    turn = turn * np.where(turn[:, :1] < 0, -1.0, 1.0)
    sine = np.linalg.norm(turn[:, 1:], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, turn[:, :1])
    # angle / sine goes to 2 where nothing turns
    return turn[:, 1:] * np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)


def _into(turn: Array, vectors: Array) -> Array:
    """Vectors (N, 3) in map axes, turned into the axes of the bodies that have the orientations (N, 4)."""
    real, imaginary = turn[:, :1], -turn[:, 1:]
    cross = 2 * _cross(imaginary, vectors)
    turned: Array = vectors + real * cross + _cross(imaginary, cross)
    return turned
