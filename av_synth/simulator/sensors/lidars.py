"""What lidars are, read from their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from av_synth.simulator.protocol.bodies import SensorType
from av_synth.simulator.raycast.fan import Head, Lidar
from av_synth.simulator.sensors.attributes import Reader
from av_synth.simulator.world.errors import SpawnRefused

_HEAD = "avsynth.lidar.device"
LIDARS: Mapping[str, SensorType] = {
    "sensor.lidar.ray_cast": SensorType.LIDAR,
    "sensor.lidar.ray_cast_semantic": SensorType.SEMANTIC_LIDAR,
    _HEAD: SensorType.SEMANTIC_LIDAR,
}
MAX_POINTS_PER_SECOND = 20_000_000
_MAX_DIVERGENCE_MRAD = 100.0


@dataclass(frozen=True)
class Losses:
    """CARLA's model of a lidar's lost points and range noise.

    Attributes:
        attenuation_per_m: intensity is exp(-attenuation * range).
        drop_rate: share of points lost whatever they hit.
        drop_intensity_limit: points above this intensity are kept.
        drop_zero_intensity: share of points lost at intensity zero.
        noise_m: standard deviation of the range.
    """

    attenuation_per_m: float
    drop_rate: float
    drop_intensity_limit: float
    drop_zero_intensity: float
    noise_m: float


@dataclass(frozen=True)
class LidarSpec:
    """A spinning lidar: its rays, and what becomes of its points; `losses` is None for the semantic one."""

    pattern: Lidar
    losses: Losses | None


@dataclass(frozen=True)
class HeadSpec:
    """A lidar whose beams are told one by one."""

    head: Head


def read_lidar(read: Reader) -> LidarSpec | HeadSpec:
    """A lidar of any kind.

    Raises:
        SpawnRefused: a value is out of range, or beams are not in order.
    """
    pattern = _pattern(read)
    if read.blueprint_id == _HEAD:
        return HeadSpec(_head(read, pattern))
    return LidarSpec(pattern, _losses(read) if LIDARS[read.blueprint_id] is SensorType.LIDAR else None)


def _head(read: Reader, pattern: Lidar) -> Head:
    elevations = read.numbers("avsynth.elevations", pattern.channels, -90.0, 90.0)
    if any(upper < lower for upper, lower in pairwise(elevations)):
        raise SpawnRefused(f"{read.blueprint_id}: avsynth.elevations {elevations}; want the highest beam first")
    firing_us = read.numbers("avsynth.firing_us", pattern.channels, 0.0, 1e6)
    return Head(
        pattern,
        elevations,
        read.numbers("avsynth.azimuths", pattern.channels, -180.0, 180.0),
        tuple(each / 1e6 for each in firing_us),
        read.number("avsynth.divergence_mrad", 0.0, _MAX_DIVERGENCE_MRAD) / 1000.0,
        read.flag("avsynth.motion"),
    )


def _pattern(read: Reader) -> Lidar:
    return Lidar(
        channels=read.integer("channels", 1, 512),
        upper_deg=read.number("upper_fov", -90.0, 90.0),
        lower_deg=read.number("lower_fov", -90.0, 90.0),
        points_per_second=read.integer("points_per_second", 1, MAX_POINTS_PER_SECOND),
        rotation_frequency_hz=read.number("rotation_frequency", 0.01, 1000.0),
        range_m=read.number("range", 0.1, 10_000.0),
        horizontal_fov_deg=read.number("horizontal_fov", 0.1, 360.0),
    )


def _losses(read: Reader) -> Losses:
    return Losses(
        attenuation_per_m=read.number("atmosphere_attenuation_rate", 0.0, 10.0),
        drop_rate=read.number("dropoff_general_rate", 0.0, 1.0),
        drop_intensity_limit=read.number("dropoff_intensity_limit", 0.0, 1.0),
        drop_zero_intensity=read.number("dropoff_zero_intensity", 0.0, 1.0),
        noise_m=read.number("noise_stddev", 0.0, 1000.0),
    )
