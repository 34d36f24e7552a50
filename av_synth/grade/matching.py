"""Which detection is for which object, and all that grading needs of either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NOBODY = -1
"""The object of a detection that is for none."""


@dataclass(frozen=True)
class Objects:
    """What there is to find, O objects.

    Attributes:
        class_of: (O,) int64, indices into `CLASSES`.
        scene: (O,) int64, indices of scenes.
        cells: (K, O) int64, in which cell of each slicing.
    """

    class_of: Indices
    scene: Indices
    cells: Indices


@dataclass(frozen=True)
class Detections:
    """What was detected, D detections, the surest first.

    Attributes:
        class_of: (D,) int64, indices into `CLASSES`.
        scene: (D,) int64, indices of scenes.
        score: (D,) float64, falling.
        cells: (K, D) int64, in which cell of each slicing it is if it is for nobody.
        objects: (T, D) int64: for which object each is, by threshold; NOBODY for none.
    """

    class_of: Indices
    scene: Indices
    score: Floats
    cells: Indices
    objects: Indices


@dataclass(frozen=True)
class Part:
    """What is graded of one sample or image: O objects, D detections.

    Attributes:
        scene: index of its scene.
        object_class: (O,) int64, indices into `CLASSES`.
        object_cells: (K, O) int64.
        detection_class: (D,) int64, indices into `CLASSES`.
        detection_cells: (K, D) int64.
        score: (D,) float64, in any order.
        objects: (T, D) int64: for which of the objects each detection is, by threshold; NOBODY for none.
    """

    scene: int
    object_class: Indices
    object_cells: Indices
    detection_class: Indices
    detection_cells: Indices
    score: Floats
    objects: Indices


def joined(parts: Sequence[Part]) -> tuple[Objects, Detections, Indices]:
    """All of at least one part, and in which order (D,) their detections, one part's after the other's, are in it."""
    counts = [len(part.object_class) for part in parts]
    firsts = np.cumsum([0, *counts[:-1]])
    objects = Objects(
        np.concatenate([part.object_class for part in parts]),
        np.repeat([part.scene for part in parts], counts),
        np.concatenate([part.object_cells for part in parts], axis=1),
    )
    of = [np.where(part.objects == NOBODY, NOBODY, part.objects + n) for part, n in zip(parts, firsts, strict=True)]
    score = np.concatenate([part.score for part in parts])
    order = surest_first(score)
    detections = Detections(
        np.concatenate([part.detection_class for part in parts])[order],
        np.repeat([part.scene for part in parts], [len(part.score) for part in parts])[order],
        score[order],
        np.concatenate([part.detection_cells for part in parts], axis=1)[:, order],
        np.concatenate(of, axis=1)[:, order],
    )
    return objects, detections, order


def surest_first(score: Floats) -> Indices:
    """The order of falling scores (N,); of equal ones the last comes first, as the devkit has it."""
    return np.argsort(score, kind="stable")[::-1]


def best_first(cost: Floats, below: float) -> Indices:
    """Give detections, the surest first, the free object that fits each best.

    Args:
        cost: (N, M) float64, of N detections and M objects: how far they are apart.
        below: only what costs less than this fits.

    Returns:
        (N,) int64: the object's index, NOBODY for none.
    """
    found = np.full(len(cost), NOBODY, dtype=np.int64)
    if not cost.size:
        return found
    free_cost = cost.copy()
    for row in np.flatnonzero((cost < below).any(axis=1)):
        best = int(np.argmin(free_cost[row]))
        if free_cost[row, best] < below:
            found[row] = best
            free_cost[:, best] = np.inf
    return found
