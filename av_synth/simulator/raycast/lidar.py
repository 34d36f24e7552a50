"""A spinning lidar: CARLA's ray pattern, without noise or drop-off.

Source of the pattern: CARLA 0.9.16, Sensor/RayCastSemanticLidar.cpp: channels run from the top down; a tick fires
round(points_per_second * dt / channels) columns, evenly over the angle turned in the tick; the angle wraps within the
horizontal field of view, whose middle is straight ahead. CARLA's angle grows clockwise seen from above, so azimuth
falls here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.raycast.trace import Float32s, RayScene
from av_synth.simulator.scene import Scene

_MAX_KEPT_RAYS = 250_000  # 3 MB a pattern


@dataclass(frozen=True)
class Lidar:
    """CARLA's lidar attributes that shape its rays."""

    channels: int
    upper_deg: float
    lower_deg: float
    points_per_second: int
    rotation_frequency_hz: float
    range_m: float
    horizontal_fov_deg: float


@dataclass(frozen=True)
class LidarScan:
    """What one tick of a lidar returned: channel after channel from the top, in firing order; misses are left out.

    Attributes:
        points_m: (M, 3) float32, lidar frame (x forward, y left, z up).
        cos_incidence: (M,) float32, cosine between the ray back to the lidar and the surface's normal.
        actor_id: (M,) uint32, 0 for the town.
        tag: (M,) uint8, `Tag`.
        counts: (channels,) uint32, points of each channel.
        end_deg: CARLA's horizontal angle after the tick: the next scan's `start_deg`.
    """

    points_m: Float32s
    cos_incidence: Float32s
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint32]
    end_deg: float


def scan(
    rays: RayScene, scene: Scene, world_from_lidar: Array, lidar: Lidar, delta_s: float, start_deg: float = 0.0
) -> LidarScan:
    """Fire the rays of one tick of `delta_s`, beginning at CARLA's horizontal angle `start_deg` (0 is straight back).

    Args:
        rays: the town and the bodies.
        scene: what stands where.
        world_from_lidar: (4, 4), x forward, y left, z up.
        lidar: the pattern.
        delta_s: simulated time of the tick.
        start_deg: `end_deg` of the scan before.

    Raises:
        DataError: if the pose is not finite.
    """
    turned = lidar.rotation_frequency_hz * lidar.horizontal_fov_deg * delta_s
    columns = int(lidar.points_per_second * delta_s / lidar.channels + 0.5)
    pattern = _kept_pattern if columns * lidar.channels <= _MAX_KEPT_RAYS else _pattern
    directions = pattern(lidar, columns, turned, start_deg)
    world = directions @ world_from_lidar[:3, :3].T.astype(np.float32)
    hits = rays.trace(scene, world_from_lidar[:3, 3], world, lidar.range_m)
    met = np.flatnonzero(np.isfinite(hits.range_m))
    return LidarScan(
        points_m=directions[met] * hits.range_m[met, None],
        cos_incidence=-np.einsum("nj,nj->n", hits.normal[met], world[met]),
        actor_id=hits.actor_id[met],
        tag=hits.tag[met],
        counts=np.bincount(met // max(columns, 1), minlength=lidar.channels).astype(np.uint32),
        end_deg=(start_deg + turned) % lidar.horizontal_fov_deg,
    )


def _pattern(lidar: Lidar, columns: int, turned_deg: float, start_deg: float) -> Float32s:
    """Unit directions (channels * columns, 3) in the lidar frame, channel after channel from the top."""
    up = np.radians(np.linspace(lidar.upper_deg, lidar.lower_deg, lidar.channels))
    angle = start_deg + turned_deg / max(columns, 1) * np.arange(columns)
    azimuth = -np.radians(angle % lidar.horizontal_fov_deg - lidar.horizontal_fov_deg / 2)
    level, height = np.cos(up)[:, None], np.sin(up)[:, None]
    grid = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.broadcast_to(height, (len(up), columns))], -1)
    directions = grid.reshape(-1, 3).astype(np.float32)
    directions.setflags(write=False)
    return directions


_kept_pattern = lru_cache(maxsize=32)(_pattern)
