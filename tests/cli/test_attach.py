"""`av-synth run --simulator HOST:PORT` against a simulator that somebody else started and goes on using."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import carla
import psutil
import pytest

from av_synth import store
from av_synth.cli.app import status
from av_synth.replay import divergence, state_log

QUIET = """name: quiet
description: The ego drives down an empty street.
duration_s: {duration_s}
road: {{town: AvSynth01, length_m: 50}}
ego: {{speed_kmh: 30}}
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of an `av-synth simulator` that ends by Ctrl-C."""
    process = start("simulator", "--port", "0")
    try:
        line = process.stdout.readline()
        assert line.startswith("ready 127.0.0.1:"), line
        yield int(line.rsplit(":", 1)[1])
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "ended\n", "")
    finally:
        process.kill()
        process.wait()


def test_before_anybody_asks_for_a_camera_it_can_render_for_those_who_wait_two_seconds_only(port):
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(60.0)
    for town in ("AvSynth01", "AvSynth04", "AvSynth01"):
        library = client.load_world(town).get_blueprint_library()
        assert str(library.find("avsynth.simulator.facts").get_attribute("gl_renderer").as_str())


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "quiet.yaml"
    path.write_text(QUIET.format(duration_s=0.5))
    return path


def test_a_run_is_played_on_it_and_simulated_again_on_it_with_equal_ticks_or_told_where_they_part(
    port, scenario, tmp_path, capsys, monkeypatch
):
    run = plays_once(port, scenario, tmp_path)
    capsys.readouterr()

    assert status(["replay", str(run), "--resimulate", "--simulator", f"127.0.0.1:{port}"]) == 0
    assert capsys.readouterr().out.endswith(f"run {run.name}: all 11 ticks are equal\n")

    shorter = replace(was := state_log.of_run(store.open_run(run)), frames=was.frames[:5], hashes=was.hashes[:5])
    monkeypatch.setattr(divergence, "resimulate", lambda *_: shorter)
    assert status(["replay", str(run), "--resimulate", "--simulator", f"127.0.0.1:{port}"]) == 1
    parts = "diverges at tick 5 (0.25 s): the run: frames: was 11, is 5"
    assert capsys.readouterr().out.endswith(f"run {run.name}: {parts}\n")


def plays_once(port: int, scenario: Path, tmp_path: Path) -> Path:
    """The run that is made there, and found there the second time."""
    command = [
        "run",
        str(scenario),
        "--rig",
        "tiny",
        "--out",
        str(tmp_path / "out"),
        "--simulator",
        f"127.0.0.1:{port}",
    ]
    first, first_err = start(*command).communicate(timeout=120)
    (run,) = (tmp_path / "out" / "runs").iterdir()
    second, second_err = start(*command).communicate(timeout=120)

    assert (first_err, second_err) == ("", "")
    assert f"run {run.name}: committed ({run})" in first
    assert f"run {run.name}: was there already, not played again ({run})" in second
    dataset = f"dataset: {tmp_path / 'out' / 'nuscenes'} (verified)"
    assert dataset in first
    assert dataset in second
    assert foreign(port) == []
    return run


def test_ctrl_c_leaves_it_usable_without_foreign_actors_and_with_its_own_time(port, scenario, tmp_path):
    scenario.write_text(QUIET.format(duration_s=60))
    process, out = interrupt("--simulator", f"127.0.0.1:{port}", scenario=scenario, out=tmp_path / "out")

    assert process.returncode == 130
    assert out.splitlines() == ["error: interrupted; nothing half-made was kept"]
    assert foreign(port) == []
    assert list((tmp_path / "out" / "runs").glob("*")) == []
    assert list((tmp_path / "out" / "staging").glob("*")) == []
    client = connect(port)
    world = client.get_world()
    assert not world.get_settings().synchronous_mode
    frame = world.get_snapshot().frame
    assert world.wait_for_tick(20.0).frame > frame, "it goes by its own clock again"
    again = ["run", str(short(tmp_path)), "--rig", "tiny", "--out", str(tmp_path / "again")]
    assert status([*again, "--simulator", f"127.0.0.1:{port}"]) == 0


@pytest.mark.long
def test_a_world_in_use_is_refused_and_left_alone_and_taken_over_where_that_is_asked_for(port, scenario, tmp_path):
    world = connect(port).load_world("AvSynth01")
    world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.a2"), world.get_map().get_spawn_points()[0])
    wait_for(lambda: foreign(port) == ["vehicle.audi.a2"])
    command = ["run", str(scenario), "--rig", "tiny", "--simulator", f"127.0.0.1:{port}"]
    refused = start(*command, "--out", str(tmp_path / "refused"))
    _, err = refused.communicate(timeout=120)

    assert refused.returncode == 1
    assert f"error: simulator at 127.0.0.1:{port} is not free: 1 of vehicle.*; want an empty world" in err
    assert foreign(port) == ["vehicle.audi.a2"]
    assert list((tmp_path / "refused" / "runs").glob("*")) == []

    adopting = start(*command, "--out", str(tmp_path / "out"), "--adopt")
    out, err = adopting.communicate(timeout=120)
    assert (adopting.returncode, err) == (0, "")
    assert "committed" in out
    assert foreign(port) == []


def test_ctrl_c_ends_an_embedded_simulator_and_everything_else(scenario, tmp_path):
    scenario.write_text(QUIET.format(duration_s=60))
    process, out = interrupt(scenario=scenario, out=tmp_path / "out")

    assert process.returncode == 130
    assert out.splitlines() == ["error: interrupted; nothing half-made was kept"]
    assert list((tmp_path / "out" / "runs").glob("*")) == []
    assert list((tmp_path / "out" / "staging").glob("*")) == []


def start(*arguments: str) -> subprocess.Popen[str]:
    """`av-synth` in a process group of its own, as a terminal would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "av_synth.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell that started us in the background would have told us, and so it, to ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def interrupt(*options: str, scenario: Path, out: Path) -> tuple[subprocess.Popen[str], str]:
    """Ctrl-C in the middle of a run: to the whole process group. Returns what was said on standard error."""
    process = start("run", str(scenario), "--rig", "tiny", "--out", str(out), *options)
    wait_for(lambda: len(list(out.glob("staging/*/blobs/LIDAR_TOP/*"))) > 5)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 2  # what plays, and a simulator or a caretaker
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    return process, err


def short(folder: Path) -> Path:
    path = folder / "short.yaml"
    path.write_text(QUIET.format(duration_s=0.5).replace("name: quiet", "name: short"))
    (folder / "again").mkdir()
    return path


def connect(port: int) -> carla.Client:
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(20.0)
    return client


def foreign(port: int) -> list[str]:
    """What somebody placed in the world and left there."""
    actors = connect(port).get_world().get_actors()
    return [actor.type_id for actor in actors if actor.type_id.split(".")[0] in ("vehicle", "walker", "sensor")]


def wait_for(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
