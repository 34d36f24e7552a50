"""A client that loads a town, which threads of its own may not notice at a wrong moment."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgpack
import pytest

from av_synth.simulator.protocol.calls import Kind, failure, success
from av_synth.simulator.protocol.reloading import Reloading, Request
from av_synth.simulator.protocol.rpc import Answer, RpcServer
from tests.simulator.server_process import running_simulator

SCRIPT = """
import sys
import carla
from av_synth.session.traffic_manager import on_free_port

client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(20.0)
client.set_files_base_folder(sys.argv[2])
world = client.get_world()
manager = on_free_port(client)
for _ in range(12):
    place = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.a2"), place)
    car.set_autopilot(True, manager.get_port())
    world.wait_for_tick()
    car.set_autopilot(False, manager.get_port())
    world = client.load_world("AvSynth01")
print("done", flush=True)
"""
LOADING = """
import sys
import carla

client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(20.0)
client.set_files_base_folder(sys.argv[2])
for _ in range(300):
    world = client.load_world("AvSynth01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    world.tick()
    settings.synchronous_mode, settings.fixed_delta_seconds = False, None
    world.apply_settings(settings)
print("done", flush=True)
"""


class Peer:
    """A client's connection to a server of calls, as bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._unpacker = sock, msgpack.Unpacker()
        self._asked = 0

    @staticmethod
    @contextmanager
    def of(answer: Answer) -> Iterator[Peer]:
        """To a server that answers so, which ends with it."""
        listener = socket.create_server(("127.0.0.1", 0))
        server = RpcServer(listener, answer)
        server.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=20.0) as sock:
                yield Peer(sock)
        finally:
            server.stop()

    def ask(self, *words: str) -> None:
        """Send calls without waiting for answers."""
        for word in words:
            self._sock.sendall(msgpack.packb([0, self._asked, word, []]))
            self._asked += 1

    def answers(self, count: int) -> list[Any]:
        """The results of so many calls, in the order in which they come."""
        got: list[Any] = []
        while len(got) < count:
            self._unpacker.feed(self._sock.recv(1000))
            got += [each[3] for each in self._unpacker]
        return got


def names(requests: Iterable[Request]) -> list[str]:
    return [name for _, name, _ in requests]


def ordered(connection: Reloading, requests: list[Request], received_bytes: int = 20) -> list[str]:
    return names(connection.ordered(requests, received_bytes))


def calls(*words: str) -> list[Request]:
    return [(number, word, []) for number, word in enumerate(words)]


def test_calls_after_a_load_wait_until_the_client_has_the_new_episode():
    connection = Reloading()

    assert ordered(connection, calls("get_episode_settings", "load_new_episode")) == [
        "get_episode_settings",
        "load_new_episode",
    ]
    assert ordered(connection, calls("get_episode_settings", "version")) == ["version"]
    assert connection.holds
    assert ordered(connection, calls("apply_batch", "get_episode_info")) == ["get_episode_info"]
    assert ordered(connection, calls("get_sensor_token", "get_episode_settings")) == [
        "get_sensor_token",
        "get_episode_settings",
        "apply_batch",
        "get_episode_settings",
    ]
    assert not connection.holds


def test_what_is_held_can_be_let_go_and_nothing_is_held_afterwards():
    connection = Reloading()
    ordered(connection, calls("load_new_episode", "get_episode_settings"))

    assert names(connection.let_go()) == ["get_episode_settings"]
    assert ordered(connection, calls("get_episode_settings")) == ["get_episode_settings"]


def test_who_asks_on_and_on_without_taking_over_the_episode_is_answered_before_that_fills_the_memory(monkeypatch):
    monkeypatch.setattr(f"{Reloading.__module__}._MOST_HELD_BYTES", 100)
    connection = Reloading()
    ordered(connection, calls("load_new_episode"))

    assert ordered(connection, calls("get_weather_parameters"), 60) == []
    assert ordered(connection, calls("get_episode_settings"), 60) == ["get_weather_parameters", "get_episode_settings"]
    assert not connection.holds


def test_after_a_load_that_failed_nothing_is_held():
    asked = []

    def answer(name: str, _: object) -> bytes:
        asked.append(name)
        return failure(Kind.VOID, "no such town") if name == "load_new_episode" else success(Kind.VALUE, name)

    with Peer.of(answer) as peer:
        peer.ask("load_new_episode", "get_available_maps", "version")
        answers = peer.answers(3)

    assert answers == [[[True, ["no such town"]]], [[1, "get_available_maps"]], [[1, "version"]]]
    assert asked == ["load_new_episode", "get_available_maps", "version"]


def test_a_client_that_takes_over_an_episode_otherwise_is_answered_too():
    with Peer.of(lambda name, _: success(Kind.BARE, name)) as peer:
        peer.ask("load_new_episode", "get_episode_settings")
        answers = peer.answers(2)

    assert answers == ["load_new_episode", "get_episode_settings"]


def test_a_load_is_answered_once_the_clients_traffic_manager_has_asked_something_and_so_waits():
    answered = []

    def answer(name: str, _: object) -> bytes:
        answered.append(name)
        return success(Kind.BARE, name)

    with Peer.of(answer) as peer:
        peer.ask("add_traffic_manager_running")
        peer.answers(1)
        peer.ask("load_new_episode", "query_lights_state", "get_actors_by_id", "version")
        first = peer.answers(2)
        peer.ask("get_sensor_token")
        rest = peer.answers(3)
        peer.ask("load_new_episode")  # nobody waits: it is answered all the same
        last = peer.answers(1)

    assert first == ["load_new_episode", "version"]
    assert rest == ["get_sensor_token", "query_lights_state", "get_actors_by_id"]
    assert last == ["load_new_episode"]
    assert answered == ["add_traffic_manager_running", *first, *rest, *last]


def test_a_traffic_manager_that_runs_by_itself_outlives_the_loading_of_towns(tmp_path):
    with running_simulator() as (_, port):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(port), str(tmp_path)], capture_output=True, text=True, timeout=120
        )

    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.long
def test_clients_load_three_hundred_towns_each_of_worlds_that_tick_by_themselves_on_a_busy_machine(tmp_path):
    with ExitStack() as open_:
        ports = [str(open_.enter_context(running_simulator())[1]) for _ in range(4)]
        loading = [
            subprocess.Popen([sys.executable, "-c", LOADING, port, str(tmp_path)], stdout=subprocess.PIPE, text=True)
            for port in ports
        ]
        said = [process.communicate(timeout=300)[0] for process in loading]

    assert [(process.returncode, text) for process, text in zip(loading, said, strict=True)] == [(0, "done\n")] * 4
