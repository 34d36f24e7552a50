"""Lines to change to: the lane beside one's own, the ego's, a turn at the next junction, and back the other way."""

from __future__ import annotations

import math
from collections.abc import Sequence

import carla
import numpy as np

from av_synth.director.roads import lanes
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.director.roads.routes import Ways, by_turns, heading_rad, path_along, position
from av_synth.director.roads.towards import towards
from av_synth.errors import CastError
from av_synth.geometry.carla import location_from_point
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import Pose
from av_synth.scenario.words import Side, Turn

BEHIND_M = 20.0
AHEAD_M = 250.0  # as far as somebody goes on whose way is found anew
_JOIN_M = 6.0  # from the end of a U-turn to where the lane's centre is reached


def facing(line: Line, position_m: Array, yaw_rad: float) -> Line:
    """A line, or the same the other way round if that is how one faces."""
    station, _ = line.path.project(position_m)
    if math.cos(line.path.heading_rad(station) - yaw_rad) >= 0.0:
        return line
    return Line(line.path.reversed(), -line.offset_m)


def beside(town: carla.Map, line: Line, position_m: Array, side: Side) -> Line:
    """The line one lane to a side; on that lane's own path where it runs the same way, else beside one's own."""
    here = _waypoint(town, line, position_m)
    station, _ = line.path.project(position_m)
    sign = 1.0 if side == "left" else -1.0
    if here is None:
        return Line(line.path, line.offset_m + sign * 3.5)
    same_way = math.cos(heading_rad(here) - line.path.heading_rad(station)) >= 0.0
    found = list(lanes.beside(here, side if same_way else ("right" if side == "left" else "left")))
    lane = next((lane for lane in found[:1] if lane.width_m >= lanes.NARROWEST_M), None)
    if lane is None:
        return Line(line.path, line.path.project(position(here))[1] + sign * here.lane_width)
    if lane.driven and lane.along and same_way:
        return Line(path_along(lane.waypoint, BEHIND_M, AHEAD_M))
    return Line(line.path, line.path.project(position(lane.waypoint))[1])


def shifted(town: carla.Map, line: Line, position_m: Array, offset_m: float) -> Line:
    """One's own lane's centre, shifted to the left."""
    here = _waypoint(town, line, position_m)
    centre = 0.0 if here is None or here.is_junction else line.path.project(position(here))[1]
    return Line(line.path, centre + offset_m)


def turning(town: carla.Map, line: Line, position_m: Array, to: Turn, who: str) -> Line:
    """One's own lane and the turn at the next junction.

    Raises:
        CastError: if there is no such turn.
    """
    here = _waypoint(town, line, position_m)
    turns = by_turns([to])
    met = False

    def choose(found: Ways) -> carla.Waypoint | None:
        nonlocal met
        chosen = turns(found)
        met = met or chosen is not None
        return chosen

    path = None if here is None else path_along(here, BEHIND_M, AHEAD_M, choose)
    if path is None or not met:
        raise CastError(f"{who}: turn: its lane has no way {to} at the next junction; want a lane or turn that has one")
    return Line(path)


def through(
    town: carla.Map, waypoint: carla.Waypoint, places: Sequence[Pose], length_m: float, before_m: float = BEHIND_M
) -> Path:
    """The way along a lane and through places in turn, station 0 at the waypoint; see `towards`.

    Args:
        town: the map.
        waypoint: in the lane.
        places: where it leads.
        length_m: as far as it goes, straight on behind the last place.
        before_m: of the lane before the waypoint, too.

    Raises:
        CastError: if a place is not on the map.
    """
    return path_along(waypoint, before_m, length_m, towards(town, waypoint, places))


def turned_round(town: carla.Map, line: Line, position_m: Array, radius_m: float, who: str) -> Line:
    """A half circle to the left, and on along the lane that runs the other way.

    Raises:
        CastError: if there is no such lane.
    """
    station, offset = line.path.project(position_m)
    begin = line.path.pose(station + 2.0, offset)
    angles = np.linspace(0.0, math.pi, 25)
    arc = np.column_stack([radius_m * np.sin(angles), radius_m * (1.0 - np.cos(angles)), np.zeros(25)])
    points = np.vstack([line.path.point(station - 8.0, offset), begin[:3, 3] + arc @ begin[:3, :3].T])
    back = begin[:3, 3] + begin[:3, :3] @ np.array([-_JOIN_M, 2.0 * radius_m, 0.0])
    lane = town.get_waypoint(location_from_point(back))
    if lane is None or math.cos(heading_rad(lane) - line.path.heading_rad(station)) > -0.5:
        raise CastError(
            f"{who}: u_turn: no lane runs the other way {2 * radius_m:g} m to the left; want another radius"
        )
    on = path_along(lane, 0.0, AHEAD_M)
    return Line(Path(np.vstack([points, on.points_m])))


def _waypoint(town: carla.Map, line: Line, position_m: Array) -> carla.Waypoint | None:
    """The lane of any kind that one is in."""
    point = line.path.point(*line.path.project(position_m))
    return town.get_waypoint(location_from_point(point), lane_type=carla.LaneType.Any)
