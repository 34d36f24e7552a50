"""A worker: a process that opens a player at its first job, plays one job after the other, and tells what came of them.

Why a process: see `run.attempt`. Until the player is opened it imports nothing heavy, so that a worker starts at once.
"""

from __future__ import annotations

import importlib
import os
import platform
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from multiprocessing.connection import Connection

import psutil

from av_synth.farm import failures
from av_synth.farm.model import (
    Advanced,
    Committed,
    Failed,
    Figures,
    Job,
    OpenPlayer,
    Player,
    Report,
    Started,
    WorkerSetting,
)
from av_synth.launch.stall import at_times


def child(handle: int) -> None:
    """Play the jobs that come over the pipe until it closes. Leaves by `os._exit`, as `run.attempt.child` does."""
    code = 1
    try:
        pipe = Connection(handle)
        setting: WorkerSetting = pipe.recv()
        if setting.cores:
            os.sched_setaffinity(0, setting.cores)  # what it starts inherits it
        jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        with _Stage(setting, pipe.send) as stage:
            threading.Thread(target=_listen, args=(pipe, jobs, stage), daemon=True).start()
            while (job := jobs.get()) is not None:
                stage.take(job)
        code = 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # nobody listens any more
    except Exception:  # noqa: BLE001  the log says which, and a keeper points to it
        _log_error()
    finally:
        os._exit(code)


def _log_error() -> None:
    """Say in the log what was just caught. That its disk is full is no other failure."""
    with suppress(OSError):
        traceback.print_exc()
        sys.stderr.flush()


def _listen(pipe: Connection, jobs: queue.SimpleQueue[Job | None], stage: _Stage) -> None:
    """Hand on what comes over the pipe; at its end the worker ends, at once if it is at work."""
    try:
        while True:
            job: Job = pipe.recv()
            stage.busy = True
            jobs.put(job)
    except (EOFError, OSError):
        if stage.busy:
            os._exit(1)
        jobs.put(None)


class _Stage:
    """The player of a worker, and what is told of its jobs.

    Attributes:
        busy: whether a job has come and has not been played.
    """

    def __init__(self, setting: WorkerSetting, tell: Callable[[Report], None]) -> None:
        self.busy = False
        self._setting = setting
        self._tell = tell
        self._open = ExitStack()
        self._player: Player | None = None
        self._played = 0  # with this player

    def __enter__(self) -> _Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def take(self, job: Job) -> None:
        """Play a job and tell what came of it."""
        began_s, began_cpu_s = time.monotonic(), cpu_s()
        slot, run_id = self._setting.slot, job.run.run_id
        try:
            player = self._opened()
            self._tell(Started(slot, run_id, job.attempt, tuple(one.pid for one in _tree())))
            played = player.play(job, at_times(lambda done, of: self._tell(Advanced(slot, run_id, done, of))))
        except Exception as error:  # noqa: BLE001  its class decides what is done about it
            self.busy = False
            _log_error()
            failure = replace(
                failures.of_exception(error, platform.node(), tuple(sorted(self._setting.folder.glob("*.log")))),
                wall_s=time.monotonic() - began_s,
                cpu_s=max(cpu_s() - began_cpu_s, 0.0),
            )
            try:
                if failures.closes_player(failure.error):
                    self._close()
            finally:
                self._tell(Failed(slot, run_id, failure))
        else:
            took = Figures(
                time.monotonic() - began_s, max(cpu_s() - began_cpu_s, 0.0), bytes=played.bytes, frames=played.frames
            )
            self.busy = False
            self._tell(Committed(slot, run_id, took, played.played, played.held, played.never_began))
            self._played += 1
            if self._is_worn():
                self._close()

    def _opened(self) -> Player:
        if self._player is None:
            module, _, function = self._setting.player.partition(":")
            open_player: OpenPlayer = getattr(importlib.import_module(module), function)
            if self._setting.object_store:
                from av_synth.farm.workers import outbox  # brings what a store here does without

                self._player = self._open.enter_context(outbox.opened(self._setting, open_player))
            else:
                self._player = self._open.enter_context(open_player(self._setting))
        return self._player

    def _close(self) -> None:
        open_, self._open, self._player, self._played = self._open, ExitStack(), None, 0
        open_.close()

    def _is_worn(self) -> bool:
        """Whether the player has played so much, or holds so much memory, that a fresh one is better."""
        runs, most = (self._setting.options.get(name) for name in ("recycle_runs", "recycle_bytes"))
        return (runs is not None and self._played >= runs) or (most is not None and _resident_bytes() > most)


def _tree() -> list[psutil.Process]:
    """This process and everything below it."""
    root = psutil.Process()
    return [root, *root.children(recursive=True)]


def cpu_s() -> float:
    """CPU seconds of this process, of what it has started, and of what has ended and was waited for."""
    total = 0.0
    for process in _tree():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _resident_bytes() -> int:
    total = 0
    for process in _tree():
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total
