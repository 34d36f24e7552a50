"""From a scenario's name to a verified dataset: load, draw, launch, execute, commit, export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth import store
from av_synth.errors import DataError
from av_synth.export import nuscenes
from av_synth.launch import Address, launch_embedded, parse_address
from av_synth.run.attempt import attempt, logs
from av_synth.run.spec import RunResult, RunSpec
from av_synth.verify import verify, write_text_report

EMBEDDED = "embedded"
DATASET = "nuscenes"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Generated:
    """A committed run.

    Attributes:
        run: its directory.
        made: False if it was there already and nothing had to be played.
        result: what came of it; None if it was there already.
    """

    run: Path
    made: bool
    result: RunResult | None


def plan(scenario: str, rig: str | None, seed: int, overrides: Mapping[str, str]) -> RunSpec:
    """Load a scenario and a rig by name or path, and draw.

    Raises:
        DocumentError: with everything that is wrong in either, or with the overrides.
    """
    loaded = None if rig is None else rigs.load(rig)
    return RunSpec(scenarios.draw(scenarios.load(scenario), seed, overrides), loaded)


def generate(spec: RunSpec, out: Path, simulator: str = EMBEDDED, on_tick: Progress | None = None) -> Generated:
    """Make one run under `<out>/runs/`, or find it there.

    Args:
        spec: what to play and what looks.
        out: the store; made if it is not there.
        simulator: `embedded`, or HOST:PORT of a running one.
        on_tick: told (frames done, frames in all).

    Raises:
        AvSynthError: nothing was committed.
    """
    with simulator_at(simulator, spec.scenario.town, out) as address:
        result = attempt(spec, address, out, on_tick)
    run = store.run_path(out, result.run_id)
    if isinstance(result, RunResult):
        return Generated(run, True, result)
    store.open_run(run)
    return Generated(run, False, None)


@contextmanager
def simulator_at(simulator: str, town: str, out: Path) -> Iterator[Address]:
    """The simulator that the user named: a fresh embedded one, or the one at HOST:PORT."""
    if simulator != EMBEDDED:
        yield parse_address(simulator)
        return
    logs(out).mkdir(parents=True, exist_ok=True)
    with launch_embedded(town, logs(out) / "simulator.log") as address:
        yield address


def export_dataset(out: Path, dataset: Path | None = None) -> Path:
    """Fold every committed run under `<out>/runs/` into one verified nuScenes dataset.

    Args:
        out: the store.
        dataset: where it goes; `<out>/nuscenes` if None. What was there is replaced in one step, when the new one has
            been verified.

    Raises:
        DataError: if the new dataset does not verify; the old one stays.
        StoreError: if there is no run, or a run cannot be read.
    """
    return nuscenes.export(store.runs(out), dataset or out / DATASET, check=check_dataset)


def check_dataset(dataset: Path) -> None:
    """Verify a dataset.

    Raises:
        DataError: listing what is wrong where.
    """
    report = verify(dataset)
    if report.problems:
        raise DataError(f"the dataset does not verify:\n{write_text_report(report)}")
