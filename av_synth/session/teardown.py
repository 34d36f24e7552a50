"""What a session changed, put back in an order that servers survive (carla#9246, #5812)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import carla

from av_synth.session.steps import OnStep, Step

_DRAIN_TIMEOUT_S = 10.0


def tear_down(
    client: carla.Client,
    world: carla.World,
    *,
    sensors: Sequence[carla.Sensor],
    actors: Sequence[carla.Actor],
    manager: carla.TrafficManager | None,
    hidden: Sequence[int],
    settings: carla.WorldSettings,
    on_step: OnStep,
) -> None:
    """Stop sensors, drain, destroy sensors and actors, make the Traffic Manager asynchronous, restore settings.

    Whatever becomes of one part, the next is tried: nothing that the client says is raised. Walkers are led by
    controls, so there are no controllers to be destroyed.

    Args:
        client: connected.
        world: of the session.
        sensors: that it spawned, in their order.
        actors: that it spawned, in their order.
        manager: the session's Traffic Manager.
        hidden: ids of environment objects that were taken away.
        settings: that the world is to have.
        on_step: told of each step.
    """
    destroy = [carla.command.DestroyActor(actor) for actor in (*reversed(sensors), *reversed(actors))]
    # in a synchronous world what a sensor is still making is done when the next tick begins
    drain = [partial(world.tick, _DRAIN_TIMEOUT_S)] if sensors else []
    show = [partial(world.enable_environment_objects, set(hidden), True)] if hidden else []
    # a manager that lives on asks for settings thousands of times a second
    end = [] if manager is None else [partial(manager.set_synchronous_mode, False), manager.shut_down]
    _try(*(sensor.stop for sensor in sensors), *drain)
    on_step(Step.STOPPED)
    _try(partial(client.apply_batch_sync, destroy, False))
    on_step(Step.DESTROYED)
    _try(*end, *show, partial(world.apply_settings, settings))
    on_step(Step.RESTORED)


def _try(*calls: Callable[[], object]) -> None:
    for call in calls:
        with suppress(RuntimeError):
            call()
