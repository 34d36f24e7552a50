"""GNSS, IMU and collisions: small sensors that need no rays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array, yaw
from av_synth.simulator.protocol import bodies
from av_synth.simulator.protocol.geography import geolocation
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.spec import GnssSpec, ImuSpec


def expose_gnss(exposure: Exposure, spec: GnssSpec, reference_deg: tuple[float, float]) -> Message:
    """Position with CARLA's bias and Gaussian noise."""
    true = geolocation(reference_deg, exposure.world_from_sensor[:3, 3])
    noise = exposure.sensor.random(exposure.frame).standard_normal(3)
    latitude, longitude, altitude = (
        float(t + b + s * n) for t, b, s, n in zip(true, spec.bias, spec.stddev, noise, strict=True)
    )
    return exposure.message(bodies.gnss(latitude, longitude, altitude))


def expose_imu(
    exposure: Exposure, spec: ImuSpec, acceleration_mps2: Array, angular_radps: Array, gravity_mps2: float
) -> Message:
    """What an accelerometer (gravity included), a gyroscope and a compass at the sensor's pose say.

    Args:
        exposure: where and when.
        spec: noise.
        acceleration_mps2: (3,), world axes, of the point where the sensor sits.
        angular_radps: (3,), world axes.
        gravity_mps2: pulls down.
    """
    sensor_from_world = exposure.world_from_sensor[:3, :3].T
    pull = sensor_from_world @ (acceleration_mps2 + np.array([0.0, 0.0, gravity_mps2]))
    turn = sensor_from_world @ angular_radps
    noise = exposure.sensor.random(exposure.frame).standard_normal((2, 3))
    compass = (math.pi / 2.0 - yaw(exposure.world_from_sensor)) % (2.0 * math.pi)
    accel_error = np.array(spec.accel_stddev) * noise[0]
    gyro_error = np.array(spec.gyro_bias) + np.array(spec.gyro_stddev) * noise[1]
    return exposure.message(bodies.imu(pull, turn, compass, accel_error, gyro_error))


def expose_collision(exposure: Exposure, actor: Sequence[Any], other: Sequence[Any], impulse_ns: Array) -> Message:
    """One contact of the parent: both sides as wire Actors, and the impulse (3,) in world axes.

    Raises:
        DataError: if the impulse is not finite.
    """
    if not np.isfinite(impulse_ns).all():
        raise DataError(f"collision of actor {exposure.sensor.parent_id}: impulse {impulse_ns.tolist()}")
    return exposure.message(bodies.collision(list(actor), list(other), impulse_ns))
