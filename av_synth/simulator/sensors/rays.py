"""Lidars and radars: scans of the ray scene as messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.simulator.protocol import bodies
from av_synth.simulator.raycast import RayScene, lidar, radar
from av_synth.simulator.raycast.fan import Lidar
from av_synth.simulator.raycast.turn import turn
from av_synth.simulator.scene import Scene
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.lidars import HeadSpec, LidarSpec, Losses
from av_synth.simulator.sensors.spec import GridRadarSpec, RadarSpec
from av_synth.simulator.world.level_cars import FIRST_LEVEL_ID

_MAX_RAYS = 4_000_000  # of one sensor on one frame: half a gigabyte while they are traced


def expose_lidar(rays: RayScene, scene: Scene, exposure: Exposure, spec: LidarSpec) -> Message:
    """One tick of a lidar of either kind. Where it begins follows from the time since its spawn.

    Raises:
        DataError: if it would fire too many rays.
    """
    pattern = spec.pattern
    _check_rays(exposure, pattern.points_per_second)
    start_deg = _start_deg(exposure, pattern)
    found = lidar.scan(rays, scene, exposure.world_from_sensor, pattern, exposure.delta_s, start_deg)
    cuts = np.cumsum(found.counts)[:-1]
    angle_rad = math.radians(found.end_deg)
    if spec.losses is None:
        points: npt.NDArray[np.void] = np.zeros(len(found.points_m), dtype=bodies.SEMANTIC_POINT)
        points["xyz"], points["cos"] = found.points_m, found.cos_incidence
        points["actor_id"] = np.where(found.actor_id < FIRST_LEVEL_ID, found.actor_id, 0)
        points["tag"] = found.tag
        return exposure.message(bodies.semantic_lidar(angle_rad, np.split(points, cuts)))
    kept, rows = _weaken(found.points_m, spec.losses, exposure.sensor.random(exposure.frame))
    channels = [part[keep] for part, keep in zip(np.split(rows, cuts), np.split(kept, cuts), strict=True)]
    return exposure.message(bodies.lidar(angle_rad, channels))


def _start_deg(exposure: Exposure, pattern: Lidar) -> float:
    """CARLA's horizontal angle at the beginning of the frame."""
    age_s = exposure.elapsed_s - exposure.delta_s - exposure.sensor.begun_s
    return round(pattern.turned_deg(age_s), 6) % pattern.horizontal_fov_deg


def expose_head(rays: RayScene, scene: Scene, exposure: Exposure, spec: HeadSpec) -> Message:
    """One tick of a lidar whose beams are told one by one.

    Raises:
        DataError: if it would fire too many rays, or a column's beams when the tick is over.
    """
    head, pattern = spec.head, spec.head.lidar
    _check_rays(exposure, pattern.points_per_second)
    start_deg = _start_deg(exposure, pattern)
    made = turn(
        rays, scene, head, exposure.world_from_sensor, exposure.last_world_from_sensor, exposure.delta_s, start_deg
    )
    columns, met = made.fan.columns, made.candidates
    late_s = max(head.firing_s, default=0.0) * columns - exposure.delta_s
    if late_s > 1e-9:
        raise DataError(
            f"sensor {exposure.sensor.actor_id}: avsynth.firing_us takes longer than one of {columns} columns in a "
            f"tick of {exposure.delta_s:g} s; want {exposure.delta_s / columns * 1e6:.2f} us at most"
        )
    hits: npt.NDArray[np.void] = np.empty(len(met.beam), dtype=bodies.SEMANTIC_POINT)
    facts = np.empty_like(hits)
    for k, values in enumerate((made.time_s.take(met.beam), met.weight, met.transmission)):
        hits["xyz"][:, k], facts["xyz"][:, k] = met.points_m[:, k], values
    hits["cos"], hits["tag"] = met.cos_incidence, met.tag
    hits["actor_id"] = met.actor_id * (met.actor_id < FIRST_LEVEL_ID)
    facts["cos"], facts["actor_id"], facts["tag"] = made.fan.column.take(met.beam), met.number, met.material
    counts = np.diff(np.searchsorted(met.beam, columns * np.arange(pattern.channels + 1))).tolist()
    angle_rad = math.radians((start_deg + pattern.turned_deg(exposure.delta_s)) % pattern.horizontal_fov_deg)
    return exposure.message(bodies.beams(angle_rad, counts, hits, facts))


def _weaken(
    points_m: npt.NDArray[np.float32], losses: Losses, random: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """CARLA's losses and noise: which points stay (N,), and x, y, z, intensity (N, 4) of all.

    Source: CARLA 0.9.16, Sensor/RayCastLidar.cpp: intensity from the range alone; losses at a general rate, and more
    of them the weaker a point is; noise along the ray.
    """
    range_m = np.linalg.norm(points_m, axis=1)
    intensity = np.exp(-losses.attenuation_per_m * range_m)
    rows: npt.NDArray[np.float32] = np.column_stack([points_m, intensity]).astype(np.float32)
    kept: npt.NDArray[np.bool_] = random.random(len(rows)) >= losses.drop_rate
    if losses.drop_zero_intensity > 0.0 and losses.drop_intensity_limit > 0.0:
        chance = 1.0 - losses.drop_zero_intensity * (1.0 - intensity / losses.drop_intensity_limit)
        kept &= (intensity > losses.drop_intensity_limit) | (random.random(len(rows)) < chance)
    if losses.noise_m > 0.0:
        longer = 1.0 + random.normal(0.0, losses.noise_m, len(rows)) / np.maximum(range_m, 1e-3)
        rows[:, :3] *= longer[:, None].astype(np.float32)
    return kept, rows


def expose_radar(rays: RayScene, scene: Scene, exposure: Exposure, spec: RadarSpec) -> Message:
    """One tick of a radar; its own vehicle is transparent to it.

    Raises:
        DataError: if it would fire too many rays.
    """
    _check_rays(exposure, spec.points_per_second)
    found = radar.scan(
        rays,
        scene,
        exposure.world_from_sensor,
        spec.pattern,
        points=int(spec.points_per_second * exposure.delta_s + 1e-9),
        sensor_velocity_mps=exposure.velocity_mps,
        frame=exposure.sensor.age(exposure.frame),
        key=exposure.sensor.seed,
        ignore=frozenset({exposure.sensor.parent_id}),
    )
    fields: list[npt.NDArray[Any]] = [found.velocity_mps, found.azimuth_rad, found.altitude_rad, found.depth_m]
    return exposure.message(bodies.radar(*(np.asarray(field, dtype=np.float64) for field in fields)))


def expose_grid_radar(rays: RayScene, scene: Scene, exposure: Exposure, spec: GridRadarSpec) -> Message:
    """One scan of a radar whose rays are a grid; its own vehicle is transparent to it."""
    parent = exposure.sensor.parent_id
    found = radar.grid_scan(
        rays, scene, exposure.world_from_sensor, spec.grid, exposure.velocity_mps, frozenset({parent})
    )
    hits: npt.NDArray[np.void] = np.zeros(len(found.points_m), dtype=bodies.SEMANTIC_POINT)
    hits["xyz"], hits["cos"] = found.points_m, found.cos_incidence
    hits["actor_id"] = np.where(found.actor_id < FIRST_LEVEL_ID, found.actor_id, 0)
    hits["tag"] = found.tag
    return exposure.message(bodies.radar_hits(hits, found.range_rate_mps, found.material, found.normal_rad, found.ray))


def _check_rays(exposure: Exposure, points_per_second: int) -> None:
    rays = points_per_second * exposure.delta_s
    if rays > _MAX_RAYS:
        raise DataError(
            f"sensor {exposure.sensor.actor_id}: {rays:.0f} rays in a tick of {exposure.delta_s:g} s; "
            f"want {_MAX_RAYS} at most: fewer points_per_second, or a shorter tick"
        )
