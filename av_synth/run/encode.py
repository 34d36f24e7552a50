"""Sensor data as the bytes of nuScenes' blobs. Source of the layouts: nuscenes-devkit 1.2.0, utils/data_classes.py."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from av_synth.capture import CameraImage, LidarScan, RadarDetails, RadarScan
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.log.taxonomy import LIDAR_TIME, RADAR_POINT, RADAR_TRUTH
from av_synth.run import radar_codes

_JPEG_QUALITY = 90
_MOVING_MPS = 0.5
_MAX_UINT16 = 65535.0
_FLOW_STEPS, _FLOW_ZERO, _NOTHING = np.float32(64.0), np.float32(32768.0), np.float32(0.0)
_FLOW_LIMIT_PX = 511.99  # 16 bits hold no more


def jpeg(image: CameraImage) -> bytes:
    """A JPEG, RGB, 4:2:0."""
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image.bgra), quality=_JPEG_QUALITY, colorspace="BGRX", colorsubsampling="420"
    )
    return encoded


def mask_png(mask: npt.NDArray[np.uint16]) -> bytes:
    """A 16-bit grey PNG of an instance mask (H, W)."""
    return _label_png(mask, "an instance mask", cv2.IMWRITE_PNG_STRATEGY_RLE, "UP")


def semantic_png(tag: npt.NDArray[np.uint8]) -> bytes:
    """An 8-bit grey PNG of CityObjectLabels (H, W)."""
    return _label_png(tag, "a semantic image", cv2.IMWRITE_PNG_STRATEGY_RLE, "UP")


def depth_png(depth_m: npt.NDArray[np.float32]) -> bytes:
    """A 16-bit grey PNG of depths (H, W) in centimetres; 0 is farther than 655.35 m."""
    centimetres = np.rint(depth_m * np.float32(100.0))
    centimetres[~(centimetres <= _MAX_UINT16)] = 0.0
    return _label_png(centimetres.astype(np.uint16), "a depth image", cv2.IMWRITE_PNG_STRATEGY_DEFAULT, "UP")


def flow_png(flow_px: npt.NDArray[np.float32]) -> bytes:
    """A 16-bit colour PNG of optical flow (H, W, 2) in pixels, as KITTI has it.

    Red and green are u and v, times 64 plus 2^15; blue is 1 where they are valid. All three are 0 where they are not
    finite, too large for that, or as large as the image: CARLA's flow goes no farther, and means nothing there.
    Source: KITTI, optical flow evaluation 2015, development kit, readme.
    """
    height, width = flow_px.shape[:2]
    u, v = cv2.split(np.ascontiguousarray(flow_px))
    valid = (np.abs(u) < min(width, _FLOW_LIMIT_PX)) & (np.abs(v) < min(height, _FLOW_LIMIT_PX))
    blue = valid.astype(np.uint16)
    red, green = (
        np.where(valid, np.rint(part * _FLOW_STEPS + _FLOW_ZERO), _NOTHING).astype(np.uint16) for part in (u, v)
    )
    image = np.asarray(cv2.merge([blue, green, red]), dtype=np.uint16)
    return _label_png(image, "a flow image", cv2.IMWRITE_PNG_STRATEGY_DEFAULT, "SUB")


def _label_png(
    image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], what: str, strategy: int, row_filter: str
) -> bytes:
    """In the least time: one row filter named, instead of the best of all looked for in each row, halves it."""
    settings = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, strategy]
    if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # older ones of OpenCV have not
        settings += [cv2.IMWRITE_PNG_FILTER, getattr(cv2, f"IMWRITE_PNG_FILTER_{row_filter}")]
    done, encoded = cv2.imencode(".png", image, settings)
    if not done:
        raise DataError(f"{what} of shape {image.shape} could not be encoded as PNG")
    return encoded.tobytes()


def panoptic_npz(labels: npt.NDArray[np.uint16]) -> bytes:
    """Panoptic labels (N,) as the compressed npz that nuScenes has, array `data`; equal labels give equal bytes.

    numpy gives the one file in the archive no time of its own but zip's earliest, the year 1980.
    """
    sink = io.BytesIO()
    np.savez_compressed(sink, data=labels)
    return sink.getvalue()


def lidar_bin(scan: LidarScan) -> bytes:
    """N x 5 little-endian float32: x, y, z, intensity, ring."""
    table = np.column_stack([scan.points_m, scan.intensity, scan.ring]).astype("<f4")
    if not np.isfinite(table).all():
        raise DataError("a lidar scan has points that are not finite")
    return table.tobytes()


def lidar_times(scan: LidarScan) -> bytes:
    """What is told of each point of a lidar that is a device, `LIDAR_TIME`s in the order of the points.

    Raises:
        DataError: if the turn is of a lidar that is none.
    """
    if scan.time_s is None or scan.echo is None or scan.is_weather is None:
        raise DataError("a lidar scan has no times")
    table = np.zeros(len(scan.ring), dtype=LIDAR_TIME)
    table["time_us"] = np.rint(scan.time_s.astype(np.float64) * 1e6)
    table["echo"], table["weather"] = scan.echo, scan.is_weather
    return table.tobytes()


def radar_pcd(scan: RadarScan, sensor_velocity_mps: Array) -> bytes:
    """A binary .pcd with the 18 fields of nuScenes' radars.

    The velocity is what a radar measures: only its part along the ray. What else a device tells: `radar_codes`. A radar
    that is none has no cross-section, so rcs is 0; its rms fields are the middle of their code tables.

    Args:
        scan: the returns.
        sensor_velocity_mps: (3,), the radar's own velocity in its own axes, to compensate.
    """
    points = scan.points_m
    if len(points) == 0:
        # the format has no empty scan: one record that is not a number stands for it
        table = np.zeros(1, dtype=RADAR_POINT)
        table["x"] = np.nan
    else:
        range_m = np.linalg.norm(points, axis=1)
        direction = points / range_m[:, None]
        over_ground = scan.range_rate_mps + direction @ sensor_velocity_mps
        table = np.zeros(len(points), dtype=RADAR_POINT)
        for axis, name in enumerate("xyz"):
            table[name] = points[:, axis]
        for axis, name in enumerate(("vx", "vy")):
            table[name] = direction[:, axis] * scan.range_rate_mps
            table[f"{name}_comp"] = direction[:, axis] * over_ground
        # 0 moving, 1 stationary, 2 oncoming
        table["dyn_prop"] = np.where(over_ground < -_MOVING_MPS, 2, np.where(over_ground > _MOVING_MPS, 0, 1))
        table["id"] = np.arange(len(points))
        table["is_quality_valid"] = 1
        table["ambig_state"] = 3  # unambiguous
        for name in ("x_rms", "y_rms", "vx_rms", "vy_rms"):
            table[name] = 16
        table["pdh0"] = 1
        if scan.details is not None:
            radar_codes.fill(table, scan.details, range_m)
    header = "\n".join(
        [
            "# .PCD v0.7 - Point Cloud Data file format",
            "VERSION 0.7",
            f"FIELDS {' '.join(RADAR_POINT.names or ())}",
            "SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1",
            "TYPE F F F I I F F F F F I I I I I I I I",
            "COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            f"WIDTH {len(table)}",
            "HEIGHT 1",
            "VIEWPOINT 0 0 0 1 0 0 0",
            f"POINTS {len(table)}",
            "DATA binary",
        ]
    )
    # the devkit wants at least one byte after the last record
    return header.encode("ascii") + b"\n" + table.tobytes() + b"\n"


def radar_truth(details: RadarDetails) -> bytes:
    """What is true of each return of a scan, `RADAR_TRUTH`s in the order of the returns."""
    table = np.zeros(len(details.origin), dtype=RADAR_TRUTH)
    table["actor_id"], table["origin"] = details.actor_id, details.origin
    return table.tobytes()
