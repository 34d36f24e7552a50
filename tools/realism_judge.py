"""The judge: a YOLOX detector that was trained on photographs (COCO), run by OpenCV on pictures of any size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import UserError

WIDTH_PX, HEIGHT_PX = 1280, 736
_KEPT_FROM, _SAME_ABOVE = 0.01, 0.5
_STRIDES = (8, 16, 32)
_GREY = 114  # around pictures, as in training
# of COCO's 80 classes those that streets have
CLASSES = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
_WANT = "want JUDGE=/path/to/yolox_nano_coco.onnx, YOLOX-Nano of https://github.com/Megvii-BaseDetection/YOLOX"

Pixels = npt.NDArray[np.uint8]
Detection = tuple[str, float, tuple[float, float, float, float]]
"""Class, score, and left, top, right, bottom in pixels of the judge's picture."""


class Judge:
    """Finds things in pictures. The net is fully convolutional, so it is given the whole street, not 416 x 416."""

    def __init__(self, model: str) -> None:
        """Load the ONNX model.

        Raises:
            UserError: if there is none at that path, or it is none.
        """
        if not model or not Path(model).is_file():
            raise UserError(f"--judge: got {model!r}, no file; {_WANT}")
        try:
            self._net = cv2.dnn.readNetFromONNX(model)
        except cv2.error as error:
            raise UserError(f"--judge: {model} is no ONNX model that OpenCV reads: {error.err}; {_WANT}") from error
        columns, rows, strides = [], [], []
        for stride in _STRIDES:
            across, down = np.meshgrid(np.arange(WIDTH_PX // stride), np.arange(HEIGHT_PX // stride))
            columns.append(across.ravel())
            rows.append(down.ravel())
            strides.append(np.full(across.size, stride))
        self._stride = np.concatenate(strides)[:, None]
        self._cell = np.stack([np.concatenate(columns), np.concatenate(rows)], axis=1)

    def look(self, bgr: Pixels) -> list[Detection]:
        """Everything found in a picture of the judge's size (`fitted`), by falling score.

        Raises:
            UserError: if the model answers otherwise than YOLOX does.
        """
        self._net.setInput(np.ascontiguousarray(bgr.transpose(2, 0, 1)[None], dtype=np.float32))
        raw = self._net.forward()
        if raw.shape != (1, len(self._cell), 85):
            raise UserError(f"--judge: answers with {raw.shape}, want {(1, len(self._cell), 85)}, as YOLOX; {_WANT}")
        answer = raw[0]
        classes = list(CLASSES)
        scores = answer[:, 4:5] * answer[:, [5 + at for at in classes]]
        cells, kinds = np.nonzero(scores >= _KEPT_FROM)
        centre = (answer[:, :2] + self._cell) * self._stride
        half = np.exp(answer[:, 2:4]) * self._stride / 2.0
        boxes = np.concatenate([centre - half, centre + half], axis=1)[cells]
        limits = np.array([WIDTH_PX, HEIGHT_PX, WIDTH_PX, HEIGHT_PX])
        boxes, scored = np.clip(boxes, 0, limits), scores[cells, kinds]
        sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept: list[int] = []
        for kind in np.unique(kinds):
            own = np.flatnonzero(kinds == kind)
            best = cv2.dnn.NMSBoxes(sides[own].tolist(), scored[own].tolist(), _KEPT_FROM, _SAME_ABOVE)
            kept += own[np.asarray(best, dtype=int).ravel()].tolist()
        kept.sort(key=lambda at: -scored[at])
        return [(CLASSES[classes[kinds[at]]], float(scored[at]), tuple(boxes[at].tolist())) for at in kept]


def fitted(bgr: Pixels) -> tuple[Pixels, float]:
    """A picture made as large as the judge's allows, in its top left corner, grey beside it; and by how much."""
    rows, columns = bgr.shape[:2]
    scale = min(WIDTH_PX / columns, HEIGHT_PX / rows)
    size = round(columns * scale), round(rows * scale)
    canvas = np.full((HEIGHT_PX, WIDTH_PX, 3), _GREY, dtype=np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    return canvas, scale
