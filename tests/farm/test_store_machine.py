"""Whatever a driver does to its store, in any order, and wherever it dies: no run is lost or twice, and no evidence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from av_synth import store as stores
from av_synth.farm.model import Failure, FailureClass, PlannedRun, Recipe
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal, read_content
from av_synth.farm.status.state import StoreState
from tests.farm.committing import commit
from tests.farm.dying import dies_at

RUNS = {name * 20: PlannedRun(name * 20, Recipe("s.yaml", None, 0), "Town01") for name in "ab"}
WHICH = st.integers(0, 1)
DEATH = st.sampled_from([*range(10), *[1000] * 3])  # at which of its crash points an action dies; some never do


MADE = TemporaryDirectory()


@cache
def made(run_id: str) -> Path:
    """A committed run to copy: what the machine is about is not its making."""
    return commit(Path(MADE.name), run_id)


def some_are(place: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule for when there are runs in a place."""
    return precondition(lambda machine: place in machine.place.values())


class StoreMachine(RuleBasedStateMachine):
    """The model: where each run is, what is kept of failed attempts, and what the journal acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Path(mkdtemp())
        self.place = dict.fromkeys(RUNS, "remaining")
        self.kept: set[str] = set()  # messages of failures, each told once
        self.noted: dict[tuple[str, int], str] = {}
        self.told = 0
        self.acknowledged: list[int] = []
        self.torn = 0  # damaged runs that were set aside

    def teardown(self) -> None:
        shutil.rmtree(self.store)

    @initialize()
    def begin(self) -> None:
        (self.store / "log").write_text("log")

    def places(self) -> dict[str, str]:
        state = StoreState.read(self.store, RUNS.values())
        found = {}
        for place in ("committed", "damaged", "quarantined", "remaining"):
            for run_id in getattr(state, place):
                assert run_id not in found
                found[run_id] = place
        return found

    def one(self, place: str, which: int) -> str:
        """One of the runs in a place."""
        there = [run_id for run_id, found in self.place.items() if found == place]
        return there[which % len(there)]

    def do(self, death: int, action: Callable[[], object], run_id: str, after: str) -> bool:
        """Do something to a run that may die on the way; whether it has been done all the same."""
        before = self.place[run_id]
        died = dies_at(death, action)
        self.place[run_id] = self.places()[run_id]
        assert self.place[run_id] in ((before, after) if died else (after,))
        return not died

    @some_are("remaining")
    @rule(which=WHICH, attempt=st.integers(1, 2), death=DEATH)
    def fail(self, which: int, attempt: int, death: int) -> None:
        run_id = self.one("remaining", which)
        self.told += 1
        message = f"failure {self.told}"
        failure = Failure(FailureClass.TRANSIENT, "e", message, "n", (self.store / "log",))

        def note() -> None:
            with Journal(self.store) as journal:
                journal.append({"event": "failed", "run": run_id, "number": self.told})
                quarantine.note(self.store, run_id, attempt, failure)

        done = self.do(death, note, run_id, "remaining")
        before = self.noted.get((run_id, attempt))
        now = quarantine.evidence(self.store, run_id).get(attempt)
        assert (now.message if now else None) in ((message,) if done else (before, message))
        if now:
            self.noted[run_id, attempt] = now.message
            self.kept.add(now.message)
        if done:
            self.acknowledged.append(self.told)

    @some_are("remaining")
    @rule(which=WHICH, death=DEATH)
    def give_up(self, which: int, death: int) -> None:
        run_id = self.one("remaining", which)
        self.do(death, lambda: quarantine.put(self.store, RUNS[run_id]), run_id, "quarantined")

    @some_are("quarantined")
    @rule(which=WHICH, death=DEATH)
    def release(self, which: int, death: int) -> None:
        run_id = self.one("quarantined", which)

        def let_go() -> None:
            with Journal(self.store) as journal:
                quarantine.release(self.store, [run_id], journal.append)

        self.do(death, let_go, run_id, "remaining")
        if self.place[run_id] == "remaining":
            self.noted = {key: message for key, message in self.noted.items() if key[0] != run_id}

    @some_are("remaining")
    @rule(which=WHICH)
    def make_and_damage(self, which: int) -> None:
        run_id = self.one("remaining", which)
        path = self.store / "runs" / run_id / "rig.json"
        shutil.copytree(made(run_id), path.parent, copy_function=os.link)
        assert self.places()[run_id] == "committed"
        path.unlink()
        path.write_text("torn")
        self.place[run_id] = "damaged"

    @some_are("damaged")
    @rule(which=WHICH, death=DEATH)
    def set_aside(self, which: int, death: int) -> None:
        run_id = self.one("damaged", which)

        def put_aside() -> None:
            with Journal(self.store) as journal:
                quarantine.set_aside(self.store, run_id, "torn", journal.append)

        self.torn += self.do(death, put_aside, run_id, "remaining") or self.place[run_id] == "remaining"

    @rule()
    def clear(self) -> None:
        stores.clear_staging(self.store)
        assert not any((self.store / "staging").glob("*"))

    @invariant()
    def every_run_is_where_it_was_left(self) -> None:
        assert self.places() == self.place
        given_up = [run_id for run_id, place in self.place.items() if place == "quarantined"]
        assert [path.parent.name for path in sorted(self.store.glob("quarantine/*/recipe.json"))] == given_up
        assert len(list(self.store.glob("quarantine/.released/*/run/rig.json"))) == self.torn

    @invariant()
    def no_evidence_is_lost(self) -> None:
        found = [json.loads(path.read_bytes())["message"] for path in self.store.glob("quarantine/**/failure.json")]
        assert sorted(found) == sorted(self.kept)
        for run_id in RUNS:  # none is left behind when the rest is moved
            noted = [message for key, message in self.noted.items() if key[0] == run_id]
            assert len(quarantine.evidence(self.store, run_id)) == len(noted)

    @invariant()
    def what_was_acknowledged_is_in_the_journal(self) -> None:
        content = read_content(self.store)
        numbers = [event["number"] for event in content.events if event["event"] == "failed"]
        assert content.damaged == content.torn == ()
        assert [number for number in numbers if number in self.acknowledged] == self.acknowledged


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
