"""The lanes beside a waypoint, by the names that scenarios give them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.director.roads.routes import heading_rad, position
from av_synth.scenario.road import Lane

NARROWEST_M = 1.5  # a lane that is narrower has run out
_VERGE_M = 1.2  # from the road's edge to where somebody stands beside it
DRIVEN = ("Driving", "Entry", "Exit", "OnRamp", "OffRamp", "Bidirectional")
_KINDS = {"parking": ("Parking",), "pavement": ("Sidewalk",), "shoulder": ("Shoulder", "Stop")}
_ROAD = (*DRIVEN, "Parking", "Shoulder", "Stop", "Biking", "Sidewalk")


@dataclass(frozen=True)
class LaneBeside:
    """A lane next to another: `kind` as CARLA calls it, `along` if it runs the same way, offset of its centre."""

    kind: str
    along: bool
    offset_m: float
    width_m: float
    waypoint: carla.Waypoint

    @property
    def driven(self) -> bool:
        """Whether vehicles drive in it."""
        return self.kind in DRIVEN and self.width_m >= NARROWEST_M


def beside(waypoint: carla.Waypoint, side: str) -> Iterator[LaneBeside]:
    """The lanes on one side of a waypoint's, nearest first, as far as the road goes."""
    origin, heading = position(waypoint), heading_rad(waypoint)
    normal = np.array([-math.sin(heading), math.cos(heading)])
    here, step_left = waypoint, side == "left"
    for _ in range(24):  # no road has more lanes; a map whose neighbours run in a circle ends here
        there = here.get_left_lane() if step_left else here.get_right_lane()
        if there is None:
            return
        if there.lane_id * here.lane_id < 0:
            step_left = not step_left  # over the middle, outward is the other lane's own right
        offset_m = float((position(there)[:2] - origin[:2]) @ normal)
        along = there.lane_id * waypoint.lane_id > 0
        yield LaneBeside(str(there.lane_type), along, offset_m, there.lane_width, there)
        here = there


def driven_along(waypoint: carla.Waypoint, side: str) -> int:
    """How many driving lanes of the same direction are on a side of a waypoint's lane."""
    return sum(lane.driven and lane.along for lane in beside(waypoint, side))


def has(waypoint: carla.Waypoint, kind: str, side: str) -> bool:
    """Whether a side has a lane for 'parking', 'pavement' or 'shoulder'."""
    return any(lane.kind in _KINDS[kind] and lane.width_m >= NARROWEST_M for lane in beside(waypoint, side))


def has_oncoming(waypoint: carla.Waypoint) -> bool:
    """Whether the road has a lane the other way."""
    return any(lane.driven and not lane.along for lane in beside(waypoint, "left"))


def find(waypoint: carla.Waypoint, lane: Lane) -> tuple[float, carla.Waypoint | None] | None:
    """A lane as scenarios name it: the offset of its centre from the waypoint, and its own waypoint.

    A verge is no lane of the map and has no waypoint: it is what is just beyond the road's edge.

    Returns:
        None if there is no such lane.
    """
    if lane == "same":
        return 0.0, waypoint
    kind, _, detail = lane.partition("_")
    if kind == "verge":
        return _verge(waypoint, detail)
    if kind in _KINDS:
        fitting = (found for found in beside(waypoint, detail) if found.kind in _KINDS[kind])
        found = next(fitting, None)
        return None if found is None else (found.offset_m, found.waypoint)
    number = int(detail or 1)
    lanes = [found for found in beside(waypoint, "right" if kind == "right" else "left") if found.driven]
    fitting_lanes = [found for found in lanes if found.along != (kind == "oncoming")]
    if len(fitting_lanes) < number:
        return None
    return fitting_lanes[number - 1].offset_m, fitting_lanes[number - 1].waypoint


def _verge(waypoint: carla.Waypoint, side: str) -> tuple[float, None]:
    sign = 1.0 if side == "left" else -1.0
    edges = [waypoint.lane_width / 2.0]
    edges += [sign * found.offset_m + found.width_m / 2.0 for found in beside(waypoint, side) if found.kind in _ROAD]
    return sign * (max(edges) + _VERGE_M), None
