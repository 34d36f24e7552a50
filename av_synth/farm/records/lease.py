"""One driver a store: a file lock that the kernel drops when its holder dies; and how to ask the holder to stop.

Locks are flock(2), which local disks have and, between machines, NFS since Linux 2.6.12. What the file says names the
holder for people; the lock alone decides.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import StoreError, UserError

LOCK = "driver.lock"
STOP = "STOP"
"""A file of this name in the store asks its driver to end what runs and start nothing."""

_PATIENCE = 100  # looks at a lock that only readers hold, 10 ms apart: each of them has it for microseconds


@dataclass(frozen=True)
class Holder:
    """Who drives a store.

    Attributes:
        pid: its process; 0 if it has not said yet.
        machine: its name.
        since_s: when it began, in seconds of that machine's wall clock.
    """

    pid: int
    machine: str
    since_s: float

    def __str__(self) -> str:
        if not self.pid:
            return "a process that has not said its name yet"
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since_s))
        return f"process {self.pid} on {self.machine} since {began}"


@contextmanager
def driver_lease(store: Path) -> Iterator[None]:
    """Hold the store: nobody else drives it until this is left, or this process is dead.

    Children must not inherit the lock: they do not by exec, but they would by a bare fork.

    Raises:
        UserError: if it is held; names the holder.
        StoreError: if the lock cannot be made, or the file system has none.
    """
    with held(Path(store) / LOCK, lambda by: _driven(store, by)):
        yield


@contextmanager
def held(path: Path, refused: Callable[[Holder], UserError]) -> Iterator[None]:
    """Hold a file as `driver_lease` does that of a store.

    Args:
        path: the file; made if it is not there, in a folder that is.
        refused: what is raised if somebody else has it.

    Raises:
        UserError: if it is held.
        StoreError: if the lock cannot be made, or the file system has none.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror or error}") from error
    try:
        if not _take(handle, path):
            raise refused(_read(handle))
        _say(handle, path, {"pid": os.getpid(), "machine": platform.node(), "since_s": round(time.time(), 3)})
        try:
            yield
        finally:
            with suppress(OSError):  # only for people, and the disk may be full or gone
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def refuse_driven(store: Path) -> None:
    """Refuse a store that is driven now, before anything else is done with it; `driver_lease` alone decides.

    Raises:
        UserError: if it is held; names the holder.
        StoreError: if the lock cannot be looked at.
    """
    if (found := holder(store)) is not None:
        raise _driven(store, found)


def _driven(store: Path, by: Holder) -> UserError:
    return UserError(
        f"{store}: is driven by {by}; `av-synth status {store}` shows how far it is, `av-synth cancel {store}` ends it"
    )


def holder(store: Path) -> Holder | None:
    """Who drives the store now; None if nobody does.

    Raises:
        StoreError: if the lock cannot be looked at.
    """
    path = Path(store) / LOCK
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return None if _lock(handle, fcntl.LOCK_SH, path) else _read(handle)
    finally:
        os.close(handle)


def ask_to_stop(store: Path) -> Holder | None:
    """Ask the store's driver to let end what runs and start nothing more; returns it, or None: there is none to ask."""
    found = holder(store)
    if found is not None:
        path = Path(store) / STOP
        try:
            path.touch()
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    return found


def stop_asked(store: Path) -> bool:
    """Has somebody asked the driver to stop?"""
    return (Path(store) / STOP).exists()


def forget_stop(store: Path) -> None:
    """For a driver that begins: what an earlier one was asked is over; raises StoreError if the disk refuses."""
    path = Path(store) / STOP
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed: {error.strerror or error}") from error


def _take(handle: int, path: Path) -> bool:
    """Lock the file alone. Who looks at it (`holder`) shares it for an instant, and is waited for."""
    for _ in range(_PATIENCE):
        if _lock(handle, fcntl.LOCK_EX, path):
            return True
        if not _lock(handle, fcntl.LOCK_SH, path):
            return False
        fcntl.flock(handle, fcntl.LOCK_UN)
        time.sleep(0.01)
    return False


def _lock(handle: int, how: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be locked: {error.strerror or error}; want a file system with flock(2), such as a local "
            "disk: without it two drivers could be at one store"
        ) from error
    return True


def _say(handle: int, path: Path, who: dict[str, object]) -> None:
    text = json.dumps(who).encode() + b"\n"
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text, 0)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def _read(handle: int) -> Holder:
    try:
        who = json.loads(os.pread(handle, 4096, 0))
        return Holder(int(who["pid"]), str(who["machine"]), float(who["since_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(0, "", 0.0)  # it has the lock, and writes its name in a moment
