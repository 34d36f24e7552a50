"""Whatever arrives at its two ports, the simulator goes on for everybody else, and keeps nothing of it."""

from __future__ import annotations

import math
import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import carla
import msgpack
import pytest
from fuzzing import WAIT_S, Chaos, Connection, populate
from server_process import connect, fresh_world, running_simulator

from av_synth.simulator.engine import MAX_ACTORS
from av_synth.simulator.protocol.codec import MAX_ITEMS
from av_synth.simulator.protocol.handlers import CALLS
from av_synth.simulator.protocol.rpc import MAX_CONNECTIONS

IN_TIME_S = 20.0  # that a busy machine takes for what an idle one does in one
GROWTH_MB = 10.0
NAMES = [name for name in CALLS if name != "load_new_episode"]  # which would end what the others are about


@pytest.fixture(scope="module")
def simulator() -> Iterator[tuple[int, int]]:
    """Process id and port, of one that has done everything once."""
    with running_simulator() as (process, number):
        _assault(number, 0, 5)
        yield process.pid, number


@pytest.fixture(scope="module")
def client(simulator: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    return connect(simulator[1], tmp_path_factory.mktemp("cache"))


@pytest.fixture
def port(simulator: tuple[int, int], client: carla.Client) -> Iterator[int]:
    """The port; whatever a test does to it, an ordinary client is served as before, and nothing is left behind."""
    pid, number = simulator
    driven_m = _drive(client)
    before = _resources(number, pid)
    yield number
    began = time.monotonic()
    assert _drive(client) == driven_m
    assert time.monotonic() - began < IN_TIME_S
    after = _resources(number, pid, before)
    assert after <= before, "threads and descriptors are left behind"


def _drive(client: carla.Client) -> float:
    """How far a car gets that a real client drives for a second, in metres; its frames follow each other."""
    assert client.get_server_version() == "0.9.16"
    world = fresh_world(client)
    place = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.a2"), place)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    frames = [world.tick() for _ in range(20)]
    assert frames == list(range(frames[0], frames[0] + 20))
    driven_m: float = car.get_location().distance(place.location)
    assert 0.5 < driven_m < 5.0
    car.destroy()
    return driven_m


@dataclass(frozen=True)
class _Held:
    """Threads and open descriptors of a process."""

    threads: int
    descriptors: int

    def __le__(self, other: _Held) -> bool:
        return self.threads <= other.threads and self.descriptors <= other.descriptors


def _resources(port: int, pid: int, at_most: _Held = _Held(0, 0)) -> _Held:
    """What the simulator holds, one connection among it: asked until it is as little as wanted, or for long.

    Threads of connections that were closed end on their own, soon.
    """
    asking = Connection(port)
    for _ in range(1000):
        asking.result("version")
        held = _Held(len(os.listdir(f"/proc/{pid}/task")), len(os.listdir(f"/proc/{pid}/fd")))
        if held <= at_most:
            break
    asking.hang_up()
    return held


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _assault(port: int, seed: int, rounds: int) -> None:
    connection = Connection(port)
    chaos = Chaos(seed, populate(connection))
    readers = [_subscribe(port, stream) for stream in (1, *range(2, 12))]
    for _ in range(rounds):
        requests = [chaos.request(NAMES) for _ in range(50)]
        for (name, params), (error, result) in zip(requests, connection.ask(requests), strict=True):
            assert "internal error" not in f"{str(error)[:300]} {str(result)[:300]}", (name, params)
            assert _finite(result), (name, params, result)
    for reader in readers:
        reader.close()
    connection.hang_up()


def _subscribe(port: int, stream: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port + 1), timeout=WAIT_S)
    sock.sendall(struct.pack("<I", stream))
    return sock


def test_calls_with_nonsense_are_each_answered_and_none_of_them_is_an_internal_error(simulator, port):
    _assault(port, 1, 14)  # what is made when first asked for, such as towns and bodies, stays
    before = _resident_mb(simulator[0])
    _assault(port, 1, 14)

    assert _resident_mb(simulator[0]) < before + GROWTH_MB


def test_clients_that_vanish_in_the_middle_leave_the_world_synchronous_and_for_the_next_to_tick(port, client):
    for cut in range(1, 14, 3):
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as sock:
            sock.sendall(
                msgpack.packb([0, 1, "tick_cue", [[False]]]) * 3 + b"\x94\x00\x01\xa7version\x91\x91\xc2"[:cut]
            )
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    frozen = Connection(port)
    settings = frozen.result("get_episode_settings")
    assert settings[:3] == [True, False, [True, 0.05]]
    first = frozen.result("tick_cue")
    second = frozen.result("tick_cue")
    assert second > first  # whether the ticks of those who are gone come before, between or after
    frozen.result("set_episode_settings", [False, *settings[1:]])
    world = client.get_world()
    while world.wait_for_tick().frame <= second:  # the last one may come late; none at all is an error
        pass
    frozen.hang_up()


def test_an_asynchronous_world_leaves_frames_out_for_a_reader_that_does_not_read(port):
    asking = Connection(port)
    populate(asking)
    many = [1, "sensor.lidar.ray_cast", [["points_per_second", 2, "4000000"], ["range", 3, "100"]]]
    token = asking.result("spawn_actor", many, [[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]])[5]
    asking.result("set_episode_settings", [False, False, [True, 0.001], True, 0.01, 10])
    began = time.monotonic()
    with _subscribe(port, struct.unpack("<I", token[:4])[0]), Connection(port) as told:
        first = told.result("tick_cue")
        while told.result("tick_cue") < first + 100:
            pass
    assert time.monotonic() - began < IN_TIME_S
    asking.hang_up()


@pytest.mark.long
def test_many_thousand_calls_with_nonsense(simulator, port):
    _assault(port, 10, 120)  # what is made once for all is there now
    before = _resident_mb(simulator[0])
    for seed in range(11, 16):
        _assault(port, seed, 120)

    assert _resident_mb(simulator[0]) < before + GROWTH_MB


NO_REQUESTS = {
    "an array of four thousand million": b"\xdd\xff\xff\xff\xff",
    "a map of four thousand million": b"\xdf\xff\xff\xff\xff",
    "a string of four gigabytes": b"\xdb\xff\xff\xff\xff",
    "nested without end": b"\x94\x00\x01\xa7version\xdc\xff\xff" + b"\x91" * 5000,
    "maps in place of numbers": msgpack.packb([{"a": 1}] * 3),
    "a map in place of the request": msgpack.packb({"version": [[False]]}),
    "a name that is no text": b"\x94\x00\x01\xa7\xff\xfe\xfd\xfc\xfb\xfa\xf9\x91\x91\xc2",
    "half a request": b"\x94\x00\x01\xa7vers",
    "a byte that msgpack has not": b"\xc1" * 64,
    "an unknown stream": struct.pack("<I", 0xFFFFFFFF) * 100,
    "five hundred calls, none read": b"\x94\x00\x01\xa7version\x91\x91\xc2" * 500,
}


def test_bytes_that_are_no_request_end_their_own_connection_or_wait_there(port):
    for target in (port, port + 1):
        for data in NO_REQUESTS.values():
            with socket.create_connection(("127.0.0.1", target), timeout=WAIT_S) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                try:
                    while sock.recv(65536):
                        pass
                except ConnectionResetError:
                    pass  # it had not read everything when it closed


def test_random_bytes_after_a_good_beginning_end_their_own_connection_only(port):
    chaos, cuts = Chaos(7), random.Random(7)
    for _ in range(60):
        good = msgpack.packb([0, 1, *chaos.request(("version", "get_map_info", "get_actors_by_id"))])
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as sock:
            sock.sendall(good[: cuts.randrange(len(good))] + chaos.bytes(3000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not closed


@pytest.mark.long
def test_connections_that_say_nothing_make_room_for_one_that_asks(port):
    with ExitStack() as opened:
        for target, count in ((port, MAX_CONNECTIONS + 100), (port + 1, 1100)):
            for _ in range(count):
                opened.enter_context(socket.create_connection(("127.0.0.1", target), timeout=WAIT_S))
        asking = Connection(port)
        assert asking.result("version") == "0.9.16"
        with _subscribe(port, 1) as reader:
            assert len(reader.recv(4)) == 4
        asking.hang_up()


def test_a_client_that_does_not_read_its_answers_waits_for_itself_only(port):
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as deaf:
        deaf.sendall(msgpack.packb([0, 1, "get_actor_definitions", [[False]]]) * 100)
        asking = Connection(port)
        assert asking.result("version") == "0.9.16"
        asking.result("get_map_data")
        asking.hang_up()


def test_what_is_too_large_is_refused_with_its_bound(port):
    asking = Connection(port)
    populate(asking)
    here = [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]

    def spawn(blueprint: str, **attributes: str) -> str:
        values = [[name, 2, value] for name, value in attributes.items()]
        return str(asking.ask([("spawn_actor", [[False], [1, blueprint, values], here])])[0])

    def call(name: str, *arguments: Any) -> str:
        return str(asking.ask([(name, [[False], *arguments])])[0])

    assert "want a number from" in spawn("sensor.lidar.ray_cast", points_per_second="2000000000")
    assert "of 5000 characters; want 1024 at most" in spawn("vehicle.audi.a2", role_name="x" * 5000)
    assert f"want {MAX_ITEMS} at most" in call("get_actors_by_id", [1] * (MAX_ITEMS + 1))
    assert f"want {MAX_ITEMS} at most" in call("apply_batch", [[[1, [9]]]] * (MAX_ITEMS + 1), False)
    assert "want 100 at most" in call("apply_batch", [[[0, [[1, "x", []], here, [False], 0, "", [[[1, [0]]]] * 101]]]])
    usual = [2.0, 50.0, 1.0, 0.6, True, True, True]
    assert "500 km together" in call("copy_opendrive_to_file", _long_roads(), usual)
    assert "want an array of 7 or more" in call("copy_opendrive_to_file", _long_roads(), usual[:6])
    assert len(call("load_new_episode", "x" * 1_000_000)) < 3000
    asking.hang_up()


@pytest.mark.long
def test_a_world_has_so_many_actors_and_no_more(port):
    asking = Connection(port)
    populate(asking)
    imu = [[0, [[1, "sensor.other.imu", []], [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]], [False], 0, "", []]]]
    ((_, results),) = asking.ask([("apply_batch", [[False], [imu] * MAX_ACTORS])])

    assert 0 < sum(result[0][0] == 1 for result in results) < MAX_ACTORS
    assert f"{MAX_ACTORS} actors are there" in str(results[-1])
    asking.hang_up()


def _long_roads() -> str:
    roads = "".join(
        f'<road id="{k}" length="400000" junction="-1"><planView><geometry s="0" x="0" y="0" hdg="0" length="400000">'
        '<line/></geometry></planView><lanes><laneSection s="0"><center><lane id="0" type="none"/></center><right>'
        '<lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection>'
        "</lanes></road>"
        for k in range(2)
    )
    return f'<OpenDRIVE><header revMajor="1" revMinor="4"/>{roads}</OpenDRIVE>'
