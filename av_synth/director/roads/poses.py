"""Exact poses of a scenario on the map that they are told on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.director.roads import lanes
from av_synth.director.roads.path import Path
from av_synth.director.roads.routes import heading_rad, position
from av_synth.errors import CastError
from av_synth.geometry.carla import location_from_point
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import Pose

_LOOKS = 4  # a map's nearest lane is the nearest in space: asked again at the height that was found
_INSIDE_STEP_M = 1.0
FAR_M = 25.0  # from the lane of who drives on the other side of a motorway


@dataclass(frozen=True)
class Located:
    """A pose on the map.

    Attributes:
        point_m: (3,), world frame, at the height of the road that is nearest.
        yaw_rad: heading, counter-clockwise from x.
        lane: the waypoint there of the driving lane that runs nearest to this heading, of those of the nearest road.
    """

    point_m: Array
    yaw_rad: float
    lane: carla.Waypoint

    @property
    def on_road(self) -> bool:
        """Whether it is so near to its lane that who is there drives along it; others drive straight on."""
        return float(np.hypot(*(position(self.lane) - self.point_m)[:2])) < FAR_M

    @property
    def line(self) -> Path:
        """Straight on from it; station 0 is there."""
        forward = np.array([math.cos(self.yaw_rad), math.sin(self.yaw_rad), 0.0])
        return Path(np.array([self.point_m, self.point_m + forward]))


def locate(town: carla.Map, pose: Pose) -> Located:
    """A scenario's pose on a map; OpenDRIVE's axes are ours.

    Raises:
        CastError: if the map has no such road, lane or station, or no road at all.
    """
    given = _by_xy(town, pose) if pose.road_id is None else _by_road(town, pose)
    point, yaw = given
    nearest = _nearest(town, point, carla.LaneType.Driving)
    if nearest is None:
        raise CastError(f"{town.name}: no lane is near ({point[0]:g}, {point[1]:g}); want a pose on this map")
    lane = _running(nearest, point, yaw)
    return Located(point, heading_rad(lane) if yaw is None else yaw, lane)


def _by_xy(town: carla.Map, pose: Pose) -> tuple[Array, float | None]:
    point = np.array([pose.x_m or 0.0, pose.y_m or 0.0, 0.0])
    under = _nearest(town, point, carla.LaneType.Any)
    if under is not None:
        point[2] = under.transform.location.z
    return point, None if pose.yaw_deg is None else math.radians(pose.yaw_deg)


def _by_road(town: carla.Map, pose: Pose) -> tuple[Array, float]:
    """Lane 0 of the client's map is the line from which lanes are counted."""
    road, lane, s_m = pose.road_id or 0, pose.lane_id or 0, pose.s_m or 0.0
    here = None if road < 0 else town.get_waypoint_xodr(road, lane, s_m)
    if here is None:
        what = "reference line" if pose.lane_id is None else f"lane {lane}"
        raise CastError(
            f"{town.name}: no {what} of road {road} at s = {s_m:g} m; want a road, a lane and a station "
            "that the map's file has"
        )
    travel = heading_rad(here)
    along = travel + (math.pi if lane > 0 else 0.0)  # as the road runs; lanes on its left are driven the other way
    left = np.array([-math.sin(along), math.cos(along), 0.0])
    yaw = travel + math.radians(pose.yaw_deg or 0.0)
    return position(here) + (pose.offset_m or 0.0) * left, math.remainder(yaw, math.tau)


def _nearest(town: carla.Map, point_m: Array, kind: carla.LaneType) -> carla.Waypoint | None:
    """The lane nearest to a point as seen from above, as far as heights let find it."""
    found, height = None, float(point_m[2])
    for _ in range(_LOOKS):
        asked = location_from_point(np.array([point_m[0], point_m[1], height]))
        found = town.get_waypoint(asked, lane_type=kind)
        if found is None or abs(found.transform.location.z - height) < 0.5:
            break
        height = found.transform.location.z
    return found


def _running(nearest: carla.Waypoint, point_m: Array, yaw_rad: float | None) -> carla.Waypoint:
    """The lane of a road that runs nearest to a heading; of those that run alike, the one nearest to the point."""
    if yaw_rad is None:
        return nearest
    if nearest.is_junction:
        choice = [nearest, *_inside(nearest, point_m)]
    else:
        sides = (lane for side in ("left", "right") for lane in lanes.beside(nearest, side) if lane.driven)
        choice = [nearest, *(lane.waypoint for lane in sides)]

    def worth(found: carla.Waypoint) -> tuple[float, float]:
        off = abs(math.remainder(heading_rad(found) - yaw_rad, math.tau))
        apart = float(np.hypot(*(position(found) - point_m)[:2]))
        # ways that cross each other in a junction are told apart by their headings, lanes side by side by their places
        return (round(off, 2), apart) if nearest.is_junction else (float(off > math.pi / 2), apart)

    return min(choice, key=worth)


def _inside(point: carla.Waypoint, point_m: Array) -> list[carla.Waypoint]:
    """The waypoints of the ways through a junction that pass within half a lane of a point, the nearest of each."""
    found = []
    for first, _ in point.get_junction().get_waypoints(carla.LaneType.Driving):
        way = [first, *first.next_until_lane_end(_INSIDE_STEP_M)]
        best = min(way, key=lambda here: float(np.hypot(*(position(here) - point_m)[:2])))
        if float(np.hypot(*(position(best) - point_m)[:2])) < best.lane_width / 2.0:
            found.append(best)
    return found
