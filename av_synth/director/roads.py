"""Finding the road that a scenario needs in the simulator's own map, and the lanes beside the ego's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.director.path import Path
from av_synth.errors import CastError
from av_synth.geometry.carla import vector_from_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import Lane, Road

SEARCH_STEP_M = 5.0
PATH_STEP_M = 1.0
STRAIGHT_RAD = math.radians(4.0)
NARROWEST_M = 1.5  # a lane that is narrower has run out


@dataclass(frozen=True)
class LaneBeside:
    """A lane next to the ego's: `kind` as CARLA calls it, `along` if it runs the ego's way, offset of its centre."""

    kind: str
    along: bool
    offset_m: float
    width_m: float


@dataclass(frozen=True)
class Place:
    """Where a scenario happens: the ego's path and the map's waypoint at each of its points."""

    path: Path
    waypoints: tuple[carla.Waypoint, ...]

    def lane_offset_m(self, lane: Lane, s_m: float) -> float:
        """Offset of a lane's centre from the path at a station.

        Raises:
            CastError: if there is no such lane there.
        """
        index = int(np.argmin(np.abs(self.path.stations_m - s_m)))
        found = lane_offset_m(self.waypoints[index], lane)
        if found is None:
            raise CastError(f"the road has no lane {lane!r} at {s_m:.0f} m along the ego's path; ask for it in `road`")
        return found


def find_places(town: carla.Map, road: Road, before_m: float, pick: float) -> Iterator[Place]:
    """Stretches of road that fit, the chosen one first and then the others in turn.

    Args:
        town: the map.
        road: what is needed.
        before_m: length needed before the ego's start too.
        pick: in [0, 1), which of the stretches comes first; they are sorted, so it depends on nothing else.

    Raises:
        CastError: if the map has no such stretch.
    """
    starts = sorted(
        (point for point in town.generate_waypoints(SEARCH_STEP_M) if not point.is_junction),
        key=lambda point: (point.road_id, point.section_id, point.lane_id, round(point.s, 3)),
    )
    fitting = [point for point in starts if _fits(point, road, before_m)]
    if not fitting:
        raise CastError(f"{town.name}: no road fits {_wanted(road, before_m)}; choose another town or ask for less")
    first = int(pick * len(fitting))
    for start in (*fitting[first:], *fitting[:first]):
        yield _place(start, road.length_m, before_m)


def beside(waypoint: carla.Waypoint, side: str) -> Iterator[LaneBeside]:
    """The lanes on one side of a waypoint's, nearest first, as far as the road goes."""
    origin, heading = _position(waypoint), _heading(waypoint)
    normal = np.array([-math.sin(heading), math.cos(heading)])
    here, step_left = waypoint, side == "left"
    for _ in range(24):  # no road has more lanes; a map whose neighbours run in a circle ends here
        there = here.get_left_lane() if step_left else here.get_right_lane()
        if there is None:
            return
        if there.lane_id * here.lane_id < 0:
            step_left = not step_left  # over the middle, outward is the other lane's own right
        offset_m = float((_position(there)[:2] - origin[:2]) @ normal)
        yield LaneBeside(str(there.lane_type), there.lane_id * waypoint.lane_id > 0, offset_m, there.lane_width)
        here = there


def lane_offset_m(waypoint: carla.Waypoint, lane: Lane) -> float | None:
    """Offset of the centre of a lane, as scenarios name it, from a waypoint; None if there is none."""
    if lane == "same":
        return 0.0
    kind, _, side = lane.partition("_")
    for found in beside(waypoint, side or ("right" if lane == "right" else "left")):
        fits = {
            "left": found.kind == "Driving" and found.along,
            "right": found.kind == "Driving" and found.along,
            "oncoming": found.kind == "Driving" and not found.along,
            "parking": found.kind == "Parking",
            "pavement": found.kind == "Sidewalk",
        }[kind]
        if fits:
            return found.offset_m
        if kind in ("left", "right") and found.kind == "Driving":
            return None
    return None


def _fits(start: carla.Waypoint, road: Road, before_m: float) -> bool:
    if not _lanes_fit(start, road):
        return False
    points = list(_walk(start, road.length_m + SEARCH_STEP_M, SEARCH_STEP_M, ahead=True))
    back = list(_walk(start, before_m, SEARCH_STEP_M, ahead=False))
    if len(points) * SEARCH_STEP_M < road.length_m or len(back) * SEARCH_STEP_M < before_m:
        return False
    heading = _heading(start)
    everywhere = [*back, *points]
    if any(abs(math.remainder(_heading(point) - heading, math.tau)) > STRAIGHT_RAD for point in everywhere):
        return False
    return all(_lanes_fit(point, road) for point in (points[-1], *everywhere[:: max(1, len(everywhere) // 8)]))


def _lanes_fit(point: carla.Waypoint, road: Road) -> bool:
    left, right = list(beside(point, "left")), list(beside(point, "right"))
    lanes_left = sum(lane.kind == "Driving" and lane.along for lane in left)
    lanes_right = sum(lane.kind == "Driving" and lane.along for lane in right)
    if (lanes_left if road.ego_lane == "leftmost" else lanes_right) > 0:
        return False
    if road.lanes is not None and 1 + lanes_left + lanes_right != road.lanes:
        return False
    oncoming = any(lane.kind == "Driving" and not lane.along for lane in left)
    if road.oncoming is not None and oncoming != road.oncoming:
        return False
    for kind, sides in (("Parking", road.parking), ("Sidewalk", road.pavement)):
        for side in sides:
            lanes = left if side == "left" else right
            if not any(lane.kind == kind and lane.width_m >= NARROWEST_M for lane in lanes):
                return False
    return True


def _walk(start: carla.Waypoint, length_m: float, step_m: float, ahead: bool) -> Iterator[carla.Waypoint]:
    """Waypoints from `start` on, which is left out, for so long as there is one way to go and no junction."""
    here = start
    for _ in range(math.ceil(length_m / step_m)):
        following = here.next(step_m) if ahead else here.previous(step_m)
        if len(following) != 1 or following[0].is_junction:
            return
        here = following[0]
        yield here


def _place(start: carla.Waypoint, length_m: float, before_m: float) -> Place:
    back = list(_walk(start, before_m, PATH_STEP_M, ahead=False))[::-1]
    ahead = list(_walk(start, length_m + SEARCH_STEP_M, PATH_STEP_M, ahead=True))
    waypoints = (*back, start, *ahead)
    return Place(Path(np.array([_position(point) for point in waypoints]), len(back)), waypoints)


def _position(waypoint: carla.Waypoint) -> Array:
    return vector_from_carla(waypoint.transform.location)


def _heading(waypoint: carla.Waypoint) -> float:
    x, y, _ = vector_from_carla(waypoint.transform.get_forward_vector()).tolist()
    return math.atan2(y, x)


def _wanted(road: Road, before_m: float) -> str:
    asked = [f"{before_m + road.length_m:.0f} m straight without a junction"]
    if road.lanes is not None:
        asked.append(f"{road.lanes} lane(s) in one direction")
    if road.oncoming is not None:
        asked.append("an oncoming lane" if road.oncoming else "no oncoming lane")
    asked += [f"parking on the {side}" for side in road.parking]
    asked += [f"a pavement on the {side}" for side in road.pavement]
    return ", ".join(asked)
