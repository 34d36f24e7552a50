"""One square picture out of those of a model's substances."""

from __future__ import annotations

import cv2
import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Integers, Model, Picture

_SIDE_PX = 512
_GUTTER_PX = 3  # around each piece, in the colour of its edge, for smaller copies of the picture blur over edges
_REPEATS = 4.0  # a picture that is laid out more often than this is laid out so often, coarser


def atlas(model: Model, textured: Integers) -> tuple[Picture, Array]:
    """Put what the substances `textured` show side by side.

    Returns:
        The (_SIDE_PX, _SIDE_PX, 3) picture, and the places (T, 3, 2) of the corners in it, 0..1 from its top left;
        0 for triangles of other substances.
    """
    places = np.zeros_like(model.uvs)
    pieces: list[tuple[int, Picture, Array, Array]] = []
    for number in textured:
        mine = model.substance == number
        picture = model.substances[int(number)].picture
        if picture is None or not mine.any():
            continue
        uvs = model.uvs[mine].copy()
        uvs -= np.floor(uvs.min(axis=(0, 1)))
        low, high = uvs.min(axis=(0, 1)), uvs.max(axis=(0, 1))
        pieces.append((int(number), _cut(picture, low, high), low, np.maximum(high - low, 1e-9)))
    canvas = np.zeros((_SIDE_PX, _SIDE_PX, 3), dtype=np.uint8)
    sizes = np.array([piece[1].shape[:2] for piece in pieces]).reshape(-1, 2)
    for (number, piece, low, span), (top, left, height, width) in zip(pieces, _laid_out(sizes), strict=True):
        mine = model.substance == number
        small = cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA)
        g = _GUTTER_PX
        framed = cv2.copyMakeBorder(small, g, g, g, g, cv2.BORDER_REPLICATE)
        canvas[top : top + height + 2 * g, left : left + width + 2 * g] = framed
        uvs = model.uvs[mine] - np.floor(model.uvs[mine].min(axis=(0, 1)))
        share = np.clip((uvs - low) / span, 0.0, 1.0)
        places[mine] = (np.array([left + g, top + g]) + share * np.array([width, height])) / _SIDE_PX
    return canvas, places


def _cut(picture: Picture, low: Array, high: Array) -> Picture:
    """The part of a repeating picture between two places (2,), 0..1 being one picture."""
    height, width = picture.shape[:2]
    span = np.maximum(high - low, 1e-9)
    size = np.clip(np.ceil(np.minimum(span, _REPEATS) * [width, height]), 2, 2 * _SIDE_PX).astype(int)
    x = ((low[0] + (np.arange(size[0]) + 0.5) / size[0] * span[0]) % 1.0 * width).astype(int)
    y = ((low[1] + (np.arange(size[1]) + 0.5) / size[1] * span[1]) % 1.0 * height).astype(int)
    return np.ascontiguousarray(picture[np.minimum(y, height - 1)][:, np.minimum(x, width - 1)])


def _laid_out(sizes: Integers) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width of pieces (N, 2) in the square, all at the largest common scale that fits."""
    low, high = 0.0, 4.0
    best = [(0, 0, 1, 1)] * len(sizes)
    for _ in range(24):
        scale = (low + high) / 2
        found = _shelved(np.maximum(np.floor(sizes * scale), 1).astype(np.int64))
        low, high = (scale, high) if found is not None else (low, scale)
        best = best if found is None else found
    return best


def _shelved(sizes: Integers) -> list[tuple[int, int, int, int]] | None:
    """Pieces in rows, the highest first; None if they do not fit."""
    places: dict[int, tuple[int, int, int, int]] = {}
    top = left = row = 0
    for k in sorted(range(len(sizes)), key=lambda k: (-int(sizes[k, 0]), k)):
        height, width = int(sizes[k, 0]), int(sizes[k, 1])
        if left + width + 2 * _GUTTER_PX > _SIDE_PX:
            top, left, row = top + row, 0, 0
        if left + width + 2 * _GUTTER_PX > _SIDE_PX or top + height + 2 * _GUTTER_PX > _SIDE_PX:
            return None
        places[k] = (top, left, height, width)
        left, row = left + width + 2 * _GUTTER_PX, max(row, height + 2 * _GUTTER_PX)
    return [places[k] for k in range(len(sizes))]
