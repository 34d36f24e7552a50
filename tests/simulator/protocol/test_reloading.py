"""A client that loads a town while a Traffic Manager of it runs by itself."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable

import msgpack

from av_synth.simulator.protocol.calls import Kind, failure, success
from av_synth.simulator.protocol.reloading import Reloading, Request
from av_synth.simulator.protocol.rpc import RpcServer
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

    listener = socket.create_server(("127.0.0.1", 0))
    server = RpcServer(listener, answer)
    server.start()
    with socket.create_connection(listener.getsockname()) as peer:
        for request in calls("load_new_episode", "get_available_maps", "version"):
            peer.sendall(msgpack.packb([0, *request]))
        unpacker, answers = msgpack.Unpacker(), []
        while len(answers) < 3:
            unpacker.feed(peer.recv(1000))
            answers += [each[3] for each in unpacker]
    server.stop()

    assert answers == [[[True, ["no such town"]]], [[1, "get_available_maps"]], [[1, "version"]]]
    assert asked == ["load_new_episode", "get_available_maps", "version"]


def test_a_client_that_takes_over_an_episode_otherwise_is_answered_too():
    listener = socket.create_server(("127.0.0.1", 0))
    server = RpcServer(listener, lambda name, _: msgpack.packb(None) + msgpack.packb(name))
    server.start()
    with socket.create_connection(listener.getsockname()) as peer:
        for request in calls("load_new_episode", "get_episode_settings"):
            peer.sendall(msgpack.packb([0, *request]))
        unpacker, answers = msgpack.Unpacker(), []
        while len(answers) < 2:
            unpacker.feed(peer.recv(1000))
            answers += [answer[3] for answer in unpacker]
    server.stop()

    assert answers == ["load_new_episode", "get_episode_settings"]


def test_a_load_is_answered_once_the_clients_traffic_manager_has_asked_something_and_so_waits():
    answered = []

    def answer(name: str, _: object) -> bytes:
        answered.append(name)
        return msgpack.packb(None) + msgpack.packb(name)

    listener = socket.create_server(("127.0.0.1", 0))
    server = RpcServer(listener, answer)
    server.start()
    with socket.create_connection(listener.getsockname()) as peer:
        peer.settimeout(20.0)
        unpacker = msgpack.Unpacker()

        def ask(number: int, word: str) -> None:
            peer.sendall(msgpack.packb([0, number, word, []]))

        def answers(count: int) -> list[str]:
            got: list[str] = []
            while len(got) < count:
                unpacker.feed(peer.recv(1000))
                got += [each[3] for each in unpacker]
            return got

        ask(0, "add_traffic_manager_running")
        answers(1)
        for number, word in enumerate(["load_new_episode", "query_lights_state", "get_actors_by_id", "version"], 1):
            ask(number, word)
        first = answers(2)
        ask(5, "get_sensor_token")
        rest = answers(3)
        ask(6, "load_new_episode")  # nobody waits: it is answered all the same
        last = answers(1)
    server.stop()

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
