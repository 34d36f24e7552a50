"""What a grading says: figures of a whole dataset and of its slices, with their 95 % confidence intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SliceGrade:
    """Figures of one slice of the data, of all classes together or of one.

    Recall and precision are those of detections with at least the score that `Grades.scores` has for their class.
    Intervals hold 95 % of what comes of drawing the scenes anew; they are None where the figure is.

    Attributes:
        slice_values: which slice, such as {"weather": "fog", "light": "night"}; empty for the whole dataset.
        class_name: detection class, such as pedestrian; "" for all of them together.
        scenes: in how many scenes its objects are.
        objects: how many there were to find.
        found: how many of them were.
        wrong: detections that no object was for; None where nobody can say in which slice such a detection is, as
            with times to collision.
        recall: `found` of `objects`, 0 to 1; None without objects.
        recall_low: lower end of its interval.
        recall_high: upper end.
        precision: `found` of `found` and `wrong`, 0 to 1; None where `wrong` is, or nothing was detected.
        precision_low: lower end of its interval.
        precision_high: upper end.
        ap: average precision, 0 to 1, mean over the classes that have objects here; None where `wrong` is None, or
            without objects.
        ap_low: lower end of its interval.
        ap_high: upper end.
        too_small: there are too few objects or scenes for the figures to say anything about the slice.
    """

    slice_values: Mapping[str, str]
    class_name: str
    scenes: int
    objects: int
    found: int
    wrong: int | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    ap: float | None
    ap_low: float | None
    ap_high: float | None
    too_small: bool


@dataclass(frozen=True)
class ClassMetrics:
    """What the nuScenes detection task says of one class.

    Attributes:
        ap: average precision by matching distance in metres.
        errors: true positive errors by nuScenes' names (trans_err, scale_err, orient_err, vel_err, attr_err); None
            where the task knows none, such as the velocity of a cone.
    """

    ap: Mapping[float, float]
    errors: Mapping[str, float | None]


@dataclass(frozen=True)
class Metrics:
    """What the nuScenes detection task says of a whole dataset, as the devkit's `DetectionEval` computes it.

    Attributes:
        mean_ap: over classes and matching distances.
        errors: mean true positive errors over classes, by nuScenes' names.
        nds: nuScenes detection score.
        classes: by detection class, all ten.
    """

    mean_ap: float
    errors: Mapping[str, float]
    nds: float
    classes: Mapping[str, ClassMetrics]


@dataclass(frozen=True)
class Grades:
    """What a grading says.

    Attributes:
        samples: how many samples (3D) or images (2D) were graded.
        scores: by detection class, from which score on a detection counts for recall and precision.
        overall: of everything.
        slices: the worst recall first, then those that are too small, in order of their values.
        metrics: of the nuScenes detection task; None for detections in images.
    """

    samples: int
    scores: Mapping[str, float]
    overall: SliceGrade
    slices: tuple[SliceGrade, ...]
    metrics: Metrics | None

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; keys are the attributes' names."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # distances, which are keys, as text
        return plain
