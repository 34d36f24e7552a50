"""The embedded simulator as a server: two ports, a clock, and an end at SIGTERM."""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from av_synth.errors import LaunchError, UserError
from av_synth.simulator.engine import DEFAULT_DELTA_S, Engine
from av_synth.simulator.profile import NATIVE, Profile
from av_synth.simulator.protocol import rpc, streams
from av_synth.simulator.protocol.handlers import answerer
from av_synth.simulator.protocol.rpc import RpcServer
from av_synth.simulator.protocol.streams import StreamServer
from av_synth.simulator.quality import DEFAULT, Quality
from av_synth.simulator.town import names
from av_synth.simulator.town.aliases import parse_aliases

log = logging.getLogger(__name__)
DEFAULT_HOST, DEFAULT_PORT, DEFAULT_TOWN = "127.0.0.1", 2000, "AvSynth01"
_PORT_TRIES = 50
_DESCRIPTORS = rpc.MAX_CONNECTIONS + streams.MAX_CONNECTIONS + 256  # and some for files and drivers


class Server:
    """An engine on two ports: RPC on `port`, streams on the one after it. Use as a context."""

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        town: str = DEFAULT_TOWN,
        profile: Profile = NATIVE,
        recordings: Path | None = None,
        aliases: Sequence[str] = (),
        quality: Quality = DEFAULT,
    ) -> None:
        """Bind the ports (0 chooses a free pair) and load the town; `recordings` is the folder of the recorder.

        Raises:
            LaunchError: if a port is taken.
            UserError: if there is no such town, an alias is wrong, or `recordings` cannot be written.
        """
        known_as = parse_aliases(aliases, names())
        with ExitStack() as if_it_fails:
            rpc_listener, stream_listener = (if_it_fails.enter_context(each) for each in _listen(host, port))
            self.host = host
            self.port: int = rpc_listener.getsockname()[1]
            self._streams = StreamServer(stream_listener, greets=not profile.mute_observer)
            self.engine = Engine(town, self._streams, profile, recordings, known_as, quality)
            self._rpc = RpcServer(rpc_listener, answerer(self.engine))
            if_it_fails.pop_all()
        self._ended = threading.Event()
        self._clock = threading.Thread(target=self._run_freely, name="clock", daemon=True)

    def __enter__(self) -> Server:
        self._streams.start()
        self._rpc.start()
        self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._rpc.stop()
        self._streams.stop()

    def wait(self) -> None:
        """Return when the server has been closed."""
        self._ended.wait()

    def _run_freely(self) -> None:
        """While the world is asynchronous, make frames at the pace of real time."""
        last = time.monotonic()
        while not self._ended.wait(max(0.0, last + self._period_s() - time.monotonic())):
            now = time.monotonic()
            if not self.engine.settings.synchronous:
                try:
                    self.engine.tick_freely(now - last)
                except Exception:  # one bad frame must not stop the clock of all that follow
                    log.exception("a frame failed")
            last = now

    def _period_s(self) -> float:
        return self.engine.settings.fixed_delta_s or DEFAULT_DELTA_S


def serve(
    host: str,
    port: int,
    town: str,
    ready: Callable[[int], None],
    *,
    profile: Profile,
    recordings: Path | None = None,
    aliases: Sequence[str] = (),
    with_parent: bool = False,
    quality: Quality = DEFAULT,
) -> None:
    """Run a simulator in this process until a signal ends it.

    SIGTERM keeps its default action: the process ends at once, even while a driver holds the interpreter for a long
    frame. There is nothing to save: a recording is whole after each frame.

    Args:
        host: address to listen on.
        port: RPC port, streams use the next one; 0 chooses a free pair.
        town: the town to begin with.
        ready: called with the RPC port when connections are accepted.
        profile: which habits of Unreal's server it takes on.
        recordings: the folder of what clients have recorded; None for the user's own.
        aliases: other names for towns, as `town.aliases.parse_aliases` reads them.
        with_parent: also end when standard input does, that is, with the process that started this one.
        quality: of the pictures.

    Raises:
        LaunchError: if a port is taken.
        UserError: if there is no such town, an alias is wrong, or `recordings` cannot be written.
    """
    if with_parent:
        threading.Thread(target=_end_with_stdin, name="parent", daemon=True).start()
    _allow_descriptors()
    server = Server(host, port, town, profile, recordings, aliases, quality)
    if not with_parent:  # scripts of anybody may come, and CARLA's give a camera two seconds; av-synth's own wait
        server.engine.warm()
    with server:
        ready(server.port)
        server.wait()


def _allow_descriptors() -> None:
    """Let this process have a descriptor for every connection that its two ports admit, where the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)  # the drivers' threads may be in the middle of a frame; nothing is worth waiting for them


def _listen(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Listening sockets on a port and the next one.

    Raises:
        UserError: if the address is none of this machine.
        LaunchError: if the ports cannot be had.
    """
    reason: OSError | None = None
    for _ in range(1 if port else _PORT_TRIES):
        first = _bind(host, port)
        if isinstance(first, OSError):
            reason = first
            continue
        number: int = first.getsockname()[1]
        second = _bind(host, number + 1) if number < 65535 else OSError("no port after 65535")
        if not isinstance(second, OSError):
            return first, second
        reason = second
        first.close()
    why = None if reason is None else reason.strerror or reason
    if isinstance(reason, socket.gaierror) or (reason is not None and reason.errno == errno.EADDRNOTAVAIL):
        raise UserError(f"--host: got {host!r}: {why}; want an address of this machine, such as 127.0.0.1 or 0.0.0.0")
    raise LaunchError(f"{host}:{port}: cannot listen on this port and the next: {why}; choose another --port")


def _bind(host: str, port: int) -> socket.socket | OSError:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except (OSError, OverflowError) as error:
        sock.close()
        return error if isinstance(error, OSError) else OSError(str(error))
    return sock
