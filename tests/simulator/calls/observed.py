"""What proves that a call is done: for each, something that a second client sees after a first one has made it."""

from __future__ import annotations

import itertools
import queue
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any

import carla
import msgpack

from tests.simulator.server_process import ahead, connect, fresh_world, running_simulator

WAIT_S = 20.0


class Wire:
    """A connection that speaks msgpack-rpc itself: for calls that the official client makes on its own only."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._unpacker = msgpack.Unpacker(raw=False)
        self._ids = itertools.count()

    def close(self) -> None:
        self._socket.close()

    def response(self, name: str, *arguments: object) -> tuple[Any, Any]:
        """The `error` and the `result` of a call."""
        number = next(self._ids)
        self._socket.sendall(msgpack.packb([0, number, name, [[False], *arguments]]))
        while True:
            for _, answered, error, result in self._unpacker:
                assert answered == number
                return error, result
            self._unpacker.feed(self._socket.recv(1 << 16))

    def ask(self, name: str, *arguments: object) -> Any:
        """The value of a call, None for those without; an error of the server's is a RuntimeError as in the client."""
        error, result = self.response(name, *arguments)
        if error is not None:
            raise RuntimeError(error)
        head, *rest = result[0]
        if head is False:  # no value, and no error
            return None
        if head is True or head == 0:
            raise RuntimeError(rest[0][0])
        return rest[0]


class Pair:
    """Clients A and B of one simulator whose world is synchronous: A acts, B looks. Close its `stack` at the end."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._folder = folder
        self.client_a = connect(port, folder / "a")
        self.wire = Wire(port)
        self.stack = ExitStack()
        self.stack.callback(self.wire.close)
        self._parked: tuple[carla.World, carla.World] | None = None
        self.begin()

    def begin(self) -> None:
        """A new episode, known to both."""
        self.a = fresh_world(self.client_a)
        # ids begin anew with an episode, and a client keeps what it was told of those of the last one
        self.client_b = connect(self.port, self._folder / "b")
        self.b = self.client_b.get_world()
        self._weather, self._settings = self.a.get_weather(), self.a.get_settings()
        self.library = self.a.get_blueprint_library()
        self.places = self.a.get_map().get_spawn_points()
        self.tick()

    def worlds_with_parked_cars(self) -> tuple[carla.World, carla.World]:
        """A's and B's world in another simulator, which is started when it is first asked for."""
        if self._parked is None:
            _, port = self.stack.enter_context(running_simulator("--profile", "ue4"))
            a, b = (connect(port, self._folder / f"parked_{name}").get_world() for name in "ab")
            self._parked = a, b
        return self._parked

    def tick(self, count: int = 1) -> carla.WorldSnapshot:
        """Frames, after everything that A has asked for; B has the last of them, which is returned."""
        self.a.get_settings()  # answered in the order of asking, so all before it has been done
        for _ in range(count):
            self.b.tick()
        return self.b.get_snapshot()

    def spawn(self, type_id: str, at: carla.Transform, parent: carla.Actor | None = None, **set_to: str) -> carla.Actor:
        """An actor of A's."""
        blueprint = self.library.find(type_id)
        for name, value in set_to.items():
            blueprint.set_attribute(name, value)
        actor = self.a.spawn_actor(blueprint, at, attach_to=parent)
        self.tick()
        return actor

    def car(self, index: int = 0) -> carla.Vehicle:
        """A car of A's at a spawn point, settled on the road."""
        car = self.spawn("vehicle.audi.a2", self.places[index])
        self.tick(10)
        return car

    def walker(self) -> carla.Walker:
        """A walker of A's on the road."""
        return self.spawn("walker.pedestrian.0001", ahead(self.places[0], 10.0, up_m=1.0))

    def light(self) -> carla.TrafficLight:
        """A traffic light, as A has it."""
        return self.a.get_actors().filter("traffic.traffic_light")[0]

    def seen(self, actor: carla.Actor) -> carla.Actor:
        """An actor as B has it."""
        found = self.b.get_actor(actor.id)
        assert found is not None, f"B sees no actor {actor.id}"
        return found

    def image(self, at: carla.Transform, side_px: int = 64) -> bytes:
        """What a camera of B's sees in the world on the next frame: BGRA."""
        blueprint = self.library.find("sensor.camera.rgb")
        for name in ("image_size_x", "image_size_y"):
            blueprint.set_attribute(name, str(side_px))
        camera = self.b.spawn_actor(blueprint, at)
        images: queue.SimpleQueue[carla.Image] = queue.SimpleQueue()
        camera.listen(images.put)
        self.tick()
        pixels = bytes(images.get(timeout=WAIT_S).raw_data)
        camera.stop()
        camera.destroy()
        return pixels

    def brightness(self, at: carla.Transform) -> float:
        """The mean of green, 0 to 255, in an image."""
        green = self.image(at)[1::4]
        return sum(green) / len(green)

    def measurement(self, sensor: carla.Sensor) -> Any:
        """What a sensor tells B on the next frame."""
        told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        seen = self.seen(sensor)
        seen.listen(told.put)
        self.tick()
        data = told.get(timeout=WAIT_S)
        seen.stop()
        return data

    def clear(self) -> None:
        """Remove what was spawned."""
        spawned = ("vehicle.", "walker.", "static.prop", "sensor.", "controller.")
        doomed = [actor.id for actor in self.b.get_actors() if actor.type_id.startswith(spawned)]
        self.client_b.apply_batch_sync([carla.command.DestroyActor(actor_id) for actor_id in doomed], True)

    def reset(self) -> None:
        """Make the world again as `begin` leaves it, in the same episode."""
        self.tick()
        self.clear()
        self.client_a.stop_recorder()
        self.client_a.stop_replayer(True)
        self.client_a.set_replayer_time_factor(1.0)
        self.client_a.set_replayer_ignore_hero(False)
        self.client_a.set_replayer_ignore_spectator(True)
        self.a.set_weather(self._weather)
        self.a.apply_settings(self._settings)
        self.a.set_imui_sensor_gravity(9.81)
        self.a.freeze_all_traffic_lights(False)
        for light in self.a.get_actors().filter("traffic.traffic_light"):
            light.set_green_time(10.0)
            light.set_yellow_time(3.0)
            light.set_red_time(2.0)
        self.a.reset_all_traffic_lights()
        self.tick()


Sees = Callable[[Pair], None]


@dataclass(frozen=True)
class Observation:
    """`sentence` is the row of the table in docs/simulator.md, and `run` what makes it true."""

    sentence: str
    run: Sees


OBSERVATIONS: dict[str, Observation] = {}
"""By the name of the call."""


def proves(call: str) -> Callable[[Sees], Sees]:
    """Register what shows that a call is done; the first paragraph of its docstring is what the table says."""

    def register(run: Sees) -> Sees:
        if call in OBSERVATIONS:
            raise ValueError(f"{call} is observed twice; want one observation")
        OBSERVATIONS[call] = Observation(" ".join(cleandoc(run.__doc__ or "").partition("\n\n")[0].split()), run)
        return run

    return register
