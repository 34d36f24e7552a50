"""The driver: has every run of a plan played, whatever dies.

What is committed in the store, and what is in quarantine, is the truth; a driver begins by looking at it, and may die
at any moment. Its watchdogs stand outside the workers: one that is silent for too long, or takes too long, is killed.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from av_synth import store as stores
from av_synth.errors import UnreachableError
from av_synth.farm import crash, failures
from av_synth.farm.dispatch.disk import Usage, reserve_bytes, why_full
from av_synth.farm.dispatch.outcomes import Flight, Outcomes
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.dispatch.run_states import RunStates
from av_synth.farm.dispatch.store_writer import StoreWriter
from av_synth.farm.model import (
    Advanced,
    Committed,
    Failed,
    Failure,
    FailureClass,
    Job,
    Lost,
    OnEvent,
    PlannedRun,
    Report,
    Runner,
    Slot,
    Started,
)
from av_synth.farm.records import committed_runs
from av_synth.farm.records.damaged_runs import look_at, set_damaged_aside
from av_synth.farm.records.journal import Journal, read_journal
from av_synth.farm.records.lease import driver_lease, forget_stop, stop_asked
from av_synth.farm.workers import orphans
from av_synth.launch.stall import Pulse

DONE, QUARANTINED, PAUSED, CANCELLED = 0, 3, 4, 130  # exit statuses
INTERRUPTED_TWICE = "interrupted twice"
LOOK_EVERY_S = 1.0  # at the disk, for STOP, and at silent workers

Clock = Callable[[], float]
Free = Callable[[Path], Usage]


@dataclass(frozen=True)
class Ended:
    """How a campaign ended.

    Attributes:
        exit_code: 0 all committed, 3 finished with quarantine, 4 paused, 130 cancelled.
        why: in words, where it did not finish.
        committed, quarantined, remaining: how many of the planned runs; each is one of these.
        not_held, never_began: of those committed, how many have expectations that did not hold, and how many events
            that never began, as far as the journal tells.
    """

    exit_code: int
    why: str
    committed: int
    quarantined: int
    remaining: int
    not_held: int = 0
    never_began: int = 0


def drive(
    plan: Sequence[PlannedRun],
    store: Path,
    runner: Runner,
    rules: Rules,
    *,
    clock: Clock = time.monotonic,
    on_event: OnEvent = lambda _: None,
    on_beat: Callable[[], object] = lambda: None,
    usage: Free = shutil.disk_usage,
    deep: bool = False,
) -> Ended:
    """Have all runs of a plan played that are neither committed nor in quarantine.

    What is committed and is not what was committed any more is moved aside first, and is played again.

    The first SIGINT or SIGTERM, or a file STOP in the store, lets end what is being played and starts nothing more; the
    second signal ends everything at once. The same call goes on where another ended.

    Args:
        plan: the runs, in the order in which they are to be played as far as that is free.
        store: where they go; it is held while this lasts.
        runner: the workers; closing it is left to the caller.
        rules: how failures are judged.
        clock: seconds, monotonic.
        on_event: told every event of the journal and every `Advanced`.
        on_beat: called once a second at least, whatever happens.
        usage: asks a disk how much is free.
        deep: read every file of what is committed and compare its hash, instead of a look at what is there.

    Raises:
        UserError: if another driver holds the store.
        OtherEpochError: if runs of another version of av_synth are there.
        StoreError: if the store cannot be read.
    """
    with driver_lease(store), Journal(store) as journal:
        writer = StoreWriter(store, journal, on_event)
        forget_stop(store)
        _sweep(store)
        crash.point("driver.begin.cleared")
        elsewhere = bool(committed_runs.address_of(store))
        # elsewhere nobody changes a committed run
        states = _take_stock(plan, store, writer, () if elsewhere else [run.run_id for run in plan], deep=deep)
        slots, left_behind = runner.slots(), orphans.kill()
        writer.event("opened", pid=os.getpid(), machine=platform.node(), workers=len(slots), orphans=left_behind)
        crash.point("driver.begin.opened")
        outcomes = Outcomes(states, store, writer, rules, elsewhere=elsewhere)
        driver = _Driver(states, outcomes, store, runner, rules, writer, clock, usage, on_event, on_beat)
        with driver.listening():
            ended = driver.run()
        _sweep(store)
        crash.point("driver.end.decided")
        writer.event("closed", exit_code=ended.exit_code)
        crash.point("driver.end.closed")
        return ended


def _take_stock(
    plan: Sequence[PlannedRun], store: Path, writer: StoreWriter, looked_at: Collection[str], *, deep: bool
) -> RunStates:
    """What the store says of the plan, when those of the runs to be looked at that are damaged are out of the way."""
    looked = look_at(store, frozenset(looked_at), deep=deep)
    set_damaged_aside(store, looked, writer.tell)
    events = read_journal(store)
    states = RunStates(plan, store, events)
    states.largest = max([states.largest, *looked.sizes.values()])
    if [event["runs"] for event in events if event["event"] == "planned"][-1:] != [len(states.plan)]:
        writer.event("planned", runs=len(states.plan))
    crash.point("driver.begin.planned")
    return states


def _sweep(store: Path) -> None:
    """Remove what dead workers were writing; where the disk refuses even that, it waits for the next time."""
    with suppress(OSError):
        stores.clear_staging(store)


class _Driver:
    def __init__(
        self,
        states: RunStates,
        outcomes: Outcomes,
        store: Path,
        runner: Runner,
        rules: Rules,
        writer: StoreWriter,
        clock: Clock,
        usage: Free,
        on_event: OnEvent,
        on_beat: Callable[[], object],
    ) -> None:
        self._states, self._outcomes, self._writer = states, outcomes, writer
        self._store, self._runner, self._rules = store, runner, rules
        self._clock, self._usage, self._on_event, self._on_beat = clock, usage, on_event, on_beat
        self._schedule, self._places = outcomes.schedule, outcomes.places
        self._flights: dict[int, Flight] = {}  # by slot
        self._full = ""  # why there is no room on the disk
        self._paused_s: float | None = None  # since when nothing can be played
        self._stopped = ""  # why nothing more is started
        self._exit_code = DONE
        self._signals = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count SIGINT and SIGTERM, where that can be done: Python gives signals to the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def run(self) -> Ended:
        """Until there is nothing left to wait for."""
        while self._goes_on():
            self._on_beat()
            self._give()
            for report in self._runner.poll(self._wait_s()):
                self._hear(report)
            self._watch()
        why = ""
        try:
            self._outcomes.settle()
        except UnreachableError as error:
            why = str(error)
        left = len(self._states.remaining)
        if not left and not why:
            self._exit_code, self._stopped = QUARANTINED if self._states.quarantined else DONE, ""
        elif not self._stopped:
            self._stop(PAUSED, why or f"{left} runs that were committed are gone; the same command makes them again")
        done, given_up = len(self._states.committed), len(self._states.quarantined)
        return Ended(self._exit_code, self._stopped, done, given_up, left)

    def _goes_on(self) -> bool:
        """Look at what is outside; whether there is anything left to wait for."""
        if self._signals > 1:
            self._stop(CANCELLED, INTERRUPTED_TWICE)
            self._cancel_all()
            return False
        if not self._stopped and self._signals:
            self._stop(CANCELLED, "interrupted: what is being played may end, and a second signal ends it at once")
        elif not self._stopped and stop_asked(self._store):
            self._stop(CANCELLED, "asked to stop: what is being played may end")
        elif not self._stopped and self._schedule and (why := self._outcomes.breaker.why()) is not None:
            self._stop(PAUSED, why, "breaker")
        written = self._writer.catch_up()
        if self._flights:
            return True
        if self._stopped or (written and not self._schedule):
            return False
        return self._may_wait()

    def _stop(self, exit_code: int, why: str, event: str = "draining") -> None:
        """Start nothing more."""
        self._stopped, self._exit_code = why, exit_code
        self._writer.event(event, why=why)

    def _may_wait(self) -> bool:
        """Nothing is being played: whether that may go on."""
        why, now_s = self._why_paused(), self._clock()
        if why is None:
            return True
        if self._paused_s is None:
            self._paused_s = now_s
        paused_s = now_s - self._paused_s
        if paused_s <= self._rules.pause_limit_s:
            return True
        self._stop(PAUSED, f"nothing could be played for {paused_s:.0f} s: {why}")
        return False

    def _why_paused(self) -> str | None:
        """Why nothing can be played anywhere, or None."""
        if self._writer.why or self._full:
            return self._writer.why or self._full
        whys = {self._places.why(slot.machine) or self._places.why(slot.number) for slot in self._runner.slots()}
        if not whys:
            return "there is no worker"
        return None if "" in whys else "; ".join(sorted(whys))

    def _wait_s(self) -> float:
        now_s = self._clock()
        return min(LOOK_EVERY_S, self._schedule.next_s(now_s) - now_s)

    def _give(self) -> None:
        """Start as many runs as may be started."""
        if self._stopped or self._writer.why or not self._schedule:
            return
        now_s, slots = self._clock(), self._runner.slots()
        # where runs are elsewhere, each machine keeps them on its own disk until they are sent
        here = [slot for slot in slots if not self._outcomes.elsewhere or slot.machine == platform.node()]
        need = reserve_bytes(self._states.largest or self._rules.run_bytes, len(here))
        before, self._full = self._full, why_full(self._store, need, self._usage) or ""
        if self._full:
            if not before:
                self._writer.event("paused", why=self._full, for_s=LOOK_EVERY_S)
            return
        usable = self._usable(slots, now_s)
        for slot in usable:
            if slot.number not in self._flights and not self._is_on_trial(slot.machine):
                run = self._schedule.take(slot, usable, now_s, self._outcomes.shunned.get(slot.number))
                if run is not None:
                    self._start(run, slot, now_s)

    def _usable(self, slots: Sequence[Slot], now_s: float) -> Sequence[Slot]:
        """The slots that runs may be started in, now or when they are free; those in doubt only if all are."""
        usable = [one for one in slots if all(self._places.usable(where, now_s) for where in (one.machine, one.number))]
        sure = [one for one in usable if not self._places.doubtful(one.number)]
        surer = [one for one in sure if not self._places.doubtful(one.machine)]
        return surer or sure or usable

    def _is_on_trial(self, machine: str) -> bool:
        """Whether a run is finding out whether a machine works again."""
        return bool(self._places.why(machine)) and any(
            flight.slot.machine == machine for flight in self._flights.values()
        )

    def _start(self, run: PlannedRun, slot: Slot, now_s: float) -> None:
        attempt = self._states.attempts(run.run_id) + 1
        crash.point("driver.start.decided")
        self._flights[slot.number] = Flight(run, attempt, slot, now_s, Pulse(self._rules.patience, self._clock))
        self._runner.start(slot.number, Job(run, attempt))
        crash.point("driver.start.given")

    def _hear(self, report: Report) -> None:
        flight = self._flights.get(report.slot)
        if isinstance(report, Lost):
            self._writer.event("lost", slot=report.slot, machine=report.machine, why=report.why)
            if flight is not None and report.run_id in (flight.run.run_id, None):
                self._ended(flight, failures.of_loss(report))
            return
        if flight is None or report.run_id != flight.run.run_id:
            return  # of an attempt that was ended
        if isinstance(report, Started):
            flight.pulse.begin()
            self._writer.event("started", **flight.facts, pids=list(report.pids))
        elif isinstance(report, Advanced):
            flight.pulse.tick(report.done, report.of)
            if report.done:
                self._outcomes.shunned.pop(report.slot, None)
                self._places.advanced(flight.slot.machine, self._clock())
                self._paused_s = None
            self._on_event(report)
        elif isinstance(report, Failed):
            self._ended(flight, report.failure)
        else:
            self._ended(flight, report)

    def _watch(self) -> None:
        """Kill the workers that are silent for too long, or take too long."""
        for flight in list(self._flights.values()):
            error, why = "stalled", flight.pulse.why_stalled()
            took_s = self._clock() - flight.began_s
            if why is None and took_s > self._states.deadline_s(flight.run, self._rules):
                error, why = "deadline", f"was at it for {took_s:.0f} s, far longer than its town and rig usually take"
            if why is not None:
                self._runner.kill(flight.slot.number)
                crash.point("driver.watch.killed")
                why = f"the worker {why}, and was killed"
                self._ended(flight, failures.of_watchdog(error, why, flight.slot.machine))

    def _cancel_all(self) -> None:
        for flight in list(self._flights.values()):
            self._runner.kill(flight.slot.number)
            self._ended(flight, Failure(FailureClass.CANCELLED, "cancelled", self._stopped))
        self._runner.close()

    def _ended(self, flight: Flight, told: Committed | Failure) -> None:
        del self._flights[flight.slot.number]
        there = self._outcomes.ended(flight, told, self._clock())
        if not there:
            _sweep(self._store)
        if there or (isinstance(told, Failure) and told.kind is not FailureClass.ENVIRONMENTAL):
            self._paused_s = None
