"""Whether a camera's exposure has come to rest: servers with automatic exposure begin black, then too bright."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

WATCHED = 5  # the last images of each camera before recording begins
EVERY = 7  # pixel of an image is looked at, along and across
_DARK, _FULL = 8, 247  # what lies outside may be cut off
_ENOUGH = 0.02  # of the pixels
_DRIFT = 1.1  # over the images watched

Sample = npt.NDArray[np.uint8]


def sample(pixels: npt.NDArray[np.uint8]) -> Sample:
    """Some pixels (N, 3) of an image (H, W, 4), always the same ones; the fourth channel means nothing."""
    return np.array(pixels[::EVERY, ::EVERY, :3]).reshape(-1, 3)


def why_unstable(samples: Sequence[Sample]) -> str | None:
    """What is wrong with a camera's last images before recording, or None.

    A change of exposure changes all pixels by about one factor, while what moves through the picture changes some: so
    it is the median over the pixels that is looked at, and images that are too dark to tell count as stable.

    Args:
        samples: of successive images, (N, 3) each, all of the same pixels.
    """
    if not samples:
        return None
    blank = [int(each.max()) for each in samples if each.max() == each.min()]
    if blank:
        return f"was blank in {len(blank)} of its last {len(samples)} images, {blank[-1]} everywhere"
    gain = 1.0
    for before, after in pairwise(samples):
        usable = (before >= _DARK) & (before <= _FULL) & (after >= _DARK) & (after <= _FULL)
        if usable.mean() < _ENOUGH:
            return None
        gain *= float(np.median(after[usable].astype(float) / before[usable]))
    if 1.0 / _DRIFT <= gain <= _DRIFT:
        return None
    return f"became {gain:.2f} times as bright over its last {len(samples)} images"
