"""The player: plays what was planned, or says what is otherwise here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from av_synth import __version__, store
from av_synth.errors import ConnectionLostError, DataError
from av_synth.farm.model import Job, PlannedRun, Played, WorkerSetting
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.campaign import Campaign
from av_synth.farm.workers.player import Player, open_player
from av_synth.launch import Address
from av_synth.replay.divergence import again_of
from av_synth.run import RunResult, execute
from av_synth.run.identity import Planned
from av_synth.scenario.words import is_opendrive


@pytest.fixture(scope="module")
def out(many: tuple[Campaign, plans.Plan], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a plan."""
    asked, plan = many
    folder = tmp_path_factory.mktemp("farm") / "out"
    plans.freeze(plan, asked, folder)
    return folder


@pytest.fixture(scope="module")
def player(out: Path, address: Address) -> Iterator[Player]:
    with open_player(setting(out, str(address))) as found:
        yield found


def setting(out: Path, simulator: str) -> WorkerSetting:
    player = "av_synth.farm.workers.player:open_player"
    return WorkerSetting(out, 3, player, {"simulator": simulator}, out / "logs" / "worker-3", cores=(0,))


def test_a_planned_run_is_committed_under_its_id_with_figures_and_not_played_again(out, player, address):
    run = blind(out)
    told: list[tuple[int, int]] = []
    first = player.play(Job(run, 1), lambda done, of: told.append((done, of)))
    again = player.play(Job(run, 2), lambda *_: None)

    there = store.open_run(store.run_path(out, run.run_id), deep=True)
    size = sum(
        path.stat().st_size for path in there.folder.rglob("*") if path.name != "manifest.json" and path.is_file()
    )
    assert first == Played(played=True, held=True, frames=11, bytes=size)
    assert again == replace(first, played=False)
    assert told[-1] == (run.frames, run.frames)
    once_more = execute(again_of(there), address)
    assert isinstance(once_more, RunResult)
    assert list(once_more.state_hashes) == there.table("ticks")["state_hash"].to_pylist()
    assert there.manifest["identity"]["town_digest"] == plans.read(out).facts[run.town]["town_digest"]
    assert [path.name for path in (out / "logs" / "worker-3").iterdir()] == ["client.log"]


def test_a_run_that_is_another_one_here_is_not_played_and_what_differs_is_told(out, address):
    run = replace(blind(out), run_id="0123456789" * 2)
    plan = out / "plan" / "plan.json"
    other = out.parent / "other"
    shutil.copytree(out / "plan", other / "plan")
    (other / "plan" / "plan.json").chmod(0o644)
    (other / "plan" / "plan.json").write_text(plan.read_text().replace(f"av_synth {__version__}", "av_synth 9.9.9"))
    before = [path.name for path in store.runs(other)]

    with open_player(setting(other, str(address))) as player:
        why = r"simulator is 'av_synth .*', planned with 'av_synth 9\.9\.9 native'; want what it was planned with"
        with pytest.raises(DataError, match=rf"run 01234567890123456789 would be [0-9a-f]{{20}} here: {why}"):
            player.play(Job(run, 1), lambda *_: None)
    assert [path.name for path in store.runs(other)] == before == []
    assert list((other / "staging").rglob("*")) == []


def test_a_run_that_is_drawn_otherwise_on_a_simulator_alike_is_told_so():
    planned = Planned("0" * 20, {"simulator": "one", "town_digest": "a"})
    planned.check("0" * 20, {"simulator": "one", "town_digest": "a"})

    with pytest.raises(
        DataError, match="the simulator is alike, so this version of av_synth draws or reads it otherwise"
    ):
        planned.check(
            "1" * 20, {"simulator": "one", "town_digest": "a", "scenario": {}, "rig": None, "schema_epoch": 2}
        )


def test_nobody_at_the_address_is_said_at_once(out):
    with pytest.raises(ConnectionLostError, match="cannot be reached"), open_player(setting(out, "127.0.0.1:1")):
        pass


def blind(out: Path) -> PlannedRun:
    """A planned run without sensors, on a map out of a file."""
    return next(run for run in plans.read(out).runs if run.recipe.rig is None and is_opendrive(run.town))
