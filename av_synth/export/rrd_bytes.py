"""Rerun's files without chance, so that the same data is the same bytes.

The library draws the ids of rows from the clock and at random, and shuffles the metadata of columns: here the ids are
counted, and the metadata is sorted. Source: what rerun-sdk 0.23 writes. A stream is 12 bytes, then messages: a head of
two numbers, kind and size, and a body in protobuf. A chunk is rows of one entity as an Arrow stream, LZ4-compressed;
its id is text in the metadata of the schema, the ids of its rows are a column of 16 bytes each.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pyarrow as pa

from av_synth.errors import DataError

START_BYTES = 12
"""Of a stream, before its messages."""

_START = b"RRF2"
_HEAD = struct.Struct("<QQ")
_END, _STORE, _CHUNK = 0, 1, 2  # kinds of messages
_STORE_ID = struct.Struct("<3sQsQ")  # how the body of a store's begins: two numbers of 8 bytes, with their tags
_SIZE, _DATA = 3, 5  # a chunk's fields: bytes of the Arrow stream, and the stream, compressed
_TEXT = 2  # the type of a field, in the lowest three bits of its tag: so many bytes follow; others are numbers
_CODEC = "lz4_raw"
_ID_BYTES = 16
_ROW_ID = "rerun.controls.RowId"


class Steady:
    """What a file holds, stream by stream, with ids in the order in which they come: 1, 2, 3, ..."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, stream: bytes) -> bytes:
        """The messages of the next stream of the file, without its start and its end, as they always are.

        Raises:
            DataError: if the layout is another.
        """
        if not stream.startswith(_START):
            raise DataError(f"rrd: a stream of rerun-sdk begins with {stream[:4]!r}; want {_START!r}")
        parts, at = [], START_BYTES
        while at < len(stream):
            kind, size = _HEAD.unpack_from(stream, at)
            body = stream[at + _HEAD.size : at + _HEAD.size + size]
            at += _HEAD.size + size
            if kind == _END:
                continue
            if kind not in (_STORE, _CHUNK):
                raise DataError(
                    f"rrd: rerun-sdk has written a message of kind {kind}; want {_END}, {_STORE} or {_CHUNK}"
                )
            body = self._store(body) if kind == _STORE else self._chunk(body)
            parts += [_HEAD.pack(kind, len(body)), body]
        return b"".join(parts)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _store(self, body: bytes) -> bytes:
        first, _, second, _ = _STORE_ID.unpack_from(body)
        return _STORE_ID.pack(first, 0, second, self._next()) + body[_STORE_ID.size :]

    def _chunk(self, body: bytes) -> bytes:
        fields: dict[int, int | bytes] = {}
        at = 0
        while at < len(body):
            tag, at = _varint(body, at)
            value, at = _varint(body, at)
            if tag & 7 == _TEXT:
                fields[tag], at = body[at : at + value], at + value
            else:
                fields[tag] = value
        size, data = _SIZE << 3, _DATA << 3 | _TEXT
        arrow = self._arrow(pa.decompress(fields[data], decompressed_size=fields[size], codec=_CODEC))
        fields |= {size: arrow.size, data: pa.compress(arrow, codec=_CODEC, asbytes=True)}
        return b"".join(_as_varint(tag) + _as_field(value) for tag, value in fields.items())

    def _arrow(self, stream: pa.Buffer) -> pa.Buffer:
        batch = pa.ipc.open_stream(stream).read_next_batch()
        named = {**batch.schema.metadata, b"rerun.id": b"chunk_%032x" % self._next()}
        columns = [field.with_metadata(_sorted(field.metadata)) for field in batch.schema]
        schema = pa.schema(columns, metadata=_sorted(named))
        ids = [self._next().to_bytes(_ID_BYTES, "big") for _ in range(batch.num_rows)]
        arrays = list(batch.columns)
        arrays[schema.get_field_index(_ROW_ID)] = pa.array(ids, pa.binary(_ID_BYTES))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        return sink.getvalue()


def _sorted(metadata: Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    return dict(sorted((metadata or {}).items()))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number at a place, and the place behind it: seven bits a byte, the lowest first, the eighth says 'more'."""
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def _as_varint(value: int) -> bytes:
    found = []
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _as_field(value: int | bytes) -> bytes:
    return _as_varint(value) if isinstance(value, int) else _as_varint(len(value)) + value
