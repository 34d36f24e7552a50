"""What a program that uses av_synth may rely on: `import av_synth` gives these names, and loads them when one is used.

docs/how-to/python.md has them all, and what of their values is promised. Whatever goes wrong on purpose is an
`av_synth.AvSynthError`; the kinds are in `av_synth.errors`, and their messages are those of the command line, so that
`--at` in one is the argument `at` here. Paths may be text or anything `os.fspath` takes.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import overload

from av_synth import rig as _rigs
from av_synth import scenario as _scenarios
from av_synth import store as _store
from av_synth.director import Outcome
from av_synth.errors import AvSynthError, DocumentError, Problem, UserError
from av_synth.export.dataset import DATASET
from av_synth.export.dataset import export_dataset as _export_dataset
from av_synth.farm.records import committed_runs as _whereabouts
from av_synth.launch import Address
from av_synth.launch.choose import EMBEDDED, simulator_at
from av_synth.replay.request import Request, need_sensors, replay_spec
from av_synth.rig import Rig
from av_synth.run.attempt import logs as _logs
from av_synth.run.generate import folder_of, generate, spec_of
from av_synth.scenario import ConcreteScenario, Scenario
from av_synth.scenario.expressions import Value
from av_synth.store import Run
from av_synth.verify import VerifyReport
from av_synth.verify import verify as _verify

__all__ = [
    "Address",
    "AvSynthError",
    "ConcreteScenario",
    "Outcome",
    "Rig",
    "Run",
    "Scenario",
    "VerifyReport",
    "draw",
    "export_dataset",
    "list_rigs",
    "list_scenarios",
    "load_rig",
    "load_scenario",
    "make_run",
    "open_run",
    "open_simulator",
    "read_outcome",
    "replay_run",
    "verify_dataset",
]

StrPath = str | os.PathLike[str]


def list_scenarios() -> tuple[str, ...]:
    """Names of the built-in scenarios, sorted."""
    return _scenarios.names()


def list_rigs() -> tuple[str, ...]:
    """Names of the built-in rigs, sorted."""
    return _rigs.names()


def load_scenario(name: StrPath) -> Scenario:
    """Load a scenario: what happens, with what is left to chance.

    Args:
        name: of a built-in scenario, or the path of a YAML file (docs/reference/scenarios.md).

    Raises:
        DocumentError: with every mistake in the file, each with its line.
    """
    return _scenarios.load(_text("scenario", name, "a name or a path"))


def load_rig(name: StrPath) -> Rig:
    """Load a rig: the sensors of the ego.

    Args:
        name: of a built-in rig, or the path of a YAML file.

    Raises:
        DocumentError: with every mistake in the file, each with its line.
    """
    return _rigs.load(_text("rig", name, "a name or a path"))


def draw(
    scenario: Scenario | StrPath,
    *,
    seed: int = 0,
    values: Mapping[str, Value] | None = None,
    without: Collection[str] = (),
    town: str | None = None,
) -> ConcreteScenario:
    """Draw a scenario: all numbers fixed, nothing left to chance.

    Args:
        scenario: a scenario, or its name or path.
        seed: 0 or more; equal seeds give equal draws.
        values: of parameters, given by hand; a text may have a unit, such as "40 km/h". What is not given is drawn by
            the seed, and does not depend on what is.
        without: names of actors to take out.
        town: the map to play it on, whatever the scenario says: a town's name, or the path of an OpenDRIVE file.

    Raises:
        DocumentError: if there is no such parameter, actor or town, or a value is out of its range.
    """
    problems = []
    try:
        seed = operator.index(seed)
    except TypeError:
        problems.append(Problem("", "seed", f"got {seed!r}; want a whole number, 0 or more"))
    if isinstance(without, str):
        problems.append(Problem("", "without", f"got {without!r}; want a list of names, as in [{without!r}]"))
    if problems:
        raise DocumentError(problems)
    logical = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    return _scenarios.draw(logical, seed, values=values, without=without, town=town)


def make_run(
    scenario: ConcreteScenario,
    *,
    rig: Rig | StrPath | None,
    out: StrPath,
    simulator: str | Address = EMBEDDED,
    on_tick: Callable[[int, int], None] | None = None,
) -> Run:
    """Play a draw on a simulator, look at it with a rig, and commit what was seen as a run under `<out>/runs/`.

    A run that is there already, of the same draw, rig and simulator, is not played again.

    Args:
        scenario: what is played.
        rig: what looks: a rig, or its name or path; None for no sensors, when the run has only what everybody did.
        out: the store, a folder; made if it is not there.
        simulator: `embedded` for a fresh one, `embedded:ue4`, `embedded@fast`, `carla:FOLDER`, `carla:docker:IMAGE`,
            HOST:PORT, or what `open_simulator` gave, so that several runs share one.
        on_tick: told (frames done, frames in all) while it is played.

    Raises:
        UserError: what was asked cannot be; nothing was written.
        SimulatorError: the simulator failed; nothing was committed, and another try may succeed.
        DataError: what came back is not usable.
        StoreError: the run cannot be written.
    """
    _need_draw(scenario)
    looks = rig if rig is None or isinstance(rig, Rig) else load_rig(rig)
    made = generate(spec_of(scenario, looks), _path("out", out), simulator, on_tick)
    return _store.open_run(made.run)


def open_run(path: StrPath, seed: int | None = None) -> Run:
    """Open a committed run.

    Args:
        path: its folder, or a store that holds just one.
        seed: of a store with several, that of the one that is meant.

    Raises:
        UserError: if it is neither, or not one run has that seed; with those that are there.
        StoreError: if the run is not whole, or was written by another version of av_synth.
    """
    return _store.open_named(_path("path", path), seed)


def read_outcome(run: Run) -> Outcome:
    """Whether a run became the event that its scenario asks for, and by how much.

    Raises:
        StoreError: if the run has lost it.
        DataError: if it is not an outcome.
    """
    return Outcome.from_json(run.json("outcome.json"))


def replay_run(
    run: Run | StrPath,
    *,
    out: StrPath,
    rig: StrPath | None = None,
    cameras: Sequence[str] = (),
    weather: str | None = None,
    at: str | None = None,
    simulator: str | Address = EMBEDDED,
    on_tick: Callable[[int, int], None] | None = None,
) -> Run:
    """Play the log of a run back and look again: other sensors, other weather, other eyes, the same motion.

    Args:
        run: a committed run, its folder, or a store that holds just one.
        out: the store of what is seen now; made if it is not there.
        rig: name or path of the rig to look with; None for that of the run.
        cameras: of your own, such as 'attach=ped_1, fov=70' (docs/how-to/replay.md).
        weather: a preset such as 'clear_night', or changes of what it was, such as 'night' or 'rain+dusk'; None for
            what it was.
        at: only this part, in seconds: '3.2s..5s', '3.2s..', '..5s' or a moment, '3.2s'; None for the whole run.
        simulator: as of `make_run`.
        on_tick: told (frames done, frames in all).

    Raises:
        AvSynthError: as of `make_run`, and as of `open_run`.
    """
    played = run if isinstance(run, Run) else open_run(run)
    asked = Request(None if rig is None else os.fspath(rig), cameras, weather, at)
    spec = need_sensors(replay_spec(played, asked), played.folder)
    return _store.open_run(generate(spec, _path("out", out), simulator, on_tick).run)


@contextmanager
def open_simulator(simulator: str = EMBEDDED, *, out: StrPath, adopt: bool = False) -> Iterator[Address]:
    """A simulator for several runs, which spares them the start; one that was started is ended at the end.

    Args:
        simulator: as of `make_run`.
        out: the store that its log goes to.
        adopt: whether a simulator at HOST:PORT may be taken over from others, whose actors are then destroyed.

    Raises:
        UserError: if there is no such simulator.
        SimulatorError: if it cannot be reached or does not start.
    """
    store = _path("out", out)
    with folder_of(store), simulator_at(simulator, _logs(store) / "simulator.log", adopt=adopt) as address:
        yield address


@overload
def export_dataset(
    out: StrPath,
    *,
    format: str = ...,
    dataset: Path | None = ...,
    options: Mapping[str, Value] | None = ...,
    splits: StrPath | None = ...,
) -> Path: ...


@overload
def export_dataset(
    out: StrPath,
    *,
    format: str = ...,
    dataset: StrPath | None = ...,
    options: Mapping[str, Value] | None = ...,
    splits: StrPath | None = ...,
) -> Path | str: ...


def export_dataset(
    out: StrPath,
    *,
    format: str = DATASET,  # noqa: A002  what the option is called
    dataset: StrPath | None = None,
    options: Mapping[str, Value] | None = None,
    splits: StrPath | None = None,
) -> Path | str:
    """Fold all committed runs of a store into one dataset, which appears whole or not at all.

    One in nuScenes format is verified before it takes its name. The bytes do not depend on the order in which the runs
    were made.

    Args:
        out: the store.
        format: what to write, such as `nuscenes` or `kitti` (docs/reference/formats.md).
        dataset: where it goes, a path or an fsspec address such as s3://bucket/folder; `<out>/<format>` if None. A
            dataset of the same format that is there is replaced.
        options: of the format, such as {"profile": "compat"}.
        splits: a file that `av-synth split` wrote.

    Returns:
        The path, resolved; or the address, if it went to one.

    Raises:
        UserError: if there is no run, or what is asked cannot be; nothing was written.
        DataError: if the new dataset does not verify; the old one stays.
        StoreError: if a run cannot be read, or files cannot be written.
    """
    store = _path("out", out)
    if _whereabouts.address_of(store):  # a campaign committed them elsewhere
        _whereabouts.pull(store)
    texts = {name: str(value) for name, value in (options or {}).items()}
    target = dataset if dataset is None or isinstance(dataset, str) else Path(dataset)
    return _export_dataset(store, target, format, texts, None if splits is None else Path(splits))


def verify_dataset(dataset: StrPath, *, version: str | None = None) -> VerifyReport:
    """Check whether a nuScenes dataset, ours or not, is well-formed and true; it is never changed.

    Args:
        dataset: the folder that holds v1.0-*/, samples/, sweeps/ and maps/.
        version: its folder of tables; None when there is only one.

    Returns:
        What was found. Whatever is wrong inside the dataset is in there, and is no exception.

    Raises:
        UserError: if it is no dataset, there is no such version, or several and none is named.
    """
    return _verify(_path("dataset", dataset), version)


def _need_draw(scenario: object) -> None:
    """Refuse a scenario of which nothing is drawn, and what is none."""
    if not isinstance(scenario, ConcreteScenario):
        got = f"the scenario {scenario.name!r}" if isinstance(scenario, Scenario) else repr(scenario)
        raise UserError(f"scenario: got {got}; want a draw of a scenario: av_synth.draw(scenario, seed=0)")


def _path(argument: str, value: object) -> Path:
    """A path that somebody gave.

    Raises:
        UserError: naming the argument, if it is none.
    """
    return Path(_text(argument, value, "a path"))


def _text(argument: str, value: object, want: str) -> str:
    if isinstance(value, str | os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    raise UserError(f"{argument}: got {value!r}; want {want}, as text or pathlib.Path")
