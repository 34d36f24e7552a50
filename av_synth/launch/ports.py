"""Ports for simulators that choose none themselves: blocks of eight, each held by one process at a time.

Asking the kernel for a free port and giving it to somebody else is a race that loses as soon as several simulators
start. Here a port belongs to whoever holds the lock of its block's file. The kernel gives the lock back when the last
process ends that has the file open, however it ended: the simulator itself inherits it. The blocks lie below the range
that the kernel takes ports from by itself. Others may still listen there, so that each port is tried.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from av_synth.errors import PortTakenError

SIZE = 8
_FIRST = 20_000
_BELOW = 32_768  # Linux takes ports from here on, unless it is told otherwise
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_OF_CARLA = 3  # requests, streams, other servers


@dataclass(frozen=True)
class Block:
    """Eight ports that are ours.

    Attributes:
        first: its first port: requests; the next two are for streams and for other servers, the rest is spare.
        lease: the open file that holds it, for those that shall hold it too.
    """

    first: int
    lease: int

    @property
    def name(self) -> str:
        """A name on this machine that nobody else uses at the same time."""
        return f"av-synth-{os.getuid()}-{self.first}"

    @property
    def of_carla(self) -> range:
        """The ports that a CARLA server listens on."""
        return range(self.first, self.first + _OF_CARLA)


@contextmanager
def lease_block(folder: Path | None = None) -> Iterator[Block]:
    """Hold the first block of ports that nobody holds and nobody listens on.

    Args:
        folder: for the files of the leases; one for all processes of this user on this machine if None.

    Raises:
        PortTakenError: if there is none.
    """
    folder = _private(folder or Path(tempfile.gettempdir()) / f"av_synth-ports-{os.getuid()}")
    blocks = range(_FIRST, _below() - SIZE + 1, SIZE)
    for first in blocks:
        lease = os.open(folder / str(first), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if _locked(lease) and all(_is_free(port) for port in range(first, first + SIZE)):
                yield Block(first, lease)
                return
        finally:
            os.close(lease)
    raise PortTakenError(
        f"all blocks of {SIZE} ports from {blocks.start} to {blocks[-1]} are taken; end simulators that are not needed"
    )


def listeners(port: int) -> set[int | None]:
    """The processes that listen on a TCP port of this machine; None for one that we may not know."""
    return {pid for number, pid in _listening() if number == port}


def listens_on(pids: set[int]) -> list[int]:
    """The TCP ports that these processes listen on."""
    return sorted({port for port, pid in _listening() if pid in pids})


def _listening() -> list[tuple[int, int | None]]:
    found = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return [(each.laddr.port, each.pid) for each in found if each.laddr]


def _below() -> int:
    """Where the kernel's own range begins; where that leaves us nothing, where it usually does."""
    try:
        begins = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _BELOW
    return begins if begins >= _FIRST + SIZE else _BELOW


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PortTakenError(f"{folder} belongs to somebody else; want a folder of this user's for leases of ports")
    return folder


def _locked(lease: int) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended are in nobody's way
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            return False
    return True
