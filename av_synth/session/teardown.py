"""What a session changed, put back in an order that servers survive (carla#9246, #5812)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import carla


def tear_down(
    client: carla.Client,
    world: carla.World,
    *,
    sensors: Sequence[carla.Sensor],
    actors: Sequence[carla.Actor],
    manager: carla.TrafficManager | None,
    hidden: Sequence[int],
    settings: carla.WorldSettings,
) -> None:
    """Stop sensors, destroy them and the actors, and restore the settings. Never raises.

    Args:
        client: connected.
        world: of the session.
        sensors: that it spawned, in their order.
        actors: that it spawned, in their order.
        manager: the session's Traffic Manager.
        hidden: ids of environment objects that were taken away.
        settings: that the world is to have.
    """
    destroy = [carla.command.DestroyActor(actor) for actor in (*reversed(sensors), *reversed(actors))]
    steps: list[Callable[[], object]] = [sensor.stop for sensor in sensors]
    if manager is not None:
        # one that lives on asks for settings thousands of times a second
        steps += [partial(manager.set_synchronous_mode, False), manager.shut_down]
    if hidden:
        steps.append(partial(world.enable_environment_objects, set(hidden), True))
    steps += [partial(client.apply_batch_sync, destroy, False), partial(world.apply_settings, settings)]
    for step in steps:  # whatever becomes of one, the next is tried
        with suppress(RuntimeError):
            step()
