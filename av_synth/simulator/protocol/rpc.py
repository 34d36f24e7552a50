"""The request port: msgpack-rpc over TCP, one thread a connection.

A request is [0, id, name, params], a response [1, id, error, result]; objects follow each other without framing.
Whatever arrives is untrusted: a message that is too large, malformed or of another shape ends its own connection
and nothing else.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgpack

from av_synth.simulator.protocol.calls import is_refused
from av_synth.simulator.protocol.reloading import HELD_S, SETTLE_S, Reloading, Request, is_of_manager
from av_synth.simulator.protocol.sockets import ACCEPT_PAUSE_S, prepare, shut

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 20_000_000 + (64 << 10)  # a batch of many thousand spawns, or a call with a map of 20 MB
_MAX_PARSED_BYTES = 4_000_000  # of a message without its long strings: lists take up to 60 times this in memory
MAX_CONNECTIONS = 256
_RECEIVE_BYTES = 1 << 18

Answer = Callable[[str, "list[Any]"], bytes]
"""Takes a call's name and params, returns the packed `error` and `result`, one behind the other. Never raises."""


class ProtocolError(Exception):
    """What a peer sent is not a request."""


class RequestReader:
    """Cuts a byte stream into requests, within bounds. Not thread-safe: one per connection."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(raw=False, strict_map_key=True, max_buffer_size=2 * MAX_MESSAGE_BYTES)
        self._fed = 0
        self._consumed = 0
        self._told = 0
        self._parsed = 0

    def feed(self, data: bytes) -> list[Request]:
        """Take bytes; return the requests that are complete now.

        Raises:
            ProtocolError: if the bytes are not requests, or a message is too large.
        """
        requests = []
        self._fed += len(data)
        try:
            self._unpacker.feed(data)
            for message in self._unpacker:
                requests.append(_request(message))
                self._consumed = self._told = self._unpacker.tell()
                self._parsed = 0
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise ProtocolError(f"malformed msgpack: {type(error).__name__}: {error}") from error
        if self._fed - self._consumed > MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message of more than {MAX_MESSAGE_BYTES} bytes; want less in one call")
        told = self._unpacker.tell()
        # a string is parsed at once when it is whole, everything else as it comes
        self._parsed += min(told - self._told, len(data))
        self._told = told
        if self._parsed > _MAX_PARSED_BYTES:
            raise ProtocolError(f"a message of more than {_MAX_PARSED_BYTES} bytes beside its text; want less in one")
        return requests


class RpcServer:
    """Answers requests on a listening socket until `stop`."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._listener = listener
        self._answer = answer
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, bool] = {}  # in the order they came; whether it has ever asked
        self._stopped = False
        self._thread = threading.Thread(target=self._accept, name="rpc-accept", daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; threads end on their own."""
        with self._lock:
            self._stopped = True
            doomed = [self._listener, *self._connections]
        for sock in doomed:
            shut(sock)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError as error:
                if self._stopped:
                    return
                log.warning("rpc: accept failed: %s", error)
                time.sleep(ACCEPT_PAUSE_S)
                continue
            if not self._admit(sock):
                log.warning("rpc: %s refused: %d connections are open", peer, MAX_CONNECTIONS)
                sock.close()
                continue
            try:
                prepare(sock)
                threading.Thread(target=self._serve, args=(sock, peer), name=f"rpc-{peer[1]}", daemon=True).start()
            except (OSError, RuntimeError) as error:  # gone already, or there is no thread to be had
                log.warning("rpc: %s refused: %s", peer, error)
                self._close(sock)

    def _admit(self, sock: socket.socket) -> bool:
        """Note a connection; where there are too many, the oldest that has never asked anything makes room."""
        with self._lock:
            if len(self._connections) >= MAX_CONNECTIONS:
                silent = next((each for each, asked in self._connections.items() if not asked), None)
                if silent is None:
                    return False
                del self._connections[silent]
                shut(silent)  # its thread sees the end and closes it
            if not self._stopped:
                self._connections[sock] = False
            return not self._stopped

    def _serve(self, sock: socket.socket, peer: Any) -> None:
        try:
            _Connection(sock, self._answer, lambda: self._note_asked(sock)).serve()
        except ProtocolError as error:
            log.warning("rpc: closing %s: %s", peer, error)
        except OSError as error:
            log.debug("rpc: %s is gone: %s", peer, error)
        finally:
            self._close(sock)

    def _note_asked(self, sock: socket.socket) -> None:
        with self._lock:
            if sock in self._connections:
                self._connections[sock] = True

    def _close(self, sock: socket.socket) -> None:
        with self._lock:
            self._connections.pop(sock, None)
        sock.close()


class _Connection:
    """One client's requests, answered in the order that `Reloading` says, until it goes."""

    def __init__(self, sock: socket.socket, answer: Answer, note_asked: Callable[[], None]) -> None:
        self._sock = sock
        self._answer = answer
        self._note_asked = note_asked
        self._reader = RequestReader()
        self._reloading = Reloading()
        self._asked = False

    def serve(self) -> None:
        """Return when the peer is gone.

        Raises:
            ProtocolError: if it sends something else than requests.
            OSError: if it vanishes.
        """
        while True:
            if self._reloading.holds and _is_quiet(self._sock, HELD_S):
                self._send(self._reloading.let_go())
            received = self._receive()
            if received is None:
                return
            self._send(self._reloading.ordered(*received))

    def _receive(self) -> tuple[list[Request], int] | None:
        """The requests that are whole now and the number of bytes that came; None when the peer is gone."""
        data = self._sock.recv(_RECEIVE_BYTES)
        if not data:
            return None
        requests = self._reader.feed(data)
        if requests and not self._asked:
            self._asked = True
            self._note_asked()
        return requests, len(data)

    def _send(self, requests: Iterable[Request]) -> None:
        came_meanwhile = []
        for message_id, name, params in requests:
            answer = self._answer(name, params)
            if is_refused(answer):
                self._reloading.refused(name)
            elif self._reloading.must_settle(name):
                came_meanwhile += self._until_manager_waits()
            self._sock.sendall(b"\x94\x01" + msgpack.packb(message_id) + answer)
        for received in came_meanwhile:
            self._send(self._reloading.ordered(*received))

    def _until_manager_waits(self) -> list[tuple[list[Request], int]]:
        """What came until the client's Traffic Manager had asked something, and so waits for an answer."""
        came = []
        deadline = time.monotonic() + SETTLE_S
        while (left_s := deadline - time.monotonic()) > 0 and not _is_quiet(self._sock, left_s):
            received = self._receive()
            if received is None:
                break
            came.append(received)
            if any(is_of_manager(name) for _, name, _ in received[0]):
                break
        return came


def _is_quiet(sock: socket.socket, seconds: float) -> bool:
    """Whether nothing comes for so long."""
    poll = select.poll()  # a server with many streams has descriptors beyond what select() takes
    poll.register(sock, select.POLLIN)
    return not poll.poll(1000.0 * seconds)


def _request(message: Any) -> Request:
    match message:
        case [0, int(message_id), str(name), list(params)] if 0 <= message_id < 1 << 32:
            return message_id, name, params
    raise ProtocolError("want [0, id, name, params]")
