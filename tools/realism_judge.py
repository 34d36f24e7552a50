"""The judge: a YOLOX detector that was trained on photographs (COCO), run by OpenCV on pictures of any size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.errors import UserError
from av_synth.improve import yolox

WIDTH_PX, HEIGHT_PX = 1280, 736
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
        try:
            self._net = yolox.Yolox(model, WIDTH_PX, HEIGHT_PX, list(CLASSES))
        except UserError as error:
            raise UserError(f"--judge: {error}; {_WANT}") from error

    def look(self, bgr: Pixels) -> list[Detection]:
        """Everything found in a picture of the judge's size (`fitted`), by falling score.

        Raises:
            UserError: if the model answers otherwise than YOLOX does.
        """
        try:
            found = self._net.look(bgr)
        except UserError as error:
            raise UserError(f"--judge: {error}; {_WANT}") from error
        rows = zip(found.kinds.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True)
        return [(CLASSES[kind], score, (box[0], box[1], box[2], box[3])) for kind, score, box in rows]


def fitted(bgr: Pixels) -> tuple[Pixels, float]:
    """A picture made as large as the judge's allows, in its top left corner, grey beside it; and by how much."""
    return yolox.fitted(bgr, WIDTH_PX, HEIGHT_PX)
