"""Finding the road that a scenario needs in the simulator's own map."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import carla
import numpy as np

from av_synth.director.roads import lanes
from av_synth.director.roads.junctions import JunctionArms
from av_synth.director.roads.path import Path
from av_synth.director.roads.poses import Located, locate
from av_synth.director.roads.routes import STEP_M, ahead, behind, heading_rad, position, undoubled
from av_synth.director.roads.starts import Known, Start, candidates, entered, known
from av_synth.director.roads.towards import towards
from av_synth.director.roads.wishes import LOOK_STEP_M, chooser_of, length_of, wishes
from av_synth.errors import CastError
from av_synth.scenario.road import Lane, Road

_SPARE_M = 5.0
NEAR_M = 0.3  # of an exact place, no other point of the path
_BEFORE_M = "{before}"  # in the words of a wish


@dataclass(frozen=True)
class Place:
    """Where a scenario happens.

    A path that was found has all the road that was asked for. One that begins at an exact pose has what there is:
    beyond either end it goes straight on as it was heading, over open land, and whoever follows it does so too.

    Attributes:
        path: the ego's; station 0 is where its centre is at recorded time zero.
        waypoints: the map's at each point of the path.
        anchors: station of each feature of the road, by the name that scenarios give it.
        junction: the junction or roundabout that was asked for.
        shift_m: how far to the left of the waypoints the path runs; at a pose, as far as that is off its lane's centre.
        turn_rad: how far the ego is turned left of the path at time zero.
        against: whether the path runs against its lane: one at a pose where no lane runs the ego's way.
    """

    path: Path
    waypoints: tuple[carla.Waypoint, ...]
    anchors: Mapping[str, float]
    junction: JunctionArms | None = None
    shift_m: float = 0.0
    turn_rad: float = 0.0
    against: bool = False

    def waypoint(self, s_m: float) -> carla.Waypoint:
        """The map's waypoint on the ego's path nearest to a station."""
        return self.waypoints[int(np.argmin(np.abs(self.path.stations_m - s_m)))]

    def lane_offset_m(self, lane: Lane, s_m: float) -> float:
        """Offset of a lane's centre from the path at a station.

        Raises:
            CastError: if there is no such lane there.
        """
        found = lanes.find(self.waypoint(s_m), lane)
        if found is None:
            raise CastError(f"the road has no lane {lane!r} at {s_m:.0f} m along the ego's path; ask for it in `road`")
        return found[0] - (0.0 if lane == "same" else self.shift_m)

    def lane_waypoint(self, lane: Lane, s_m: float) -> carla.Waypoint | None:
        """The map's waypoint in a lane at a station; None if there is no such lane."""
        found = lanes.find(self.waypoint(s_m), lane)
        return None if found is None else found[1]

    def reaching(self, to_m: float) -> Place:
        """The same place with a path that follows its lane as far as a station.

        Raises:
            CastError: if the road ends before.
        """
        missing_m = to_m - self.path.end_m
        if missing_m <= 0.0 or self.against:
            return self
        on = _without_doubles([self.waypoints[-1], *ahead(self.waypoints[-1], missing_m + _SPARE_M)])[1:]
        if len(on) * STEP_M < missing_m - _SPARE_M:
            raise CastError(
                f"the road ends {self.path.end_m + len(on) * STEP_M:.0f} m ahead of the ego's start, and somebody is "
                f"placed {to_m:.0f} m ahead; want them nearer"
            )
        points = np.array([position(point) for point in on]).reshape(-1, 3)
        left = np.array([[-math.sin(heading_rad(point)), math.cos(heading_rad(point)), 0.0] for point in on])
        longer = np.vstack([self.path.points_m, points + self.shift_m * left.reshape(-1, 3)])
        path = Path(longer, origin_m=self.path.begin_m)
        return replace(self, path=path, waypoints=(*self.waypoints, *on))


def find_places(town: carla.Map, road: Road, before_m: float, pick: float) -> Iterator[Place]:
    """Stretches of road that fit, the chosen one first and then the others in turn; the only one for a pose.

    A search asks for the same road for thousands of draws: what was found is kept, for each five metres of `before_m`.

    Args:
        town: the map.
        road: what is needed.
        before_m: length needed before the ego's start too.
        pick: in [0, 1), which of the stretches comes first; they are sorted, so it depends on nothing else.

    Raises:
        CastError: if the map has no such stretch; says what it has, and which wish left none.
    """
    here = known(town.name, town.to_opendrive())
    if road.pose is not None:
        yield _exact(here, road, locate(here.map, road.pose), before_m)
        return
    fitting, why = _fitting(here, road, math.ceil(before_m / LOOK_STEP_M))
    if not fitting:
        found = why.replace(_BEFORE_M, f"{before_m:.0f} m")
        raise CastError(f"{town.name}: no road fits: {found}; choose another town or ask for less")
    first = int(pick * len(fitting))
    for start in (*fitting[first:], *fitting[:first]):
        yield _place(here, road, start, before_m)


@lru_cache(maxsize=64)
def _fitting(town: Known, road: Road, steps_before: int) -> tuple[tuple[Start, ...], str]:
    """The starts that fit, with so many steps of road before them; none with what there is, and what not."""
    fitting = candidates(town, road)
    told: list[str] = []
    for words, holds in wishes(town, road, steps_before * LOOK_STEP_M, _BEFORE_M):
        kept = [start for start in fitting if holds(start)]
        if not kept:
            return (), ", of which ".join([*told, f"none {words}"])
        told.append(f"{len(kept)} {words}")
        fitting = kept
    return tuple(fitting), ""


def _place(town: Known, road: Road, start: Start, before_m: float) -> Place:
    back = list(behind(start.point, before_m))[::-1]
    on = list(ahead(start.point, length_of(road) + _SPARE_M, chooser_of(road)))
    points = _without_doubles([*back, start.point, *on])
    begin = next(k for k, point in enumerate(points) if point is start.point)
    path = Path(np.array([position(point) for point in points]), begin)
    return Place(path, tuple(points), _anchors(town, road, start, path, points), entered(town, start))


def _exact(town: Known, road: Road, there: Located, before_m: float) -> Place:
    """The place at a pose, whatever the road is like there."""
    lane, length_m = there.lane, road.length_m + _SPARE_M
    if not there.on_road:  # a yard, or a map that has other roads
        ends = np.array([there.line.point(s_m) for s_m in (-1.0, 0.0, length_m)])
        return Place(Path(ends, 1), (lane,) * 3, {"start": 0.0})
    against = abs(math.remainder(there.yaw_rad - heading_rad(lane), math.tau)) > math.pi / 2
    if against:
        back, on = list(ahead(lane, before_m)), list(behind(lane, length_m))
    else:
        back, on = list(behind(lane, before_m)), list(ahead(lane, length_m, towards(town.map, lane, road.through)))
    points = _without_doubles([*back[::-1], lane, *on])
    centre = Path(np.array([position(point) for point in points])) if len(points) > 1 else there.line
    station, shift_m = centre.project(there.point_m)
    where = list(zip(points, centre.stations_m.tolist(), strict=False))
    before = [(point, s_m) for point, s_m in where if s_m < station - NEAR_M]
    after = [(point, s_m) for point, s_m in where if s_m > station + NEAR_M]
    line = [centre.point(s_m, shift_m) for _, s_m in before]
    line += [there.point_m, *(centre.point(s_m, shift_m) for _, s_m in after)]
    waypoints = [*(point for point, _ in before), lane, *(point for point, _ in after)]
    if not after:
        line, waypoints = [*line, there.line.point(1.0)], [*waypoints, lane]
    path = Path(np.array(line), len(before))
    turn = math.remainder(there.yaw_rad - path.heading_rad(0.0), math.tau)
    return Place(path, tuple(waypoints), {"start": 0.0}, None, shift_m, turn, against)


def _without_doubles(points: Sequence[carla.Waypoint]) -> list[carla.Waypoint]:
    """Waypoints, those left out that stand where the one before stands."""
    return [points[index] for index in undoubled([position(point) for point in points])]


def _anchors(town: Known, road: Road, start: Start, path: Path, points: Sequence[carla.Waypoint]) -> dict[str, float]:
    """Stations of the road's features."""
    found = {"start": 0.0}
    feature = road.feature
    if feature is None or start.feature is None:
        return found
    station, _ = path.project(position(start.feature))
    found["junction" if feature == "roundabout" else feature] = station
    if feature in ("junction", "roundabout"):
        inside = [
            s for s, point in zip(path.stations_m, points, strict=True) if point.is_junction and s > station - 2.0
        ]
        if feature == "junction":
            # the first junction only: the way on may come to another
            inside = [s for k, s in enumerate(inside) if s - inside[0] <= k * 1.5 + 1.0]
        found["junction_exit"] = float(inside[-1]) if inside else station
    if feature == "tunnel":
        covered = [
            s for s, point in zip(path.stations_m, points, strict=True) if s >= station and town.facts.tunnel_at(point)
        ]
        found["tunnel_exit"] = float(covered[-1]) if covered else station
    return found
