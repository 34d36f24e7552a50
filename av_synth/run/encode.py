"""Sensor data as the bytes of nuScenes' blobs. Source of the layouts: nuscenes-devkit 1.2.0, utils/data_classes.py."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from av_synth.capture import CameraImage, LidarScan, RadarScan
from av_synth.errors import DataError
from av_synth.geometry.transforms import Array

JPEG_QUALITY = 90
_RADAR_POINT = np.dtype(
    [(name, "<f4") for name in "xyz"]
    + [("dyn_prop", "i1"), ("id", "<i2"), ("rcs", "<f4")]
    + [(name, "<f4") for name in ("vx", "vy", "vx_comp", "vy_comp")]
    + [(name, "i1") for name in ("is_quality_valid", "ambig_state", "x_rms", "y_rms", "invalid_state", "pdh0")]
    + [(name, "i1") for name in ("vx_rms", "vy_rms")]
)
_MOVING_MPS = 0.5


def jpeg(image: CameraImage) -> bytes:
    """A JPEG, RGB, 4:2:0."""
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(image.bgra), quality=JPEG_QUALITY, colorspace="BGRX", colorsubsampling="420"
    )
    return encoded


def mask_png(mask: npt.NDArray[np.uint16]) -> bytes:
    """A 16-bit grey PNG of an instance mask (H, W)."""
    done, encoded = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise DataError(f"an instance mask of shape {mask.shape} could not be encoded as PNG")
    return encoded.tobytes()


def lidar_bin(scan: LidarScan) -> bytes:
    """N x 5 little-endian float32: x, y, z, intensity, ring."""
    table = np.column_stack([scan.points_m, scan.intensity, scan.ring]).astype("<f4")
    if not np.isfinite(table).all():
        raise DataError("a lidar scan has points that are not finite")
    return table.tobytes()


def radar_pcd(scan: RadarScan, sensor_velocity_mps: Array) -> bytes:
    """A binary .pcd with the 18 fields of nuScenes' radars.

    A stock CARLA radar has no cross-section, so rcs is 0; the rms fields are the middle of their code tables. The
    velocity is what a radar measures: only its part along the ray.

    Args:
        scan: the returns.
        sensor_velocity_mps: (3,), the radar's own velocity in its own axes, to compensate.
    """
    points = scan.points_m
    if len(points) == 0:
        # the format has no empty scan: one record that is not a number stands for it
        table = np.zeros(1, dtype=_RADAR_POINT)
        table["x"] = np.nan
    else:
        direction = points / np.linalg.norm(points, axis=1, keepdims=True)
        over_ground = scan.range_rate_mps + direction @ sensor_velocity_mps
        table = np.zeros(len(points), dtype=_RADAR_POINT)
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
    header = "\n".join(
        [
            "# .PCD v0.7 - Point Cloud Data file format",
            "VERSION 0.7",
            f"FIELDS {' '.join(_RADAR_POINT.names or ())}",
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
