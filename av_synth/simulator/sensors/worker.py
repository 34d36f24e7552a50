"""A thread that does jobs in order: one owns the GL context, one traces rays."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Worker:
    """Runs jobs one after the other. A job that raises is logged and remembered until `take_failure`."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._pending = 0
        self._failure: str | None = None
        self._name = name
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return self._pending > 0

    def submit(self, job: Callable[[], None]) -> None:
        """Queue a job and return."""
        with self._changed:
            self._pending += 1
        self._jobs.put(job)

    def call(self, job: Callable[[], Result]) -> Result:
        """Run a job in the thread; return, or raise, what it does."""
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(job())
            except Exception as error:  # noqa: BLE001  it is raised again in the caller
                future.set_exception(error)

        self.submit(run)
        return future.result()

    def wait(self) -> None:
        """Return when all jobs are done. Jobs are bounded: rendering ends, and sending has its patience."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending == 0)

    def take_failure(self) -> str | None:
        """What the last failed job said, once."""
        failure, self._failure = self._failure, None
        return failure

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception as error:  # one broken sensor must not end the thread for all others
                log.exception("%s: a job failed", self._name)
                self._failure = f"{type(error).__name__}: {error}"
            finally:
                with self._changed:
                    self._pending -= 1
                    self._changed.notify_all()
