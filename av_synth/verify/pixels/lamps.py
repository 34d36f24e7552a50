"""Which way standing vehicles face, by their red rear lamps: seen at both edges of what is by its box the front?

Only red is evidence, and only against a box: many rears show no red that is told from bodywork (small or unlit lamps,
red cars), so that the absence of red says nothing. White head lamps are not told from glare and white paint at all.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.pixels.masks import Seen
from av_synth.verify.points.counts import annotation_place
from av_synth.verify.reading.model import Annotation, Scene
from av_synth.verify.reading.nuscenes_names import attribute_family
from av_synth.verify.reading.values import inside

_LEAST_PX = 300
_FACING = 0.8  # cosine between the box's axis and the way to the camera
_RED, _OVER_GREEN, _OVER_BLUE = 90, 1.7, 1.5
# Red over green and blue, and its share of the pixels in the middle: 15 to 57 % of red cars, 4 % at most of others.
_RED_BODY, _RED_SHARE = 1.25, 0.1
_LAMP_SHARE, _SIDE = 0.0015, 0.4  # of the mask's pixels, in the outer parts of its width
_VIEWS = 6
_LIVERIED = "vehicle.emergency."  # has red on all sides


class LampCheck:
    """Counts views of one scene in which vehicles show red lamps on their rear, and on their front."""

    def __init__(self, root: Path, scene: Scene, findings: Findings) -> None:
        self._root = root
        self._scene = scene
        self._findings = findings
        self._views: dict[str, list[bool]] = defaultdict(list)

    def add(self, seen: Seen) -> None:
        """Look at the vehicles of one camera keyframe that show their front or rear whole."""
        wanted = [
            (a, own, c) for a, own in zip(seen.annotations, seen.own, strict=True) if (c := _cosine(seen, a, own))
        ]
        if not wanted:
            return
        path = inside(self._root, seen.view.data.filename)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path is not None else None
        if image is None or image.shape[:2] != seen.labels.shape:
            return
        for annotation, own, cosine in wanted:
            x, y = own[:, 0].astype(np.int64), own[:, 1].astype(np.int64)
            blue, green, red = np.asarray(image)[y, x].astype(np.float64).T
            place = (x - x.min()) / max(int(np.ptp(x)), 1)
            middle = (place > _SIDE) & (place < 1 - _SIDE)
            reddish = (red > _RED_BODY * green) & (red > _RED_BODY * blue) & middle
            if np.count_nonzero(reddish) > _RED_SHARE * np.count_nonzero(middle):
                continue
            lit = (red > _RED) & (red > _OVER_GREEN * green) & (red > _OVER_BLUE * blue)
            if min(int((lit & (place < _SIDE)).sum()), int((lit & (place > 1 - _SIDE)).sum())) < _LAMP_SHARE * len(x):
                continue
            self._findings.checked("headings")
            self._views[annotation.instance_token].append(cosine > 0)
            range_m = self._scene.range_m(annotation)
            self._findings.measures.add(
                "lamps", annotation.category, range_m, annotation.visibility, float(cosine > 0), annotation.token
            )

    def close(self) -> None:
        """Judge each vehicle over its views."""
        for instance, fronts in self._views.items():
            if len(fronts) >= _VIEWS and all(fronts):
                annotation = self._scene.tracks[instance][0][1]
                message = f"shows red rear lamps on the front of its box in {len(fronts)} views, and never on its rear"
                place = annotation_place(self._scene, annotation)
                self._findings.add("headings", place, f"{message}: its yaw looks off by 180 degrees")


def _cosine(seen: Seen, annotation: Annotation, own: Array) -> float:
    """How much the front (1) or rear (-1) of a vehicle looks at the camera; 0 when it cannot be judged."""
    vehicle = attribute_family(annotation.category) == "vehicle"
    if not vehicle or annotation.category.startswith(_LIVERIED):
        return 0.0
    if annotation.visibility != "4" or len(own) < _LEAST_PX:
        return 0.0
    way = seen.view.data.world_from_sensor[:3, 3] - annotation.world_from_box[:3, 3]
    cosine = float(way @ annotation.world_from_box[:3, 0]) / max(float(np.linalg.norm(way)), 1e-9)
    return cosine if abs(cosine) >= _FACING else 0.0
