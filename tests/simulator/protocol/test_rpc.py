"""Framing, bounds and isolation of the request port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.simulator.protocol.calls import Kind, failure, success, unknown
from av_synth.simulator.protocol.rpc import MAX_MESSAGE_BYTES, ProtocolError, RequestReader, RpcServer

VERSION_CALL = bytes.fromhex("940001a776657273696f6e9191c2")


@pytest.fixture
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = RpcServer(listener, lambda name, params: success(Kind.VALUE, [name, params]))
    number = listener.getsockname()[1]
    server.start()
    yield number
    server.stop()


def _ask(port: int, data: bytes) -> Any:
    with socket.create_connection(("127.0.0.1", port), timeout=5.0) as sock:
        sock.sendall(data)
        return msgpack.unpackb(sock.recv(65536))


@given(st.lists(st.integers(1, 9), max_size=30))
@settings(max_examples=30, deadline=None)
def test_requests_are_whole_however_the_bytes_were_cut(cuts):
    data = b"".join(msgpack.packb([0, k, f"call_{k}", [[False], "x" * 40 * k]]) for k in range(4))
    reader, found = RequestReader(), []
    for size in [*cuts, len(data)]:
        found += reader.feed(data[:size])
        data = data[size:]

    assert [name for _, name, _ in found] == [f"call_{k}" for k in range(4)]


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_requests_or_a_protocol_error_and_nothing_else(data):
    try:
        found = RequestReader().feed(data)
    except ProtocolError:
        return
    assert all(isinstance(name, str) for _, name, _ in found)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param([2, "notification", []], id="of another type"),
        pytest.param([0, -1, "version", []], id="with a negative id"),
        pytest.param([0, 1, b"version", []], id="with a name of bytes"),
        pytest.param({"version": 1}, id="that is a map"),
    ],
)
def test_a_message_of_another_shape_is_refused(message):
    with pytest.raises(ProtocolError, match=r"want \[0, id, name, params\]"):
        RequestReader().feed(msgpack.packb(message))


def test_nesting_has_an_end():
    with pytest.raises(ProtocolError, match="malformed"):
        RequestReader().feed(b"\x91" * 100_000)


def test_a_message_may_hold_a_map_of_twenty_megabytes_and_not_much_more():
    chunk = 1 << 18

    def feed(text: str) -> list[Any]:
        data, reader, found = msgpack.packb([0, 1, "copy_opendrive_to_file", [[False], text]]), RequestReader(), []
        for at in range(0, len(data), chunk):
            found += reader.feed(data[at : at + chunk])
        return found

    assert len(feed("x" * 20_000_000)[0][2][1]) == 20_000_000
    with pytest.raises(ProtocolError, match=f"a message of more than {MAX_MESSAGE_BYTES} bytes"):
        feed("x" * (MAX_MESSAGE_BYTES + chunk))


def test_a_message_of_lists_is_shorter_than_one_that_holds_a_map(monkeypatch):
    monkeypatch.setattr(f"{RequestReader.__module__}._MAX_PARSED_BYTES", 100_000)
    reader = RequestReader()
    reader.feed(b"\x94\x00\x01\xa7version\xdd\x00\xff\xff\xff" + b"\x90" * 90_000)

    with pytest.raises(ProtocolError, match="a message of more than 100000 bytes beside its text"):
        reader.feed(b"\x90" * 20_000)


def test_many_requests_on_one_connection_are_not_one_large_one(monkeypatch):
    monkeypatch.setattr(f"{RequestReader.__module__}._MAX_PARSED_BYTES", 5 * len(VERSION_CALL))
    reader = RequestReader()

    assert (
        sum(len(reader.feed(VERSION_CALL + VERSION_CALL[:3])) + len(reader.feed(VERSION_CALL[3:])) for _ in "x" * 9)
        == 18
    )


@pytest.mark.parametrize("kind", Kind)
def test_an_error_about_a_folder_whose_name_is_no_text_is_told(kind):
    assert b"cannot be written: caf?" in failure(kind, "cannot be written: caf\udce9")


def test_an_error_that_quotes_a_long_name_is_cut():
    assert len(failure(Kind.VALUE, "x" * 100_000)) < 2100


def test_requests_on_one_connection_are_answered_in_order_and_a_bad_one_ends_only_its_own(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5.0) as good:
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as bad:
            bad.sendall(b"\xc1\xc1\xc1")
            assert bad.recv(10) == b""
        good.sendall(VERSION_CALL * 3)
        unpacker, answers = msgpack.Unpacker(), []
        while len(answers) < 3:
            unpacker.feed(good.recv(65536))
            answers += list(unpacker)

    assert answers == [[1, 1, None, [[1, ["version", [[False]]]]]]] * 3


def test_who_comes_while_there_is_no_thread_is_sent_away_and_the_next_one_is_served(port, monkeypatch):
    def no_thread(_: threading.Thread) -> None:
        monkeypatch.undo()
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with socket.create_connection(("127.0.0.1", port), timeout=5.0) as unlucky:
        assert unlucky.recv(10) == b""

    assert _ask(port, VERSION_CALL)[1] == 1


def test_errors_travel_in_the_envelope_of_their_call():
    def unpack(tail: bytes) -> list[Any]:
        return msgpack.unpackb(b"\x92" + tail)

    assert unpack(success(Kind.VOID, None)) == [None, [[False]]]
    assert unpack(success(Kind.BARE, [1])) == [None, [1]]
    assert unpack(failure(Kind.VALUE, "no")) == [None, [[0, ["no"]]]]
    assert unpack(failure(Kind.VOID, "no")) == [None, [[True, ["no"]]]]
    assert unpack(failure(Kind.BARE, "no")) == unpack(unknown("no")) == ["no", None]
    assert _false_is_not_zero(unpack(failure(Kind.VALUE, "no")))


def _false_is_not_zero(answer: list[Any]) -> bool:
    return answer[1][0][0] is not False
