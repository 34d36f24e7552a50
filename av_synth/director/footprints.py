"""The footprints of actors, read from a world state, and the eyes that look from them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from av_synth.geometry import transforms
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.metrics import Footprint, contact
from av_synth.scenario.words import is_person

UPRIGHT = 0.94
"""Cosine of the tilt above which a body lies on the ground rather than leans."""
_EYE_AHEAD, _EYE_HEIGHT = 0.05, 0.8  # a driver's eye, as shares of the vehicle's length and height
_WALKER_EYE_HEIGHT = 0.93


def footprint(state: WorldState, actor_id: int) -> Footprint:
    """The footprint of an actor's bounding box, with its velocity; of somebody who lies, of the box as it lies."""
    size, velocity = state.infos[actor_id].size_lwh_m, state.actors[actor_id].velocity_mps
    box = state.world_from_box(actor_id)
    found = Footprint.of_box(box, size, velocity)
    if box[2, 2] > UPRIGHT:
        return found
    turned = transforms.from_yaw(0.0, 0.0, 0.0, -found.yaw_rad)[:3, :3] @ box[:3, :3]
    reach = np.abs(turned) @ (np.asarray(size, dtype=np.float64) / 2.0)
    height = float(box[2, 3])
    return replace(found, half_m=reach[:2], bottom_m=height - float(reach[2]), top_m=height + float(reach[2]))


def touching(one: Footprint, other: Footprint) -> bool:
    """Whether two boxes touch, heights included; quick where even the circles around them do not."""
    reach = math.hypot(*one.half_m) + math.hypot(*other.half_m)
    return math.hypot(*(one.centre_m - other.centre_m)) <= reach and contact(one, other)


def eye(state: WorldState, actor_id: int) -> Array:
    """The point (3,) from which somebody looks: a driver's head, or a walker's."""
    box, info = state.world_from_box(actor_id), state.infos[actor_id]
    length, _, height = np.asarray(info.size_lwh_m).tolist()
    walks = is_person(info.type_id)
    ahead, share = (0.0, _WALKER_EYE_HEIGHT) if walks else (_EYE_AHEAD, _EYE_HEIGHT)
    found: Array = box[:3, 3] + box[:3, :3] @ np.array([ahead * length, 0.0, (share - 0.5) * height])
    return found
