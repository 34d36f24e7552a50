"""Programs of tools/ that no other test runs: each is imported, and what is cheap of it is really done."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import carla
import numpy as np
import pytest

import tools
from av_synth import rig as rigs
from av_synth.session import boxes
from tests.improve import tiny_onnx
from tools import bench_bodies, bench_farm, bench_realism, bench_simulator, measure_boxes
from tools.realism_judge import HEIGHT_PX, WIDTH_PX

PROGRAMS = sorted(path.stem for path in Path(tools.__file__).parent.glob("[a-z]*.py"))


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Benches set how many threads there are as they are imported, and no other test is to have that."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every round once."""
    for name in ("bench_cameras", "bench_lidar", "bench_radar"):
        monkeypatch.setattr(importlib.import_module(f"tools.{name}"), "ROUNDS", 1)


@pytest.fixture
def judge(tmp_path: Path) -> str:
    """A detector that never finds anything."""
    cells = sum((WIDTH_PX // stride) * (HEIGHT_PX // stride) for stride in (8, 16, 32))
    path = tmp_path / "blind.onnx"
    path.write_bytes(tiny_onnx.constant(np.zeros((1, cells, 85), np.float32)))
    return str(path)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_is_imported_as_a_part_of_one_package(name: str) -> None:
    assert importlib.import_module(f"tools.{name}").__doc__


@pytest.mark.parametrize(("name", "count"), [("bench_lidar", 5), ("bench_radar", 1)])
def test_benches_of_rays_tell_what_they_took_beside_a_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    quick(monkeypatch)
    figures = importlib.import_module(f"tools.{name}").measure()

    assert len(figures) == count
    assert all(each["milliseconds"] > 0.0 and each["plain_embree_ms"] > 0.0 for each in figures)


def test_the_table_of_boxes_is_what_its_program_writes() -> None:
    others = [entry for entry in boxes.corrections() if entry.source != measure_boxes.SOURCE]

    assert measure_boxes.text([*others, *measure_boxes.measured()]) == boxes.TABLE.read_text()


@pytest.mark.long
def test_the_bench_of_cameras_draws_each_quality_by_day_and_at_night(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    bench = importlib.import_module("tools.bench_cameras")
    rig = rigs.load("nuscenes")
    small = [replace(each, width_px=160, height_px=90) for each in rig.cameras]
    monkeypatch.setattr(bench.rigs, "load", lambda _: replace(rig, cameras=tuple(small)))
    *figures, peer = bench.measure()

    assert len(figures) == 8
    assert all(each["seconds"] > 0.0 for each in figures)
    assert "missing" in peer or peer["peer_seconds"] > 0.0


@pytest.mark.long
def test_the_bench_of_the_simulator_has_streams_ticks_calls_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_simulator, "CAMERAS", 1)
    streaming = bench_simulator.streamed()  # its readers, other processes, count on the other numbers
    for name, value in {"VEHICLES": (2,), "TICKS": 2, "CALLS": 3, "ROUNDS": 1, "WARM_UP": 1}.items():
        monkeypatch.setattr(bench_simulator, name, value)
    with bench_simulator.simulator() as (pid, port):
        client = carla.Client("127.0.0.1", port)
        client.set_timeout(60.0)
        ticking, calling = bench_simulator.ticked(client), bench_simulator.called(client, port)
        (memory,) = bench_simulator.remembered(client, pid, episodes=1)

    assert [len(each) for each in (streaming, ticking, calling)] == [1, 2, 2]
    assert all(each["seconds"] > 0.0 for each in (*streaming, *ticking, *calling))
    assert memory["mb"] > 50.0


@pytest.mark.long
def test_the_bench_of_the_farm_plays_alone_side_by_side_and_farmed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench_farm, "RUNS_A_CORE", 1)
    monkeypatch.setattr(bench_farm, "CAMPAIGN", bench_farm.CAMPAIGN.replace("rig: tiny", "rig: none"))
    single, together = bench_farm.measure(tmp_path)

    assert single["ratio"] > 0.0
    assert together["of_linear"] > 0.0


@pytest.mark.long
def test_the_bench_of_realism_draws_and_judges_every_stratum(
    judge: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert bench_realism.main(["--judge", judge, "--frames", "6", "--seed", "1", "--out", str(out)]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 6
    assert all(stratum["car"]["recall"] in (None, 0.0) for stratum in told["strata"].values())
    assert sorted(path.name for path in out.iterdir()) == ["control.jpg", "figures.json", "sheet.jpg"]


@pytest.mark.long
def test_the_bench_of_bodies_shows_a_body_from_all_sides(
    judge: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert bench_bodies.main(["--judge", judge, "--out", str(out), "vehicle.audi.tt"]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "car": {"vehicle.audi.tt": {"objects": 12, "recall": 0.0, "lenient": 0.0}}
    }
    assert (out / "bodies.jpg").is_file()
