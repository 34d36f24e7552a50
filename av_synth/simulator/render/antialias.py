"""Smooth edges after drawing: the idea of FXAA, on the CPU, and only at the pixels where there is an edge."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_LEAST_CONTRAST = 34  # of 255; fainter edges are left alone, the grain of surfaces among them
_RELATIVE_CONTRAST = 0.3  # of the brightest neighbour
_WANTED = np.maximum(cv2.convertScaleAbs(np.arange(256, dtype=np.uint8), alpha=_RELATIVE_CONTRAST), _LEAST_CONTRAST)
_NEIGHBOURS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_OPAQUE = np.uint32(0xFF000000)
_STEPS = 5  # how far along an edge its ends are looked for, in pixels

Indices = npt.NDArray[np.intp]
Shorts = npt.NDArray[np.int16]


def smooth_edges(bgra: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy of an image (H, W, 4) uint8 with stair steps blended away, and alpha set to 255.

    Source of the method: T. Lottes, FXAA, NVIDIA white paper, 2009: find the direction of the edge that passes a pixel,
    how far away it ends on both sides, and blend with the pixel across it by where between the ends this one lies.
    """
    height, width = bgra.shape[:2]
    out = opaque(bgra)
    if min(height, width) < 3:
        return out
    grey = np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2GRAY), dtype=np.uint8)
    here = _edges(grey)
    if not len(here):
        return out
    flat_grey = grey.reshape(-1)
    steps = (0, -width, width, -1, 1)
    middle, north, south, west, east = (np.take(flat_grey, here + step).astype(np.int16) for step in steps)
    flat = np.abs(north - 2 * middle + south) >= np.abs(west - 2 * middle + east)  # the edge runs along the row

    first, second = np.where(flat, north, west), np.where(flat, south, east)
    back = np.abs(first - middle) >= np.abs(second - middle)
    beyond = np.where(back, first, second)
    across = np.where(flat, width, 1) * np.where(back, -1, 1)
    along = np.where(flat, 1, width)
    level = middle + beyond  # twice the brightness on the edge itself
    limit = np.maximum(np.abs(beyond - middle) // 2, 1)

    pairs = _pairs(grey)
    first_pair = here + np.where(flat, 0, grey.size) - np.where(back, np.where(flat, width, 1), 0)
    ends = [_end(pairs, first_pair, step, level, limit) for step in (-along, along)]
    (near, near_delta), (far, far_delta) = ends
    closer_delta = np.where(near < far, near_delta, far_delta)
    # only on the side of the step that the edge leans to, or the line would be smeared on both
    leans = (closer_delta < 0) != (2 * middle < level)
    share = np.where(leans, 0.5 - np.minimum(near, far) / (near + far).astype(np.float32), 0.0).astype(np.float32)
    around = (north + south + west + east).astype(np.float32) / 4
    contrast = np.maximum(np.abs(beyond - middle), 1).astype(np.float32)
    speck = np.minimum(np.abs(around - middle) / contrast, 1.0)
    share = np.maximum(share, 0.35 * speck * speck)

    packed = out.reshape(-1, 4).view(np.uint32)[:, 0]
    own, other = _as_image(packed[here]), _as_image(packed[here + across])
    packed[here] = cv2.blendLinear(own, other, 1.0 - share[None], share[None]).view(np.uint32).reshape(-1)
    return out


def opaque(bgra: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A copy of an image (H, W, 4) uint8 with alpha 255."""
    return np.asarray(np.bitwise_or(bgra.view(np.uint32), _OPAQUE).view(np.uint8))


def _as_image(pixels: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Packed pixels (N,) as an image (1, N, 4): rows cost time of their own."""
    return pixels.view(np.uint8).reshape(1, -1, 4)


def _edges(grey: npt.NDArray[np.uint8]) -> Indices:
    """Flat indices (N,) of pixels with contrast to a direct neighbour, the outermost rows and columns left out."""
    highest, lowest = cv2.dilate(grey, _NEIGHBOURS), cv2.erode(grey, _NEIGHBOURS)
    edge = cv2.compare(cv2.subtract(highest, lowest), cv2.LUT(highest, _WANTED), cv2.CMP_GE)
    edge[[0, -1]] = edge[:, [0, -1]] = 0
    return np.flatnonzero(edge != 0)  # much faster on booleans


def _pairs(grey: npt.NDArray[np.uint8]) -> Shorts:
    """Sums of each pixel (H, W) and the one below, then of each and the one on its right: (2 H W,)."""
    below = cv2.copyMakeBorder(grey[1:], 0, 1, 0, 0, cv2.BORDER_REPLICATE)
    beside = cv2.copyMakeBorder(grey[:, 1:], 0, 0, 0, 1, cv2.BORDER_REPLICATE)
    pairs = np.empty((2, *grey.shape), dtype=np.int16)
    for sums, other in zip(pairs, (below, beside), strict=True):
        cv2.add(grey, other, dst=sums, dtype=cv2.CV_16S)
    return pairs.reshape(-1)


def _end(pairs: Shorts, first: Indices, step: Indices, level: Shorts, limit: Shorts) -> tuple[Shorts, Shorts]:
    """How many steps (N,) from pairs `first` the edge between their pixels ends, and what the brightness does there."""
    distance = np.ones(len(first), dtype=np.int16)
    open_ = np.ones(len(first), dtype=bool)
    at = first
    for _ in range(1, _STEPS):
        at = at + step
        # clipped: an edge may run out of the image
        change = np.take(pairs, at, mode="clip")
        change -= level
        open_ &= np.abs(change, out=change) < limit
        distance += open_
    return distance, np.take(pairs, first + step * distance, mode="clip") - level
