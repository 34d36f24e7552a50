"""What there is to find in a dataset's keyframe images: 2D boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.boxes import corners, in_front
from av_synth.geometry.cameras import project
from av_synth.geometry.transforms import Array, apply, invert, matrix_from_quaternion
from av_synth.grade.classes import CLASS_OF_CATEGORY, CLASSES
from av_synth.grade.matching import Floats, Indices
from av_synth.query import Row, Tables


@dataclass(frozen=True)
class ImageTruth:
    """What there is in an image, N objects.

    Attributes:
        sample_token: the sample that the image is of.
        annotation_tokens: of the objects.
        boxes_px: (N, 4) float64: left, top, right, bottom, right and bottom exclusive.
        class_of: (N,) int64, indices into `CLASSES`.
    """

    sample_token: str
    annotation_tokens: tuple[str, ...]
    boxes_px: Floats
    class_of: Indices


def images(tables: Tables, files: Collection[str]) -> dict[str, ImageTruth]:
    """Keyframe images by file, of those asked for.

    In scenes that have rows in `box_2d` boxes are around what is seen; in others, such as nuScenes' own, around the
    projected corners of 3D boxes, whether or not anything is seen.

    Raises:
        StoreError: if a table cannot be read.
    """
    return _Images(tables).of(files)


class _Images:
    def __init__(self, tables: Tables) -> None:
        self._sensors, self._mounts = tables.by("sensor"), tables.by("calibrated_sensor")
        self._poses, self._data = tables.by("ego_pose"), tables.by("sample_data")
        self._scene_of = {row["token"]: row["scene_token"] for row in tables.rows("sample")}
        names = {row["token"]: row["name"] for row in tables.rows("category")}
        category_of = {row["token"]: names[row["category_token"]] for row in tables.rows("instance")}
        self._annotations: dict[str, Row] = {}
        self._class_of: dict[str, int] = {}
        self._of_sample: dict[str, list[str]] = defaultdict(list)
        for row in tables.rows("sample_annotation"):
            if (name := CLASS_OF_CATEGORY.get(category_of[row["instance_token"]])) is not None:
                self._annotations[row["token"]] = row
                self._class_of[row["token"]] = CLASSES.index(name)
                self._of_sample[row["sample_token"]].append(row["token"])
        self._seen: dict[str, dict[str, Floats]] = defaultdict(dict)
        self._scenes_with_seen: set[str] = set()
        for row in tables.rows("box_2d", optional=True):
            image = row["sample_data_token"]
            self._scenes_with_seen.add(self._scene_of[self._data[image]["sample_token"]])
            if row["visible_box"] and row["sample_annotation_token"] in self._annotations:
                self._seen[image][row["sample_annotation_token"]] = np.array(row["visible_box"], dtype=np.float64)

    def of(self, files: Collection[str]) -> dict[str, ImageTruth]:
        found = {}
        for token, row in self._data.items():
            mount = self._mounts[row["calibrated_sensor_token"]]
            camera = self._sensors[mount["sensor_token"]]["modality"] == "camera"
            if not (row["is_key_frame"] and camera and row["filename"] in files):
                continue
            seen = self._scene_of[row["sample_token"]] in self._scenes_with_seen
            boxes = self._seen[token] if seen else self._projected(row, mount)
            found[row["filename"]] = ImageTruth(
                row["sample_token"],
                tuple(boxes),
                np.array(list(boxes.values()), dtype=np.float64).reshape(-1, 4),
                np.array([self._class_of[token] for token in boxes], dtype=np.int64),
            )
        return found

    def _projected(self, image: Row, mount: Row) -> Mapping[str, Floats]:
        """Boxes around what of the 3D boxes is before the camera, cut at the image's edge."""
        ego = self._poses[image["ego_pose_token"]]
        camera_from_world = invert(_pose(ego) @ _pose(mount))
        (fx_px, _, cx_px), (_, fy_px, cy_px), _ = mount["camera_intrinsic"]
        edge = np.array([image["width"], image["height"]], dtype=np.float64)
        found = {}
        for token in self._of_sample[image["sample_token"]]:
            row = self._annotations[token]
            lwh_m = np.array(row["size"])[[1, 0, 2]]
            around = in_front(apply(camera_from_world, corners(_pose(row), lwh_m)))
            if not len(around):
                continue
            pixels, _ = project(around, fx_px, fy_px, cx_px, cy_px)
            low, high = np.clip(pixels.min(axis=0), 0.0, edge), np.clip(pixels.max(axis=0), 0.0, edge)
            if (high > low).all():
                found[token] = np.concatenate([low, high])
        return found


def _pose(row: Row) -> Array:
    return matrix_from_quaternion(row["rotation"], row["translation"])
