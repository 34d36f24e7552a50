"""A worker: a process with a simulator of its own, or two, that plays one draw after the other.

Why a process: see `run.attempt`. Every draw is played in a new episode; the town, its map and its grids stay.
"""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from av_synth import scenario as scenarios
from av_synth.errors import (
    AvSynthError,
    CastError,
    ConnectionLostError,
    SimulatorError,
    SpawnError,
    StalledError,
)
from av_synth.launch import Address
from av_synth.launch.carla_spec import names_carla
from av_synth.launch.child_process import start_child
from av_synth.launch.choose import EMBEDDED, is_embedded, simulator_at
from av_synth.launch.exits import how_it_ended
from av_synth.launch.stall import Patience, Pulse, at_times
from av_synth.run import RunResult, RunSpec, execute
from av_synth.run.spec import Progress
from av_synth.scenario.concrete import TrafficPlan
from av_synth.scenario.expressions import Value
from av_synth.search.campaign import concrete
from av_synth.search.correct import correct
from av_synth.search.measure import TargetWatch
from av_synth.search.target import parse_target

_MOST_TRIES = 3  # of one draw, whose process hangs or is lost
# without sensors a tick takes some milliseconds, and a draw that is tried again costs a second
_OWN_SIMULATOR = Patience(begin_s=90.0, tick_s=5.0, end_s=30.0)
_TIDY_UP_S = 10.0


@dataclass(frozen=True)
class Setting:
    """What all draws of a search have in common.

    Attributes:
        scenario, town, of, target: see `search.Request`.
        triggers: the parameters that a correction may change.
        render: the simulator that a draw must reach the target on: `embedded`, `embedded:PROFILE`, or HOST:PORT.
        log: where what the simulators and the client say goes.
        cores: what the processes of one worker may run on; empty: anything. A client and its simulator take turns, and
            on one core they hand over to each other in 5/6 of the time.
    """

    scenario: str
    town: str | None
    of: str
    target: str
    triggers: tuple[str, ...]
    render: str
    log: Path
    cores: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """A draw to be tried."""

    number: int
    seed: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Tried:
    """What came of a draw.

    Attributes:
        found: what it came to in the search; empty where it was refused.
        reached: whether that is the target.
        replayed: what it came to on the simulator that renders, in the end; empty where it was not replayed.
        before, after: whether the target was reached there as drawn, and in the end.
        values: in the end.
        ticks: the state hashes of the last replay.
        refused: why it could not be placed.
        ticks_played: in the search and in replays, for figures.
    """

    job: Job
    found: Mapping[str, float] = field(default_factory=dict)
    reached: bool = False
    replayed: Mapping[str, float] = field(default_factory=dict)
    before: bool = False
    after: bool = False
    values: Mapping[str, Value] = field(default_factory=dict)
    ticks: tuple[str, ...] = ()
    refused: str = ""
    ticks_played: int = 0


class Worker:
    """The parent's end of a worker."""

    def __init__(self, setting: Setting) -> None:
        """Start the process."""
        self._setting = setting
        embedded = is_embedded(setting.render)
        self._pulse = Pulse(_OWN_SIMULATOR if embedded else Patience())
        # a simulator that is not ours is given its own time back when a draw ends
        self._abrupt = embedded or names_carla(setting.render)
        self._job: Job | None = None
        self._tries = 0
        self._start()

    @property
    def busy(self) -> bool:
        """Whether it is trying a draw."""
        return self._job is not None

    def give(self, job: Job) -> None:
        """Have it try a draw."""
        self._job = job
        self._tries = 1
        self._send()

    def said(self) -> Tried | None:
        """What came of the draw that it was given, where that is what it says next.

        Where its process or its simulator has ended, a new process tries the draw.

        Raises:
            AvSynthError: as it failed there.
            ConnectionLostError: if the process or the simulator ended, and did so each time.
        """
        try:
            said = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            why = f"a search process {how_it_ended(self._process.wait())}"
            said = ConnectionLostError(f"{why}, {_MOST_TRIES} times with one draw; its log is {self._setting.log}")
        if isinstance(said, ConnectionLostError):
            self._try_again(said)
            return None
        if isinstance(said, BaseException):
            raise said
        if isinstance(said, Tried):
            self._job = None
            return said
        self._pulse.tick(*said)
        return None

    def look(self) -> None:
        """See whether it hangs; then a new process tries the draw again. What comes of it does not depend on that.

        Raises:
            StalledError: if the same draw has hung several times.
        """
        if self._job is not None and (why := self._pulse.why_stalled()) is not None:
            head = f"seed {self._job.seed}: a search process {why}"
            self._try_again(StalledError(f"{head}, {_MOST_TRIES} times; its log is {self._setting.log}"))

    def close(self) -> None:
        """End the process; its simulators end with it."""
        self.pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_TIDY_UP_S)  # it may be in the middle of a draw
        self._process.kill()
        self._process.wait()

    def _try_again(self, failed: SimulatorError) -> None:
        """Have a new process try the draw; raises what failed where that was the last time."""
        if self._tries == _MOST_TRIES:
            raise failed
        self._tries += 1
        self._process.kill()
        self.close()
        self._start()
        self._send()

    def _start(self) -> None:
        with self._setting.log.open("ab") as log:
            self._process, self.pipe = start_child(__name__, log, self._abrupt)
        self._tell(self._setting)

    def _send(self) -> None:
        self._pulse.begin()
        self._tell(self._job)

    def _tell(self, what: object) -> None:
        with suppress(OSError):  # it is dead already, which `said` finds
            self.pipe.send(what)


def child(handle: int) -> None:
    """Try the draws that come over the pipe until it closes. Leaves by `os._exit`, as `run.attempt.child` does."""
    pipe = Connection(handle)
    try:
        setting: Setting = pipe.recv()
        if setting.cores:
            os.sched_setaffinity(0, setting.cores)  # the simulators inherit it
        with ExitStack() as open_:
            stage = _Stage(setting, open_, at_times(lambda done, of: pipe.send((done, of))))
            while True:
                pipe.send(stage.try_out(pipe.recv()))
    except (EOFError, OSError):
        pass
    except AvSynthError as error:
        pipe.send(error)
    except Exception:  # noqa: BLE001  the parent raises it
        pipe.send(RuntimeError(f"in a search process:\n{traceback.format_exc()}"))
    finally:
        os._exit(0)


class _Stage:
    """The simulators of a worker, and what is played on them."""

    def __init__(self, setting: Setting, open_: ExitStack, on_tick: Progress) -> None:
        self._setting = setting
        self._on_tick = on_tick
        self._scenario = scenarios.load(setting.scenario)
        self._target = parse_target(setting.target)
        self._search = open_.enter_context(simulator_at(EMBEDDED, setting.log, render_threads=1))
        self._render = self._search
        if setting.render not in (EMBEDDED, f"{EMBEDDED}:native"):
            self._render = open_.enter_context(simulator_at(setting.render, setting.log, render_threads=1))
        self._ticks_played = 0

    def try_out(self, job: Job) -> Tried:
        """Play a draw in the search, and if it reaches the target, on the simulator that renders."""
        self._ticks_played = 0
        try:
            found, ticks = self._play(job, job.values, self._search, early=True)
            if not self._target.reached(found):
                return Tried(job, found, ticks_played=self._ticks_played)
            return self._replay(job, found, ticks)
        except (CastError, SpawnError) as error:
            return Tried(job, refused=str(error), ticks_played=self._ticks_played)

    def _replay(self, job: Job, found: Mapping[str, float], ticks: tuple[str, ...]) -> Tried:
        """Play a draw on the simulator that renders, and correct it there.

        Where the search is played on that simulator itself, it has been: equal draws have equal states, whatever was
        played before (docs/explanation/architecture.md), and `run` holds every tick to that.
        """
        measured, last = found, ticks
        if self._render is not self._search:
            measured, last = self._play(job, job.values, self._render, early=False)

        def again(values: Mapping[str, Value]) -> Mapping[str, float]:
            nonlocal last
            came_to, last = self._play(job, dict(values), self._render, early=False)
            return came_to

        before = self._target.reached(measured)
        end = correct(self._scenario, self._target, self._setting.triggers, job.values, measured, again)
        return Tried(
            job, found, True, end.measured, before, end.reached, end.values, last, ticks_played=self._ticks_played
        )

    def _play(
        self, job: Job, values: dict[str, Value], address: Address, *, early: bool
    ) -> tuple[dict[str, float], tuple[str, ...]]:
        """What a draw comes to, and the state hash of every tick; `early`: to where the target is lost.

        What is searched on another simulator than the one that renders is without background traffic, which keeps out
        of the event's way: only the replay counts.
        """
        drawn = concrete(self._scenario, job.seed, values, self._setting.town)
        if address is not self._render:
            drawn = replace(drawn, traffic=TrafficPlan(drawn.traffic.seed, (), ()))
        watcher = TargetWatch(self._target, self._setting.of, early=early)
        result = execute(RunSpec(drawn, None), address, on_tick=self._on_tick, watch=watcher)
        if not isinstance(result, RunResult):
            raise SimulatorError("a run without a sink was skipped")
        self._ticks_played += len(result.state_hashes)
        return watcher.measured(), result.state_hashes
