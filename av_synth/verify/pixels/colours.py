"""Red and blue of images: plants reflect more red than blue, compared with grey roads under the same light.

That holds by day and dusk, in rain and under lamps: leaves take up blue and red, but blue more, and what colour the
light has falls on the road too. Where a scene shows no plants and road, or too dark ones, nothing is said.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.masks import View
from av_synth.verify.reading.model import Dataset, Scene
from av_synth.verify.reading.nuscenes_names import category_index
from av_synth.verify.reading.values import inside

_PLANTS = tuple(map(category_index, ("static.vegetation", "flat.terrain")))
_ROAD = category_index("flat.driveable_surface")
_EVERY = 4  # keyframes of a camera; and pixels of an image, each way
_LEAST_PX = 80
_DARK = 40.0  # red, green and blue together: below, the steps of JPEG decide
_SWAPPED = -0.03  # of the brightness: true scenes of both scenarios, dusk and rain, have 0.06 to 0.13


class ColourCheck:
    """Adds up the colours of plants and of roads over one camera of one scene."""

    def __init__(self, dataset: Dataset, scene: Scene, channel: str, findings: Findings) -> None:
        self._root = dataset.root
        self._where = f"{channel} of {scene.name}"
        self._findings = findings
        self._plants = [k for k, category in dataset.surface_categories.items() if category in _PLANTS]
        self._roads = [k for k, category in dataset.surface_categories.items() if category == _ROAD]
        self._sums = np.zeros((2, 4))  # plants, roads; blue, green, red, pixels
        self._seen = 0

    def add(self, view: View, semantic: npt.NDArray[np.uint8]) -> None:
        """Take the semantic image of a camera keyframe; the image itself is read for every fourth."""
        self._seen += 1
        classes = semantic[_EVERY // 2 :: _EVERY, _EVERY // 2 :: _EVERY]
        groups = [np.isin(classes, own) for own in (self._plants, self._roads)]
        if self._seen % _EVERY != 1 or not groups[0].any():
            return
        path = inside(self._root, view.data.filename)
        image = cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4) if path is not None else None
        if image is None:
            return
        height, width = (min(a, b) for a, b in zip(image.shape, classes.shape, strict=False))
        for k, own in enumerate(groups):
            pixels = np.asarray(image[:height, :width])[own[:height, :width]]
            self._sums[k] += (*pixels.sum(axis=0, dtype=np.float64), len(pixels))

    def close(self) -> None:
        """Judge the camera."""
        if self._sums[:, 3].min() < _LEAST_PX:
            return
        colours = self._sums[:, :3] / self._sums[:, 3:]
        brightness = colours.sum(axis=1)
        if brightness.min() < _DARK:
            return
        self._findings.checked("colours")
        redder = (colours[:, 2] - colours[:, 0]) / brightness
        if redder[0] - redder[1] < _SWAPPED:
            plants, road = (f"{found[2]:.0f}, {found[1]:.0f}, {found[0]:.0f}" for found in colours)
            message = f"plants are bluer than the road (red, green, blue {plants} and {road})"
            self._findings.add("colours", self._where, f"{message}: are red and blue swapped (BGR for RGB)?")
