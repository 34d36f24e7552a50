"""How fast it is here, as JSON on standard output: each figure beside a peer or a limit measured in the same run.

`make bench`; a few minutes. Ratios below 1 are faster than the peer, or within the limit.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from nuscenes import NuScenes
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud

from av_synth import store
from av_synth.export import formats
from av_synth.export.dataset import export_dataset
from av_synth.launch import launch_embedded
from av_synth.run import Recorder, RunSpec, execute
from av_synth.run.generate import plan
from av_synth.search import Request, search
from av_synth.verify import verify
from tools.bench_cameras import measure as photographed
from tools.bench_farm import measure as farmed
from tools.bench_lidar import measure as scanned
from tools.bench_radar import measure as detected
from tools.bench_simulator import measure as simulated
from tools.clones import clones

ROUNDS = 3
DEMO_LIMIT_S = 120.0
MANY, MANY_LIMIT_S = 1000, 60.0
SCENARIO, TOWN = "pedestrian_runs_out", "AvSynth01"
NEAR_MISS, TARGET, WANTED, SEARCH_LIMIT_S = "cut_in_wet", "ttc=0.5..1.5, contact=false", 200, 120.0
READING = "the devkit and OpenCV reading every file once"


def seconds(action: Callable[[], object]) -> float:
    """Wall seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def median_s(action: Callable[[], object]) -> float:
    """Median of three."""
    return statistics.median(seconds(action) for _ in range(ROUNDS))


def read_all(dataset: Path) -> None:
    """Load the tables and decode every blob, as a training job would."""
    readers = {"camera": cv2.imread, "lidar": LidarPointCloud.from_file, "radar": RadarPointCloud.from_file}
    nusc = NuScenes("v1.0-trainval", str(dataset), verbose=False)
    for row in nusc.sample_data:
        readers[row["sensor_modality"]](str(dataset / row["filename"]))


def figure(name: str, took_s: float, against: str, peer_s: float) -> dict[str, Any]:
    """One line of the result."""
    ratio = round(took_s / peer_s, 3)
    return {
        "name": name,
        "seconds": round(took_s, 3),
        "against": against,
        "peer_seconds": round(peer_s, 3),
        "ratio": ratio,
    }


def searched(root: Path) -> list[dict[str, Any]]:
    """A search for near-misses on the simulator that renders, and one on a simulator with other dynamics."""
    found = search(Request(NEAR_MISS, TARGET, WANTED, root / "found.yaml")).to_json()
    detuned = search(Request(NEAR_MISS, TARGET, WANTED // 4, root / "detuned.yaml", simulator="embedded:detuned"))
    told = figure(f"{WANTED} near-misses of {NEAR_MISS}", float(str(found["wall_s"])), "its limit", SEARCH_LIMIT_S)
    return [{**told, **found}, {"name": "the same on embedded:detuned", **detuned.to_json()}]


def main() -> None:
    """Measure and print."""
    figures = []
    full = plan(SCENARIO, "nuscenes", 0, {})
    blind = RunSpec(full.scenario, None)
    with tempfile.TemporaryDirectory() as folder, launch_embedded(TOWN) as address:
        root = Path(folder)

        def record(spec: RunSpec, name: str) -> None:
            shutil.rmtree(root / name, ignore_errors=True)
            with Recorder(root / name) as recorder:
                execute(spec, address, [recorder])

        played_s = full.scenario.duration_s
        figures.append(
            figure("a run without sensors", median_s(lambda: execute(blind, address)), "the time it plays", played_s)
        )
        took_s = seconds(lambda: record(full, "full"))
        figures.append(
            figure("the demo's run: six 1600x900 cameras, lidar, five radars", took_s, "its limit", DEMO_LIMIT_S)
        )
        tiny = plan(SCENARIO, "tiny", 0, {})
        short = RunSpec(replace(tiny.scenario, duration_s=2.0), tiny.rig)
        figures.append(
            figure("2 s on the rig `tiny`", median_s(lambda: record(short, "tiny")), "the time it plays", 2.0)
        )

        dataset = root / "dataset"
        exported_s = median_s(lambda: export_dataset(root / "full", dataset))
        verified_s = median_s(lambda: verify(dataset))
        read_s = median_s(lambda: read_all(dataset))
        figures.append(figure("export with verification", exported_s, READING, read_s))
        figures.append(figure("verify", verified_s, READING, read_s))

        with Recorder(root / "seed") as recorder:
            execute(RunSpec(replace(tiny.scenario, duration_s=0.5), tiny.rig), address, [recorder])
        many = list(clones(store.runs(root / "seed")[0], root / "many", MANY))
        merged = root / "merged"
        took_s = seconds(lambda: formats.export("nuscenes", many, merged))
        figures.append(figure(f"merging {MANY} runs of two keyframes", took_s, "its limit", MANY_LIMIT_S))
        figures.append(figure("verifying the result", seconds(lambda: verify(merged)), "merging", took_s))
        figures += searched(root)
        figures += farmed(root)
    figures += photographed() + scanned() + detected() + simulated()
    helped = [sys.executable, "-m", "av_synth.cli", "--help"]
    imported = [sys.executable, "-c", "import carla, numpy, cv2"]
    figures.append(
        figure(
            "av-synth --help",
            median_s(lambda: subprocess.run(helped, check=True, capture_output=True)),  # noqa: S603  our own program
            "importing carla, numpy and cv2",
            median_s(lambda: subprocess.run(imported, check=True, capture_output=True)),  # noqa: S603
        )
    )
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, "figures": figures}, indent=1))
    sys.stdout.flush()
    os._exit(0)  # threads of the carla client end an interpreter that shuts down


if __name__ == "__main__":
    main()
