"""What a scenario's road asks of a start on a map, wish by wish."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import carla
import numpy as np

from av_synth.director.roads import lanes
from av_synth.director.roads.routes import Chooser, ahead, behind, by_exit, by_turns, heading_rad
from av_synth.director.roads.starts import Known, Start, entered
from av_synth.scenario.road import Road

LOOK_STEP_M = 5.0
_STRAIGHT_RAD = math.radians(4.0)
_BEND_RAD = math.radians(12.0)  # a road that turns by less over its length does not bend

Wish = tuple[str, Callable[[Start], bool]]
"""What is wanted, as it follows a number, and the test."""


def wishes(town: Known, road: Road, before_m: float, told: str) -> Iterator[Wish]:
    """What a start must have, the cheapest and commonest first; `told` says in words what `before_m` is."""
    feature = road.feature
    before = "" if feature is None else f" {getattr(road, feature).ahead_m:g} m before {_shown(feature)}"
    yield f"starts on a lane{before}", lambda start: not start.point.is_junction
    if feature not in ("entry", "exit"):
        yield f"in the {road.ego_lane} lane", lambda start: _in_lane(start.point, road.ego_lane)
    for words, holds in _beside(road):
        yield words, lambda start, holds=holds: holds(start.point)  # type: ignore[misc]
    if road.speed_limit_kmh is not None:
        limit = road.speed_limit_kmh
        yield (
            f"with a speed limit of {limit.in_words()} km/h",
            lambda start: (found := town.facts.limit_kmh(start.point)) is not None and limit.holds(round(found)),
        )
    if road.junction is not None:
        junction = road.junction
        if junction.control is not None:
            yield f"ruled by {junction.control}", lambda start: _control(town, start) == junction.control
        if junction.arms is not None:
            yield f"where {junction.arms} roads meet", lambda start: _arms(town, start) == junction.arms
    length = f"{told} before and {road.length_m:.0f} m ahead"
    if road.curve == "straight":
        length += ", straight"
    yield f"with {length}{_way_words(road)}", lambda start: _runs(town, road, start, before_m)
    if road.curve in ("left", "right"):
        radius = "" if road.radius_m is None else f" with a radius of {road.radius_m.in_words()} m"
        yield f"in a bend to the {road.curve}{radius}", lambda start: _bends(road, start)


def _shown(feature: str) -> str:
    names = {"tunnel": "a tunnel", "entry": "the end of an acceleration lane", "exit": "an exit lane"}
    return names.get(feature, f"a {feature}")


def _way_words(road: Road) -> str:
    if road.junction is not None:
        return f", then {road.junction.turn} at the junction"
    return f", then the exit {road.roundabout.exit} of the roundabout" if road.roundabout else " without a junction"


def _in_lane(point: carla.Waypoint, wanted: str) -> bool:
    left, right = (lanes.driven_along(point, side) for side in ("left", "right"))
    return {"leftmost": left == 0, "rightmost": right == 0, "middle": left > 0 and right > 0}.get(wanted, True)


def _beside(road: Road) -> Iterator[tuple[str, Callable[[carla.Waypoint], bool]]]:
    if road.lanes is not None:
        wanted = road.lanes
        yield (
            f"with {wanted.in_words()} lane(s) in its direction",
            lambda point: wanted.holds(1 + sum(lanes.driven_along(point, side) for side in ("left", "right"))),
        )
    if road.oncoming is not None:
        yield (
            "with an oncoming lane" if road.oncoming else "without an oncoming lane",
            lambda point: lanes.has_oncoming(point) == road.oncoming,
        )
    for kind, words in (("parking", "parking"), ("pavement", "a pavement"), ("shoulder", "a hard shoulder")):
        for side in getattr(road, kind):
            yield (
                f"with {words} on the {side}",
                lambda point, kind=kind, side=side: lanes.has(point, kind, side),  # type: ignore[misc]
            )


def _control(town: Known, start: Start) -> str | None:
    junction = entered(town, start)
    if junction is None or start.feature is None:
        return None
    mine = start.feature.road_id, start.feature.lane_id
    leading = (found for found in junction.entrances if (found.before.road_id, found.before.lane_id) == mine)
    entrance = next(leading, None)
    return None if entrance is None else junction.control(entrance)


def _arms(town: Known, start: Start) -> int | None:
    junction = entered(town, start)
    return None if junction is None else junction.arms


def chooser_of(road: Road) -> Chooser | None:
    """Where the ego goes at the junction that a road asks for."""
    if road.junction is not None:
        return by_turns([road.junction.turn])
    return None if road.roundabout is None else by_exit(road.roundabout.exit)


def length_of(road: Road) -> float:
    """Length of road needed ahead, what is needed behind a junction included."""
    if road.junction is not None:
        return max(road.length_m, road.junction.ahead_m + road.junction.after_m + 15.0)
    if road.roundabout is not None:
        return max(road.length_m, road.roundabout.ahead_m + road.roundabout.after_m + 40.0)
    return road.length_m


def _runs(town: Known, road: Road, start: Start, before_m: float) -> bool:
    """Whether the road goes on as far as needed, as straight as asked, through no junction but the one asked for."""
    back = list(behind(start.point, before_m, LOOK_STEP_M))
    if len(back) * LOOK_STEP_M < before_m or any(point.is_junction for point in back):
        return False
    length_m = length_of(road)
    on = list(ahead(start.point, length_m, chooser_of(road), LOOK_STEP_M))
    if len(on) * LOOK_STEP_M < length_m - LOOK_STEP_M and road.ego_lane != "entry":
        return False
    asked = road.junction or road.roundabout
    approach = on
    if asked is not None:
        inside = next((index for index, point in enumerate(on) if point.is_junction), None)
        if inside is None or abs((inside + 1) * LOOK_STEP_M - asked.ahead_m) > 2 * LOOK_STEP_M:
            return False
        approach = on[:inside]
    elif any(point.is_junction and not _passes(town, road, point) for point in on):
        return False
    if road.curve == "straight":
        heading = heading_rad(start.point)
        if any(
            abs(math.remainder(heading_rad(point) - heading, math.tau)) > _STRAIGHT_RAD for point in (*back, *approach)
        ):
            return False
    everywhere = (*back, *approach)
    sampled = everywhere[:: max(1, len(everywhere) // 8)]
    wanted = [holds for _, holds in _beside(road) if road.ego_lane != "entry"]
    return all(holds(point) for point in (*sampled, *approach[-1:]) for holds in wanted if not point.is_junction)


def _passes(town: Known, road: Road, point: carla.Waypoint) -> bool:
    """Whether the junction at a waypoint is none to who drives on: nobody crosses its lane, or joins it unasked."""
    junction = town.junctions.get(point.junction_id)
    if junction is None:
        return False
    for entrance in junction.entrances:
        for first, _ in entrance.ways:
            if (first.road_id, first.lane_id) == (point.road_id, point.lane_id):
                return len(entrance.ways) == 1 and (road.entry is not None or not junction.is_crossed(entrance))
    return False


def _bends(road: Road, start: Start) -> bool:
    """Whether the road ahead bends to the asked side, as tightly as asked, and to no other side."""
    headings = np.unwrap(
        [heading_rad(point) for point in (start.point, *ahead(start.point, road.length_m, step_m=LOOK_STEP_M))]
    )
    sign = 1.0 if road.curve == "left" else -1.0
    steps = sign * np.diff(headings)
    if steps.sum() < _BEND_RAD or steps.min() < -math.radians(1.0):
        return False
    radius_m = LOOK_STEP_M / max(float(steps.max()), 1e-6)
    return road.radius_m is None or road.radius_m.holds(radius_m)
