"""Cameras in OpenCV axes: x right, y down, z forward; integer pixel coordinates are pixel centres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.lens import Lens
from av_synth.geometry.transforms import Array, rigid

# A sensor actor looks along its own x; turns (x forward, y left, z up) into the optical axes.
BODY_FROM_CAMERA: Array = rigid([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], [0.0, 0.0, 0.0])


def project(
    points_camera: npt.ArrayLike, fx_px: float, fy_px: float, cx_px: float, cy_px: float, lens: Lens | None = None
) -> tuple[Array, Array]:
    """Pixels (N, 2) and depths (N,) in metres of points (N, 3) in camera axes; pixels of points behind are void."""
    points = np.asarray(points_camera, dtype=np.float64)
    depth = points[:, 2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    if lens is not None:
        bent = lens.distort(points[:, :2] / safe[:, None])
        return bent * [fx_px, fy_px] + [cx_px, cy_px], depth
    pixels = np.stack([fx_px * points[:, 0] / safe + cx_px, fy_px * points[:, 1] / safe + cy_px], axis=1)
    return pixels, depth


def unproject(
    pixels: npt.ArrayLike,
    depth_m: npt.ArrayLike,
    fx_px: float,
    fy_px: float,
    cx_px: float,
    cy_px: float,
    lens: Lens | None = None,
) -> Array:
    """Points (N, 3) in camera axes of pixels (N, 2) at depths (N,) along the optical axis."""
    uv = np.asarray(pixels, dtype=np.float64)
    depth = np.asarray(depth_m, dtype=np.float64)
    if lens is not None:
        straight = lens.undistort((uv - [cx_px, cy_px]) / [fx_px, fy_px])
        return np.c_[straight * depth[:, None], depth]
    points: Array = np.stack([(uv[:, 0] - cx_px) / fx_px * depth, (uv[:, 1] - cy_px) / fy_px * depth, depth], axis=1)
    return points
