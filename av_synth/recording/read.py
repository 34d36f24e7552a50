"""Bytes of a recorder file -> `Recording`. Nothing in it is trusted: every count is held against the bytes there."""

from __future__ import annotations

import math
import struct
from collections import Counter
from pathlib import Path

import numpy as np

from av_synth.errors import LogError
from av_synth.recording import format as layout
from av_synth.recording.format import EVENT_ADD, FRAME_END, FRAME_START, NAMES, RECORDS
from av_synth.recording.model import Added, Attribute, Frame, Recording, Records
from av_synth.recording.physics import Physics, decode_physics

_BYTE = struct.Struct("<B")
_UNREAL_5 = "CARLA on Unreal 5 writes longer vectors, and is not read"


def read(path: Path) -> Recording:
    """Read a file of CARLA's recorder.

    Raises:
        LogError: if it cannot be read, is no such file, is cut off or broken: at which byte, what is there and what was
            wanted.
    """
    try:
        size = path.stat().st_size
        if size > layout.MAX_BYTES:
            raise LogError(f"{path}: {size:,} bytes; want at most {layout.MAX_BYTES:,}: record less at a time")
        data = path.read_bytes()
    except OSError as error:
        raise LogError(f"{path}: cannot be read: {error.strerror}; want a file that CARLA's recorder wrote") from error
    return decode(data, path.name)


def decode(data: bytes, name: str = "recording") -> Recording:
    """The `Recording` in the bytes of a file, named `name` in messages; raises LogError as `read`."""
    return _Reader(data, name).recording()


class _Reader:
    """A place in the bytes, and the end that nothing may be read beyond: of the packet, or of the file."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._at = 0
        self._end = len(data)
        self._whole = 0  # where the last whole frame ends
        self._frames: list[Frame] = []
        self._added = 0
        self._passed_over: Counter[int] = Counter()

    def recording(self) -> Recording:
        map_name, date_s = self._header()
        self._whole = self._at
        while self._at < len(self._data):
            self._frame()
            self._whole = self._at
        if not self._frames:
            raise self._wrong(self._at, "the end", "a frame; nothing was recorded")
        return Recording(self._name, map_name, date_s, tuple(self._frames), dict(self._passed_over))

    def _header(self) -> tuple[str, int]:
        (version,) = self._take(layout.HEADER, "the version")
        at = self._at
        (length,) = self._take(layout.COUNT, "the magic word")
        magic = self._data[self._at : self._at + length]
        if length != len(layout.MAGIC) or magic != layout.MAGIC.encode():
            raise self._wrong(at, f"{magic[:20]!r}", f"{layout.MAGIC}: this is no file of CARLA's recorder")
        self._at += length
        if version != layout.VERSION:
            raise self._wrong(0, f"version {version}", f"version {layout.VERSION}")
        (date_s,) = self._take(layout.DATE, "the date")
        return self._text("the map's name"), date_s

    def _frame(self) -> None:
        number, duration_s, elapsed_s = self._start()
        added: list[Added] = []
        tables: dict[int, Records] = {}
        physics: list[Physics] = []
        while True:
            begin = self._at
            packet, payload = self._packet()
            if packet == FRAME_END:
                break
            if packet == FRAME_START:
                raise self._wrong(begin, "the start of a frame", f"the end of frame {number} first")
            if packet in tables:
                raise self._wrong(begin, f"{NAMES[packet]} again in frame {number}", "them once")
            self._end = self._at + payload
            self._data_of(packet, payload, added, tables, physics)
            if self._at != self._end:
                left = f"{self._end - self._at} bytes more of {_named(packet)}"
                raise self._wrong(self._at, left, "the next packet")
            self._end = len(self._data)
        if payload:
            raise self._wrong(begin, f"a frame end of {payload} bytes", "0")
        self._frames.append(Frame(number, elapsed_s, duration_s, tuple(added), tables, tuple(physics)))

    def _start(self) -> tuple[int, float, float]:
        begin = self._at
        packet, payload = self._packet()
        if packet != FRAME_START:
            raise self._wrong(begin, f"packet {_named(packet)}", "the start of a frame")
        if payload != layout.FRAME.size:
            raise self._wrong(begin, f"a frame start of {payload} bytes", f"{layout.FRAME.size}")
        number, duration_s, elapsed_s = self._take(layout.FRAME, "the frame's time")
        before = self._frames[-1].elapsed_s if self._frames else 0.0
        if not before <= elapsed_s <= layout.MAX_S:
            wanted = f"a time of {before} to {layout.MAX_S:,.0f} s"
            raise self._wrong(begin, f"frame {number} at {elapsed_s} s", wanted)
        if len(self._frames) == layout.MAX_FRAMES:
            raise self._wrong(begin, "one frame more", f"at most {layout.MAX_FRAMES:,}: record less at a time")
        return number, duration_s, elapsed_s

    def _data_of(
        self, packet: int, payload: int, added: list[Added], tables: dict[int, Records], physics: list[Physics]
    ) -> None:
        if packet == EVENT_ADD:
            added += self._actors()
        elif packet in RECORDS and not self._of_another_order(packet, payload):
            tables[packet] = self._records(packet, payload)
        elif packet == layout.PHYSICS and (found := self._physics(payload)) is not None:
            physics += found
            self._at = self._end
        else:
            self._passed_over[packet] += 1
            self._at = self._end

    def _physics(self, payload: int) -> tuple[Physics, ...] | None:
        """None if it is of another layout: releases before 0.9.16 have other wheels."""
        if payload < layout.COUNT.size:
            return None
        (count,) = layout.COUNT.unpack_from(self._data, self._at)
        return decode_physics(self._data[self._at + layout.COUNT.size : self._end], count)

    def _packet(self) -> tuple[int, int]:
        at = self._at
        packet, size = self._take(layout.PACKET, "a packet")
        if size > self._end - self._at:
            left = self._end - self._at
            raise self._cut(at, f"{left:,} bytes after packet {_named(packet)}, which says {size:,}")
        return packet, size

    def _of_another_order(self, packet: int, payload: int) -> bool:
        """Whether what should be doors is something else: builds before 0.9.16 had other packets under that id."""
        if packet != layout.VEHICLE_DOOR:
            return False
        (count,) = layout.COUNT.unpack_from(self._data, self._at) if payload >= layout.COUNT.size else (-1,)
        return payload != layout.COUNT.size + count * RECORDS[packet].itemsize

    def _records(self, packet: int, payload: int) -> Records:
        at, kind = self._at, RECORDS[packet]
        (count,) = self._take(layout.COUNT, f"how many {NAMES[packet]}")
        wanted = layout.COUNT.size + count * kind.itemsize
        if payload != wanted:
            why = f"{count} {NAMES[packet]} in {payload:,} bytes"
            raise self._wrong(at, why, f"{wanted:,} bytes; {_UNREAL_5}")
        found = np.frombuffer(self._data, kind, count, self._at)
        self._at += count * kind.itemsize
        if packet not in layout.MAYBE_INFINITE:
            for name in kind.names or ():
                if kind[name].base.kind == "f" and not np.isfinite(found[name]).all():
                    row = int(np.flatnonzero(~np.isfinite(found[name]).reshape(count, -1).all(axis=1))[0])
                    there = f"{found[name][row].tolist()} as {name}"
                    raise self._wrong(at + layout.COUNT.size + row * kind.itemsize, there, "finite numbers")
        return found

    def _actors(self) -> list[Added]:
        (count,) = self._take(layout.COUNT, "how many actors")
        self._added += count
        if self._added > layout.MAX_ADDED:
            raise self._wrong(self._at, f"{self._added:,} actors so far", f"at most {layout.MAX_ADDED:,}")
        return [self._actor() for _ in range(count)]

    def _actor(self) -> Added:
        at = self._at
        actor_id, kind, x, y, z, roll, pitch, yaw, uid = self._take(layout.ADDED, "an actor")
        if not all(map(math.isfinite, (x, y, z, roll, pitch, yaw))):
            raise self._wrong(at, f"actor {actor_id} at {(x, y, z, roll, pitch, yaw)}", "finite numbers")
        type_id = self._text("a blueprint's id")
        (count,) = self._take(layout.COUNT, "how many attributes")
        attributes = []
        for _ in range(count):
            (of,) = self._take(_BYTE, "an attribute's type")
            attributes.append(Attribute(of, self._text("an attribute's name"), self._text("an attribute's value")))
        return Added(actor_id, kind, (x, y, z), (roll, pitch, yaw), uid, type_id, tuple(attributes))

    def _text(self, what: str) -> str:
        (length,) = self._take(layout.COUNT, what)
        at = self._at
        if length > self._end - at:
            raise self._cut(at, f"{self._end - at:,} bytes of {what}, which says {length:,}")
        self._at += length
        try:
            return self._data[at : self._at].decode()
        except UnicodeDecodeError as error:
            raise self._wrong(at + error.start, f"byte {self._data[at + error.start]:#x} in {what}", "UTF-8") from error

    def _take(self, form: struct.Struct, what: str) -> tuple[int, ...]:
        if form.size > self._end - self._at:
            raise self._cut(self._at, f"{self._end - self._at} bytes where {what} has {form.size}")
        found = form.unpack_from(self._data, self._at)
        self._at += form.size
        return found

    def _cut(self, at: int, got: str) -> LogError:
        """What ends too early: the packet, which is then broken, or the file, which was then cut off."""
        if self._end < len(self._data):
            return self._wrong(at, got, f"a packet as long as what is in it; {_UNREAL_5}")
        todo = "no frame of it is whole: record again"
        if self._frames:
            whole = f"whole up to byte {self._whole:,}, {len(self._frames)} frames"
            todo = f"it is {whole}: cut it there (head -c {self._whole}), or record again"
        return self._wrong(at, got, f"a file that does not end there; {todo}")

    def _wrong(self, at: int, got: str, want: str) -> LogError:
        return LogError(f"{self._name}: byte {at:,}: got {got}; want {want}")


def _named(packet: int) -> str:
    return f"{packet} ({NAMES.get(packet, 'unknown')})"
