"""A lens put before a pinhole's images: a wider pinhole view that covers the image, and where each pixel is in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.lens import Lens

_WIDEST = 3.8
"""Tangent of the angle to the axis, 75 degrees, to which one plane before the camera is drawn."""
_LARGEST_PX = 8192
"""A side of the wider view."""

_ROOM_PX = 2  # around what is needed, for neighbours
_FINEST = 2.0  # the wider view is drawn that much finer at most, where a lens stretches
_SAME_SURFACE = 0.02  # of depth, by which neighbouring pixels of one surface differ

_ROLLING_ROOM = 0.025  # of the image's width
_ROLLS = 3  # where something is when its row is read depends on how it moves where it is then

Kind = TypeVar("Kind", bound=np.generic)
Image = npt.NDArray[np.uint8]
Depth = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Optics:
    """A camera: size, focal length and principal point in pixels, and its lens; None for a pinhole."""

    width_px: int
    height_px: int
    focal_px: float
    cx_px: float
    cy_px: float
    lens: Lens | None = None


@dataclass(frozen=True, eq=False)
class Bending:
    """How the images of a pinhole become those of a lens.

    Attributes:
        camera: whose images they become.
        source: the pinhole view that covers the image; its principal point may be outside it.
        at: (2, H, W) float32, column and row in the source of the middle of each pixel of the image.
    """

    camera: Optics
    source: Optics
    at: npt.NDArray[np.float32]

    @cached_property
    def nearest(self) -> npt.NDArray[np.intp]:
        """(H, W), the place in the flattened source of the pixel nearest to each of `at`."""
        return nearest(self.at, self.source)

    @cached_property
    def forward(self) -> npt.NDArray[np.float32]:
        """(H', W', 2), column and row in the image of the middle of each pixel of the source."""
        columns, rows = np.meshgrid(np.arange(self.source.width_px), np.arange(self.source.height_px))
        there = self.distorted(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64))
        return there.astype(np.float32).reshape(*columns.shape, 2)

    def distorted(self, source_px: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where columns and rows (N, 2) of the source are in the image (N, 2)."""
        source, camera = self.source, self.camera
        straight = (source_px - [source.cx_px, source.cy_px]) / source.focal_px
        there = straight if camera.lens is None else camera.lens.distort(straight)
        return there * camera.focal_px + [camera.cx_px, camera.cy_px]


def why_too_wide(optics: Optics) -> str | None:
    """What makes it impossible to draw a lens's image from one pinhole view, or None."""
    lens = optics.lens
    if lens is None:
        return None
    border = _border(optics)
    straight = lens.undistort(border)
    widest = float(np.hypot(*straight.T).max())
    if widest >= lens.reach and lens.reach < _WIDEST:
        return "turns back inside the image: its corners would show what is elsewhere once more"
    if widest > _WIDEST:
        degrees = f"{np.degrees(np.arctan(widest)):.0f}"
        most = f"{np.degrees(np.arctan(_WIDEST)):.0f} at most: a longer focal length (fx_px), or a smaller image"
        return f"sees {degrees} degrees off its axis; want {most}"
    size = np.ptp(straight, axis=0) * optics.focal_px
    if size.max() > _LARGEST_PX:
        return f"needs a view of {size[0]:.0f}x{size[1]:.0f} pixels; want {_LARGEST_PX} a side at most"
    return None


@lru_cache(maxsize=16)
def bending(optics: Optics, room_px: int = _ROOM_PX) -> Bending:
    """The wider view for a camera with a lens, and where each of its pixels is in that.

    The view is as fine as the image where the lens stretches most.

    Args:
        optics: the camera; of a pinhole the wider view is only that, by the room.
        room_px: how much more is drawn around what is needed.

    Raises:
        DataError: if there is no such view (`why_too_wide` says why).
    """
    wrong = why_too_wide(optics)
    if wrong is not None:
        raise DataError(f"camera of {optics.width_px}x{optics.height_px} pixels: {wrong}")
    columns, rows = np.meshgrid(np.arange(optics.width_px), np.arange(optics.height_px))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    straight = (pixels - [optics.cx_px, optics.cy_px]) / optics.focal_px
    straight = straight if optics.lens is None else optics.lens.undistort(straight)
    grid = straight.reshape(optics.height_px, optics.width_px, 2)
    finest = min(float(np.hypot(*np.moveaxis(np.diff(grid, axis=axis), 2, 0)).min()) for axis in (0, 1))
    finer = min(max(1.0 / (finest * optics.focal_px), 1.0), _FINEST)
    focal_px = optics.focal_px * (1.0 if optics.lens is None else finer)
    low = straight.min(axis=0) * focal_px - room_px
    low = low if optics.lens is None else np.floor(low)  # a pinhole's pixels are some of the view's own
    width_px, height_px = (np.ceil(straight.max(axis=0) * focal_px - low - 1e-6) + 1 + room_px).astype(int).tolist()
    at = np.ascontiguousarray(np.moveaxis(grid * focal_px - low, 2, 0), dtype=np.float32)
    return Bending(optics, Optics(width_px, height_px, focal_px, float(-low[0]), float(-low[1])), at)


def nearest(at: npt.NDArray[np.float32], source: Optics) -> npt.NDArray[np.intp]:
    """The place (H, W) in a flattened image of the source that is nearest to columns and rows (2, H, W)."""
    columns = np.clip(np.rint(at[0]), 0, source.width_px - 1).astype(np.intp)
    rows = np.clip(np.rint(at[1]), 0, source.height_px - 1).astype(np.intp)
    return np.asarray(rows * source.width_px + columns)


def pick(values: npt.NDArray[Any], places: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """The values (H', W', ...) of an image at places (H, W) in it once it is flattened: (H, W, ...)."""
    return np.asarray(values.reshape(-1, *values.shape[2:])[places])


def colour(image: Image, at: npt.NDArray[np.float32]) -> Image:
    """An image (H, W, C), bilinear, from columns and rows (2, H, W) of an image (H', W', C)."""
    seen = cv2.remap(image, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def depth(depth_m: Depth, at: npt.NDArray[np.float32], places: npt.NDArray[np.intp]) -> Depth:
    """Depth along the optical axis (H, W) of what is seen at columns and rows (2, H, W) of an image of it.

    Where the neighbours are of one surface, the inverse of depth is interpolated, which is linear on planes; at edges
    the nearest pixel's depth is taken, so that nothing floats between two surfaces.

    Args:
        depth_m: (H', W') metres, above 0.
        at: (2, H, W).
        places: (H, W), as from `nearest`.
    """
    chosen = pick(depth_m, places)
    between = cv2.remap(1.0 / depth_m, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    smooth = np.abs(chosen * between - 1.0) < _SAME_SURFACE
    return np.where(smooth, 1.0 / between, chosen).astype(np.float32)


def flow(flow_px: npt.NDArray[np.float32], bent: Bending, places: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """Flow (H, W, 2) in the lens's image from that in the wider view (H', W', 2): pixels to the right and down."""
    moves = pick(flow_px, places)
    before = bent.at[0] - moves[..., 0], bent.at[1] - moves[..., 1]
    there = cv2.remap(bent.forward, *before, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    source = bent.source
    outside = (before[0] < 0) | (before[0] > source.width_px - 1) | (before[1] < 0) | (before[1] > source.height_px - 1)
    there[outside] = bent.distorted(np.stack([each[outside] for each in before], axis=1).astype(np.float64))
    columns, rows = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in places.shape[::-1]))
    return np.dstack([columns, rows]) - np.asarray(there, dtype=np.float32)


def rolled(bent: Bending, flow_px: npt.NDArray[np.float32], share: float) -> npt.NDArray[np.float32]:
    """Where each pixel of a rolling shutter is in the wider view: columns and rows (2, H, W).

    Rows are read from the top one after the other, the middle one at the moment of the view. Everything is taken to go
    on as it came, so what a row shows is where its flow has brought it since, or will.

    Args:
        bent: of the camera.
        flow_px: (H', W', 2) in the wider view, how far what is there has come since the frame before.
        share: of the time from frame to frame that reading all rows takes.
    """
    when = _when(bent.camera.height_px, share)
    farthest = np.float32(2.0 * rolling_room_px(bent.camera) / max(share, 1e-6))
    at = bent.at
    for _ in range(_ROLLS):
        seen = cv2.remap(flow_px, at[0], at[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        across, down = cv2.split(np.clip(seen, -farthest, farthest))
        at = np.stack([bent.at[0] - across * when, bent.at[1] - down * when])
    return at


def at_once(flow_px: npt.NDArray[np.float32], share: float) -> npt.NDArray[np.float32]:
    """Where what a rolling shutter shows in each pixel was at the moment of the frame: columns and rows (H, W, 2).

    Args:
        flow_px: (H, W, 2), of the image.
        share: of the time from frame to frame that reading all rows takes.
    """
    height, width = flow_px.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(np.dstack([columns, rows]) - flow_px * _when(height, share)[..., None])


def _when(height: int, share: float) -> npt.NDArray[np.float32]:
    """When each row (H, 1) is read, in parts of the time from frame to frame, from the middle one on."""
    return (((np.arange(height, dtype=np.float32) + 0.5) / height - 0.5) * np.float32(share))[:, None]


def rolling_room_px(optics: Optics) -> int:
    """How far things may move in the image of a rolling shutter until their row is read."""
    return int(np.ceil(_ROLLING_ROOM * optics.width_px))


def _border(optics: Optics) -> npt.NDArray[np.float64]:
    """Normalised coordinates (N, 2) of the pixels along the image's edge."""
    x, y = np.arange(optics.width_px), np.arange(optics.height_px)
    right, bottom = np.full_like(y, x[-1]), np.full_like(x, y[-1])
    sides = [(x, 0 * x), (x, bottom), (0 * y, y), (right, y)]
    pixels = np.concatenate([np.stack(side, axis=1) for side in sides])
    return np.asarray((pixels - [optics.cx_px, optics.cy_px]) / optics.focal_px)
