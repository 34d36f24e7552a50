"""What takes long to build and is always the same is built once a machine, and kept in the user's cache.

Bodies and towns are made by the code of this package alone, in some seconds, and every simulator needs them. The
first one to build them keeps them; the next read them. The key is everything that may change a bit of them, so nothing
is ever out of date: another source, library, processor or number of threads is another key.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import shapely

KEYS_KEPT = 8
_WAIT_S = 40.0
"""How long at most somebody waits for another who builds what he wants."""
_LOOK_S = 0.05
_PACKAGE = Path(__file__).parents[1]
_SOURCES = ("errors.py", "geometry", "sensing/materials.py", "simulator")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OF_A_PROCESSOR = ("vendor_id", "cpu family", "model", "flags", "CPU ", "Features")
_HASH_BYTES = 32

Built = TypeVar("Built")


def cached(name: str, build: Callable[[], Built]) -> Built:
    """What `build` makes, from the user's cache if it is there.

    A cache that cannot be read or written, is damaged, or that others may write to is as good as none. Whoever builds
    gets what a later reader gets: arrays may be laid out otherwise in memory than they were built, and sums of them
    differ in their last bits.

    Args:
        name: of what is built; a file's name.
        build: makes the same each time, out of nothing but the package's sources.
    """
    path = None
    with suppress(OSError, RuntimeError):  # no place to keep anything, or no home
        path = _folder() / f"{name}.pickle"
    kept = _read(path)
    if kept is None:
        with _alone(path):  # twenty simulators that start on a fresh machine build once
            kept = _read(path) or _build(path, build)
    return pickle.loads(kept)  # noqa: S301  our own, or of a folder that is ours and that nobody else can write to


def _read(path: Path | None) -> memoryview | None:
    """What was kept; None where there is nothing, or it is damaged."""
    with suppress(OSError):
        content = path.read_bytes() if path else b""
        kept = memoryview(content)[_HASH_BYTES:]
        if kept and hashlib.sha256(kept).digest() == content[:_HASH_BYTES]:
            return kept
    return None


def _build(path: Path | None, build: Callable[[], object]) -> memoryview:
    packed = pickle.dumps(build(), protocol=5)
    if path is not None:
        with suppress(OSError):
            _write(path, packed)
    return memoryview(packed)


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """While others that want the same wait, no longer than building takes, even where the first one stands still."""
    if path is None:
        yield
        return
    handle = None
    with suppress(OSError):
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _WAIT_S
        while time.monotonic() < deadline:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOOK_S)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)  # which unlocks


def user_cache() -> Path:
    """Where this program keeps what it can get again: under `$XDG_CACHE_HOME`, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "av_synth"


def _folder() -> Path:
    """This key's folder of the user's cache; made, and the oldest ones removed, where it is missing."""
    base = user_cache()
    folder = base / f"built-{_key()}"
    if not folder.is_dir():
        base.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _remove(sorted(base.glob("built-*"), key=lambda path: path.stat().st_mtime)[:-KEYS_KEPT])
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} is not ours alone")
    return folder


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def _write(path: Path, packed: bytes) -> None:
    """All of it or nothing, whoever else writes it too."""
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(packed).digest())
            file.write(packed)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


@cache
def _key() -> str:
    digest = hashlib.sha256()
    for name in _SOURCES:
        place = _PACKAGE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(_PACKAGE)}\n".encode() + path.read_bytes())
    libraries = (platform.python_version(), np.__version__, shapely.__version__, shapely.geos_version_string)
    threads = (*map(os.environ.get, _THREADS), os.cpu_count())
    digest.update(repr((libraries, platform.machine(), _processor(), threads)).encode())
    return digest.hexdigest()[:20]


def _processor() -> list[str]:
    """Its kind and what it can do, by which libraries choose how they reckon."""
    try:
        first = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return [platform.processor()]
    return [line for line in first.splitlines() if line.startswith(_OF_A_PROCESSOR)]
