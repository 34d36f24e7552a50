"""`Recording` -> the bytes of a recorder file, packet by packet in CARLA's own order."""

from __future__ import annotations

from collections.abc import Iterator

from av_synth.errors import LogError
from av_synth.recording import format as layout
from av_synth.recording.format import EVENT_ADD, FRAME_END, FRAME_START
from av_synth.recording.model import Added, Frame, Recording


def encode(recording: Recording) -> bytes:
    """The bytes of a file; equal recordings give equal bytes.

    Raises:
        LogError: if a text or a count does not fit the 16 bits that the format has for it.
    """
    parts = [layout.HEADER.pack(layout.VERSION), _text(layout.MAGIC)]
    parts += [layout.DATE.pack(recording.date_s), _text(recording.map_name)]
    for frame in recording.frames:
        parts += _frame(frame)
    return b"".join(parts)


def _frame(frame: Frame) -> Iterator[bytes]:
    yield _packet(FRAME_START, layout.FRAME.pack(frame.number, frame.duration_s, frame.elapsed_s))
    yield _packet(EVENT_ADD, _count(len(frame.added)) + b"".join(map(_added, frame.added)))
    for packet in layout.RECORDS:
        records = frame.records(packet)
        if packet in layout.WRITTEN or len(records):
            yield _packet(packet, _count(len(records)) + records.tobytes())
    yield _packet(FRAME_END, b"")


def _packet(packet: int, payload: bytes) -> bytes:
    return layout.PACKET.pack(packet, len(payload)) + payload


def _added(actor: Added) -> bytes:
    parts = [
        layout.ADDED.pack(actor.actor_id, actor.kind, *actor.location_cm, *actor.euler_deg, actor.uid),
        _text(actor.type_id),
        _count(len(actor.attributes)),
    ]
    for attribute in actor.attributes:
        parts += [bytes([attribute.kind]), _text(attribute.name), _text(attribute.value)]
    return b"".join(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    return _count(len(data)) + data


def _count(count: int) -> bytes:
    if count > layout.MAX_COUNT:
        raise LogError(
            f"recorder file: {count:,} records or bytes in one place; the format has room for {layout.MAX_COUNT:,}"
        )
    return layout.COUNT.pack(count)
