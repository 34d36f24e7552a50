"""Looks for what an earlier driver of this machine has left behind, and ends it.

There should be none: all processes end with who started them (`launch.tree`, `launch.guard`). That it is so is looked
at where it matters, before a driver begins. A process is an orphan if its environment names a driver that lives no
more. Names and numbers alone decide nothing: a process id is used again, and the next CARLA may be somebody else's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from av_synth.farm.workers.keeper import GONE_S, wait_for_end
from av_synth.launch.caretaker import is_caretaker

DRIVER = "AV_SYNTH_DRIVER"
"""Variable in the environment of all processes that a driver starts on its machine, by which they know it."""

ENDING_S = 90.0
"""What ends by itself so soon is no orphan: longer than whoever has something to give back or to remove is given for it
(`run.attempt` 20 s, `launch.caretaker` 20 s, `launch.guard` 60 s after a grace of 10 s)."""


def mark() -> None:
    """Have what this process starts from now on say whose it is."""
    os.environ[DRIVER] = _name(os.getpid())


def kill() -> int:
    """Kill the processes of drivers that are gone, but for caretakers; returns how many there were."""
    found = [process for process in psutil.process_iter() if _is_orphan(process)]
    left = [process for process in wait_for_end(found, ENDING_S) if not is_caretaker(process)]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    wait_for_end(left, GONE_S)
    return len(left)


def _is_orphan(process: psutil.Process) -> bool:
    try:
        name = process.environ().get(DRIVER)
        if name is None or process.status() == psutil.STATUS_ZOMBIE:
            return False
    except (psutil.Error, OSError):  # it has ended, or is not ours to look at
        return False
    space, _, rest = name.partition(" ")
    pid = rest.partition(" ")[0]
    return space == _space() and pid.isdigit() and name != _name(int(pid))


def _name(pid: int) -> str:
    """A process like no other since the machine started: where its id counts, the id, and when it began."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{_space()} {pid} gone"
    state, *rest = told.rpartition(")")[2].split()
    return f"{_space()} {pid} {'gone' if state == 'Z' else rest[18]}"


def _space() -> str:
    """Of process ids: those of a container are others than those of its machine."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "none"
