"""COCO: read and evaluated with pycocotools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from av_synth.errors import DataError
from av_synth.export import formats
from av_synth.export.coco import run_lengths
from av_synth.export.splits import Splits
from tests.export.synthetic_run import EGO_ID, HEIGHT, THINGS, TINY, WIDTH, Rows, build_run
from tests.export.true_boxes import TRUCK, add


@pytest.fixture(scope="module")
def root(full_runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return formats.export("coco", full_runs, tmp_path_factory.mktemp("coco") / "coco", {"min_pixels": "1"})


@pytest.fixture(scope="module")
def coco(root: Path) -> Any:
    return COCO(str(root / "annotations" / "instances_all.json"))


def test_every_keyframe_image_is_there_once_as_the_runs_own_file(root: Path, full_runs: list[Path], coco: Any) -> None:
    images = coco.loadImgs(coco.getImgIds())
    assert len(images) == 2 * 6 * 4
    assert len({image["file_name"] for image in images}) == len(images)
    for image in images:
        run = next(path for path in full_runs if path.name == image["run_id"])
        source = run / f"blobs/{image['channel']}/{image['frame']:06d}.jpg"
        assert (root / "images" / image["file_name"]).samefile(source)
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
    assert sorted(path.name for path in (root / "annotations").iterdir()) == ["instances_all.json"]


def test_masks_are_the_runs_pixels_and_boxes_hold_them_tightly(full_runs: list[Path], coco: Any) -> None:
    things = {thing.actor_id: thing for thing in THINGS}
    names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
    told = 0
    for image in coco.loadImgs(coco.getImgIds()):
        run = next(path for path in full_runs if path.name == image["run_id"])
        png = cv2.imread(str(run / f"masks/{image['channel']}/{image['frame']:06d}.png"), cv2.IMREAD_UNCHANGED)
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        assert {row["track_id"] for row in annotations} == set(np.unique(png)) - {0}
        for row in annotations:
            assert np.array_equal(coco.annToMask(row).astype(bool), png == row["track_id"])
            assert row["bbox"] == rle.toBbox(row["segmentation"]).tolist()
            assert row["area"] == rle.area(row["segmentation"])
            assert names[row["category_id"]] == things[row["track_id"]].category
            assert (row["iscrowd"], 0.0 < row["visible_fraction"] <= 1.0) == (0, True)
            told += 1
    assert told > 100


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_perfect_detections_score_one_in_every_class(kind: str, coco: Any) -> None:
    detections = [
        {**{key: row[key] for key in ("image_id", "category_id", "bbox", "segmentation")}, "score": 0.9}
        for row in coco.loadAnns(coco.getAnnIds())
    ]
    judge = COCOeval(coco, coco.loadRes(detections), kind)
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, 2]  # thresholds, recalls, classes; every area, 100 detections
    ids = judge.params.catIds
    there = {row["category_id"] for row in coco.loadAnns(coco.getAnnIds())}
    assert len(there) >= 10
    for index, category in enumerate(ids):
        assert np.all(precision[:, :, index] == (1.0 if category in there else -1.0)), category


def test_categories_have_the_numbers_of_nuscenes(coco: Any) -> None:
    categories = coco.loadCats(coco.getCatIds())
    assert [category["id"] for category in categories] == list(range(1, 24))
    assert {category["name"]: category["id"] for category in categories}["vehicle.car"] == 17
    assert {category["supercategory"] for category in categories} == {
        "animal",
        "human",
        "movable_object",
        "static_object",
        "vehicle",
    }


def test_what_is_uncertain_or_small_is_a_crowd_and_what_nothing_ties_to_an_actor_is_not_there(tmp_path: Path) -> None:
    def blur(rows: Rows) -> None:
        for row in rows["masks"]:
            row["ambiguous"] = row["actor_id"] == 4
            row["actor_id"] = 0 if row["actor_id"] == 2 else row["actor_id"]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=blur)
    target = formats.export("coco", [run], tmp_path / "coco", {"min_pixels": "30"})
    rows = json.loads((target / "annotations/instances_all.json").read_text())["annotations"]
    assert 2 not in {row["track_id"] for row in rows}
    assert {row["iscrowd"] for row in rows if row["track_id"] == 4} == {1}
    assert all(row["iscrowd"] == (row["area"] < 30) for row in rows if row["track_id"] != 4)
    assert {row["iscrowd"] for row in rows} == {0, 1}


def test_the_egos_own_bodywork_is_no_car(tmp_path: Path) -> None:
    def bonnet(rows: Rows) -> None:
        (ego,) = [row for row in rows["actors"] if row["is_ego"]]
        assert ego["category"] == "vehicle.car"
        for row in rows["masks"]:
            row["actor_id"] = EGO_ID if row["actor_id"] == 2 else row["actor_id"]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=bonnet)
    target = formats.export("coco", [run], tmp_path / "coco")
    told = {
        row["track_id"] for row in json.loads((target / "annotations/instances_all.json").read_text())["annotations"]
    }
    assert {EGO_ID, 2}.isdisjoint(told)
    assert 4 in told


def test_a_run_with_true_2d_boxes_has_those_and_the_amodal_ones(tmp_path: Path) -> None:
    run = build_run(tmp_path / "store", 0, sensors=TINY, change=add)
    target = formats.export("coco", [run], tmp_path / "coco")
    content = json.loads((target / "annotations/instances_all.json").read_text())
    (image,) = [image["id"] for image in content["images"] if image["frame"] == 0]
    told = {row["track_id"]: row for row in content["annotations"] if row["image_id"] == image}
    assert (told[TRUCK]["bbox"], told[TRUCK]["amodal_bbox"]) == ([7, 14, 14, 14], [6, 12, 18, 18])
    assert not any("amodal_bbox" in row for actor, row in told.items() if actor != TRUCK)


def test_a_run_with_more_pixels_of_an_actor_than_it_would_fill_alone_is_refused_by_name(tmp_path: Path) -> None:
    def too_many(rows: Rows) -> None:
        add(rows)
        rows["boxes_2d"][0]["amodal_px"] = 29

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=too_many)
    said = (
        rf"run {run.name}: CAM_FRONT at frame 0: masks of actor {TRUCK} \(vehicle.truck\) have 30 pixels, .* fill 29: "
    )
    with pytest.raises(DataError, match=said):
        formats.export("coco", [run], tmp_path / "coco")


def test_two_values_of_one_actor_are_one_instance(tmp_path: Path) -> None:
    def same(rows: Rows) -> None:
        for row in rows["masks"]:
            row["actor_id"] = 3 if row["actor_id"] == 8 else row["actor_id"]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=same)
    target = formats.export("coco", [run], tmp_path / "coco")
    coco = COCO(str(target / "annotations/instances_all.json"))
    png = cv2.imread(str(run / "masks/CAM_FRONT/000000.png"), cv2.IMREAD_UNCHANGED)
    (image,) = [image["id"] for image in coco.loadImgs(coco.getImgIds()) if image["frame"] == 0]
    rows = [row for row in coco.loadAnns(coco.getAnnIds(imgIds=[image])) if row["track_id"] == 3]
    assert [row["area"] for row in rows] == [int(np.isin(png, (3, 8)).sum())]


def test_every_split_has_its_own_file_and_no_image_is_in_two(full_runs: list[Path], tmp_path: Path) -> None:
    splits = Splits({"train": (full_runs[0].name,), "val": (full_runs[1].name,), "test": ()})
    target = formats.export("coco", full_runs, tmp_path / "coco", splits=splits)
    files = {
        name: json.loads((target / f"annotations/instances_{name}.json").read_text())
        for name in ("train", "val", "test")
    }
    assert {name: {image["run_id"] for image in content["images"]} for name, content in files.items()} == {
        "train": {full_runs[0].name},
        "val": {full_runs[1].name},
        "test": set(),
    }
    ids = [row["id"] for content in files.values() for row in content["annotations"]]
    assert sorted(ids) == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_are_what_pycocotools_writes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 90, 2)
    pixels = rng.random(size) < rng.choice([0.0, 0.02, 0.5, 0.98, 1.0])
    assert run_lengths(pixels) == rle.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"].decode()
