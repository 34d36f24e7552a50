"""Radars: CARLA's, and one of a dense grid of rays.

CARLA's fires rays at random inside an elliptic cone and tells range, angles and relative radial speed.

Source: CARLA 0.9.16, Sensor/Radar.cpp: radius and angle of each ray are uniform, so rays crowd in the middle; velocity
is that of the target minus that of the sensor along the ray: negative when they approach. CARLA's azimuth is positive
to the right; here it is positive to the left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.radar_rays import RayGrid, ray_grid
from av_synth.simulator.raycast.trace import Float32s, RayScene
from av_synth.simulator.scene import Scene


@dataclass(frozen=True)
class Radar:
    """CARLA's radar attributes that shape its rays."""

    horizontal_fov_deg: float
    vertical_fov_deg: float
    range_m: float


@dataclass(frozen=True)
class RadarScan:
    """Detections of one tick, in the order of their rays.

    Attributes:
        velocity_mps: (M,) float32, of the target against the sensor along the ray; negative when approaching.
        azimuth_rad: (M,) float32, positive to the left.
        altitude_rad: (M,) float32, positive upwards.
        depth_m: (M,) float32, distance.
    """

    velocity_mps: Float32s
    azimuth_rad: Float32s
    altitude_rad: Float32s
    depth_m: Float32s


def scan(
    rays: RayScene,
    scene: Scene,
    world_from_radar: Array,
    radar: Radar,
    *,
    points: int,
    sensor_velocity_mps: npt.ArrayLike,
    frame: int,
    key: int,
    ignore: frozenset[int] = frozenset(),
) -> RadarScan:
    """Fire `points` rays.

    Args:
        rays: the town and the bodies.
        scene: what stands where.
        world_from_radar: (4, 4), x forward, y left, z up.
        radar: field of view and range.
        points: rays to fire: int(points_per_second * dt) in CARLA.
        sensor_velocity_mps: (3,), world axes, of the radar itself: its vehicle's velocity and rotation at its mount.
        frame: of the simulator; seeds the rays with `key`.
        key: of the sensor: the same frame and key fire the same rays.
        ignore: actors that rays pass through: the radar's own vehicle.

    Raises:
        DataError: if the pose is not finite.
    """
    random = np.random.Generator(np.random.Philox(key=np.array([frame, key], dtype=np.uint64)))
    radius, angle = random.random(points), random.random(points) * (2 * np.pi)
    across = np.tan(np.radians(radar.horizontal_fov_deg / 2)) * radius * np.cos(angle)
    upward = np.tan(np.radians(radar.vertical_fov_deg / 2)) * radius * np.sin(angle)
    rays_radar = np.stack([np.ones(points), across, upward], axis=-1)
    length = np.linalg.norm(rays_radar, axis=1)
    rays_radar /= length[:, None]
    world = rays_radar @ world_from_radar[:3, :3].T
    hits = rays.trace(scene, world_from_radar[:3, 3], world, radar.range_m * length, ignore)
    met = np.isfinite(hits.range_m)
    relative = hits.surface_velocity_mps[met] - np.asarray(sensor_velocity_mps, dtype=np.float64)
    return RadarScan(
        velocity_mps=np.einsum("nj,nj->n", relative, world[met]).astype(np.float32),
        azimuth_rad=np.arctan2(rays_radar[met, 1], rays_radar[met, 0]).astype(np.float32),
        altitude_rad=np.arcsin(rays_radar[met, 2]).astype(np.float32),
        depth_m=hits.range_m[met],
    )


@dataclass(frozen=True)
class GridScan:
    """What the rays of a grid met, (M,) each, in the order of the rays.

    Attributes:
        points_m: (M, 3) float32, radar axes.
        cos_incidence: float32, cosine between the ray back and the surface's normal.
        actor_id: uint32, 0 for the town.
        tag, material: uint8, `Tag` and `Material`.
        range_rate_mps: float32, of the surface against the radar, rotations of both included; below 0 it comes nearer.
        normal_rad: float32, where the surface's normal points, seen from above in radar axes, to the left.
        ray: int, its number in the grid.
    """

    points_m: Float32s
    cos_incidence: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    material: npt.NDArray[np.uint8]
    range_rate_mps: Float32s
    normal_rad: Float32s
    ray: npt.NDArray[np.intp]


def grid_scan(
    rays: RayScene,
    scene: Scene,
    world_from_radar: Array,
    grid: RayGrid,
    sensor_velocity_mps: npt.ArrayLike,
    ignore: frozenset[int] = frozenset(),
) -> GridScan:
    """Fire the rays of a grid, the same in every scan.

    Args:
        rays: the town and the bodies.
        scene: what stands where.
        world_from_radar: (4, 4), x forward, y left, z up.
        grid: the rays.
        sensor_velocity_mps: (3,), world axes, of the radar itself, its vehicle's rotation included.
        ignore: actors that rays pass through: the radar's own vehicle.

    Raises:
        DataError: if the pose is not finite.
    """
    fired = ray_grid(grid)
    world = fired.directions @ world_from_radar[:3, :3].T.astype(np.float32)
    hits = rays.trace(scene, world_from_radar[:3, 3], world, fired.limit_m, ignore)
    met = np.flatnonzero(np.isfinite(hits.range_m) & (hits.range_m > fired.from_m))
    normal = hits.normal[met] @ world_from_radar[:3, :3].astype(np.float32)
    relative = hits.surface_velocity_mps[met] - np.asarray(sensor_velocity_mps, dtype=np.float64)
    return GridScan(
        points_m=fired.directions[met] * hits.range_m[met, None],
        cos_incidence=hits.cos_incidence[met],
        actor_id=hits.actor_id[met],
        tag=hits.tag[met],
        material=hits.material[met],
        range_rate_mps=np.einsum("nj,nj->n", relative, world[met]).astype(np.float32),
        normal_rad=np.arctan2(normal[:, 1], normal[:, 0]),
        ray=met,
    )
