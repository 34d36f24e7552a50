"""Triggers: when an event of the scenario begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from av_synth.director.control import WALKER_ACCELERATION_MPS2
from av_synth.director.footprints import footprint
from av_synth.director.path import Path
from av_synth.log.state import WorldState
from av_synth.scenario.model import EventSpec

MOVING_MPS = 0.1


@dataclass(frozen=True)
class Along:
    """Where an actor is along the ego's path: stations of its rear and front, offset of its middle, and its speed."""

    rear_m: float
    front_m: float
    offset_m: float
    speed_mps: float

    def gap_m(self, other: Along) -> float:
        """Free length between the two; negative where they are side by side."""
        return max(self.rear_m - other.front_m, other.rear_m - self.front_m)


def along(state: WorldState, actor_id: int, path: Path) -> Along:
    """Project an actor's box onto the path."""
    box = footprint(state, actor_id)
    station, offset = path.project(box.centre_m)
    heading = path.heading_rad(station)
    forward = np.array([math.cos(heading), math.sin(heading)])
    reach = float(np.abs(box.axes @ forward) @ box.half_m)
    return Along(station - reach, station + reach, offset, float(box.velocity_mps @ forward))


def arrival_s(ego: Along, actor: Along) -> float:
    """Time until the ego's front is level with the actor's middle, at the ego's present speed; inf if it stands."""
    to_go = (actor.rear_m + actor.front_m) / 2.0 - ego.front_m
    return to_go / ego.speed_mps if ego.speed_mps > MOVING_MPS else math.inf


def fires(event: EventSpec, state: WorldState, ego: Along, actor: Along) -> bool:
    """Whether an event's condition holds at this frame."""
    when = event.when
    if when.time_s is not None:
        return state.time_us >= when.time_s * 1e6
    if when.ego_arrives_in_s is not None:
        return arrival_s(ego, actor) <= when.ego_arrives_in_s
    if when.crosses_before_ego_s is not None and event.do is not None and event.do.cross is not None:
        speed = event.do.cross.speed_kmh / 3.6
        crossing_s = abs(actor.offset_m) / speed + speed / (2.0 * WALKER_ACCELERATION_MPS2)
        return arrival_s(ego, actor) <= crossing_s + when.crosses_before_ego_s
    return when.ego_gap_m is not None and actor.gap_m(ego) <= when.ego_gap_m
