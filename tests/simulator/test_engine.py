"""The server in this process, asked over raw RPC: whatever it is asked, frames go on and nobody waits for others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from av_synth.simulator import render
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import handlers
from av_synth.simulator.protocol.calls import Call, Kind
from av_synth.simulator.protocol.streams import StreamServer
from av_synth.simulator.server import Server

LONG_S = 20.0  # a bound on waiting, not a measure of speed
SYNCHRONOUS = [True, False, [True, 0.05], True, 0.01, 10]
ORIGIN = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
SMALL = [["image_size_x", 2, "32"], ["image_size_y", 2, "18"]]
WALKER_PLACE = [[200.0, -52.5, 1.2], [0.0, 0.0, 0.0]]


class Client:
    """One connection; a call returns its result, or raises what the server answered instead."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=LONG_S)
        self._unpacker = msgpack.Unpacker()

    def __call__(self, name: str, *arguments: Any) -> Any:
        self._socket.sendall(msgpack.packb([0, 1, name, [[False], *arguments]]))
        while True:
            for _, _, error, result in self._unpacker:
                return _unwrap(error, result)
            self._unpacker.feed(self._socket.recv(1 << 16))

    def close(self) -> None:
        self._socket.close()


def _unwrap(error: Any, result: Any) -> Any:
    """The value in an envelope; None for nothing."""
    if error is not None:
        raise RuntimeError(error)
    kind, *value = result[0]
    # a variant counts from 0, which is an error; an optional error is there (True) or not (False)
    if kind is True or (kind == 0 and kind is not False):
        raise RuntimeError(value[0])
    return value[0] if value else None


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0) as server:
        yield server


@pytest.fixture
def clients(server: Server) -> Iterator[tuple[Client, Client]]:
    """One that waits and one that must not, in a synchronous world."""
    both = Client(server.port), Client(server.port)
    both[0]("set_episode_settings", SYNCHRONOUS)
    yield both
    for client in both:
        client.close()


class Gate:
    """Stands in front of a function: says that somebody came, and keeps them until it is opened."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        assert self.open.wait(LONG_S)
        return self._run(*args, **kwargs)

    def holds_nobody_else(self, call: Callable[[], Any], other: Client) -> Any:
        """Whether another client is answered while `call` waits here; returns what `call` does afterwards."""
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(call()))
        thread.start()
        try:
            assert self.reached.wait(LONG_S)
            assert len(other("get_weather_parameters")) == 14
            assert thread.is_alive()
        finally:
            self.open.set()
            thread.join(LONG_S)
        return results[0]


class StandInRenderer:
    """Takes no seconds to make, for tests of who waits for whom; says in which thread what was done."""

    description = "a renderer"
    threads: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, *_: Any) -> None:
        self.threads.append(("made", threading.current_thread().name))

    def close(self) -> None:
        self.threads.append(("closed", threading.current_thread().name))


def _spawn(client: Client, blueprint: str, place: Any, parent: int | None = None, attributes: Any = ()) -> int:
    what = [1, blueprint, list(attributes)], place
    return client("spawn_actor", *what)[0] if parent is None else client("spawn_actor_with_parent", *what, parent)[0]


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("fly_away", [[False]], "fly_away: the embedded simulator knows no such call"),
        ("version", [], "version: got no metadata; want [[asynchronous], arguments...]"),
        ("version", [[False], 1], "version: arguments do not fit: "),
        ("breaks", [[False]], "breaks: internal error: ZeroDivisionError: "),
    ],
)
def test_a_call_that_cannot_be_done_is_answered_in_words_that_begin_with_its_name(name, params, said, monkeypatch):
    monkeypatch.setitem(handlers.CALLS, "breaks", Call("breaks", lambda _: 1 // 0, Kind.VALUE, alone=False))
    unpacker = msgpack.Unpacker()
    unpacker.feed(handlers.answerer(None)(name, params))  # none of these gets as far as an engine

    error, result = unpacker

    assert (error or result[0][1][0]).startswith(said)


def test_a_call_that_nobody_knows_is_told_of_once_and_of_so_many_only(caplog, monkeypatch):
    monkeypatch.setattr(handlers, "_MOST_STRANGE", 2)
    answer = handlers.answerer(None)
    for name in ("fly", "fly", "swim", "dive", "fly"):
        answer(name, [[False]])

    assert caplog.messages == [f"unknown call {name} (told once a call)" for name in ("fly", "swim")]


def test_a_slow_reader_of_snapshots_holds_nobody_but_the_one_who_ticks(server, clients, monkeypatch):
    slow, other = clients
    frame = slow("tick_cue")
    gate = Gate(server.engine.streams.publish)
    monkeypatch.setattr(server.engine.streams, "publish", gate)

    assert gate.holds_nobody_else(lambda: slow("tick_cue"), other) == frame + 1


def test_a_slow_reader_of_a_small_sensor_holds_nobody_but_the_one_who_ticks(server, clients, monkeypatch):
    slow, other = clients
    _spawn(slow, "sensor.other.imu", ORIGIN)
    monkeypatch.setattr(server.engine.streams, "wanted", lambda _: True)
    gate = Gate(server.engine.sensors.expose)
    monkeypatch.setattr(server.engine.sensors, "expose", gate)

    assert gate.holds_nobody_else(lambda: slow("tick_cue"), other)


def test_a_town_that_begins_before_a_slow_reader_holds_nobody_else(server, clients, monkeypatch):
    slow, other = clients
    gate = Gate(server.engine.streams.publish)
    monkeypatch.setattr(server.engine.streams, "publish", gate)

    gate.holds_nobody_else(lambda: slow("load_new_episode", "AvSynth01", False), other)


def test_a_ray_that_waits_for_a_lidar_holds_nobody_else(server, clients, monkeypatch):
    slow, other = clients
    gate = Gate(server.engine.sensors.cast)
    monkeypatch.setattr(server.engine.sensors, "cast", gate)

    found = gate.holds_nobody_else(lambda: slow("project_point", [200.0, -61.0, 5.0], [0.0, 0.0, -1.0], 20.0), other)
    assert found[0]


@pytest.mark.parametrize("batched", [False, True])
def test_the_first_camera_holds_nobody_while_its_renderer_is_made(server, clients, monkeypatch, batched):
    gate = Gate(StandInRenderer)
    monkeypatch.setattr(render, "Renderer", gate)
    description = [1, "sensor.camera.rgb", []]
    spawn = [[0, [description, ORIGIN, [False], 0, "", []]]]
    call = ("apply_batch", [spawn], False) if batched else ("spawn_actor", description, ORIGIN)

    gate.holds_nobody_else(lambda: handlers.answerer(server.engine)(call[0], [[False], *call[1:]]), clients[1])
    assert "sensor.camera.rgb" in {actor.blueprint_id for actor in server.engine.world.actors.values()}


def test_frames_reach_their_readers_in_order_whoever_ticks(server, clients):
    first, second = clients
    stream = server.engine.streams.new_observer()
    with socket.create_connection(("127.0.0.1", server.port + 1), timeout=LONG_S) as sock:
        server.engine.streams.expect(stream)
        sock.sendall(stream.to_bytes(4, "little"))
        server.engine.streams.wait_for_expected()
        threads = [
            threading.Thread(target=lambda client=client: [client("tick_cue") for _ in range(30)])
            for client in (first, second)
        ]
        for thread in threads:
            thread.start()
        with sock.makefile("rb") as stream_of:
            frames = []
            for _ in range(60):
                message = stream_of.read(int.from_bytes(stream_of.read(4), "little"))
                frames.append(int.from_bytes(message[8:16], "little"))
        for thread in threads:
            thread.join(LONG_S)

    assert frames == list(range(frames[0], frames[0] + 60))


def test_a_token_is_for_a_live_sensor_only(clients):
    client, _ = clients
    sensor = client("spawn_actor", [1, "sensor.other.imu", []], ORIGIN)
    stream = int.from_bytes(sensor[5][:4], "little")
    assert client("get_sensor_token", stream)[0][:4] == sensor[5][:4]

    client("destroy_actor", sensor[0])
    for stranger in (stream, stream + 1, 0x8000_0000 + 12345, 2**40, -1):
        with pytest.raises(RuntimeError, match="get_sensor_token"):
            client("get_sensor_token", stranger)


def test_an_actor_asked_for_many_times_is_answered_once(clients):
    client, _ = clients
    spectator = client("get_spectator")[0]

    assert [actor[0] for actor in client("get_actors_by_id", [spectator, 1, 99_999] * 1000)] == [spectator, 1]


def test_a_gear_that_no_gearbox_has_is_refused_and_the_next_frame_comes(server, clients):
    client, _ = clients
    car = _spawn(client, "vehicle.audi.a2", client("get_map_info")[1][0])
    for gear in (2**40, -2, 101):
        with pytest.raises(RuntimeError, match=f"got {gear}; want an integer from -1 to 100"):
            client("apply_control_to_vehicle", car, [0.0, 0.0, 0.0, False, False, True, gear])

    client("apply_control_to_vehicle", car, [0.0, 0.0, 0.0, False, False, True, 100])
    assert client("tick_cue")
    assert server.engine.world.actors[car].vehicle.gear == 100


def test_a_thousand_actors_each_on_the_one_before_follow_the_first(server, clients):
    client, _ = clients
    car = parent = _spawn(client, "vehicle.audi.a2", client("get_map_info")[1][0])
    for _ in range(1100):
        parent = _spawn(client, "controller.ai.walker", ORIGIN, parent)
    client("tick_cue")

    actors = server.engine.world.actors
    assert (actors[parent].world_from_actor == server.engine.world.told(actors[car])[0]).all()


def test_another_town_frees_the_context_of_the_last_one_in_the_thread_that_made_it(server, clients, monkeypatch):
    threads: list[tuple[str, str]] = []
    monkeypatch.setattr(StandInRenderer, "threads", threads)
    monkeypatch.setattr(render, "Renderer", StandInRenderer)
    _spawn(clients[0], "sensor.camera.rgb", ORIGIN)
    server.engine.sensors.reset(server.engine.town)
    assert threads == [("made", "graphics")]

    server.engine.sensors.reset(replace(server.engine.town, digest="another"))
    assert threads == [("made", "graphics"), ("closed", "graphics")]


class Everybody(StreamServer):
    """Listens to every stream and throws it away."""

    def wanted(self, stream_id: int) -> bool:
        return True

    def publish(self, *_: Any, **__: Any) -> None:
        pass


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Callable[..., Any], int, int]]:
    """A synchronous world with sensors of every kind on a car, asked without a socket; the car and a walker."""
    listener = socket.create_server(("127.0.0.1", 0))
    engine = Engine("AvSynth01", Everybody(listener))
    answer = handlers.answerer(engine)

    def call(name: str, *arguments: Any) -> Any:
        value = _unwrap(*msgpack.unpackb(b"\x92" + answer(name, [[False], *arguments])))
        if name == "tick_cue":
            engine.sensors.finish()
        return value

    call("set_episode_settings", SYNCHRONOUS)
    car = _spawn(call, "vehicle.audi.a2", call("get_map_info")[1][0])
    walker = _spawn(call, "walker.pedestrian.0001", WALKER_PLACE)
    for kind in ("gnss", "imu", "radar", "collision"):
        _spawn(call, f"sensor.other.{kind}", ORIGIN, car)
    _spawn(call, "sensor.other.gnss", ORIGIN, walker)
    _spawn(call, "sensor.lidar.ray_cast", ORIGIN, walker)
    _spawn(call, "sensor.camera.rgb", ORIGIN, walker, SMALL)
    yield call, car, walker
    listener.close()


def test_what_of_a_batch_went_wrong_is_told_where_the_client_does_not(server, caplog):
    answer = handlers.answerer(server.engine)
    destroy = [[[1, [number]]] for number in (77, 78)]
    for waits, commands in ((True, destroy), (False, destroy), (True, [destroy[0]] * 20_001)):
        answer("apply_batch", [[not waits], commands, False])

    told = [record.getMessage() for record in caplog.records]
    assert [message.partition(";")[0] for message in told] == [
        "a command of apply_batch: unable to destroy actor: not found (the client does not tell its caller",
        "apply_batch: got an array of 20001",
    ]


NUMBER = st.one_of(
    st.floats(-100.0, 100.0),
    st.floats(),
    st.floats(-1e12, 1e12),
    st.sampled_from([0.0, 5e-324, 1e-12, 1e7, -1e7, 1e12, 1e39, 2**40, 10**18, True, None, "1"]),
)
INTEGER = st.one_of(st.integers(-5, 5), st.sampled_from([2**31, 2**32 - 1, 2**32, 2**40, -(2**31) - 1, 1.5]))
VECTOR = st.lists(NUMBER, min_size=3, max_size=3)
TRANSFORM = st.tuples(VECTOR, VECTOR).map(list)
FLAG = st.booleans()
CAR, WALKER = st.just("car"), st.just("walker")
CALLS = st.one_of(
    st.tuples(
        st.just("apply_control_to_vehicle"),
        CAR,
        st.tuples(NUMBER, NUMBER, NUMBER, FLAG, FLAG, FLAG, INTEGER).map(list),
    ),
    st.tuples(st.just("apply_ackermann_control_to_vehicle"), CAR, st.lists(NUMBER, min_size=5, max_size=5)),
    st.tuples(st.just("apply_ackermann_controller_settings"), CAR, st.lists(NUMBER, min_size=6, max_size=6)),
    st.tuples(st.just("apply_control_to_walker"), WALKER, st.tuples(VECTOR, NUMBER, FLAG).map(list)),
    st.tuples(st.just("set_walker_state"), WALKER, TRANSFORM, NUMBER),
    st.tuples(st.just("set_actor_transform"), CAR | WALKER, TRANSFORM),
    st.tuples(st.just("set_actor_location"), CAR | WALKER, VECTOR),
    st.tuples(st.just("set_actor_target_velocity"), CAR, VECTOR),
    st.tuples(st.just("set_actor_target_angular_velocity"), CAR, VECTOR),
    st.tuples(st.just("enable_actor_constant_velocity"), CAR, VECTOR),
    st.tuples(st.just("disable_actor_constant_velocity"), CAR),
    st.tuples(st.just("add_actor_impulse"), CAR | WALKER, VECTOR),
    st.tuples(st.just("add_actor_force"), CAR | WALKER, st.tuples(NUMBER, NUMBER, st.just(0.0)).map(list)),
    st.tuples(st.just("add_actor_torque"), CAR, st.tuples(st.just(0.0), st.just(0.0), NUMBER).map(list)),
    st.tuples(st.just("set_vehicle_light_state"), CAR, INTEGER),
    st.tuples(st.just("set_traffic_light_green_time"), st.just(1), NUMBER),
    st.tuples(st.just("set_weather_parameters"), st.lists(NUMBER, min_size=14, max_size=14)),
    st.tuples(st.just("apply_physics_control"), CAR, st.dictionaries(st.integers(0, 80), NUMBER, max_size=2)),
)


@given(st.lists(CALLS, min_size=1, max_size=4))
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_is_asked_is_done_or_refused_and_then_a_frame_is_made(stage, calls):
    call, car, walker = stage
    refusals: list[str] = []
    for name, *arguments in calls:
        ids = {"car": car, "walker": walker}
        filled = [ids.get(a, a) if isinstance(a, str) else a for a in arguments]
        if name == "apply_physics_control":
            filled[1] = _changed(call("get_physics_control", car), filled[1])
        try:
            call(name, *filled)
        except RuntimeError as error:
            refusals.append(str(error))

    assert call("tick_cue")
    assert call("get_weather_parameters")
    assert not [refusal for refusal in refusals if "internal error" in refusal]


def _changed(values: Any, changes: dict[int, Any], count: Any = None) -> Any:
    """A copy of nested lists with some leaves, counted from the front, exchanged."""
    count = iter(range(10_000)) if count is None else count
    if isinstance(values, list):
        return [_changed(value, changes, count) for value in values]
    return changes.get(next(count), values)


def test_who_sets_an_attribute_that_changes_nothing_is_told_once_an_episode(clients, caplog):
    client, _ = clients

    def spawn(*attributes: list[Any]) -> None:
        described = [0, "sensor.other.obstacle", [["role_name", 4, "front"], *attributes]]
        client("spawn_actor", described, ORIGIN)

    spawn(["debug_linetrace", 1, "false"], ["distance", 3, "7"])
    assert not caplog.messages
    for _ in range(2):
        spawn(["debug_linetrace", 1, "true"])
    assert caplog.messages == ["sensor.other.obstacle: debug_linetrace = true changes nothing here"]
