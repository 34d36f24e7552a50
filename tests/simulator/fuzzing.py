"""Seeded nonsense for the request port: calls of the table with arguments that nearly fit, and ones that do not."""

from __future__ import annotations

import inspect
import random
import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgpack

from av_synth.simulator.protocol.handlers import CALLS

WAIT_S = 60.0
_BODIES = ("vehicle.audi.a2", "vehicle.tesla.model3", "walker.pedestrian.0001", "static.prop.streetbarrier")
_SENSORS = ("sensor.lidar.ray_cast", "sensor.other.imu", "sensor.other.gnss", "sensor.other.collision")
_ATTRIBUTES = ("channels", "points_per_second", "range", "sensor_tick", "role_name", "color", "noise_seed", "none")
_EXTREME = (float("nan"), float("inf"), -float("inf"), 1e300, -1e12, 1e12, 1e7, -1e7, 1e-300, 0.0, -0.0)
_EXTREME_INTEGERS = (0, -1, 2**31, -(2**31) - 1, 2**32, 2**63, 2**64 - 1, -(2**63), 255, 65536)
_COMMANDS = {  # the fields of each command of a batch
    0: ("description", "transform", "parent", "attachment", "socket", "after"),
    1: ("actor_id",),
    2: ("actor_id", "vehicle_control"),
    3: ("actor_id", "five"),
    4: ("actor_id", "walker_control"),
    5: ("actor_id", "physics"),
    6: ("actor_id", "transform"),
    7: ("actor_id", "transform", "speed"),
    **dict.fromkeys(range(8, 14), ("actor_id", "velocity")),
    **dict.fromkeys(range(14, 18), ("actor_id", "enabled")),
    18: ("actor_id", "lights"),
    19: ("actor_id", "location"),
    20: ("name",),
    21: ("actor_id", "state"),
    22: ("actor_id",),
}


class Chaos:
    """Random arguments: of the shape that a call takes, of that shape with one thing broken, or anything at all."""

    def __init__(self, seed: int, actors: Sequence[int] = ()) -> None:
        """`actors` are ids that most calls are about."""
        self._random = random.Random(seed)
        known = tuple(actors) or (1,)
        self._made: dict[str, Callable[[], Any]] = {
            "actor_id": lambda: self._random.choice(known) if self._random.random() < 0.85 else self.integer(),
            "stream_id": lambda: self._random.randrange(0, 40),
            "description": self._description,
            "transform": lambda: [self._vector(), self._vector()],
            "control": lambda: self._random.choice((self._vehicle_control, self._walker_control, self._five))(),
            "vehicle_control": self._vehicle_control,
            "walker_control": self._walker_control,
            "five": self._five,
            "settings": lambda: self._random.choice((self._episode_settings, self._six))(),
            "physics": self._physics,
            "parent": lambda: self._random.choice(([False], [True, self.made("actor_id")])),
            "after": lambda: [self._command(self._random.randrange(1, 23)) for _ in range(self._random.randrange(3))],
            "commands": lambda: [self._command(self._random.randrange(23)) for _ in range(self._random.randrange(20))],
            "weather": lambda: [self.number() for _ in range(14)],
            "ids": lambda: [self.made("actor_id") for _ in range(self._random.randrange(6))],
            "name": lambda: self._random.choice(("", "AvSynth01", "Nowhere", self._text())),
            "opendrive": lambda: self._random.choice(("<OpenDRIVE/>", "<OpenDRIVE><road id='1' length='1e9'/>", "<a")),
            "parent_id": lambda: self.made("actor_id"),
            "attachment": lambda: 0,
            "socket": lambda: "",
            **dict.fromkeys(("enabled", "enable", "frozen", "do_tick", "reset_settings", "discard"), self._flag),
            **dict.fromkeys(("location", "velocity", "angular", "impulse", "force", "torque"), self._vector),
            **dict.fromkeys(("start", "end", "direction"), self._vector),
            **dict.fromkeys(("speed", "seconds", "distance"), self.number),
            **dict.fromkeys(("state", "door", "lights", "tag", "port", "layers"), self.integer),
        }

    def request(self, names: Sequence[str] = tuple(CALLS)) -> tuple[str, list[Any]]:
        """A call's name and its params, metadata first."""
        name = self._random.choice(names)
        parameters = list(inspect.signature(CALLS[name].run).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            return name, [[False], *(self.junk() for _ in range(self._random.randrange(3)))]
        arguments = [self.made(parameter.name.lstrip("_")) for parameter in parameters]
        break_it = self._random.random()
        if break_it < 0.3:
            arguments = self._broken(arguments)
        elif break_it < 0.4:
            arguments = [self.junk() for _ in range(self._random.randrange(6))]
        return name, [[self._flag()], *arguments] if self._random.random() < 0.98 else self.junk_list()

    def made(self, parameter: str) -> Any:
        """A value of the shape that parameters of this name have, or anything where the name is not known."""
        return self._made.get(parameter, self.junk)()

    def bytes(self, most: int) -> bytes:
        """Any bytes."""
        return self._random.randbytes(self._random.randrange(1, most))

    def number(self) -> Any:
        """A number, most often one that makes sense."""
        if self._random.random() < 0.06:
            return self._random.choice(_EXTREME)
        return self._random.choice((self._random.uniform(-200.0, 200.0), self._random.randrange(5), 0.5))

    def integer(self) -> int:
        """A whole number of any size that travels."""
        return self._random.choice((self._random.randrange(20), self._random.choice(_EXTREME_INTEGERS)))

    def junk(self, depth: int = 0) -> Any:
        """Any value."""
        kind = self._random.randrange(9 if depth < 4 else 7)
        if kind < 7:
            return (None, self._flag(), self.integer(), self.number(), self._text(), b"\xff\0", msgpack.Timestamp(1))[
                kind
            ]
        values = [self.junk(depth + 1) for _ in range(self._random.randrange(5))]
        return values if kind == 7 else {str(k): value for k, value in enumerate(values)}

    def junk_list(self) -> list[Any]:
        """Any values."""
        return [self.junk() for _ in range(self._random.randrange(6))]

    def _broken(self, values: list[Any]) -> list[Any]:
        """The same with one thing, however deep, replaced, left out or doubled."""
        if not values:
            return [self.junk()]
        at = self._random.randrange(len(values))
        here = values[at]
        if isinstance(here, list) and here and self._random.random() < 0.7:
            return [*values[:at], self._broken(here), *values[at + 1 :]]
        return [*values[:at], *self._random.choice(([self.junk()], [], [here, here], [[here]])), *values[at + 1 :]]

    def _command(self, kind: int) -> list[Any]:
        return [[kind, [self.made(field) for field in _COMMANDS[kind]]]]

    def _description(self) -> list[Any]:
        blueprint = self._random.choice((*_BODIES, *_BODIES, *_SENSORS, self._text()))
        named = self._random.sample(_ATTRIBUTES, self._random.randrange(3))
        return [1, blueprint, [[name, 3, self._random.choice(("1", "9e9", "nan", self._text()))] for name in named]]

    def _vehicle_control(self) -> list[Any]:
        flags = [self._flag() for _ in range(3)]
        return [*(self.number() for _ in range(3)), *flags, self._random.randrange(-1, 7)]

    def _walker_control(self) -> list[Any]:
        return [self._vector(), self.number(), False]

    def _five(self) -> list[Any]:
        return [self.number() for _ in range(5)]

    def _six(self) -> list[Any]:
        return [self.number() for _ in range(6)]

    def _episode_settings(self) -> list[Any]:
        delta = self._random.choice(([True, 0.05], [True, self.number()], [False]))
        return [self._flag(), self._flag(), delta, True, 0.01, 10, 0.0, True, 3000.0, 2000.0, True]

    def _physics(self) -> list[Any]:
        curve = [[self.number(), self.number()] for _ in range(3)]
        wheels = [[*(self.number() for _ in range(9)), self._vector()] for _ in range(4)]
        numbers = [self.number() for _ in range(5)]
        gears = [[self.number() for _ in range(3)] for _ in range(2)]
        tail = [gears, self.number(), self.number(), self._vector(), curve, wheels, True]
        return [curve, *numbers, True, *(self.number() for _ in range(3)), *tail]

    def _vector(self) -> list[Any]:
        return [self.number() for _ in range(3)]

    def _flag(self) -> bool:
        return self._random.random() < 0.5

    def _text(self) -> str:
        return self._random.choice(("", "x", "\u2603" * 5, "a\0b", "Q" * self._random.choice((80, 70_000))))


class Connection:
    """A client that speaks msgpack itself."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._unpacker = msgpack.Unpacker(max_buffer_size=1 << 30)
        self._asked = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, requests: Sequence[tuple[str, list[Any]]]) -> list[tuple[Any, Any]]:
        """Send calls, wait for all answers; return the `error` and `result` of each."""
        first = self._asked
        self._asked += len(requests)
        packed = [msgpack.packb([0, first + k, *request]) for k, request in enumerate(requests)]
        self.sock.sendall(b"".join(packed))
        answers: list[Any] = []
        while len(answers) < len(requests):
            data = self.sock.recv(1 << 20)
            assert data, f"the server closed the connection after {len(answers)} of {requests}"
            self._unpacker.feed(data)
            answers += list(self._unpacker)
        assert [answer[:2] for answer in answers] == [[1, first + k] for k in range(len(requests))]
        return [(error, result) for _, _, error, result in answers]

    def result(self, name: str, *arguments: Any) -> Any:
        """The value of a call that succeeds."""
        ((error, result),) = self.ask([(name, [[False], *arguments])])
        assert error is None, f"{name}: {error}"
        assert result[0][0] == 1, f"{name}: {result}"
        return result[0][1]

    def hang_up(self) -> None:
        """Say that nothing more will come, and wait until the server has closed its end."""
        self.sock.shutdown(socket.SHUT_WR)
        while self.sock.recv(1 << 20):
            pass
        self.sock.close()


def populate(connection: Connection) -> list[int]:
    """A new episode with cars, people and small sensors; their ids."""
    connection.ask([("load_new_episode", [[False], "AvSynth01", True, 65535])])
    connection.ask([("set_episode_settings", [[False], [True, False, [True, 0.05], True, 0.01, 10]])])
    places = connection.result("get_map_info")[1]
    found = []
    for k, place in enumerate(places[:12]):
        body = _BODIES[k % len(_BODIES)]
        found.append(connection.result("spawn_actor", [1, body, []], [[*place[0][:2], place[0][2] + 1.0], place[1]])[0])
    mount = [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    for sensor in _SENSORS:
        few = [["points_per_second", 2, "2000"], ["channels", 2, "4"]] if "lidar" in sensor else []
        what = [1, sensor, few]
        found.append(connection.result("spawn_actor_with_parent", what, mount, found[0], 0, "")[0])
    return found
