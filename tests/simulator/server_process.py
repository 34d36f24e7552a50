"""A simulator process for tests, and a synchronous world in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import carla

TICK_S = 0.05
# A stream of the carla client that loses its server closes its socket to connect anew, and one that is dropped closes
# it, too: at the same moment, by two threads, that ends the process (carla/streaming/detail/tcp/Client.cpp, 0.9.16).
_CLIENTS_NOTICE_S = 0.05
_ENDS_S = 60.0  # far more than it takes; what it has run is counted (`make coverage`) when it ends by itself


@contextmanager
def running_simulator(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `python -m av_synth.simulator`, wait until it says it is ready, and end it with the context."""
    command = [sys.executable, "-m", "av_synth.simulator", "--port", "0", "--with-parent", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1", "LP_NATIVE_VECTOR_WIDTH": "256"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        line = process.stdout.readline()
        assert line.startswith("ready 127.0.0.1:"), f"got {line!r}"
        yield process, int(line.split()[1].rsplit(":", 1)[1])
    finally:
        process.terminate()
        try:
            process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        time.sleep(_CLIENTS_NOTICE_S)
        process.stdin.close()
        process.stdout.close()


def connect(port: int, cache: Path) -> carla.Client:
    """A client with its own file cache."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(60.0)  # another town may take so long where all tests run at once
    client.set_files_base_folder(str(cache))
    return client


def fresh_world(client: carla.Client, town: str = "AvSynth01") -> carla.World:
    """A new episode, synchronous, its traffic lights at the beginning of their cycles."""
    world = client.load_world(town)
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = TICK_S
    world.apply_settings(settings)
    world.reset_all_traffic_lights()
    return world


def ahead(transform: carla.Transform, x_m: float, right_m: float = 0.0, up_m: float = 0.0) -> carla.Transform:
    """A pose moved along its own axes."""
    return carla.Transform(transform.transform(carla.Location(x_m, right_m, up_m)), transform.rotation)
