"""Mounts, clocks and lost frames that the car is wrong about: what it believes, what was true, and who finds a lie."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth import documents, scenario, store
from av_synth import rig as rigs
from av_synth.geometry.transforms import invert, matrix_from_quaternion, turned
from av_synth.launch import Address
from av_synth.query import find
from av_synth.replay.request import Request, replay_spec
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from av_synth.verify import VerifyReport, verify
from tests.devkit import oracles
from tests.e2e.conftest import Made, make, simulated_again

HEAD = """name: {name}
description: The car is wrong about its sensors.
duration_s: {duration_s}
weather: {{preset: clear_noon}}
road: {{length_m: 60, town: AvSynth01}}
ego: {{speed_kmh: 30}}
actors:
  lead: {{body: car, at: {{ahead_m: 14}}, speed_kmh: 30}}
  behind: {{body: van, at: {{ahead_m: -11}}, speed_kmh: 30}}
events:
"""
# samples are at 0, 0.5, ... s; scene-0001 and scene-0002 come in order of run id
FIRST = """
  - when: {time_s: 0}
    fault:
      {sensor: CAM_BACK, kind: miscalibration, rotation_deg: [-5, -2, 0.5], translation_m: [0.05, -0.1, 0]}
  - {when: {time_s: 0}, fault: {sensor: radar, kind: miscalibration, rotation_deg: [8, 0, 0]}}
  - {when: {time_s: 0.4}, fault: {sensor: CAM_FRONT, kind: clock, offset_ms: 60, jitter_ms: 5}}
  - {when: {time_s: 0.6}, fault: {sensor: LIDAR_TOP, kind: lost, share: 0.4}}
"""
SECOND = """
  - {when: {time_s: 0}, fault: {sensor: lidar, kind: miscalibration, rotation_deg: [1.5, 0.5, 0]}}
  - {when: {time_s: 0.7}, fault: {sensor: lidar, kind: clock, offset_ms: -30, jitter_ms: 3}}
  - {when: {time_s: 0.2}, fault: {sensor: camera, kind: lost, share: 0.5}}
  - {when: {time_s: 0.8}, fault: {sensor: CAM_BACK, kind: blocked, share: 0.6}}
  - {when: {time_s: 0.5}, for_s: 0.8, fault: {sensor: RADAR_FRONT, kind: clock, offset_ms: 250}}
"""
Rows = list[dict[str, Any]]
Change = Callable[[Path], None]


def spec(name: str, duration_s: float, events: str) -> RunSpec:
    text = HEAD.format(name=name, duration_s=duration_s) + events
    return RunSpec(scenario.draw(from_document(documents.parse(text, f"{name}.yaml")), 0), rigs.load("tiny"))


@pytest.fixture(scope="module")
def made(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("wrong"), [spec("first", 2.5, FIRST), spec("second", 2.0, SECOND)], address)


def table(dataset: Path, name: str) -> Rows:
    rows: Rows = json.loads((dataset / "v1.0-trainval" / f"{name}.json").read_text())
    return rows


def written(dataset: Path, name: str, rows: Rows | None) -> None:
    path = dataset / "v1.0-trainval" / f"{name}.json"
    path.unlink()
    if rows is not None:
        path.write_text(json.dumps(rows))


def retold(made: Made, tmp_path: Path, change: Change) -> VerifyReport:
    """What the verifier says of the dataset when something else is told of it."""
    copy = tmp_path / "copy"
    shutil.copytree(made.dataset, copy, copy_function=os.link)
    change(copy)
    return verify(copy)


def believed(made: Made) -> Any:
    return oracles.load(made.dataset)


def corrected(made: Made) -> Any:
    """The dataset as the devkit has it, with the truth in place of what the car believes."""
    nusc = oracles.load(made.dataset)
    for row in table(made.dataset, "calibration_truth"):
        mount = nusc.get("calibrated_sensor", row["calibrated_sensor_token"])
        mount |= {name: row[name] for name in ("translation", "rotation")}
    for row in table(made.dataset, "clock_truth"):
        nusc.get("ego_pose", row["sample_data_token"]).update(
            {name: row[name] for name in ("timestamp", "translation", "rotation")}
        )
    return nusc


def mounts(made: Made, name: str) -> dict[str, np.ndarray]:
    """Mounts by channel and scenario of calibrated_sensor, or of what is known better."""
    nusc, found = made.nusc, {}
    own = {row["token"]: row for row in table(made.dataset, name)}
    for data in nusc.sample_data:
        scene = nusc.get("scene", nusc.get("sample", data["sample_token"])["scene_token"])
        row = own.get(data["calibrated_sensor_token"])
        if row is not None:
            key = f"{scenario_of(made, scene['token'])} {data['channel']}"
            found[key] = matrix_from_quaternion(row["rotation"], row["translation"])
    return found


def scenario_of(made: Made, scene_token: str) -> str:
    told = json.loads((made.dataset / "v1.0-trainval" / "av_synth.json").read_text())["runs"]
    return next(str(run["scenario"]) for run in told if run["scene_token"] == scene_token)


def data_of(made: Made, scenario_name: str, channel: str) -> Rows:
    """The records of a channel along its chain."""
    nusc = made.nusc
    scene = next(s for s in nusc.scene if scenario_of(made, s["token"]) == scenario_name)
    token = nusc.get("sample", scene["first_sample_token"])["data"][channel]
    while nusc.get("sample_data", token)["prev"]:
        token = nusc.get("sample_data", token)["prev"]
    rows = []
    while token:
        rows.append(nusc.get("sample_data", token))
        token = rows[-1]["next"]
    return rows


def start_us(made: Made, scenario_name: str) -> int:
    """The timestamp of the first sample: no lidar's clock is wrong then."""
    return int(data_of(made, scenario_name, "LIDAR_TOP")[0]["timestamp"])


def truth_of(made: Made) -> dict[str, dict[str, Any]]:
    return {row["sample_data_token"]: row for row in table(made.dataset, "clock_truth")}


def told_faults(made: Made, scenario_name: str) -> list[list[dict[str, Any]]]:
    """The faults of each sample of a scene, in time order."""
    nusc = made.nusc
    samples = [s for s in nusc.sample if scenario_of(made, s["scene_token"]) == scenario_name]
    rows = {row["sample_token"]: row for row in table(made.dataset, "sample_truth")}
    return [rows[s["token"]]["faults"] for s in sorted(samples, key=lambda s: s["timestamp"])]


def test_the_verifier_raises_no_alarm_with_what_was_true(made):
    report = verify(made.dataset)

    assert [str(problem) for problem in report.problems] == []
    assert report.counts["faults"] > 300


def test_the_calibration_is_the_rigs_and_the_true_one_stands_beside_it(made):
    rig = rigs.load("tiny")
    told, true = mounts(made, "calibrated_sensor"), mounts(made, "calibration_truth")

    assert all(
        np.allclose(told[f"{name} {c}"], m.ego_from_sensor)
        for name in ("first", "second")
        for c, m in rig.mounts.items()
    )
    assert sorted(true) == ["first CAM_BACK", "first RADAR_FRONT", "second LIDAR_TOP"]
    yaw, pitch, roll = np.radians([-5.0, -2.0, 0.5])
    found = true["first CAM_BACK"] @ invert(told["first CAM_BACK"])
    assert np.allclose(found[:3, :3], turned(yaw, pitch, roll), atol=1e-9)
    assert np.allclose(true["first CAM_BACK"][:3, 3] - told["first CAM_BACK"][:3, 3], [0.05, -0.1, 0.0])
    assert store.open_run(made.runs[0]).json("rig.json") == json.loads(json.dumps(rig.to_json()))


def test_the_devkit_finds_boxes_on_masks_and_points_in_boxes_with_the_truth_and_not_with_what_the_car_believes(made):
    true, wrong = (oracles.mask_leaks(nusc, margin_px=1) for nusc in (corrected(made), believed(made)))

    assert len(true) > 10
    assert max(true.values()) <= 0.005
    assert max(wrong.values()) > 0.05
    assert oracles.recount_points(corrected(made)) == []
    assert len(oracles.recount_points(believed(made))) > 3


def test_a_sweep_that_is_lost_is_not_there_and_a_keyframe_is_empty(made):
    start = start_us(made, "first")
    lost = sorted({at - start for row in told_faults(made, "first") for f in row for at in f.get("lost", ())})
    rows = data_of(made, "first", "LIDAR_TOP")
    times = {row["timestamp"] - start: row for row in rows}
    empty = [at for at, row in times.items() if (made.dataset / row["filename"]).stat().st_size == 0]

    assert len(rows) < 51 - 5
    assert sorted({*times, *lost}) == [50_000 * k for k in range(51)]
    assert empty == [at for at in lost if at % 500_000 == 0]
    assert len(empty) >= 1
    assert all(at not in times for at in lost if at % 500_000)
    assert min(lost) >= 600_000
    run = store.open_run(made.runs[0])
    assert [row["time_us"] for row in run.table("lost_frames").to_pylist()] == lost


def test_each_camera_loses_images_of_its_own_and_black_keyframes_stand_for_lost_ones(made):
    start, gone = start_us(made, "second"), {}
    for channel in ("CAM_FRONT", "CAM_BACK"):
        lost = {
            at - start
            for row in told_faults(made, "second")
            for fault in row
            if fault["channel"] == channel
            for at in fault.get("lost", ())
        }
        gone[channel] = lost
        for row in data_of(made, "second", channel):
            image = cv2.imread(str(made.dataset / row["filename"]))
            assert (row["timestamp"] - start in lost) == (image.max() < 10), row["filename"]
            assert row["is_key_frame"] or row["timestamp"] - start not in lost

    assert gone["CAM_FRONT"] != gone["CAM_BACK"]
    assert all(3 < len(lost) < 16 for lost in gone.values())


def test_timestamps_are_those_of_the_clock_in_the_order_of_the_chain_with_the_pose_of_then(made):
    truth = truth_of(made)
    rows = data_of(made, "first", "CAM_FRONT")
    off_ms = [(row["timestamp"] - truth[row["token"]]["timestamp"]) / 1000 for row in rows if row["token"] in truth]

    assert len(off_ms) == 22  # every 0.1 s from 0.4 s to 2.5 s
    assert 45 <= min(off_ms) < 58 < 62 < max(off_ms) <= 75
    assert np.diff([row["timestamp"] for row in rows]).min() > 0
    for row in rows:
        pose = made.nusc.get("ego_pose", row["ego_pose_token"])
        assert pose["timestamp"] == row["timestamp"]
        assert str(row["timestamp"]) in row["filename"]
        if row["token"] in truth:
            ahead_m = np.linalg.norm(np.subtract(pose["translation"], truth[row["token"]]["translation"]))
            assert ahead_m == pytest.approx(0.06 * 30 / 3.6, rel=0.35)


def test_samples_have_the_time_that_the_lidars_clock_tells(made):
    truth, start = truth_of(made), start_us(made, "second")
    keyframes = [row for row in data_of(made, "second", "LIDAR_TOP") if row["is_key_frame"]]

    assert [made.nusc.get("sample", row["sample_token"])["timestamp"] for row in keyframes] == [
        row["timestamp"] for row in keyframes
    ]
    true = [truth.get(row["token"], row)["timestamp"] - start for row in keyframes]
    assert true == [0, 500_000, 1_000_000, 1_500_000, 2_000_000]
    assert [row["token"] in truth for row in keyframes] == [False, False, True, True, True]


def test_a_clock_that_was_ahead_waits(made):
    start = start_us(made, "second")
    times = [row["timestamp"] - start for row in data_of(made, "second", "RADAR_FRONT")]

    assert np.diff(times).min() == 1000
    assert times[-1] == 2_000_000


def test_the_car_takes_the_egos_motion_away_by_where_it_believes_that_its_radar_looks(made):
    """8 degrees to the left of where it is believed to look, walls seem to move across."""
    compensated = []
    for row in data_of(made, "first", "RADAR_FRONT")[5:]:
        scan = oracles.RadarPointCloud.from_file(str(made.dataset / row["filename"]), [0], list(range(7)), [3]).points
        away = np.hypot(scan[0], scan[1])
        compensated += ((scan[8] * scan[0] + scan[9] * scan[1]) / away)[np.abs(scan[1]) > 0.4 * away].tolist()

    assert len(compensated) > 50
    assert 0.15 < np.median(np.abs(compensated)) < 1.5


def test_queries_find_the_samples_whose_data_have_a_fault(made):
    hit = find(made.dataset, "scenario=second fault=CAM_BACK.blocked")
    lost = find(made.dataset, "fault=*.lost")

    assert [round(match.sample.time_s, 1) for match in hit] == [1.0, 1.5, 2.0]
    assert {match.sample.values["scenario"] for match in lost} == {"first", "second"}


def without(made: Made, copy: Path, kind: str, channel: str, scenario_name: str) -> None:
    """Tell nothing of a fault, neither in words nor in what was true."""
    data = data_of(made, scenario_name, channel)
    own, samples = {row["token"] for row in data}, {row["sample_token"] for row in data}
    rows = table(copy, "sample_truth")
    for row in rows:
        if row["sample_token"] in samples:
            row["faults"] = [f for f in row["faults"] if (f["channel"], f["kind"]) != (channel, kind)]
    written(copy, "sample_truth", rows)
    told = own | {data[0]["calibrated_sensor_token"]}
    for name, of in (("calibration_truth", "miscalibration"), ("clock_truth", "clock")):
        if kind == of:
            written(copy, name, [row for row in table(copy, name) if row["token"] not in told])


@pytest.mark.parametrize(
    ("untold", "found"),
    [
        (
            ("miscalibration CAM_BACK first", "miscalibration RADAR_FRONT first", "clock LIDAR_TOP second"),
            (
                r"closure.* CAM_BACK \(scene-A\).*turned by \d\.\d+ degrees",
                r"mask_in_box.*scene-A.*CAM_BACK",
                r"image_annotations.*scene-A.*bbox_corners in CAM_BACK",
                r"radar_counts.*scene-A",
                r"lidar_counts.*scene-B",
                r"lidar_static.*scene-B",
                r"closure.*scene-B",
            ),
        ),
        (
            (
                *("clock CAM_FRONT first", "lost LIDAR_TOP first", "miscalibration LIDAR_TOP second"),
                *("clock RADAR_FRONT second", "lost CAM_FRONT second"),
            ),
            (
                r"closure.* CAM_FRONT \(scene-A\).*moved by 0\.\d+ m",
                r"lidar_files.*scene-A.*is 0 bytes",
                r"faults.*scene-A LIDAR_TOP\): has no data from .* not told to have lost any",
                r"closure.*scene-B",
                r"lidar_counts.*scene-B",
                r"keyframes.*RADAR_FRONT keyframe is 250000 us away",
                r"images.*CAM_FRONT.*scene-B.*is blank",
                r"faults.*scene-B CAM_FRONT\): has no data from .* not told to have lost any",
            ),
        ),
    ],
)
def test_faults_that_nobody_tells_of_are_found_in_the_data(made, tmp_path, untold, found):
    def change(copy: Path) -> None:
        for fault in untold:
            without(made, copy, *fault.split())

    told = by_scene(made, retold(made, tmp_path, change))

    assert [pattern for pattern in found if not re.search(pattern, told)] == [], told


def by_scene(made: Made, report: VerifyReport) -> str:
    """What the verifier found, a line each; scene-A is of the scenario `first`, scene-B of `second`."""
    text = "\n".join(str(problem) for problem in report.problems)
    for scene in made.nusc.scene:
        letter = "A" if scenario_of(made, scene["token"]) == "first" else "B"
        text = text.replace(scene["name"], f"scene-{letter}")
    return text


def moved(copy: Path, name: str, column: str, by: float) -> None:
    """Change what a table says was true, in two of its rows."""
    rows = table(copy, name)
    for row in rows[:2]:
        row[column] = row[column] + int(by) if column == "timestamp" else [row[column][0] + by, *row[column][1:]]
    written(copy, name, rows)


def mounts_lie(copy: Path) -> None:
    moved(copy, "calibration_truth", "translation", 0.02)
    moved(copy, "clock_truth", "translation", 0.3)
    rows = table(copy, "sample_truth")
    for row in rows:
        for fault in row["faults"]:
            if fault["channel"] == "LIDAR_TOP":
                fault["lost"] = [at + 50_000 * (not k) for k, at in enumerate(fault.get("lost", ()))]
            if fault["kind"] == "blocked":
                fault["share"] = 0.9
    written(copy, "sample_truth", rows)


def clocks_lie(copy: Path) -> None:
    moved(copy, "clock_truth", "timestamp", 40_000)
    rows = table(copy, "sample_truth")
    for fault in rows[-1]["faults"]:
        fault["rotation_deg"] = [0.0, 0.0, 0.0]
        fault["lost"] = ["yesterday"]
    written(copy, "sample_truth", rows)


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (
            mounts_lie,
            (
                r"the true mount is 0\.0200 m and 0\.000 degrees off: it is told to be miscalibrated",
                r"clock_truth.*m and .* rad from where it was at the true time",
                r"has no data from .*, and is not told to have lost any",
                r"is told to be lost, and is there",
                r"is dark in [56]\d% of it; its camera is told to be blocked in 90%",
            ),
        ),
        (
            clocks_lie,
            (
                r"and its clock is told to be off by (60|-30|250) \+- \d",
                r"is miscalibrated in some samples only, or otherwise",
                r"lost = \['yesterday'\]; want the times of what was lost",
            ),
        ),
    ],
)
def test_a_truth_that_is_false_is_found(made, tmp_path, lie, found):
    told = by_scene(made, retold(made, tmp_path, lie))

    assert [pattern for pattern in found if not re.search(pattern, told)] == [], told


def test_a_replay_of_a_part_has_the_faults_that_began_before_it_and_tells_of_them(made, address, tmp_path):
    again = make(tmp_path, [replay_spec(store.open_run(made.runs[1]), Request(at="1s..2s"))], address)

    assert [str(problem) for problem in verify(again.dataset).problems] == []
    whole, part = (store.open_run(run) for run in (made.runs[1], again.runs[0]))
    assert part.table("true_mounts").equals(whole.table("true_mounts"))
    faults = {
        (fault["channel"], fault["kind"]): (fault["since"], fault["until"])
        for row in table(again.dataset, "sample_truth")
        for fault in row["faults"]
    }
    start = min(sample["timestamp"] for sample in again.nusc.sample)
    assert faults["RADAR_FRONT", "clock"][1] - faults["RADAR_FRONT", "clock"][0] == 300_000
    assert {kind for _, kind in faults} == {"miscalibration", "clock", "lost", "blocked"}
    assert start < faults["LIDAR_TOP", "miscalibration"][0] + 1 < start + 50_000  # the lidar's clock is early


def test_faults_of_mounts_and_clocks_leave_the_world_as_it_was(made, address, tmp_path):
    assert simulated_again(made.runs[1], address, tmp_path) is None
