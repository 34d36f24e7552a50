"""Lidar points in boxes against instance masks.

The foot of a box has points of the ground below it: the camera sees them under what stands there, and a lidar of few
beams may have no others. So they are no evidence. What is where it was before the camera is no evidence once more.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import inverse, move
from av_synth.verify.pixels.masks import LEAST_PX, Seen, Standpoints
from av_synth.verify.points.counts import SamplePoints, above_foot, annotation_place
from av_synth.verify.reading.model import Annotation, Scene

# In one image a pole may hide what the lidar, half a metre away, sees; over a scene that is a small part.
_POINTS_LEAST, _POINTS_SHARE_IMAGE, _POINTS_SHARE_SCENE = 60, 0.5, 0.8
_SIGMAS = 3.0  # a child and a cone have few points, and many of them at their edges
_FRONT_GAP_M, _FRONT_SHARE, _FRONT_POINTS = 0.5, 0.05, 10


class PointsOnMasks:
    """Judges one scene, camera by camera."""

    def __init__(self, scene: Scene, findings: Findings) -> None:
        self._scene = scene
        self._findings = findings
        self._agreement: dict[str, npt.NDArray[np.int64]] = defaultdict(lambda: np.zeros(2, dtype=np.int64))
        self._standpoints = Standpoints()

    def add(self, seen: Seen, points: SamplePoints) -> None:
        """No lidar point on the middle of a mask is nearer than its box, and the points of a box fall on its mask.

        Args:
            seen: a camera keyframe; what has too few pixels there to tell is left out.
            points: the lidar keyframe of its sample.
        """
        view, labels = seen.view, seen.labels
        camera = move(view.camera_from_world, points.world)
        ahead = np.flatnonzero(camera[:, 2] > 0.5)
        at = np.rint(view.project(camera[ahead])).astype(np.int64)
        inside = (at >= 1).all(axis=1) & (at[:, 0] < labels.shape[1] - 1) & (at[:, 1] < labels.shape[0] - 1)
        ahead, at = ahead[inside], at[inside]
        owner, depth = points.owner[ahead], camera[ahead, 2]
        around = np.stack([labels[at[:, 1] + dy, at[:, 0] + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=1)
        counted, new = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
        for k, (annotation, value) in enumerate(zip(seen.annotations, seen.values, strict=True)):
            if value is None or len(seen.own[k]) < LEAST_PX:
                continue
            firmly = (around == value).all(axis=1)
            early = firmly & (owner < 0) & (depth < view.nearest_m(annotation) - _FRONT_GAP_M)
            self._check_early(seen, annotation, int(early.sum()), int(firmly.sum()))
            if annotation.visibility == "4" and annotation.upright:  # most points in a lying box are the road's
                own, box_from_world = np.flatnonzero(owner == k), inverse(annotation.world_from_box)
                own = own[above_foot(move(box_from_world, points.world[ahead[own]]), annotation)]
                found = np.array([np.count_nonzero((around[own] == value).any(axis=1)), len(own)])
                counted += found
                new += found if len(own) and self._standpoints.is_new(view, annotation) else 0
        self._agreement[view.data.channel] += new
        name = self._scene.sample_name(view.data.sample_token)
        self._check_agreement(f"{view.data.filename} ({name})", counted, _POINTS_SHARE_IMAGE)

    def close(self) -> None:
        """Judge the cameras over the scene."""
        for channel, found in self._agreement.items():
            self._check_agreement(f"{channel} of {self._scene.name}", found, _POINTS_SHARE_SCENE)

    def _check_early(self, seen: Seen, annotation: Annotation, early: int, firmly: int) -> None:
        if firmly < _FRONT_POINTS:
            return
        self._findings.checked("lidar_on_masks")
        if early > max(2, _FRONT_SHARE * firmly):
            channel = seen.view.data.channel
            message = f"{early} of {firmly} lidar points on its pixels in {channel} are nearer than its box"
            wanted = "want none: are image, mask and lidar of the same instant and calibration?"
            self._findings.add("lidar_on_masks", annotation_place(self._scene, annotation), f"{message}; {wanted}")

    def _check_agreement(self, where: str, found: npt.NDArray[np.int64], share: float) -> None:
        agree, total = map(int, found)
        if total < _POINTS_LEAST:
            return
        self._findings.checked("lidar_on_masks")
        if agree < share * total - _SIGMAS * math.sqrt(share * (1.0 - share) * total):
            message = f"{agree} of {total} lidar points in boxes that are fully visible fall on their instance"
            wanted = f"want {share:.0%}: are calibration and ego poses of camera and lidar right?"
            self._findings.add("lidar_on_masks", where, f"{message}; {wanted}")
