"""Anti-aliased drawing on BGR canvases (H, W, 3) uint8: text, lines, boxes in a camera's image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.lens import Bend, to_pixels
from av_synth.verify.maths import BOX_EDGES, FRONT_CORNERS, Array, clip_edge, clip_to_image, convex_hull

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

BACKGROUND: Colour = (24, 21, 19)
PANEL: Colour = (38, 34, 31)
INK: Colour = (240, 238, 235)
FAINT: Colour = (160, 152, 146)
GOOD: Colour = (120, 205, 120)
BAD: Colour = (90, 90, 240)

_PIECES = 17  # points along an edge behind a lens
_NEAR_M = 0.2  # nearer parts of a box would fill the image with two lines
_SUBPIXEL_BITS = 4
_FONT, _BOLD = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX
_PX_PER_SCALE = 22.0  # height of a capital letter at font scale 1

CLASS_COLOURS: dict[str, Colour] = {
    "car": (255, 178, 66),
    "emergency": (255, 110, 160),
    "truck": (96, 150, 255),
    "bus": (60, 200, 250),
    "trailer": (120, 140, 190),
    "construction": (80, 120, 190),
    "motorcycle": (255, 120, 220),
    "bicycle": (230, 90, 180),
    "adult": (80, 80, 255),
    "child": (60, 230, 255),
    "pedestrian": (110, 110, 240),
    "cone / barrier": (60, 170, 240),
    "other": (190, 190, 190),
}
"""BGR by the short names of `class_of`."""


def class_of(category: str) -> str:
    """The short name of a nuScenes category, a key of `CLASS_COLOURS`."""
    parts = category.split(".")
    if parts[0] == "human":
        return parts[2] if len(parts) > 2 and parts[2] in CLASS_COLOURS else "pedestrian"
    if parts[0] == "movable_object":
        return "cone / barrier" if parts[-1] in ("trafficcone", "barrier") else "other"
    return parts[1] if len(parts) > 1 and parts[1] in CLASS_COLOURS else "other"


def text(
    canvas: Image, at: tuple[float, float], words: str, height_px: float, colour: Colour = INK, *, bold: bool = False
) -> int:
    """Write words with the left end of their base line at (x, y); `height_px` is that of a capital letter.

    Returns:
        The width in pixels.
    """
    scale, font = height_px / _PX_PER_SCALE, _BOLD if bold else _FONT
    cv2.putText(canvas, words, (round(at[0]), round(at[1])), font, scale, colour, 1, cv2.LINE_AA)
    return text_width(words, height_px, bold=bold)


def text_width(words: str, height_px: float, *, bold: bool = False) -> int:
    """The width of words in pixels."""
    (width, _), _ = cv2.getTextSize(words, _BOLD if bold else _FONT, height_px / _PX_PER_SCALE, 1)
    return int(width)


def _fixed(points: Any) -> npt.NDArray[np.int32]:
    return np.rint(np.asarray(points, dtype=np.float64) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def line(canvas: Image, a: Sequence[float], b: Sequence[float], colour: Colour, width: int = 1) -> None:
    """Draw a line between points (x, y) that may be far outside the canvas."""
    ends = _clip_line(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64), canvas.shape)
    if ends is not None:
        p, q = _fixed(ends)
        cv2.line(canvas, tuple(map(int, p)), tuple(map(int, q)), colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _clip_line(a: Array, b: Array, shape: tuple[int, ...]) -> tuple[Array, Array] | None:
    """The part of a segment within 8 px of the canvas. Source: Liang and Barsky (1984)."""
    first, last, way = 0.0, 1.0, b - a
    for axis, size in ((0, shape[1]), (1, shape[0])):
        for bound, sign in ((-8.0, -1.0), (size + 8.0, 1.0)):
            room, speed = sign * (bound - a[axis]), sign * way[axis]
            if speed == 0.0 and room < 0.0:
                return None
            if speed < 0.0:
                first = max(first, room / speed)
            elif speed > 0.0:
                last = min(last, room / speed)
    return (a + first * way, a + last * way) if first < last else None


def polyline(canvas: Image, points: Array, colour: Colour, width: int = 1, *, closed: bool = True) -> None:
    """Draw a polyline through points (N, 2)."""
    for k in range(len(points) - (0 if closed else 1)):
        line(canvas, points[k], points[(k + 1) % len(points)], colour, width)


def fill(canvas: Image, polygon: Array, colour: Colour, opacity: float) -> None:
    """Lay a see-through convex polygon (N, 2) over the canvas, which it may leave."""
    inside = clip_to_image(polygon, canvas.shape[1], canvas.shape[0])
    if len(inside) < 3:
        return
    (x0, y0), (x1, y1) = np.floor(inside.min(axis=0)).astype(int), np.ceil(inside.max(axis=0)).astype(int) + 1
    x0, y0 = max(x0, 0), max(y0, 0)
    part = canvas[y0:y1, x0:x1]
    layer = part.copy()
    cv2.fillConvexPoly(layer, _fixed(inside - (x0, y0)), colour, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.addWeighted(layer, opacity, part, 1.0 - opacity, 0.0, dst=part)


def plate(canvas: Image, x: float, y: float, words: str, height_px: float, colour: Colour) -> None:
    """Write words on a dark see-through plate whose lower left corner is at (x, y)."""
    width, pad = text_width(words, height_px), 3
    corners = np.array(
        [[0, 0], [width + 2 * pad, 0], [width + 2 * pad, -height_px - 2 * pad], [0, -height_px - 2 * pad]]
    )
    fill(canvas, np.add(corners, (x, y)), (16, 14, 12), 0.7)
    text(canvas, (x + pad, y - pad), words, height_px, colour)


def camera_box(
    canvas: Image, intrinsic: Array, corners_camera: Array, colour: Colour, *, strong: bool, bend: Bend | None = None
) -> tuple[float, float, float] | None:
    """Draw a box, cut at the near plane, with its front face filled and its front edges doubled.

    Args:
        canvas: the image.
        intrinsic: (3, 3), of the image as it is drawn on.
        corners_camera: (8, 3) in the camera's frame, ordered as `box_corners` does.
        colour: of the edges.
        bend: the lens of the image as it is drawn on; None for a pinhole.
        strong: whether the thing is seen; edges of a hidden one are thin and faint, and its front is not filled.

    Returns:
        Middle and top (x, y) of the part inside the image, and that part's height, for a label; None when it is
        outside.
    """
    edges = [(a, b, clip_edge(corners_camera[a], corners_camera[b], _NEAR_M)) for a, b in BOX_EDGES]
    share = np.linspace(0.0, 1.0, 2 if bend is None else _PIECES)[:, None]
    shown = [
        (a, b, to_pixels(intrinsic, bend, cut[0] + share * (cut[1] - cut[0]))) for a, b, cut in edges if cut is not None
    ]
    if not shown:
        return None
    outline = clip_to_image(
        convex_hull(np.concatenate([ends for _, _, ends in shown])), canvas.shape[1], canvas.shape[0]
    )
    if len(outline) < 3:
        return None
    layer = canvas if strong else canvas.copy()
    front = set(FRONT_CORNERS)
    if strong:
        face = [ends for a, b, ends in shown if a in front and b in front]
        if face:
            fill(canvas, convex_hull(np.concatenate(face)), colour, 0.22)
        for _, _, ends in shown:
            for start, end in pairwise(ends):
                line(canvas, start, end, (18, 16, 14), 3)
    for a, b, ends in shown:
        for start, end in pairwise(ends):
            line(layer, start, end, colour, 2 if strong and a in front and b in front else 1)
    if not strong:
        cv2.addWeighted(layer, 0.6, canvas, 0.4, 0.0, dst=canvas)
    top, bottom = outline[:, 1].min(), outline[:, 1].max()
    return float((outline[:, 0].min() + outline[:, 0].max()) / 2.0), float(top), float(bottom - top)
