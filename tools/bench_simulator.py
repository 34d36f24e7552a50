"""What the embedded simulator costs by itself: streams, ticks, calls and memory, each beside a peer of the same run.

`python -m tools.bench_simulator`; a few minutes.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import carla
import numpy as np

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.protocol.streams import WORLD_OBSERVER, StreamServer
from av_synth.simulator.world import World
from av_synth.simulator.world.model import VehicleControl

TICK_S, ROUNDS = 0.05, 3
VEHICLES = (0, 100, 300)
TICKS = 200
CALLS = 3000
CAMERAS, IMAGES, IMAGE_BYTES = 6, 20, 48 + 12 + 1600 * 900 * 4
VERSION_CALL = bytes.fromhex("940001a776657273696f6e9191c2")
EPISODES, WARM_UP = 40, 10
_CAR = "vehicle.audi.a2"
_OPEN_LAND_M, _APART_M, _A_ROW = 3000.0, 15.0, 20
_WAIT_S = 60.0


@contextmanager
def simulator() -> Iterator[tuple[int, int]]:
    """A simulator process of its own: its process id and its port."""
    command = [sys.executable, "-m", "av_synth.simulator", "--port", "0", "--with-parent"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1"}
    with subprocess.Popen(  # noqa: S603  our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line.startswith("ready"):
                raise RuntimeError(f"the simulator did not start: it said {line!r}")
            yield process.pid, int(line.split()[1].rsplit(":", 1)[1])
        finally:
            process.kill()


def resident_mb(pid: int) -> float:
    """Memory that a process has, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def play_episode(client: carla.Client, number: int, *, vehicles: int, ticks: int, town: str) -> None:
    """Load a town, let vehicles drive in it and destroy them; every fifth episode has a lidar and a small camera."""
    world = client.load_world(town)
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK_S
    world.apply_settings(settings)
    library = world.get_blueprint_library()
    places = world.get_map().get_spawn_points()[:vehicles]
    batch = [carla.command.SpawnActor(library.find(_CAR), place) for place in places]
    # never with a tick in it: the client keeps the interpreter to itself meanwhile, and sensors' callbacks want it
    ids = [answer.actor_id for answer in client.apply_batch_sync(batch, False) if not answer.error]
    world.tick()
    sensors = _sensors(world, library, ids[0]) if number % 5 == 0 else []
    throttle = carla.VehicleControl(throttle=0.5)
    client.apply_batch_sync([carla.command.ApplyVehicleControl(k, throttle) for k in ids], False)
    for _ in range(ticks):
        world.tick()
    for sensor in sensors:
        sensor.stop()
    client.apply_batch_sync([carla.command.DestroyActor(k) for k in (*(s.id for s in sensors), *ids)], False)
    world.tick()


def _sensors(world: carla.World, library: carla.BlueprintLibrary, parent_id: int) -> list[carla.Sensor]:
    lidar, camera = library.find("sensor.lidar.ray_cast"), library.find("sensor.camera.rgb")
    camera.set_attribute("image_size_x", "64")
    camera.set_attribute("image_size_y", "48")
    mount, parent = carla.Transform(carla.Location(z=2.5)), world.get_actor(parent_id)
    sensors = [world.spawn_actor(blueprint, mount, attach_to=parent) for blueprint in (lidar, camera)]
    for sensor in sensors:
        sensor.listen(lambda _data: None)
    return sensors


def _figure(name: str, took_s: float, against: str, peer_s: float, **more: Any) -> dict[str, Any]:
    times = {"seconds": float(f"{took_s:.4g}"), "against": against, "peer_seconds": float(f"{peer_s:.4g}")}
    return {"name": name, **times, "ratio": round(took_s / peer_s, 3), **more}


def _median_s(action: Callable[[], object], of: int) -> float:
    """Median over rounds of the wall seconds that one of `of` parts of an action takes."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) / of)
    return statistics.median(times)


def _grid(count: int) -> list[tuple[float, float]]:
    """Places on open land, apart from each other and from the town."""
    return [(_OPEN_LAND_M + _APART_M * (k % _A_ROW), _OPEN_LAND_M + _APART_M * (k // _A_ROW)) for k in range(count)]


def _stepping_s(vehicles: int) -> float:
    """Seconds of one step of a world in this process, in which vehicles drive."""
    world = World(towns.load("AvSynth01"), catalogue(), [])
    for x, y in _grid(vehicles):
        car = world.spawn(_CAR, {}, from_yaw(x, y, 0.5, 0.0))
        world.apply_vehicle_control(car.id, VehicleControl(throttle=0.5))
    _steps(world)
    return _median_s(lambda: _steps(world), TICKS)


def _steps(world: World) -> None:
    for _ in range(TICKS):
        world.step(TICK_S)


def _ticking_s(client: carla.Client, vehicles: int) -> float:
    """Seconds of one tick of the official client, the world in another process."""
    play_episode(client, 1, vehicles=0, ticks=0, town="AvSynth01")
    world = client.get_world()
    car = world.get_blueprint_library().find(_CAR)
    drive = carla.command.ApplyVehicleControl(carla.command.FutureActor, carla.VehicleControl(throttle=0.5))
    places = [carla.Transform(carla.Location(x, -y, 0.5)) for x, y in _grid(vehicles)]
    client.apply_batch_sync([carla.command.SpawnActor(car, place).then(drive) for place in places], False)

    def ticks() -> None:
        for _ in range(TICKS):
            world.tick()

    ticks()
    return _median_s(ticks, TICKS)


def ticked(client: carla.Client) -> list[dict[str, Any]]:
    """Ticks of a world alone, and of one that a client ticks."""
    figures = []
    for count in VEHICLES:
        alone_s, told_s = _stepping_s(count), _ticking_s(client, count)
        rate = {"ticks_per_s": round(1.0 / alone_s)}
        figures.append(_figure(f"a step of a world with {count} moving vehicles", alone_s, "its time", TICK_S, **rate))
        rate = {"ticks_per_s": round(1.0 / told_s)}
        figures.append(_figure(f"a client's tick of {count} vehicles", told_s, "the step alone", alone_s, **rate))
    return figures


def _round_trips(port: int, answer_bytes: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=_WAIT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(CALLS):
            sock.sendall(VERSION_CALL)
            left = answer_bytes
            while left:
                left -= len(sock.recv(left))


def _echo(answer: bytes, told: Any) -> None:
    """Answer whatever comes with the same bytes, in a process of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    told.put(listener.getsockname()[1])
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while sock.recv(1 << 18):
            sock.sendall(answer)


def called(client: carla.Client, port: int) -> list[dict[str, Any]]:
    """Round trips of the call `version`, beside an echo of the same bytes in another process."""
    answer = bytes.fromhex("940101c0919201a6") + b"0.9.16"
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    echo = context.Process(target=_echo, args=(answer, told), daemon=True)
    echo.start()
    echo_port = told.get(timeout=_WAIT_S)
    bare_s = _median_s(lambda: _round_trips(echo_port, len(answer)), CALLS)
    asked_s = _median_s(lambda: _round_trips(port, len(answer)), CALLS)
    official_s = _median_s(lambda: [client.get_server_version() for _ in range(CALLS)], CALLS)
    echo.kill()
    against = "an echo of the same bytes"
    return [
        _figure("a call of version", asked_s, against, bare_s, calls_per_s=round(1.0 / asked_s)),
        _figure("the same by the official client", official_s, against, bare_s, calls_per_s=round(1.0 / official_s)),
    ]


def _read_images(port: int, stream_id: int, told: Any) -> None:
    """Subscribe to a stream, tell so, read the images, and tell so again."""
    message = bytearray(4 + IMAGE_BYTES)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(struct.pack("<I", stream_id))
        told.put(stream_id)
        for _ in range(IMAGES * ROUNDS):
            left = memoryview(message)
            while left:
                count = sock.recv_into(left)
                if not count:
                    return  # the server has gone
                left = left[count:]
        told.put(stream_id)


def streamed() -> list[dict[str, Any]]:
    """Images of six cameras, each in memory of its own, through the server's streams to six processes."""
    server = StreamServer(socket.create_server(("127.0.0.1", 0)))
    server.start()
    port = int(struct.unpack("<IH", server.token(WORLD_OBSERVER)[:6])[1])
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    streams = [server.new_stream() for _ in range(CAMERAS)]
    readers = [context.Process(target=_read_images, args=(port, stream, told), daemon=True) for stream in streams]
    for reader in readers:
        reader.start()
    for _ in readers:
        told.get(timeout=_WAIT_S)
    while not all(map(server.wanted, streams)):  # they have said so before the server has read it
        time.sleep(0.01)
    picture = np.random.default_rng(0).integers(0, 256, IMAGE_BYTES, dtype=np.uint8)

    def publish() -> None:
        for _ in range(IMAGES):
            for stream in streams:
                server.publish(stream, [memoryview(picture.copy())], patient=True)

    fresh_s = _median_s(lambda: [picture.copy() for _ in range(IMAGES * CAMERAS)], IMAGES * CAMERAS)
    sent_s = _median_s(publish, IMAGES * CAMERAS)
    for _ in readers:
        told.get(timeout=_WAIT_S)
    server.stop()
    rate = {"mb_per_s": round(IMAGE_BYTES / 1e6 / sent_s), "peer_mb_per_s": round(IMAGE_BYTES / 1e6 / fresh_s)}
    return [_figure("an image of 1600x900 of six cameras, to six readers", sent_s, "a copy of it", fresh_s, **rate)]


def remembered(client: carla.Client, pid: int, episodes: int = EPISODES) -> list[dict[str, Any]]:
    """Memory of the simulator after many episodes, beside that after a few."""
    series = []
    for number in range(episodes):
        play_episode(client, number, vehicles=50, ticks=100, town=("AvSynth01", "AvSynth03")[number // 5 % 2])
        series.append(round(resident_mb(pid), 1))
    name = f"memory after {episodes} episodes of 50 vehicles and 100 ticks"
    mean = statistics.mean(series[-5:]), statistics.mean(series[WARM_UP - 5 : WARM_UP])
    against = f"after {WARM_UP} episodes"
    return [{"name": name, "mb": mean[0], "against": against, "peer_mb": mean[1], "series_mb": series[::5]}]


def measure() -> list[dict[str, Any]]:
    """All figures."""
    streaming = streamed()
    with simulator() as (pid, port):
        client = carla.Client("127.0.0.1", port)
        client.set_timeout(_WAIT_S)
        return [*streaming, *ticked(client), *called(client, port), *remembered(client, pid)]


def main(arguments: Sequence[str]) -> None:
    """Measure and print; `memory N` plays N episodes and nothing else."""
    if arguments[:1] == ["memory"]:
        with simulator() as (pid, port):
            client = carla.Client("127.0.0.1", port)
            client.set_timeout(_WAIT_S)
            figures = remembered(client, pid, int(arguments[1]))
    else:
        figures = measure()
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    load = [round(each, 2) for each in os.getloadavg()]
    print(json.dumps({"machine": machine, "load": load, "figures": figures}, indent=1))
    sys.stdout.flush()
    os._exit(0)  # threads of the carla client end an interpreter that shuts down


if __name__ == "__main__":
    main(sys.argv[1:])
