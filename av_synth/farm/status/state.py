"""How far a campaign is, read from its store alone: with its farm dead, or while it works.

What is in runs/ and quarantine/ is the truth. The journal gives figures, and how many attempts have been charged; what
it does not know of is no loss.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import UserError
from av_synth.farm.model import Event, PlannedRun
from av_synth.farm.planning import plan
from av_synth.farm.records import committed_runs
from av_synth.farm.records.damaged_runs import Looked, look_at
from av_synth.farm.records.journal import read_content
from av_synth.farm.records.lease import Holder, holder, stop_asked
from av_synth.farm.records.quarantine import listed
from av_synth.farm.status.eta import Reckoning, Span, reckoned
from av_synth.store.intact import what_is_wrong


@dataclass(frozen=True)
class Pace:
    """How fast a campaign is, by the journal.

    Attributes:
        workers: of the last driver.
        run_s: seconds from the start of an attempt to its commit.
        runs_per_h: all workers together, at the median.
        frames_per_s: all workers together, on average.
        cpu_s: spent on all committed runs.
        left_s: seconds until nothing remains; None where there has been no worker.
    """

    workers: int
    run_s: Span
    runs_per_h: float
    frames_per_s: float
    cpu_s: float
    left_s: Span | None


@dataclass(frozen=True)
class StoreState:
    """A campaign at one moment. Each planned run is in one of committed, damaged, other, quarantined and remaining.

    Attributes:
        store: its folder.
        planned: ids of all runs, in order.
        committed: those that are there, whole.
        damaged: those that are there and are not what was committed, with what is wrong.
        other: those that another version of av_synth has written, with which; no driver begins while there are any.
        quarantined: those that were given up.
        given_up: why those were, as far as the journal tells.
        remaining: those still to be made.
        unknown: runs that are there and were not planned; they are left alone.
        bytes: of the committed runs.
        not_held: committed runs whose expectations did not hold, as far as the journal tells.
        never_began: committed runs some of whose events never began, and how many of them, as far as the journal tells.
        attempts: charged since a run was planned or released, where there are any.
        failures: attempts that failed, by class, all of them.
        pace: None until a run has been committed.
        slots: the last event of each worker of the last driver.
        last: the last event of a driver; None if there is none.
        driver: who is at it; None: nobody.
        stopping: whether the driver has been asked to stop.
        unreadable: lines of the journal that are not what was written.
        object_store: address that runs are committed to; empty if that is the store. What is there is listed,
            not looked at: none of it is damaged, and the bytes are those that the journal tells of.
    """

    store: Path
    planned: tuple[str, ...]
    committed: tuple[str, ...]
    damaged: Mapping[str, str]
    other: Mapping[str, str]
    quarantined: tuple[str, ...]
    given_up: Mapping[str, str]
    remaining: tuple[str, ...]
    unknown: tuple[str, ...]
    bytes: int
    not_held: tuple[str, ...]
    never_began: Mapping[str, int]
    attempts: Mapping[str, int]
    failures: Mapping[str, int]
    pace: Pace | None
    slots: Mapping[int, Event]
    last: Event | None
    driver: Holder | None
    stopping: bool
    unreadable: tuple[str, ...]
    object_store: str = ""

    @classmethod
    def read(cls, store: Path, asked: Iterable[PlannedRun] | None = None, *, deep: bool = False) -> StoreState:
        """Look at a store.

        Args:
            store: its folder.
            asked: the planned runs; None: as the store's plan says.
            deep: read every file of every run and compare its hash; else look as `store.intact` does.

        Raises:
            UserError: if the store has no plan, or files of runs are to be read that are at an address.
            StoreError: if the plan, the journal, the lock or a run cannot be read; what is damaged is told instead.
            UnreachableError: if the runs are at an address, and nobody answers there.
        """
        store = Path(store)
        asked = plan.read(store).runs if asked is None else tuple(asked)
        planned = frozenset(run.run_id for run in asked)
        driver = holder(store)
        content = read_content(store)
        told = _Told(content.events)
        object_store = committed_runs.address_of(store)
        if object_store and deep:
            raise UserError(f"--deep: the runs are at {object_store}; want `av-synth pull`, which compares every hash")
        looked = _listed_at(store, planned, told) if object_store else look_at(store, planned, deep=deep)
        there = {*looked.sizes, *looked.damaged, *looked.other}
        quarantined = tuple(sorted((planned & set(listed(store))) - there))
        ended = {*there, *quarantined}
        reckoning, left_s = reckoned(asked, content.events, ended, time.time() if driver else None)
        return cls(
            store=store,
            planned=tuple(sorted(planned)),
            committed=tuple(looked.sizes),
            damaged={run_id: what_is_wrong(error) for run_id, error in looked.damaged.items()},
            other={run_id: str(error) for run_id, error in looked.other.items()},
            quarantined=quarantined,
            given_up={run_id: told.given_up[run_id] for run_id in quarantined if run_id in told.given_up},
            remaining=tuple(sorted(planned - ended)),
            unknown=looked.unknown,
            bytes=sum(looked.sizes.values()),
            not_held=tuple(sorted(told.not_held & looked.sizes.keys())),
            never_began={run_id: n for run_id, n in sorted(told.never_began.items()) if run_id in looked.sizes},
            attempts={run_id: len(numbers) for run_id, numbers in sorted(told.charged.items())},
            failures=dict(sorted(told.failures.items())),
            pace=_pace(told, reckoning, left_s),
            slots=dict(sorted(told.slots.items())),
            last=next((event for event in reversed(content.events) if event.get("event") != "released"), None),
            driver=driver,
            stopping=driver is not None and stop_asked(store),
            unreadable=content.damaged,
            object_store=object_store,
        )


class _Told:
    """The journal's events, folded. Charged attempts and commits count once, though a driver had told them twice."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.charged: dict[str, set[int]] = defaultdict(set)
        self.failures: Counter[str] = Counter()
        self.committed: dict[str, Event] = {}
        self.not_held: set[str] = set()
        self.never_began: dict[str, int] = {}
        self.given_up: dict[str, str] = {}
        self.slots: dict[int, Event] = {}
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        name, run_id = event.get("event"), event.get("run")
        if "slot" in event:
            self.slots[event["slot"]] = event
        if name == "opened":
            self.slots = {}
        elif name == "failed":
            self.failures[str(event.get("kind"))] += 1
            if event.get("charged"):
                self.charged[str(run_id)].add(event.get("attempt", 0))
        elif name == "quarantined" and "why" in event:
            self.given_up[str(run_id)] = str(event["why"])
        elif name == "released":
            self.given_up.pop(str(run_id), None)
            self.charged.pop(str(run_id), None)
        elif name == "committed":
            (self.not_held.discard if event.get("held", True) else self.not_held.add)(str(run_id))
            self.never_began.pop(str(run_id), None)
            if event.get("never_began"):
                self.never_began[str(run_id)] = int(event["never_began"])
            if event.get("played", True):
                self.committed[str(run_id)] = event


def _listed_at(store: Path, planned: Collection[str], told: _Told) -> Looked:
    """What there is of runs that are committed to an address; how large they are the journal tells."""
    there = sorted(committed_runs.ids(store))
    sizes = {run_id: int(told.committed.get(run_id, {}).get("bytes", 0)) for run_id in there if run_id in planned}
    return Looked(sizes, {}, {}, tuple(run_id for run_id in there if run_id not in planned))


def _pace(told: _Told, reckoning: Reckoning, left_s: Span | None) -> Pace | None:
    run_s = reckoning.run_s()
    if run_s is None:
        return None
    events = told.committed.values()
    wall_s = sum(float(event.get("wall_s", 0.0)) for event in events)
    return Pace(
        workers=reckoning.workers,
        run_s=run_s,
        runs_per_h=3600.0 * reckoning.workers / max(run_s.middle, 1e-3),
        frames_per_s=reckoning.workers * sum(int(event.get("frames", 0)) for event in events) / max(wall_s, 1e-3),
        cpu_s=sum(float(event.get("cpu_s", 0.0)) for event in events),
        left_s=left_s,
    )
