"""The exporter: a fold that no order changes, publishes whole datasets only, and refuses what cannot be true."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth import store
from av_synth.errors import AvSynthError, DataError, UserError
from av_synth.export.nuscenes import RunNames
from av_synth.export.nuscenes.official import scene_numbers
from av_synth.export.nuscenes.town_map import TownMap
from av_synth.verify import verify
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, SyntheticTown, build_run, recorded
from tests.export.trees import tree

VERSION = "v1.0-trainval"
TINY = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "LIDAR_TOP", "RADAR_FRONT"))


@pytest.fixture(scope="module")
def run_dirs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("store")
    return [build_run(root, 0), build_run(root, 1, sensors=TINY), build_run(root, 2, SyntheticTown("B", (-9.0, 5.0)))]


@pytest.fixture(scope="module")
def dataset(run_dirs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run_dirs, tmp_path_factory.mktemp("nuscenes") / "dataset")


def table(dataset: Path, name: str) -> Any:
    return json.loads((dataset / VERSION / f"{name}.json").read_text(), parse_constant=pytest.fail)


def test_any_order_and_doubled_runs_give_the_same_bytes(run_dirs: list[Path], dataset: Path, tmp_path: Path) -> None:
    first, *others = run_dirs
    orders = [[*others, first], run_dirs[::-1], [*run_dirs, *run_dirs]]
    found = tree(dataset)
    assert all(tree(export(order, tmp_path / str(index))) == found for index, order in enumerate(orders))
    assert len(found) > 200


def test_a_run_made_again_gives_the_same_bytes(run_dirs: list[Path], tmp_path: Path) -> None:
    recorded.cache_clear()
    again = build_run(tmp_path / "store", 0)
    assert tree(again) == tree(run_dirs[0])


def test_the_verifier_which_shares_no_code_finds_nothing_wrong(run_dirs: list[Path], tmp_path: Path) -> None:
    reports = []
    export([run_dirs[0], run_dirs[2]], tmp_path / "dataset", check=lambda staged: reports.append(verify(staged)))
    assert reports[0].problems == ()
    assert reports[0].counts["masks"] == 2 * 6 * 4


def test_blobs_are_the_runs_own_files(run_dirs: list[Path], dataset: Path) -> None:
    source = run_dirs[0] / "blobs/LIDAR_TOP/000010.pcd.bin"
    names = RunNames(store.open_run(run_dirs[0]).run_id)
    assert os.path.samefile(source, dataset / names.filename("samples", "LIDAR_TOP", 500_000, ".pcd.bin"))


def test_records_are_chained_in_time_and_sweeps_belong_to_the_following_keyframe(dataset: Path) -> None:
    records = {row["token"]: row for row in table(dataset, "sample_data")}
    samples = {row["token"]: row for row in table(dataset, "sample")}
    poses = {row["token"]: row for row in table(dataset, "ego_pose")}
    starts = [row for row in records.values() if not row["prev"]]
    assert len(starts) == 12 + 3 + 12
    walked = 0
    for row in starts:
        before = 0
        while True:
            walked += 1
            assert row["timestamp"] > before
            before = row["timestamp"]
            sample = samples[row["sample_token"]]
            assert row["timestamp"] <= sample["timestamp"]
            assert row["is_key_frame"] == (row["timestamp"] == sample["timestamp"])
            assert not sample["prev"] or row["timestamp"] > samples[sample["prev"]]["timestamp"]
            assert poses[row["token"]]["timestamp"] == row["timestamp"]
            assert row["filename"].startswith("samples/" if row["is_key_frame"] else "sweeps/")
            assert (dataset / row["filename"]).is_file()
            if not row["next"]:
                break
            assert records[row["next"]]["prev"] == row["token"]
            row = records[row["next"]]
    assert walked == len(records) == len(poses)


def test_sweeps_after_the_last_keyframe_belong_to_it(tmp_path: Path) -> None:
    def drop_last_keyframe(rows: Rows) -> None:
        for frame in rows["sensor_frames"]:
            frame["is_keyframe"] = frame["is_keyframe"] and frame["frame"] != 30
        for name in ("boxes", "masks"):
            rows[name] = [row for row in rows[name] if row["frame"] != 30]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=drop_last_keyframe)
    dataset = export([run], tmp_path / "dataset")
    names = RunNames(run.name)
    last = max(table(dataset, "sample_data"), key=lambda row: row["timestamp"])
    assert (last["is_key_frame"], last["sample_token"]) == (False, names.sample(20))


def test_tables_say_what_readers_compare_literally(dataset: Path) -> None:
    assert [row["index"] for row in table(dataset, "category")] == list(range(32))
    assert len(table(dataset, "attribute")) == 8
    assert [row["token"] for row in table(dataset, "visibility")] == ["1", "2", "3", "4"]
    assert [row["channel"] for row in table(dataset, "sensor")] == [s.channel for s in SENSORS]
    assert len({row["logfile"] for row in table(dataset, "log")}) == 3
    assert all(re.fullmatch(r"2026-\d\d-\d\d", row["date_captured"]) for row in table(dataset, "log"))
    assert [row["name"] for row in table(dataset, "scene")] == ["scene-0001", "scene-0002", "scene-0003"]
    assert {row["description"] for row in table(dataset, "scene")} == {"Boxes on a straight road."}
    logs = [token for row in table(dataset, "map") for token in row["log_tokens"]]
    assert sorted(logs) == sorted(row["token"] for row in table(dataset, "log"))
    assert table(dataset, "splits") == {
        name: ["scene-0001", "scene-0002", "scene-0003"] for name in ("all", "synthetic")
    }


def test_av_synth_json_tells_how_each_scene_came_about(run_dirs: list[Path], dataset: Path) -> None:
    extra = table(dataset, "av_synth")
    assert [run["run_id"] for run in extra["runs"]] == sorted(path.name for path in run_dirs)
    first = extra["runs"][0]
    assert (first["scenario"], first["renderer"], first["parameters"]) == (
        "synthetic",
        "painted boxes",
        {"speed_mps": 8.0},
    )
    assert first["outcome"]["expectations"][0]["held"] is True
    assert {town["location"]: town["offset_m"] for town in extra["towns"]} == {
        "SynthTown": [0.0, 0.0],
        "B": [30.0, 30.0],
    }


def test_pixels_that_nothing_ties_to_one_actor_stay_untied(tmp_path: Path) -> None:
    def blur(rows: Rows) -> None:
        for row in rows["masks"]:
            row["ambiguous"] = row["actor_id"] == 4
            row["actor_id"] = 0 if row["actor_id"] == 2 else row["actor_id"]

    names = RunNames(build_run(tmp_path / "store", 0, sensors=TINY, change=blur).name)
    masks = table(export(store.runs(tmp_path / "store"), tmp_path / "dataset"), "instance_mask")
    assert len(masks) == 4
    for row in masks:
        assert not {"2", "4"} & set(row["instances"])
        assert all(row["instances"][value] == names.instance(int(value)) for value in row["instances"])
        assert row["filename"].startswith("instance_masks/CAM_FRONT/")


def test_two_contents_of_one_town_name_are_two_places(tmp_path: Path) -> None:
    runs = [build_run(tmp_path / str(i), i, SyntheticTown(length_m=100.0 + i), TINY) for i in range(2)]
    dataset = export(runs, tmp_path / "dataset")
    locations = {row["location"] for row in table(dataset, "log")}
    assert len(locations) == len(table(dataset, "map")) == 2
    assert all(re.fullmatch(r"SynthTown-[0-9a-f]{8}", location) for location in locations)


def test_what_a_killed_export_left_is_removed_by_the_next(run_dirs: list[Path], tmp_path: Path) -> None:
    left = tmp_path / f".dataset.staging-{'0' * 32}"
    left.mkdir()
    (left / "half").write_text("")
    (tmp_path / f"{left.name}.lease").touch()
    export(run_dirs[:1], tmp_path / "dataset")
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_nothing_but_a_dataset_of_ours_is_ever_replaced(run_dirs: list[Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / VERSION).mkdir(parents=True)
    with pytest.raises(UserError, match="did not write"):
        export(run_dirs[:1], home)
    (home / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"thesis\.tex"):
        export(run_dirs[:1], home)
    (tmp_path / "parts" / "part-00").mkdir(parents=True)
    (tmp_path / "parts" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match=r"parts: holds 'thesis\.tex', which is no part of a dataset"):
        export(run_dirs[:1], tmp_path / "parts")
    with pytest.raises(UserError, match="a file is in the way"):
        export(run_dirs[:1], home / "thesis.tex")
    with pytest.raises(UserError, match="inside run"):
        export(run_dirs[:1], run_dirs[0] / "dataset")
    assert (home / "thesis.tex").read_text() == "x"
    assert not (run_dirs[0] / "dataset").exists()


def test_no_runs_and_unknown_versions_are_refused(run_dirs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one"):
        export([], tmp_path / "dataset")
    with pytest.raises(UserError, match="version 'v2\\.0'"):
        export(run_dirs, tmp_path / "dataset", version="v2.0")


def test_two_runs_of_one_id_that_differ_contradict_each_other(run_dirs: list[Path], tmp_path: Path) -> None:
    def brake(rows: Rows) -> None:
        rows["ticks"].pop()

    other = build_run(tmp_path / "store", 0, change=brake)
    assert other.name == run_dirs[0].name
    with pytest.raises(DataError, match="but differ"):
        export([run_dirs[0], other], tmp_path / "dataset")


def spoil(name: str, index: int, **values: object) -> Any:
    """A change that overwrites columns of one row."""

    def change(rows: Rows) -> None:
        rows[name][index].update(values)

    return change


def give_a_cone_an_attribute(rows: Rows) -> None:
    cone = next(row for row in rows["boxes"] if row["category"] == "movable_object.trafficcone")
    cone["attribute"] = "vehicle.moving"


def without_keyframes(rows: Rows) -> None:
    for row in rows["sensor_frames"]:
        row["is_keyframe"] = False


SPOILED = {
    "keyframes of CAM_FRONT and LIDAR_TOP differ": spoil("sensor_frames", 0, is_keyframe=False),
    "no ego pose of that frame": spoil("ego_poses", 2, time_us=99_999),
    "quaternion .* has length": spoil("boxes", 0, qw=0.9),
    "category 'vehicle.tank' is not one": spoil("boxes", 0, category="vehicle.tank"),
    "attribute 'pedestrian.moving' does not fit": spoil("boxes", 0, attribute="pedestrian.moving"),
    "attribute 'vehicle.flying' does not fit": spoil("boxes", 0, attribute="vehicle.flying"),
    "does not fit category 'movable_object.trafficcone'; want none": give_a_cone_an_attribute,
    "visibility 5": spoil("boxes", 0, visibility=5),
    "not the time of that keyframe": spoil("boxes", 0, frame=3),
    "want one category": spoil("boxes", 0, category="vehicle.truck"),
    "a side is not longer than 0": spoil("boxes", 0, width_m=0.0),
    r"want .*'\.jpg'": spoil("sensor_frames", 0, path="blobs/CAM_FRONT/000000.png"),
    "which table sensors has not": spoil("sensors", 0, channel="CAM_OTHER"),
    "no camera keyframe": spoil("masks", 0, frame=1),
    "want 'masks/CAM_FRONT/000000.png'": spoil("masks", 0, path="masks/other.png"),
    "mask 'masks/others.png' of CAM_FRONT, frame 0": spoil("masks", 1, path="masks/others.png"),
    "no keyframe of LIDAR_TOP": without_keyframes,
    "LIDAR_ROOF, and a nuScenes scene wants LIDAR_TOP; .* looks again, --leave-out [0-9a-f]+ ": spoil(
        "sensors", 1, channel="LIDAR_ROOF"
    ),
}


@pytest.mark.parametrize("message", SPOILED)
def test_a_run_that_contradicts_itself_is_refused(message: str, tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        SPOILED[message](rows)
        if "LIDAR_ROOF" in message:
            for frame in rows["sensor_frames"]:
                frame["channel"] = str(frame["channel"]).replace("LIDAR_TOP", "LIDAR_ROOF")

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change)
    with pytest.raises(AvSynthError, match=message):
        export([run], tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def rectangle(x: float, y: float, width: float, height: float) -> list[list[float]]:
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def mask_of(town: TownMap, reach_m: tuple[float, float]) -> Any:
    return cv2.imdecode(np.frombuffer(town.mask_png(reach_m), np.uint8), cv2.IMREAD_UNCHANGED)


def test_the_map_fills_patches_in_a_junction_but_not_a_block_of_houses() -> None:
    ring = [rectangle(1, 1, 38, 5), rectangle(1, 30, 38, 5), rectangle(1, 1, 5, 34), rectangle(34, 1, 5, 34)]
    bars = [rectangle(10, 1, 2, 34), rectangle(1, 10, 38, 2)]  # the patch between ring and bars is 4 m by 4 m
    mask = mask_of(TownMap(np.array(ring + bars), (0.0, 0.0), (40.0, 36.0)), (0.0, 0.0))
    assert mask.shape == (360, 400)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask[360 - 80, 80], mask[360 - 200, 200]) == (255, 0)


def test_a_town_too_large_for_readers_is_cut_off_beyond_what_the_scenes_reach() -> None:
    town = TownMap(np.array([rectangle(0, 0, 2000, 10)]), (0.0, 0.0), (2020.0, 30.0))
    assert mask_of(town, (100.0, 5.0)).shape == (300, 15000)
    assert mask_of(town, (1700.0, 5.0)).shape == (300, 17600)
    assert mask_of(town, (1999.0, 5.0)).shape == (300, 20200)


def test_scene_numbers_leave_out_those_the_devkit_refuses_can_data_of() -> None:
    numbers = list(scene_numbers())
    assert numbers[:3] == [1, 2, 3]
    assert not {161, 168, 170, 176, 309, 314} & set(numbers)
    assert {160, 169, 177, 308, 315} <= set(numbers)
