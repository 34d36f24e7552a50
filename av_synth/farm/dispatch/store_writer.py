"""What a driver writes into its store, in order. What the disk refuses is written later: nothing is lost by waiting."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from av_synth.errors import StoreError
from av_synth.farm import crash
from av_synth.farm.model import Event, Failure, OnEvent, PlannedRun
from av_synth.farm.records import quarantine
from av_synth.farm.records.journal import Journal


class StoreWriter:
    """The journal and the quarantine of a store, for its one driver.

    Attributes:
        why: what the disk said when it refused; empty if everything is written.
    """

    def __init__(self, store: Path, journal: Journal, on_event: OnEvent) -> None:
        self.why = ""
        self._store = store
        self._journal = journal
        self._on_event = on_event
        self._waiting: deque[Callable[[], object]] = deque()

    def event(self, name: str, **facts: Any) -> None:
        """Something happened; its time is for people only."""
        event = {"event": name, "t": round(time.time(), 3), **facts}
        self._do(lambda: self._journal.append(event))
        self._on_event(event)

    def tell(self, event: Event) -> None:
        """Something is about to happen that must not before the disk has this: StoreError if it refuses."""
        self._on_event(self._journal.append(event))

    def note(self, run_id: str, attempt: int, failure: Failure) -> None:
        """Keep the evidence of a failed attempt."""
        self._do(lambda: quarantine.note(self._store, run_id, attempt, failure))

    def give_up(self, run: PlannedRun, done: Callable[[], None]) -> None:
        """Put a run into quarantine; `done` is called when it is there."""

        def put() -> None:
            quarantine.put(self._store, run)
            crash.point("driver.given_up.put")
            done()

        self._do(put)

    def release(self, run_id: str) -> None:
        """Take a run out of quarantine, since it was committed after all."""
        self._do(lambda: quarantine.release(self._store, [run_id], self.tell))

    def catch_up(self) -> bool:
        """Write what waits; False if the disk refuses."""
        while self._waiting:
            try:
                self._waiting[0]()
            except StoreError as error:
                self.why = str(error)
                return False
            self._waiting.popleft()
        self.why = ""
        return True

    def _do(self, step: Callable[[], object]) -> None:
        self._waiting.append(step)
        if len(self._waiting) == 1:
            self.catch_up()
