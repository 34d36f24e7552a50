"""Ports that others have, and a server that finds out: what `launch.carla` starts and asks, without a simulator.

Strangers are sockets of a process that is nobody's business: some listen before a server is started, on a port of the
block that would be leased next; some come when the block is leased and tried already, and before its server listens.
They answer whoever talks to them, and write down that he did.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

NAME = "CarlaUE4-Linux"  # of the strangers' process
OURS = b"ours"
PROGRAM = """#!{python} -IS
import os, socket, sys
port = int(next(each for each in sys.argv if each.startswith("-carla-rpc-port=")).partition("=")[2])
for token in sorted(each for each in os.listdir({home!r}) if each.startswith("token-")):
    try:
        os.unlink(os.path.join({home!r}, token))
    except FileNotFoundError:
        continue
    with open({home!r} + "/wanted", "w") as pipe:
        pipe.write(f"{{port}} {{token}}\\n")
    with open({home!r} + "/listens-" + token) as pipe:
        pipe.readline()
    break
listener = socket.create_server(("127.0.0.1", port))
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall({ours!r})
"""
STRANGERS = """
import os, selectors, socket, sys
os.chdir(sys.argv[1])
open("/proc/self/comm", "w").write(sys.argv[2])
ready = selectors.DefaultSelector()
wanted = os.open("wanted", os.O_RDWR)  # also when nobody writes it has no end
ready.register(wanted, selectors.EVENT_READ)
print(flush=True)
while True:
    for key, _ in ready.select():
        if key.fd == wanted:
            for line in os.read(wanted, 4096).decode().splitlines():
                port, token = line.split()
                ready.register(socket.create_server(("127.0.0.1", int(port))), selectors.EVENT_READ, "listener")
                os.write(os.open("listens-" + token, os.O_RDWR), b"yes\\n")
        elif key.data == "listener":
            ready.register(key.fileobj.accept()[0], selectors.EVENT_READ)
        else:
            said = key.fileobj.recv(4096)
            if said:
                open("heard", "ab").write(said)
                key.fileobj.sendall(said)
            else:
                ready.unregister(key.fileobj)
                key.fileobj.close()
"""


class Strangers:
    """Those of one schedule.

    Attributes:
        home: a folder of theirs; the program in it is started as a CARLA's.
        pid: of their process.
    """

    def __init__(self, home: Path, pid: int, late: int) -> None:
        self.home, self.pid, self._late = home, pid, late

    def came(self) -> int:
        """How many of the late ones took a port."""
        return self._late - len(list(self.home.glob("token-*")))

    def heard(self) -> bytes:
        """What was said to any of them."""
        path = self.home / "heard"
        return path.read_bytes() if path.exists() else b""


@contextmanager
def strangers(home: Path, early: int, late: int, seed: int) -> Iterator[Strangers]:
    """Let some listen, and others wait for a server that is started.

    Args:
        home: a folder that is made.
        early: how many listen on a port of one of the next blocks each.
        late: before how many servers another one comes.
        seed: which port of a block.
    """
    from av_synth.launch.ports import SIZE, lease_block

    home.mkdir()
    program = home / "CarlaUE4-Linux-Shipping"
    program.write_text(PROGRAM.format(python=sys.executable, home=str(home), ours=OURS))
    program.chmod(0o755)
    os.mkfifo(home / "wanted")
    rng = random.Random(f"ports {seed}")
    command = [sys.executable, "-I", "-S", "-c", STRANGERS, str(home), NAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={}) as process, ExitStack() as leases:
        assert process.stdout is not None
        process.stdout.readline()
        for number in range(early):
            port = leases.enter_context(lease_block()).first + rng.randrange(SIZE)
            _take(home, port, f"early-{number}")
        leases.close()
        for number in range(late):
            os.mkfifo(home / f"listens-token-{number}")
            (home / f"token-{number}").touch()
        try:
            yield Strangers(home, process.pid, late)
        finally:
            process.kill()


def _take(home: Path, port: int, name: str) -> None:
    os.mkfifo(home / f"listens-{name}")
    with (home / "wanted").open("w") as pipe:
        pipe.write(f"{port} {name}\n")
    with (home / f"listens-{name}").open() as pipe:
        pipe.readline()


@contextmanager
def launched(home: Path, log: Path) -> Iterator[subprocess.Popen[Any]]:
    """Start the program in the home of strangers, as a worker starts a CARLA; yields its guard."""
    from av_synth.launch import carla, ready
    from av_synth.launch.carla_spec import spec_from

    carla.wait_until_ready = partial(ready.wait_until_ready, probe=__name__)
    with carla.launch_carla(spec_from({"carla": str(home / "CarlaUE4-Linux-Shipping")}), log) as address:
        assert address.process is not None
        yield address.process


def child(handle: int) -> None:
    """Ask a server, as `launch.first_tick` asks a CARLA; a stranger does not know what to answer."""
    pipe = Connection(handle)
    with socket.create_connection(("127.0.0.1", pipe.recv())) as server:
        server.sendall(b"who are you?")
        said = server.recv(100)
    if said != OURS:
        raise ValueError(said)
    pipe.send(("version", metadata.version("carla")))
    pipe.send(("tick", None))
