"""Detections in the nuScenes submission format (3D), graded against the dataset's annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from av_synth.errors import StoreError, UserError
from av_synth.export.nuscenes.official import PREDEFINED_SPLITS
from av_synth.grade.cells import Slicing, detection_cells, object_cells, slicings
from av_synth.grade.classes import CLASSES
from av_synth.grade.grades import Grades
from av_synth.grade.matching import NOBODY, Floats, Indices, Part, best_first, joined, surest_first
from av_synth.grade.official import COUNTED, DISTANCES_M, ERRORS, official
from av_synth.grade.precision import of_nuscenes
from av_synth.grade.submission import Boxes, boxes_of, checked, read_results
from av_synth.grade.telling import Matched, told
from av_synth.grade.truth import SampleTruth, Truth
from av_synth.query import Tables, Thing, joining, read

_SYMMETRIC = CLASSES.index("barrier")  # half a turn more is the same barrier


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
    draws: int = 1000,
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
        draws: how often the scenes are drawn anew for intervals.

    Raises:
        UserError: if the results are not in the format or not of this dataset, or there is no such slice or split.
        StoreError: if the dataset cannot be read.
    """
    name, submitted = read_results(results)
    slices = slicings(by, told_by_boxes=True)
    tables = Tables(dataset, version)
    with joining(tables.folder):
        truth = Truth(tables)
        samples = _wanted(name, submitted, truth, split)
        detected = {token: boxes_of(checked(name, token, submitted[token])) for token in samples}
        parts, scenes = _parts(dataset, version, truth, detected, slices)
    if lost := [token for token in samples if token not in parts]:
        raise StoreError(
            f"{tables.folder}: sample {lost[0]!r} is of no scene{_others(lost)}; av-synth verify says more"
        )
    objects, detections, order = joined([parts[token][0] for token in samples])
    errors = np.concatenate([parts[token][1] for token in samples], axis=1)[:, order]
    matched = Matched(objects, detections, scenes, COUNTED, of_nuscenes)
    metrics = official(objects, detections, dict(zip(ERRORS, errors, strict=True)))
    count = len(samples)
    return told(matched, slices, count, metrics, per_class=per_class, score=score, draws=draws, seed=seed)


def _wanted(name: str, submitted: Mapping[str, object], truth: Truth, split: str | None) -> Sequence[str]:
    """Tokens of the samples to grade, in an order by which the devkit says who comes first of equal scores."""
    known = set(truth.samples)
    if split is None:
        strange = [token for token in submitted if token not in known]
        if strange:
            raise UserError(
                f"{name}: sample {strange[0]!r} is not in this dataset{_others(strange)}; want results of it"
            )
        if not submitted:
            raise UserError(f"{name}: no sample is in it; want a list for each sample, empty if nothing was detected")
        return list(submitted)
    wanted = truth.samples_of(split)
    missing = [token for token in wanted if token not in submitted]
    if missing:
        why = f"sample {missing[0]!r} of the split {split!r} is not in it{_others(missing)}"
        raise UserError(f"{name}: {why}; want a list for each, empty if nothing was detected")
    ours = set(wanted)
    return [token for token in submitted if token in ours] if split in PREDEFINED_SPLITS else wanted


def _others(tokens: Sequence[str]) -> str:
    """How many of them there are beside the first, in words."""
    more = len(tokens) - 1
    return f", nor {'is' if more == 1 else 'are'} {more} other{'s' * (more != 1)}" if more else ""


def _parts(
    dataset: Path, version: str | None, truth: Truth, detected: Mapping[str, Boxes], slices: Sequence[Slicing]
) -> tuple[dict[str, tuple[Part, Floats]], int]:
    """By sample, what is graded of it and the errors (5, N) of its detections; and of how many scenes they are."""
    scenes: dict[str, int] = {}
    found = {}
    for facts in read(dataset, version):
        if facts.sample_token not in detected:
            continue
        sample, boxes = truth.of(facts.sample_token), detected[facts.sample_token]
        there = sample.graded(sample.boxes)
        objects, detections = sample.boxes.only(there), boxes.only(sample.graded(boxes))
        things = {thing.annotation_token: thing for thing in facts.things}
        who = [things[token] for token, graded in zip(sample.annotation_tokens, there, strict=True) if graded]
        of = _matches(objects, detections)
        part = Part(
            scenes.setdefault(facts.scene, len(scenes)),
            objects.class_of,
            object_cells(slices, facts, who),
            detections.class_of,
            detection_cells(slices, facts, _told(sample, detections)),
            detections.score,
            of,
        )
        found[facts.sample_token] = part, _errors(objects, detections, of[COUNTED])
    return found, len(scenes)


def _told(sample: SampleTruth, boxes: Boxes) -> list[Thing]:
    """What boxes say of themselves that slices ask for."""
    told = zip(sample.range_m(boxes).tolist(), boxes.size_m[:, 2].tolist(), strict=True)
    return [Thing("", "", {"range_m": range_m, "height_m": height_m}) for range_m, height_m in told]


def _matches(objects: Boxes, detections: Boxes) -> Indices:
    """For which object each detection is (T, N), by distance."""
    found = np.full((len(DISTANCES_M), len(detections.score)), NOBODY, dtype=np.int64)
    for name in np.unique(detections.class_of):
        said, there = np.flatnonzero(detections.class_of == name), np.flatnonzero(objects.class_of == name)
        said = said[surest_first(detections.score[said])]
        apart = detections.centre_m[said, None, :2] - objects.centre_m[None, there, :2]
        cost = np.sqrt((apart**2).sum(axis=-1))
        for row, distance_m in zip(found, DISTANCES_M, strict=True):
            best = best_first(cost, distance_m)
            row[said] = np.append(there, NOBODY)[best]
    return found


def _errors(objects: Boxes, detections: Boxes, of: Indices) -> Floats:
    """The errors (5, N), in the order of `ERRORS`, of detections that are for somebody; NaN of others."""
    found = np.full((len(ERRORS), len(of)), np.nan)
    matched = of != NOBODY
    one, other = detections.only(matched), objects.only(of[matched])
    smaller = np.minimum(one.size_m, other.size_m).prod(axis=1)
    period = np.where(other.class_of == _SYMMETRIC, np.pi, 2.0 * np.pi)
    turn = (other.yaw_rad - one.yaw_rad + period / 2.0) % period - period / 2.0
    unlike = np.where(other.attribute < 0, np.nan, one.attribute != other.attribute)
    found[:, matched] = [
        np.linalg.norm((one.centre_m - other.centre_m)[:, :2], axis=1),
        1.0 - smaller / (one.size_m.prod(axis=1) + other.size_m.prod(axis=1) - smaller),
        np.abs(turn),
        np.linalg.norm(one.velocity_mps - other.velocity_mps, axis=1),
        unlike,
    ]
    return found
