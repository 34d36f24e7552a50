"""What a session says of an actor, of what the client says."""

from __future__ import annotations

import math

import carla

from av_synth.errors import DataError
from av_synth.geometry.carla import Numbers, motion_from_numbers
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import ActorInfo, ActorState
from av_synth.session.boxes import actor_box


def info_of(actor: carla.Actor, role: str, parked: bool) -> ActorInfo:
    """What does not change of an actor.

    Raises:
        DataError: if the labels are to know it, and its box has no size.
    """
    box = actor_box(actor)
    size = 2.0 * box.half_m
    category = nuscenes_category(actor.type_id, actor.attributes)
    if category and not box.usable:
        raise DataError(f"{role} ({actor.type_id}): bounding box size {size.tolist()} m; want three positive lengths")
    return ActorInfo(actor.id, actor.type_id, role, category, box.centre_m, size, parked, box.source)


def state_of(numbers: Numbers, info: ActorInfo, frame: int) -> ActorState:
    """The state of an actor of a snapshot's numbers (see `motion_numbers`).

    Raises:
        DataError: if they are not finite.
    """
    if not all(map(math.isfinite, numbers)):
        raise DataError(f"{info.role} (actor {info.actor_id}), frame {frame}: state is not finite: {numbers}")
    return ActorState(*motion_from_numbers(numbers))
