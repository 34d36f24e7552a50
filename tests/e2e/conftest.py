"""Runs made once for the whole suite.

Both scenarios on the tiny rig, two full-size seconds on the nuScenes rig, and one scenario with stock parts alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from av_synth.director import Outcome
from av_synth.launch import Address, launch_embedded
from av_synth.run import Context, Recorder, RunResult, RunSpec, RunUpTick, Tick, execute
from av_synth.run.generate import export_dataset, plan
from tests.devkit import oracles

EVENT_S = 6.0
"""Of eight seconds of a scenario, the near-miss half-way and what comes of it."""


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


def record(root: Path, spec: RunSpec, address: Address) -> tuple[Path, RunResult, Keyframes]:
    keyframes = Keyframes()
    with Recorder(root) as recorder:
        result = execute(spec, address, [recorder, keyframes])
    assert isinstance(result, RunResult)
    assert recorder.path is not None
    return recorder.path, result, keyframes


def make(root: Path, specs: Sequence[RunSpec], address: Address) -> Made:
    runs, results, kept = zip(*(record(root, spec, address) for spec in specs), strict=True)
    dataset = export_dataset(root)
    return Made(root, runs, results, dataset, oracles.load(dataset), kept)


def shortened(scenario: str, rig: str | None, duration_s: float = 2.0) -> RunSpec:
    spec = plan(scenario, rig, 0, {})
    return RunSpec(replace(spec.scenario, duration_s=duration_s), spec.rig)


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with launch_embedded("AvSynth01", tmp_path_factory.mktemp("simulator") / "log") as address:
        yield address


@pytest.fixture(scope="session")
def tiny(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Made:
    specs = [shortened(scenario, "tiny", EVENT_S) for scenario in ("pedestrian_runs_out", "cut_in_wet")]
    return make(tmp_path_factory.mktemp("tiny"), specs, address)


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
    return make(tmp_path_factory.mktemp("full"), [shortened("cut_in_wet", "nuscenes")], address)
