"""`Recording` -> the bytes of a recorder file, packet by packet in CARLA's own order."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from av_synth.errors import LogError
from av_synth.recording import format as layout
from av_synth.recording.format import EVENT_ADD, FRAME_END, FRAME_START, NAMES, RECORDS
from av_synth.recording.model import Added, Frame, Recording, Records
from av_synth.recording.physics import encode_physics

DURATION_AT = layout.PACKET.size + 8
"""Where, in the bytes of a frame, its duration is: CARLA learns and writes it with the next frame."""


def encode(recording: Recording) -> bytes:
    """The bytes of a file; equal recordings give equal bytes.

    Raises:
        LogError: if a text or a count does not fit the 16 bits that the format has for it, or a number its 32.
    """
    return encode_header(recording.map_name, recording.date_s) + b"".join(map(encode_frame, recording.frames))


def encode_header(map_name: str, date_s: int) -> bytes:
    """What a file begins with; raises LogError as `encode`."""
    start = [layout.HEADER.pack(layout.VERSION), _text(layout.MAGIC)]
    return b"".join([*start, layout.DATE.pack(date_s), _text(map_name)])


def encode_frame(frame: Frame) -> bytes:
    """One frame: frames follow each other; raises LogError as `encode`."""
    return b"".join(_packets(frame))


def table(packet: int, rows: Sequence[tuple[Any, ...]]) -> Records:
    """Records of one kind, with the fields of `format.RECORDS`.

    Raises:
        LogError: if a number does not fit the 32 bits that the format has for it.
    """
    try:
        with np.errstate(over="raise"):
            return np.array(rows, RECORDS[packet])
    except (FloatingPointError, OverflowError) as error:
        raise LogError(f"recorder file: {NAMES[packet]} with a number that does not fit 32 bits") from error


def signed_gear(gear: int, *, reverse: bool) -> int:
    """A vehicle's gear as the format has it, which has no other way to say that it is reversing: below 0."""
    return -max(1, abs(gear)) if reverse else gear


def _packets(frame: Frame) -> Iterator[bytes]:
    yield _packet(FRAME_START, layout.FRAME.pack(frame.number, frame.duration_s, frame.elapsed_s))
    yield _packet(EVENT_ADD, _count(len(frame.added)) + b"".join(map(_added, frame.added)))
    for packet in RECORDS:
        if packet == layout.LIGHT_TIMES and frame.physics:
            yield _packet(layout.PHYSICS, _count(len(frame.physics)) + b"".join(map(encode_physics, frame.physics)))
        records = frame.records(packet)
        if packet in layout.WRITTEN or len(records):
            yield _packet(packet, _count(len(records)) + records.tobytes())
    yield _packet(FRAME_END, b"")


def _packet(packet: int, payload: bytes) -> bytes:
    return layout.PACKET.pack(packet, len(payload)) + payload


def _added(actor: Added) -> bytes:
    try:
        head = layout.ADDED.pack(actor.actor_id, actor.kind, *actor.location_cm, *actor.euler_deg, actor.uid)
    except (OverflowError, struct.error) as error:
        raise LogError(f"recorder file: actor {actor.actor_id} as it appears: {error}") from error
    parts = [head, _text(actor.type_id), _count(len(actor.attributes))]
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
