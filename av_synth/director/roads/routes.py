"""Ways through a town: along a lane, and through the junctions that it comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import carla
import numpy as np

from av_synth.director.roads.path import Path
from av_synth.errors import CastError
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.words import Turn

STEP_M = 1.0
_TURN_RAD = math.radians(30.0)  # less than this is straight on
_LONGEST_JUNCTION_M = 120.0
_DOUBLED_M = 0.05

Ways = Sequence[tuple[carla.Waypoint, float]]
"""Where one can go: the waypoint of each way and the angle it turns by, positive to the left."""
Chooser = Callable[[Ways], "carla.Waypoint | None"]
"""Takes one of the ways at a junction or fork; None if what is wanted is not among them."""


def position(waypoint: carla.Waypoint) -> Array:
    """(3,), world frame."""
    return vector_from_carla(waypoint.transform.location)


def heading_rad(waypoint: carla.Waypoint) -> float:
    """Direction of travel, counter-clockwise from x."""
    x, y, _ = vector_from_carla(waypoint.transform.get_forward_vector()).tolist()
    return math.atan2(y, x)


def by_turns(turns: Sequence[Turn]) -> Chooser:
    """Chooses one turn after the other, a junction each, and then the straightest way."""
    waiting = list(turns)

    def choose(ways: Ways) -> carla.Waypoint | None:
        if not waiting:
            return min(ways, key=lambda way: abs(way[1]))[0]
        turn = waiting.pop(0)
        if turn == "straight":
            fitting = [way for way in ways if abs(way[1]) < _TURN_RAD]
            return min(fitting, key=lambda way: abs(way[1]))[0] if fitting else None
        side = 1.0 if turn == "left" else -1.0
        fitting = [way for way in ways if side * way[1] >= _TURN_RAD]
        # the nearest of several ways to that side, at a fork of five roads
        return min(fitting, key=lambda way: abs(abs(way[1]) - math.pi / 2))[0] if fitting else None

    return choose


class Route:
    """Takes one turn after the other, as `by_turns`, and knows of one that was not to be had.

    Attributes:
        missed: the turn that none of the ways at its junction takes; None if there was none so far.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.missed: Turn | None = None
        self._turns = turns
        self._choose = by_turns(turns)
        self._met = 0

    def __call__(self, ways: Ways) -> carla.Waypoint | None:
        """The way that the next turn takes."""
        chosen = self._choose(ways)
        if chosen is None:
            self.missed = self._turns[self._met]
        self._met += 1
        return chosen

    def refuse_missed(self, who: str) -> None:
        """See that every turn so far was to be had.

        Raises:
            CastError: if one was not.
        """
        if self.missed is not None:
            raise CastError(
                f"{who!r} cannot go {self.missed} at junction {self._met} of its way, as its route says; "
                f"want another route"
            )


def by_exit(number: int) -> Chooser:
    """Drives round a roundabout, counter-clockwise, and leaves it at the n-th exit."""
    passed = 0

    def choose(ways: Ways) -> carla.Waypoint | None:
        nonlocal passed
        if len(ways) > 1 and passed < number:
            passed += 1
            if passed < number:
                return max(ways, key=lambda way: way[1])[0]
            return min(ways, key=lambda way: way[1])[0]
        return min(ways, key=lambda way: abs(way[1]))[0]

    return choose


def ahead(
    start: carla.Waypoint, length_m: float, choose: Chooser | None = None, step_m: float = STEP_M
) -> Iterator[carla.Waypoint]:
    """Waypoints from `start` on, which is left out, as far as the road and the choice go."""
    choose = choose or by_turns(())
    here, inside = start, start.is_junction
    for _ in range(math.ceil(length_m / step_m)):
        following = here.next(step_m)
        if not following:
            return
        enters = not inside and any(point.is_junction for point in following)
        if enters or len(following) > 1:
            chosen = choose([(point, turned_rad(here, point)) for point in following])
            if chosen is None:
                return
        else:
            chosen = following[0]
        here, inside = chosen, chosen.is_junction
        yield here


def behind(start: carla.Waypoint, length_m: float, step_m: float = STEP_M) -> Iterator[carla.Waypoint]:
    """Waypoints before `start`, which is left out, nearest first; the straightest way where there are several."""
    here = start
    for _ in range(math.ceil(length_m / step_m)):
        before = here.previous(step_m)
        if not before:
            return
        heading = heading_rad(here)
        here = min(before, key=lambda point: abs(math.remainder(heading_rad(point) - heading, math.tau)))
        yield here


def path_along(start: carla.Waypoint, before_m: float, length_m: float, choose: Chooser | None = None) -> Path:
    """The way of somebody who comes along the lane of `start` and goes on; station 0 is at `start`."""
    back = list(behind(start, before_m))[::-1]
    on = list(ahead(start, length_m, choose))
    points = [position(point) for point in (*back, start, *on)]
    kept = undoubled(points)
    begin = max(k for k, index in enumerate(kept) if index <= len(back))
    if len(kept) == 1:  # a lane that ends here: straight on
        forward = np.array([math.cos(heading_rad(start)), math.sin(heading_rad(start)), 0.0])
        return Path(np.array([points[0], points[0] + forward]), 0)
    return Path(np.array([points[index] for index in kept]), begin)


def undoubled(points_m: Sequence[Array]) -> list[int]:
    """Numbers of the points (3,) that stand apart from the one kept before: lane sections begin with doubled ones."""
    kept = [0]
    for index in range(1, len(points_m)):
        if float(np.hypot(*(points_m[index] - points_m[kept[-1]])[:2])) > _DOUBLED_M:
            kept.append(index)
    return kept


def turned_rad(here: carla.Waypoint, first: carla.Waypoint) -> float:
    """By how much a way turns, from here to where it has left the junction that it leads into."""
    last, walked = first, 0.0
    while last.is_junction and walked < _LONGEST_JUNCTION_M:
        following = last.next(STEP_M)
        if not following:
            break
        last, walked = following[0], walked + STEP_M
    return math.remainder(heading_rad(last) - heading_rad(here), math.tau)
