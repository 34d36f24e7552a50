"""A run played in a process of its own: what comes back over the border, and what is left behind."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from av_synth import __version__, store
from av_synth.errors import CastError, ConnectionLostError, DocumentError, SimulatorError, StalledError
from av_synth.launch import Address, launch_embedded
from av_synth.launch.choose import simulator_at
from av_synth.launch.stall import Patience, Pulse
from av_synth.replay import state_log
from av_synth.replay.divergence import again_of, first_divergence, resimulate
from av_synth.run import RunResult, RunSpec, Skipped
from av_synth.run import identity as module
from av_synth.run.attempt import attempt, logs
from av_synth.run.generate import plan
from av_synth.session import open_session
from tests.launch.processes import stillborn

FRAMES = 11  # half a second at 20 Hz, both ends included


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("simulator") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    planned = plan("pedestrian_runs_out", "tiny", 0, {})
    return RunSpec(replace(planned.scenario, duration_s=0.5), planned.rig)


@pytest.fixture(scope="module")
def made(address, spec, tmp_path_factory) -> tuple[Path, RunResult, list[tuple[int, int]]]:
    """A store with a run in it, what came of the run, and its progress."""
    out, ticks = tmp_path_factory.mktemp("store"), []
    result = attempt(spec, address, out, lambda done, of: ticks.append((done, of)))
    assert isinstance(result, RunResult)
    return out, result, ticks


def test_a_run_is_committed_with_progress_to_its_end_and_a_second_attempt_skips_it(address, spec, made):
    out, result, ticks = made
    assert set(ticks[:-FRAMES]) == {(0, FRAMES)}
    assert ticks[-FRAMES:] == [(number, FRAMES) for number in range(1, FRAMES + 1)]
    assert len(result.state_hashes) == FRAMES
    run = store.open_run(store.run_path(out, result.run_id), deep=True)
    assert run.table("ego_poses").num_rows == FRAMES
    before = contents(out / "runs")

    # the second time at an address that is not ours: what was left behind by the first would be in the way
    told = []
    skipped = attempt(spec, Address(address.host, address.port), out, lambda *of: told.append(of))

    assert skipped == Skipped(result.run_id)
    assert told == []
    assert contents(out / "runs") == before
    assert left_in_staging(out) == []
    assert (logs(out) / "client.log").is_file()
    assert address.why_gone() is None


def test_what_is_played_again_to_be_compared_is_the_same_and_is_played_once_more_if_it_hung(
    address, made, tmp_path, monkeypatch
):
    run = store.open_run(store.run_path(made[0], made[1].run_id))
    begun = []

    def pulse_of(patience: Patience) -> Pulse:
        begun.append(patience)
        # of the first, its process is taken to hang before it has told of anything
        clock = itertools.count(step=patience.begin_s + 1 if len(begun) == 1 else 0)
        return Pulse(patience, lambda: next(clock))

    monkeypatch.setattr("av_synth.run.attempt.Pulse", pulse_of)
    again = resimulate(again_of(run), address, tmp_path)

    assert len(begun) == 2
    assert first_divergence(state_log.of_run(run), again) is None
    assert again.hashes == made[1].state_hashes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"town": "Town99"}, r"has no town 'Town99'; it has AvSynth01, "),
        ({"ego": {"body": "vehicle.nobody.built"}}, r"has no 'vehicle\.nobody\.built'; its library has vehicle\."),
    ],
    ids=["town", "blueprint"],
)
def test_what_the_simulator_cannot_play_is_the_same_error_on_this_side_of_the_border(
    address, spec, tmp_path, change, message
):
    changes = {name: _changed(spec, name, value) for name, value in change.items()}

    with pytest.raises(CastError, match=message) as caught:
        attempt(RunSpec(replace(spec.scenario, **changes), spec.rig), address, tmp_path)

    assert caught.value.exit_code == 2
    assert not (tmp_path / "runs").exists()
    assert left_in_staging(tmp_path) == []
    assert address.why_gone() is None


def test_a_run_on_a_simulator_that_says_what_it_is_has_the_id_of_what_it_says(address, spec, tmp_path):
    _, identity = identified(spec, address, tmp_path)

    assert sorted(identity) == ["bodies_digest", "rig", "scenario", "schema_epoch", "simulator", "town_digest"]
    assert identity["simulator"] == f"av_synth {__version__} native"


def test_another_quality_of_pictures_is_in_the_id_of_a_run_whether_the_simulator_says_so_or_not(
    address, spec, tmp_path
):
    usual, _ = identified(spec, address, tmp_path)
    with simulator_at("embedded@fast", tmp_path / "log", 1) as fast:
        other, identity = identified(spec, fast, tmp_path)
    with simulator_at("embedded:ue4@high", tmp_path / "log", 1) as stock:
        assert identified(spec, stock, tmp_path)[1]["simulator"].startswith(f"av_synth {__version__} ue4 quality high ")

    assert identity["simulator"] == f"av_synth {__version__} native quality fast"
    assert other != usual
    with (
        pytest.raises(DocumentError, match="--simulator: --quality: got 'best'; want fast, default, high"),
        simulator_at("embedded@best", tmp_path / "log"),
    ):
        pytest.fail("it was launched")


def test_what_was_launched_and_the_table_of_boxes_are_in_the_id_of_a_run_on_a_simulator_that_does_not_say(
    spec, tmp_path, monkeypatch
):
    with launch_embedded("AvSynth01", render_threads=1, profile="ue4+colliding_ids") as stock:
        other_profile, identity = identified(spec, stock, tmp_path)
    assert identity["simulator"].startswith(f"av_synth {__version__} ue4+colliding_ids bodies ")

    corrected = tmp_path / "boxes.yaml"
    corrected.write_bytes(module.TABLE.read_bytes() + b"# and one more")
    with launch_embedded("AvSynth01", render_threads=1, profile="ue4") as stock:
        run_id, _ = identified(spec, stock, tmp_path)
        not_ours, identity = identified(spec, Address(stock.host, stock.port), tmp_path)
        # the process that plays finds the same id
        store.run_path(tmp_path, run_id).mkdir(parents=True)
        assert attempt(spec, stock, tmp_path) == Skipped(run_id)
        monkeypatch.setattr(module, "TABLE", corrected)
        other_boxes, _ = identified(spec, stock, tmp_path)
    assert identity["simulator"] == "0.9.16"
    assert len({run_id, other_profile, not_ours, other_boxes}) == 4


def identified(spec: RunSpec, address: Address, cache: Path) -> tuple[str, Mapping[str, Any]]:
    with open_session(address, spec.scenario.town, 50_000, 0, cache) as session:
        return module.run_identity(spec, module.simulator_facts(session))


def test_a_client_that_is_dead_before_it_is_told_what_to_play_is_an_error_with_its_log(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("av_synth.run.attempt.start_child", lambda *_, **__: stillborn(3))

    with pytest.raises(SimulatorError, match=r"the carla client ended with exit status 3; its log is .*client\.log"):
        attempt(spec, Address("127.0.0.1", 1), tmp_path)


def test_a_run_that_hangs_is_ended_and_nothing_of_it_is_left(spec, tmp_path, monkeypatch):
    leaps_s = itertools.count(step=0)
    monkeypatch.setattr("av_synth.run.attempt.Pulse", lambda patience: Pulse(patience, lambda: next(leaps_s)))
    with launch_embedded("AvSynth01", render_threads=1) as frozen:

        def freeze(done: int, _of: int) -> None:
            nonlocal leaps_s
            if done == 3:
                os.kill(frozen.process.pid, signal.SIGSTOP)
                leaps_s = itertools.count(step=Patience().tick_s + 1)

        # it may have got further before it was frozen
        told = rf"has not got beyond frame ([3-9]|10) of {FRAMES} for [0-9]+ s and was ended"
        with pytest.raises(StalledError, match=told):
            attempt(spec, frozen, tmp_path, freeze)
        os.kill(frozen.process.pid, signal.SIGCONT)

    assert left_in_staging(tmp_path) == []
    assert not (tmp_path / "runs").exists()


def test_an_address_that_cannot_be_is_a_lost_connection_with_its_name(spec, tmp_path):
    with pytest.raises(ConnectionLostError, match=r"no\.\.where:2000, while connecting"):
        attempt(spec, Address("no..where", 2000), tmp_path)

    assert left_in_staging(tmp_path) == []


def _changed(spec: RunSpec, name: str, value: object) -> object:
    return getattr(spec.scenario, name).model_copy(update=value) if isinstance(value, dict) else value


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of change of each file."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def left_in_staging(out: Path) -> list[Path]:
    return list((out / "staging").rglob("*"))
