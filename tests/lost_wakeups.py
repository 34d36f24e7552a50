"""Wakes a Traffic Manager of this process that waits for a wake-up which was lost.

`TrafficManagerLocal::SynchronousTick` of the carla client notifies its thread without holding the lock that the thread
waits with, so that once in some hundred thousand ticks the two wait for each other for good (`av_synth.launch.stall`).
What av_synth plays it plays in processes that can be ended; tests that use the client itself live with it. Their two
condition variables are neighbours, and waking both does nothing but have each thread look again at what it waits for.

Linux says which address a thread of ours waits at (/proc/self/task/*/syscall); of a condition variable of glibc that is
40 or 44 bytes behind its beginning.
"""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

PATIENCE_S = 20.0
_LOOKS = 4  # at the same addresses, one after the other
_CONDITION_BYTES = 48  # sizeof(pthread_cond_t), x86-64
_SIGNALS = 40  # offset of its first futex word
_FUTEX, _WAIT = "202", "0x189"  # the system call on x86-64, and FUTEX_WAIT_BITSET, private, against the wall clock


def watch() -> None:
    """Look after this process's main thread, from a thread that ends with it."""
    threading.Thread(target=_watch, name="lost-wakeups", daemon=True).start()


def _watch() -> None:
    seen: list[tuple[int, int] | None] = [None] * _LOOKS
    while True:
        threading.Event().wait(PATIENCE_S / _LOOKS)
        seen = [*seen[1:], pair(os.getpid())]
        if seen[0] is not None and len(set(seen)) == 1:
            wake(seen[0])
            seen = [None] * _LOOKS


def pair(thread: int) -> tuple[int, int] | None:
    """The condition variable that a thread waits at and the one before it, where another thread waits at that."""
    waits = {int(task.name): at for task in Path("/proc/self/task").iterdir() if (at := _condition(task)) is not None}
    own = waits.pop(thread, None)
    if own is None or own - _CONDITION_BYTES not in waits.values():
        return None
    return own - _CONDITION_BYTES, own


def wake(conditions: tuple[int, int]) -> None:
    """Have everybody who waits at these look again."""
    library = ctypes.CDLL(None)
    for condition in conditions:
        library.pthread_cond_broadcast(ctypes.c_void_p(condition))


def _condition(task: Path) -> int | None:
    """The condition variable that a thread would be waiting at, if it is one."""
    try:
        call, *arguments = (task / "syscall").read_text().split()
    except (OSError, ValueError):
        return None
    if call != _FUTEX or arguments[1] != _WAIT:
        return None
    return (int(arguments[0], 16) - _SIGNALS) // 8 * 8
