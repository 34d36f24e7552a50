"""The carla client's measurements as arrays in our frames and units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.capture.frameset import CameraImage, Extent, LidarScan, RadarScan
from av_synth.geometry.carla import flip_y
from av_synth.geometry.transforms import Array, apply
from av_synth.sensing.intensity import lidar_intensity

# CARLA packs depth into 24 bits, 1000 m at most. Source: CARLA 0.9.16, Docs/ref_sensors.md, depth camera.
_DEPTH_SCALE = np.float32(1000.0 / (2**24 - 1))
SEMANTIC_DETECTION = np.dtype([("xyz", "<f4", 3), ("cos", "<f4"), ("actor_id", "<u4"), ("tag", "<u4")])
"""One detection of a semantic lidar as it comes over the wire."""
_RADAR_DETECTION = np.dtype([("velocity", "<f4"), ("azimuth", "<f4"), ("altitude", "<f4"), ("depth", "<f4")])


def pixels(image: Any, crop: tuple[int, int, int, int] | None) -> npt.NDArray[np.uint8]:
    """A carla.Image's (H, W, 4) uint8 BGRA, cut to (left, top, width, height); a copy that outlives the image."""
    array: npt.NDArray[np.uint8] = np.frombuffer(image.raw_data, dtype=np.uint8)
    array = array.reshape(image.height, image.width, 4)
    if crop is not None:
        left, top, width, height = crop
        array = array[top : top + height, left : left + width]
    return array.copy()


def camera_image(image: Any, crop: tuple[int, int, int, int] | None) -> CameraImage:
    """A colour image."""
    return CameraImage(pixels(image, crop))


def depth_m(image: Any, crop: tuple[int, int, int, int] | None) -> npt.NDArray[np.float32]:
    """A depth camera's image as (H, W) float32 metres along the optical axis."""
    packed = pixels(image, crop).view("<u4")[..., 0]
    # bytes are B, G, R, A; depth is R + 256 G + 65536 B
    code = ((packed & 0xFF) << 16) | (packed & 0xFF00) | ((packed >> 16) & 0xFF)
    depth: npt.NDArray[np.float32] = code.astype(np.float32) * _DEPTH_SCALE
    return depth


def tag_and_instance(
    image: Any,
    crop: tuple[int, int, int, int] | None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """An instance camera's tags (H, W) uint8 and object ids (H, W) uint16: R is the tag, G and B the id."""
    bgra = pixels(image, crop)
    blue, green, red, _ = cv2.split(bgra)
    instance: npt.NDArray[np.uint16] = np.bitwise_or(green.astype(np.uint16), blue.astype(np.uint16) * np.uint16(256))
    return np.asarray(red, dtype=np.uint8), instance


def flow_px(image: Any, crop: tuple[int, int, int, int] | None) -> npt.NDArray[np.float32]:
    """An optical flow camera's image as (H, W, 2) float32 pixels to the right and down since the tick before.

    CARLA's flow is in halves of the whole image, before any crop, with y up, and is never beyond 2, the image's own
    width or height. Source: CARLA 0.9.16, OpticalFlowCamera.cpp.
    """
    array: npt.NDArray[np.float32] = np.frombuffer(image.raw_data, dtype="<f4").reshape(image.height, image.width, 2)
    if crop is not None:
        left, top, width, height = crop
        array = array[top : top + height, left : left + width]
    scaled: npt.NDArray[np.float32] = array * np.array([image.width / 2, -image.height / 2], dtype=np.float32)
    return scaled


def extents(measurement: Any) -> Mapping[int, Extent]:
    """What `avsynth.camera.visibility` says, by actor id: a channel of counts and a channel of boxes."""
    rows = np.frombuffer(measurement.raw_data, dtype=SEMANTIC_DETECTION)
    counts, boxes = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    found = {}
    for count, box in zip(counts, boxes, strict=True):
        left, top, right = (round(float(side)) for side in box["xyz"])
        alone_px, visible_px = round(float(count["xyz"][0])), round(float(count["xyz"][1]))
        found[int(count["actor_id"])] = Extent(alone_px, visible_px, (left, top, right, round(float(box["cos"]))))
    return found


def detections(measurement: Any, beams: int, channels: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.uint8]]:
    """The detections of a semantic lidar (N,), and the ring (N,) of each.

    CARLA's channels run from the highest beam down, nuScenes' rings from the lowest up.

    Args:
        measurement: a carla.SemanticLidarMeasurement.
        beams: how many it was asked for.
        channels: how many it has: one for each beam, or as many rounds of the beams as its kind makes.
    """
    rows = np.frombuffer(measurement.raw_data, dtype=SEMANTIC_DETECTION)
    counts = [measurement.get_point_count(channel) for channel in range(channels)]
    return rows, np.repeat(beams - 1 - np.arange(channels) % beams, counts).astype(np.uint8)


def lidar_scan(measurement: Any, sensor_from_body: Array, beams: int, range_m: float) -> LidarScan:
    """A semantic lidar's turn.

    Intensity is synthesised from incidence, range and class, because CARLA's semantic lidar has none
    (`sensing.intensity`).

    Args:
        measurement: a carla.SemanticLidarMeasurement.
        sensor_from_body: (4, 4), from the lidar actor's right-handed axes to the rig's axes for it.
        beams: channels it was asked for.
        range_m: its range.
    """
    rows, ring = detections(measurement, beams, beams)
    body = flip_y(rows["xyz"])
    tag = rows["tag"].astype(np.uint8)
    distance = np.linalg.norm(body, axis=1)
    return LidarScan(
        points_m=apply(sensor_from_body, body).astype(np.float32),
        intensity=lidar_intensity(rows["cos"], distance, tag, range_m),
        ring=ring,
        actor_id=rows["actor_id"].copy(),
        tag=tag,
    )


def radar_scan(measurement: Any) -> RadarScan:
    """A radar's returns; CARLA's azimuth grows to the right, its velocity is negative for what comes nearer."""
    rows = np.frombuffer(measurement.raw_data, dtype=_RADAR_DETECTION)
    azimuth, altitude, depth = (rows[name].astype(np.float64) for name in ("azimuth", "altitude", "depth"))
    points = np.stack(
        [
            depth * np.cos(altitude) * np.cos(azimuth),
            depth * np.cos(altitude) * np.sin(azimuth),
            depth * np.sin(altitude),
        ],
        axis=1,
    )
    return RadarScan(flip_y(points).astype(np.float32), rows["velocity"].copy())
