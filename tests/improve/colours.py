"""A detector that learns the colour of each class, for images in which everybody is painted in one: no torch needed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from av_synth.grade import Detections2D
from av_synth.improve import LabelledImage

_SPREAD = 12  # of a colour, after JPEG
_FEWEST_PX = 12


class Colours:
    """Says that whatever has a colour it has learnt is of its class."""

    classes = ("car", "truck", "bus", "pedestrian", "bicycle", "motorcycle")

    def __init__(self) -> None:
        self.learnt: list[tuple[str, list[float]]] = []

    def fit(self, images: Sequence[LabelledImage], seed: int) -> None:
        found: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        for image in images:
            pixels = image.pixels()
            for box, name in zip(image.boxes, image.classes, strict=True):
                middle = ((box[:2] + box[2:]) / 2).astype(int)
                if name in self.classes and (box[2:] - box[:2]).min() >= 4:
                    found[name].append(pixels[middle[1], middle[0]].astype(np.float64))
        self.learnt = [(name, np.median(found[name], axis=0).tolist()) for name in sorted(found)]

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections2D]:
        return [self._look(image) for image in images]

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(self.learnt))

    def _look(self, image: NDArray[np.uint8]) -> Detections2D:
        boxes, classes, scores = [], [], []
        for name, colour in self.learnt:
            near = (np.abs(image - np.array(colour)) <= _SPREAD).all(axis=2).astype(np.uint8)
            _, _, parts, _ = cv2.connectedComponentsWithStats(near)
            for left, top, width, height, pixels in parts[1:]:
                if pixels >= _FEWEST_PX:
                    boxes.append((left, top, left + width, top + height))
                    classes.append(name)
                    scores.append(pixels / (width * height))
        return Detections2D(np.array(boxes, dtype=np.float64).reshape(-1, 4), tuple(classes), np.array(scores))
