"""Whether a server that was started is ready, found out by asking it, with a deadline; and if not, why not.

Unreal takes from seconds to minutes, on some machines it never gets there, and its own words for that are in its log.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from av_synth.errors import ConnectionLostError, LaunchError, MachineError, PortTakenError
from av_synth.launch.child_process import start_child
from av_synth.launch.exits import how_it_ended
from av_synth.launch.guard import running
from av_synth.launch.ports import listeners, listens_on
from av_synth.launch.versions import need_client_version

_LOOK_EVERY_S = 0.2
_TAIL_BYTES = 4000
_TAIL_LINES = 8
_PROBE = "av_synth.launch.first_tick"

# What is in the log of a server that did not get ready, and what to do. The texts are quoted in CARLA's issues #9049,
# #2956, #9725, #4687, #9502 and #8369; the second group is of the loader, the kernel and docker.
_UNFIT = (
    ("Refusing to run with (the )?root privileges", "Unreal does not run as root: start it as another user"),
    ("VK_ERROR_OUT_OF_DEVICE_MEMORY|Out of memory on Vulkan", "the GPU's memory is full: run fewer simulators on it"),
    (
        "compatible Vulkan driver|[Ii]ncompatible Vulkan driver|VK_ERROR_INCOMPATIBLE_DRIVER|No Vulkan driver",
        "there is no Vulkan driver: install the GPU's, and libvulkan1; `vulkaninfo` must list the GPU",
    ),
    ("error while loading shared libraries", "a library is missing: install it"),
    ("No space left on device", "a disk is full: make room"),
    ("could not select device driver", "docker has no GPUs: install the NVIDIA container toolkit"),
    ("No such image|Unable to find image|image not known", "the image is not on this machine: pull it first"),
    ("Cannot connect to the Docker daemon|permission denied.*docker", "docker cannot be reached: start it, or be let"),
)
_TRANSIENT = (
    ("VK_ERROR_DEVICE_LOST", "the GPU's driver was lost; if it happens again, restart the machine"),
    ("timed out waiting for RenderThread", "Unreal waited for its renderer in vain; the machine may be too busy"),
)
_PORT_TAKEN = "[Aa]ddress already in use|bind: |port is already allocated"


@dataclass(frozen=True)
class Starting:
    """A server that was started.

    Attributes:
        process: its guard.
        port: where it is to listen for requests, on this machine.
        log: where what it says goes.
        log_from: bytes in the log that were there before.
        foreign: it is in a container, whose processes are not below ours.
    """

    process: subprocess.Popen[str]
    port: int
    log: Path
    log_from: int
    foreign: bool

    def said(self) -> str:
        """The end of what it said."""
        with suppress(OSError), self.log.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(self.log_from, size - _TAIL_BYTES))
            return stream.read().decode(errors="replace")
        return ""

    def why_gone(self) -> str | None:
        """How its process ended, or None."""
        code = self.process.poll()
        return None if code is None else how_it_ended(code)


def wait_until_ready(
    server: Starting, deadline_s: float, *, clock: Callable[[], float] = time.monotonic, probe: str = _PROBE
) -> str:
    """Wait until a server has made a tick.

    Args:
        server: what was started.
        deadline_s: how long it may take.
        clock: seconds; it decides what is late.
        probe: the module whose `child` asks.

    Returns:
        Its version.

    Raises:
        PortTakenError: somebody else has its port.
        MachineError: another version, or what its log says will not change by trying again.
        LaunchError: it ended, or was not ready in time.
    """
    late = clock() + deadline_s

    def look(doing: str) -> None:
        if (gone := server.why_gone()) is not None:
            _fail(server, f"{gone} before it was ready")
        if clock() >= late:
            _fail(server, f"in {deadline_s:.0f} s has not {doing}")

    while not _listens(server):
        look(f"listened on port {server.port}")
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(_LOOK_EVERY_S)
    _need_ours(server)
    while True:
        with suppress(ConnectionLostError):  # the client took fright; a server that lives is asked again
            return _ask(server, probe, look)


def _ask(server: Starting, probe: str, look: Callable[[str], None]) -> str:
    """Its version, when it has made a tick."""
    with server.log.open("ab") as log:
        process, pipe = start_child(probe, log)
    version = trouble = ""
    waits_for = "told its version"
    try:
        with pipe:
            pipe.send(server.port)
            while True:
                if not pipe.poll(_LOOK_EVERY_S):
                    look(waits_for + trouble)
                    continue
                what, value = pipe.recv()
                if what == "error":
                    trouble = f" (the client says: {value})"
                elif what == "version":
                    need_client_version(version := value, f"the server on port {server.port}")
                    waits_for = "told of its world"
                elif what == "world":
                    waits_for = "made a tick"
                else:
                    return version
    except (EOFError, OSError) as error:
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(_LOOK_EVERY_S)
        look(waits_for + trouble)
        raise ConnectionLostError("the process that asked the server ended") from error
    finally:
        process.kill()
        process.wait()


def _listens(server: Starting) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_LOOK_EVERY_S)
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def _need_ours(server: Starting) -> None:
    """A container's port is published by its engine, which refuses one that is taken; any other must be ours."""
    found = listeners(server.port)
    if found and not server.foreign and not found & {each.pid for each in running(server.process)}:
        who = ", ".join(sorted("another user's process" if pid is None else f"process {pid}" for pid in found))
        raise PortTakenError(f"port {server.port} was free, and now {who} listens there")


def _fail(server: Starting, how: str) -> NoReturn:
    said = server.said()
    tail = "".join(f"\n  {line}" for line in said.splitlines()[-_TAIL_LINES:])
    elsewhere = listens_on({each.pid for each in running(server.process)}) if not server.foreign else []
    instead = f"; it listens on {', '.join(map(str, elsewhere))}" if elsewhere and server.port not in elsewhere else ""
    ends = f"; its log {server.log} ends with{tail}" if tail else f"; it said nothing in {server.log}"
    for known, error in ((_UNFIT, MachineError), (_TRANSIENT, LaunchError)):
        for pattern, advice in known:
            if re.search(pattern, said):
                raise error(f"CARLA {how}: {advice}{ends}")
    if re.search(_PORT_TAKEN, said):
        raise PortTakenError(f"CARLA {how}: somebody else took one of its ports{ends}")
    raise LaunchError(f"CARLA {how}{instead}{ends}")
