"""The lidar turn of a sample from above, with boxes, range rings and the ego."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from av_synth.report import drawing
from av_synth.report.drawing import Colour, Image
from av_synth.verify.maths import Array, box_corners

Place = Callable[[Array], Array]
"""From metres (N, 2) in the ego's frame to pixels (N, 2)."""

_SCALE = 2  # drawn so much larger, then shrunk: points come out soft instead of blocky
_RING_M = 10
_GROUND_M, _HIGH_M = -0.3, 4.0
_EGO_M = (4.08, 1.79, 0.77)  # length and width of the ego, and how far its tail is behind the rear axle


@dataclass(frozen=True)
class BoxFromAbove:
    """A box to draw: `ego_from_box` (4, 4), width, length and height in metres, its colour, whether it is seen."""

    ego_from_box: Array
    size_wlh_m: tuple[float, float, float]
    colour: Colour
    strong: bool


def lidar_from_above(points_ego: Array, boxes: Sequence[BoxFromAbove], size_px: int, reach_m: float) -> Image:
    """Draw points (N, 3) and boxes in the ego's frame; the ego is in the middle and drives upwards.

    Args:
        points_ego: metres.
        boxes: in any order.
        size_px: of the square picture.
        reach_m: from the middle to each side.

    Returns:
        (size_px, size_px, 3) uint8 BGR.
    """
    side = size_px * _SCALE
    px_per_m = side / (2.0 * reach_m)

    def at(xy_m: Array) -> Array:
        return np.asarray((side - 1) / 2.0 - np.atleast_2d(xy_m)[:, 1::-1] * px_per_m)

    canvas: Image = np.full((side, side, 3), drawing.BACKGROUND, dtype=np.uint8)
    middle = (side - 1) / 2.0
    for radius_m in range(_RING_M, int(reach_m * 1.5), _RING_M):
        centre, radius = (round(middle), round(middle)), round(radius_m * px_per_m)
        cv2.circle(canvas, centre, radius, (56, 51, 47), _SCALE, cv2.LINE_AA)
    _points(canvas, at, points_ego)
    for box in boxes:
        _box(canvas, at, box)
    _ego(canvas, at)
    picture = np.asarray(cv2.resize(canvas, (size_px, size_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for radius_m in range(_RING_M, int(reach_m), _RING_M):
        # on the diagonal, where there is seldom a road
        aside = size_px / 2.0 + radius_m * px_per_m / _SCALE * math.sqrt(0.5)
        drawing.text(picture, (aside - 12, aside + 4), f"{radius_m} m", 9, drawing.FAINT)
    return picture


def height_colours(heights_m: Array) -> Image:
    """BGR colours (N, 3) of heights above the ground, blue at the road to red at 4 m."""
    share = np.clip((heights_m - _GROUND_M) / (_HIGH_M - _GROUND_M), 0.0, 1.0)
    level = (35 + 185 * share).astype(np.uint8).reshape(-1, 1)
    return np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_TURBO).reshape(-1, 3), dtype=np.uint8)


def _points(canvas: Image, at: Place, points_ego: Array) -> None:
    place = np.rint(at(points_ego[:, :2])).astype(np.int64)
    order = np.argsort(points_ego[:, 2])  # the highest point of a pixel is the one seen from above
    colours = height_colours(points_ego[:, 2])
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = place[order, 0] + dx, place[order, 1] + dy
        inside = (x >= 0) & (y >= 0) & (x < canvas.shape[1]) & (y < canvas.shape[0])
        canvas[y[inside], x[inside]] = colours[order][inside]


def _box(canvas: Image, at: Place, box: BoxFromAbove) -> None:
    corners = box_corners(box.ego_from_box, box.size_wlh_m)[[0, 2, 6, 4], :2]
    outline = at(corners)
    length = box.size_wlh_m[1]
    tick = box.ego_from_box[:2, 3] + np.outer(
        (length / 2.0, length / 2.0 + max(0.8, 0.25 * length)), box.ego_from_box[:2, 0]
    )
    width = _SCALE + 1 if box.strong else 1
    if box.strong:
        drawing.fill(canvas, outline, box.colour, 0.25)
    drawing.polyline(canvas, outline, box.colour, width)
    ends = at(tick)
    drawing.line(canvas, ends[0], ends[1], box.colour, width)


def _ego(canvas: Image, at: Place) -> None:
    length, width, tail = _EGO_M
    x0, x1, y = -tail, length - tail, width / 2.0
    shell = np.array([[x0, -y], [x0, y], [x1 - 0.5, y], [x1, y - 0.5], [x1, 0.5 - y], [x1 - 0.5, -y]])
    drawing.fill(canvas, at(shell), drawing.INK, 0.9)
    arrow = np.array([[x1 - 0.9, 0.0], [x1 - 2.1, 0.6], [x1 - 2.1, -0.6]])
    drawing.fill(canvas, at(arrow), (60, 50, 45), 1.0)
