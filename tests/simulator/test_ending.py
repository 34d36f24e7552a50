"""SIGTERM ends a simulator at once, whatever it is in the middle of, and it leaves nothing behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
import pytest
from fuzzing import Connection, populate
from server_process import connect, fresh_world, running_simulator

AT_ONCE_S = 5.0  # a second, on a machine that has nothing else to do
HERE = [[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]
TICK = msgpack.packb([0, 1, "tick_cue", [[False]]])


def _ticking_client(port: int, cache: Path, held: ExitStack) -> None:
    world = fresh_world(connect(port, cache))
    world.tick()
    held.callback(lambda: world.id)  # so that it is there until the end


def _rendering(port: int, _cache: Path, held: ExitStack) -> None:
    _tick_with(port, held, "sensor.camera.rgb", 1, image_size_x="7680", image_size_y="4320")


def _blocked_reader(port: int, _cache: Path, held: ExitStack) -> None:
    ticking = _tick_with(port, held, "sensor.lidar.ray_cast", 100, points_per_second="4000000")
    while select.select([ticking], [], [], 1.0)[0]:  # until a tick waits for the reader
        ticking.recv(1 << 16)


def _tick_with(port: int, held: ExitStack, blueprint: str, ticks: int, **attributes: str) -> socket.socket:
    """Ask for ticks that a sensor is due on, and read neither its data nor all of the answers."""
    asking = held.enter_context(Connection(port))
    populate(asking)
    description = [1, blueprint, [[name, 2, value] for name, value in attributes.items()]]
    token = asking.result("spawn_actor", description, HERE)[5]
    reader = held.enter_context(socket.create_connection(("127.0.0.1", port + 1)))
    reader.sendall(token[:4])
    # frames begin when the server has seen the reader
    stream = struct.unpack("<I", token[:4])[0]
    asking.result("get_sensor_token", stream)
    asking.sock.sendall(TICK * ticks)
    asking.sock.recv(1)
    return asking.sock


def _children(pid: int) -> str:
    return "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))


@pytest.mark.parametrize("busy", [_ticking_client, _rendering, pytest.param(_blocked_reader, marks=pytest.mark.long)])
def test_sigterm_ends_it_at_once_and_nothing_is_left(busy: Any, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with running_simulator() as (process, port), ExitStack() as held:
        busy(port, tmp_path / "cache", held)
        assert _children(process.pid) == ""
        assert "/dev/shm" not in Path(f"/proc/{process.pid}/maps").read_text()
        process.send_signal(signal.SIGTERM)

        assert process.wait(AT_ONCE_S) == -signal.SIGTERM
        assert list(scratch.iterdir()) == []
        for number in (port, port + 1):
            socket.create_server(("127.0.0.1", number)).close()


def test_the_command_says_when_it_is_ready_on_loopback_and_ends_at_sigterm():
    command = [sys.executable, "-m", "av_synth.cli", "simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        ready = process.stdout.readline().split()
        try:
            assert ready[0] == "ready"
            host, port = ready[1].rsplit(":", 1)
            assert host == "127.0.0.1"
            asking = Connection(int(port))
            assert asking.result("version") == "0.9.16"
            process.send_signal(signal.SIGTERM)
            assert process.wait(AT_ONCE_S) == -signal.SIGTERM
        finally:
            process.kill()
