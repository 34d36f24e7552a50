"""Views as matrices and planes: the OpenCV camera in OpenGL's clip space, culling, and bounds in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import View

NEAR_M = 0.05
FAR_M = 1000.0
"""Depths beyond it, and the sky, are reported as this."""


@dataclass(frozen=True)
class Frustum:
    """What a view sees, as planes (K, 4): a point p in the world is inside where n . p + d >= 0 for each (n, d)."""

    planes: Array

    def boxes(self, centres_m: Array, halves_m: Array) -> npt.NDArray[np.bool_]:
        """Which axis-aligned boxes (N, 3), (N, 3) in the world may be seen: (N,), never a false no."""
        normals, offsets = self.planes[:, :3], self.planes[:, 3]
        reach = centres_m @ normals.T + halves_m @ np.abs(normals).T + offsets
        return np.asarray((reach >= 0.0).all(axis=1))

    def spheres(self, centres_m: Array, radii_m: Array) -> npt.NDArray[np.bool_]:
        """Which spheres (N, 3), (N,) in the world may be seen: (N,), never a false no."""
        reach = centres_m @ self.planes[:, :3].T + self.planes[:, 3] + radii_m[:, None]
        return np.asarray((reach >= 0.0).all(axis=1))


def check(view: View) -> None:
    """Raise DataError unless the view is finite, rigid enough to invert, and of a size that can be drawn."""
    numbers = [view.fx_px, view.fy_px, view.cx_px, view.cy_px]
    if view.world_from_camera.shape != (4, 4) or not np.isfinite(view.world_from_camera).all():
        raise DataError(f"camera pose: want a finite (4, 4) matrix, got {view.world_from_camera.tolist()}")
    if not np.isfinite(numbers).all() or min(view.fx_px, view.fy_px) <= 0:
        raise DataError(f"camera intrinsics: want finite numbers and focal lengths over 0, got {numbers}")
    if not (1 <= view.width_px <= 8192 and 1 <= view.height_px <= 8192):
        raise DataError(f"camera size: want 1 to 8192 pixels a side, got {view.width_px} x {view.height_px}")


def enlarged(view: View, times: int) -> View:
    """The same view with so many times the pixels across and down."""
    # pixel u is the square around u: its left edge is u - 0.5
    cx, cy = (times * (at + 0.5) - 0.5 for at in (view.cx_px, view.cy_px))
    width, height = times * view.width_px, times * view.height_px
    return View(view.world_from_camera, width, height, times * view.fx_px, times * view.fy_px, cx, cy)


def clip_from_relative(view: View) -> Array:
    """(4, 4) from camera-relative world axes (origin in the camera, axes of the world) to clip space.

    Pixel (u, v) is the square of side one around (u, v), as in OpenCV, and covers row v from the bottom of OpenGL's
    image, so that memory starts with the top row. Depth is reversed, z = NEAR_M / metres along the optical axis:
    float32 then keeps a relative precision of about 1e-7 at all distances.
    """
    w, h = view.width_px, view.height_px
    clip_from_camera = np.array(
        [
            [2.0 * view.fx_px / w, 0.0, 2.0 * (view.cx_px + 0.5) / w - 1.0, 0.0],
            [0.0, 2.0 * view.fy_px / h, 2.0 * (view.cy_px + 0.5) / h - 1.0, 0.0],
            [0.0, 0.0, 0.0, NEAR_M],
            [0.0, 0.0, 1.0, 0.0],
        ]
    )
    camera_from_relative = np.eye(4)
    camera_from_relative[:3, :3] = view.world_from_camera[:3, :3].T
    return np.asarray(clip_from_camera @ camera_from_relative)


def frustum(view: View) -> Frustum:
    """The pyramid of a view from its near plane on; far ends are drawn however far they are."""
    left, right = view.cx_px + 0.5, view.width_px - 0.5 - view.cx_px
    top, bottom = view.cy_px + 0.5, view.height_px - 0.5 - view.cy_px
    normals = np.array(
        [
            [view.fx_px, 0.0, left],
            [-view.fx_px, 0.0, right],
            [0.0, view.fy_px, top],
            [0.0, -view.fy_px, bottom],
            [0.0, 0.0, 1.0],
        ]
    )
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)) @ view.world_from_camera[:3, :3].T
    offsets = -normals @ view.world_from_camera[:3, 3]
    offsets[4] -= NEAR_M
    return Frustum(np.concatenate([normals, offsets[:, None]], axis=1))


def box_corners(centre_m: Array, half_m: Array) -> Array:
    """The corners (8, 3) of a box given by centre (3,) and half extents (3,)."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    return np.asarray(centre_m + signs * half_m)


def pixel_bounds(view: View, points_world: Array) -> tuple[int, int, int, int] | None:
    """Rectangle (x, y, width, height) of whole pixels that holds the hull of points (N, 3); None if out of the image.

    A hull that reaches behind the near plane gets the whole image.
    """
    m = view.world_from_camera
    points = (points_world - m[:3, 3]) @ m[:3, :3]
    if points[:, 2].max() < NEAR_M:
        return None
    if points[:, 2].min() < NEAR_M:
        return 0, 0, view.width_px, view.height_px
    u = view.fx_px * points[:, 0] / points[:, 2] + view.cx_px + 0.5
    v = view.fy_px * points[:, 1] / points[:, 2] + view.cy_px + 0.5
    # one pixel more on each side: float32 in the rasteriser may round either way
    left, right = max(int(np.floor(u.min())) - 1, 0), min(int(np.ceil(u.max())) + 1, view.width_px)
    top, bottom = max(int(np.floor(v.min())) - 1, 0), min(int(np.ceil(v.max())) + 1, view.height_px)
    if left >= right or top >= bottom:
        return None
    return left, top, right - left, bottom - top
