"""Camera against lidar in time, by masks: on whose pixels do the points in boxes fall, a frame earlier or later?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array, inverse, move
from av_synth.verify.pixels.masks import LEAST_PX, Labels, Seen
from av_synth.verify.points.counts import SamplePoints, above_foot
from av_synth.verify.reading.model import Data, Scene

_FRAMES = (-1, 0, 1)
_LEAST_POINTS = 8
_BESIDE_PX = 2  # off its mask a point may be, for mirrors, rounding and where lidar and camera look from
_APART_PX = 4.0  # a point says nothing of a frame that puts it nearer to where it is in its own
_SCENE_POINTS = 60  # that tell frames apart; true cameras with 30 or more have no gain at all
_GAIN = 0.15  # of those points, by which another frame has to fit better


class MaskTiming:
    """Compares, for one camera of one scene, three frames in which its masks may have been taken.

    The camera is put where it was a frame before or after, and boxes with their points are moved to that time by their
    own motion from sample to sample. Only points that move by several pixels and cross a mask's edge can tell. A thing
    that is smaller in the other frame draws its points in from its edges: so a point beside its mask is on it, and
    those at the foot of a box, many of them the ground's, say nothing.
    """

    def __init__(self, scene: Scene, channel: str, findings: Findings) -> None:
        self._scene = scene
        self._channel = channel
        self._findings = findings
        self._on = dict.fromkeys(_FRAMES, 0)
        self._total = 0

    def add(self, seen: Seen, place: int, points: SamplePoints) -> None:
        """Take a keyframe's mask and the lidar points of its sample; `place` is its row's in the channel's chain."""
        rows = self._scene.data[self._channel]
        if not 0 < place < len(rows) - 1:
            return
        for k, annotation in enumerate(seen.annotations):
            value = seen.values[k]
            if value is None or len(seen.own[k]) < LEAST_PX or annotation.visibility != "4" or not annotation.upright:
                continue
            own = points.world[points.owner == k]
            own = own[above_foot(move(inverse(annotation.world_from_box), own), annotation)]
            if len(own) < _LEAST_POINTS:
                continue
            self._compare(seen, rows[place - 1 : place + 2], value, own, self._scene.velocity(annotation))

    def _compare(self, seen: Seen, rows: tuple[Data, ...], value: int, own: Array, velocity: Array) -> None:
        labels = seen.labels
        here_us = rows[1].timestamp_us
        pixels: dict[int, Array] = {}
        ahead = np.ones(len(own), dtype=np.bool_)
        for frame, row in zip(_FRAMES, rows, strict=True):
            moved = own + velocity * (row.timestamp_us - here_us) / 1e6
            camera = move(inverse(row.world_from_sensor), moved)
            ahead &= camera[:, 2] > 0.5
            pixels[frame] = seen.view.project(np.where(camera[:, 2:] > 0.5, camera, 1.0))
        most = np.array([labels.shape[1], labels.shape[0]]) - 1 - _BESIDE_PX
        keep = ahead
        for frame, found in pixels.items():
            keep &= (found >= _BESIDE_PX).all(axis=1) & (found <= most).all(axis=1)
            keep &= (np.linalg.norm(found - pixels[0], axis=1) > _APART_PX) | (frame == 0)
        on = {frame: _near(labels, found[keep], value) for frame, found in pixels.items()}
        telling = on[-1] != on[1]
        self._total += int((telling | (on[0] != on[1]) | (on[0] != on[-1])).sum())
        for frame in _FRAMES:
            self._on[frame] += int(on[frame].sum())

    def close(self) -> None:
        """Judge the camera over the scene."""
        if not self._total:
            return
        self._findings.checked("time_shift", self._total)
        best = max(_FRAMES, key=lambda frame: (self._on[frame], -abs(frame)))
        gain = (self._on[best] - self._on[0]) / self._total
        if best and self._total >= _SCENE_POINTS and gain > _GAIN:
            late = "late" if best < 0 else "early"
            message = f"{self._channel} is one frame {late}: of {self._total} lidar points that tell, {gain:.0%} more"
            where = f"{self._channel} of {self._scene.name}"
            self._findings.add("time_shift", where, f"{message} fall on their instance's mask from a frame away")


def _near(labels: Labels, pixels: Array, value: int) -> npt.NDArray[np.bool_]:
    """Whether pixels (N, 2) are of a value, or so near to one that is as `_BESIDE_PX` says."""
    x, y = np.rint(pixels).astype(np.int64).T
    around = range(-_BESIDE_PX, _BESIDE_PX + 1)
    return np.any([labels[y + dy, x + dx] == value for dy in around for dx in around], axis=0)
