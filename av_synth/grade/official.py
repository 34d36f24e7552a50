"""What the nuScenes detection task says of a whole dataset: average precision, true positive errors, NDS.

Source: H. Caesar et al., nuScenes, CVPR 2020, section 3.1; equal to the devkit's `DetectionEval`, which a test shows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from av_synth.grade.classes import CLASSES
from av_synth.grade.grades import ClassMetrics, Metrics
from av_synth.grade.matching import NOBODY, Detections, Floats, Objects
from av_synth.grade.precision import FIRST, RECALLS, curves, of_nuscenes

DISTANCES_M = (0.5, 1.0, 2.0, 4.0)
"""How near a detection's centre must be to an object's, seen from above."""

COUNTED = DISTANCES_M.index(2.0)
"""Index of the distance at which errors, recall and precision are told."""

ERRORS = ("trans_err", "scale_err", "orient_err", "vel_err", "attr_err")
_NOT_OF_CLASS = {"traffic_cone": {"orient_err", "vel_err", "attr_err"}, "barrier": {"vel_err", "attr_err"}}
_WEIGHT_OF_AP = 5.0


def official(objects: Objects, detections: Detections, errors: Mapping[str, Floats]) -> Metrics:
    """Metrics of the task.

    Args:
        objects: all of them.
        detections: all of them, matched by `DISTANCES_M`.
        errors: by name (D,): of each detection that is for somebody at the counted distance; NaN where none is told.
    """
    classes = {}
    for index, name in enumerate(CLASSES):
        number = int(np.count_nonzero(objects.class_of == index))
        own = detections.class_of == index
        right = detections.objects[:, own] != NOBODY
        ones, all_of_them = np.ones((1, right.shape[1])), np.array([float(number)])
        ap = [float(of_nuscenes(row, ones, all_of_them)[0]) if number else 0.0 for row in right]
        mean_errors = {
            error: None
            if error in _NOT_OF_CLASS.get(name, ())
            else _mean_error(errors[error][own], right[COUNTED], detections.score[own], number)
            for error in ERRORS
        }
        classes[name] = ClassMetrics(dict(zip(DISTANCES_M, ap, strict=True)), mean_errors)
    mean_ap = float(np.mean([list(each.ap.values()) for each in classes.values()]))
    told = {error: [each.errors[error] for each in classes.values()] for error in ERRORS}
    means = {error: float(np.mean([value for value in values if value is not None])) for error, values in told.items()}
    scores = [max(0.0, 1.0 - mean) for mean in means.values()]
    nds = (_WEIGHT_OF_AP * mean_ap + sum(scores)) / (_WEIGHT_OF_AP + len(scores))
    return Metrics(mean_ap, means, nds, classes)


def _mean_error(errors: Floats, right: np.ndarray, score: Floats, objects: int) -> float:
    """Mean of an error over recalls from the first that counts to the highest reached; 1 if that is none.

    At each recall the error is the mean over all matches that are as sure as the detections are there.
    """
    if not objects or not right.any():
        return 1.0
    (recall,), _ = curves(right, np.ones((1, len(right))), np.array([float(objects)]))
    score_at = np.interp(RECALLS, recall, score, right=0.0)
    reached = np.flatnonzero(score_at)
    if not len(reached) or reached[-1] < FIRST:
        return 1.0
    of_matches = errors[right]
    known = ~np.isnan(of_matches)
    sums, counts = np.cumsum(np.where(known, of_matches, 0.0)), np.cumsum(known)
    running = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0) if known.any() else np.ones(len(sums))
    at = np.interp(score_at[::-1], score[right][::-1], running[::-1])[::-1]
    return float(at[FIRST : reached[-1] + 1].mean())
