"""Detections in images, graded against the dataset's 2D boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from av_synth.errors import UserError
from av_synth.grade.cells import Slicing, detection_cells, object_cells, slicings
from av_synth.grade.classes import CLASSES
from av_synth.grade.grades import Grades
from av_synth.grade.image_truth import ImageTruth, images
from av_synth.grade.matching import NOBODY, Floats, Indices, Part, best_first, joined, surest_first
from av_synth.grade.precision import of_coco
from av_synth.grade.submission import is_number, read_results
from av_synth.grade.telling import Matched, told
from av_synth.query import SampleFacts, Tables, Thing, joining, read

_LEAST_IOU = 0.5


@dataclass(frozen=True)
class Detections2D:
    """What a detector found in one image.

    Attributes:
        boxes: (N, 4) float64: left, top, right, bottom in pixels, right and bottom exclusive.
        classes: N detection classes of nuScenes, such as pedestrian.
        scores: (N,) float64, higher is surer.
    """

    boxes: NDArray[np.float64]
    classes: tuple[str, ...]
    scores: NDArray[np.float64]


def grade_images(
    dataset: Path,
    detections: Path | Mapping[str, Detections2D],
    by: str | Sequence[str] = (),
    *,
    classes: Collection[str] | None = None,
    per_class: bool = False,
    score: float | None = None,
    min_height_px: float = 8.0,
    version: str | None = None,
    seed: int = 0,
    draws: int = 1000,
) -> Grades:
    """Grade detections in keyframe images, at an intersection over union of 0.5.

    Args:
        dataset: the dataset's root.
        detections: by image, its `filename` in `sample_data`; or a file with {"images": {FILENAME: [{"box": [left, top,
            right, bottom], "detection_name": ..., "detection_score": ...}]}}. Images that are not in it are not
            graded; one in which nothing was found has to be in it, with no boxes.
        by: slices, as for `grade`.
        classes: detection classes that the detector knows; None for all ten. Others are neither asked for nor wrong.
        per_class: also tell every slice apart by class.
        score: from which on detections count for recall and precision; None: for each class that of its best F1.
        min_height_px: objects that are less high are neither asked for nor wrong.
        version: of the dataset, if it has several.
        seed: of the draws of scenes.
        draws: how often the scenes are drawn anew for intervals.

    Raises:
        UserError: if an image is no keyframe of the dataset, a class is none of the ten, or there is no such slice.
        StoreError: if the dataset cannot be read.
    """
    name, said = _read_detections(detections) if isinstance(detections, Path) else ("detections", detections)
    slices = slicings(by, told_by_boxes=False)
    wanted = np.array([CLASSES.index(_known("classes", each)) for each in classes or CLASSES], dtype=np.int64)
    for file, found in said.items():
        _check(f"{name}: image {file}", found)
    tables = Tables(dataset, version)
    with joining(tables.folder):
        truth = images(tables, said.keys())
        strange = [file for file in said if file not in truth]
        if strange or not said:
            what = f"no keyframe image of it is {strange[0]!r}" if strange else "no image is in it"
            raise UserError(f"{name}: {what}; want file names as sample_data of {tables.folder} has them")
        parts, scenes = _parts(dataset, version, truth, said, slices, _Rules(wanted, min_height_px))
    matched = Matched(*joined(parts)[:2], scenes, 0, of_coco)
    return told(matched, slices, len(said), None, per_class=per_class, score=score, draws=draws, seed=seed)


def _read_detections(path: Path) -> tuple[str, Mapping[str, Detections2D]]:
    """What detections of a file are called in messages, and they by image.

    Raises:
        UserError: if there is no such file, or it is not such.
    """
    name, listed = read_results(path, "images")
    found = {}
    for file, rows in listed.items():
        for place, row in enumerate(rows):
            if wrong := _wrong(row):
                raise UserError(f"{name}: image {file}: detection {place}: {wrong}")
        boxes = np.array([row["box"] for row in rows], dtype=np.float64).reshape(-1, 4)
        scores = np.array([row["detection_score"] for row in rows], dtype=np.float64)
        found[file] = Detections2D(boxes, tuple(row["detection_name"] for row in rows), scores)
    return name, found


def _wrong(row: Any) -> str:
    if not isinstance(row, Mapping):
        return f"got {row!r}, want an object"
    box = row.get("box")
    if not isinstance(box, Sequence) or len(box) != 4 or not all(map(is_number, box)):
        return f"box: got {box!r}, want left, top, right and bottom"
    if not isinstance(row.get("detection_name"), str):
        return f"detection_name: got {row.get('detection_name')!r}, want one of {', '.join(CLASSES)}"
    if not is_number(row.get("detection_score")):
        return f"detection_score: got {row.get('detection_score')!r}, want a number"
    return ""


def _known(where: str, name: str) -> str:
    if name not in CLASSES:
        raise UserError(f"{where}: got the class {name!r}, want one of {', '.join(CLASSES)}")
    return name


def _check(where: str, found: Detections2D) -> None:
    count = len(found.classes)
    if found.boxes.shape != (count, 4) or found.scores.shape != (count,):
        raise UserError(f"{where}: {count} classes, boxes {found.boxes.shape} and scores {found.scores.shape}; want N")
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
        raise UserError(f"{where}: a box or a score is not finite; want numbers")
    if not (found.boxes[:, 2:] > found.boxes[:, :2]).all():
        raise UserError(f"{where}: a box has no area; want left, top, right, bottom, right and bottom exclusive")
    for name in found.classes:
        _known(where, name)


@dataclass(frozen=True)
class _Rules:
    """What is graded: indices of classes, and the least height."""

    classes: Indices
    min_height_px: float

    def high(self, boxes: Floats) -> NDArray[np.bool_]:
        return boxes[:, 3] - boxes[:, 1] >= self.min_height_px


def _parts(
    dataset: Path,
    version: str | None,
    truth: Mapping[str, ImageTruth],
    said: Mapping[str, Detections2D],
    slices: Sequence[Slicing],
    rules: _Rules,
) -> tuple[list[Part], int]:
    """What is to be graded in each image, and of how many scenes they are."""
    files: dict[str, list[str]] = defaultdict(list)
    for file in sorted(said):
        files[truth[file].sample_token].append(file)
    scenes: dict[str, int] = {}
    parts = []
    for facts in read(dataset, version):
        for file in files.get(facts.sample_token, ()):
            scene = scenes.setdefault(facts.scene, len(scenes))
            parts.append(_in_image(facts, scene, truth[file], said[file], slices, rules))
    return parts, len(scenes)


def _in_image(
    facts: SampleFacts,
    scene: int,
    truth: ImageTruth,
    said: Detections2D,
    slices: Sequence[Slicing],
    rules: _Rules,
) -> Part:
    class_of = np.array([CLASSES.index(name) for name in said.classes], dtype=np.int64)
    asked = rules.high(truth.boxes_px) & np.isin(truth.class_of, rules.classes)
    of = np.full(len(class_of), NOBODY, dtype=np.int64)
    graded = np.isin(class_of, rules.classes)
    cost = 1.0 - _iou(said.boxes, truth.boxes_px)
    below = float(np.nextafter(1.0 - _LEAST_IOU, 1.0))
    for name in np.unique(class_of[graded]):
        own = np.flatnonzero(class_of == name)
        own = own[surest_first(said.scores[own])]
        there = np.flatnonzero(asked & (truth.class_of == name))
        best = best_first(cost[np.ix_(own, there)], below)
        of[own[best != NOBODY]] = there[best[best != NOBODY]]
        too_low = ~asked & (truth.class_of == name)
        of_nobody = own[best == NOBODY]
        # neither right nor wrong: they are on somebody who is not asked for, or so low themselves
        graded[of_nobody] &= rules.high(said.boxes[of_nobody]) & ~(cost[of_nobody][:, too_low] < below).any(axis=1)
    things = {thing.annotation_token: thing for thing in facts.things}
    who = [things[token] for token, there in zip(truth.annotation_tokens, asked, strict=True) if there]
    place = np.append(np.cumsum(asked) - 1, NOBODY)
    return Part(
        scene,
        truth.class_of[asked],
        object_cells(slices, facts, who),
        class_of[graded],
        detection_cells(slices, facts, [Thing("", "", {})] * int(graded.sum())),
        said.scores[graded],
        place[of[graded]][None],
    )


def _iou(one: Floats, other: Floats) -> Floats:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both: Floats = np.clip(high - low, 0.0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return both / (areas[0][:, None] + areas[1][None, :] - both)
