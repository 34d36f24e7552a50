"""Focal lengths where there is no depth image: rims that the lidar sees, on edges of the image.

Where the lidar's range falls from one beam to the next of its ring, something stands before something else, and the
image mostly has an edge. Put into the image with the right focal length, such points lie on edges more than with
another one (the edge alignment of Levinson and Thrun 2013, for one parameter). It tells 5 %, not 1 %, and says nothing
of where a camera looks.
"""

from __future__ import annotations

import cv2
import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, move
from av_synth.verify.pixels.masks import View
from av_synth.verify.reading.blobs import Grey
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Data, Scene

_DROP_M = 1.5
_NEAR_M, _FAR_M = 4.0, 40.0
_FACTORS = (1.0, 0.9, 0.95, 1.05, 1.1)
_WIDTH_PX = 640  # images are made about so wide: finer edges than the lidar's beams say nothing
_STRONGEST = 120.0  # change of grey that counts for one point
_POINTS = 500  # of a coarse lidar, 250 are too few to tell
_BETTER, _CLEAR = 1.4, 5.0  # times the right one, and grey levels a point; true cameras have 0.75 times at most


def rim_points(data: Data, sweep: Sweep) -> Array:
    """The points (N, 3), in the world, before which or behind which the range falls along a ring."""
    order = np.lexsort((np.arctan2(sweep.points[:, 1], sweep.points[:, 0]), sweep.rings))
    points = sweep.points[order]
    range_m = np.linalg.norm(points, axis=1)
    fall_m = np.diff(range_m)
    fall_m[np.diff(sweep.rings[order]) != 0] = 0.0
    rim = np.zeros(len(points), dtype=np.bool_)
    rim[:-1] |= fall_m > _DROP_M
    rim[1:] |= -fall_m > _DROP_M
    return move(data.world_from_sensor, points[rim & (range_m > _NEAR_M) & (range_m < _FAR_M)])


class RimCheck:
    """Adds up, over one camera of one scene, how much the image changes where rims fall with several focal lengths."""

    def __init__(self, scene: Scene, channel: str, findings: Findings) -> None:
        self._where = f"{channel} of {scene.name}"
        self._findings = findings
        self._sums = np.zeros(len(_FACTORS))
        self._points = 0

    def add(self, view: View, image: Grey, rims: Array | None) -> None:
        """Take a camera keyframe, its image and the rims (N, 3) of its sample in the world; None when not asked for."""
        if rims is None:
            return
        less = max(1, round(view.data.width / _WIDTH_PX))
        small = cv2.resize(image, (image.shape[1] // less, image.shape[0] // less), interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0)
        change = np.minimum(np.abs(cv2.Sobel(smooth, cv2.CV_32F, 1, 0)), _STRONGEST)
        change -= change.mean()
        camera = move(view.camera_from_world, rims)
        camera = camera[camera[:, 2] > 1.0]
        middle = view.intrinsic[:2, 2]
        offset = view.project(camera) - middle
        for k, factor in enumerate(_FACTORS):
            at = np.floor((middle + factor * offset + 0.5) / less).astype(np.int64)
            at = at[((at >= 0) & (at < change.shape[::-1])).all(axis=1)]
            self._sums[k] += float(change[at[:, 1], at[:, 0]].sum())
            self._points += len(at) if factor == 1.0 else 0

    def close(self) -> None:
        """Judge the camera."""
        if self._points < _POINTS:
            return
        self._findings.checked("closure", self._points)
        k = int(self._sums.argmax())
        gain = (self._sums[k] - self._sums[0]) / self._points
        if gain > _CLEAR and self._sums[k] > _BETTER * self._sums[0]:
            message = f"the focal length is wrong, by about {abs(1 / _FACTORS[k] - 1):.0%}: {_FACTORS[k]:g} times it"
            message = f"{message} {self._points} rims that the lidar sees lie better on edges of the images"
            self._findings.add("closure", self._where, message)
