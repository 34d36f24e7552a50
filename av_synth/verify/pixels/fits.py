"""Images of a camera against the edges of their masks: as they are, mirrored and upside down.

A house front full of windows changes in brightness everywhere, and a plain road nowhere. So what is at an edge is held
against what is beside it, never against what is elsewhere in the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.verify.maths import Array
from av_synth.verify.pixels.masks import Labels
from av_synth.verify.reading.blobs import Grey

Places = npt.NDArray[np.int64]

LEAST_EDGES, LEAST_MASKS = 200, 3
_MOST_STEP = np.uint8(80)  # one lamp counts no more than this
_DOWN, _ACROSS = 15, 64  # places in the image: they are square, and at most so many are across
_NEAR_PX = 7  # as far as brightness changes across an edge, on both sides of it
_BESIDE_PX, _LEAST_AROUND = 21, 10
_QUIET = 10  # percent of the image in which brightness changes least: that much is noise everywhere
# Own images of 130 cameras by day, by night, in rain and fog have 1.5 to 10 times as much at edges as beside them, and
# those of other cameras 0.6 to 1.3. How sure it is, by places, that it is less than 1.5 times: -0.2 at most, and mostly
# over 1.7; up to 1.5 where own images by night are made seven times as dark, or noisy.
_SEEN, _SURE_UNSEEN = 1.5, 1.6
_LEAST_BESIDE = 4.0  # fog and the dark show nothing, neither at edges nor beside them
_TURNED, _BETTER, _SURE_TURNED = 1.35, 1.2, 1.2
_OVER: Mapping[str, tuple[slice, slice]] = {
    "mirrored left to right": np.s_[:, ::-1],
    "upside down": np.s_[::-1, :],
}


@dataclass
class _Contrast:
    """How much brightness changes at edges, and beside them, and how many there are, added up by place in the image."""

    at: Array = field(default_factory=lambda: np.zeros(_DOWN * _ACROSS))
    beside: Array = field(default_factory=lambda: np.zeros(_DOWN * _ACROSS))
    edges: Array = field(default_factory=lambda: np.zeros(_DOWN * _ACROSS))

    def add(self, at: Array, beside: Array, places: Places) -> None:
        """Take edges (N,) of one mask."""
        self.at += by_place(at, places)
        self.beside += by_place(beside, places)
        self.edges += by_place(np.ones_like(at), places)

    @property
    def ratio(self) -> float:
        """How many times as much it changes at edges as beside them."""
        return float((self.at + self.edges).sum() / max((self.beside + self.edges).sum(), 1.0))


class Fits:
    """Gathers how the images of a camera fit its masks."""

    def __init__(self) -> None:
        self._own = _Contrast()
        self._turned = {name: (_Contrast(), _Contrast()) for name in _OVER}

    def add(self, image: Grey, labels: Labels, x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> None:
        """Take an image and its mask (H, W), and where its edges are (N,)."""
        rims, steps, places = _rims(labels), _step_image(image), places_of(x, y, image.shape)
        others = (~rims).astype(np.uint8)
        count, total = _around(others), _around(steps * others)
        grid = np.s_[::4, ::4]
        noise = np.percentile(total[grid] / np.maximum(count[grid], 1), _QUIET)
        telling = count[y, x] > _LEAST_AROUND
        x, y, places = x[telling], y[telling], places[telling]
        at, beside = np.maximum(steps[y, x] - noise, 0), np.maximum(total[y, x] / count[y, x] - noise, 0)
        self._own.add(at, beside, places)
        for name, (own, turned) in self._turned.items():
            over = _OVER[name]
            free = ~rims[over][y, x]
            if np.count_nonzero(free) < LEAST_EDGES:
                continue
            own.add(at[free], beside[free], places[free])
            total, there = _around(steps[over] * others), (y[free], x[free])
            around = np.maximum(total[there] / count[there] - noise, 0)
            turned.add(np.maximum(steps[over][there] - noise, 0), around, places[free])

    def problem(self, channel: str) -> str:
        """What is wrong with the images of the camera, or nothing."""
        times = "times as much at edges of its masks as beside them"
        name, (own, turned) = max(self._turned.items(), key=lambda item: item[1][1].ratio)
        gains = (turned.at - turned.beside) - (own.at - own.beside)
        if turned.ratio > max(_TURNED, _BETTER * own.ratio) and sureness(gains) > _SURE_TURNED:
            message = f"brightness changes {own.ratio:.2f} {times}, and when turned back {turned.ratio:.2f}"
            return f"images of {channel} are {name}: {message}"
        own = self._own
        lacks = _SEEN * (own.beside + own.edges) - (own.at + own.edges)
        if own.beside.sum() < _LEAST_BESIDE * own.edges.sum() or sureness(lacks) < _SURE_UNSEEN:
            return ""
        message = f"images of {channel} show something else than its masks: brightness changes {own.ratio:.2f} {times}"
        return f"{message}; want over {_SEEN}: are they another camera's?"


def places_of(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], shape: tuple[int, ...]) -> Places:
    """The place in an image (H, W) of each of some pixels (N,)."""
    return y * _DOWN // shape[0] * _ACROSS + np.minimum(x * _DOWN // shape[0], _ACROSS - 1)


def by_place(values: Array | Grey, places: Places) -> Array:
    """Values of pixels (N,), added up in each place of the image."""
    return np.bincount(places, values, _DOWN * _ACROSS).astype(np.float64)


def sureness(gains: Array) -> float:
    """How alike places are in what they gain: sqrt(k) where k places gain alike and the others nothing."""
    return float(gains.sum() / max(np.linalg.norm(gains), 1e-9))


def change(right: Grey, left: Grey, below: Grey, above: Grey) -> Grey:
    """How much brightness changes where these are the pixels around, in 0 to 80."""
    across, down = (np.maximum(a, b) - np.minimum(a, b) for a, b in ((right, left), (below, above)))
    return np.minimum(np.minimum(across, _MOST_STEP) + np.minimum(down, _MOST_STEP), _MOST_STEP)


def _step_image(image: Grey) -> Grey:
    """How much brightness changes at each pixel (H, W) but those of the border."""
    steps = np.zeros(image.shape, np.uint8)
    steps[1:-1, 1:-1] = change(image[1:-1, 2:], image[1:-1, :-2], image[2:, 1:-1], image[:-2, 1:-1])
    return steps


def _around(values: Grey) -> npt.NDArray[np.float32]:
    """The sum of what is around each pixel (H, W)."""
    side = (_BESIDE_PX, _BESIDE_PX)
    total = cv2.boxFilter(values, cv2.CV_32F, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total, dtype=np.float32)


def _rims(labels: Labels) -> npt.NDArray[np.bool_]:
    """Where edges of the mask are near (H, W).

    What is straight ahead, and alike on both sides, has its edges where they are in the image turned over, too: there
    the two say nothing.
    """
    rims = np.zeros(labels.shape, np.uint8)
    rims[:-1] |= labels[:-1] != labels[1:]
    rims[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return cv2.dilate(rims, np.ones((_NEAR_PX, _NEAR_PX), np.uint8)) > 0
