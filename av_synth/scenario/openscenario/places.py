"""Positions of OpenSCENARIO as places on the map, through the client's own reading of OpenDRIVE."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import carla
import numpy as np

from av_synth.errors import DocumentError
from av_synth.geometry.carla import location_from_point, vector_from_carla
from av_synth.scenario.openscenario.report import UnsaidError
from av_synth.scenario.openscenario.tree import Element, parse

LANE_WIDTH_M = 3.5  # where no map says it
_STEP_M = 2.0
_MOST_STEPS = 6000
RELATIVE = ("RelativeLanePosition", "RelativeRoadPosition", "RelativeObjectPosition", "RelativeWorldPosition")
_ANY = carla.LaneType.Any


@dataclass(frozen=True)
class Spot:
    """A place on the map.

    Attributes:
        x_m, y_m, yaw_rad: OpenDRIVE's axes, radians counter-clockwise from x; with `road` x is s along the road, y is
            to the left of the lane or the reference line, and yaw counts from the road's direction.
        road: numbers of the road and the lane (None: its reference line) of a map that is not here.
    """

    x_m: float
    y_m: float
    yaw_rad: float
    road: tuple[int, int | None] | None = None

    def pose(self) -> dict[str, object]:
        """As files have it."""
        if self.road is None:
            yaw = math.degrees(math.remainder(self.yaw_rad, math.tau))
            return {**self.place(), "yaw_deg": round(yaw, 2) + 0.0}
        off = math.remainder(self.yaw_rad - (math.pi if (self.road[1] or -1) > 0 else 0.0), math.tau)
        return self.place() if abs(off) < 1e-3 else {**self.place(), "yaw_deg": round(math.degrees(off), 2)}

    def place(self) -> dict[str, object]:
        """As files have it, without its heading."""
        if self.road is None:
            return {"x_m": round(self.x_m, 3) + 0.0, "y_m": round(self.y_m, 3) + 0.0}
        road, lane = self.road
        lanes = {} if lane is None else {"lane_id": lane}
        return {"road_id": road, **lanes, "s_m": round(max(self.x_m, 0.0), 3), "offset_m": round(self.y_m, 3) + 0.0}

    def shifted(self, ahead_m: float, left_m: float) -> Spot:
        """The place so far ahead and to the left of it."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return replace(self, x_m=self.x_m + ahead_m * cos - left_m * sin, y_m=self.y_m + ahead_m * sin + left_m * cos)

    def seen_from(self, other: Spot) -> tuple[float, float]:
        """How far it is ahead and to the left of another."""
        x, y = self.x_m - other.x_m, self.y_m - other.y_m
        cos, sin = math.cos(other.yaw_rad), math.sin(other.yaw_rad)
        return x * cos + y * sin, y * cos - x * sin


class Places:
    """Finds positions.

    Args:
        town: the map; None where there is none, so that lanes are straight on.
        mirrored: whether world positions are in CARLA's left-handed axes, as ScenarioRunner reads files whose
            description begins with 'CARLA:'.
    """

    def __init__(self, town: carla.Map | None, *, mirrored: bool = False) -> None:
        self.town = town
        self.mirrored = mirrored
        self._roads: dict[str, Element] | None = None

    @staticmethod
    def on(opendrive: Path, name: str) -> Places:
        """With the map of an OpenDRIVE file.

        Raises:
            OSError: if it cannot be read.
            RuntimeError: if the client cannot use it.
        """
        return Places(carla.Map(name, opendrive.read_text("utf-8-sig")))

    def find(self, holder: Element, actors: Mapping[str, Spot]) -> Spot:
        """The place of the one position inside an element.

        Args:
            holder: a Position, or another element that has one inside.
            actors: where those are that positions are told by, by the name in the file.

        Raises:
            UnsaidError: if it cannot be told on this map.
            DocumentError: if the file is wrong there.
        """
        if not holder.inside:
            raise holder.wrong("has no position; want one")
        one = holder.inside[0]
        found = {
            "WorldPosition": self._world,
            "LanePosition": self._lane,
            "RoadPosition": self._road,
            "RoutePosition": self._route,
        }.get(one.tag)
        if found is not None:
            return found(one)
        if one.tag not in RELATIVE:
            raise UnsaidError(f"{one.tag} is not understood")
        base = actors.get(one.word("entityRef"))
        if base is None:
            raise UnsaidError(f"where {one.word('entityRef')!r} is at that time is not known")
        return self._relative(one, base)

    def beside(self, spot: Spot) -> float:
        """Width of the lane at a place."""
        here = self._nearest(spot)
        return float(here.lane_width) if here is not None else LANE_WIDTH_M

    def ahead_m(self, spot: Spot, most_m: float) -> float:
        """How far the lane goes on from a place, as far as asked."""
        here, gone = self._nearest(spot), 0.0
        while here is not None and gone < most_m:
            following = here.next(_STEP_M)
            if not following:
                return gone
            here, gone = following[0], gone + _STEP_M
        return most_m

    def heading_off_rad(self, spot: Spot) -> float:
        """By how much a place's heading differs from its lane's, -pi to pi."""
        here = self._nearest(spot)
        return 0.0 if here is None else math.remainder(spot.yaw_rad - _spot(here).yaw_rad, math.tau)

    def route(self, route: Element, actors: Mapping[str, Spot]) -> list[Spot]:
        """The places of a route's waypoints.

        Raises:
            UnsaidError: see `find`.
        """
        return [self.find(one.need("Position"), actors) for one in route.all("Waypoint")]

    def _world(self, one: Element) -> Spot:
        side = -1.0 if self.mirrored else 1.0
        return Spot(one.number("x"), side * one.number("y"), side * one.number("h", 0.0))

    def _lane(self, one: Element) -> Spot:
        if self.town is None:
            lane = one.whole("laneId")
            facing = 0.0 if lane < 0 else math.pi
            return Spot(one.number("s"), one.number("offset", 0.0), facing, (_road_number(one), lane))
        here = self._waypoint(one, one.whole("laneId"), one.number("s"))
        left = 1.0 if here.lane_id < 0 else -1.0
        spot = _spot(here).shifted(0.0, left * one.number("offset", 0.0))
        return self._turned(one, spot)

    def _road(self, one: Element) -> Spot:
        if self.town is None:
            t = one.number("t")
            return Spot(one.number("s"), t, 0.0 if t <= 0 else math.pi, (_road_number(one), None))
        here = self._waypoint(one, 0, one.number("s"))
        return self._turned(one, _spot(here).shifted(0.0, one.number("t") - self._line_offset_m(here)))

    def _route(self, one: Element) -> Spot:
        route = one.find("RouteRef", "Route") or one.find("Route")
        if route is None:
            raise UnsaidError("its route is not known")
        line = self._along(self.route(route, {}))
        inside = one.need("InRoutePosition").inside
        if not inside:
            raise one.wrong("has no place on its route; want one")
        place = inside[0]
        if place.tag not in ("FromLaneCoordinates", "FromRoadCoordinates"):
            raise UnsaidError(f"{place.tag} is told while it is played")
        gone = place.number("pathS", place.number("s", 0.0))
        here = line[min(int(gone / _STEP_M), len(line) - 1)]
        rest = gone - _STEP_M * min(int(gone / _STEP_M), len(line) - 1)
        by_lane = place.tag == "FromLaneCoordinates"
        aside = place.number("laneOffset", 0.0) if by_lane else place.number("t")
        spot = _spot(here)
        if self.town is not None:
            # a route's lanes, and what is beside its road's line, are told as if it ran along the road
            lane = abs(place.whole("laneId")) * (1 if here.lane_id > 0 else -1) if by_lane else 0
            beside = self.town.get_waypoint_xodr(here.road_id, lane, here.s)
            spot = spot if beside is None else replace(_spot(beside), yaw_rad=spot.yaw_rad)
            if not by_lane and beside is not None:
                aside -= self._line_offset_m(beside) * (-1.0 if here.lane_id > 0 else 1.0)
        return self._turned(one, spot.shifted(rest, aside))

    def _relative(self, one: Element, base: Spot) -> Spot:
        if one.tag in ("RelativeObjectPosition", "RelativeWorldPosition"):
            x, y = one.number("dx"), one.number("dy")
            if one.tag == "RelativeObjectPosition":
                return self._turned(one, base.shifted(x, y))
            side = -1.0 if self.mirrored else 1.0
            return self._turned(one, replace(base, x_m=base.x_m + x, y_m=base.y_m + side * y))
        ahead = one.number("ds", one.number("dsLane", 0.0))
        here = self._nearest(base)
        by_road = one.tag == "RelativeRoadPosition"
        aside = one.number("dt") if by_road else one.number("offset", 0.0)
        steps = 0 if by_road else one.whole("dLane")
        if here is None:
            moved = base.shifted(ahead, 0.0)
            if by_road and base.road is not None:
                return self._turned(one, replace(moved, y_m=base.y_m + aside))
            if base.road is None or base.road[1] is None:
                return self._turned(one, base.shifted(ahead, aside + steps * LANE_WIDTH_M))
            lane = base.road[1] + steps
            lane += (1 if steps > 0 else -1) if lane * base.road[1] <= 0 else 0
            return self._turned(one, replace(moved, y_m=aside, road=(base.road[0], lane)))
        forward = abs(math.remainder(base.yaw_rad - _spot(here).yaw_rad, math.tau)) < math.pi / 2.0
        if by_road:
            # dt counts to the left as the road runs, what is beside the lane as who is there faces
            aside = base.seen_from(_spot(here))[1] + aside * (1.0 if here.lane_id <= 0 else -1.0)
            aside *= 1.0 if forward else -1.0
        there, rest = _walked(here, ahead if forward else -ahead)
        there = self._beside(there, steps)
        spot = _spot(there)
        if not forward:
            spot = replace(spot, yaw_rad=spot.yaw_rad + math.pi)
        return self._turned(one, spot.shifted(rest, aside))

    def _beside(self, here: carla.Waypoint, steps: int) -> carla.Waypoint:
        """The lane so many to the left (as the road runs), without lane 0."""
        if steps == 0 or self.town is None:
            return here
        lane = here.lane_id
        for _ in range(abs(steps)):
            lane += 1 if steps > 0 else -1
            lane = lane or (1 if steps > 0 else -1)
        found = self.town.get_waypoint_xodr(here.road_id, lane, here.s)
        if found is None:
            raise UnsaidError(f"the map has no lane {lane} on road {here.road_id}")
        return found

    def _along(self, stops: list[Spot]) -> list[carla.Waypoint]:
        """Waypoints every _STEP_M along a route."""
        line: list[carla.Waypoint] = []
        for begin, end in itertools.pairwise(stops):
            start, goal = self._nearest(begin), self._nearest(end)
            if start is None or goal is None:
                raise UnsaidError("there is no map to follow the route on")
            line += _shortest(line[-1], goal)[1:] if line else _shortest(start, goal)
        if not line:
            raise UnsaidError("its route has fewer than two places")
        return line

    def _line_offset_m(self, here: carla.Waypoint) -> float:
        """How far to the left of a road's reference line its lane 0 is: the map's laneOffset, which the client adds."""
        if self._roads is None and self.town is not None:
            try:
                network = parse(self.town.to_opendrive().encode(), self.town.name)
            except DocumentError as error:
                raise UnsaidError(f"the map's reference lines cannot be read: {error}") from error
            self._roads = {one.given.get("id", ""): one for one in network.all("road")}
        road = (self._roads or {}).get(str(here.road_id))
        begun = [] if road is None else [one for one in road.all("lanes", "laneOffset") if one.number("s") <= here.s]
        if not begun:
            return 0.0
        last = max(begun, key=lambda one: one.number("s"))
        gone = here.s - last.number("s")
        return sum(last.number(name) * gone**power for power, name in enumerate("abcd"))

    def _waypoint(self, one: Element, lane: int, s_m: float) -> carla.Waypoint:
        road = _road_number(one)
        found = self.town.get_waypoint_xodr(road, lane, s_m) if self.town is not None else None
        if found is None:
            raise UnsaidError(f"the map has no lane {lane} of road {road} at s = {s_m:g}")
        return found

    def _nearest(self, spot: Spot) -> carla.Waypoint | None:
        if self.town is None:
            return None
        return self.town.get_waypoint(location_from_point(np.array([spot.x_m, spot.y_m, 0.0])), lane_type=_ANY)

    def _turned(self, one: Element, spot: Spot) -> Spot:
        """With the position's own orientation, told by the lane's direction of travel or by the world's axes."""
        given = one.find("Orientation")
        if given is None or "h" not in given.given:
            return spot
        side = -1.0 if self.mirrored else 1.0
        if given.word("type", "absolute") == "relative":
            return replace(spot, yaw_rad=spot.yaw_rad + side * given.number("h"))
        return replace(spot, yaw_rad=side * given.number("h"))


def _spot(here: carla.Waypoint) -> Spot:
    x, y, _ = vector_from_carla(here.transform.location).tolist()
    east, north, _ = vector_from_carla(here.transform.get_forward_vector()).tolist()
    return Spot(x, y, math.atan2(north, east))


def _road_number(one: Element) -> int:
    road = one.word("roadId")
    # the client's roads have unsigned numbers
    if not road.isdecimal() or int(road) >= 2**31:
        raise UnsaidError(f"roads are numbers to the client, and this is {road!r}")
    return int(road)


def _walked(here: carla.Waypoint, ahead_m: float) -> tuple[carla.Waypoint, float]:
    """So far along the lane, and what is left of the way where it ends."""
    left = abs(ahead_m)
    while left > 0.01:
        step = min(_STEP_M, left)
        following = here.next(step) if ahead_m > 0 else here.previous(step)
        if not following:
            break
        here, left = following[0], left - step
    return here, math.copysign(left, ahead_m) if left > 0.01 else 0.0


def _shortest(start: carla.Waypoint, goal: carla.Waypoint) -> list[carla.Waypoint]:
    """Waypoints from one to the other by the fewest steps, lane changes not counted."""
    came: dict[tuple[int, int, int, int], tuple[carla.Waypoint, tuple[int, int, int, int] | None]] = {}

    def key(point: carla.Waypoint) -> tuple[int, int, int, int]:
        return point.road_id, point.section_id, point.lane_id, round(point.s / _STEP_M)

    came[key(start)] = (start, None)
    waiting = [start]
    while waiting and len(came) < _MOST_STEPS:
        here = waiting.pop(0)
        if here.road_id == goal.road_id and here.lane_id * goal.lane_id > 0 and abs(here.s - goal.s) <= _STEP_M:
            line, at = [], key(here)
            while True:
                point, before = came[at]
                line.append(point)
                if before is None:
                    return line[::-1]
                at = before
        for following in here.next(_STEP_M):
            if key(following) not in came:
                came[key(following)] = (following, key(here))
                waiting.append(following)
    raise UnsaidError("the map has no way from one place of the route to the next")
