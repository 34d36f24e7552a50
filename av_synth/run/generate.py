"""From a scenario's name to a verified dataset: load, draw, launch, execute, commit, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth import store
from av_synth.errors import DocumentError, Problem, UserError
from av_synth.export.dataset import export_dataset, refuse_dataset
from av_synth.launch import Address
from av_synth.launch.carla_spec import CarlaSpec
from av_synth.launch.choose import simulator_at
from av_synth.log.origin import limits_of
from av_synth.run.attempt import again_if_stalled, attempt, logs
from av_synth.run.sensors import missing_sensors
from av_synth.run.spec import Progress, RunResult, RunSpec, ShowStep
from av_synth.scenario import ConcreteScenario
from av_synth.store.runs import RUNS, STAGING


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

    def limits(self) -> Sequence[str]:
        """What the server that a log was played back on could not do, in sentences."""
        return limits_of(store.open_run(self.run, files=False).manifest)


def plan(
    scenario: str,
    rig: str | None,
    seed: int,
    overrides: Mapping[str, str],
    *,
    without: Sequence[str] = (),
    town: str | None = None,
) -> RunSpec:
    """Load a scenario and a rig by name or path, and draw; see `scenario.draw`.

    Raises:
        DocumentError: with everything that is wrong in either, or with the overrides; or if the map is a file
            that is not there.
    """
    looks = spec = None
    wrong: list[Problem] = []
    try:
        looks = None if rig is None else rigs.load(rig)
    except DocumentError as error:
        wrong += error.problems
    try:
        logical = scenarios.load(scenario)
        spec = spec_of(scenarios.draw(logical, seed, overrides, without=without, town=town), looks, logical)
    except DocumentError as error:
        wrong += error.problems
    if wrong or spec is None:
        raise DocumentError(wrong)
    return spec


def spec_of(played: ConcreteScenario, looks: rigs.Rig | None, logical: scenarios.Scenario | None = None) -> RunSpec:
    """The run of a draw with a rig.

    Args:
        played: the draw.
        looks: the rig; None for no sensors.
        logical: what it is a draw of, if that is at hand: what is wrong is then told with its line.

    Raises:
        DocumentError: if the map is a file that is not there, or the scenario names sensors that the rig has not.
    """
    scenarios.need_map(logical, played)
    if wrong := missing_sensors(logical, played, looks):
        raise DocumentError(wrong)
    return RunSpec(played, looks)


def generate_dataset(
    specs: Sequence[RunSpec],
    out: Path,
    simulator: str,
    step: ShowStep,
    on_made: Callable[[Generated], object],
    *,
    adopt: bool,
) -> Path:
    """Make runs, each as `generate` does, and the nuScenes dataset of their store, which is returned.

    Raises:
        AvSynthError: as `generate` and `export_dataset`; that there is no room for the dataset is told first.
    """
    refuse_dataset(out)
    for spec in specs:
        with step(f"running {spec.scenario.name}, seed {spec.scenario.seed}") as on_tick:
            made = generate(spec, out, simulator, on_tick, adopt=adopt)
        on_made(made)
    with step(f"exporting {out}", counted=False):
        return Path(export_dataset(out))


def generate(
    spec: RunSpec,
    out: Path,
    simulator: str | CarlaSpec | Address,
    on_tick: Progress | None,
    *,
    adopt: bool = False,
) -> Generated:
    """Make one run under `<out>/runs/`, or find it there. Where the process that plays it hangs, it is played again.

    Args:
        spec: what to play and what looks.
        out: the store; made if it is not there.
        simulator: see `launch.choose.simulator_at`.
        on_tick: told (frames done, frames in all).
        adopt: take a running simulator over even if somebody uses it; see `session.open_session`.

    Raises:
        UserError: what was asked cannot be; nothing was written.
        AvSynthError: nothing was committed.
    """
    with folder_of(out), simulator_at(simulator, logs(out) / "simulator.log", adopt=adopt) as address:
        return generate_at(spec, out, address, on_tick)


def generate_at(
    spec: RunSpec, out: Path, address: Address, on_tick: Progress | None, folder: Path | None = None
) -> Generated:
    """Make one run on a simulator that is there; else as `generate`.

    Args:
        spec: what to play and what looks.
        out: the store.
        address: of the simulator.
        on_tick: told (frames done, frames in all).
        folder: where the logs of client and simulator are; `<out>/logs` if None.

    Raises:
        AvSynthError: nothing was committed.
    """
    result = again_if_stalled(lambda: attempt(spec, address, out, on_tick, folder=folder))
    run = store.run_path(out, result.run_id)
    if isinstance(result, RunResult):
        return Generated(run, True, result)
    store.open_run(run)
    return Generated(run, False, None)


@contextmanager
def folder_of(out: Path) -> Iterator[None]:
    """Make the folder of a store, or of several; take it away again if it turns out that what was asked cannot be."""
    made = [folder for folder in (logs(out), out, *out.parents) if not folder.exists()]
    want = "want a folder that can be made and written to"
    try:
        logs(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DocumentError([Problem("", "--out", f"got {str(out)!r}: {error.strerror}; {want}")]) from error
    for folder in (out, logs(out), out / RUNS, out / STAGING):  # else it is told when all has been played
        if os.path.lexists(folder) and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            reason = f"got {str(out)!r}: {folder} is no folder, or cannot be written to; {want}"
            raise DocumentError([Problem("", "--out", reason)])
    try:
        yield
    except BaseException as error:
        if made and isinstance(error, UserError):
            shutil.rmtree(logs(out), ignore_errors=True)
        with suppress(OSError):  # what is not empty stays
            for folder in (logs(out), out / STAGING, *made[1:]):
                if folder.is_dir():
                    folder.rmdir()
        raise
