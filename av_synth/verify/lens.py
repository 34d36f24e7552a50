"""Lenses as OpenCV has them, by its own functions, so that no error is shared with the writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from av_synth.verify.maths import BOX_EDGES, Array, clip_edge, convex_hull, project

COEFFICIENTS: Mapping[str, int] = {"plain": 5, "fisheye": 4}
"""How many a model has: k1, k2, p1, p2, k3 of `cv2.projectPoints`, k1 to k4 of `cv2.fisheye`."""

_ROOM = 1.02  # beyond the image's corners, OpenCV's formulas may fold what is far outside into it
_PIECES = 16  # of a box's edge
_ENOUGH = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)


@dataclass(frozen=True, eq=False)
class Bend:
    """A camera with a lens.

    Attributes:
        intrinsic: (3, 3).
        model: a key of `COEFFICIENTS`.
        coefficients: so many as there are.
        size: width and height of its images.
    """

    intrinsic: Array
    model: str
    coefficients: Array
    size: tuple[int, int]

    def project(self, points_camera: Array) -> Array:
        """Pixels (N, 2) of camera-frame points (N, 3) with depth > 0; far outside they only are outside."""
        if len(points_camera) == 0:
            return np.zeros((0, 2))
        ahead = np.column_stack([points_camera[:, :2] / points_camera[:, 2:3], np.ones(len(points_camera))])
        beyond = np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]) / self._reach, 1.0)[:, None]
        ahead[:, :2] /= beyond
        call = cv2.fisheye.projectPoints if self.model == "fisheye" else cv2.projectPoints
        none = np.zeros(3)
        pixels = np.asarray(call(ahead[:, None], none, none, self.intrinsic, self.coefficients)[0]).reshape(-1, 2)
        middle = self.intrinsic[:2, 2]
        return np.asarray(middle + (pixels - middle) * beyond)

    def sees(self, points_camera: Array) -> bool:
        """Whether all camera-frame points (N, 3) with depth > 0 are where OpenCV's formulas hold."""
        radius = np.hypot(points_camera[:, 0], points_camera[:, 1]) / points_camera[:, 2]
        return bool((radius <= self._reach).all())

    def straighten(self, pixels: Array) -> Array:
        """Where pixels (N, 2) would be in a pinhole's image of the same intrinsics."""
        if len(pixels) == 0:
            return np.zeros((0, 2))
        at = np.ascontiguousarray(pixels, dtype=np.float64)[:, None]
        call = cv2.fisheye.undistortPoints if self.model == "fisheye" else cv2.undistortPoints
        found = call(at, self.intrinsic, self.coefficients, P=self.intrinsic, criteria=_ENOUGH)
        return np.asarray(found, dtype=np.float64).reshape(-1, 2)

    def stretch(self, points_camera: Array) -> Array:
        """How pixels move (N, 2, 2) by a pinhole's pixels of the same intrinsics, at points (N, 3) in view."""
        focal = np.array([self.intrinsic[0, 0], self.intrinsic[1, 1]])
        rays = points_camera / points_camera[:, 2:3]
        columns = []
        for axis in (0, 1):
            step = np.zeros(3)
            step[axis] = 0.5 / focal[axis]
            columns.append(self.project(rays + step) - self.project(rays - step))
        return np.stack(columns, axis=2)

    @cached_property
    def _reach(self) -> float:
        """The greatest normalised radius that is in the image, and a little."""
        width, height = self.size
        x, y = np.linspace(-0.5, width - 0.5, 17), np.linspace(-0.5, height - 0.5, 17)
        sides = [np.column_stack([x, np.full(17, end)]) for end in (y[0], y[-1])]
        sides += [np.column_stack([np.full(17, end), y]) for end in (x[0], x[-1])]
        straight = self.straighten(np.concatenate(sides)) - self.intrinsic[:2, 2]
        return _ROOM * float(np.hypot(*(straight / [self.intrinsic[0, 0], self.intrinsic[1, 1]]).T).max())


def to_pixels(intrinsic: Array, bend: Bend | None, points_camera: Array) -> Array:
    """Pixels (N, 2) of camera-frame points (N, 3) with depth > 0, behind a lens if there is one."""
    return project(intrinsic, points_camera) if bend is None else bend.project(points_camera)


def bent_outline(bend: Bend, corners_camera: Array) -> Array | None:
    """The convex outline (K, 2), in turn, in pixels, around the part of a box in front of the camera, or None.

    Behind a lens edges are bent, so points along them are taken; where they bulge inwards, it is a little too large.
    """
    share = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    ends = [clip_edge(corners_camera[a], corners_camera[b]) for a, b in BOX_EDGES]
    points = [pair[0] + share * (pair[1] - pair[0]) for pair in ends if pair is not None]
    return convex_hull(bend.project(np.concatenate(points))) if points else None
