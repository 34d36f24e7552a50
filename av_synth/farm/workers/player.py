"""Plays planned runs on a simulator that it starts, or that is there: what a worker does on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from av_synth import store
from av_synth.director import Outcome
from av_synth.farm.model import Job, Played, WorkerSetting
from av_synth.farm.planning import plan as plans
from av_synth.farm.planning.recipes import Desk
from av_synth.launch import Address
from av_synth.launch.carla_spec import spec_from
from av_synth.launch.choose import simulator_at
from av_synth.run.attempt import attempt
from av_synth.run.identity import Planned
from av_synth.run.spec import RunResult


class Player:
    """Plays jobs, one after the other, on one simulator."""

    def __init__(self, setting: WorkerSetting, address: Address) -> None:
        """Read the plan.

        Raises:
            UserError: if the store has none.
        """
        self._setting, self._address = setting, address
        self._facts = plans.read(setting.store).facts
        self._desk = Desk(setting.store / plans.FOLDER)

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Draw a run of the plan's files, and commit it, or find it committed.

        Args:
            job: what to play.
            on_tick: told (frames done, frames in all); 0 are done while it warms up.

        Raises:
            DataError: if it is another run here than when it was planned; says what differs.
            AvSynthError: as `run.attempt`. Nothing was committed.
        """
        run = job.run
        planned = Planned(run.run_id, self._facts[run.town])
        spec = self._desk.run(run.recipe)
        out = self._setting.store
        result = attempt(spec, self._address, out, on_tick, planned=planned, folder=self._setting.folder)
        there = store.open_run(store.run_path(out, run.run_id), files=False)
        played = isinstance(result, RunResult)
        outcome = result.outcome if isinstance(result, RunResult) else Outcome.from_json(there.json("outcome.json"))
        size = sum(entry.bytes for entry in there.files.values())
        return Played(played, outcome.held, run.frames, size, len(outcome.never_began))


@contextmanager
def open_player(setting: WorkerSetting) -> Iterator[Player]:
    """Start the simulator of `setting.options["simulator"]`, or go to it, and play there; a `model.OpenPlayer`.

    Raises:
        UserError: if it cannot be as it is asked for.
        SimulatorError: if it does not start, or nobody listens.
    """
    setting.folder.mkdir(parents=True, exist_ok=True)
    threads = setting.options.get("render_threads") or len(setting.cores) or None
    with at_simulator(setting.options["simulator"], setting.folder / "simulator.log", threads) as address:
        yield Player(setting, address)


def at_simulator(
    simulator: str | Mapping[str, Any], log: Path, render_threads: int | None = None
) -> AbstractContextManager[Address]:
    """As `launch.choose.simulator_at`, of a campaign's plain value."""
    chosen = simulator if isinstance(simulator, str) else spec_from(simulator)
    return simulator_at(chosen, log, render_threads)
