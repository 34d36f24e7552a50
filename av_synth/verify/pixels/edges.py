"""Edges of instance masks against the images of their frame and of the frames around it.

One lamp that blinks, or one reflection on a wet road, changes an edge as much as motion does. So places in the image
are taken for the pieces of evidence, however many masks show them: a true shift is seen in most of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.pixels.masks import Labels, Seen
from av_synth.verify.reading.blobs import Grey
from av_synth.verify.reading.model import Data, Scene

_EDGE_POINTS, _EDGE_PIXELS = 200, 4000
_EDGE_SPREAD = 1.1  # scores of frames in which nothing has moved differ by noise only: such masks say nothing
_EDGE_MASKS, _EDGE_RATIO, _EDGE_RATIO_SINGLE = 3, 1.08, 1.4
_REPEATED = 0.05  # of a mask's edge pixels: with fewer that are not as in the mask before, it is that mask once more
_PLACES = 15  # down the image: places are square
# Gains of places, added up, over the root of their squares: sqrt(k) where k places gain alike and the others nothing.
# Lamps of a police car by night have up to 2.2. Images of 30 runs that are one frame late have 3.2 to 10, but for those
# of three nights in which one thing is lit: of these, nothing can be said.
_SURE, _SURE_SINGLE = 3.0, 2.5
_NEAR_PX = 7  # as far as brightness changes across an edge, on both sides of it
_FRAMES = (-2, -1, 0, 1, 2)
# Own images of 20 runs score 1.9 to 25 times what turned over ones do (mean of a camera's masks; one mask from 1.4).
_FITS, _FITS_SINGLE, _TURNED = 1.15, 0.9, 0.85


@dataclass
class _Edges:
    data: Data
    place: int
    shape: tuple[int, ...]
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
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
        self._fits: dict[str, list[float]] = {"mirrored left to right": [], "upside down": []}
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
        if len(x) < _EDGE_POINTS or self._repeats(rims):
            return
        edges = _Edges(data, self._place, labels.shape, x, y, {}, {})
        for name, over in (("mirrored left to right", np.s_[:, ::-1]), ("upside down", np.s_[::-1])):
            elsewhere = ~_rims(labels)[over][y, x]
            if np.count_nonzero(elsewhere) >= _EDGE_POINTS:
                there = x[elsewhere], y[elsewhere]
                self._fits[name].append(_score_of(_steps(image, *there)) / _score_of(_steps(image[over], *there)))
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
        edges.parts[place - edges.place] = _by_place(steps, edges) / len(steps)

    def close(self) -> None:
        """Judge the last masks, and the channel as a whole."""
        while self._open:
            self._judge(self._open.popleft())
        own = float(np.mean(self._totals[0])) if self._totals[0] else 1.0
        for frame, ratios in self._totals.items():
            if frame and len(ratios) >= _EDGE_MASKS and _tells(float(np.mean(ratios)) / own, self._gains[frame]):
                name = f"{self._channel} is {_frames(frame)}"
                message = f"its masks fit the images {frame:+d} frames away {np.mean(ratios) / own:.2f} times better"
                where = f"{self._channel} of {self._scene.name}"
                self._findings.add("image_on_masks", where, f"{name}: {message} than their own")
        self._judge_fit()

    def _judge_fit(self) -> None:
        """Images that fit their masks no better than when turned over are others, or turned over."""
        fits = {name: float(np.mean(found)) for name, found in self._fits.items() if found}
        if not fits:
            return
        name, least = min(fits.items(), key=lambda item: item[1])
        if least < (_FITS if len(self._fits[name]) >= _EDGE_MASKS else _FITS_SINGLE):
            turned = f"images of {self._channel} are {name}" if least < _TURNED else ""
            message = turned or f"images of {self._channel} show something else than its masks"
            where = f"{self._channel} of {self._scene.name}"
            wanted = f"{name} they fit {1 / least:.2f} times as well; are they another camera's?"
            self._findings.add("image_on_masks", where, f"{message}: {wanted}")

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
        if best > _EDGE_RATIO_SINGLE * own and _sureness(edges.parts[frame] - edges.parts[0]) > _SURE_SINGLE:
            where = f"{edges.data.filename} ({self._scene.sample_name(edges.data.sample_token)})"
            message = f"the edges of its mask fit the image {frame:+d} frames away {best / own:.2f} times better"
            self._findings.add("image_on_masks", where, f"{message}: is it {_frames(frame)}?")


def _frames(shift: int) -> str:
    """A shift of masks to images in words: images that come later than their masks are late."""
    count = "one frame" if abs(shift) == 1 else f"{abs(shift)} frames"
    return f"{count} {'late' if shift > 0 else 'early'}"


def _tells(ratio: float, gains: Array) -> bool:
    """Whether another frame fits so many times better, and in so many places, that it has to be the true one."""
    sureness = _sureness(gains)
    return (ratio > _EDGE_RATIO and sureness > _SURE) or (ratio > _EDGE_RATIO_SINGLE and sureness > _SURE_SINGLE)


def _sureness(gains: Array) -> float:
    """How alike places are in what they gain."""
    return float(gains.sum() / max(np.linalg.norm(gains), 1e-9))


def _steps(image: Grey, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """How much brightness changes at each of some pixels (N,), in 0 to 80."""
    across = np.abs(image[y, x + 1].astype(np.int16) - image[y, x - 1])
    down = np.abs(image[y + 1, x].astype(np.int16) - image[y - 1, x])
    return np.minimum(across + down, 80)


def _score_of(steps: npt.NDArray[np.int16]) -> float:
    """How much brightness changes at pixels, in 1 to 81, of that at each of them (N,)."""
    return float(steps.mean()) + 1.0


def _by_place(steps: npt.NDArray[np.int16], edges: _Edges) -> Array:
    """What is at the edges (N,), added up in each place of the image."""
    height, width = edges.shape
    across = width * _PLACES // height + 1
    place = edges.y * _PLACES // height * across + edges.x * _PLACES // height
    return np.bincount(place, steps, _PLACES * across).astype(np.float64)


def _of_boxes(seen: Seen) -> Labels:
    """The mask (H, W) with only what has a box: the rim of the ego's own body is in the same place in every frame."""
    values = [value for value in seen.values if value is not None]
    return np.where(np.isin(seen.labels, values), seen.labels, 0)


def _rims(labels: Labels) -> npt.NDArray[np.bool_]:
    """Where edges of the mask are near (H, W).

    What is straight ahead, and alike on both sides, has its edges where they are in the image turned over, too: there
    the two say nothing.
    """
    rims = np.zeros(labels.shape, np.uint8)
    rims[:-1] |= labels[:-1] != labels[1:]
    rims[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return cv2.dilate(rims, np.ones((_NEAR_PX, _NEAR_PX), np.uint8)) > 0


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
