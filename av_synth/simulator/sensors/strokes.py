"""Debug shapes in colour images: lines of the world, hidden by what stands before them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Stroke, View

_NEAR_M = 0.05
_BEFORE_M = 0.03  # lines that lie on a surface are seen
_MOST_PX = 16  # half a thickness


def with_strokes(
    bgra: npt.NDArray[np.uint8], depth_m: npt.NDArray[np.float32], view: View, strokes: Iterable[Stroke]
) -> npt.NDArray[np.uint8]:
    """A colour image (H, W, 4) with lines in it, where they are nearer than the image's depth (H, W)."""
    drawn = bgra.copy()
    for stroke in strokes:
        _draw(drawn, depth_m, view, stroke)
    return drawn


def _draw(bgra: npt.NDArray[np.uint8], depth_m: npt.NDArray[np.float32], view: View, stroke: Stroke) -> None:
    samples = _samples(view, stroke)
    if samples is None:
        return
    at, z = samples
    height, width = depth_m.shape
    half = np.clip(np.rint(0.5 * stroke.thickness_m * view.fx_px / z), 0, _MOST_PX).astype(int)
    every = max(int(half.min()), 1)  # squares of this size overlap
    at, z, half = (np.concatenate([values[::every], values[-1:]]) for values in (np.rint(at).astype(int), z, half))
    steps = np.arange(-int(half.max()), int(half.max()) + 1)
    right, down = (step.ravel() for step in np.meshgrid(steps, steps))
    x, y = at[:, :1] + right, at[:, 1:] + down
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    inside &= half[:, None] >= np.maximum(np.abs(right), np.abs(down))
    near = np.broadcast_to(z[:, None] - _BEFORE_M, x.shape)[inside]
    x, y = x[inside], y[inside]
    seen = near < depth_m[y, x]
    bgra[y[seen], x[seen]] = (*stroke.colour[::-1], 255)


def _samples(view: View, stroke: Stroke) -> tuple[Array, Array] | None:
    """Points of a line a pixel apart, (N, 2) in the image, and their depths (N,), m; None if it is out of the image."""
    m = view.world_from_camera
    ends = (np.array([stroke.start_m, stroke.end_m]) - m[:3, 3]) @ m[:3, :3]
    if ends[:, 2].max() <= _NEAR_M:
        return None
    behind = int(np.argmin(ends[:, 2]))
    if ends[behind, 2] < _NEAR_M:
        near, far = ends[behind], ends[1 - behind]
        ends[behind] = near + (far - near) * (_NEAR_M - near[2]) / (far[2] - near[2])
    at = ends[:, :2] / ends[:, 2:] * [view.fx_px, view.fy_px] + [view.cx_px, view.cy_px]
    along, first, last = at[1] - at[0], 0.0, 1.0
    for k, size in enumerate((view.width_px, view.height_px)):
        low, high = -_MOST_PX - at[0, k], size + _MOST_PX - at[0, k]
        if abs(along[k]) > 1e-9:
            enters, leaves = sorted((low / along[k], high / along[k]))
            first, last = max(first, enters), min(last, leaves)
        elif not low <= 0.0 <= high:
            return None
    if first > last:
        return None
    share = np.linspace(first, last, 2 + int(np.abs(along).max() * (last - first)))[:, None]
    depth = 1.0 / ((1.0 - share) / ends[0, 2] + share / ends[1, 2])
    return at[0] + share * along, depth[:, 0]
