"""One small picture of a run, at the moment that the run is about; and small pictures of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from av_synth import store
from av_synth.errors import StoreError
from av_synth.report.drawing import Image
from av_synth.rig.model import MAIN_CAMERA

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
    channel = front_camera(row["channel"] for row in images)
    images = [row for row in images if row["channel"] == channel]
    wanted = images[len(images) // 2]["time_us"] if moment_us is None else moment_us
    path = run.path(min(images, key=lambda row: abs(row["time_us"] - wanted))["path"])
    return small_jpeg(path, width_px)


def front_camera(channels: Iterable[str]) -> str:
    """The camera of small pictures: the front one, or the first by name; raises ValueError if there is none."""
    names = set(channels)
    return MAIN_CAMERA if MAIN_CAMERA in names else min(names)


def moment_us(expectations: Iterable[Mapping[str, Any]]) -> int | None:
    """When the first of an outcome's expectations was reached, microseconds of the run; None if none was."""
    return min((int(one["time_us"]) for one in expectations if int(one.get("time_us", -1)) >= 0), default=None)


def picture_of(path: Path) -> Image:
    """An image file as a picture (H, W, 3) uint8 BGR.

    Raises:
        StoreError: if it cannot be read as an image.
    """
    return _decoded(read_bytes(path), path, cv2.IMREAD_COLOR)


def small_jpeg(path: Path, width_px: int) -> bytes:
    """An image file as a small JPEG.

    Raises:
        StoreError: if it cannot be read as an image.
    """
    return as_jpeg(_small(path, width_px))


def strip_jpeg(paths: Sequence[Path | None], width_px: int) -> bytes:
    """Image files beside each other in one JPEG, each `width_px` wide and as high as the first, black for None.

    Raises:
        StoreError: if one cannot be read as an image.
        ValueError: if there is none.
    """
    pictures = {path: _small(path, width_px) for path in paths if path is not None}
    height = next(iter(pictures.values())).shape[0] if pictures else 0
    if not height:
        raise ValueError("a strip of no pictures")
    black: Image = np.zeros((height, width_px, 3), dtype=np.uint8)
    row = [black if path is None else pictures[path] for path in paths]
    return as_jpeg(np.hstack([one if one.shape == black.shape else cv2.resize(one, (width_px, height)) for one in row]))


def no_wider(path: Path, width_px: int) -> bytes:
    """An image file as it is, or as a JPEG of `width_px` if it is wider.

    Raises:
        StoreError: if it cannot be read as an image.
    """
    data = read_bytes(path)
    image = _decoded(data, path, cv2.IMREAD_COLOR)
    return data if image.shape[1] <= width_px else as_jpeg(_resized(image, width_px))


def read_bytes(path: Path) -> bytes:
    """A file as it is.

    Raises:
        StoreError: if it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error


def _small(path: Path, width_px: int) -> Image:
    data = read_bytes(path)
    # a JPEG is decoded at a quarter of its size in a quarter of the time, where that is large enough
    image = _decoded(data, path, cv2.IMREAD_REDUCED_COLOR_4)
    if image.shape[1] < width_px:
        image = _decoded(data, path, cv2.IMREAD_COLOR)
    return _resized(image, width_px)


def _resized(image: Image, width_px: int) -> Image:
    size = (width_px, max(1, round(image.shape[0] * width_px / image.shape[1])))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _decoded(data: bytes, path: Path, how: int) -> Image:
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), how) if data else None
    if image is None:
        raise StoreError(f"{path}: cannot be read as an image")
    return np.asarray(image, dtype=np.uint8)


def as_jpeg(image: Image) -> bytes:
    """A picture (H, W, 3) uint8 BGR as a JPEG that is good enough for a small one."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
