"""Lenses that bend straight lines: OpenCV's plain and fisheye models on normalised image coordinates.

Source: OpenCV 4, modules calib3d and fisheye, the models of `cv2.projectPoints` and `cv2.fisheye.projectPoints`.
Normalised coordinates are x / z and y / z of a point in camera axes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

PLAIN, FISHEYE = "plain", "fisheye"
COEFFICIENTS = {PLAIN: ("k1", "k2", "p1", "p2", "k3"), FISHEYE: ("k1", "k2", "k3", "k4")}
"""Names of a model's coefficients, in OpenCV's order."""

_WIDEST_RAD = math.radians(85.0)  # a plane before the camera holds no more
_STEPS = 2048  # of the table that an inverse begins with
_FLATTEST = 0.02  # slope of the radial curve where it is given up: beyond, it turns back
_ROUNDS, _TANGENTIAL_ROUNDS = 3, 30


@dataclass(frozen=True)
class Lens:
    """A lens that is no pinhole.

    Where a model turns back on itself, far outside any picture it was made for, it is continued by a straight line:
    what lies beyond `reach` stays outside, while OpenCV's formula would fold it into the image.

    Attributes:
        model: 'plain' or 'fisheye'.
        coefficients: as in `COEFFICIENTS`.
    """

    model: str
    coefficients: tuple[float, ...]

    @property
    def reach(self) -> float:
        """The largest normalised radius (tangent of the angle to the axis) up to which the model is OpenCV's."""
        return _reach(self)[0]

    @property
    def reach_distorted(self) -> float:
        """Where `reach` is in the image, as a normalised radius."""
        return _reach(self)[1]

    def distort(self, straight: npt.ArrayLike) -> Array:
        """Where a pinhole's normalised points (N, 2) are behind this lens (N, 2)."""
        xy = np.asarray(straight, dtype=np.float64)
        radius = np.hypot(xy[:, 0], xy[:, 1])
        reach, reach_distorted, slope = _reach(self)
        within = np.minimum(radius, reach)
        bent = np.where(radius > reach, reach_distorted + slope * (radius - reach), self._radial(within))
        safe = np.maximum(radius, 1e-12)
        shrunk = xy * (within / safe)[:, None]
        return np.asarray(xy * np.where(radius > 1e-12, bent / safe, 1.0)[:, None] + self._tangential(shrunk))

    def undistort(self, bent: npt.ArrayLike) -> Array:
        """The pinhole's normalised points (N, 2) of points (N, 2) in the image; `distort` gives them back."""
        wanted = np.asarray(bent, dtype=np.float64)
        straight = self._straight(wanted)
        if self.model == PLAIN and any(self.coefficients[2:4]):
            for _ in range(_TANGENTIAL_ROUNDS):
                better = self._straight(wanted - self._tangential(straight))
                done = not len(better) or float(np.abs(better - straight).max()) < 1e-12
                straight = better
                if done:
                    break
        return straight

    def _straight(self, bent: Array) -> Array:
        """The inverse of the radial part: Newton's steps from a table."""
        radius = np.hypot(bent[:, 0], bent[:, 1])
        reach, reach_distorted, slope = _reach(self)
        table = np.linspace(0.0, reach, _STEPS)
        found = np.interp(radius, self._radial(table), table)
        for _ in range(_ROUNDS):
            found = np.clip(found - (self._radial(found) - radius) / self._slope(found), 0.0, reach)
        found = np.where(radius > reach_distorted, reach + (radius - reach_distorted) / slope, found)
        return np.asarray(bent * np.where(radius > 1e-12, found / np.maximum(radius, 1e-12), 1.0)[:, None])

    def _radial(self, radius: Array) -> Array:
        """How far from the middle (N,) a ring of a pinhole's image (N,) comes to lie."""
        if self.model == FISHEYE:
            k1, k2, k3, k4 = self.coefficients
            angle = np.arctan(radius)
            q = angle * angle
            return np.asarray(angle * (1.0 + q * (k1 + q * (k2 + q * (k3 + q * k4)))))
        k1, k2, _, _, k3 = self.coefficients
        q = radius * radius
        return np.asarray(radius * (1.0 + q * (k1 + q * (k2 + q * k3))))

    def _slope(self, radius: Array) -> Array:
        """The derivative of `_radial` (N,)."""
        if self.model == FISHEYE:
            k1, k2, k3, k4 = self.coefficients
            q = np.arctan(radius) ** 2
            by_angle = 1.0 + q * (3.0 * k1 + q * (5.0 * k2 + q * (7.0 * k3 + q * 9.0 * k4)))
            return np.asarray(by_angle / (1.0 + radius * radius))
        k1, k2, _, _, k3 = self.coefficients
        q = radius * radius
        return np.asarray(1.0 + q * (3.0 * k1 + q * (5.0 * k2 + q * 7.0 * k3)))

    def _tangential(self, xy: Array) -> Array:
        if self.model == FISHEYE:
            return np.zeros_like(xy)
        _, _, p1, p2, _ = self.coefficients
        x, y = xy[:, 0], xy[:, 1]
        q = x * x + y * y
        return np.stack([2.0 * p1 * x * y + p2 * (q + 2.0 * x * x), p1 * (q + 2.0 * y * y) + 2.0 * p2 * x * y], axis=1)


@lru_cache(maxsize=64)
def _reach(lens: Lens) -> tuple[float, float, float]:
    """The radius up to which a lens is followed, where that comes to lie, and the slope there."""
    angles = np.linspace(0.0, _WIDEST_RAD, 4 * _STEPS)
    radii = np.tan(angles)
    # by the angle for a fisheye, whose curve by the radius is flat far out for no fault of its own
    slopes = lens._slope(radii) * (1.0 + radii * radii if lens.model == FISHEYE else 1.0)
    flat = np.flatnonzero(slopes < _FLATTEST)
    last = len(radii) - 1 if not len(flat) else max(int(flat[0]) - 1, 1)
    reach = radii[last : last + 1]
    return float(reach[0]), float(lens._radial(reach)[0]), max(float(lens._slope(reach)[0]), 1e-6)
