"""Workers that are none: what they tell, and when, is given; time is a number that waiting moves on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stand_in import planned

from av_synth import store as stores
from av_synth.farm import crash
from av_synth.farm.dispatch.driver import Ended, drive
from av_synth.farm.dispatch.policy import Rules
from av_synth.farm.model import (
    Advanced,
    Committed,
    Failed,
    Failure,
    FailureClass,
    Figures,
    Job,
    Lost,
    PlannedRun,
    Report,
    Slot,
    Started,
)
from av_synth.farm.records.journal import read_journal
from av_synth.farm.records.quarantine import listed

FRAMES = 10
PLAY_S = 10.0
RULES = Rules(run_bytes=1)

CRASH = Failure(FailureClass.TRANSIENT, "ConnectionLostError", "the simulator died")
NAN = Failure(FailureClass.DETERMINISTIC, "DataError", "NaN in frame 12")
FULL = Failure(FailureClass.ENVIRONMENTAL, "StoreError", "no space left")


@dataclass(frozen=True)
class Act:
    """What a worker does with a job.

    Attributes:
        end: "commit", "die", "die after commit", "lie" (tells a commit that is none), "hang" (after `at` frames; before
            the first if negative), "for ever" (ticks without end), or a failure.
        took_s: seconds.
    """

    end: str | Failure = "commit"
    took_s: float = PLAY_S
    at: int = 5


def put_run(store: Path, run_id: str) -> None:
    """A committed run without files, if it is not there."""
    folder = stores.run_path(store, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"schema_epoch": stores.SCHEMA_EPOCH, "run_id": run_id, "files": []}
    (folder / "manifest.json").write_bytes(stores.canonical_json(manifest))


Play = Callable[[Job, Slot], Act]


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class FakeFarm:
    """A `model.Runner`.

    Attributes:
        jobs: everything that was started: (slot, job), in order.
        killed: slots, in order.
        closed: how often.
    """

    def __init__(self, store: Path, play: Play = lambda *_: Act(), machines: Sequence[str] = ("a", "a")) -> None:
        self.clock = Clock()
        self.store, self.play = store, play
        self.jobs: list[tuple[int, Job]] = []
        self.killed: list[int] = []
        self.closed = 0
        self.machines = dict(enumerate(machines))
        self.at_poll: Callable[[], None] = lambda: None
        self._affinity: dict[int, tuple[str, str]] = {}
        self._busy: dict[int, Job] = {}
        self._script: dict[int, list[tuple[float, Report | Callable[[], Report]]]] = {}

    def slots(self) -> Sequence[Slot]:
        return [
            Slot(slot, machine, self._busy[slot].run.run_id if slot in self._busy else None, self._affinity.get(slot))
            for slot, machine in self.machines.items()
        ]

    def start(self, slot: int, job: Job) -> None:
        assert slot not in self._busy, f"slot {slot} has a job"
        self.jobs.append((slot, job))
        act = self.play(job, self.slots()[slot])
        self._busy[slot], self._affinity[slot] = job, job.run.affinity
        self._script[slot] = list(self._told(slot, job, act))

    def poll(self, timeout_s: float) -> Sequence[Report]:
        assert timeout_s >= 0.0
        self.at_poll()
        until_s = self.clock.now_s + timeout_s
        due = sorted((script[0][0], slot) for slot, script in self._script.items() if script)
        if not due or due[0][0] > until_s:
            self.clock.now_s = until_s
            return []
        self.clock.now_s = max(self.clock.now_s, due[0][0])
        told = self._script[due[0][1]].pop(0)[1]
        report = told() if callable(told) else told
        if isinstance(report, Committed | Failed | Lost):
            self._free(report.slot)
        return [report]

    def kill(self, slot: int) -> None:
        self.killed.append(slot)
        self._free(slot)

    def close(self) -> None:
        self.closed += 1

    def _free(self, slot: int) -> None:
        self._busy.pop(slot, None)
        self._script.pop(slot, None)

    def _told(self, slot: int, job: Job, act: Act) -> Iterator[tuple[float, Report | Callable[[], Report]]]:
        now_s, run_id, machine = self.clock.now_s, job.run.run_id, self.machines[slot]
        yield now_s, Started(slot, run_id, job.attempt, (1000 + slot,))
        if act.end == "hang" and act.at < 0:
            return
        yield now_s, Advanced(slot, run_id, 0, FRAMES)
        for done in range(1, FRAMES + 1):
            now_s += act.took_s / FRAMES
            if act.end == "for ever":
                yield from ((now_s + 20.0 * each, Advanced(slot, run_id, 1, FRAMES)) for each in range(10_000))
            if isinstance(act.end, Failure) or act.end == "die" or (act.end == "hang" and done > act.at):
                break
            yield now_s, Advanced(slot, run_id, done, FRAMES)
        now_s += act.took_s / FRAMES
        if isinstance(act.end, Failure):
            yield now_s, Failed(slot, run_id, replace(act.end, machine=machine))
        elif act.end == "die":
            yield now_s, Lost(slot, run_id, "the worker ended with exit status 7", machine)
        elif act.end in ("commit", "lie", "die after commit"):
            yield now_s, lambda: self._commit(slot, run_id, machine, act)

    def _commit(self, slot: int, run_id: str, machine: str, act: Act) -> Report:
        if act.end != "lie":
            put_run(self.store, run_id)
        if act.end == "die after commit":
            return Lost(slot, run_id, "the worker was ended by signal 9 (SIGKILL)", machine)
        return Committed(slot, run_id, Figures(act.took_s, act.took_s, 1000, FRAMES))


def campaign(runs: int, towns: int = 1) -> list[PlannedRun]:
    return [planned(number, town=f"Town{number % towns:02}") for number in range(runs)]


def acts(by_run: Mapping[int, Sequence[Act]], plan: Sequence[PlannedRun]) -> Play:
    """Runs by their number in the plan: what is done at the first start, at the second and so on, the last for ever."""
    starts: Counter[str] = Counter()
    of = {plan[number].run_id: sequence for number, sequence in by_run.items()}

    def play(job: Job, _slot: Slot) -> Act:
        run_id = job.run.run_id
        starts[run_id] += 1
        sequence = of.get(run_id, [Act()])
        return sequence[min(starts[run_id], len(sequence)) - 1]

    return play


def driven(plan: Sequence[PlannedRun], farm: FakeFarm, rules: Rules = RULES, **how: Any) -> Ended:
    """Drive a campaign to an end, and check what must hold after every one."""
    ended = drive(plan, farm.store, farm, rules, clock=farm.clock, **how)
    check(plan, farm.store, rules)
    assert ended.committed == len(stores.runs(farm.store))
    assert ended.quarantined == len(listed(farm.store))
    assert ended.committed + ended.quarantined + ended.remaining == len(plan)
    return ended


def check(plan: Sequence[PlannedRun], store: Path, rules: Rules = RULES) -> None:
    """I1: no run is both committed and given up, and none is unknown. I7: nobody was charged more than is allowed."""
    committed, given_up = {path.name for path in stores.runs(store)}, set(listed(store))
    assert committed & given_up == set()
    assert committed | given_up <= {run.run_id for run in plan}
    charged: Counter[str] = Counter()
    for event in read_journal(store):
        if event["event"] == "failed":
            charged[event["run"]] += event["charged"]
            assert event["kind"] in {kind.value for kind in FailureClass}
        if event["event"] == "released":
            charged[event["run"]] = 0
        if event["event"] in ("started", "failed"):
            assert event["attempt"] <= rules.attempts
    assert all(count <= rules.attempts for count in charged.values())


def events(store: Path, name: str) -> list[dict[str, Any]]:
    return [event for event in read_journal(store) if event["event"] == name]


class Died(BaseException):
    """The driver's process is gone."""


@contextmanager
def dying_at(number: int) -> Iterator[list[str]]:
    """Die at the so-manieth crash point, never if it is negative; gives the names of those that were reached."""
    reached: list[str] = []

    def die(name: str) -> None:
        reached.append(name)
        if len(reached) - 1 == number:
            raise Died(name)

    crash.install(die)
    try:
        yield reached
    except Died:
        pass
    finally:
        crash.install(None)
