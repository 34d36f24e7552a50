"""Detections in images, graded against the dataset's 2D boxes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from av_synth.grade.grades import Grades


@dataclass(frozen=True)
class Detections2D:
    """What a detector found in one image.

    Attributes:
        boxes: (N, 4) float64: left, top, right, bottom in pixels, right and bottom exclusive.
        classes: N detection classes of nuScenes, such as pedestrian.
        scores: (N,) float64, higher is surer.
    """

    boxes: NDArray[np.float64]
    classes: tuple[str, ...]
    scores: NDArray[np.float64]


def grade_images(
    dataset: Path,
    detections: Mapping[str, Detections2D],
    by: str | Sequence[str] = (),
    *,
    classes: Collection[str] | None = None,
    per_class: bool = False,
    score: float | None = None,
    min_height_px: float = 8.0,
    version: str | None = None,
    seed: int = 0,
) -> Grades:
    """Grade detections in keyframe images, at an intersection over union of 0.5.

    Args:
        dataset: the dataset's root.
        detections: by image, its `filename` in `sample_data`. Images that are not in it are not graded; one in which
            nothing was found has to be in it, with no boxes.
        by: slices, as for `grade`.
        classes: detection classes that the detector knows; None for all ten. Others are neither asked for nor wrong.
        per_class: also tell every slice apart by class.
        score: from which on detections count for recall and precision; None: for each class that of its best F1.
        min_height_px: objects that are less high are neither asked for nor wrong.
        version: of the dataset, if it has several.
        seed: of the draws of scenes.

    Raises:
        UserError: if an image is none of the dataset's keyframes, a class is none of the ten, or there is no such slice.
        StoreError: if the dataset cannot be read.
    """
    raise NotImplementedError
