"""Figures of slices, out of what was there and what was detected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from av_synth.grade.cells import Slicing
from av_synth.grade.classes import CLASSES
from av_synth.grade.grades import Grades, Metrics, SliceGrade
from av_synth.grade.matching import NOBODY, Detections, Floats, Objects
from av_synth.grade.precision import AveragePrecision
from av_synth.grade.resampling import drawn, interval

_FEWEST_OBJECTS = 20
_FEWEST_SCENES = 5
"""With fewer, a slice is too small: intervals by drawing scenes anew come out too narrow."""

_LARGEST = 60_000  # numbers in a piece of work, which then stays in the cache: a quarter of the time

_Chosen = NDArray[np.bool_]


@dataclass(frozen=True)
class Matched:
    """What was there, what was detected, and how they go together.

    Attributes:
        objects: what was there.
        detections: what was detected.
        scenes: how many scenes were graded.
        counted: index of the threshold by which recall and precision are told.
        average_precision: of one class, at one threshold.
    """

    objects: Objects
    detections: Detections
    scenes: int
    counted: int
    average_precision: AveragePrecision


def told(
    matched: Matched,
    slicings: Sequence[Slicing],
    samples: int,
    metrics: Metrics | None,
    *,
    per_class: bool,
    score: float | None,
    draws: int,
    seed: int,
) -> Grades:
    """Everything that is to be said of `samples` samples; `score` is for all classes, None for the best of each."""
    scores = _best_scores(matched) if score is None else dict.fromkeys(CLASSES, score)
    teller = _Teller(matched, scores, draws, seed)
    return Grades(samples, scores, teller.all_of_it(), teller.slices(slicings, per_class=per_class), metrics)


def _best_scores(matched: Matched) -> dict[str, float]:
    """By class, the score from which on detections have their best F1 over everything.

    Classes that nothing was detected of are left out. Of one that has no right detection it is the highest score.
    """
    found = {}
    for index, name in enumerate(CLASSES):
        own = matched.detections.class_of == index
        score = matched.detections.score[own]
        if not len(score):
            continue
        right = np.cumsum(matched.detections.objects[matched.counted, own] != NOBODY)
        objects = np.count_nonzero(matched.objects.class_of == index)
        f1 = 2.0 * right / (np.arange(1, len(score) + 1) + objects)
        last_of_score = np.append(score[1:] != score[:-1], True)
        found[name] = float(score[np.argmax(np.where(last_of_score, f1, -1.0))])
    return found


class _Teller:
    """Tells the figures of one part after the other."""

    def __init__(self, matched: Matched, scores: Mapping[str, float], draws: int, seed: int) -> None:
        """Of detections that count from `scores` of their classes on; `draws` times scenes are drawn anew."""
        self._matched = matched
        self._draws = drawn(matched.scenes, draws, seed)
        detections, least = matched.detections, np.array([scores.get(name, np.inf) for name in CLASSES])
        counts = detections.score >= least[detections.class_of]
        of = detections.objects[matched.counted]
        self._found = np.zeros(len(matched.objects.class_of), dtype=bool)
        self._found[of[counts & (of != NOBODY)]] = True
        self._wrong = counts & (of == NOBODY)

    def all_of_it(self) -> SliceGrade:
        """Of everything."""
        there, said = self._everything()
        return self._part({}, "", there, said)[0]

    def slices(self, slicings: Sequence[Slicing], *, per_class: bool) -> tuple[SliceGrade, ...]:
        """Of every cell, and with `per_class` of every class in it; the worst first, then those that are too small.

        Without slices, of every class in the whole.
        """
        parts = [part for k, slicing in enumerate(slicings) for part in self._cells(k, slicing)]
        if per_class and not slicings:
            parts = [({}, *self._everything())]
        grades: list[SliceGrade] = []
        for values, there, said in parts:
            every, aps = self._part(values, "", there, said)
            grades.extend([every] if slicings else [])
            grades.extend(self._classes(values, there, said, aps) if per_class else [])
        return tuple(sorted(grades, key=_worst_first))

    def _everything(self) -> tuple[_Chosen, _Chosen]:
        there = np.ones(len(self._matched.objects.class_of), dtype=bool)
        return there, np.ones(self._matched.detections.objects.shape, dtype=bool)

    def _cells(self, k: int, slicing: Slicing) -> Iterator[tuple[Mapping[str, str], _Chosen, _Chosen | None]]:
        """The values of each cell, its objects (O,), and its detections (T, D); None if nobody can say which."""
        objects, detections = self._matched.objects, self._matched.detections
        cell_of = np.broadcast_to(detections.cells[k], detections.objects.shape).copy()
        of_somebody = detections.objects != NOBODY
        cell_of[of_somebody] = objects.cells[k, detections.objects[of_somebody]]
        for index, values in enumerate(slicing.cells):
            yield values, objects.cells[k] == index, cell_of == index if slicing.placed else None

    def _classes(
        self, values: Mapping[str, str], there: _Chosen, said: _Chosen | None, aps: Mapping[int, Floats]
    ) -> Iterator[SliceGrade]:
        objects, detections = self._matched.objects, self._matched.detections
        for index, name in enumerate(CLASSES):
            of_class = there & (objects.class_of == index)
            said_of_class = said & (detections.class_of == index) if said is not None else None
            if of_class.any() or (said_of_class is not None and said_of_class.any()):
                own = {index: aps[index]} if index in aps else {}
                yield self._part(values, name, of_class, said_of_class, own)[0]

    def _part(
        self,
        values: Mapping[str, str],
        class_name: str,
        there: _Chosen,
        said: _Chosen | None,
        aps: Mapping[int, Floats] | None = None,
    ) -> tuple[SliceGrade, Mapping[int, Floats]]:
        """Of some objects (O,) and detections (T, D), with average precisions by class, unless they are given."""
        scene = self._matched.objects.scene
        objects, found = self._by_scene(scene[there]), self._by_scene(scene[there & self._found])
        scenes = int(np.count_nonzero(objects))
        recall = self._share(found, objects)
        precision: _Figure = (None, None, None)
        wrong: int | None = None
        if said is not None:
            mistaken = self._by_scene(self._matched.detections.scene[said[self._matched.counted] & self._wrong])
            wrong = int(mistaken.sum())
            precision = self._share(found, found + mistaken)
        if aps is None:
            aps = self._aps(there, said) if said is not None else {}
        too_small = objects.sum() < _FEWEST_OBJECTS or scenes < _FEWEST_SCENES
        counts = (scenes, int(objects.sum()), int(found.sum()), wrong)
        ap = _mean(list(aps.values()), scenes)
        return SliceGrade(values, class_name, *counts, *recall, *precision, *ap, bool(too_small)), aps

    def _by_scene(self, scene: NDArray[np.int64]) -> Floats:
        return np.bincount(scene, minlength=self._matched.scenes).astype(np.float64)

    def _share(self, part: Floats, whole: Floats) -> _Figure:
        """A share with its interval, of counts (S,) by scene."""
        if not whole.any():
            return None, None, None
        value = float(part.sum() / whole.sum())
        parts, wholes = self._draws @ part, self._draws @ whole
        redrawn = np.divide(parts, wholes, out=np.full(len(wholes), np.nan), where=wholes > 0.0)
        return value, *interval(value, redrawn, int(np.count_nonzero(whole)))

    def _aps(self, there: _Chosen, said: _Chosen) -> dict[int, Floats]:
        """By class that has objects, mean average precision over thresholds (1 + draws,).

        First of the data as they are, then of each draw, NaN where that has no objects.
        """
        detections, found = self._matched.detections, {}
        for index in np.unique(self._matched.objects.class_of[there]).tolist():
            objects = self._by_scene(self._matched.objects.scene[there & (self._matched.objects.class_of == index)])
            of_class = said & (detections.class_of == index)
            rows = []
            for of, chosen in zip(detections.objects, of_class, strict=True):
                rows.append(self._redrawn(of[chosen] != NOBODY, detections.scene[chosen], objects))
            found[index] = np.mean(rows, axis=0)
        return found

    def _redrawn(self, right: NDArray[np.bool_], scene: NDArray[np.int64], objects: Floats) -> Floats:
        """(1 + draws,) of detections that are right or not, in scenes with so many objects (S,)."""
        weights = np.concatenate([np.ones((1, self._matched.scenes)), self._draws])
        numbers = weights @ objects
        found = np.full(len(weights), np.nan)
        (there,) = np.nonzero(numbers)
        pieces = 1 + len(there) * len(right) // _LARGEST
        for some in np.array_split(there, max(1, min(pieces, len(there)))):
            found[some] = self._matched.average_precision(right, weights[some][:, scene], numbers[some])
        return found


def _mean(of_classes: Sequence[Floats], scenes: int) -> _Figure:
    """Mean over the classes that are there, with its interval."""
    if not of_classes:
        return None, None, None
    rows = np.array(of_classes)
    there = np.isfinite(rows)
    sums = np.where(there, rows, 0.0).sum(axis=0)
    means = np.divide(sums, there.sum(axis=0), out=np.full(len(sums), np.nan), where=there.any(axis=0))
    return float(means[0]), *interval(float(means[0]), means[1:], scenes)


_Figure = tuple[float | None, float | None, float | None]


def _worst_first(grade: SliceGrade) -> tuple[object, ...]:
    words = tuple(grade.slice_values.items()), grade.class_name
    return (True, 0.0, *words) if grade.too_small else (False, grade.recall, *words)
