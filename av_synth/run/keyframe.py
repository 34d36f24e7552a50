"""The labels of a keyframe: masks, 3D and 2D boxes, label images, classes of lidar points, evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from av_synth.capture import FrameSet, LidarScan
from av_synth.geometry.transforms import Array, invert
from av_synth.labels import BoxLabel, echoes_of, label_boxes, tie_instances
from av_synth.labels.boxes import BOX_MARGIN_M
from av_synth.labels.boxes_2d import Box2d, Box3d, Tie, boxes_2d
from av_synth.labels.quality import pixel_evidence, point_evidence, unclear_boxes
from av_synth.labels.segmentation import GROUND, InstanceBox, panoptic, point_categories
from av_synth.labels.visibility import Look
from av_synth.rig.model import MAIN_LIDAR, Rig
from av_synth.run import encode, rows
from av_synth.run.rows import Row

Encoder = Callable[[], bytes]
"""Makes the bytes of a file."""
_Categories = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class KeyframeLabels:
    """Files by path in the run, each with what makes its bytes, and rows by table."""

    files: Mapping[str, Encoder]
    rows: Mapping[str, Sequence[Row]]


@dataclass
class Labeller:
    """Labels the keyframes of one run, in their order.

    Attributes:
        rig: as it really looks.
        ego_id: who carries it.
    """

    rig: Rig
    ego_id: int
    _instances: dict[int, int] = field(default_factory=dict)  # panoptic number by actor id

    def label(self, frames: FrameSet) -> KeyframeLabels:
        """Label one keyframe."""
        looks = {
            camera.channel: Look(
                frames.labels[camera.channel], camera, frames.world_from_ego @ camera.mount.ego_from_sensor
            )
            for camera in self.rig.cameras
            if camera.channel in frames.labels
        }
        echoes = echoes_of(frames, self.rig)
        ties = {
            channel: Tie(*tie_instances(look.label, look.camera, look.world_from_camera, frames.state, echoes))
            for channel, look in looks.items()
        }
        boxes = label_boxes(frames, self.rig, looks, self.ego_id)
        in_images = self._boxes_2d(frames, looks, ties, boxes)
        return KeyframeLabels(
            files={**_image_files(frames, looks, ties), **self._lidar_files(frames, boxes)},
            rows={
                "masks": [
                    {"channel": channel, "frame": frames.index, "path": _mask_path(channel, frames), **vars(mask)}
                    for channel, tie in ties.items()
                    for mask in tie.masks
                ],
                "boxes": [rows.box(frames, box) for box in boxes],
                "boxes_2d": [rows.box_2d(frames.index, box) for box in in_images],
                "quality": self._quality(frames, looks, ties, boxes, in_images),
            },
        )

    def _lidar_files(self, frames: FrameSet, boxes: Sequence[BoxLabel]) -> dict[str, Encoder]:
        files: dict[str, Encoder] = {}
        for channel, scan in frames.lidars.items():
            name = f"{channel}/{frames.index:06d}"
            categories = point_categories(scan, frames.state.infos, self.ego_id)
            files[f"lidarseg/{name}.bin"] = categories.tobytes
            files[f"lidar_actors/{name}.bin"] = scan.actor_id.astype("<u4").tobytes
            if channel == MAIN_LIDAR:
                instances = self._instance_boxes(frames, boxes)
                files[f"panoptic/{name}.npz"] = partial(_panoptic_npz, scan, categories, instances)
        return files

    def _instance_boxes(self, frames: FrameSet, boxes: Sequence[BoxLabel]) -> list[InstanceBox]:
        """The boxes that nuScenes annotates, those with a point in them; numbered through the run as they appear."""
        lidar_from_world = self._lidar_from_world(frames)
        found = []
        for box in boxes:
            if box.num_lidar_pts + box.num_radar_pts > 0:
                number = self._instances.setdefault(box.actor_id, len(self._instances) + 1)
                found.append(InstanceBox(box.category, number, lidar_from_world @ box.world_from_box, box.size_lwh_m))
        return found

    def _boxes_2d(
        self, frames: FrameSet, looks: Mapping[str, Look], ties: Mapping[str, Tie], boxes: Sequence[BoxLabel]
    ) -> list[Box2d]:
        """Of everybody of a nuScenes category, beyond the range of 3D boxes too."""
        state = frames.state
        bodies = {
            actor_id: Box3d(state.world_from_box(actor_id), np.asarray(info.size_lwh_m))
            for actor_id, info in state.infos.items()
            if actor_id != self.ego_id and info.category
        }
        bodies |= {box.actor_id: _without_margin(box) for box in boxes}
        return [box for channel, look in looks.items() for box in boxes_2d(look, channel, ties[channel], bodies)]

    def _quality(
        self,
        frames: FrameSet,
        looks: Mapping[str, Look],
        ties: Mapping[str, Tie],
        boxes: Sequence[BoxLabel],
        in_images: Sequence[Box2d],
    ) -> list[Row]:
        """How good the boxes are, by what the lidar met: a faulty turn tells of the lidar, not of boxes."""
        unclear = {channel: unclear_boxes(tie) for channel, tie in ties.items()}
        turn, lidar_from_world = frames.true_lidars[MAIN_LIDAR], self._lidar_from_world(frames)
        scan = turn.only(turn.is_surface)
        ground = np.isin(point_categories(scan, frames.state.infos, self.ego_id), GROUND)
        found = []
        for box in boxes:
            own = [each for each in in_images if each.actor_id == box.actor_id]
            pixels = pixel_evidence(_without_margin(box), box.visibility.fraction, own, looks, unclear)
            points = point_evidence(
                scan.at_frame_m,
                scan.actor_id == box.actor_id,
                ground,
                lidar_from_world @ box.world_from_box,
                box.size_lwh_m,
            )
            found.append(rows.quality(frames.index, box.actor_id, pixels, points))
        return found

    def _lidar_from_world(self, frames: FrameSet) -> Array:
        lidar = next(one for one in self.rig.lidars if one.channel == MAIN_LIDAR)
        return invert(frames.world_from_ego @ lidar.mount.ego_from_sensor)


def _image_files(frames: FrameSet, looks: Mapping[str, Look], ties: Mapping[str, Tie]) -> dict[str, Encoder]:
    files: dict[str, Encoder] = {}
    for channel, look in looks.items():
        name = f"{channel}/{frames.index:06d}.png"
        files[_mask_path(channel, frames)] = partial(encode.mask_png, ties[channel].image)
        files[f"semantic/{name}"] = partial(encode.semantic_png, look.label.tag)
        files[f"depth/{name}"] = partial(encode.depth_png, look.label.depth_m)
        if look.label.flow_px is not None:
            files[f"flow/{name}"] = partial(encode.flow_png, look.label.flow_px)
    return files


def _mask_path(channel: str, frames: FrameSet) -> str:
    return f"masks/{channel}/{frames.index:06d}.png"


def _without_margin(box: BoxLabel) -> Box3d:
    return Box3d(box.world_from_box, box.size_lwh_m - 2 * BOX_MARGIN_M)


def _panoptic_npz(scan: LidarScan, categories: _Categories, boxes: Sequence[InstanceBox]) -> bytes:
    return encode.panoptic_npz(panoptic(scan.points_m, categories, boxes))
