"""Subscriptions, slow readers and late ones on the data port."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import msgpack
import pytest

from av_synth.simulator.protocol.streams import WORLD_OBSERVER, StreamServer, _Subscriber

LARGE = bytes(30_000_000)  # more than the kernel buffers


@pytest.fixture
def patience_s() -> float:
    return 60.0


@pytest.fixture
def streams(patience_s: float) -> Iterator[StreamServer]:
    server = StreamServer(socket.create_server(("127.0.0.1", 0)), patience_s=patience_s)
    server.start()
    yield server
    server.stop()


def _subscribe(streams: StreamServer, stream_id: int) -> socket.socket:
    """Connect as the client does: after asking for the token, so that `wait_for_expected` waits for it."""
    streams.expect(stream_id)
    _, port, protocol, kind = struct.unpack("<IHBB", streams.token(stream_id)[:8])
    assert (protocol, kind) == (1, 0)
    sock = socket.create_connection(("127.0.0.1", port), timeout=5.0)
    sock.sendall(struct.pack("<I", stream_id))
    streams.wait_for_expected()
    return sock


def _read(sock: socket.socket) -> bytes:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = sock.recv(min(count - len(data), 1 << 20))
            assert part, "the server closed the stream"
            data += part
        return data

    return exactly(struct.unpack("<I", exactly(4))[0])


def _read_until_closed(sock: socket.socket) -> int:
    total = 0
    try:
        while data := sock.recv(1 << 20):
            total += len(data)
    except ConnectionResetError:
        pass
    return total


def test_subscribers_read_whole_messages_of_their_stream_only(streams):
    first, second = streams.new_stream(), streams.new_stream()
    with _subscribe(streams, first) as a, _subscribe(streams, second) as b:
        streams.publish(first, [b"head", b"", memoryview(b"body")], patient=True)
        streams.publish(second, [b"other"], patient=True)

        assert _read(a) == b"headbody"
        assert _read(b) == b"other"


def test_a_message_larger_than_the_kernels_buffers_arrives_whole(streams):
    stream = streams.new_stream()
    with _subscribe(streams, stream) as sock:
        streams.publish(stream, [LARGE, b"end"], patient=True)

        assert _read(sock)[-5:] == b"\0\0end"


def test_a_late_observer_gets_the_last_snapshot_at_once(streams):
    streams.publish(WORLD_OBSERVER, [b"one"], patient=True)
    streams.publish(WORLD_OBSERVER, [b"two"], patient=True)
    with _subscribe(streams, WORLD_OBSERVER) as sock:
        assert _read(sock) == b"two"


def test_an_unknown_stream_stays_open_and_silent(streams):
    known = streams.new_stream()
    with _subscribe(streams, 4_000_000) as silent, _subscribe(streams, known) as sock:
        streams.publish(known, [b"x"], patient=True)
        assert _read(sock) == b"x"
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(1)


def test_who_is_gone_before_it_is_let_in_ends_nothing_for_the_next_one(streams, monkeypatch):
    def gone(_: socket.socket) -> None:
        monkeypatch.undo()
        raise OSError("Invalid argument")  # what some systems say of a socket whose peer has gone

    monkeypatch.setattr(f"{StreamServer.__module__}.prepare", gone)
    _, port = struct.unpack("<IH", streams.token(WORLD_OBSERVER)[:6])
    with socket.create_connection(("127.0.0.1", port), timeout=5.0) as unlucky:
        assert unlucky.recv(10) == b""

    number = streams.new_stream()
    with _subscribe(streams, number) as lucky:
        streams.publish(number, [b"told"], patient=True)
        assert _read(lucky) == b"told"


def test_a_reader_that_left_costs_nothing(streams):
    stream = streams.new_stream()
    _subscribe(streams, stream).close()
    with _subscribe(streams, streams.new_stream()):  # by then the first end was seen
        assert not streams.wanted(stream)


def test_a_patient_publisher_waits_for_a_reader_that_reads(streams):
    stream = streams.new_stream()
    with _subscribe(streams, stream) as slow:
        lengths: list[int] = []
        reader = threading.Thread(target=lambda: lengths.extend(len(_read(slow)) for _ in range(4)))
        reader.start()
        for _ in range(4):
            streams.publish(stream, [LARGE], patient=True)
        reader.join(60.0)

        assert lengths == [len(LARGE)] * 4


@pytest.mark.parametrize("patience_s", [0.3])
def test_a_patient_publisher_drops_a_reader_that_does_not_read(streams, patience_s):
    stream = streams.new_stream()
    with _subscribe(streams, stream) as slow:
        begun = time.monotonic()
        for _ in range(4):
            streams.publish(stream, [LARGE], patient=True)

        assert time.monotonic() - begun >= patience_s
        assert _read_until_closed(slow) < 4 * len(LARGE)


@pytest.mark.parametrize("patience_s", [0.5])
def test_many_readers_that_do_not_read_cost_a_patient_publisher_no_more_than_one(streams, patience_s):
    stream = streams.new_stream()
    with ExitStack() as dead:
        for _ in range(8):
            dead.enter_context(_subscribe(streams, stream))
        begun = time.monotonic()
        for _ in range(3):
            streams.publish(stream, [LARGE], patient=True)

        assert patience_s <= time.monotonic() - begun < 4 * patience_s


def test_a_reader_that_is_given_up_may_be_gone_already(streams):
    gone = _Subscriber(socket.socket())  # as one that its peer has reset in this moment
    gone.queue.extend([[memoryview(b"one")], [memoryview(b"two")]])

    streams._send(gone, [b"three"], True, time.monotonic())

    assert not gone.open
    gone.sock.close()


def test_a_publisher_that_waits_for_a_reader_waits_no_more_when_the_server_stops(streams):
    stream, behind = streams.new_stream(), threading.Event()

    def publish() -> None:
        for _ in range(2):
            streams.publish(stream, [LARGE], patient=True)
        behind.set()
        streams.publish(stream, [LARGE], patient=True)

    with _subscribe(streams, stream):
        publisher = threading.Thread(target=publish, daemon=True)
        publisher.start()
        behind.wait(10.0)
        streams.stop()
        publisher.join(10.0)

        assert not publisher.is_alive()


def test_an_impatient_publisher_leaves_frames_out_for_a_busy_reader(streams):
    stream = streams.new_stream()
    with _subscribe(streams, stream) as slow:
        for number in range(5):
            streams.publish(stream, [LARGE, bytes([number])], patient=False)

        assert _read(slow)[-1] == 0
        streams.publish(stream, [b"after"], patient=True)
        assert _read(slow) == b"after"


def test_every_observer_token_is_new_and_leads_to_the_world(streams):
    first, second = streams.new_observer(), streams.new_observer()
    with _subscribe(streams, first) as one, _subscribe(streams, second) as two:
        streams.publish(WORLD_OBSERVER, [b"snapshot"], patient=True)

        assert first != second
        assert _read(one) == _read(two) == b"snapshot"


def test_a_client_that_loads_an_episode_hears_nothing_from_the_observer_that_it_is_about_to_drop(streams):
    with ThreadPoolExecutor(1) as another:
        others = another.submit(streams.new_observer).result()
    with _subscribe(streams, streams.new_observer()) as mine, _subscribe(streams, others) as theirs:
        with streams.hushed():
            streams.publish(WORLD_OBSERVER, [b"first of the episode"], patient=True)
        streams.publish(WORLD_OBSERVER, [b"by itself"], patient=False)
        with _subscribe(streams, streams.new_observer()) as next_one:
            streams.publish(WORLD_OBSERVER, [b"asked for"], patient=True)

            assert [_read(next_one) for _ in range(2)] == [b"by itself", b"asked for"]
        assert [_read(theirs) for _ in range(3)] == [b"first of the episode", b"by itself", b"asked for"]
        assert _read(mine) == b"asked for"


def test_a_client_that_keeps_its_observer_after_a_load_hears_from_a_world_that_ticks_by_itself(streams, monkeypatch):
    monkeypatch.setattr(f"{StreamServer.__module__}._DROPS_S", 0.0)
    with _subscribe(streams, streams.new_observer()) as sock:
        with streams.hushed():
            streams.publish(WORLD_OBSERVER, [b"first of the episode"], patient=False)
        streams.publish(WORLD_OBSERVER, [b"by itself"], patient=False)

        assert _read(sock) == b"by itself"


def test_a_load_that_fails_hushes_nobody(streams):
    with _subscribe(streams, streams.new_observer()) as sock:
        with suppress(ValueError), streams.hushed():
            raise ValueError
        streams.publish(WORLD_OBSERVER, [b"by itself"], patient=False)

        assert _read(sock) == b"by itself"


def test_who_goes_on_asking_for_tokens_does_not_stop_the_world(streams):
    ended = threading.Event()

    def ask_on() -> None:
        while not ended.wait(0.001):
            streams.expect(streams.new_observer())

    asking, waiting = (threading.Thread(target=run, daemon=True) for run in (ask_on, streams.wait_for_expected))
    streams.expect(streams.new_observer())
    asking.start()
    waiting.start()
    waiting.join(10.0)
    ended.set()
    asking.join()

    assert not waiting.is_alive()


def test_those_who_never_came_are_forgotten_though_nobody_waits_for_them(streams, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(f"{StreamServer.__module__}.time.monotonic", lambda: float(next(clock)))
    for _ in range(100):
        streams.expect(streams.new_observer())

    assert len(streams._expected) <= 2


def test_observers_are_those_that_were_given_out(streams):
    first = streams.new_observer()

    assert streams.is_observer(first)
    assert streams.is_observer(WORLD_OBSERVER)
    assert not any(map(streams.is_observer, (first + 1, first - 1, streams.new_stream(), 0)))


def test_a_request_that_comes_to_this_port_is_not_answered_with_snapshots(streams):
    request = msgpack.packb([0, 0, "version", [[False]]])
    mistaken = _subscribe(streams, struct.unpack("<I", request[:4])[0])
    with mistaken, _subscribe(streams, streams.new_observer()) as observer:
        streams.publish(WORLD_OBSERVER, [b"snapshot"], patient=True)

        assert _read(observer) == b"snapshot"
        mistaken.setblocking(False)
        with pytest.raises(BlockingIOError):
            mistaken.recv(1)


def test_who_does_not_come_is_waited_for_a_while_and_no_longer(streams, monkeypatch):
    monkeypatch.setattr(f"{StreamServer.__module__}._EXPECT_S", 0.2)
    begun = time.monotonic()
    streams.expect(77)
    streams.wait_for_expected()

    assert time.monotonic() - begun > 0.19
