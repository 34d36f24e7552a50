"""Sensors that fail, from the scenario to the dataset: files, counts, labels, what readers and the verifier say."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud

from av_synth import documents, scenario
from av_synth import rig as rigs
from av_synth.launch import Address
from av_synth.run import RunSpec
from av_synth.scenario.scenario import from_document
from av_synth.verify import VerifyReport, verify, write_text_report
from tests.devkit import oracles
from tests.e2e.conftest import Made, make, simulated_again

# samples are at 0, 0.5, ... 2.5 s
TEXT = """name: failing_sensors
description: One sensor after the other fails.
duration_s: 2.5
weather: {preset: clear_noon}
road: {length_m: 60, town: AvSynth01}
ego: {speed_kmh: 30}
actors:
  lead: {body: car, at: {ahead_m: 14}, speed_kmh: 30}
events:
  - {when: {time_s: 0.4}, for_s: 0.3, fault: {sensor: camera, kind: blackout}, name: dark}
  - {when: {after: {event: dark, done: true}}, for_s: 0.1, fault: {sensor: CAM_BACK, kind: brightness, stops: 9}}
  - {when: {time_s: 0.9}, for_s: 0.3, fault: {sensor: LIDAR_TOP, kind: blackout}}
  - {when: {time_s: 1.3}, for_s: 0.4, fault: {sensor: all, kind: frozen}}
  - {when: {time_s: 1.8}, for_s: 0.3, fault: {sensor: lidar, kind: sector, from_deg: -60, to_deg: 60}}
  - {when: {time_s: 1.8}, for_s: 0.3, fault: {sensor: radar, kind: ghosts, count: 40}}
  - {when: {time_s: 2.3}, fault: {sensor: lidar, kind: range_noise, sigma_m: 0.5}}
  - {when: {time_s: 2.3}, fault: {sensor: CAM_FRONT, kind: dirt, share: 0.5}}
  - {when: {time_s: 2.3}, fault: {sensor: radar, kind: blackout}}
"""


@pytest.fixture(scope="module")
def made(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    drawn = scenario.draw(from_document(documents.parse(TEXT, "failing_sensors.yaml")), 0)
    return make(tmp_path_factory.mktemp("failing"), [RunSpec(drawn, rigs.load("tiny"))], address)


def keyframes(made: Made, channel: str) -> list[Path]:
    """The files of a channel's keyframes, in time order."""
    samples = sorted(made.nusc.sample, key=lambda sample: sample["timestamp"])
    return [Path(made.nusc.get_sample_data_path(sample["data"][channel])) for sample in samples]


def retold(made: Made, tmp_path: Path, change: Callable[[list[dict[str, Any]]], None]) -> VerifyReport:
    """What the verifier says of the dataset with another sample_truth.json."""
    rows = truth(made.dataset)
    change(rows)
    shutil.copytree(made.dataset, tmp_path / "copy", copy_function=os.link)
    table = tmp_path / "copy" / "v1.0-trainval" / "sample_truth.json"
    table.unlink()
    table.write_text(json.dumps(rows))
    return verify(tmp_path / "copy")


def truth(dataset: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((dataset / "v1.0-trainval" / "sample_truth.json").read_text())
    return rows


def test_failing_images_are_black_overexposed_frozen_or_dirty_and_the_others_good(made):
    front = [cv2.imread(str(path)) for path in keyframes(made, "CAM_FRONT")]

    means = [float(image.mean()) for image in front]
    assert means[1] < 1.0
    assert all(60 < mean < 200 for mean in means[:1] + means[2:])
    assert means[5] < 0.8 * means[4]
    assert float(cv2.imread(str(keyframes(made, "CAM_BACK")[5])).mean()) > 60


def test_frozen_data_are_the_very_bytes_of_the_data_before(made):
    kept = {}
    for channel in ("CAM_FRONT", "LIDAR_TOP"):
        found = (row for row in made.nusc.sample_data if row["channel"] == channel)
        rows = sorted(found, key=lambda row: int(row["timestamp"]))
        start = rows[0]["timestamp"]
        files = {row["timestamp"] - start: (made.dataset / row["filename"]).read_bytes() for row in rows}
        kept[channel] = [at for at, content in files.items() if content == files[1_200_000]]

    assert kept["CAM_FRONT"] == [1_200_000, 1_300_000, 1_400_000, 1_500_000, 1_600_000]
    assert kept["LIDAR_TOP"] == [1_200_000]  # it was good until 1.25 s
    assert len({path.read_bytes() for path in keyframes(made, "LIDAR_TOP")}) == 6


def test_the_devkit_loads_turns_and_scans_that_lack_points(made):
    turns = [LidarPointCloud.from_file(str(path)).points for path in keyframes(made, "LIDAR_TOP")]
    scans = [RadarPointCloud.from_file(str(path)).points for path in keyframes(made, "RADAR_FRONT")]

    sizes = [turn.shape[1] for turn in turns]
    assert sizes[2] == 0
    assert 0.5 * sizes[0] < sizes[4] < 0.8 * sizes[0]
    assert sizes[5] > 0.9 * sizes[0]
    assert turns[4][:, turns[4][1] > 0.1 + np.abs(turns[4][0])].shape[1] == 0  # y of LIDAR_TOP is ahead
    assert scans[4].shape[1] > scans[0].shape[1] + 20
    assert scans[5].shape[1] == 0


def test_counts_and_classes_are_those_of_the_points_in_the_files(made):
    assert oracles.recount_points(made.nusc) == []
    for row, panoptic in zip(made.nusc.lidarseg, made.nusc.panoptic, strict=True):
        data = made.nusc.get("sample_data", row["sample_data_token"])
        n = (made.dataset / data["filename"]).stat().st_size // 20
        assert (made.dataset / row["filename"]).stat().st_size == n
        assert np.load(made.dataset / panoptic["filename"])["data"].shape == (n,)


def test_nobody_loses_a_label_or_its_visibility_to_a_fault_of_the_lidar(made):
    (lead,) = (row for row in made.nusc.instance if row["nbr_annotations"] == 6)
    token, rows = lead["first_annotation_token"], []
    while token:
        rows.append(made.nusc.get("sample_annotation", token))
        token = rows[-1]["next"]

    assert [row["num_lidar_pts"] > 0 for row in rows] == [True, True, False, True, False, True]
    assert {row["visibility_token"] for row in rows} == {"4"}


def test_each_sample_says_which_of_its_data_fail_how_and_since_when(made):
    rows = truth(made.dataset)
    start = min(sample["timestamp"] for sample in made.nusc.sample)

    def told(row: Mapping[str, Any]) -> list[tuple[str, str, float, float | None]]:
        return [
            (
                fault["channel"],
                fault["kind"],
                (fault["since"] - start) / 1e6,
                None if fault["until"] is None else (fault["until"] - start) / 1e6,
            )
            for fault in row["faults"]
        ]

    assert told(rows[0]) == []
    assert told(rows[1]) == [("CAM_FRONT", "blackout", 0.4, 0.7), ("CAM_BACK", "blackout", 0.4, 0.7)]
    # blackout from 0.4 to 0.7 s has sweeps of the next sample too
    assert told(rows[2]) == [
        *told(rows[1]),
        ("CAM_BACK", "brightness", 0.7, 0.8),
        ("LIDAR_TOP", "blackout", 0.9, 1.2),
    ]
    assert [fault["stops"] for fault in rows[2]["faults"] if fault["kind"] == "brightness"] == [9.0]
    assert sorted(told(rows[5])[-3:]) == [
        ("CAM_FRONT", "dirt", 2.3, None),
        ("LIDAR_TOP", "range_noise", 2.3, None),
        ("RADAR_FRONT", "blackout", 2.3, None),
    ]
    assert rows[2]["phase"] == ["camera.blackout", "CAM_BACK.brightness", "LIDAR_TOP.blackout"]


def test_the_verifier_raises_no_alarm_and_says_what_it_left_out(made):
    report = verify(made.dataset)

    assert [str(problem) for problem in report.problems] == []
    (note,) = (note for note in report.notes if "sensors that fail" in note)
    assert note in write_text_report(report)
    assert "images 18" in note  # of cameras: 3 + 3 black, 1 too bright, 4 + 4 frozen, 3 dirty
    assert report.counts["faults"] > 20


def test_without_being_told_of_faults_the_verifier_finds_them(made, tmp_path):
    def nothing_failed(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["faults"] = []

    assert {"images", "lidar_files", "files"} <= set(retold(made, tmp_path, nothing_failed).found)


def test_faults_that_the_data_have_not_are_found(made, tmp_path):
    lies: Sequence[dict[str, Any]] = (
        {"channel": "CAM_FRONT", "kind": "blackout"},
        {"channel": "CAM_BACK", "kind": "frozen"},
        {"channel": "LIDAR_TOP", "kind": "sector", "from_deg": 0, "to_deg": 90},
        {"channel": "RADAR_FRONT", "kind": "blackout"},
        {"channel": "CAM_LEFT", "kind": "blackout"},
        {"channel": "CAM_BACK", "kind": "ghosts"},
        {"channel": "CAM_BACK", "kind": "noise", "since": "today"},
    )

    def lie(rows: list[dict[str, Any]]) -> None:
        for row in (rows[0], rows[3]):
            row["faults"] = [{"since": 0, "until": None, **told} for told in lies]

    problems = retold(made, tmp_path, lie).problems
    found = "\n".join(str(problem) for problem in problems if problem.check == "faults")

    assert "is told to be blacked out" in found
    assert "is told to be frozen" in found
    assert "points from 0 to 90 degrees" in found
    assert "returns, although its sensor" in found
    assert "'CAM_LEFT', 'kind': 'blackout'" in found
    assert "CAM_BACK has 'ghosts', which no camera can have" in found
    assert "CAM_BACK: since = 'today'" in found


def test_a_run_with_faults_simulates_again_without_the_sensors_that_fail(made, address, tmp_path):
    assert simulated_again(made.runs[0], address, tmp_path) is None
