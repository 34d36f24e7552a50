"""A detector graded on data that it has not learnt from, and by how much more data of each kind is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from av_synth.errors import UserError
from av_synth.grade import Detections2D, Grades, SliceGrade, grade_images
from av_synth.improve.detector import Detector, Trainable, blamed
from av_synth.improve.images import LabelledImage, read_images
from av_synth.query import read

_OF_RUNS = ("scenario", "weather", "light")
_OF_THINGS = ("class", "range", "visibility", "ttc")
_FOLDS = 2
_AT_ONCE = 16  # images that are handed to a detector together
_WANT = "Detections2D of av_synth.grade, one for each image"
_PRIOR_RUNS = 1.0  # so many average ones are added to the runs that a need is the mean of


@dataclass(frozen=True)
class Shortfall:
    """A slice, and how far it may be below the whole.

    Attributes:
        slice: its figures.
        may_lack: overall recall less the lower end of the slice's interval, 0 or more: with few objects the interval
            is wide, so that what nobody can tell yet is asked for too.
        fails: even the upper end of its interval is below the overall recall, and there is enough to tell.
    """

    slice: SliceGrade
    may_lack: float
    fails: bool


def detect_all(detector: Detector, images: Sequence[LabelledImage]) -> dict[str, Detections2D]:
    """What a detector finds in each image, by the image's name.

    Raises:
        UserError: if it raises, or does not answer for each image.
    """
    found: dict[str, Detections2D] = {}
    for begin in range(0, len(images), _AT_ONCE):
        some = images[begin : begin + _AT_ONCE]
        with blamed(f"the detector raised in `detect`, shown {some[0].file} and {len(some) - 1} more"):
            answers: Any = detector.detect([one.pixels() for one in some])
        if not isinstance(answers, Sequence):
            raise UserError(f"the detector answered with a {type(answers).__name__}; want a list of {_WANT}")
        if len(answers) != len(some):
            raise UserError(f"the detector was shown {len(some)} images and answered for {len(answers)}; want one each")
        found.update((one.name, _told(one, answer)) for one, answer in zip(some, answers, strict=True))
    return found


def _told(image: LabelledImage, answer: Any) -> Detections2D:
    """An answer as arrays, also if it has lists; what is in them is a matter for who grades it."""
    if not isinstance(answer, Detections2D):
        raise UserError(f"the detector answered for {image.file} with a {type(answer).__name__}; want {_WANT}")
    try:
        boxes = np.asarray(answer.boxes, dtype=np.float64)
        scores = np.asarray(answer.scores, dtype=np.float64)
        return Detections2D(boxes if boxes.size else boxes.reshape(0, 4), tuple(answer.classes), scores)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"the detector answered for {image.file} with what are no arrays: {error}; want {_WANT}"
        ) from error


def detect_unseen(
    detector: Detector, dataset: Path, seed: int, on_fitted: Callable[[int, int], None] = lambda *_: None
) -> dict[str, Detections2D]:
    """What a detector finds in every image of a dataset, none of which it has learnt from.

    One that learns does so of each half of the scenes in turn, and is asked about the other; it is left as it was
    fitted last. Any other is asked about all.

    Args:
        detector: what is graded.
        dataset: the dataset's root.
        seed: of the fits.
        on_fitted: told (fits done, fits in all).

    Raises:
        UserError: if there are too few scenes, or the detector raises.
    """
    images = read_images(dataset)
    if not isinstance(detector, Trainable):
        return detect_all(detector, images)
    scenes = sorted({one.scene for one in images})
    if len(scenes) < _FOLDS:
        raise UserError(
            f"{dataset}: has {len(scenes)} scenes; want {_FOLDS} at least, to learn from one and grade another"
        )
    fold_of = {scene: at % _FOLDS for at, scene in enumerate(scenes)}
    found: dict[str, Detections2D] = {}
    for fold in range(_FOLDS):
        on_fitted(fold, _FOLDS)
        with blamed("the detector raised in `fit`"):
            detector.fit([one for one in images if fold_of[one.scene] != fold], seed)
        found |= detect_all(detector, [one for one in images if fold_of[one.scene] == fold])
    on_fitted(_FOLDS, _FOLDS)
    return found


def grade_slices(
    detector: Detector, dataset: Path, detections: Mapping[str, Detections2D], seed: int, version: str | None = None
) -> Grades:
    """Figures of a dataset by every slice, and of whom of each kind is in each scene.

    Raises:
        StoreError: if the dataset cannot be read.
    """
    by = [*_OF_RUNS, *_OF_THINGS, "+".join(_OF_RUNS), *(f"scene+{axis}" for axis in _OF_THINGS)]
    return grade_images(dataset, detections, by, classes=detector.classes, version=version, seed=seed)


def shortfalls(grades: Grades) -> tuple[Shortfall, ...]:
    """Every slice of one axis, and how far it may be below the whole; the farthest first.

    Raises:
        UserError: if there was nothing to find.
    """
    overall = grades.overall.recall
    if overall is None:
        raise UserError("there is nobody in the images whom the detector knows; want a dataset with its classes")
    found = []
    for one in grades.slices:
        if len(one.slice_values) > 1 or one.recall_low is None or one.recall_high is None:
            continue
        fails = one.recall_high < overall and not one.too_small
        found.append(Shortfall(one, max(0.0, overall - one.recall_low), fails))
    return tuple(sorted(found, key=lambda one: -one.may_lack))


def of_cells(grades: Grades) -> tuple[SliceGrade, ...]:
    """The figures of every scenario in every weather and light."""
    return tuple(one for one in grades.slices if tuple(one.slice_values) == _OF_RUNS)


def needs(
    grades: Grades, found: Sequence[Shortfall], traits: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, float]]:
    """How much more is needed of what runs are drawn by.

    A run gives to a slice as many objects as it has of it, beside the mean of the runs that have any. What is needed of
    a value, such as night, is the mean over its runs of what these give, each slice by what it may lack.

    Args:
        grades: of `grade_slices`.
        found: what each slice may lack.
        traits: by scene, what runs are drawn by.
    """
    lacking = {_key(one.slice.slice_values): one.may_lack for one in found}
    objects: dict[str, dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
    for one in grades.slices:
        scene = one.slice_values.get("scene")
        if scene is None:
            continue
        axis, value = _key({axis: value for axis, value in one.slice_values.items() if axis != "scene"})
        objects[scene][axis, value] += one.objects
        if axis == _OF_THINGS[0]:  # everybody has one class: together they are all that the run has
            for of_run in _OF_RUNS:
                objects[scene][of_run, traits[scene][of_run]] += one.objects
    in_all: dict[tuple[str, str], list[float]] = defaultdict(list)
    for has in objects.values():
        for key, count in has.items():
            in_all[key].append(count)
    gives = {
        scene: sum(
            lacking.get(key, 0.0) * count * len(in_all[key]) / sum(in_all[key]) for key, count in has.items() if count
        )
        for scene, has in objects.items()
    }
    return _means({scene: gives.get(scene, 0.0) for scene in traits}, traits)


def traits_in(dataset: Path, traits_of: Callable[..., dict[str, str]]) -> dict[str, dict[str, str]]:
    """By scene of a dataset, what its run was drawn by."""
    found: dict[str, dict[str, str]] = {}
    for sample in read(dataset):
        if sample.scene not in found:
            found[sample.scene] = traits_of(sample)
    return found


def _means(gives: Mapping[str, float], traits: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """The mean of what runs give, by what they have, as a multiple of that of all."""
    mean = sum(gives.values()) / len(gives)
    if mean <= 0.0:
        return {}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for scene, of_run in traits.items():
        for axis, value in of_run.items():
            found[axis][value].append(gives[scene])
    return {
        axis: {
            value: (sum(given) + _PRIOR_RUNS * mean) / (len(given) + _PRIOR_RUNS) / mean
            for value, given in values.items()
        }
        for axis, values in found.items()
    }


def _key(values: Mapping[str, str]) -> tuple[str, str]:
    ((axis, value),) = values.items()
    return axis, value
