"""The player: plays what was planned, or says what is otherwise here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_campaign import campaign

from av_synth import store
from av_synth.errors import ConnectionLostError, DataError
from av_synth.farm import plan as plans
from av_synth.farm.campaign import load
from av_synth.farm.model import Job, WorkerSetting
from av_synth.farm.player import Player, open_player
from av_synth.farm.worker import Played
from av_synth.launch import Address

RUNS = "  - {scenario: short.yaml, rig: none, seeds: [0, 1], towns: [AvSynth01]}\n"


@pytest.fixture(scope="module")
def out(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a plan."""
    folder = tmp_path_factory.mktemp("farm")
    asked = load(str(campaign(folder / "mine", RUNS)))
    plans.freeze(plans.make(asked, address, folder / "plan.log"), asked, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def player(out: Path) -> Iterator[Player]:
    with open_player(setting(out)) as found:
        yield found


def setting(out: Path, simulator: str = "embedded") -> WorkerSetting:
    player = "av_synth.farm.player:open_player"
    return WorkerSetting(out, 3, player, {"simulator": simulator}, out / "logs" / "worker-3", cores=(0,))


def test_a_planned_run_is_committed_under_its_id_with_figures_and_not_played_again(out, player):
    run = plans.read(out).runs[0]
    told: list[tuple[int, int]] = []
    first = player.play(Job(run, 1), lambda done, of: told.append((done, of)))
    again = player.play(Job(run, 2), lambda *_: None)

    there = store.open_run(store.run_path(out, run.run_id), deep=True)
    size = sum(
        path.stat().st_size for path in there.directory.rglob("*") if path.name != "manifest.json" and path.is_file()
    )
    assert first == Played(played=True, held=True, frames=11, bytes=size)
    assert again == replace(first, played=False)
    assert told[-1] == (run.frames, run.frames)
    assert there.manifest["identity"]["town_digest"] == plans.read(out).facts[run.town]["town_digest"]
    assert sorted(path.name for path in (out / "logs" / "worker-3").iterdir()) == ["client.log", "simulator.log"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"simulator": "av_synth 9.9.9 native"}, r"simulator is 'av_synth .*', planned with 'av_synth 9\.9\.9 native'"),
        ({}, "the simulator is alike, so this release of av_synth draws or reads it otherwise"),
    ],
    ids=["another simulator", "another draw"],
)
def test_a_run_that_is_another_one_here_is_not_played_and_what_differs_is_told(out, player, facts, why):
    run = replace(plans.read(out).runs[1], run_id="0123456789" * 2)
    player = Player(setting(out), player._address)
    player._facts = {run.town: {**player._facts[run.town], **facts}}

    with pytest.raises(DataError, match=rf"run 01234567890123456789 would be [0-9a-f]{{20}} here: {why}; want"):
        player.play(Job(run, 1), lambda *_: None)
    assert run.run_id not in {path.name for path in store.runs(out)}
    assert list((out / "staging").iterdir()) == []


def test_nobody_at_the_address_is_said_at_once(out):
    with pytest.raises(ConnectionLostError, match="cannot be reached"), open_player(setting(out, "127.0.0.1:1")):
        pass
