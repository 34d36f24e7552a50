"""Edges of instance masks against the images of their frame and of the frames around it.

One lamp that blinks, or one reflection on a wet road, changes an edge as much as motion does. So places in the image
are taken for the pieces of evidence, however many masks show them: a true shift is seen in most of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.pixels.fits import LEAST_EDGES, LEAST_MASKS, Fits, by_place, change, places_of, sureness
from av_synth.verify.pixels.masks import Labels, Seen
from av_synth.verify.reading.blobs import Grey
from av_synth.verify.reading.model import Data, Scene

_EDGE_PIXELS = 4000
_EDGE_SPREAD = 1.1  # scores of frames in which nothing has moved differ by noise only: such masks say nothing
_EDGE_RATIO, _EDGE_RATIO_SINGLE = 1.08, 1.4
_REPEATED = 0.05  # of a mask's edge pixels: with fewer that are not as in the mask before, it is that mask once more
# Gains of places, added up, over the root of their squares: sqrt(k) where k places gain alike and the others nothing.
# Lamps of a police car by night have up to 2.2. Images of 30 runs that are one frame late have 3.2 to 10, but for those
# of three nights in which one thing is lit: of these, nothing can be said.
_SURE, _SURE_SINGLE = 3.0, 2.5
_FRAMES = (-2, -1, 0, 1, 2)


@dataclass
class _Edges:
    data: Data
    place: int
    shape: tuple[int, ...]
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    scores: dict[int, float]
    parts: dict[int, Array]  # what each place in the image adds to the score of a frame


class EdgeCheck:
    """Compares the edges of each mask with the image of its frame and with its neighbours' in the camera's chain.

    Where mask and image are of the same instant, brightness changes across the mask's edges more than it does there in
    frames before or after. When nothing moves in the image all frames score alike, and nothing is said; nor does a mask
    that is as the one before say anything new.
    """

    def __init__(self, scene: Scene, channel: str, findings: Findings) -> None:
        self._scene = scene
        self._channel = channel
        self._findings = findings
        self._recent: deque[tuple[int, Grey]] = deque(maxlen=3)
        self._open: deque[_Edges] = deque(maxlen=3)
        self._totals: dict[int, list[float]] = {frame: [] for frame in _FRAMES}
        self._gains: dict[int, Array] = {}
        self._before: npt.NDArray[np.bool_] | None = None
        self._fits = Fits()
        self._place = -1

    def add(self, data: Data, image: Grey | None, seen: Seen | None) -> None:
        """Take the next image of the channel, with its mask when it has one; `image` None keeps the count."""
        self._place += 1
        if image is not None:
            self._recent.append((self._place, image))
            for edges in self._open:
                self._score(edges, self._place, image)
        if seen is None or image is None or seen.labels.shape != image.shape:
            return
        labels = _of_boxes(seen)
        rims = _edges_of(labels)
        x, y = _thinned(rims)
        if len(x) < LEAST_EDGES or self._repeats(rims):
            return
        edges = _Edges(data, self._place, labels.shape, x, y, places_of(x, y, labels.shape), {}, {})
        self._fits.add(image, labels, x, y)
        for place, recent in self._recent:
            self._score(edges, place, recent)
        if len(self._open) == self._open.maxlen:
            self._judge(self._open.popleft())
        self._open.append(edges)

    def _repeats(self, rims: npt.NDArray[np.bool_]) -> bool:
        """Whether edges (H, W) are those of the mask before."""
        before, self._before = self._before, rims
        if before is None or before.shape != rims.shape:
            return False
        return bool(np.count_nonzero(before != rims) < _REPEATED * np.count_nonzero(rims))

    def _score(self, edges: _Edges, place: int, image: Grey) -> None:
        if place - edges.place not in _FRAMES or image.shape != edges.shape:
            return
        steps = _steps(image, edges.x, edges.y)
        edges.scores[place - edges.place] = _score_of(steps)
        edges.parts[place - edges.place] = by_place(steps, edges.places) / len(steps)

    def close(self) -> None:
        """Judge the last masks, and the channel as a whole."""
        while self._open:
            self._judge(self._open.popleft())
        own = float(np.mean(self._totals[0])) if self._totals[0] else 1.0
        for frame, ratios in self._totals.items():
            if frame and len(ratios) >= LEAST_MASKS and _tells(float(np.mean(ratios)) / own, self._gains[frame]):
                name = f"{self._channel} is {_frames(frame)}"
                message = f"its masks fit the images {frame:+d} frames away {np.mean(ratios) / own:.2f} times better"
                where = f"{self._channel} of {self._scene.name}"
                self._findings.add("image_on_masks", where, f"{name}: {message} than their own")
        if problem := self._fits.problem(self._channel):
            self._findings.add("image_on_masks", f"{self._channel} of {self._scene.name}", problem)

    def _judge(self, edges: _Edges) -> None:
        self._findings.checked("image_on_masks")
        own = edges.scores[0]
        # relative to the mean over frames, so that a bright scene does not outweigh the others
        mean = float(np.mean(list(edges.scores.values())))
        if max(edges.scores.values()) > _EDGE_SPREAD * min(edges.scores.values()):
            for frame, score in edges.scores.items():
                self._totals[frame].append(score / mean)
                gain = (edges.parts[frame] - edges.parts[0]) / mean
                self._gains[frame] = self._gains.get(frame, 0.0) + gain
        frame, best = max(edges.scores.items(), key=lambda item: item[1])
        if best > _EDGE_RATIO_SINGLE * own and sureness(edges.parts[frame] - edges.parts[0]) > _SURE_SINGLE:
            where = f"{edges.data.filename} ({self._scene.sample_name(edges.data.sample_token)})"
            message = f"the edges of its mask fit the image {frame:+d} frames away {best / own:.2f} times better"
            self._findings.add("image_on_masks", where, f"{message}: is it {_frames(frame)}?")


def _frames(shift: int) -> str:
    """A shift of masks to images in words: images that come later than their masks are late."""
    count = "one frame" if abs(shift) == 1 else f"{abs(shift)} frames"
    return f"{count} {'late' if shift > 0 else 'early'}"


def _tells(ratio: float, gains: Array) -> bool:
    """Whether another frame fits so many times better, and in so many places, that it has to be the true one."""
    sure = sureness(gains)
    return (ratio > _EDGE_RATIO and sure > _SURE) or (ratio > _EDGE_RATIO_SINGLE and sure > _SURE_SINGLE)


def _steps(image: Grey, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> Grey:
    """How much brightness changes at each of some pixels (N,), in 0 to 80."""
    return change(image[y, x + 1], image[y, x - 1], image[y + 1, x], image[y - 1, x])


def _score_of(steps: Grey) -> float:
    """How much brightness changes at pixels, in 1 to 81, of that at each of them (N,)."""
    return float(steps.mean()) + 1.0


def _of_boxes(seen: Seen) -> Labels:
    """The mask (H, W) with only what has a box: the rim of the ego's own body is in the same place in every frame."""
    values = [value for value in seen.values if value is not None]
    return np.where(np.isin(seen.labels, values), seen.labels, 0)


def _edges_of(labels: Labels) -> npt.NDArray[np.bool_]:
    """Where the instance differs from the right or lower neighbour (H, W), away from the border."""
    edges = np.zeros(labels.shape, np.bool_)
    middle = labels[1:-1, 1:-1]
    edges[1:-1, 1:-1] = (middle != labels[1:-1, 2:]) | (middle != labels[2:, 1:-1])
    return edges


def _thinned(edges: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The x and y of edge pixels, thinned evenly."""
    y, x = np.nonzero(edges)
    step = max(1, len(x) // _EDGE_PIXELS)
    return x[::step], y[::step]
