"""The town as nuScenes wants it: a picture of where the ground is road or pavement, in coordinates from 0, 0.

The lanes come from the run's own OpenDRIVE file, see `map_lanes`. nuScenes fixes 0.1 m a pixel, the picture's
lower-left corner at the origin of the map, 255 for road and pavement, 0 elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.export.nuscenes.map_lanes import GROUND, PATCH_M2, Network
from av_synth.export.nuscenes.values import Offset
from av_synth.geometry.transforms import Array

PIXELS_PER_M = 10
_MAX_SIDE_PX = 15_000
_MARGIN_M = 20.0
_BEYOND_M = 60.0  # what an ego sees of a town that is cut off


@dataclass(frozen=True)
class TownMap:
    """Roads and pavements of a town.

    Attributes:
        quads_m: (N, 4, 2) convex quadrilaterals that cover them, world metres without the offset.
        offset_m: what every world coordinate is shifted by.
        size_m: width and height of the map from its origin.
    """

    quads_m: Array
    offset_m: Offset
    size_m: tuple[float, float]

    def sides_px(self, reach_m: tuple[float, float]) -> tuple[int, int]:
        """Width and height of pictures of the town, see `mask_png`."""
        width, height = (_side_px(size, reach) for size, reach in zip(self.size_m, reach_m, strict=True))
        return width, height

    def mask_png(self, reach_m: tuple[float, float]) -> bytes:
        """The picture, PNG, 8-bit grey.

        Args:
            reach_m: greatest x and y, in map coordinates, that any ego reached. A town of more than 1500 m a side is
                cut off 60 m beyond, because readers need many times the picture's size in memory.
        """
        sides = self.sides_px(reach_m)
        mask = np.zeros((sides[1], sides[0]), np.uint8)
        corners = (self.quads_m + np.asarray(self.offset_m)) * PIXELS_PER_M
        corners[..., 1] = sides[1] - corners[..., 1]
        # rounded, these are the column and row in which the devkit looks a place up; OpenCV takes 4 fractional bits
        fixed = np.round(corners * 16).astype(np.int32)
        for quad in fixed:
            cv2.fillConvexPoly(mask, quad, 255, lineType=cv2.LINE_8, shift=4)
        done, png = cv2.imencode(".png", _close_slits(mask))
        if not done:
            raise DataError(f"map mask of {sides[0]} x {sides[1]} pixels cannot be encoded")
        return bytes(png)


def draw_town_map(network: Network) -> TownMap:
    """The ground of a town.

    Raises:
        DataError: if it has no lane to stand on.
    """
    quads = network.quads(GROUND)
    if not quads:
        raise DataError(
            f"town {network.name}: OpenDRIVE: no lane of a known type; want one of {', '.join(sorted(GROUND))}"
        )
    corners = np.concatenate(quads)
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    offset = [0.0 if value >= 0 else math.ceil((_MARGIN_M - value) / 10) * 10.0 for value in low]
    size = [math.ceil(value + shift + _MARGIN_M) for value, shift in zip(high, offset, strict=True)]
    return TownMap(corners, (offset[0], offset[1]), (float(size[0]), float(size[1])))


def _close_slits(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Fill rounding slits between lanes, and the patches amid a junction that no connecting lane crosses."""
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.uint8)
    contours, tree = cv2.findContours(closed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for contour, links in zip(contours, tree[0] if tree is not None else (), strict=True):
        is_hole = links[3] >= 0
        if is_hole and cv2.contourArea(contour) < PATCH_M2 * PIXELS_PER_M**2:
            cv2.drawContours(closed, [contour], -1, 255, thickness=cv2.FILLED)
    return closed


def _side_px(size_m: float, reach_m: float) -> int:
    side = math.ceil(size_m * PIXELS_PER_M)
    return min(side, max(_MAX_SIDE_PX, math.ceil((reach_m + _BEYOND_M) * PIXELS_PER_M)))
