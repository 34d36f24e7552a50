"""One small picture of a run, at the moment that the run is about."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from av_synth import store
from av_synth.errors import StoreError

_FIRST_CHOICE = "CAM_FRONT"
_ENDINGS = (".jpg", ".jpeg", ".png")
_QUALITY = 72


def thumbnail(directory: Path, moment_us: int | None, width_px: int) -> bytes | None:
    """A camera image of a committed run as a small JPEG: of the front camera, else of the first by name.

    Args:
        directory: of the run.
        moment_us: the image nearest to it is taken; None for the middle of the run.
        width_px: of the picture.

    Returns:
        None if the run has no camera.

    Raises:
        StoreError: if the run or the image cannot be read.
    """
    run = store.open_run(directory, files=False)
    rows = run.table("sensor_frames", ("channel", "time_us", "path")).to_pylist()
    images = [row for row in rows if row["path"].endswith(_ENDINGS)]
    if not images:
        return None
    channels = {row["channel"] for row in images}
    channel = _FIRST_CHOICE if _FIRST_CHOICE in channels else min(channels)
    images = [row for row in images if row["channel"] == channel]
    wanted = images[len(images) // 2]["time_us"] if moment_us is None else moment_us
    path = run.path(min(images, key=lambda row: abs(row["time_us"] - wanted))["path"])
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise StoreError(f"{path}: cannot be read as an image")
    size = (width_px, max(1, round(image.shape[0] * width_px / image.shape[1])))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
