"""3D boxes of everybody within range, with what the sensors got of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.capture import FrameSet
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import Array, invert
from av_synth.labels.visibility import Look, Visibility, visibility
from av_synth.log.categories import has_rider
from av_synth.log.state import ActorInfo
from av_synth.rig.model import MAIN_LIDAR, Lidar, Radar, Rig

_LABEL_RANGE_M = 80.0
# Boxes from the simulator touch the mesh, so that returns from flat faces lie on the faces and rounding decides. A
# centimetre on each side holds them all, as an annotator's box would.
BOX_MARGIN_M = 0.01
_MOVING_MPS = 0.2
_RIDDEN = ("vehicle.bicycle", "vehicle.motorcycle", "human.pedestrian.personal_mobility")
_SEATED = ("human.pedestrian.wheelchair", "human.pedestrian.stroller")


@dataclass(frozen=True)
class BoxLabel:
    """One annotation: `world_from_box` (4, 4) at the box's centre, size (3,) in metres, velocity (3,) in world axes."""

    actor_id: int
    category: str
    attribute: str
    visibility: Visibility
    world_from_box: Array
    size_lwh_m: Array
    velocity_mps: Array
    num_lidar_pts: int
    num_radar_pts: int


def label_boxes(frames: FrameSet, rig: Rig, looks: Mapping[str, Look], ego_id: int) -> tuple[BoxLabel, ...]:
    """Annotate a keyframe: every actor of a nuScenes category within 80 m of the ego, hidden ones included.

    Args:
        frames: the keyframe.
        rig: the rig that took it.
        looks: its label images, by camera channel.
        ego_id: the ego is not annotated.
    """
    state = frames.state
    ego_m = frames.world_from_ego[:3, 3]
    labels = []
    for actor_id in sorted(state.infos):
        info = state.infos[actor_id]
        world_from_box = state.world_from_box(actor_id)
        if actor_id == ego_id or not info.category:
            continue
        if np.linalg.norm(world_from_box[:2, 3] - ego_m[:2]) > _LABEL_RANGE_M:
            continue
        size = np.asarray(info.size_lwh_m) + 2 * BOX_MARGIN_M
        velocity = state.actors[actor_id].velocity_mps
        lidar, radar = _returns(frames, rig, world_from_box, size)
        labels.append(
            BoxLabel(
                actor_id,
                info.category,
                attribute(info, float(np.linalg.norm(velocity))),
                visibility(actor_id, info.category, world_from_box, size, looks),
                world_from_box,
                size,
                velocity,
                lidar,
                radar,
            )
        )
    return tuple(labels)


def attribute(info: ActorInfo, speed_mps: float) -> str:
    """The nuScenes attribute of an actor at a speed, or '' for categories that have none (animals, things).

    Source: nuScenes, docs/instructions_nuscenes.md: the rider status goes with personal mobility vehicles too; who is
    in a wheelchair or a stroller sits while that stands.
    """
    moving = speed_mps > _MOVING_MPS
    if info.category in _RIDDEN:
        return "cycle.with_rider" if has_rider(info.type_id) else "cycle.without_rider"
    if info.category.startswith("vehicle."):
        return "vehicle.moving" if moving else ("vehicle.parked" if info.parked else "vehicle.stopped")
    if info.category.startswith("human.pedestrian."):
        at_rest = "sitting_lying_down" if info.category in _SEATED else "standing"
        return "pedestrian.moving" if moving else f"pedestrian.{at_rest}"
    return ""


def _returns(frames: FrameSet, rig: Rig, world_from_box: Array, size_lwh_m: Array) -> tuple[int, int]:
    """Lidar and radar returns inside a box, counted in each sensor's frame on the points as they are stored."""

    def count(sensor: Lidar | Radar, points_m: npt.NDArray[np.float32]) -> int:
        sensor_from_world = invert(frames.world_from_ego @ sensor.mount.ego_from_sensor)
        return int(points_inside(sensor_from_world @ world_from_box, size_lwh_m, points_m).sum())

    # nuScenes counts the points of LIDAR_TOP, and of all radars; rain in a box is not of it
    turn = frames.lidars[MAIN_LIDAR]
    solid = turn.points_m[turn.is_surface]
    lidars = [count(one, solid) for one in rig.lidars if one.channel == MAIN_LIDAR]
    radars = [count(one, frames.radars[one.channel].points_m) for one in rig.radars if one.channel in frames.radars]
    return sum(lidars), sum(radars)
