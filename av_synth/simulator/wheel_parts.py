"""A vehicle whose wheels are turned, taken apart: its hull, and each wheel where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from av_synth.simulator.scene import Instance

_STEERED = float(np.sin(np.radians(2.0)))


def hull(body: str) -> str:
    """What `bodies.model.shown` calls a body without its wheels; it has one pose."""
    return f"{body}#hull"


def wheels(body: str) -> str:
    """What `bodies.model.shown` calls the wheels of a body; one pose for each."""
    return f"{body}#wheels"


def is_steered(instance: Instance) -> bool:
    """Whether a wheel points elsewhere than ahead, by more than two degrees."""
    # column 1 is the axle, which rolling leaves where it is
    return instance.wheels is not None and float(np.abs(instance.wheels[:, 0, 1]).max()) > _STEERED


def parted(instance: Instance) -> Iterator[Instance]:
    """The hull of an instance that has `wheels`, then each of them; they move as the vehicle does.

    What wheels move by turning shows in `last_world_from_body` alone.
    """
    if instance.wheels is None:
        yield instance
        return
    last_body = instance.world_from_body if instance.last_world_from_body is None else instance.last_world_from_body
    last_wheels = instance.wheels if instance.last_wheels is None else instance.last_wheels
    yield replace(instance, body=hull(instance.body), wheels=None, last_wheels=None)
    name, rotation = wheels(instance.body), instance.world_from_body[:3, :3]
    now, last = instance.world_from_body @ instance.wheels, last_body @ last_wheels
    for k, hub in enumerate(instance.wheels[:, :3, 3]):
        yield Instance(
            instance.actor_id,
            name,
            k,
            now[k],
            instance.velocity_mps + np.cross(instance.angular_velocity_radps, rotation @ hub),
            instance.angular_velocity_radps,
            instance.colour,
            last_pose=k,
            last_world_from_body=last[k],
        )
