"""What a driver knows of each planned run: whether it is done, how it failed and where, and what is usual for it."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from av_synth.farm.dispatch import policy
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import Affinity, Event, Failure, FailureClass, PlannedRun, Slot
from av_synth.farm.records import committed_runs, quarantine


class RunStates:
    """Begins with what the store says: runs/ and quarantine/ are the truth, the journal gives attempts and figures.

    Attributes:
        plan: by run id.
        committed: ids of planned runs that are there.
        quarantined: ids of planned runs that were given up.
        largest: bytes of the largest committed run that is known of; 0 if none is.
    """

    def __init__(self, plan: Sequence[PlannedRun], store: Path, events: Sequence[Event]) -> None:
        self.plan = {run.run_id: run for run in plan}
        self.committed: set[str] = set()
        self.look(store)
        self.quarantined = set(quarantine.listed(store)) & self.plan.keys()
        self.largest = 0
        self._failures: dict[str, list[Failure]] = {}
        self._recalled: set[tuple[str, int]] = set()  # charged attempts: what a disk refused may be told twice
        self._failed_at: dict[str, set[tuple[str, int]]] = {}
        self._took_s: dict[Affinity, list[float]] = {}  # sorted
        for event in events:
            if event.get("run") in self.plan:
                self._recall(event)

    def look(self, store: Path) -> None:
        """Committed is what is there, whoever has put it there: a worker that was given up for lost may still live.

        Raises:
            UnreachableError: if the runs are at an address, and nobody answers there.
        """
        self.committed = set(committed_runs.ids(store) & self.plan.keys())

    def _recall(self, event: Event) -> None:
        run_id = event["run"]
        if event["event"] == "released":
            self._recalled -= {(run_id, attempt) for attempt in range(self.attempts(run_id) + 1)}
            self._failures.pop(run_id, None)
        elif event["event"] == "failed" and (run_id, event["attempt"]) not in self._recalled:
            if event["charged"]:
                self._recalled.add((run_id, event["attempt"]))
            logs = tuple(Path(log) for log in event["logs"])
            failure = Failure(FailureClass(event["kind"]), event["error"], event["message"], event["machine"], logs)
            self._failures.setdefault(run_id, []).append(failure)
        elif event["event"] == "committed" and event["played"]:
            self.learn(self.plan[run_id], event["wall_s"], event["bytes"])

    @property
    def remaining(self) -> list[PlannedRun]:
        """Neither committed nor given up, in the plan's order."""
        ended = self.committed | self.quarantined
        return [run for run_id, run in self.plan.items() if run_id not in ended]

    def learn(self, run: PlannedRun, wall_s: float, size: int) -> None:
        """A run took so many seconds and bytes."""
        insort(self._took_s.setdefault(run.affinity, []), wall_s)
        self.largest = max(self.largest, size)

    def failed(self, run_id: str, failure: Failure, slot: Slot) -> None:
        """An attempt at a run failed in a slot."""
        self._failures.setdefault(run_id, []).append(failure)
        self._failed_at.setdefault(run_id, set()).add((slot.machine, slot.number))

    def attempts(self, run_id: str) -> int:
        """That have been charged."""
        return policy.charged(self._failures.get(run_id, ()))

    def failed_at(self, run_id: str) -> set[tuple[str, int]]:
        """The machines and slots where it failed since this driver began."""
        return self._failed_at.get(run_id, set())

    def judge(self, run_id: str, rules: Rules) -> policy.Retry | policy.Quarantine | policy.Pause | None:
        """What to do about a run's last failure; None if it has not failed."""
        failures = self._failures.get(run_id)
        return policy.after(run_id, failures, rules) if failures else None

    def deadline_s(self, run: PlannedRun, rules: Rules) -> float:
        """How long an attempt at a run may take."""
        took_s = self._took_s.get(run.affinity)
        if not took_s:
            return rules.deadline_unknown_s
        return max(rules.deadline_times * median(took_s), rules.deadline_least_s)
