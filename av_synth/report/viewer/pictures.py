"""The pictures of the cameras, made small: as wide, as often and as fine as there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from av_synth.errors import DataError
from av_synth.export.scene import Record, Scene
from av_synth.report.page_lens import PageLens
from av_synth.report.viewer.pack import Pack


@dataclass(frozen=True)
class _Plan:
    """How wide pictures are, how often they come, and the quality of their WebP."""

    width_px: int
    rate_hz: float
    quality: int


_PLANS = (
    _Plan(560, 10.0, 70),
    _Plan(480, 10.0, 65),
    _Plan(480, 5.0, 65),
    _Plan(480, 5.0, 55),
    _Plan(480, 4.0, 50),
    _Plan(400, 4.0, 45),
    _Plan(400, 2.0, 45),
    _Plan(320, 2.0, 40),
    _Plan(240, 1.0, 40),
    _Plan(160, 0.5, 35),
)
_TRIED = 3  # pictures of each camera that are made to see how large they become
_SAFE = 1.08


def add_pictures(pack: Pack, scene: Scene, most_bytes: int) -> bytes:
    """Add what cameras there are and which pictures of them; returns the pictures, one behind the other.

    Keyframes are always among those that are taken, unless not even the smallest fit: then every second is left out
    until they do.

    Raises:
        DataError: if a picture cannot be decoded.
    """
    cameras = [sensor for sensor in scene.sensors.values() if sensor.modality == "camera"]
    records = {
        camera.channel: [record for record in scene.records if record.channel == camera.channel] for camera in cameras
    }
    plan = next((plan for plan in _PLANS if _expected(scene, records, plan) * _SAFE < most_bytes), _PLANS[-1])
    chosen = [record for of_one in records.values() for record in _at_rate(of_one, plan.rate_hz)]
    found = [(record, _small(scene, record, plan)) for record in chosen]
    while sum(len(data) for _, data in found) > most_bytes:
        found = found[::2] if len(found) > 1 else []
    order = {camera.channel: k for k, camera in enumerate(cameras)}
    pack.about["cameras"] = [
        {
            "channel": camera.channel,
            "pose": camera.ego_from_sensor.ravel().tolist(),
            "size": camera.size_px,
            "intrinsics": camera.intrinsics_px,
            "lens": None if (lens := PageLens.of(camera.lens)) is None else asdict(lens),
        }
        for camera in cameras
    ]
    pack.about["pictures"] = [[order[record.channel], record.frame, len(data)] for record, data in found]
    return b"".join(data for _, data in found)


def _expected(scene: Scene, records: Mapping[str, Sequence[Record]], plan: _Plan) -> float:
    """Bytes that the pictures of a plan will take, from a few of each camera."""
    total = 0.0
    for of_one in records.values():
        chosen = list(_at_rate(of_one, plan.rate_hz))
        tried = chosen[:: max(1, len(chosen) // _TRIED)]
        sizes = [len(_small(scene, record, plan)) for record in tried]
        total += float(np.mean(sizes)) * len(chosen) if sizes else 0.0
    return total


def _at_rate(records: Sequence[Record], rate_hz: float) -> Iterator[Record]:
    """Keyframes, and between them the first record after each period."""
    due_us = 0
    for record in records:
        if record.is_keyframe or record.time_us >= due_us:
            yield record
            due_us = record.time_us + round(1e6 / rate_hz)


def _small(scene: Scene, record: Record, plan: _Plan) -> bytes:
    path = scene.run.path(record.path)
    # half of it is decoded where that is enough, which is several times faster
    halves = scene.sensors[record.channel].size_px[0] >= 2 * plan.width_px
    flags = cv2.IMREAD_REDUCED_COLOR_2 if halves else cv2.IMREAD_COLOR
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), flags)
    if image is None:
        raise DataError(f"run {scene.run_id}: {record.path}: cannot be decoded as a picture")
    width = min(plan.width_px, image.shape[1])
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, plan.quality])[1])
