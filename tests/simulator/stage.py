"""A parked ego with a car ahead of it, in a simulator that is asked through the official client."""

from __future__ import annotations

import queue
from typing import Any

import carla
import numpy as np
from server_process import ahead, fresh_world

WAIT_S = 20.0


class Stage:
    """A parked ego with a car 12 m ahead, and sensors on the ego with a queue each."""

    def __init__(self, client: carla.Client) -> None:
        self.client = client
        self.world = fresh_world(client)
        self.library = self.world.get_blueprint_library()
        self.place = self.world.get_map().get_spawn_points()[0]
        self.ego = self.world.spawn_actor(self.library.find("vehicle.audi.a2"), self.place)
        self.other = self.world.spawn_actor(self.library.find("vehicle.tesla.model3"), ahead(self.place, 12.0))
        self.sensors: list[carla.Sensor] = []
        self.queues: dict[int, queue.SimpleQueue[Any]] = {}

    def attach(
        self, type_id: str, mount: carla.Transform | None = None, *, free: bool = False, **attributes: str
    ) -> carla.Sensor:
        """A sensor on the ego, or on nothing and standing at `mount` in the world if `free`."""
        blueprint = self.library.find(type_id)
        for name, value in attributes.items():
            blueprint.set_attribute(name.replace("__", "."), value)
        mount = mount or carla.Transform(carla.Location(x=0.8, z=1.8))
        sensor = self.world.spawn_actor(blueprint, mount, attach_to=None if free else self.ego)
        self.queues[sensor.id] = queue.SimpleQueue()
        sensor.listen(self.queues[sensor.id].put)
        self.sensors.append(sensor)
        return sensor

    def next(self, sensor: carla.Sensor) -> Any:
        return self.queues[sensor.id].get(timeout=WAIT_S)

    def clear(self) -> None:
        for sensor in self.sensors:
            sensor.stop()
        self.client.apply_batch_sync([carla.command.DestroyActor(sensor.id) for sensor in self.sensors], False)


def pixels(image: carla.Image) -> np.ndarray:
    """BGRA (H, W, 4)."""
    return np.frombuffer(image.raw_data, dtype=np.uint8).reshape(image.height, image.width, 4)
