"""A player that uses a simulator that is not ours, and hangs while its world stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from av_synth.farm.model import Job, Played, WorkerSetting
from av_synth.launch import Address

PLAYER = "attached:open_player"


class Attached:
    """Has a synchronous session at `port`, and does not end by itself."""

    def __init__(self, setting: WorkerSetting) -> None:
        self._port, self._cache = int(setting.options["port"]), Path(setting.options["cache"])

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Tell of a frame, and hang."""
        from av_synth.session import open_session

        with open_session(Address("127.0.0.1", self._port), job.run.town, 50_000, 0, self._cache) as session:
            session.tick()
            on_tick(0, 1)
            threading.Event().wait()
        raise AssertionError("it hangs")


@contextmanager
def open_player(setting: WorkerSetting) -> Iterator[Attached]:
    """Nothing is started."""
    yield Attached(setting)
