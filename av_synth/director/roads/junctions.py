"""What a map tells of its junctions: the lanes that lead into them, what rules each, and which arm it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import carla
import numpy as np

from av_synth.director.roads.routes import by_exit, heading_rad, position, turned_rad
from av_synth.geometry.transforms import Array

LIGHTS, _STOP, _GIVE_WAY = "1000001", "206", "205"  # OpenDRIVE's signal types, as CARLA's maps use them
_SIGN_WITHIN_M = 40.0
_ARM_RAD = math.radians(50.0)
_STEP_M = 1.0
_CLOSED_M = 2.5  # a ring has come round when it is this near to where it began
_RING_M = (40.0, 250.0)
_RING_TURN_RAD = math.radians(0.8)  # a metre, at least, for most of a ring; who drives round a block goes straight on


@dataclass(frozen=True)
class Entrance:
    """A lane that leads into a junction.

    Attributes:
        before: the last waypoint before the junction.
        ways: the lanes inside that it leads to, as (first, last) waypoints.
        sign: what stands there: 'signals', 'stop', 'give_way' or 'none'.
    """

    before: carla.Waypoint
    ways: tuple[tuple[carla.Waypoint, carla.Waypoint], ...]
    sign: str

    @property
    def key(self) -> tuple[int, int, int]:
        """Road, section and lane: what entrances are sorted by."""
        return self.before.road_id, self.before.section_id, self.before.lane_id

    @property
    def passes_through(self) -> bool:
        """Whether it leads one way only, straight on."""
        return len(self.ways) == 1 and abs(_turned(*self.ways[0])) < math.radians(20.0)


@dataclass(frozen=True)
class JunctionArms:
    """A junction with its entrances."""

    id: int
    entrances: tuple[Entrance, ...]

    @cached_property
    def arms(self) -> int:
        """How many roads meet, told by the directions that lead in and out."""
        headings: list[float] = []
        for entrance in self.entrances:
            for heading in (
                heading_rad(entrance.before) + math.pi,
                *(heading_rad(last) for _, last in entrance.ways),
            ):
                if all(abs(math.remainder(heading - other, math.tau)) > _ARM_RAD / 2 for other in headings):
                    headings.append(heading)
        return len(headings)

    def control(self, entrance: Entrance) -> str:
        """What rules an entrance: its own sign, or the right of way that the signs of others give it."""
        if entrance.sign != "none":
            return entrance.sign
        ruled = any(other.sign in ("stop", "give_way") for other in self.entrances)
        return "priority" if ruled else "none"

    def on_arm(self, seen_from: carla.Waypoint, arm: str) -> list[Entrance]:
        """The entrances of the arm that is to the left, to the right or opposite; outermost lane first."""
        turned = {"opposite": math.pi, "left": -math.pi / 2, "right": math.pi / 2}[arm]
        wanted = heading_rad(seen_from) + turned
        fitting = [
            entrance
            for entrance in self.entrances
            if abs(math.remainder(heading_rad(entrance.before) - wanted, math.tau)) < _ARM_RAD
        ]
        return sorted(fitting, key=lambda entrance: (-abs(entrance.before.lane_id), entrance.key))

    def is_crossed(self, entrance: Entrance) -> bool:
        """Whether another way crosses, or joins, the one way on of an entrance."""
        mine = _points(*entrance.ways[0])
        for other in self.entrances:
            for way in other.ways:
                if other.key != entrance.key and _cross(mine, _points(*way)):
                    return True
        return False


def junctions(town: carla.Map) -> dict[int, JunctionArms]:
    """Every junction of a map, by its id."""
    found: dict[int, carla.Junction] = {}
    for first, last in town.get_topology():
        for point in (first, last):
            if point.is_junction and point.junction_id not in found:
                found[point.junction_id] = point.get_junction()
    return {key: JunctionArms(key, tuple(_entrances(found[key]))) for key in sorted(found)}


def is_roundabout(entrance: Entrance) -> bool:
    """Whether somebody who enters and always keeps left comes round to where the ring began."""
    keep_left = by_exit(99)
    here = entrance.before
    trail: list[Array] = []
    turned, walked, turning = 0.0, 0.0, 0
    while walked < _RING_M[1]:
        following = here.next(_STEP_M)
        if not following:
            return False
        if len(following) > 1:
            chosen = keep_left([(point, turned_rad(here, point)) for point in following])
        else:
            chosen = following[0]
        if chosen is None:
            return False
        step = math.remainder(heading_rad(chosen) - heading_rad(here), math.tau)
        turned, turning = turned + step, turning + (step > _RING_TURN_RAD)
        here, walked = chosen, walked + _STEP_M
        trail.append(position(here)[:2])
        if turned > 1.8 * math.pi and len(trail) > _RING_M[0] / _STEP_M:
            apart = np.hypot(*(np.array(trail[: -int(_RING_M[0] / 2)]) - trail[-1]).T)
            if float(apart.min()) < _CLOSED_M:
                return turning * _STEP_M > 0.6 * walked
    return False


def _entrances(junction: carla.Junction) -> Iterator[Entrance]:
    ways: dict[tuple[int, int, int], list[tuple[carla.Waypoint, carla.Waypoint]]] = {}
    befores: dict[tuple[int, int, int], carla.Waypoint] = {}
    for first, last in junction.get_waypoints(carla.LaneType.Driving):
        outside = _outside(first)
        if outside is None:
            continue
        key = outside.road_id, outside.section_id, outside.lane_id
        befores[key] = outside
        ways.setdefault(key, []).append((first, last))
    for key in sorted(befores):
        yield Entrance(befores[key], tuple(ways[key]), _sign(befores[key]))


def _outside(first: carla.Waypoint) -> carla.Waypoint | None:
    """The last waypoint before a lane of a junction; None if only the junction leads to it."""
    for step_m in (0.1, 0.5, 1.0, 2.0):
        for before in first.previous(step_m):
            if not before.is_junction:
                return before
    return None


def marks(before: carla.Waypoint) -> Iterator[carla.Landmark]:
    """The signs and lights over the last metres of a lane before a junction."""
    away = before.previous(_SIGN_WITHIN_M / 2)
    for point in (before, *(point for point in away[:1] if not point.is_junction)):
        yield from point.get_landmarks(_SIGN_WITHIN_M / 2 + 5.0, True)


def _sign(before: carla.Waypoint) -> str:
    types = {mark.type for mark in marks(before)}
    for kind, name in ((LIGHTS, "signals"), (_STOP, "stop"), (_GIVE_WAY, "give_way")):
        if kind in types:
            return name
    return "none"


def _turned(first: carla.Waypoint, last: carla.Waypoint) -> float:
    return math.remainder(heading_rad(last) - heading_rad(first), math.tau)


def _points(first: carla.Waypoint, last: carla.Waypoint) -> Array:
    """A way through a junction as points (N, 2) without its ends, where ways may fork and join."""
    points, here, end = [], first, position(last)[:2]
    for _ in range(120):
        here_m = position(here)[:2]
        points.append(here_m)
        following = [point for point in here.next(_STEP_M) if point.is_junction and point.road_id == first.road_id]
        if not following or float(np.hypot(*(here_m - end))) < _STEP_M:
            break
        here = following[0]
    return np.array(points)


def _cross(a: Array, b: Array) -> bool:
    """Whether two ways come within half a metre of each other, but for the first tenth, where they may fork."""
    a, b = a[len(a) // 10 :], b[len(b) // 10 :]
    apart = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    return bool(apart.size and apart.min() < 0.75)
