"""A thousand runs, a million annotations: the fold keeps one run in memory, whatever there is in all."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, build_run
from tools.clones import clones

LIDAR = tuple(s for s in SENSORS if s.channel == "LIDAR_TOP")
MEASURED = """
import re, sys
from pathlib import Path
from av_synth.export import formats
from av_synth.store import runs
formats.export("nuscenes", runs(Path(sys.argv[1])), Path(sys.argv[2]))
print(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""


def tables(dataset: Path) -> dict[str, str]:
    """SHA-256 by relative path of what is written rather than linked."""
    paths = [path for folder in ("v1.0-trainval", "can_bus", "maps") for path in (dataset / folder).rglob("*.*")]
    return {str(path.relative_to(dataset)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.long
def test_a_thousand_runs_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    run = build_run(tmp_path / "one", 0, sensors=LIDAR, last_frame=10)
    runs = list(clones(run, tmp_path / "many", 1000))
    found = tables(export(runs, tmp_path / "dataset"))
    assert tables(export(runs[500:] + runs[:500][::-1], tmp_path / "other")) == found
    assert len(found) > 8 * 1000


@pytest.mark.long
def test_a_million_annotations_take_less_than_two_gigabytes(tmp_path: Path) -> None:
    def crowd(rows: Rows) -> None:
        """Everybody 430 times, at the same place."""
        labelled = {(row["frame"], row["actor_id"]) for row in rows["boxes"]}
        for table in ("boxes", "quality", "states"):
            rows[table] += [
                {**row, "actor_id": int(str(row["actor_id"])) + 100 * copy}
                for row in rows[table]
                if (row["frame"], row["actor_id"]) in labelled
                for copy in range(1, 430)
            ]
        rows["actors"] += [
            {**row, "actor_id": int(str(row["actor_id"])) + 100 * copy}
            for row in rows["actors"]
            if not row["is_ego"]
            for copy in range(1, 430)
        ]

    run = build_run(tmp_path / "one", 0, sensors=LIDAR, last_frame=190, change=crowd)
    assert len(list(clones(run, tmp_path / "many", 10))) == 10
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "many"), str(tmp_path / "dataset")]
    peak_kib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    with (tmp_path / "dataset/v1.0-trainval/sample_annotation.json").open() as file:
        assert sum(line.startswith("{") for line in file) > 1_000_000
    assert peak_kib < 2 * 1024**2
