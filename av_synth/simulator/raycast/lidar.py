"""A spinning lidar as CARLA has it (its rays: `fan`), without noise or drop-off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.raycast.fan import Head, Lidar, Watch, fan
from av_synth.simulator.raycast.path import Path
from av_synth.simulator.raycast.trace import Float32s, RayScene
from av_synth.simulator.scene import Scene


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
    head = Head(lidar)
    spread = fan(head, delta_s, start_deg)
    world = spread.directions @ world_from_lidar[:3, :3].T.astype(np.float32)
    watch = Watch(spread, Path(world_from_lidar), head)
    hits = rays.trace(scene, world_from_lidar[:3, 3], world, lidar.range_m, near=watch)
    met = np.flatnonzero(np.isfinite(hits.range_m))
    return LidarScan(
        points_m=spread.directions[met] * hits.range_m[met, None],
        cos_incidence=hits.cos_incidence[met],
        actor_id=hits.actor_id[met],
        tag=hits.tag[met],
        counts=np.bincount(met // max(spread.columns, 1), minlength=lidar.channels).astype(np.uint32),
        end_deg=(start_deg + lidar.turned_deg(delta_s)) % lidar.horizontal_fov_deg,
    )
