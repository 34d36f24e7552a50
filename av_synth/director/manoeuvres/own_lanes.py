"""The lane that somebody is in, and what becomes of a way that ends before the scenario does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import dropwhile, pairwise

import carla
import numpy as np

from av_synth.director.roads.courses import smooth_step
from av_synth.director.roads.path import Path
from av_synth.director.roads.poses import locate
from av_synth.director.roads.routes import ahead, behind, heading_rad, position
from av_synth.geometry.transforms import Array
from av_synth.scenario.exact import Pose

_ON_M = 250.0  # further
NEAR_M = 2.5  # from a path's end to the lane that it is taken to end in
_ALIKE = math.cos(math.radians(30.0))  # of the angle between the two
_STEP_ON_M, _DOUBLED_M = 0.5, 0.05
_BESIDE_M, _COMING = 0.05, 15.0  # beside the lane's centre, and in how many times this it comes there


def lane_at(town: carla.Map, point_m: Array, yaw_rad: float) -> carla.Waypoint:
    """The driving lane at a point (2,) or (3,) that runs nearest to a heading.

    Raises:
        CastError: if the map has no lane.
    """
    yaw_deg = math.degrees(math.remainder(yaw_rad, math.tau))
    return locate(town, Pose(x_m=float(point_m[0]), y_m=float(point_m[1]), yaw_deg=yaw_deg)).lane


def prolonged(town: carla.Map, path: Path) -> Path | None:
    """The same path, and on along the lane in which it ends, or against it; None if that ends there too.

    Stations stay as they are.
    """
    end, yaw = path.point(path.end_m), path.heading_rad(path.end_m)
    for turned, leads_on in ((0.0, ahead), (math.pi, behind)):
        lane = lane_at(town, end, yaw + turned)
        near = float(np.hypot(*(position(lane) - end)[:2])) < NEAR_M
        if near and math.cos(heading_rad(lane) - yaw - turned) > _ALIKE:
            return _joined(path, end, map(position, leads_on(lane, _ON_M)))
    return None


def _joined(path: Path, end: Array, way: Iterable[Array]) -> Path | None:
    """A path and what comes after its end, of a lane's points; None if nothing does."""
    # the first may be beside the end, not beyond it
    points = list(dropwhile(lambda point: path.project(point)[0] < path.end_m + _STEP_ON_M, way))
    points = [
        point for before, point in pairwise([end, *points]) if float(np.hypot(*(point - before)[:2])) > _DOUBLED_M
    ]
    if len(points) < 2:
        return None
    on = Path(np.array(points))
    beside_m = on.project(end)[1]
    if abs(beside_m) > _BESIDE_M:  # it comes to the lane's centre bit by bit
        shares = [1.0 - smooth_step((s + _STEP_ON_M) / (_COMING * abs(beside_m))) for s in on.stations_m.tolist()]
        points = [on.point(s, beside_m * share) for s, share in zip(on.stations_m.tolist(), shares, strict=True)]
    return Path(np.vstack([path.points_m, points]), origin_m=path.begin_m)
