"""What the car believes and what was true, in datasets: mounts, clocks, and the labels that go by the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from av_synth import store
from av_synth.export import kitti
from av_synth.export.nuscenes import RunNames
from av_synth.export.splits import Splits
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import TICK_US, TINY, Rows, build_run

LAST = 20
MOUNT = ("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz")


def wrong(rows: Rows) -> None:
    """The camera is believed half a metre further left; clocks are late by 0.3 s in the end, by 20 ms at frame 10."""
    for row in rows["sensors"]:
        if row["channel"] == "CAM_FRONT":
            rows["true_mounts"] = [{"channel": "CAM_FRONT", **{name: row[name] for name in MOUNT}}]
            row["y_m"] += 0.5  # type: ignore[operator]  # a number
    rows["clock_times"] = [
        {"channel": "LIDAR_TOP", "frame": 10, "told_us": 10 * TICK_US + 20_000},
        {"channel": "CAM_FRONT", "frame": LAST, "told_us": LAST * TICK_US + 300_000},
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_run(tmp_path_factory.mktemp("wrong"), 0, sensors=TINY, change=wrong, last_frame=LAST)


@pytest.fixture(scope="module")
def true_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_run(tmp_path_factory.mktemp("true"), 0, sensors=TINY, last_frame=LAST)


@pytest.fixture(scope="module")
def datasets(run: Path, true_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("datasets")
    return export([run], root / "wrong"), export([true_run], root / "true")


def table(dataset: Path, name: str) -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((dataset / f"v1.0-trainval/{name}.json").read_text())
    return {row.get("token") or f"{row['sample_data_token']} {row['sample_annotation_token']}": row for row in rows}


def test_a_dataset_of_sensors_as_they_are_believed_has_no_table_of_what_was_true(datasets: tuple[Path, Path]) -> None:
    folder = datasets[1] / "v1.0-trainval"

    assert not (folder / "calibration_truth.json").exists()
    assert not (folder / "clock_truth.json").exists()


def test_the_mount_is_the_one_that_is_believed_and_labels_are_of_the_true_one(
    datasets: tuple[Path, Path], run: Path
) -> None:
    believed, plain = (table(dataset, "calibrated_sensor") for dataset in datasets)
    token = RunNames(run.name).calibrated_sensor("CAM_FRONT")
    (truth,) = table(datasets[0], "calibration_truth").values()

    assert truth["calibrated_sensor_token"] == token
    assert {name: truth[name] for name in ("translation", "rotation")} == {
        name: plain[token][name] for name in ("translation", "rotation")
    }
    assert np.subtract(believed[token]["translation"], truth["translation"]) == pytest.approx([0.0, 0.5, 0.0])
    drawn, wanted = (table(dataset, "image_annotations") for dataset in datasets)
    assert len(wanted) > 3
    assert {key: row["bbox_corners"] for key, row in drawn.items()} == {
        key: row["bbox_corners"] for key, row in wanted.items()
    }


def test_kittis_boxes_are_where_the_camera_sees_them(run: Path, true_run: Path, tmp_path: Path) -> None:
    folders = []
    for path in (run, true_run):
        folders.append(tmp_path / path.parent.parent.name)
        folders[-1].mkdir()
        kitti.write([path], folders[-1], Splits.none(), min_pixels=1)

    labels = [[file.read_text() for file in sorted((one / "training/label_2").iterdir())] for one in folders]
    assert labels[0] == labels[1]
    assert sum(map(len, labels[0])) > 100


def test_a_record_has_the_time_that_its_clock_told_and_the_ego_pose_of_then(
    datasets: tuple[Path, Path], run: Path
) -> None:
    names = RunNames(run.name)
    truth, poses = table(datasets[0], "clock_truth"), table(datasets[0], "ego_pose")
    data, samples = table(datasets[0], "sample_data"), table(datasets[0], "sample")
    lidar, camera = names.sample_data("LIDAR_TOP", 10), names.sample_data("CAM_FRONT", LAST)
    at = {row["frame"]: np.array([row[f"{axis}_m"] for axis in "xy"]) for row in poses_of(run)}

    assert list(truth) == [camera, lidar]
    assert data[lidar]["timestamp"] == poses[lidar]["timestamp"] == names.timestamp(10 * TICK_US + 20_000)
    assert data[lidar]["timestamp"] == samples[names.sample(10)]["timestamp"]
    assert truth[lidar]["timestamp"] == names.timestamp(10 * TICK_US)
    assert str(data[camera]["timestamp"]) in data[camera]["filename"]
    for token, frames in ((lidar, 0.4), (camera, 6.0)):  # of ticks' way; beyond the log it goes straight on
        way = np.subtract(poses[token]["translation"], truth[token]["translation"])[:2]
        step = at[LAST] - at[LAST - 1] if token == camera else at[11] - at[10]
        assert np.linalg.norm(step) > 0.1
        assert way == pytest.approx(frames * step, abs=0.03)


def poses_of(run: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = store.open_run(run).table("ego_poses").to_pylist()
    return rows
