"""A player that needs no simulator: it opens at once, writes small runs, and misbehaves as it is told to.

Options of a `WorkerSetting` (all may be left out):
    frames: ticks of a run; 5.
    bytes: size of its one blob; 2000.
    runs: by run id, or "*" for all others, how it misbehaves: a mapping of
        do: "exit", "kill" and "stop" (SIGKILL and SIGSTOP of itself), "hang", "raise", "leak", "slow"
        at: the tick at which; 1. 0 is before the first.
        attempts: up to which attempt; for ever if left out
        while: only while this file is there
        error: the name of an error of av_synth.errors, of a builtin, or of `errno` (such as "ENOSPC": a StoreError of
            that OSError); message: what it says
        bytes: how much is leaked
        seconds: of a slow tick
        slots: only on these
    open: misbehaviour of the same form while the player is opened
    child: a command that is started beside the player, with a pipe as its standard input ("cat" ends with it)
    told: a file to which "opened SLOT", "played SLOT RUN ATTEMPT" and "closed SLOT" are appended
"""

from __future__ import annotations

import builtins
import errno
import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from av_synth import errors
from av_synth.farm.model import Job, PlannedRun, Played, Recipe, WorkerSetting

PLAYER = "stand_in:open_player"  # the folder of this file is on the workers' path, see conftest.py
FRAMES = 5
BYTES = 2000


def planned(number: int, town: str = "Town01", rig: str | None = "tiny.yaml") -> PlannedRun:
    """A run like no other."""
    run_id = hashlib.sha256(f"run {number}".encode()).hexdigest()[:20]
    return PlannedRun(run_id, Recipe("stand_in.yaml", rig, number), town)


def setting(store: Path, slot: int = 0, **options: Any) -> WorkerSetting:
    """A worker of this player."""
    return WorkerSetting(store, slot, PLAYER, options, store / "logs" / f"worker-{slot}")


@contextmanager
def open_player(setting: WorkerSetting) -> Iterator[StandIn]:
    """Open it; what it has started ends when it is left."""
    player = StandIn(setting)
    player.note("opened")
    player.misbehave(setting.options.get("open"), 1, 1)
    command = setting.options.get("child")
    beside = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) if command else None
    try:
        yield player
    finally:
        if beside is not None:
            beside.kill()
            beside.wait()
        player.note("closed")


class StandIn:
    """Plays by writing a blob that is a function of the run id."""

    def __init__(self, setting: WorkerSetting) -> None:
        self._setting = setting
        self._leaked: list[bytes] = []

    def play(self, job: Job, on_tick: Callable[[int, int], None]) -> Played:
        """Tick, write, commit."""
        from av_synth import store  # it brings pyarrow; a worker that is killed before needs none

        options, run_id = self._setting.options, job.run.run_id
        self.note(f"played {run_id} {job.attempt}")
        behaviour = options.get("runs", {}).get(run_id) or options.get("runs", {}).get("*")
        final = store.run_path(self._setting.store, run_id)
        if final.exists():
            return Played(False, True, 0, 0)
        frames = int(options.get("frames", FRAMES))
        with store.stage(self._setting.store, run_id) as staging:
            for done in range(frames + 1):
                self.misbehave(behaviour, done, job.attempt)
                on_tick(done, frames)
            write(staging, run_id, int(options.get("bytes", BYTES)))
        return Played(True, True, frames, sum(file.bytes for file in store.open_run(final).files.values()))

    def misbehave(self, behaviour: Mapping[str, Any] | None, done: int, attempt: int) -> None:
        """Do what is to be done at this tick."""
        if behaviour is None or done < int(behaviour.get("at", 1)) or attempt > behaviour.get("attempts", attempt):
            return
        if self._setting.slot not in behaviour.get("slots", [self._setting.slot]):
            return
        if "while" in behaviour and not Path(behaviour["while"]).exists():
            return
        match behaviour["do"]:
            case "exit":
                os._exit(7)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "hang":
                threading.Event().wait()
            case "raise":
                raise made(behaviour["error"], behaviour.get("message", "as it was told to"))
            case "leak":
                self._leaked.append(b"leak" * (int(behaviour["bytes"]) // 4))
            case "slow":
                time.sleep(float(behaviour["seconds"]))

    def note(self, text: str) -> None:
        """Write a line of what is told; one write, so that lines of several workers do not mix."""
        if "told" in self._setting.options:
            verb, _, rest = text.partition(" ")
            line = f"{verb} {self._setting.slot} {rest}".rstrip() + "\n"
            handle = os.open(self._setting.options["told"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, line.encode())
            os.close(handle)


def write(staging: Any, run_id: str, size: int = BYTES) -> Path:
    """Fill the staging of a run and commit it: the same bytes for the same id."""
    from av_synth import store
    from av_synth.store import tables

    digest = hashlib.sha256(run_id.encode()).digest()
    for name in store.REQUIRED_FILES:
        staging.write(name, b"{}")
    for name in tables.TABLES:
        staging.write_table(name, tables.from_rows(name, []))
    staging.write("blobs/CAM_FRONT/000000.jpg", (digest * (size // len(digest) + 1))[:size])
    return staging.commit(
        dict.fromkeys(store.MANIFEST_FIELDS, run_id) | {"identity": {}, "provenance": {}, "counts": {}}
    )


def made(name: str, message: str) -> Exception:
    """An error by name."""
    if hasattr(errno, name):
        code = getattr(errno, name)
        error = errors.StoreError(f"a file: cannot be written: {os.strerror(code)}")
        error.__cause__ = OSError(code, os.strerror(code))
        return error
    if name == "SensorMissError":
        return errors.SensorMissError("CAM_FRONT", 7, message)
    if name == "DocumentError":
        return errors.DocumentError([errors.Problem("", "", message)])
    return (getattr(errors, name, None) or getattr(builtins, name))(message)
