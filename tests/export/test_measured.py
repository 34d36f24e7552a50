"""Runs whose measurements contradict themselves are refused; `tests/e2e` has datasets of true ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.errors import DataError
from av_synth.store import tables
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, build_run

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


@pytest.mark.parametrize("name", ["imu", "gnss"])
def test_measurements_of_a_device_that_the_rig_has_not_are_refused(tmp_path: Path, name: str) -> None:
    def change(rows: Rows) -> None:
        for table in (name, f"{name}_truth"):
            rows[table] = [row(table, 0)]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=change)
    with pytest.raises(DataError, match=f"table {name}_truth has rows, but rig.json has no {name}"):
        export([run], tmp_path / "dataset")
