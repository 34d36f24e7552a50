"""Detections in images are graded as COCO does it, and by slices."""

from __future__ import annotations

import contextlib
import io
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import few_tables
import numpy as np
import pytest
from nuscenes import NuScenes
from nuscenes.utils.geometry_utils import BoxVisibility
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from av_synth.errors import UserError
from av_synth.grade import Detections2D, grade_images
from av_synth.query import read

LOWEST_PX = 8.0


def square(rng: np.random.Generator) -> np.ndarray:
    """COCO's least area is a least height of squares only."""
    left, top, side = rng.uniform(0, 250), rng.uniform(0, 120), rng.uniform(3, 40)
    return np.array([left, top, left + side, top + side])


@pytest.fixture(scope="module")
def boxed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a square of what is seen of everybody in each front image; of every seventh nothing is seen."""
    rng = np.random.default_rng(3)
    root = tmp_path_factory.mktemp("boxed") / "dataset"
    shutil.copytree(dataset, root)
    rows = [
        {
            "token": str(number),
            "sample_data_token": f"{row['sample_token']}.CAM_FRONT",
            "sample_annotation_token": row["token"],
            "visible_box": square(rng).tolist() if number % 7 else [],
        }
        for number, row in enumerate(few_tables.rows(dataset, "sample_annotation"))
    ]
    few_tables.write(root, "box_2d", rows)
    return root


def annotated(root: Path) -> list[tuple[str, str, str, list[float]]]:
    """File, annotation, detection class and box of all who are seen and of the ten classes."""
    category_of = {row["token"]: row["category_token"] for row in few_tables.rows(root, "instance")}
    names = {r["token"]: few_tables.NAMES.get(category_of[r["instance_token"]]) for r in annotations(root)}
    return [
        (f"samples/CAM_FRONT/{row['sample_data_token'].removesuffix('.CAM_FRONT')}", token, name, row["visible_box"])
        for row in few_tables.rows(root, "box_2d")
        if (name := names[token := row["sample_annotation_token"]]) and row["visible_box"]
    ]


def annotations(root: Path) -> list[dict[str, Any]]:
    return few_tables.rows(root, "sample_annotation")


def detected(root: Path, seed: int = 0) -> dict[str, Detections2D]:
    """Squares around those of the dataset, some off, some twice, some of another class, and some of nobody."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[np.ndarray, str]]] = {
        row["filename"]: [(square(rng), "car")] for row in few_tables.rows(root, "sample_data") if row["width"]
    }
    for file, _, name, box in annotated(root):
        for _ in range(rng.integers(0, 3)):
            middle, side = np.add(box[:2], box[2:]) / 2, (box[2] - box[0]) * rng.uniform(0.8, 1.25)
            middle = middle + rng.normal(size=2) * side * 0.12
            moved = np.concatenate([middle - side / 2, middle + side / 2])
            found[file].append((moved, name if rng.random() < 0.9 else "car"))
    return {
        file: Detections2D(np.array([box for box, _ in boxes]), tuple(n for _, n in boxes), rng.random(len(boxes)))
        for file, boxes in found.items()
    }


def cocos(root: Path, found: Mapping[str, Detections2D]) -> dict[str, float]:
    """COCO's own average precision at 0.5 by class, of objects that are high enough."""
    files, names = {file: k for k, file in enumerate(found, 1)}, sorted({*few_tables.NAMES.values()})
    truth = COCO()
    truth.dataset = {
        "images": [{"id": number} for number in files.values()],
        "categories": [{"id": k, "name": name} for k, name in enumerate(names, 1)],
        "annotations": [
            {"id": k, "image_id": files[file], "category_id": 1 + names.index(name), "iscrowd": 0, **coco_box(box)}
            for k, (file, _, name, box) in enumerate(annotated(root), 1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        said = truth.loadRes(
            [
                {"image_id": files[file], "category_id": 1 + names.index(name), "score": score, **coco_box(box)}
                for file, each in found.items()
                for box, name, score in zip(each.boxes.tolist(), each.classes, each.scores.tolist(), strict=True)
            ]
        )
        evaluation = COCOeval(truth, said, "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[LOWEST_PX**2, 1e10]], ["high"]
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, -1]
    return {name: float(precision[:, k].mean()) for k, name in enumerate(names) if precision[0, k] >= 0}


def coco_box(box: list[float]) -> dict[str, Any]:
    left, top, right, bottom = box
    return {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)}


def test_average_precision_is_cocos_also_with_objects_that_are_too_low(boxed: Path) -> None:
    found = detected(boxed)
    theirs = cocos(boxed, found)
    grades = grade_images(boxed, found, per_class=True, min_height_px=LOWEST_PX, draws=50)
    ours = {each.class_name: each.ap for each in grades.slices}
    assert len(theirs) == 10
    assert 0.2 < min(theirs.values()) < max(theirs.values()) < 0.95
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert grades.overall.ap == pytest.approx(np.mean(list(theirs.values())))
    everything = grade_images(boxed, found, min_height_px=0.0, draws=2)
    assert everything.overall.objects == len(annotated(boxed)) > grades.overall.objects


def test_who_is_missed_in_fog_is_missed_in_the_slice_of_fog_alone(boxed: Path) -> None:
    in_fog = {facts.file for facts in read(boxed) if facts.values["weather.fog"]}
    none = Detections2D(np.zeros((0, 4)), (), np.zeros(0))
    found = {row["filename"]: none for row in few_tables.rows(boxed, "sample_data") if row["width"]}
    for file in found:
        there = [(box, name) for where, _, name, box in annotated(boxed) if where == file and file not in in_fog]
        boxes = np.array([box for box, _ in there], dtype=np.float64).reshape(-1, 4)
        found[file] = Detections2D(boxes, tuple(name for _, name in there), np.full(len(there), 0.9))
    grades = grade_images(boxed, found, "weather,ttc", draws=100)
    told = {next(iter(each.slice_values.values())): each for each in grades.slices}
    assert grades.slices[0] is told["fog"]
    assert (told["fog"].recall, told["dry"].recall, told["dry"].ap) == (0.0, 1.0, 1.0)
    assert (told["fog"].wrong, told["dry"].wrong, told["0..1 s"].wrong) == (0, 0, None)
    assert told["0..1 s"].objects > 0
    # scenes that agree are as few trials as they are
    assert told["dry"].recall_low == pytest.approx(5 / (5 + 1.96**2), abs=1e-3)


def test_classes_that_a_detector_does_not_know_are_neither_asked_for_nor_wrong(boxed: Path) -> None:
    found = detected(boxed)
    all_of_them = {each.class_name: each for each in grade_images(boxed, found, per_class=True, draws=2).slices}
    some = grade_images(boxed, found, classes=("car", "pedestrian"), per_class=True, draws=2)
    assert {each.class_name: each for each in some.slices} == {k: all_of_them[k] for k in ("car", "pedestrian")}
    assert some.overall.objects == sum(each.objects for each in some.slices)


def test_without_2d_boxes_those_around_the_projected_3d_boxes_are_asked_for(dataset: Path) -> None:
    """The devkit's own pinhole finds the same, where all corners are ahead."""
    nusc = NuScenes(few_tables.VERSION, str(dataset), verbose=False)
    found: dict[str, Detections2D] = {}
    edge = [few_tables.WIDTH, few_tables.HEIGHT]
    for sample in nusc.sample:
        _, boxes, matrix = nusc.get_sample_data(f"{sample['token']}.CAM_FRONT", BoxVisibility.NONE)
        listed = []
        for box in boxes:
            name, corners = few_tables.NAMES.get(box.name), box.corners()
            if name is None or corners[2].min() < 0.1:
                continue
            pixels = (matrix @ corners)[:2] / corners[2]
            low, high = (np.clip(ends, 0, edge) for ends in (pixels.min(axis=1), pixels.max(axis=1)))
            if (high > low).all() and high[1] - low[1] >= LOWEST_PX:
                listed.append(([*low, *high], name))
        found[f"samples/CAM_FRONT/{sample['token']}"] = Detections2D(
            np.array([box for box, _ in listed], dtype=np.float64).reshape(-1, 4),
            tuple(name for _, name in listed),
            np.ones(len(listed)),
        )
    overall = grade_images(dataset, found, score=0.5, draws=2).overall
    said = sum(len(each.classes) for each in found.values())
    assert overall.found == said > 20
    assert overall.wrong == 0
    # of those whose corners are partly behind the camera the devkit tells nothing
    assert said <= overall.objects < said + 12


def test_a_file_of_detections_is_read_and_mistakes_in_it_have_their_place(boxed: Path, tmp_path: Path) -> None:
    found = detected(boxed)
    listed = {
        file: [
            {"box": box, "detection_name": name, "detection_score": score}
            for box, name, score in zip(each.boxes.tolist(), each.classes, each.scores.tolist(), strict=True)
        ]
        for file, each in found.items()
    }
    path = tmp_path / "found.json"

    def graded() -> Any:
        path.write_text(json.dumps({"images": listed}))
        return grade_images(boxed, path, "weather", draws=20)

    assert graded() == grade_images(boxed, found, "weather", draws=20)
    file = next(iter(listed))
    (good, *others), spoiled = listed[file], {"box": [1, 2, 3], "detection_name": None, "detection_score": math.nan}
    for key, value in spoiled.items():
        listed[file] = [{**good, key: value}, *others]
        with pytest.raises(UserError, match=rf"found\.json: image {file}: detection 0: {key}: got"):
            graded()
    for change, message in (
        ({"detection_name": "van"}, "got the class 'van', want one of car"),
        ({"box": [5, 5, 5, 9]}, "a box has no area"),
    ):
        listed[file] = [{**good, **change}]
        with pytest.raises(UserError, match=rf"image {file}.*{message}"):
            graded()
    listed[file] = []
    listed["samples/CAM_FRONT/none"] = []
    with pytest.raises(UserError, match="no keyframe image of it is 'samples/CAM_FRONT/none'"):
        graded()
