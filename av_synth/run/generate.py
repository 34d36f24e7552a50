"""From a scenario's name to a verified dataset: load, draw, launch, execute, commit, export."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth import store
from av_synth.documents import nearest
from av_synth.errors import ConnectionLostError, DataError, DocumentError, Problem, StalledError, UserError
from av_synth.export import formats, nuscenes, remote
from av_synth.export.splits import read_splits
from av_synth.launch import Address, launch_embedded, parse_address
from av_synth.launch.carla import launch_carla
from av_synth.launch.carla_spec import CarlaSpec, names_carla, parse_carla
from av_synth.run.attempt import attempt, logs
from av_synth.run.sensors import missing_sensors
from av_synth.run.spec import Progress, RunResult, RunSpec
from av_synth.scenario import ConcreteScenario
from av_synth.store.runs import RUNS
from av_synth.verify import verify, write_text_report

EMBEDDED = "embedded"
_WITH_PROFILE = f"{EMBEDDED}:"  # and the profile's name
_KINDS = f"`{EMBEDDED}`, carla:FOLDER, carla:docker:IMAGE or HOST:PORT"
DATASET = "nuscenes"
_FIRST_TOWN = "AvSynth01"  # which town a run needs, the session says, or that there is no such town
_REACH_TIMEOUT_S = 5.0


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


def generate(
    spec: RunSpec,
    out: Path,
    simulator: str | CarlaSpec | Address = EMBEDDED,
    on_tick: Progress | None = None,
    *,
    adopt: bool = False,
) -> Generated:
    """Make one run under `<out>/runs/`, or find it there. Where the process that plays it hangs, it is played again.

    Args:
        spec: what to play and what looks.
        out: the store; made if it is not there.
        simulator: see `simulator_at`.
        on_tick: told (frames done, frames in all).
        adopt: take a running simulator over even if somebody uses it; see `session.open_session`.

    Raises:
        UserError: what was asked cannot be; nothing was written.
        AvSynthError: nothing was committed.
    """
    with folder_of(out), simulator_at(simulator, logs(out) / "simulator.log", adopt=adopt) as address:
        return generate_at(spec, out, address, on_tick)


def generate_at(
    spec: RunSpec, out: Path, address: Address, on_tick: Progress | None = None, folder: Path | None = None
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
    try:
        result = attempt(spec, address, out, on_tick, folder=folder)
    except StalledError:  # rare, and by chance: `launch.stall`
        result = attempt(spec, address, out, on_tick, folder=folder)
    run = store.run_path(out, result.run_id)
    if isinstance(result, RunResult):
        return Generated(run, True, result)
    store.open_run(run)
    return Generated(run, False, None)


def is_embedded(simulator: object) -> bool:
    """Whether a simulator is `embedded` or `embedded:PROFILE`; `embedded:2000` is a port of a machine called so."""
    kind, _, profile = simulator.partition(":") if isinstance(simulator, str) else ("", "", "")
    return kind == EMBEDDED and not profile.isdigit()


def is_at_address(simulator: object) -> bool:
    """Whether a simulator is one that listens at HOST:PORT, and is none that we start."""
    return isinstance(simulator, str) and not is_embedded(simulator) and not names_carla(simulator)


@contextmanager
def simulator_at(
    simulator: str | CarlaSpec | Address, log: Path, render_threads: int | None = None, *, adopt: bool = False
) -> Iterator[Address]:
    """The simulator that the user named: a fresh embedded one, a CARLA that is started, or the one at HOST:PORT.

    Args:
        simulator: `embedded`, `embedded:PROFILE`, `carla:FOLDER`, `carla:docker:IMAGE` (see `launch.carla_spec`), or
            HOST:PORT; or one that is open already, which stays open and is as it is whatever follows.
        log: where a fresh one's standard error goes.
        render_threads: of an embedded one; all cores if None.
        adopt: whether one at HOST:PORT may be taken over from others.

    Raises:
        DocumentError: if it is none of these, there is no such profile or program, or a fresh one is to be adopted.
        ConnectionLostError: if nobody listens at HOST:PORT.
        LaunchError: if it does not start.
    """
    if isinstance(simulator, Address):
        yield simulator
        return
    if isinstance(simulator, CarlaSpec) or names_carla(simulator):
        spec = simulator if isinstance(simulator, CarlaSpec) else parse_carla(simulator)
        with launch_carla(spec, log) as address:
            yield address
        return
    if not is_embedded(simulator):
        like = nearest(simulator.partition(":")[0], [EMBEDDED])
        hint = f"; {like}" if like.startswith("did") else ""
        address = parse_address(simulator, f"{_KINDS}{hint}")
        _reach(address)
        yield replace(address, adopt=adopt)
        return
    if adopt:
        raise DocumentError(
            [Problem("", "--adopt", f"got --simulator {simulator}, which nobody else uses; leave it out")]
        )
    profile = "native" if simulator == EMBEDDED else simulator.removeprefix(_WITH_PROFILE)
    with launch_embedded(_FIRST_TOWN, log, render_threads, profile) as address:
        yield address


def _reach(address: Address) -> None:
    """Find out at once that nobody listens; the carla client would try for its whole time-out."""
    try:
        socket.create_connection((address.host, address.port), _REACH_TIMEOUT_S).close()
    except (OSError, UnicodeError) as error:  # the second of a name that no host can have
        reason = getattr(error, "strerror", None) or error
        raise ConnectionLostError(
            f"simulator at {address}: cannot be reached: {reason}; start one there with "
            f"`av-synth simulator --port {address.port}`, or leave --simulator out"
        ) from error


@contextmanager
def folder_of(out: Path) -> Iterator[None]:
    """Make the folder of a store, or of several; take it away again if it turns out that what was asked cannot be."""
    made = [folder for folder in (logs(out), out, *out.parents) if not folder.exists()]
    want = "want a folder that can be made and written to"
    try:
        logs(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DocumentError([Problem("", "--out", f"got {str(out)!r}: {error.strerror}; {want}")]) from error
    for folder in (out, logs(out), out / RUNS, out / "staging"):  # else it is told when all has been played
        if os.path.lexists(folder) and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            reason = f"got {str(out)!r}: {folder} is no folder, or cannot be written to; {want}"
            raise DocumentError([Problem("", "--out", reason)])
    try:
        yield
    except BaseException as error:
        if made and isinstance(error, UserError):
            shutil.rmtree(logs(out), ignore_errors=True)
        with suppress(OSError):  # what is not empty stays
            for folder in (logs(out), out / "staging", *made[1:]):
                if folder.is_dir():
                    folder.rmdir()
        raise


def refuse_dataset(out: Path) -> None:
    """Raise UserError if the dataset of a store may not be replaced; better asked before anything is played."""
    formats.refuse_place(DATASET, Path(out).resolve() / DATASET)


def export_dataset(
    out: Path,
    dataset: Path | str | None = None,
    form: str = DATASET,
    options: Mapping[str, str] | None = None,
    splits: Path | None = None,
) -> Path | str:
    """Fold every committed run under `<out>/runs/` into one dataset; one in nuScenes format is verified.

    Args:
        out: the store.
        dataset: where it goes, a path or an fsspec address; `<out>/<form>` if None. What was there is replaced when the
            new one has been checked: at a path in one step, at an address file by file, with a marker last.
        form: the name of a format.
        options: options of the format, as text.
        splits: a file that `av-synth split` wrote.

    Returns:
        The path, resolved, or the address.

    Raises:
        UserError: if there is no run, or what is asked cannot be; nothing was written.
        DataError: if the new dataset does not verify; the old one stays.
        StoreError: if a run cannot be read.
    """
    formats.load(form)  # a wrong name is told first
    runs = store.need_runs(out)
    check = check_dataset if form == DATASET else None
    told = None if splits is None else read_splits(splits)
    if not isinstance(dataset, str) or not remote.is_address(dataset):
        return formats.export(form, runs, Path(dataset or out / form), options, told, check)
    place = remote.open_address(dataset)
    remote.refuse_foreign(place, form)
    # on the disk of the runs, so that what is only copied takes no space
    store.clear_scratch(out / "staging", "upload")
    with store.scratch(out / "staging", "upload") as folder:
        remote.upload(formats.export(form, runs, folder / form, options, told, check), place, form)
    return dataset


def check_dataset(dataset: Path) -> None:
    """Verify a nuScenes dataset, or each of the parts that an export made of it.

    Raises:
        DataError: listing what is wrong where.
    """
    for part in nuscenes.parts(dataset):
        report = verify(part)
        if report.problems:
            raise DataError(f"the dataset does not verify:\n{write_text_report(report)}")
