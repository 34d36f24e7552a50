"""Flows of vehicles and crowds on pavements: many who are nobody in particular."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import carla

from av_synth.director.model import Event, Stage
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place
from av_synth.director.roads.routes import by_turns, path_along
from av_synth.director.stage.cast import Member
from av_synth.director.stage.casting import Casting, Role
from av_synth.director.stage.placement import box_pose, spawn_named
from av_synth.director.stage.spots import arm_entrance
from av_synth.errors import SpawnError
from av_synth.scenario.concrete import ConcreteScenario, CrowdPlan, FlowPlan
from av_synth.scenario.model import Actor
from av_synth.scenario.road import Lane, Placement

_BUMPER_M = 2.0  # at least so much between two of a flow, whatever the time gap


@dataclass(frozen=True)
class _Extra:
    """Somebody to be spawned: who, and on which way."""

    name: str
    role: Role
    spec: Actor
    path: Path
    offset_m: float
    turn_rad: float
    speed_mps: float
    stroll_m: tuple[float, float] | None = None


def refuse_extras(concrete: ConcreteScenario, place: Place) -> None:
    """Raise CastError if a place lacks a lane, an arm or a pavement that flows or crowds go on."""
    for flow in concrete.flows:
        _flow_begins(flow, place)
    for crowd in concrete.crowds:
        for each in crowd.people:
            _strolls_m(crowd, each.at_m, place)


def spawn_extras(
    concrete: ConcreteScenario, stage: Stage, casting: Casting, place: Place, run_up_s: float
) -> Iterator[Member | Event]:
    """Spawn the vehicles of all flows and the people of all crowds; tells of those for whom there is no room.

    Raises:
        CastError: if the road has no such lane, arm or pavement.
    """
    for index, flow in enumerate(concrete.flows):
        for extra in _flow(flow, index, place, casting, run_up_s, concrete.duration_s):
            yield extra if isinstance(extra, Event) else _spawned(extra, stage, casting, run_up_s)
    for index, crowd in enumerate(concrete.crowds):
        for extra in _crowd(crowd, index, place, casting):
            yield _spawned(extra, stage, casting, 0.0)


def _spawned(extra: _Extra, stage: Stage, casting: Casting, run_up_s: float) -> Member | Event:
    size = casting.size(extra.role.type_id)
    pose = box_pose(extra.path, -extra.speed_mps * run_up_s, extra.offset_m, extra.turn_rad, size)
    try:
        actor = spawn_named(stage, casting, extra.role, extra.name, extra.spec, pose)
    except SpawnError as error:
        return Event(0, "not_placed", detail={"role": extra.name, "reason": str(error)})
    return Member(
        extra.name, extra.spec, actor, size, extra.path, extra.offset_m, extra.turn_rad, extra.speed_mps, extra.stroll_m
    )


def _flow(
    flow: FlowPlan, index: int, place: Place, casting: Casting, run_up_s: float, duration_s: float
) -> Iterator[_Extra | Event]:
    """The vehicles of a flow from the first on, for as long as there is road behind them."""
    speed = flow.speed_kmh / 3.6
    first, before_m = _flow_begins(flow, place)
    reach_m = sum(max(each.gap_s * speed, _BUMPER_M) + 12.0 for each in flow.vehicles) + speed * run_up_s
    whole = path_along(first, before_m + reach_m, speed * duration_s + 60.0, by_turns(flow.route))
    station, leader_rear_m = -before_m, math.inf
    for number, each in enumerate(flow.vehicles):
        name = f"flow_{index}_{number}"
        role = casting.role(each.body, each.pick)
        size = casting.size(role.type_id)
        half = float(size.half_m[0])
        if number > 0:
            station = leader_rear_m - max(each.gap_s * speed, _BUMPER_M) - half
        if station - half - size.tail_m - speed * run_up_s < whole.begin_m:
            reason = "the road does not reach further back"
            left = len(flow.vehicles) - number
            yield Event(0, "not_placed", detail={"role": name, "count": left, "reason": reason})
            return
        leader_rear_m = station - half - size.tail_m
        spec = Actor(body=each.body, at=Placement(ahead_m=0.0), speed_kmh=flow.speed_kmh, careful=True)
        yield _Extra(name, role, spec, whole.counted_from(station), 0.0, 0.0, speed)


def _flow_begins(flow: FlowPlan, place: Place) -> tuple[carla.Waypoint, float]:
    """A waypoint in the flow's lane, and how far before it the first vehicle is."""
    if flow.arm is not None:
        return arm_entrance(place, flow.arm, flow.route).before, flow.first_m
    waypoint = place.lane_waypoint(flow.lane, flow.first_m)
    if waypoint is None:
        place.lane_offset_m(flow.lane, flow.first_m)  # says that there is no such lane
        waypoint = place.waypoint(flow.first_m)
    return waypoint, 0.0


def _crowd(crowd: CrowdPlan, index: int, place: Place, casting: Casting) -> Iterator[_Extra]:
    for number, each in enumerate(crowd.people):
        along = each.direction == "along"
        offset = _strolls_m(crowd, each.at_m, place) + each.offset_m
        path = place.path.counted_from(each.at_m)
        spec = Actor(body=each.body, at=Placement(ahead_m=each.at_m))
        stretch = crowd.from_m - each.at_m, crowd.to_m - each.at_m
        yield _Extra(
            f"crowd_{index}_{number}",
            casting.role(each.body, each.pick),
            spec,
            path,
            offset,
            0.0 if along else math.pi,
            each.speed_kmh / 3.6,
            stretch,
        )


def _strolls_m(crowd: CrowdPlan, at_m: float, place: Place) -> float:
    """Offset of the pavement's centre."""
    pavement: Lane = "pavement_left" if crowd.side == "left" else "pavement_right"
    return place.lane_offset_m(pavement, at_m)
