"""Scratch folders whose owner may die: each has a lease, a file lock that the kernel drops at death.

The lease stands beside the directory, `<name>.lease`; it is made before it and removed after it, so a directory whose
lease is free or gone belongs to nobody. Locks are flock(2), and on a disk that several machines write to they have to
hold between these (NFS 4, or 3 with its lock daemon). Where each machine has locks of its own (`nolock`, `local_lock`)
clearing takes what another machine is writing for left, and destroys it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av_synth.errors import AvSynthError, StoreError, UserError

_SUFFIX = ".lease"


@contextmanager
def scratch(parent: Path, stem: str) -> Iterator[Path]:
    """A new empty directory `<parent>/<stem>-<uuid>`, removed on leaving unless it has been renamed away.

    Raises:
        UserError: if a file is where a folder has to be.
        StoreError: if it cannot be made.
    """
    directory = parent / f"{stem}-{uuid.uuid4().hex}"
    lease = parent / (directory.name + _SUFFIX)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        handle = _take(lease)
    except OSError as error:
        raise _refused(parent, error) from error
    try:
        try:
            directory.mkdir()
        except OSError as error:
            raise _refused(parent, error) from error
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        lease.unlink(missing_ok=True)
        os.close(handle)


def _refused(parent: Path, error: OSError) -> AvSynthError:
    wanted = "want a folder that can be made and written to"
    if isinstance(error, FileExistsError | NotADirectoryError):  # mkdir's words for a file in its way
        return UserError(f"{parent}: is a file, or in one; {wanted}")
    return StoreError(f"{parent}: cannot be written to: {error.strerror or error}; {wanted}")


def clear_scratch(parent: Path, stem: str = "") -> tuple[Path, ...]:
    """Remove the scratch directories `<stem>-...` under `parent` whose owners are dead; those in use are left alone.

    Returns:
        The directories removed, sorted.
    """
    if not parent.is_dir():
        return ()
    prefix = f"{stem}-" if stem else ""
    names = {entry.name.removesuffix(_SUFFIX) for entry in parent.iterdir() if entry.name.startswith(prefix)}
    removed = []
    for name in sorted(names):
        directory, lease = parent / name, parent / (name + _SUFFIX)
        if not _is_scratch_name(name):
            continue
        handle = _try_lock(lease)
        if handle is None:
            continue
        try:
            if directory.is_dir():
                shutil.rmtree(directory, ignore_errors=True)
                removed.append(directory)
            lease.unlink(missing_ok=True)
        finally:
            os.close(handle)
    return tuple(removed)


def _is_scratch_name(name: str) -> bool:
    tail = name.rpartition("-")[2]
    return len(tail) == 32 and all(c in "0123456789abcdef" for c in tail)


def _take(lease: Path) -> int:
    """Create and lock the lease; once more if somebody who cleared unlinked it between the two."""
    while True:
        handle = os.open(lease, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(handle), os.stat(lease)):
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)


def _try_lock(lease: Path) -> int | None:
    """A handle on the locked lease, or None while its owner lives. A missing lease is made, to be removed again."""
    handle = os.open(lease, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
