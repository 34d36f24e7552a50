"""Lidars that are devices: a table of what they are, and a file for each of their turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av_synth import store
from av_synth.errors import DataError
from av_synth.export.nuscenes import RunNames
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, build_run

TINY = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP"))
DEVICE = {"columns": 542, "horizontal_fov_deg": 360.0, "min_range_m": 1.0, "range_m": 100.0, "divergence_mrad": 3.0}
DEVICE |= {"echoes": 2, "motion": "raw", "turn_us": 50_000, "rays": "embedded"}


def a_device(rows: Rows) -> None:
    rows["lidar_devices"] = [{"channel": "LIDAR_TOP", **DEVICE}]
    rows["lidar_beams"] = [
        {"channel": "LIDAR_TOP", "ring": ring, "elevation_deg": ring - 8.0, "azimuth_deg": 0.0, "firing_us": 2.0 * ring}
        for ring in range(16)
    ]


def a_run(root: Path, monkeypatch: pytest.MonkeyPatch, record_bytes: int) -> Path:
    """A run with so many bytes for each point of each turn."""
    write = store.Staging.write

    def with_times(staging: store.Staging, path: str, data: bytes) -> None:
        write(staging, path, data)
        if path.endswith(".pcd.bin") and record_bytes:
            frame = Path(path).name.partition(".")[0]
            write(staging, f"lidar_times/LIDAR_TOP/{frame}.bin", bytes(record_bytes * (len(data) // 20)))

    monkeypatch.setattr(store.Staging, "write", with_times)
    run = build_run(root, 0, sensors=TINY, change=a_device, last_frame=10)
    monkeypatch.undo()
    return run


def test_a_device_has_its_table_and_each_of_its_turns_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(tmp_path / "store", monkeypatch, 6)
    dataset = export([run], tmp_path / "dataset")
    tables = {
        name: json.loads((dataset / f"v1.0-trainval/{name}.json").read_text())
        for name in ("lidar_device", "lidar_time", "sample_data", "calibrated_sensor")
    }
    calibrated = RunNames(run.name).calibrated_sensor("LIDAR_TOP")
    turns = {row["token"] for row in tables["sample_data"] if row["calibrated_sensor_token"] == calibrated}

    assert tables["lidar_device"] == [
        {
            "token": calibrated,
            "calibrated_sensor_token": calibrated,
            **DEVICE,
            "elevations_deg": [ring - 8.0 for ring in range(16)],
            "azimuths_deg": [0.0] * 16,
            "firing_us": [2.0 * ring for ring in range(16)],
        }
    ]
    assert {row["sample_data_token"] for row in tables["lidar_time"]} == turns
    assert len(turns) > 2
    assert all((dataset / row["filename"]).is_file() for row in tables["lidar_time"])


@pytest.mark.parametrize(
    ("record_bytes", "told"),
    [(0, "has no 'lidar_times/LIDAR_TOP/000000.bin'"), (3, "'lidar_times/LIDAR_TOP/000000.bin' tells of ")],
)
def test_a_turn_without_a_record_for_each_point_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_bytes: int, told: str
) -> None:
    broken = a_run(tmp_path / "store", monkeypatch, record_bytes)

    with pytest.raises(DataError) as caught:
        export([broken], tmp_path / "dataset")
    assert told in str(caught.value)


def test_a_dataset_without_devices_has_neither_table(tmp_path: Path) -> None:
    dataset = export([build_run(tmp_path / "store", 0, sensors=TINY, last_frame=10)], tmp_path / "dataset")

    assert not list(dataset.glob("v1.0-trainval/lidar_[dt]*.json"))
    assert not (dataset / "lidar_times").exists()
