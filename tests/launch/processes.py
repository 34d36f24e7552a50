"""Parents that are killed, and whether what they started has ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, Pipe

LIMIT_S = 120.0  # that nothing comes near to; for a machine that is busy


@contextmanager
def parent(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs code and waits to be killed."""
    command = [sys.executable, "-c", f"{code}\nimport signal\nsignal.pause()"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def pids(process: subprocess.Popen[str], number: int) -> list[int]:
    """What it and those that it started say first."""
    assert process.stdout is not None
    return [int(process.stdout.readline()) for _ in range(number)]


def still_there(handles: dict[int, int]) -> list[int]:
    """Who of these has not ended, by their pidfds; waits for them."""
    waiting = dict(handles)
    while waiting:
        ended, _, _ = select.select(list(waiting.values()), [], [], LIMIT_S)
        if not ended:
            break
        waiting = {pid: handle for pid, handle in waiting.items() if handle not in ended}
    for pid, handle in handles.items():
        if pid in waiting:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    return list(waiting)


@contextmanager
def watched(*who: int) -> Iterator[dict[int, int]]:
    """Handles of processes, which stay theirs when the ids are used again."""
    with ExitStack() as open_:
        handles = {pid: os.pidfd_open(pid) for pid in who}
        for handle in handles.values():
            open_.callback(os.close, handle)
        yield handles


def stillborn(code: int) -> tuple[subprocess.Popen[bytes], Connection]:
    """As `start_child` returns one: a process that has ended with this status before anybody could tell it anything."""
    here, there = Pipe()
    there.close()
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait(LIMIT_S)
    return process, here
