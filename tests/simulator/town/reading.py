"""What the carla client's map reader says, in the world frame."""

from __future__ import annotations

import math
from collections.abc import Iterator

import carla


def location(x: float, y: float, z: float = 0.0) -> carla.Location:
    return carla.Location(x, -y, z)


def pose(waypoint: carla.Waypoint) -> tuple[float, float, float]:
    """(x, y, heading) in the world frame."""
    transform = waypoint.transform
    return transform.location.x, -transform.location.y, -math.radians(transform.rotation.yaw)


def turned(a: float, b: float) -> float:
    return abs(math.remainder(a - b, 2 * math.pi))


def every(roads: carla.Map, step_m: float, kind: carla.LaneType) -> Iterator[tuple[carla.Waypoint, float]]:
    """Waypoints of a lane type on all roads, with the road's heading, found sideways from the driving lanes."""
    for waypoint in roads.generate_waypoints(step_m):
        heading = pose(waypoint)[2]
        while waypoint is not None and waypoint.lane_type != kind:
            outer = waypoint.get_right_lane()
            waypoint = outer if outer is not None and abs(outer.lane_id) > abs(waypoint.lane_id) else None
        if waypoint is not None:
            yield waypoint, heading
