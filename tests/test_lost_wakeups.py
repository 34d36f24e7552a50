"""Two threads at neighbouring condition variables, as a Traffic Manager's are, that nobody wakes."""

from __future__ import annotations

import ctypes
import threading
import time
from pathlib import Path

import pytest

from tests import lost_wakeups


@pytest.mark.skipif(
    not Path("/proc/self/syscall").exists(),
    reason="this kernel does not tell what a thread waits at; then nobody is woken",
)
def test_threads_that_wait_at_neighbouring_conditions_are_found_and_look_again():
    library = ctypes.CDLL(None)
    memory = (ctypes.c_uint64 * 22)()  # two condition variables of 48 bytes, two mutexes of 40, all zero: at rest
    base = ctypes.addressof(memory)
    ids: list[int] = []

    def wait(number: int) -> None:
        condition, mutex = base + 48 * number, base + 96 + 40 * number
        library.pthread_mutex_lock(ctypes.c_void_p(mutex))
        ids.append(threading.get_native_id())
        library.pthread_cond_wait(ctypes.c_void_p(condition), ctypes.c_void_p(mutex))
        library.pthread_mutex_unlock(ctypes.c_void_p(mutex))

    threads = [threading.Thread(target=wait, args=(number,), daemon=True) for number in (0, 1)]
    for thread in threads:
        thread.start()
    found, until_s = None, time.monotonic() + 120.0
    while found is None and time.monotonic() < until_s:  # until both wait
        found = next((pair for one in list(ids) if (pair := lost_wakeups.pair(one)) is not None), None)

    assert found == (base, base + 48)
    lost_wakeups.wake(found)
    for thread in threads:
        thread.join(60.0)
        assert not thread.is_alive()
