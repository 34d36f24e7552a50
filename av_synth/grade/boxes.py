"""Detections in the nuScenes submission format (3D), graded against the dataset's annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from av_synth.grade.grades import Grades


def grade(
    dataset: Path,
    results: Path | Mapping[str, Any],
    by: str | Sequence[str] = (),
    *,
    split: str | None = None,
    per_class: bool = False,
    score: float | None = None,
    version: str | None = None,
    seed: int = 0,
) -> Grades:
    """Grade detections in nuScenes' submission format.

    Args:
        dataset: the dataset's root.
        results: a submission, or the path of one.
        by: slices to tell apart, such as "weather,range": each by itself, "weather+light" by both together. Names are
            those of `av_synth.query.SLICES`.
        split: grade the samples of this split, of which all must be in the results; None: those in the results.
        per_class: also tell every slice apart by class.
        score: from which on detections count for recall and precision; None: for each class that of its best F1.
        version: of the dataset, if it has several.
        seed: of the draws of scenes.

    Raises:
        UserError: if the results are not in the format or not of this dataset, or there is no such slice or split.
        StoreError: if the dataset cannot be read.
    """
    raise NotImplementedError
