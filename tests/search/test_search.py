"""Searches on the real simulator, and campaigns played with sensors."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from av_synth.cli.app import status
from av_synth.errors import DataError
from av_synth.launch import Address, launch_embedded
from av_synth.launch.stall import Patience
from av_synth.run import RunResult, execute
from av_synth.search import Request, Summary, load_campaign, search
from av_synth.search import worker as worker_module
from av_synth.search.campaign import hashes, specs
from av_synth.search.worker import Job, Setting, Worker
from tests.search.near_miss import SHORT

TARGET = "ttc=0.7..1.4, contact=false"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("search")
    (made / "short_cut_in.yaml").write_text(SHORT)
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> Summary:
    return search(Request(str(folder / "short_cut_in.yaml"), TARGET, 3, folder / "found.yaml", workers=1))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[Address]:
    with launch_embedded("AvSynth01", folder / "simulator.log") as launched:
        yield launched


def test_a_search_accepts_draws_that_reach_the_target_and_differ(found, folder):
    campaign = load_campaign(folder / "found.yaml").campaign
    assert campaign == found.campaign
    assert len(campaign.draws) == 3
    assert all(0.7 <= one.measured["ttc"] <= 1.4 and one.measured["contact"] == 0.0 for one in campaign.draws)
    assert len({json.dumps(one.values) for one in campaign.draws}) == 3
    assert campaign.of == "cutter"
    rates = campaign.rates
    assert rates.tried >= rates.replayed >= rates.reached == 3
    assert (rates.before, rates.effective) == (1.0, 3.0)


def test_draws_with_sensors_in_a_fresh_simulator_have_the_state_hashes_of_the_search(found, folder, address):
    spec = specs(folder / "found.yaml", "tiny")[-1]
    result = execute(spec, address)

    assert isinstance(result, RunResult)
    assert hashes(result.state_hashes)[0] == found.campaign.draws[-1].hash
    assert len(result.state_hashes) == len(spec.expected) == 61


def test_a_run_that_is_not_as_it_was_searched_ends_at_the_first_tick_that_differs(found, folder, address):
    spec = specs(folder / "found.yaml", None)[0]
    other = replace(spec, expected=(*spec.expected[:5], "0000", *spec.expected[6:]))

    with pytest.raises(DataError, match=r"short_cut_in, seed [0-9]+: tick 5 is not as it was when it was searched"):
        execute(other, address)


def test_a_search_goes_on_from_its_file_and_what_it_finds_is_reported(found, folder, capsys, monkeypatch):
    scenario, out = folder / "short_cut_in.yaml", folder / "found.yaml"
    command = ["search", str(scenario), "--target", TARGET, "--count", "4", "--out", str(out), "--workers", "1"]
    assert status([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    draws = load_campaign(folder / "found.yaml").campaign.draws

    assert told["accepted"] == len(draws) == 4
    assert tuple(draws[:3]) == tuple(found.campaign.draws)
    assert told["rate_after_correction"] == 1.0
    assert told["tried"] > found.campaign.rates.tried
    assert status(command) == 0
    said = capsys.readouterr().out
    reached = f"\n4 draws of {scenario} reach {found.campaign.target}: {out}\n  tried {told['tried']}, of which "
    assert reached in said
    assert "\n  reached there: 100.0% as drawn, 100.0% after correction\n  near-copies left out: " in said
    assert said.endswith(f"\nrender them: av-synth run {out} --rig tiny --out {folder / 'found'}\n")

    def interrupted(*_: object) -> Summary:
        raise KeyboardInterrupt

    monkeypatch.setattr("av_synth.search.search", interrupted)
    assert status(command) == 130
    kept = f"\nwhat was accepted is in {out}; the same command goes on from there\n"
    assert capsys.readouterr().out.endswith(kept)


@pytest.mark.parametrize("sent", [signal.SIGSTOP, signal.SIGSEGV])
def test_a_search_process_that_hangs_or_dies_is_replaced_and_the_draw_comes_to_the_same(
    sent, found, folder, monkeypatch
):
    started = []
    start_child = worker_module.start_child
    monkeypatch.setattr(worker_module, "start_child", lambda *of: started.append(start_child(*of)) or started[-1])
    monkeypatch.setattr(worker_module, "_OWN_SIMULATOR", Patience(tick_s=3.0))
    one = found.campaign.draws[0]
    setting = Setting(found.campaign.scenario, None, "cutter", TARGET, (), "embedded", folder / "stalled.log")
    worker = Worker(setting)
    try:
        worker.give(Job(0, one.seed, dict(one.values)))
        assert worker.said() is None  # its first tick
        os.kill(started[0][0].pid, sent)
        tried = None
        while tried is None:
            if worker.pipe.poll(0.2):
                tried = worker.said()
            worker.look()
    finally:
        worker.close()

    assert len(started) >= 2  # on a busy machine a second tick may take too long, too
    assert hashes(tried.ticks)[0] == one.hash


@pytest.mark.long
def test_two_hundred_near_misses_of_the_cut_in_are_as_searched_when_played_again_in_a_fresh_simulator(folder, address):
    asked = Request("cut_in_wet", "ttc=0.5..1.5, contact=false", 200, folder / "cut_in.yaml")
    campaign = search(asked).campaign

    assert len(campaign.draws) == 200
    assert campaign.rates.effective > 150
    for spec, one in zip(specs(folder / "cut_in.yaml", None), campaign.draws, strict=True):
        result = execute(spec, address)
        assert isinstance(result, RunResult)
        assert hashes(result.state_hashes)[0] == one.hash


@pytest.mark.long
def test_nine_of_ten_reach_the_target_after_correction_on_a_simulator_with_other_dynamics(folder):
    asked = Request(
        "cut_in_wet", "ttc=0.5..1.5, contact=false", 100, folder / "detuned.yaml", simulator="embedded:detuned"
    )
    rates = search(asked).campaign.rates

    assert rates.after >= 0.9
    assert rates.after >= rates.before


@pytest.mark.long
def test_what_misses_a_narrow_target_on_other_dynamics_is_corrected_in_the_trigger_alone(folder):
    asked = Request(
        str(folder / "short_cut_in.yaml"),
        "ttc=1.0..1.06",
        2,
        folder / "narrow.yaml",
        simulator="embedded:detuned",
        workers=1,
    )
    campaign = search(asked).campaign

    assert campaign.rates.after > campaign.rates.before
    assert all(1.0 <= one.measured["ttc"] <= 1.06 for one in campaign.draws)
    changed = [one for one in campaign.draws if one.corrected]
    assert changed
    assert all(one.corrected.keys() == {"gap_m"} and 6 <= float(one.values["gap_m"]) <= 14 for one in changed)
