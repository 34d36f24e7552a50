"""Measurements of runs that contradict themselves are refused; wheels are where the run says, if it does.

Datasets of true measurements are in `tests/e2e`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from av_synth.errors import DataError
from av_synth.store import tables
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import EGO_ID, SENSORS, Rows, build_run
from tests.export.test_can_bus import circle, drive

TINY = tuple(s for s in SENSORS if s.channel == "LIDAR_TOP")


def row(table: str, time_us: int) -> dict[str, object]:
    names = tables.spec(table).schema.names
    return {**dict.fromkeys(names, 0.0), **({"lost": False} if "lost" in names else {}), "time_us": time_us}


def test_measurements_without_their_truth_are_refused(tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        rows["imu"] = [row("imu", 0), row("imu", 10_000)]
        rows["imu_truth"] = [row("imu_truth", 0)]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change, rig={"imu": {"rate_hz": 100}})
    with pytest.raises(DataError, match="table imu has 2 rows, imu_truth 1; want as many"):
        export([run], tmp_path / "dataset")


def test_a_receivers_measurements_without_their_truth_are_refused(tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        rows["gnss"] = [row("gnss", 0), row("gnss", 100_000)]
        rows["gnss_truth"] = [row("gnss_truth", 0), {**row("gnss_truth", 100_000), "lost": True}]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change, rig={"gnss": {"rate_hz": 10}})
    with pytest.raises(DataError, match="table gnss has 2 rows, gnss_truth 1 that are not lost; want as many"):
        export([run], tmp_path / "dataset")


@pytest.mark.parametrize("name", ["imu", "gnss"])
def test_measurements_of_a_device_that_the_rig_has_not_are_refused(tmp_path: Path, name: str) -> None:
    def change(rows: Rows) -> None:
        for table in (name, f"{name}_truth"):
            rows[table] = [row(table, 0)]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change)
    with pytest.raises(DataError, match=f"table {name}_truth has rows, but rig.json has no {name}"):
        export([run], tmp_path / "dataset")


def test_steering_and_wheel_speeds_are_those_of_axles_that_the_run_has_logged(tmp_path: Path) -> None:
    def change(rows: Rows) -> None:
        drive(circle(20.0, 8.0))(rows)
        rows["axles"] = [{"actor_id": EGO_ID, "wheelbase_m": 3.2, "track_m": 1.8}]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change)
    folder = export([run], tmp_path / "dataset") / "can_bus"
    steering, wheels = (
        json.loads((folder / f"scene-0001_{name}.json").read_text())[100]
        for name in ("steeranglefeedback", "zoe_veh_info")
    )

    assert steering["value"] == pytest.approx(16.0 * math.atan(3.2 / 20.0), rel=1e-3)
    inner_mps, outer_mps = (wheels[key] / 60 * 2 * math.pi * 0.305 for key in ("RL_wheel_speed", "RR_wheel_speed"))
    assert outer_mps - inner_mps == pytest.approx(1.8 * 8.0 / 20.0, abs=0.01)
