"""What a keyframe has beside its boxes and masks: label images, labels of lidar points, 2D boxes, evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.capture import FrameSet, LidarScan
from av_synth.geometry.transforms import Array, invert
from av_synth.labels import BoxLabel
from av_synth.labels.boxes import BOX_MARGIN_M
from av_synth.labels.boxes_2d import Box2d, Box3d, Tie, boxes_2d
from av_synth.labels.quality import PixelEvidence, PointEvidence, pixel_evidence, point_evidence, unclear_boxes
from av_synth.labels.segmentation import GROUND, InstanceBox, panoptic, point_categories
from av_synth.labels.visibility import Look
from av_synth.rig.model import MAIN_LIDAR, Rig
from av_synth.run import encode

Row = dict[str, Any]
_Categories = npt.NDArray[np.uint8]
_SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class KeyframeLabels:
    """Files by path in the run, each with what makes its bytes, and rows by table."""

    files: Mapping[str, Callable[[], bytes]]
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

    def label(
        self, frames: FrameSet, looks: Mapping[str, Look], ties: Mapping[str, Tie], boxes: Sequence[BoxLabel]
    ) -> KeyframeLabels:
        """Label one keyframe.

        Args:
            frames: the keyframe.
            looks: its label images, by camera.
            ties: their masks, by camera.
            boxes: its 3D boxes.
        """
        files: dict[str, Callable[[], bytes]] = {}
        for channel, look in looks.items():
            name = f"{channel}/{frames.index:06d}.png"
            files[f"semantic/{name}"] = partial(encode.semantic_png, look.label.tag)
            files[f"depth/{name}"] = partial(encode.depth_png, look.label.depth_m)
            if look.label.flow_px is not None:
                files[f"flow/{name}"] = partial(encode.flow_png, look.label.flow_px)
        categories = {
            channel: point_categories(scan, frames.state.infos, self.ego_id) for channel, scan in frames.lidars.items()
        }
        files.update(self._lidar_files(frames, categories, boxes))
        in_images = self._boxes_2d(frames, looks, ties, boxes)
        rows = {
            "boxes_2d": [_box_2d_row(frames.index, box) for box in in_images],
            "quality": self._quality(frames, looks, ties, boxes, in_images),
        }
        return KeyframeLabels(files, rows)

    def _lidar_files(
        self, frames: FrameSet, categories: Mapping[str, _Categories], boxes: Sequence[BoxLabel]
    ) -> dict[str, Callable[[], bytes]]:
        files: dict[str, Callable[[], bytes]] = {}
        for channel, scan in frames.lidars.items():
            name = f"{channel}/{frames.index:06d}"
            files[f"lidarseg/{name}.bin"] = categories[channel].tobytes
            files[f"lidar_actors/{name}.bin"] = scan.actor_id.astype("<u4").tobytes
            if channel == MAIN_LIDAR:
                instances = self._instance_boxes(frames, boxes)
                files[f"panoptic/{name}.npz"] = partial(_panoptic_npz, scan, categories[channel], instances)
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
        scan, lidar_from_world = frames.true_lidars[MAIN_LIDAR], self._lidar_from_world(frames)
        ground = np.isin(point_categories(scan, frames.state.infos, self.ego_id), GROUND)
        rows = []
        for box in boxes:
            own = [each for each in in_images if each.actor_id == box.actor_id]
            pixels = pixel_evidence(_without_margin(box), box.visibility.fraction, own, looks, unclear)
            points = point_evidence(
                scan.points_m,
                scan.actor_id == box.actor_id,
                ground,
                lidar_from_world @ box.world_from_box,
                box.size_lwh_m,
            )
            rows.append(_quality_row(frames.index, box.actor_id, pixels, points))
        return rows

    def _lidar_from_world(self, frames: FrameSet) -> Array:
        lidar = next(one for one in self.rig.lidars if one.channel == MAIN_LIDAR)
        return invert(frames.world_from_ego @ lidar.mount.ego_from_sensor)


def _without_margin(box: BoxLabel) -> Box3d:
    return Box3d(box.world_from_box, box.size_lwh_m - 2 * BOX_MARGIN_M)


def _panoptic_npz(scan: LidarScan, categories: _Categories, boxes: Sequence[InstanceBox]) -> bytes:
    return encode.panoptic_npz(panoptic(scan.points_m, categories, boxes))


def _box_2d_row(frame: int, box: Box2d) -> Row:
    return {
        "channel": box.channel,
        "frame": frame,
        "actor_id": box.actor_id,
        "visible_px": box.visible_px,
        **{f"{side}_px": value for side, value in zip(_SIDES, box.visible, strict=True)},
        "amodal_px": box.amodal_px,
        **{f"amodal_{side}_px": value for side, value in zip(_SIDES, box.amodal, strict=True)},
        "method": box.method,
    }


def _quality_row(frame: int, actor_id: int, pixels: PixelEvidence, points: PointEvidence) -> Row:
    return {
        "frame": frame,
        "actor_id": actor_id,
        "visible_px": pixels.visible_px,
        "amodal_px": pixels.amodal_px,
        "cameras": pixels.cameras,
        "ambiguous": pixels.ambiguous,
        "clear_looks": pixels.clear_looks,
        **{f"gap_{side}_px": value for side, value in zip(_SIDES, pixels.gaps_px, strict=True)},
        "lidar_own_inside": points.own_inside,
        "lidar_own_outside": points.own_outside,
        "lidar_ground_inside": points.ground_inside,
        "lidar_foreign_inside": points.foreign_inside,
    }
