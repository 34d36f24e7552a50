"""What the page to browse is given: the same of a run and of its dataset, and clear words about what cannot be read."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from av_synth.errors import DataError, UserError
from av_synth.query import SLICES, SampleFacts, weather_values
from av_synth.report import drawing
from av_synth.report.browse import Library, open_source
from av_synth.report.weather_words import weather_words
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TINY, Rows, build_run

EXTRAS = ("annotation_truth", "av_synth", "box_2d", "instance_actor", "instance_mask", "label_quality", "sample_truth")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browse")
    export([build_run(root, 0, sensors=TINY)], root / "nuscenes")
    return root


def test_a_card_counts_who_is_annotated_although_the_lidar_failed(tmp_path: Path) -> None:
    def fail(rows: Rows) -> None:
        fault = {"sensor": "LIDAR_TOP", "kind": "blackout"}
        told = {"frame": 0, "time_us": 0, "kind": "trigger", "actor_id": 0, "other_id": 0}
        rows["events"] = [{**told, "detail": json.dumps({"fault": fault, "over_us": None})}]
        for box in rows["boxes"]:
            if box["category"] in ("vehicle.construction", "vehicle.trailer"):
                box.update(num_lidar_pts=0, num_radar_pts=0)
        trailers = {box["actor_id"] for box in rows["boxes"] if box["category"] == "vehicle.trailer"}
        for row in rows["quality"]:
            row["lidar_own_inside"] = int(row["actor_id"] not in trailers)

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=fail)

    classes = open_source(run).card(run.name).classes

    assert "construction" in classes
    assert "trailer" not in classes


@pytest.fixture
def dataset(store: Path, tmp_path: Path) -> Path:
    """A copy made of links, whose tables may be changed."""
    copy = Path(shutil.copytree(store / "nuscenes", tmp_path / "copy", copy_function=os.link))
    for table in (copy / "v1.0-trainval").iterdir():
        content = table.read_bytes()
        table.unlink()
        table.write_bytes(content)
    return copy


def test_a_run_and_its_dataset_are_told_alike(store):
    run, scene = (Library(open_source(path)) for path in (store, store / "nuscenes"))
    (one,), (other,) = run.ids(), scene.ids()
    told, told_too = run.open(one).detail, scene.open(other).detail
    same = replace(told_too.card, id=one, scene="", viewer=True, description=told.card.description)

    assert same == told.card
    assert (told.card.name, told.card.seed, told.card.town, told.card.held) == ("synthetic", 0, "SynthTown", 1)
    assert told.card.never_began == ("brake",)
    assert sum(told.card.classes.values()) == len(told_too.things)
    assert [len(told.frames), len(told.frames[0].views)] == [4, 1]
    for frame, frame_too in zip(told.frames, told_too.frames, strict=True):
        assert frame.time_s == frame_too.time_s
        np.testing.assert_allclose(frame.ego_from_world, frame_too.ego_from_world, atol=1e-3)
        np.testing.assert_allclose(frame.views[0].camera_from_world, frame_too.views[0].camera_from_world, atol=1e-3)
        annotated = sorted(
            (box for box in frame.boxes if box.lidar_points + box.radar_points), key=lambda b: b.distance_m
        )
        boxes_too = sorted(frame_too.boxes, key=lambda b: b.distance_m)
        assert len(annotated) == len(boxes_too) > 3
        for box, box_too in zip(annotated, boxes_too, strict=True):
            np.testing.assert_allclose(box.world_from_box, box_too.world_from_box, atol=1e-3)
            assert [box.flat, box.level, box.fraction, box.lidar_points, box.size_lwh_m] == [
                *(box_too.flat, box_too.level, box_too.fraction, box_too.lidar_points, box_too.size_lwh_m)
            ]
    points, points_too = (np.frombuffer(one.points(id_, 2), "<i2") for one, id_ in ((run, one), (scene, other)))
    assert np.array_equal(points, points_too)


def test_a_dataset_of_the_thirteen_tables_alone_is_browsed_by_them(dataset):
    before = Library(open_source(dataset))
    (scene,) = before.ids()
    for name in EXTRAS:
        (dataset / "v1.0-trainval" / f"{name}.json").unlink()
    library = Library(open_source(dataset))
    card, detail = library.source.card(scene), library.open(scene).detail

    assert (card.name, card.scenario, card.rig, card.ttc_s, card.contact, card.asked) == (
        "scene-0001",
        "",
        "",
        None,
        None,
        0,
    )
    assert (card.classes, card.visibility) == (before.source.card(scene).classes, before.source.card(scene).visibility)
    boxes, boxes_before = ([b for f in one.frames for b in f.boxes] for one in (detail, before.open(scene).detail))
    assert [box.world_from_box for box in boxes] == [box.world_from_box for box in boxes_before]
    assert {box.fraction for box in boxes} == {None}
    assert max(abs(a.speed_mps - b.speed_mps) for a, b in zip(boxes, boxes_before, strict=True)) < 0.5
    assert library.thumbnail(scene) == before.thumbnail(scene)


def test_weather_is_told_by_its_limits():
    assert weather_words({"sun_altitude_angle": -5.0, "precipitation": 20.0, "wetness": 50.0}) == ("night", "rain")
    assert weather_words({"sun_altitude_angle": 5.0, "fog_density": 30.0, "wetness": 50.0}) == (
        *("low sun", "fog", "wet road"),
    )
    assert weather_words({"sun_altitude_angle": 45.0}) == ("clear day",)


def test_it_is_night_on_a_card_where_it_is_in_a_query_and_in_a_slice():
    for altitude_deg in (-90.0, -0.5, 0.0, 9.9, 10.0):
        told = {"sun_altitude_angle": altitude_deg}
        sample = SampleFacts("", "", 0.0, "", weather_values(told), ())
        light = SLICES["light"].value(sample, None)

        assert weather_words(told) == ("clear day" if light == "day" else light,)
        assert sample.values["weather.night"] == (light == "night")


def test_small_pictures_are_made_once_and_index_and_scene_are_plain_json(store):
    library = Library(open_source(store))
    (run,) = library.ids()
    assert library.made == 0

    assert library.thumbnail(run) == library.thumbnail(run)
    assert library.strip(run) is library.strip(run)
    assert library.made == 2
    index = json.loads(library.index(0))
    assert (index["total"], index["kind"], [card["id"] for card in index["scenes"]]) == (1, "store", [run])
    assert json.loads(library.index(1))["scenes"] == []
    assert json.loads(library.scene(run))["frames"][0]["views"][0]["channel"] == "CAM_FRONT"


def test_a_run_without_a_camera_is_shown_from_above_and_has_all_the_rest(tmp_path):
    build_run(tmp_path, 0, sensors=tuple(sensor for sensor in TINY if sensor.modality == "lidar"))
    library = Library(open_source(tmp_path))
    (run,) = library.ids()

    assert (library.source.card(run).cameras, library.source.card(run).keyframes) == (0, 4)
    above = cv2.imdecode(np.frombuffer(library.thumbnail(run) or b"", np.uint8), cv2.IMREAD_COLOR)
    assert (np.abs(above.astype(int) - drawing.INK) < 30).all(axis=2).sum() > 20  # the ego
    assert (library.strip(run), library.picture(run, 0, "CAM_FRONT")) == (None, None)
    assert library.points(run, 0)
    assert library.open(run).detail.frames[0].boxes


def test_a_run_that_has_been_damaged_is_a_card_that_says_so(store, tmp_path):
    shutil.copytree(store / "runs", tmp_path / "runs", copy_function=os.link)
    (run,) = (tmp_path / "runs").iterdir()
    (run / "outcome.json").unlink()
    (run / "outcome.json").write_text("{}")
    library = Library(open_source(tmp_path))

    assert "'outcome.json' is not what was committed" in library.source.card(run.name).problem
    with pytest.raises(UserError, match=r"outcome\.json' is not what was committed; move .* away"):
        open_source(run)


def test_a_table_that_leads_out_of_its_dataset_is_not_followed(dataset, tmp_path):
    secret = tmp_path / "secret.jpg"
    shutil.copy(next(dataset.glob("samples/CAM_FRONT/*")), secret)
    table = dataset / "v1.0-trainval" / "sample_data.json"
    rows = json.loads(table.read_text())
    cameras = [row for row in rows if row["filename"].endswith(".jpg") and row["is_key_frame"]]
    cameras[0]["filename"] = "../secret.jpg"
    linked = dataset / cameras[1]["filename"]
    linked.unlink()
    linked.symlink_to(secret)
    table.write_text(json.dumps(rows))
    library = Library(open_source(dataset))
    (scene,) = library.ids()

    for frame in (0, 1):
        with pytest.raises(DataError, match="leads out of the dataset"):
            library.picture(scene, frame, "CAM_FRONT")
    assert library.picture(scene, 2, "CAM_FRONT") is not None
    assert library.picture(scene, 2, "LIDAR_TOP") is None
