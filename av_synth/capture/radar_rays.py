"""What rays of radars that are devices met: of `avsynth.radar.device`, or of what a stock CARLA has in its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from av_synth.capture.decode import SEMANTIC_DETECTION, radar_scan
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.carla import flip_y
from av_synth.geometry.transforms import Array, invert
from av_synth.log.state import WorldState
from av_synth.rig.model import Radar
from av_synth.sensing.materials import UNKNOWN
from av_synth.sensing.radar_model import RadarDevice, RadarHits
from av_synth.sensing.radar_rays import RayGrid, ray_grid
from av_synth.sensing.tags import Tag

RAYS, STOCK = "avsynth.radar.device", "sensor.other.radar"
_STOCK_RAYS = 6000  # of a scan of a stock radar that stands in for a device
_STOCK_INCIDENCE = 0.5  # cosine: nobody tells
_BOX_MARGIN_M = 0.2
# CARLA's CityObjectLabel by nuScenes' category, for what a stock radar met inside a box
_TAGS = {
    **dict.fromkeys(("vehicle.car", "vehicle.emergency.police"), Tag.CAR),
    **dict.fromkeys(
        ("vehicle.truck", "vehicle.construction", "vehicle.trailer", "vehicle.emergency.ambulance"), Tag.TRUCK
    ),
    **dict.fromkeys(("vehicle.bus.rigid", "vehicle.bus.bendy"), Tag.BUS),
    "vehicle.motorcycle": Tag.MOTORCYCLE,
    "vehicle.bicycle": Tag.BICYCLE,
}
_GROUND_M = 0.15  # how high over the ground under the ego a hit of nothing known is still ground


def grid_of(radar: Radar, device: RadarDevice) -> RayGrid:
    """The rays of a radar."""
    far_fov = min(device.far_fov_deg, radar.horizontal_fov_deg)
    return RayGrid(
        radar.horizontal_fov_deg,
        radar.vertical_fov_deg,
        radar.range_m,
        min(device.near_range_m, radar.range_m),
        far_fov,
    )


def ray_attributes(grid: RayGrid) -> dict[str, str]:
    """What `avsynth.radar.device` is told."""
    return {
        "horizontal_fov": repr(grid.horizontal_fov_deg),
        "vertical_fov": repr(grid.vertical_fov_deg),
        "range": repr(grid.range_m),
        "avsynth.near_range": repr(grid.near_range_m),
        "avsynth.far_fov": repr(grid.far_fov_deg),
        "avsynth.azimuth_step": repr(grid.steps_deg[0]),
        "avsynth.far_azimuth_step": repr(grid.steps_deg[1]),
        "avsynth.rows": str(grid.rows),
    }


def stock_attributes(radar: Radar, tick_us: int) -> dict[str, str]:
    """What CARLA's own radar is told: a ray for each point that may come of it, or many for a device."""
    rays = radar.points if radar.device is None else _STOCK_RAYS
    return {
        "horizontal_fov": str(radar.horizontal_fov_deg),
        "vertical_fov": str(radar.vertical_fov_deg),
        "range": str(radar.range_m),
        "points_per_second": str(round(rays * 1e6 / tick_us)),
    }


def ray_hits(measurement: Any, grid: RayGrid) -> RadarHits:
    """What `avsynth.radar.device` met: a channel of hits, and one of range rate, material, normal and ray of each."""
    rows = np.frombuffer(measurement.raw_data, dtype=SEMANTIC_DETECTION)
    hits, more = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    points = flip_y(hits["xyz"])
    range_m = np.linalg.norm(points, axis=1)
    return RadarHits(
        directions=(points / np.maximum(range_m, 1e-6)[:, None]).astype(np.float32),
        range_m=range_m.astype(np.float32),
        range_rate_mps=more["xyz"][:, 0].copy(),
        cos_incidence=hits["cos"].copy(),
        normal_rad=more["xyz"][:, 2].copy(),
        steradian=ray_grid(grid).steradian[np.rint(more["cos"]).astype(np.int64)],
        tag=hits["tag"].astype(np.uint8),
        material=more["xyz"][:, 1].astype(np.uint8),
        actor_id=hits["actor_id"].copy(),
    )


def stock_hits(measurement: Any, radar: Radar, world_from_ego: Array, ego_id: int, state: WorldState) -> RadarHits:
    """What CARLA's radar met, which tells neither whom nor what.

    Whom follows from the boxes that hold the points; what is in none of them is ground where it is as low as the ego
    stands, and a thing of no kind above. Rays are spread evenly over the radius of an elliptic cone, so each stands for
    more the farther out it is. Incidence is taken for 60 degrees. The ego's own body, which the rays of a stock radar
    meet if it is mounted inside, is left out.
    """
    scan = radar_scan(measurement)
    range_m = np.maximum(np.linalg.norm(scan.points_m, axis=1), 1e-6)
    world_from_radar = world_from_ego @ radar.mount.ego_from_sensor
    actor_id = np.zeros(len(range_m), dtype=np.uint32)
    height = (scan.points_m @ (radar.mount.ego_from_sensor[:3, :3].T)[:, 2]) + radar.mount.translation_m[2]
    tag = np.where(height < _GROUND_M, Tag.ROADS, Tag.STATIC).astype(np.uint8)
    for each, info in sorted(state.infos.items()):
        radar_from_box = invert(world_from_radar) @ state.world_from_box(each)
        size = np.asarray(info.size_lwh_m) + 2 * _BOX_MARGIN_M
        if np.linalg.norm(radar_from_box[:3, 3]) > radar.range_m + np.linalg.norm(size):
            continue
        inside = points_inside(radar_from_box, size, scan.points_m)
        actor_id[inside] = each
        tag[inside] = _tag(info.category)
    toward = scan.points_m / range_m[:, None]
    half = np.tan(np.radians([radar.horizontal_fov_deg / 2.0, radar.vertical_fov_deg / 2.0]))
    ahead = np.maximum(toward[:, 0], 1e-6)
    radius = np.hypot(toward[:, 1] / ahead / half[0], toward[:, 2] / ahead / half[1])
    per_ray = 2.0 * np.pi * half[0] * half[1] * radius * ahead**3 / _STOCK_RAYS
    kept = np.flatnonzero(actor_id != ego_id)
    return RadarHits(
        directions=toward[kept].astype(np.float32),
        range_m=range_m[kept].astype(np.float32),
        range_rate_mps=scan.range_rate_mps[kept],
        cos_incidence=np.full(len(kept), _STOCK_INCIDENCE, dtype=np.float32),
        normal_rad=np.full(len(kept), np.nan, dtype=np.float32),
        steradian=per_ray[kept].astype(np.float32),
        tag=tag[kept],
        material=np.full(len(kept), UNKNOWN, dtype=np.uint8),
        actor_id=actor_id[kept],
    )


def _tag(category: str) -> int:
    return _TAGS.get(category, Tag.PEDESTRIANS if category.startswith("human.") else Tag.STATIC)
