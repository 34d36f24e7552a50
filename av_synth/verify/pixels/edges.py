"""Edges of instance masks against the images of their frame and of the frames around it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.findings import Findings
from av_synth.verify.pixels.masks import Labels, Seen
from av_synth.verify.reading.blobs import Grey
from av_synth.verify.reading.model import Data, Scene

_EDGE_POINTS, _EDGE_PIXELS = 200, 4000
_EDGE_SPREAD = 1.1  # scores of frames in which nothing has moved differ by noise only: such masks say nothing
_EDGE_MASKS, _EDGE_RATIO, _EDGE_RATIO_SINGLE = 3, 1.08, 1.4
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


class EdgeCheck:
    """Compares the edges of each mask with the image of its frame and with its neighbours' in the camera's chain.

    Where mask and image are of the same instant, brightness changes across the mask's edges more than it does there in
    frames before or after. When nothing moves in the image all frames score alike, and nothing is said.
    """

    def __init__(self, scene: Scene, channel: str, findings: Findings) -> None:
        self._scene = scene
        self._channel = channel
        self._findings = findings
        self._recent: deque[tuple[int, Grey]] = deque(maxlen=3)
        self._open: deque[_Edges] = deque(maxlen=3)
        self._totals: dict[int, list[float]] = {frame: [] for frame in _FRAMES}
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
        x, y = _edge_pixels(labels)
        if len(x) < _EDGE_POINTS:
            return
        edges = _Edges(data, self._place, labels.shape, x, y, {})
        for name, over in (("mirrored left to right", np.s_[:, ::-1]), ("upside down", np.s_[::-1])):
            elsewhere = ~_rims(labels)[over][y, x]
            if np.count_nonzero(elsewhere) >= _EDGE_POINTS:
                there = x[elsewhere], y[elsewhere]
                self._fits[name].append(_edge_score(image, *there) / _edge_score(image[over], *there))
        for place, recent in self._recent:
            self._score(edges, place, recent)
        if len(self._open) == self._open.maxlen:
            self._judge(self._open.popleft())
        self._open.append(edges)

    def _score(self, edges: _Edges, place: int, image: Grey) -> None:
        if place - edges.place not in _FRAMES or image.shape != edges.shape:
            return
        edges.scores[place - edges.place] = _edge_score(image, edges.x, edges.y)

    def close(self) -> None:
        """Judge the last masks, and the channel as a whole."""
        while self._open:
            self._judge(self._open.popleft())
        own = float(np.mean(self._totals[0])) if self._totals[0] else 0.0
        for frame, ratios in self._totals.items():
            if frame and len(ratios) >= _EDGE_MASKS and float(np.mean(ratios)) > _EDGE_RATIO * own:
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
        frame, best = max(edges.scores.items(), key=lambda item: item[1])
        if best > _EDGE_RATIO_SINGLE * own:
            where = f"{edges.data.filename} ({self._scene.sample_name(edges.data.sample_token)})"
            message = f"the edges of its mask fit the image {frame:+d} frames away {best / own:.2f} times better"
            self._findings.add("image_on_masks", where, f"{message}: is it {_frames(frame)}?")


def _frames(shift: int) -> str:
    """A shift of masks to images in words: images that come later than their masks are late."""
    count = "one frame" if abs(shift) == 1 else f"{abs(shift)} frames"
    return f"{count} {'late' if shift > 0 else 'early'}"


def _edge_score(image: Grey, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> float:
    """How much brightness changes at pixels, in 1 to 81."""
    across = np.abs(image[y, x + 1].astype(np.int16) - image[y, x - 1])
    down = np.abs(image[y + 1, x].astype(np.int16) - image[y - 1, x])
    return float(np.minimum(across + down, 80).mean()) + 1.0


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


def _edge_pixels(labels: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pixels at which the instance differs from the right or lower neighbour, away from the border, thinned evenly."""
    middle = labels[1:-1, 1:-1]
    y, x = np.nonzero((middle != labels[1:-1, 2:]) | (middle != labels[2:, 1:-1]))
    step = max(1, len(x) // _EDGE_PIXELS)
    return x[::step] + 1, y[::step] + 1
