"""What follows when an attempt is over: its run is there, is played again, or is given up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from av_synth import store as stores
from av_synth.farm import crash
from av_synth.farm.dispatch import policy
from av_synth.farm.dispatch.policy import Breaker, Places, Rules
from av_synth.farm.dispatch.run_states import RunStates
from av_synth.farm.dispatch.schedule import Schedule
from av_synth.farm.dispatch.store_writer import StoreWriter
from av_synth.farm.model import Affinity, Committed, Failure, FailureClass, Figures, PlannedRun, Slot
from av_synth.launch.stall import Pulse


@dataclass
class Flight:
    """An attempt that is being made: of which run, its number, where, since when, and when it last gave a sign."""

    run: PlannedRun
    attempt: int
    slot: Slot
    began_s: float
    pulse: Pulse

    @property
    def places(self) -> tuple[str, int]:
        """The machine and the slot."""
        return self.slot.machine, self.slot.number

    @property
    def facts(self) -> dict[str, Any]:
        """What every event about it says."""
        return {
            "run": self.run.run_id,
            "attempt": self.attempt,
            "slot": self.slot.number,
            "machine": self.slot.machine,
        }


class Outcomes:
    """Judges what has ended.

    Attributes:
        schedule: the runs that wait.
        places: where they may be played.
        breaker: whether too much fails.
        shunned: by slot, town and rig that could not be loaded there.
        elsewhere: whether runs are committed at an address, not in the store.
    """

    def __init__(self, states: RunStates, store: Path, writer: StoreWriter, rules: Rules, *, elsewhere: bool) -> None:
        """Give up at once what the driver before was about to give up, and let all others wait."""
        self.schedule = Schedule(())
        self.places = Places(rules)
        self.breaker = Breaker(rules)
        self.shunned: dict[int, Affinity] = {}
        self._states, self._store, self._writer, self._rules = states, store, writer, rules
        self.elsewhere = elsewhere
        self.settle()
        for run in states.remaining:
            judged = states.judge(run.run_id, rules)
            if isinstance(judged, policy.Quarantine):
                self._give_up(run, judged.why)
            else:
                self.schedule.put_last(run)

    def settle(self) -> None:
        """See what is there; a run that is there is not given up, whatever was decided about it.

        Raises:
            UnreachableError: if the runs are at an address, and nobody answers there.
        """
        self._states.look(self._store)
        for run_id in sorted(self._states.committed & self._states.quarantined):
            self._states.quarantined.remove(run_id)
            self._writer.release(run_id)

    def ended(self, flight: Flight, told: Committed | Failure, now_s: float) -> bool:
        """An attempt is over.

        Args:
            flight: which.
            told: what is known of it. Whether the run is there says the store, whatever was told; where runs are at an
                address, the worker, whose word is checked when all is over: nobody waits for an answer meanwhile.
            now_s: the time.

        Returns:
            Whether the run is there.
        """
        there = (
            isinstance(told, Committed) if self.elsewhere else stores.run_path(self._store, flight.run.run_id).is_dir()
        )
        crash.point("driver.ended.seen")
        if there:
            nothing = Committed(flight.slot.number, flight.run.run_id, Figures(0.0, 0.0, 0, 0), played=False)
            self._committed(flight, told if isinstance(told, Committed) else nothing, now_s)
        elif isinstance(told, Committed):
            message = f"{self._store}: has no such run, though its worker told that it was committed"
            self._failed(flight, Failure(FailureClass.TRANSIENT, "not committed", message), now_s)
        else:
            self._failed(flight, told, now_s)
        return there

    def _committed(self, flight: Flight, told: Committed, now_s: float) -> None:
        run, figures = flight.run, told.figures
        self._states.committed.add(run.run_id)
        came = {"played": told.played, "held": told.held, "never_began": told.never_began}
        self._writer.event("committed", **flight.facts, **vars(figures), **came)
        crash.point("driver.committed.told")
        self.breaker.count(None)
        self.places.tried(flight.places, run.run_id)
        if told.played:
            self._states.learn(run, figures.wall_s, figures.bytes)
        for where, why, for_s in self.places.committed(flight.places, run.run_id, now_s):
            place = f"slot {where}" if isinstance(where, int) else where
            self._writer.event("paused", why=f"{place}: {why}", for_s=for_s)
            self.breaker.forget(where)

    def _failed(self, flight: Flight, failure: Failure, now_s: float) -> None:
        run, slot = flight.run, flight.slot
        failure = replace(failure, machine=failure.machine or slot.machine, logs=failure.logs or self._logs(slot))
        self._states.failed(run.run_id, failure, slot)
        self._writer.note(run.run_id, flight.attempt, failure)
        crash.point("driver.failed.noted")
        self._writer.event(
            "failed",
            **flight.facts,
            kind=failure.kind.value,
            error=failure.error,
            message=failure.message,
            logs=[str(log) for log in failure.logs],
            charged=failure.kind in policy.CHARGED,
            wall_s=failure.wall_s,
            cpu_s=failure.cpu_s,
        )
        crash.point("driver.failed.told")
        self.breaker.count(failure, flight.places)
        if failure.kind in policy.CHARGED:
            self.places.tried(flight.places, run.run_id)
            for where in flight.places:
                self._left_alone(where, self.places.failed(where, run.run_id, now_s))
        match self._states.judge(run.run_id, self._rules):
            case policy.Quarantine(why):
                self._give_up(run, why)
            case policy.Retry(after_s, elsewhere):
                failed_at = self._states.failed_at(run.run_id) if elsewhere else ()
                self.schedule.put_again(run, now_s + after_s, failed_at)
                self._writer.event("retried", run=run.run_id, after_s=round(after_s, 3))
            case policy.Pause(why):
                self.shunned[slot.number] = run.affinity
                self.schedule.put_last(run)
                self._left_alone(slot.machine, self.places.pause(slot.machine, why, now_s))
        crash.point("driver.failed.judged")

    def _left_alone(self, where: str | int, for_s: float | None) -> None:
        if for_s is not None:
            place = f"slot {where}" if isinstance(where, int) else where
            self._writer.event("paused", why=f"{place}: {self.places.why(where)}", for_s=for_s)

    def _give_up(self, run: PlannedRun, why: str) -> None:
        def done() -> None:
            self._states.quarantined.add(run.run_id)
            self._writer.event("quarantined", run=run.run_id, attempts=self._states.attempts(run.run_id), why=why)

        crash.point("driver.given_up.decided")
        self._writer.give_up(run, done)
        crash.point("driver.given_up.told")

    def _logs(self, slot: Slot) -> tuple[Path, ...]:
        """What a worker and its simulator said; where the worker will say it, if it has not said anything yet."""
        folder = self._store / "logs" / f"worker-{slot.number}"
        return tuple(sorted(folder.glob("*.log"))) or (folder / "worker.log",)
