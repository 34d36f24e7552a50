"""Runs made once for the whole suite.

Both scenarios on the tiny rig, a full-size second on the nuScenes rig, one scenario with stock parts alone, and a
street at night where everything that a log tells of happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from av_synth import documents, rig, scenario, store
from av_synth.director import Outcome
from av_synth.export.dataset import export_dataset
from av_synth.launch import Address, launch_embedded
from av_synth.replay import state_log
from av_synth.replay.divergence import Divergence, again_of, first_divergence
from av_synth.run import Context, Recorder, RunResult, RunSpec, RunUpTick, Tick, execute
from av_synth.run.generate import plan
from av_synth.run.spec import Sink
from av_synth.scenario.scenario import from_document
from tests.devkit import oracles

EVENT_S = 5.0
"""Of eight seconds of a scenario, the near-miss half-way and what comes of it."""

NIGHT_STREET = """
name: night_street
description: In rain at night a car brakes, a parked one opens a door and closes it, and somebody walks along.
duration_s: 1.5
road: {town: AvSynth01, length_m: 120, lanes: 1, pavement: [right]}
weather: {preset: clear_night, rain_mm_h: 10}
ego: {speed_kmh: 30}
actors:
  ahead: {body: bendy_bus, speed_kmh: 25, at: {ahead_m: 14}}
  wreck: {body: car, parked: true, at: {ahead_m: 18, offset_m: -2.6}}
  walker: {body: adult, at: {ahead_m: 12, offset_m: -4.5}}
traffic: {vehicles: 3}
events:
  - {actor: ahead, when: {time_s: 0.2}, do: {drive: {speed_kmh: 5}}}
  - {actor: walker, when: {time_s: 0.1}, do: {walk: {speed_kmh: 6}}}
  - {actor: ahead, when: {time_s: 0.5}, do: {lights: {on: [left, right]}}}
  - {actor: wreck, when: {time_s: 0.3}, do: {open_door: {side: left}}, for_s: 0.9}
"""


@dataclass
class Keyframes:
    """A sink that keeps keyframes with their actor ids, which a dataset does not have."""

    ticks: list[Tick] = field(default_factory=list)

    def begin(self, context: Context) -> None:
        self.context = context

    def run_up(self, tick: RunUpTick) -> None:
        pass

    def tick(self, tick: Tick) -> None:
        if tick.frames is not None and tick.frames.is_keyframe:
            self.ticks.append(tick)

    def end(self, outcome: Outcome, provenance: Mapping[str, Any]) -> None:
        self.outcome = outcome


@dataclass(frozen=True)
class Made:
    """A store with its dataset, the devkit's view of it, and the keyframes of each run."""

    root: Path
    runs: tuple[Path, ...]
    results: tuple[RunResult, ...]
    dataset: Path
    nusc: Any
    keyframes: tuple[Keyframes, ...]


def record(root: Path, spec: RunSpec, address: Address, *more: Sink) -> tuple[Path, RunResult, Keyframes]:
    keyframes = Keyframes()
    with Recorder(root) as recorder:
        result = execute(spec, address, [recorder, keyframes, *more])
    assert isinstance(result, RunResult)
    assert recorder.path is not None
    return recorder.path, result, keyframes


def make(root: Path, specs: Sequence[RunSpec], address: Address) -> Made:
    runs, results, kept = zip(*(record(root, spec, address) for spec in specs), strict=True)
    dataset = export_dataset(root)
    return Made(root, runs, results, dataset, oracles.load(dataset), kept)


def simulated_again(path: Path, address: Address, scratch: Path) -> Divergence | None:
    """Where a run whose scenario is played again, in this process, parts from its log."""
    run = store.open_run(path)
    again = record(scratch, again_of(run), address)[0]
    return first_divergence(state_log.of_run(run), state_log.of_run(store.open_run(again)))


def shortened(name: str, rig_name: str | None, duration_s: float = 2.0) -> RunSpec:
    spec = plan(name, rig_name, 0, {})
    return RunSpec(replace(spec.scenario, duration_s=duration_s), spec.rig)


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("simulator") / "log") as address:
        yield address


@pytest.fixture(scope="session")
def tiny(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    specs = [shortened(name, "tiny", EVENT_S) for name in ("pedestrian_runs_out", "cut_in_wet")]
    return make(tmp_path_factory.mktemp("tiny"), specs, address)


@pytest.fixture(scope="session")
def night_run(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = scenario.draw(from_document(documents.parse(NIGHT_STREET, "night_street.yaml")), 1)
    return record(tmp_path_factory.mktemp("night_street"), RunSpec(drawn, rig.load("tiny")), address)[0]


@pytest.fixture(scope="session")
def stock_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("ue4") / "log", profile="ue4") as address:
        yield address


@pytest.fixture(scope="session")
def stock(stock_address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The first run of `tiny` again, under the ue4 profile."""
    return make(tmp_path_factory.mktemp("stock"), [shortened("pedestrian_runs_out", "tiny", EVENT_S)], stock_address)


@pytest.fixture(scope="session")
def full(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("full"), [shortened("cut_in_wet", "nuscenes", 1.0)], address)
