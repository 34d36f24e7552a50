"""Scenarios of the library: a draw becomes the event that it promises, and does not without its first actor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from av_synth import scenario
from av_synth.launch import Address, launch_embedded
from av_synth.run import RunResult, RunSpec
from av_synth.run.execute import execute

TOWN = "AvSynth01"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded(TOWN, tmp_path_factory.mktemp("log") / "simulator.log") as found:
        yield found


@pytest.mark.parametrize("name", ["accident", "parking_cut_in", "dynamic_object_crossing", "truck_loses_load"])
def test_the_first_actor_makes_the_event(name: str, address: Address) -> None:
    loaded = scenario.load(name)
    first = next(iter(scenario.draw(loaded, 0).actors))

    held = {
        without: execute(RunSpec(scenario.draw(loaded, 0, town=TOWN, without=without), None), address)
        for without in ((), (first,))
    }

    outcomes = {without: result.outcome.held for without, result in held.items() if isinstance(result, RunResult)}
    assert outcomes == {(): True, (first,): False}
