"""Choosing the ways that lead through places of a map, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import carla

from av_synth.director.roads.poses import locate
from av_synth.director.roads.routes import Chooser, Ways, by_turns
from av_synth.scenario.exact import Pose

_STEP_M = 2.0  # no way through a junction is shorter
_FARTHEST_M = 4000.0  # from one place to the next
_Lane = tuple[int, int]
"""Numbers of a road and a lane of it."""


def towards(town: carla.Map, start: carla.Waypoint, places: Sequence[Pose]) -> Chooser:
    """Takes, at each fork, the way that leads to the next of some places, and straight on behind the last.

    Who drives so stays in its lane. A place is passed on its road, in whichever lane of it; one that cannot be reached
    from this lane is left out.

    Raises:
        CastError: if a place is not on the map.
    """
    plan: list[_Lane] = [_lane(start)]
    here = start
    for place in places:
        leg = _leg(here, locate(town, place).lane.road_id)
        if leg:
            plan += [_lane(point) for point in leg[1:]]
            here = leg[-1]
    straight = by_turns(())
    at = 0

    def choose(ways: Ways) -> carla.Waypoint | None:
        nonlocal at
        planned = [
            (plan.index(_lane(point), at + 1), index)
            for index, (point, _) in enumerate(ways)
            if _lane(point) in plan[at + 1 :]
        ]
        if not planned:
            return straight(ways)
        at, index = min(planned)
        return ways[index][0]

    return choose


def _lane(point: carla.Waypoint) -> _Lane:
    return point.road_id, point.lane_id


def _leg(start: carla.Waypoint, road_id: int) -> list[carla.Waypoint]:
    """The shortest way along lanes to a road: the first waypoint in each lane on it; empty if there is none."""
    before: dict[tuple[int, int, int, int], carla.Waypoint | None] = {_key(start): None}
    front: deque[tuple[carla.Waypoint, float]] = deque([(start, 0.0)])
    while front:
        here, walked = front.popleft()
        if here.road_id == road_id:
            return _back(here, before)
        if walked >= _FARTHEST_M:
            continue
        for point in here.next(_STEP_M):
            key = _key(point)
            if key not in before:
                before[key] = here
                front.append((point, walked + _STEP_M))
    return []


def _key(point: carla.Waypoint) -> tuple[int, int, int, int]:
    return point.road_id, point.section_id, point.lane_id, round(point.s / _STEP_M)


def _back(end: carla.Waypoint, before: dict[tuple[int, int, int, int], carla.Waypoint | None]) -> list[carla.Waypoint]:
    points = [end]
    here = before[_key(end)]
    while here is not None:
        if _lane(here) == _lane(points[-1]):
            points[-1] = here
        else:
            points.append(here)
        here = before[_key(here)]
    return points[::-1]
