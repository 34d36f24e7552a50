"""Average precision, as the nuScenes detection task and as COCO define it, of detections of any weight.

A detection of a scene that was drawn twice has weight 2, of one that was not drawn 0.

Sources: H. Caesar et al., nuScenes: a multimodal dataset for autonomous driving, CVPR 2020, section 3.1; T.-Y. Lin et
al., Microsoft COCO, ECCV 2014, and the 101 recalls of its evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from av_synth.grade.matching import Floats

RECALLS: Floats = np.linspace(0.0, 1.0, 101)
"""At which recalls precision is asked for."""

_LEAST = 0.1
"""Recalls up to this, and precision below it, count for nothing in nuScenes."""

FIRST = round(100 * _LEAST) + 1
"""Index of the first recall that counts in nuScenes."""

AveragePrecision: TypeAlias = Callable[[NDArray[np.bool_], Floats, Floats], Floats]
"""Average precision (R,), one for each row of weights: of detections, the surest first, whether each is right (N,), its
weights (R, N), and the weight of all objects (R,), above 0."""


def curves(right: NDArray[np.bool_], weights: Floats, objects: Floats) -> tuple[Floats, Floats]:
    """Recall and precision (R, N) after each detection, of which there is at least one."""
    found, every = np.cumsum(np.where(right, weights, 0.0), axis=1), np.cumsum(weights, axis=1)
    there = weights > 0.0
    # before the first of any weight: as at that one
    first_is_right = right[np.argmax(there, axis=1)] & there.any(axis=1)
    at_first = np.broadcast_to(first_is_right[:, None].astype(np.float64), found.shape)
    precision = np.divide(found, every, out=at_first.copy(), where=every > 0.0)
    return found / objects[:, None], precision


def of_nuscenes(right: NDArray[np.bool_], weights: Floats, objects: Floats) -> Floats:
    """Mean of the precision that is interpolated linearly, above the least recall and the least precision."""
    if not right.any():
        return np.zeros(len(weights))
    rows = zip(*curves(right, weights, objects), strict=True)
    at = np.array([np.interp(RECALLS[FIRST:], recall, precision, right=0.0) for recall, precision in rows])
    mean: Floats = np.maximum(at - _LEAST, 0.0).mean(axis=1) / (1.0 - _LEAST)
    return mean


def of_coco(right: NDArray[np.bool_], weights: Floats, objects: Floats) -> Floats:
    """Mean of the best precision that there is at each recall or beyond it."""
    if not right.any():
        return np.zeros(len(weights))
    recalls, precisions = curves(right, weights, objects)
    best = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    best = np.concatenate([best, np.zeros((len(best), 1))], axis=1)
    reached = np.array([np.searchsorted(recall, RECALLS) for recall in recalls])
    mean: Floats = np.take_along_axis(best, reached, axis=1).mean(axis=1)
    return mean
