"""YOLOX detectors (Ge et al., 2021) out of ONNX files, run by OpenCV on pictures of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from av_synth.errors import UserError
from av_synth.grade import Detections2D

_STRIDES = (8, 16, 32)
_COCO_CLASSES = 80
_KEPT_FROM, _SAME_ABOVE = 0.01, 0.5
_GREY = 114  # around pictures, as in training
_SIZES_PX = ((1280, 736), (640, 640), (416, 416))
"""Widths and heights that a net is tried with: most are convolutional all the way and take any, some one alone."""

_DETECTION_CLASS: Mapping[int, str] = {
    0: "pedestrian",
    1: "bicycle",
    2: "car",
    3: "motorcycle",
    5: "bus",
    7: "truck",
}
"""COCO's classes by their index, and what the nuScenes detection task calls them."""


@dataclass(frozen=True)
class Answers:
    """What a net says of a picture, by falling score.

    Attributes:
        kinds: (N,) int64, indices of COCO's classes.
        scores: (N,) float64.
        boxes: (N, 4) float64: left, top, right, bottom in pixels of the net's picture.
    """

    kinds: NDArray[np.int64]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]


class Yolox:
    """A net that answers of pictures of one size."""

    def __init__(self, model: str, width_px: int, height_px: int, kinds: Sequence[int]) -> None:
        """Load it.

        Args:
            model: path of the ONNX file.
            width_px: of its pictures, a multiple of 32.
            height_px: likewise.
            kinds: indices of COCO's classes that are looked for.

        Raises:
            UserError: if there is no such file, or it is none that OpenCV reads.
        """
        if not Path(model).is_file():
            raise UserError(f"got {model!r}, no file; want the path of a YOLOX model as ONNX")
        try:
            self._net = cv2.dnn.readNetFromONNX(model)
        except cv2.error as error:
            raise UserError(f"{model} is no ONNX model that OpenCV reads: {error.err}") from error
        self._model, self._size, self._kinds = model, (width_px, height_px), np.array(kinds)
        columns, rows, strides = [], [], []
        for stride in _STRIDES:
            across, down = np.meshgrid(np.arange(width_px // stride), np.arange(height_px // stride))
            columns.append(across.ravel())
            rows.append(down.ravel())
            strides.append(np.full(across.size, stride))
        self._stride = np.concatenate(strides)[:, None]
        self._cell = np.stack([np.concatenate(columns), np.concatenate(rows)], axis=1)

    def look(self, bgr: NDArray[np.uint8]) -> Answers:
        """Everything that it finds in a picture (H, W, 3) of its size, as `fitted` makes them.

        Raises:
            UserError: if the model answers otherwise than YOLOX does.
        """
        self._net.setInput(np.ascontiguousarray(bgr.transpose(2, 0, 1)[None], dtype=np.float32))
        try:
            raw = self._net.forward()
        except cv2.error as error:
            raise UserError(f"{self._model}: does not take pictures of {self._size} pixels: {error.err}") from error
        wanted = (1, len(self._cell), 5 + _COCO_CLASSES)
        if raw.shape != wanted:
            raise UserError(f"{self._model}: answers with {raw.shape}, want {wanted}, as YOLOX does of COCO's classes")
        answer = raw[0].astype(np.float64)
        scores = answer[:, 4:5] * answer[:, 5 + self._kinds]
        cells, columns = np.nonzero(scores >= _KEPT_FROM)
        centre = (answer[:, :2] + self._cell) * self._stride
        half = np.exp(answer[:, 2:4]) * self._stride / 2.0
        boxes = np.concatenate([centre - half, centre + half], axis=1)[cells]
        return _surest(self._kinds[columns], scores[cells, columns], np.clip(boxes, 0, [*self._size, *self._size]))


class YoloxDetector:
    """A YOLOX of COCO's classes as a detector."""

    classes = tuple(_DETECTION_CLASS.values())

    def __init__(self, model: str) -> None:
        """Load it, and find out which size of pictures it takes.

        Raises:
            UserError: if it is no such model.
        """
        wrong = []
        for width_px, height_px in _SIZES_PX:
            net = Yolox(model, width_px, height_px, list(_DETECTION_CLASS))
            try:
                net.look(np.full((height_px, width_px, 3), _GREY, dtype=np.uint8))
            except UserError as error:
                wrong.append(str(error))
                continue
            self._net, self._size = net, (width_px, height_px)
            return
        raise UserError("\n".join(f"--model: {each}" for each in wrong))

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections2D]:
        """What it finds in each image, (H, W, 3) uint8 RGB."""
        found = []
        for image in images:
            picture, scale = fitted(image[:, :, ::-1], *self._size)
            answers = self._net.look(picture)
            limits = [image.shape[1], image.shape[0]] * 2
            boxes = np.clip(answers.boxes / scale, 0, limits)
            there = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # not in the grey
            classes = tuple(_DETECTION_CLASS[int(kind)] for kind in answers.kinds[there])
            found.append(Detections2D(boxes[there], classes, answers.scores[there]))
        return found


def fitted(bgr: NDArray[np.uint8], width_px: int, height_px: int) -> tuple[NDArray[np.uint8], float]:
    """A picture made as large as another, in its top left corner, grey beside it; and by how much."""
    rows, columns = bgr.shape[:2]
    scale = min(width_px / columns, height_px / rows)
    size = round(columns * scale), round(rows * scale)
    canvas = np.full((height_px, width_px, 3), _GREY, dtype=np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    return canvas, scale


def _surest(kinds: NDArray[np.int64], scores: NDArray[np.float64], boxes: NDArray[np.float64]) -> Answers:
    """Those of each kind that do not lie on a surer one of it."""
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept: list[int] = []
    for kind in np.unique(kinds):
        own = np.flatnonzero(kinds == kind)
        best = cv2.dnn.NMSBoxes(sides[own].tolist(), scores[own].tolist(), _KEPT_FROM, _SAME_ABOVE)
        kept += own[np.asarray(best, dtype=int).ravel()].tolist()
    kept.sort(key=lambda at: -scores[at])
    return Answers(kinds[kept], scores[kept], boxes[kept])
