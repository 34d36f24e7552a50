"""The journal of a campaign: what happened, in order, one checked line an event. It decides nothing in the store.

    <store>/journal/000001.log   crc32 of the rest as 8 hex digits, a space, compact JSON, a newline; fsync after each
    <store>/events.jsonl         the same events as plain JSON lines, for other programs; not waited for

There is one writer, the driver (see `lease`). A segment that a dead writer left is never written to again: its last
line may be torn, and what came after garbage would be lost with it. Every `Journal` begins a segment of its own.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av_synth.errors import StoreError
from av_synth.farm import crash
from av_synth.farm.model import Event
from av_synth.store.files import fsync_directories

SEGMENT_BYTES = 64 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
_SEGMENT = re.compile(r"(\d{6})\.log")


class Journal:
    """Appends events to a store's journal. Not for several threads, nor for several processes."""

    def __init__(
        self, store: Path, *, segment_bytes: int = SEGMENT_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        """Nothing is written before the first event.

        Args:
            store: the store's folder.
            segment_bytes: a segment of at least this size is sealed: read-only, and the next event begins another.
            clock: gives `t` of events that have none, in seconds: for people, nothing is decided by it.
        """
        self._store = Path(store)
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._handle: int | None = None
        self._path = self._store
        self._plain: int | None = None

    def append(self, event: Event) -> Event:
        """Write an event; when this returns, the disk has it.

        Args:
            event: plain JSON values; 'event' is its name.

        Returns:
            The event with its time, `t`.

        Raises:
            StoreError: if it is no plain JSON, or cannot be written. Then nothing of it is left, and it may be tried
                again once there is space.
        """
        event = {"t": round(self._clock(), 3), **event}
        line = encode(event)
        handle = self._segment()
        size = os.fstat(handle).st_size
        try:
            crash.point("journal.append.begun")
            _write(handle, line)
            crash.point("journal.append.written")
            os.fsync(handle)
        except OSError as error:
            self._take_back(handle, size)
            raise StoreError(f"{self._path}: cannot be written: {error.strerror or error}") from error
        crash.point("journal.append.synced")
        self._tell(line[9:])
        crash.point("journal.append.told")
        if size + len(line) >= self._segment_bytes:
            self._seal(handle)
        return event

    def close(self) -> None:
        """Write no more; another event would begin a new segment."""
        self._leave()
        if self._plain is not None:
            os.close(self._plain)
            self._plain = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _segment(self) -> int:
        """The open segment; a new one if there is none."""
        if self._handle is None:
            folder = self._store / "journal"
            last = max((number for number, _ in _segments(self._store)), default=0)
            self._path = folder / f"{last + 1:06}.log"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._handle = os.open(self._path, _NEW, 0o644)
                crash.point("journal.segment.created")
            except OSError as error:
                raise StoreError(f"{self._path}: cannot be made: {error.strerror or error}") from error
            fsync_directories((folder, self._store))
        return self._handle

    def _take_back(self, handle: int, size: int) -> None:
        """Cut off what was written of an event; where the disk refuses even that, it stays as garbage at the end."""
        try:
            os.ftruncate(handle, size)
        except OSError:
            self._leave()

    def _seal(self, handle: int) -> None:
        crash.point("journal.seal.begun")
        os.fchmod(handle, 0o444)
        crash.point("journal.seal.sealed")
        self._leave()

    def _leave(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _tell(self, line: bytes) -> None:
        """Append to events.jsonl. The event is safe by now: a disk that fills up here must not make it look lost."""
        with suppress(OSError):
            if self._plain is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._plain = os.open(self._store / "events.jsonl", flags, 0o644)
                size = os.fstat(self._plain).st_size
                if size and os.pread(self._plain, 1, size - 1) != b"\n":  # the last writer died in the middle of a line
                    line = b"\n" + line
            _write(self._plain, line)


@dataclass(frozen=True)
class JournalContent:
    """What a journal says.

    Attributes:
        events: in order; those of damaged and torn lines are missing.
        damaged: where a whole line is not what was written: 'journal/000001.log:17'.
        torn: segments that end in the middle of a line, as they do when their writer dies.
    """

    events: list[dict[str, Any]]
    damaged: tuple[str, ...]
    torn: tuple[str, ...]


def read_journal(store: Path) -> list[dict[str, Any]]:
    """The events of a store in order, none if there is no journal; `read_content` says what cannot be read."""
    return read_content(store).events


def read_content(store: Path) -> JournalContent:
    """Read the journal, also while its writer is at work.

    Raises:
        StoreError: if a segment cannot be read.
    """
    events: list[dict[str, Any]] = []
    damaged = []
    torn = []
    for _, path in _segments(Path(store)):
        name = f"journal/{path.name}"
        try:
            *lines, rest = path.read_bytes().split(b"\n")
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
        for number, line in enumerate(lines, 1):
            event = decode(line)
            if event is None:
                damaged.append(f"{name}:{number}")
            else:
                events.append(event)
        if rest:
            torn.append(name)
    return JournalContent(events, tuple(damaged), tuple(torn))


def encode(event: Event) -> bytes:
    """An event as a line of the journal.

    Raises:
        StoreError: if it is no plain JSON.
    """
    try:
        # JSON without characters beyond ASCII has no line break but the last, whatever a message says
        text = json.dumps(dict(event), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise StoreError(f"event {event.get('event')!r}: not plain JSON: {error}") from error
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> dict[str, Any] | None:
    """The event of a line without its newline; None if that is not what was written."""
    text = line[9:]
    if line[:9] != b"%08x " % zlib.crc32(text):
        return None
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _segments(store: Path) -> list[tuple[int, Path]]:
    folder = store / "journal"
    if not folder.is_dir():
        return []
    found = [(_SEGMENT.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(name[1]), path) for name, path in found if name)


def _write(handle: int, data: bytes) -> None:
    """One write: a reader sees all of a line or a beginning of it.

    Raises:
        OSError: also if the disk took only a part.
    """
    taken = os.write(handle, data)
    if taken != len(data):
        raise OSError(errno.ENOSPC, f"only {taken} of {len(data)} bytes were taken; is the disk full?")
