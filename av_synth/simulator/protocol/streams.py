"""The data port: subscribers name a stream with four bytes, then only read length-prefixed messages.

One thread accepts, reads and finishes what did not fit into a socket at once; publishers send the rest themselves.
A socket is never closed from here because a stream ended: the client would reconnect at once, without a pause, for
ever. It is closed only when its reader has not taken anything for `patience_s` in synchronous mode.
"""

from __future__ import annotations

import logging
import math
import selectors
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from av_synth.simulator.protocol.sockets import ACCEPT_PAUSE_S, prepare, shut

log = logging.getLogger(__name__)

Buffer = bytes | bytearray | memoryview
WORLD_OBSERVER = 1
# Ids with this bit are the world observer too. Each client that asks for the episode gets one of its own: the 0.9.16
# client keeps its subscriptions by id, and when it drops an episode's observer only after it has subscribed to the
# next one under the same id (it does, if a snapshot is being read meanwhile), it loses the new one and crashes.
_OBSERVER_BIT = 0x8000_0000
_OBSERVERS = 1 << 24  # so that the first bytes of a request to the other port are none of them
MAX_CONNECTIONS = 1024
_QUEUE_MESSAGES = 2  # a subscriber may be this far behind before a synchronous publisher waits for it
_EXPECT_S = 1.0  # a client that asked for a token connects within this, or never
_DROPS_S = 1.0  # a client that has loaded an episode drops its observer within this, or keeps it


class _Subscriber:
    """One connection: not yet saying which stream, or reading it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.stream_id: int | None = None
        self.greeting = b""
        self.observer: int | None = None  # the id that it named, if that is one of the world observer's
        self.hushed_until_s = 0.0
        self.changed = threading.Condition()
        self.queue: deque[list[memoryview]] = deque()  # what the kernel did not take yet, a list of parts a message
        self.open = True

    def flush(self) -> bool:
        """Send what the kernel takes now; return whether all of it went. Call with `changed` held.

        Raises:
            OSError: if the reader is gone.
        """
        while self.queue:
            parts = self.queue[0]
            try:
                sent = self.sock.sendmsg(parts)
            except (BlockingIOError, InterruptedError):
                return False
            while parts and sent >= len(parts[0]):
                sent -= len(parts.pop(0))
            if parts:
                parts[0] = parts[0][sent:]
            else:
                self.queue.popleft()
                self.changed.notify_all()
        return True


class StreamServer:
    """Publishes messages to whoever subscribed to their stream, on a listening socket, until `stop`."""

    def __init__(self, listener: socket.socket, patience_s: float = 10.0, *, greets: bool = True) -> None:
        """`greets`: who subscribes to the world observer gets its last message at once."""
        listener.setblocking(False)
        self._greets = greets
        self._listener = listener
        self._port: int = listener.getsockname()[1]
        self._patience_s = patience_s
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._lock = threading.Condition()
        self._streams: dict[int, list[_Subscriber]] = {}
        self._expected: dict[int, float] = {}
        self._retained: list[Buffer] = []
        self._next_stream = WORLD_OBSERVER + 1
        self._observers = 0
        self._of_client = threading.local()  # whose calls one thread answers (`rpc`)
        self._blocked: deque[_Subscriber] = deque()  # have unsent data; the thread takes over
        self._silent: dict[_Subscriber, None] = {}  # have named no stream yet, in the order they came
        self._connections = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        """Begin to accept subscribers."""
        self._wake_read.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close every socket; who is publishing returns."""
        self._stopped = True
        self._wake()
        self._thread.join(1.0)

    def new_stream(self) -> int:
        """Return a stream id that was never used before in this process."""
        with self._lock:
            self._next_stream += 1
            return self._next_stream - 1

    def new_observer(self) -> int:
        """Return a stream id for the world observer that no client has: it is for the one that this thread answers."""
        with self._lock:
            self._observers = (self._observers + 1) % _OBSERVERS
            self._of_client.observer = _OBSERVER_BIT | self._observers
            return _OBSERVER_BIT | self._observers

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Tell nothing to the observer of the client that this thread answers, which loads an episode meanwhile.

        It drops that observer when it is answered, and subscribes to the next. Where a snapshot is being read just
        then, the thread that reads is the last to let go of the episode: both threads change the client's table of
        subscriptions, which nothing guards, and that ends its process, now or at the next load (carla 0.9.16,
        streaming/low_level/Client.h). One that keeps its observer hears from it again: of the next tick that it asks
        for, or a while later of a world that ticks by itself.
        """
        self._hush(math.inf)
        left_s = 0.0
        try:
            yield
            left_s = _DROPS_S
        finally:
            self._hush(time.monotonic() + left_s)

    def _hush(self, until_s: float) -> None:
        own = getattr(self._of_client, "observer", None)
        with self._lock:
            for subscriber in self._streams.get(WORLD_OBSERVER, ()):
                if own is not None and subscriber.observer == own:
                    subscriber.hushed_until_s = until_s

    def token(self, stream_id: int) -> bytes:
        """The 24 bytes with which a client finds a stream: TCP, on our port, at whatever address it calls us by."""
        return struct.pack("<IHBB16x", stream_id, self._port, 1, 0)

    def is_observer(self, stream_id: int) -> bool:
        """Whether `new_observer` has given out this id (or it is the world observer's own)."""
        return stream_id == WORLD_OBSERVER or 0 < stream_id - _OBSERVER_BIT <= self._observers

    def expect(self, stream_id: int) -> None:
        """Note that a client just asked for a token: it is about to subscribe."""
        now = time.monotonic()
        with self._lock:
            # those who did not come are forgotten here too: an asynchronous world never waits for anybody
            self._expected = {stream: until for stream, until in self._expected.items() if until > now}
            self._expected[stream_id] = now + _EXPECT_S

    def wait_for_expected(self) -> None:
        """Wait until whoever has asked for a token has subscribed (or did not in time), so that no frame is missed.

        Who asks during the wait is for the next frame: otherwise a client that goes on asking would stop the world.
        """
        with self._lock:
            now = time.monotonic()
            awaited = {stream: until for stream, until in self._expected.items() if until > now}
            left_s = max(awaited.values(), default=now) - now
            self._lock.wait_for(lambda: awaited.keys().isdisjoint(self._expected), left_s)

    def wanted(self, stream_id: int) -> bool:
        """Whether anybody reads this stream."""
        return bool(self._streams.get(stream_id))

    def publish(self, stream_id: int, parts: Sequence[Buffer], *, patient: bool) -> None:
        """Send one message to every subscriber of a stream.

        Args:
            stream_id: the stream; messages of the world observer are also given to those who subscribe later.
            parts: the payload in pieces, which must not change afterwards.
            patient: wait for a reader that is behind (and give it up after a while) instead of leaving this
                message out for it.
        """
        size = sum(memoryview(part).nbytes for part in parts)
        message = [struct.pack("<I", size), *parts]
        with self._lock:
            if stream_id == WORLD_OBSERVER:
                self._retained = message
            hears_s = sys.float_info.max if patient else time.monotonic()
            subscribers = [each for each in self._streams.get(stream_id, ()) if each.hushed_until_s <= hears_s]
        deadline = time.monotonic() + self._patience_s  # one for all: a hundred dead readers cost no more than one
        for subscriber in subscribers:
            self._send(subscriber, message, patient, deadline)

    def _send(self, subscriber: _Subscriber, message: Sequence[Buffer], patient: bool, deadline: float) -> None:
        with subscriber.changed:
            limit = _QUEUE_MESSAGES if patient else 1
            if len(subscriber.queue) >= limit and not patient:
                return
            ready = subscriber.changed.wait_for(
                lambda: len(subscriber.queue) < limit or not subscriber.open, max(0.0, deadline - time.monotonic())
            )
            if not subscriber.open:
                return
            if not ready:
                log.warning(
                    "stream %s: a reader took nothing for %s s: dropped", subscriber.stream_id, self._patience_s
                )
                subscriber.open = False
                shut(subscriber.sock)  # the thread sees its end and forgets it
                return
            idle = not subscriber.queue
            subscriber.queue.append([memoryview(part).cast("B") for part in message if memoryview(part).nbytes])
            try:
                if not idle or subscriber.flush():
                    return
            except OSError:
                subscriber.open = False
                return
        self._blocked.append(subscriber)
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"\0")
        except OSError:
            log.debug("streams: the thread is gone")

    def _run(self) -> None:
        while not self._stopped:
            for key, events in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_read:
                    self._take_over()
                elif events & selectors.EVENT_WRITE:
                    self._write(key.data)
                else:
                    self._read(key.data)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _Subscriber):
                self._forget(key.data)  # and who waits for it waits no more
        for sock in (self._listener, self._wake_read, self._wake_write):
            sock.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            log.warning("streams: accept failed: %s", error)
            time.sleep(ACCEPT_PAUSE_S)
            return
        if self._connections >= MAX_CONNECTIONS and self._silent:
            self._forget(next(iter(self._silent)))
        if self._connections >= MAX_CONNECTIONS:
            log.warning("streams: refused: %d connections are open", MAX_CONNECTIONS)
            sock.close()
            return
        try:
            sock.setblocking(False)
            prepare(sock)
        except OSError as error:
            log.debug("streams: who came is gone already: %s", error)
            sock.close()
            return
        self._connections += 1
        subscriber = _Subscriber(sock)
        self._silent[subscriber] = None
        self._selector.register(sock, selectors.EVENT_READ, subscriber)

    def _take_over(self) -> None:
        self._wake_read.recv(4096)
        while self._blocked:
            subscriber = self._blocked.popleft()
            if subscriber.sock.fileno() >= 0:
                self._selector.modify(subscriber.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, subscriber)

    def _write(self, subscriber: _Subscriber) -> None:
        try:
            with subscriber.changed:
                done = subscriber.flush()
                if done:
                    # inside the lock: a publisher that queues again asks again, afterwards
                    self._selector.modify(subscriber.sock, selectors.EVENT_READ, subscriber)
        except OSError:
            self._forget(subscriber)

    def _read(self, subscriber: _Subscriber) -> None:
        try:
            data = subscriber.sock.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._forget(subscriber)
        elif subscriber.stream_id is None:
            subscriber.greeting += data
            if len(subscriber.greeting) >= 4:
                self._subscribe(subscriber, struct.unpack("<I", subscriber.greeting[:4])[0])

    def _subscribe(self, subscriber: _Subscriber, stream_id: int) -> None:
        with self._lock:
            self._expected.pop(stream_id, None)
            if 0 <= stream_id - _OBSERVER_BIT < _OBSERVERS:  # also of a simulator that was here before this one
                subscriber.observer, stream_id = stream_id, WORLD_OBSERVER
            subscriber.stream_id = stream_id
            self._silent.pop(subscriber, None)
            self._streams.setdefault(stream_id, []).append(subscriber)
            if stream_id == WORLD_OBSERVER and self._retained and self._greets:
                self._send(subscriber, self._retained, False, 0.0)
            self._lock.notify_all()

    def _forget(self, subscriber: _Subscriber) -> None:
        if subscriber.sock.fileno() < 0:  # it made room for another since it was seen to have something
            return
        self._selector.unregister(subscriber.sock)
        self._connections -= 1
        self._silent.pop(subscriber, None)
        with self._lock:
            readers = self._streams.get(subscriber.stream_id or 0, [])
            if subscriber in readers:
                readers.remove(subscriber)
                if not readers:
                    self._streams.pop(subscriber.stream_id or 0, None)
        with subscriber.changed:
            subscriber.open = False
            subscriber.queue.clear()
            subscriber.sock.close()
            subscriber.changed.notify_all()
