"""Labels of points and tables beyond nuScenes: they name what is annotated, and say what was true in the run."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import carla
import cv2
import numpy as np
import pytest

from av_synth import store
from av_synth.errors import DataError
from av_synth.export.nuscenes import RunNames
from tests.export import synthetic_run
from tests.export.as_nuscenes import export
from tests.export.synthetic_labels import STATIC, TAGS, TERRAIN
from tests.export.synthetic_run import SENSORS, THINGS, Rows, build_run

VERSION = "v1.0-trainval"
TINY = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP"))
FRAMES = (0, 10, 20, 30)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> store.Run:
    return store.open_run(build_run(tmp_path_factory.mktemp("store"), 0, sensors=TINY))


@pytest.fixture(scope="module")
def dataset(run: store.Run) -> Path:
    return export([run.folder], run.folder.parents[1] / "dataset")


def table(dataset: Path, name: str) -> Any:
    return json.loads((dataset / VERSION / f"{name}.json").read_text(), parse_constant=pytest.fail)


def by_token(dataset: Path, name: str) -> dict[str, Any]:
    rows = table(dataset, name)
    found = {row["token"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_labels_of_points_are_the_runs_own_files_one_a_keyframe(run: store.Run, dataset: Path) -> None:
    names = RunNames(run.run_id)
    for kind, suffix in (("lidarseg", "bin"), ("panoptic", "npz")):
        rows = by_token(dataset, kind)
        assert len(list((dataset / kind / VERSION).iterdir())) == len(rows) == len(FRAMES)
        for frame in FRAMES:
            row = rows[names.sample_data("LIDAR_TOP", frame)]
            assert row["sample_data_token"] == row["token"]
            assert row["filename"] == f"{kind}/{VERSION}/{row['token']}_{kind}.{suffix}"
            source = run.path(f"{kind}/LIDAR_TOP/{frame:06d}.{suffix}")
            assert os.path.samefile(source, dataset / row["filename"])


def test_the_version_is_in_the_folders_name(run: store.Run, tmp_path: Path) -> None:
    dataset = export([run.folder], tmp_path / "mini", version="v1.0-mini")
    rows = json.loads((dataset / "v1.0-mini/lidarseg.json").read_text())
    assert all((dataset / row["filename"]).parent == dataset / "lidarseg/v1.0-mini" for row in rows)


def test_the_actor_of_each_point_is_one_that_instance_actor_names(dataset: Path) -> None:
    actors = {row["actor_id"]: row for row in table(dataset, "instance_actor")}
    assert {row["instance_token"] for row in actors.values()} == {row["token"] for row in table(dataset, "instance")}
    assert {actor_id for actor_id, row in actors.items() if row["parked"]} <= {3, 12, 13}
    seen = set()
    for row in table(dataset, "lidar_instance"):
        seen |= set(np.fromfile(dataset / row["filename"], "<u4").tolist())
    assert seen - {0} <= set(actors)


@pytest.mark.parametrize(("kind", "message"), [("lidarseg", "labels 3 points of"), ("lidar_actors", "labels 3 points")])
def test_a_file_that_does_not_label_every_point_is_refused(
    kind: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = store.Staging.write

    def short(staging: store.Staging, path: str, data: bytes) -> None:
        write(staging, path, data[: 3 if kind == "lidarseg" else 12] if path.startswith(f"{kind}/") else data)

    monkeypatch.setattr(store.Staging, "write", short)
    broken = build_run(tmp_path / "store", 0, sensors=TINY)
    monkeypatch.undo()
    with pytest.raises(DataError, match=message):
        export([broken], tmp_path / "dataset")


def test_a_keyframe_without_labels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.Staging.write

    def none(staging: store.Staging, path: str, data: bytes) -> None:
        if not path.startswith("lidarseg/"):
            write(staging, path, data)

    monkeypatch.setattr(store.Staging, "write", none)
    broken = build_run(tmp_path / "store", 0, sensors=TINY)
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"keyframe 0 of LIDAR_TOP has no 'lidarseg/LIDAR_TOP/000000\.bin'"):
        export([broken], tmp_path / "dataset")


def test_semantic_classes_are_carlas_and_name_nuscenes_categories(dataset: Path) -> None:
    categories = {row["token"]: row["name"] for row in table(dataset, "category")}
    rows = {row["index"]: row for row in table(dataset, "semantic_class")}
    assert {index: row["name"] for index, row in rows.items()} == {
        int(value): name for name, value in carla.CityObjectLabel.names.items() if int(value) != 255
    }
    assert categories[rows[24]["category_token"]] == "flat.driveable_surface"
    assert rows[11]["category_token"] == ""


def test_each_camera_keyframe_has_semantic_and_depth_images_of_its_size(dataset: Path) -> None:
    images = by_token(dataset, "sample_data")
    masks = by_token(dataset, "instance_mask")
    rows = by_token(dataset, "label_image")
    assert set(rows) == set(masks)
    assert len(rows) == 2 * len(FRAMES)
    for token, row in rows.items():
        size = (images[token]["height"], images[token]["width"])
        semantic, depth, mask = (
            cv2.imread(str(dataset / name), cv2.IMREAD_UNCHANGED)
            for name in (row["semantic"], row["depth"], masks[token]["filename"])
        )
        assert semantic.shape == depth.shape == mask.shape == size
        assert (semantic.dtype, depth.dtype) == (np.uint8, np.uint16)
        assert not depth[semantic != TERRAIN].any()
        assert (depth[semantic == TERRAIN] > 0).mean() > 0.8  # not at the horizon
        assert set(np.unique(semantic[mask > 0])) <= {*TAGS.values(), STATIC}
        assert row["flow"] == ""


def test_flow_images_are_there_where_the_run_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.Staging.write

    def also_flow(staging: store.Staging, path: str, data: bytes) -> None:
        write(staging, path, data)
        if path.startswith("depth/"):
            write(staging, path.replace("depth/", "flow/"), data)

    monkeypatch.setattr(store.Staging, "write", also_flow)
    run = build_run(tmp_path / "store", 0, sensors=TINY)
    monkeypatch.undo()
    dataset = export([run], tmp_path / "dataset")
    rows = table(dataset, "label_image")
    assert all((dataset / row["flow"]).is_file() and row["flow"].startswith("flow/CAM_") for row in rows)
    assert len({row["flow"] for row in rows}) == len(rows)


def test_2d_boxes_touch_the_pixels_of_the_instance_mask(dataset: Path) -> None:
    annotations = by_token(dataset, "sample_annotation")
    masks = by_token(dataset, "instance_mask")
    visible = 0
    for row in by_token(dataset, "box_2d").values():
        mask = masks[row["sample_data_token"]]
        instance = annotations[row["sample_annotation_token"]]["instance_token"]
        values = [int(value) for value, token in mask["instances"].items() if token == instance]
        image = cv2.imread(str(dataset / mask["filename"]), cv2.IMREAD_UNCHANGED)
        v, u = np.nonzero(np.isin(image, values))
        assert row["visible_pixels"] == len(u)
        assert row["visible_box"] == ([u.min(), v.min(), u.max() + 1, v.max() + 1] if len(u) else [])
        left, top, right, bottom = row["amodal_box"]
        assert 0 <= left < right <= synthetic_run.WIDTH
        assert 0 <= top < bottom <= synthetic_run.HEIGHT
        assert len(u) <= row["amodal_pixels"] <= (right - left) * (bottom - top)
        assert row["method"] == "amodal_render"
        visible += bool(len(u))
    assert visible > 10


def test_annotations_have_their_true_velocity_and_acceleration(run: store.Run, dataset: Path) -> None:
    names = RunNames(run.run_id)
    rows = by_token(dataset, "annotation_truth")
    assert set(rows) == set(by_token(dataset, "sample_annotation"))
    for thing in THINGS:
        row = rows[names.annotation(30, thing.actor_id)]
        assert row["velocity"] == pytest.approx(synthetic_run.velocity(thing).tolist())
        assert row["acceleration"] == [0.0, 0.0, 0.0]


def test_accelerations_are_those_of_the_very_frame_and_actor(tmp_path: Path) -> None:
    def push(rows: Rows) -> None:
        for row in rows["states"]:
            row["ax_mps2"], row["az_mps2"] = float(row["frame"]), -float(row["actor_id"])

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=push)
    rows = by_token(export([run], tmp_path / "dataset"), "annotation_truth")
    names = RunNames(run.name)
    for frame in FRAMES:
        assert rows[names.annotation(frame, 4)]["acceleration"] == [float(frame), 0.0, -4.0]


def test_a_door_that_was_opened_before_a_part_of_a_run_began_is_told_from_its_first_sample_on(tmp_path: Path) -> None:
    def opened(rows: Rows) -> None:
        rows["actors"][1]["role"] = "van"
        rows["doors"] = [{"frame": -1, "actor_id": rows["actors"][1]["actor_id"], "door": 0, "open": True}]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=opened)
    rows = by_token(export([run], tmp_path / "dataset"), "sample_truth")
    assert all("van.open_door" in row["phase"] for row in rows.values())


def test_samples_know_how_critical_they_are_and_what_has_happened(run: store.Run, dataset: Path) -> None:
    names = RunNames(run.run_id)
    rows = by_token(dataset, "sample_truth")
    assert set(rows) == set(by_token(dataset, "sample"))
    assert rows[names.sample(20)]["criticality"] == [
        {
            "metric": "distance_m",
            "value": synthetic_run.ego_to_walker_m(synthetic_run.SyntheticTown(), 20),
            "instance_token": "",  # the ego has none
            "other_instance_token": names.instance(6),
            "role": "ego",
            "other_role": "",
        }
    ]
    phases = [rows[names.sample(frame)]["phase"] for frame in FRAMES]
    begun = ["walker.run_across", "ego.brake", "weather"]
    assert phases == [[], begun[:1], begun, begun]
    assert all(row["faults"] == [] for row in rows.values())
    assert [rows[names.sample(frame)]["weather"]["sun_altitude_angle"] for frame in FRAMES] == [4.0, 4.0, -2.0, -2.0]


def test_samples_have_the_ego_as_a_box_in_the_map(run: store.Run, dataset: Path) -> None:
    names = RunNames(run.run_id)
    rows = by_token(dataset, "sample_truth")
    poses = by_token(dataset, "ego_pose")
    for frame in FRAMES:
        ego, pose = rows[names.sample(frame)]["ego"], poses[names.sample_data("LIDAR_TOP", frame)]
        assert ego["size"] == [1.73, 4.08, 1.56]
        assert ego["rotation"] == pytest.approx(pose["rotation"])
        between = math.dist(ego["translation"][:2], pose["translation"][:2])
        assert between == pytest.approx(synthetic_run.EGO_WHEELBASE_M / 2)
        assert math.hypot(*ego["velocity"]) == pytest.approx(math.hypot(8.0, 0.4 * frame * 0.05))


def test_each_annotation_says_what_evidence_there_is_for_it(run: store.Run, dataset: Path) -> None:
    annotations = by_token(dataset, "sample_annotation")
    rows = by_token(dataset, "label_quality")
    assert set(rows) == set(annotations)
    pixels: dict[str, int] = {}
    for box in table(dataset, "box_2d"):
        pixels[box["sample_annotation_token"]] = pixels.get(box["sample_annotation_token"], 0) + box["visible_pixels"]
    for token, row in rows.items():
        assert row["mask_pixels"] == pixels.get(token, 0)
        assert (row["cameras"] > 0) == (row["mask_pixels"] > 0)
        assert row["lidar_points_own"] == annotations[token]["num_lidar_pts"]
        assert row["visibility_method"] == "amodal_render"
        assert row["box_gap_px"] == []
    names = RunNames(run.run_id)
    truck, cone = (rows[names.annotation(0, actor_id)] for actor_id in (4, 10))
    assert truck["distance_m"] == pytest.approx(26.0)
    assert truck["speed_mps"] == pytest.approx(8.0)
    assert truck["heading_error_rad"] == pytest.approx(0.0, abs=1e-6)
    assert truck["velocity_error_mps"] == pytest.approx(0.0, abs=1e-6)
    assert cone["heading_error_rad"] is None


def test_a_box_that_drives_sideways_or_is_alone_in_time_says_so(tmp_path: Path) -> None:
    def turn(rows: Rows) -> None:
        rows["boxes"] = [row for row in rows["boxes"] if row["actor_id"] != 9 or row["frame"] == 10]
        for row in rows["boxes"]:
            if row["actor_id"] == 4:
                row["vx_mps"], row["vy_mps"] = 0.0, 8.0

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=turn)
    rows = by_token(export([run], tmp_path / "dataset"), "label_quality")
    names = RunNames(run.name)
    sideways = rows[names.annotation(10, 4)]
    assert sideways["heading_error_rad"] == pytest.approx(math.pi / 2)
    assert sideways["velocity_error_mps"] == pytest.approx(8.0 * math.sqrt(2))
    assert rows[names.annotation(10, 9)]["velocity_error_mps"] is None


def test_gaps_are_told_only_of_clear_looks(tmp_path: Path) -> None:
    def clear(rows: Rows) -> None:
        for row in rows["quality"]:
            row["clear_looks"], row["gap_top_px"] = int(row["actor_id"] == 4), 1.5

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=clear)
    rows = by_token(export([run], tmp_path / "dataset"), "label_quality")
    names = RunNames(run.name)
    assert rows[names.annotation(0, 4)]["box_gap_px"] == [0.0, 1.5, 0.0, 0.0]
    assert rows[names.annotation(0, 2)]["box_gap_px"] == []


def test_an_annotation_without_evidence_is_refused(tmp_path: Path) -> None:
    run = build_run(tmp_path / "store", 0, sensors=TINY, change=lambda rows: rows["quality"].pop(0))
    with pytest.raises(DataError, match="table quality has no row for actor 2 at frame 0"):
        export([run], tmp_path / "dataset")


def test_what_has_no_annotation_is_in_no_extra_table(tmp_path: Path) -> None:
    def unseen(rows: Rows) -> None:
        for row in rows["boxes"]:
            if row["actor_id"] == 4:
                row["num_lidar_pts"] = row["num_radar_pts"] = 0

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=unseen)
    dataset = export([run], tmp_path / "dataset")
    kept = set(by_token(dataset, "sample_annotation"))
    assert not {RunNames(run.name).annotation(frame, 4) for frame in FRAMES} & kept
    for name in ("box_2d", "image_annotations", "annotation_truth", "label_quality"):
        assert {row["sample_annotation_token"] for row in table(dataset, name)} <= kept
    assert RunNames(run.name).instance(4) not in by_token(dataset, "instance_actor")


def test_a_run_without_weather_is_refused(tmp_path: Path) -> None:
    run = build_run(tmp_path / "store", 0, sensors=TINY, change=lambda rows: rows["weather"].clear())
    with pytest.raises(DataError, match="table weather has no row at frame 0"):
        export([run], tmp_path / "dataset")
