"""The keyframe images of a dataset with the 2D boxes of who is in them, as detectors learn from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from av_synth.errors import StoreError
from av_synth.grade.classes import CLASSES
from av_synth.grade.image_truth import images
from av_synth.query import Tables, joining


@dataclass(frozen=True)
class LabelledImage:
    """A keyframe image and who is in it.

    Attributes:
        file: where it is.
        name: its `filename` in `sample_data`.
        scene: name of its scene.
        boxes: (N, 4) float64: left, top, right, bottom in pixels, the last two exclusive; around what is seen of each,
            or where a dataset does not tell that, as real ones do not, around the corners of its 3D box.
        classes: N detection classes of nuScenes.
    """

    file: Path
    name: str
    scene: str
    boxes: NDArray[np.float64]
    classes: tuple[str, ...]

    def pixels(self) -> NDArray[np.uint8]:
        """The image, (H, W, 3) uint8 RGB.

        Raises:
            StoreError: if it cannot be read.
        """
        found = cv2.imread(str(self.file), cv2.IMREAD_COLOR)
        if found is None:
            raise StoreError(f"{self.file}: not a readable image")
        return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_images(dataset: Path, version: str | None = None) -> tuple[LabelledImage, ...]:
    """The images of a dataset's keyframes with their boxes, by scene, time and camera.

    Raises:
        UserError: if there is no such dataset or version.
        StoreError: if it cannot be read.
    """
    tables = Tables(dataset, version)
    with joining(tables.folder):
        sensors, mounts = tables.by("sensor"), tables.by("calibrated_sensor")
        scenes, samples = tables.by("scene"), tables.by("sample")
        order: dict[str, tuple[str, int, str]] = {}
        for row in tables.rows("sample_data"):
            sensor = sensors[mounts[row["calibrated_sensor_token"]]["sensor_token"]]
            if row["is_key_frame"] and sensor["modality"] == "camera":
                sample = samples[row["sample_token"]]
                order[row["filename"]] = scenes[sample["scene_token"]]["name"], sample["timestamp"], sensor["channel"]
        truth = images(tables, order)
    return tuple(
        LabelledImage(
            file=dataset / name,
            name=name,
            scene=order[name][0],
            boxes=truth[name].boxes_px,
            classes=tuple(CLASSES[at] for at in truth[name].class_of),
        )
        for name in sorted(order, key=lambda name: order[name])
    )
