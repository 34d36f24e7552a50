"""Finding the road that a scenario needs in the simulator's own map."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import carla
import numpy as np

from av_synth.director import features, lanes
from av_synth.director.junctions import JunctionArms, junctions
from av_synth.director.map_facts import MapFacts, facts
from av_synth.director.path import Path
from av_synth.director.routes import Chooser, ahead, behind, by_exit, by_turns, heading_rad, position
from av_synth.errors import CastError
from av_synth.geometry.carla import location_from_point
from av_synth.scenario.road import Lane, Road

LOOK_STEP_M = 5.0
STRAIGHT_RAD = math.radians(4.0)
BEND_RAD = math.radians(12.0)  # a road that turns by less over its length does not bend
MOST_STARTS = 1500  # more candidates than this are thinned out evenly
SPARE_M = 5.0


@dataclass(frozen=True)
class Place:
    """Where a scenario happens.

    Attributes:
        path: the ego's; station 0 is where its centre is at recorded time zero.
        waypoints: the map's at each point of the path.
        anchors: station of each feature of the road, by the name that scenarios give it.
        junction: the junction or roundabout that was asked for.
    """

    path: Path
    waypoints: tuple[carla.Waypoint, ...]
    anchors: Mapping[str, float]
    junction: JunctionArms | None = None

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
        return found[0]

    def lane_waypoint(self, lane: Lane, s_m: float) -> carla.Waypoint | None:
        """The map's waypoint in a lane at a station; None if there is no such lane."""
        found = lanes.find(self.waypoint(s_m), lane)
        return None if found is None else found[1]


@dataclass(frozen=True)
class _Town:
    """A map with all that is looked up in it, made once."""

    map: carla.Map
    facts: MapFacts
    starts: tuple[carla.Waypoint, ...]
    junctions: dict[int, JunctionArms]


@dataclass(frozen=True)
class _Start:
    """A candidate: where the ego would begin, and the feature `ahead_m` before it, if there is one."""

    point: carla.Waypoint
    feature: carla.Waypoint | None = None


def find_places(town: carla.Map, road: Road, before_m: float, pick: float) -> Iterator[Place]:
    """Stretches of road that fit, the chosen one first and then the others in turn.

    Args:
        town: the map.
        road: what is needed.
        before_m: length needed before the ego's start too.
        pick: in [0, 1), which of the stretches comes first; they are sorted, so it depends on nothing else.

    Raises:
        CastError: if the map has no such stretch; says what it has, and which wish left none.
    """
    known = _known(town.name, town.to_opendrive())
    fitting = _candidates(known, road)
    told: list[str] = []
    for words, holds in _wishes(known, road, before_m):
        kept = [start for start in fitting if holds(start)]
        if not kept:
            found = ", of which ".join([*told, f"none {words}"])
            raise CastError(f"{town.name}: no road fits: {found}; choose another town or ask for less")
        told.append(f"{len(kept)} {words}")
        fitting = kept
    first = int(pick * len(fitting))
    for start in (*fitting[first:], *fitting[:first]):
        yield _place(known, road, start, before_m)


@lru_cache(maxsize=4)
def _known(name: str, opendrive: str) -> _Town:
    town = carla.Map(name, opendrive)
    return _Town(town, facts(opendrive), tuple(features.lane_starts(town)), junctions(town))


def _candidates(town: _Town, road: Road) -> list[_Start]:
    """Every start that has the asked feature at the asked distance, thinned out if there are very many."""
    if road.pose is not None:
        return [_Start(_nearest(town.map, road))]
    name = _feature(road)
    if name is None:
        every = math.ceil(len(town.starts) / MOST_STARTS) or 1
        return [_Start(point) for point in town.starts[::every]]
    starts = list(town.starts)
    found: Iterator[carla.Waypoint] = {
        "junction": lambda: features.entrances(town.junctions, roundabouts=False),
        "roundabout": lambda: features.entrances(town.junctions, roundabouts=True),
        "crossing": lambda: features.crossings(town.map),
        "crest": lambda: features.crests(starts),
        "tunnel": lambda: features.tunnel_mouths(starts, town.facts),
        "entry": lambda: features.entry_ends(starts, town.junctions),
        "exit": lambda: features.exit_begins(starts),
    }[name]()
    ahead_m = getattr(road, name).ahead_m
    candidates = []
    for point in found:
        for lane in _own_lanes(point, road, name):
            back = list(behind(lane, ahead_m))
            if len(back) >= math.floor(ahead_m) and not any(here.is_junction for here in back[1:]):
                candidates.append(_Start(back[-1], lane))
    return candidates


def _own_lanes(point: carla.Waypoint, road: Road, feature: str) -> Iterator[carla.Waypoint]:
    """The lanes in which the ego could come to a feature that was found at one of them."""
    if feature in ("entry", "exit") and road.ego_lane != "rightmost":
        side = "right" if road.ego_lane == "entry" else "left"
        beside = [lane.waypoint for lane in lanes.beside(point, side) if lane.driven and lane.along]
        if road.ego_lane == "middle":
            beside = beside[:-1]
        yield from beside[-1:] if road.ego_lane == "leftmost" else beside[:1]
        return
    yield point


def _feature(road: Road) -> str | None:
    names = ("junction", "roundabout", "crossing", "crest", "tunnel", "entry", "exit")
    return next((name for name in names if getattr(road, name) is not None), None)


Wish = tuple[str, Callable[[_Start], bool]]
"""What is wanted, as it follows a number, and the test."""


def _wishes(town: _Town, road: Road, before_m: float) -> Iterator[Wish]:
    """What a start must have, the cheapest and commonest first."""
    feature = _feature(road)
    before = "" if feature is None else f" {getattr(road, feature).ahead_m:g} m before {_shown(feature)}"
    yield f"starts on a lane{before}", lambda start: not start.point.is_junction
    if feature not in ("entry", "exit"):
        yield f"in the {road.ego_lane} lane", lambda start: _in_lane(start.point, road.ego_lane)
    for words, holds in _beside(road):
        yield words, lambda start, holds=holds: holds(start.point)  # type: ignore[misc]
    if road.speed_limit_kmh is not None:
        limit = road.speed_limit_kmh
        yield (
            f"with a speed limit of {limit.in_words()} km/h",
            lambda start: (found := town.facts.limit_kmh(start.point)) is not None and limit.holds(round(found)),
        )
    if road.junction is not None:
        junction = road.junction
        if junction.control is not None:
            yield f"ruled by {junction.control}", lambda start: _control(town, start) == junction.control
        if junction.arms is not None:
            yield f"where {junction.arms} roads meet", lambda start: _arms(town, start) == junction.arms
    length = f"{before_m:.0f} m before and {road.length_m:.0f} m ahead"
    if road.curve == "straight":
        length += ", straight"
    yield f"with {length}{_way_words(road)}", lambda start: _runs(town, road, start, before_m)
    if road.curve in ("left", "right"):
        radius = "" if road.radius_m is None else f" with a radius of {road.radius_m.in_words()} m"
        yield f"in a bend to the {road.curve}{radius}", lambda start: _bends(road, start)


def _shown(feature: str) -> str:
    names = {"tunnel": "a tunnel", "entry": "the end of an acceleration lane", "exit": "an exit lane"}
    return names.get(feature, f"a {feature}")


def _way_words(road: Road) -> str:
    if road.junction is not None:
        return f", then {road.junction.turn} at the junction"
    return f", then the exit {road.roundabout.exit} of the roundabout" if road.roundabout else " without a junction"


def _in_lane(point: carla.Waypoint, wanted: str) -> bool:
    left, right = (lanes.driven_along(point, side) for side in ("left", "right"))
    return {"leftmost": left == 0, "rightmost": right == 0, "middle": left > 0 and right > 0}.get(wanted, True)


def _beside(road: Road) -> Iterator[tuple[str, Callable[[carla.Waypoint], bool]]]:
    if road.lanes is not None:
        wanted = road.lanes
        yield (
            f"with {wanted.in_words()} lane(s) in its direction",
            lambda point: wanted.holds(1 + sum(lanes.driven_along(point, side) for side in ("left", "right"))),
        )
    if road.oncoming is not None:
        yield (
            "with an oncoming lane" if road.oncoming else "without an oncoming lane",
            lambda point: lanes.has_oncoming(point) == road.oncoming,
        )
    for kind, words in (("parking", "parking"), ("pavement", "a pavement"), ("shoulder", "a hard shoulder")):
        for side in getattr(road, kind):
            yield (
                f"with {words} on the {side}",
                lambda point, kind=kind, side=side: lanes.has(point, kind, side),  # type: ignore[misc]
            )


def _entered(town: _Town, start: _Start) -> JunctionArms | None:
    """The junction that the feature of a start leads into."""
    if start.feature is None:
        return None
    for step_m in (0.3, 1.0, 2.5):
        for point in start.feature.next(step_m):
            if point.is_junction:
                return town.junctions.get(point.junction_id)
    return None


def _control(town: _Town, start: _Start) -> str | None:
    junction = _entered(town, start)
    if junction is None or start.feature is None:
        return None
    mine = start.feature.road_id, start.feature.lane_id
    entered = (found for found in junction.entrances if (found.before.road_id, found.before.lane_id) == mine)
    entrance = next(entered, None)
    return None if entrance is None else junction.control(entrance)


def _arms(town: _Town, start: _Start) -> int | None:
    junction = _entered(town, start)
    return None if junction is None else junction.arms


def _chooser(road: Road) -> Chooser | None:
    if road.junction is not None:
        return by_turns([road.junction.turn])
    return None if road.roundabout is None else by_exit(road.roundabout.exit)


def _length_m(road: Road) -> float:
    """Length of road needed ahead, what is needed behind a junction included."""
    if road.junction is not None:
        return max(road.length_m, road.junction.ahead_m + road.junction.after_m + 15.0)
    if road.roundabout is not None:
        return max(road.length_m, road.roundabout.ahead_m + road.roundabout.after_m + 40.0)
    return road.length_m


def _runs(town: _Town, road: Road, start: _Start, before_m: float) -> bool:
    """Whether the road goes on as far as needed, as straight as asked, through no junction but the one asked for."""
    back = list(behind(start.point, before_m, LOOK_STEP_M))
    if len(back) * LOOK_STEP_M < before_m or any(point.is_junction for point in back):
        return False
    length_m = _length_m(road)
    on = list(ahead(start.point, length_m, _chooser(road), LOOK_STEP_M))
    if len(on) * LOOK_STEP_M < length_m - LOOK_STEP_M and road.ego_lane != "entry":
        return False
    asked = road.junction or road.roundabout
    approach = on
    if asked is not None:
        inside = next((index for index, point in enumerate(on) if point.is_junction), None)
        if inside is None or abs((inside + 1) * LOOK_STEP_M - asked.ahead_m) > 2 * LOOK_STEP_M:
            return False
        approach = on[:inside]
    elif any(point.is_junction and not _passes(town, road, point) for point in on):
        return False
    if road.curve == "straight":
        heading = heading_rad(start.point)
        if any(
            abs(math.remainder(heading_rad(point) - heading, math.tau)) > STRAIGHT_RAD for point in (*back, *approach)
        ):
            return False
    everywhere = (*back, *approach)
    sampled = everywhere[:: max(1, len(everywhere) // 8)]
    wanted = [holds for _, holds in _beside(road) if road.ego_lane != "entry"]
    return all(holds(point) for point in (*sampled, *approach[-1:]) for holds in wanted if not point.is_junction)


def _passes(town: _Town, road: Road, point: carla.Waypoint) -> bool:
    """Whether the junction at a waypoint is none to who drives on: nobody crosses its lane, or joins it unasked."""
    junction = town.junctions.get(point.junction_id)
    if junction is None:
        return False
    for entrance in junction.entrances:
        for first, _ in entrance.ways:
            if (first.road_id, first.lane_id) == (point.road_id, point.lane_id):
                return len(entrance.ways) == 1 and (road.entry is not None or not junction.is_crossed(entrance))
    return False


def _bends(road: Road, start: _Start) -> bool:
    """Whether the road ahead bends to the asked side, as tightly as asked, and to no other side."""
    headings = np.unwrap(
        [heading_rad(point) for point in (start.point, *ahead(start.point, road.length_m, step_m=LOOK_STEP_M))]
    )
    sign = 1.0 if road.curve == "left" else -1.0
    steps = sign * np.diff(headings)
    if steps.sum() < BEND_RAD or steps.min() < -math.radians(1.0):
        return False
    radius_m = LOOK_STEP_M / max(float(steps.max()), 1e-6)
    return road.radius_m is None or road.radius_m.holds(radius_m)


def _nearest(town: carla.Map, road: Road) -> carla.Waypoint:
    """The lane at an exact pose; of those there, the one that runs nearest to its heading."""
    pose = road.pose
    if pose is None:
        raise ValueError("the road has no pose")
    here = town.get_waypoint(location_from_point(np.array([pose.x_m, pose.y_m, 0.0])))
    if here is None:
        raise CastError(f"{town.name}: no road near ({pose.x_m:g}, {pose.y_m:g}); want a pose on a lane")
    if pose.yaw_deg is None:
        return here
    wanted = math.radians(pose.yaw_deg)
    near = [here, *(lane.waypoint for side in ("left", "right") for lane in lanes.beside(here, side) if lane.driven)]
    best = min(near, key=lambda point: abs(math.remainder(heading_rad(point) - wanted, math.tau)))
    turned = abs(math.remainder(heading_rad(best) - wanted, math.tau))
    if turned > math.radians(45.0):
        raise CastError(
            f"{town.name}: the lane at ({pose.x_m:g}, {pose.y_m:g}) runs at {math.degrees(heading_rad(best)):.0f} "
            f"degrees; want yaw_deg near that, got {pose.yaw_deg:g}"
        )
    return best


def _place(town: _Town, road: Road, start: _Start, before_m: float) -> Place:
    back = list(behind(start.point, before_m))[::-1]
    on = list(ahead(start.point, _length_m(road) + SPARE_M, _chooser(road)))
    points = _without_doubles([*back, start.point, *on])
    begin = next(k for k, point in enumerate(points) if point is start.point)
    path = Path(np.array([position(point) for point in points]), begin)
    return Place(path, tuple(points), _anchors(town, road, start, path, points), _entered(town, start))


def _without_doubles(points: Sequence[carla.Waypoint]) -> list[carla.Waypoint]:
    """Waypoints, those left out that stand where the one before stands: lane sections begin with them."""
    kept = [points[0]]
    for point in points[1:]:
        if float(np.hypot(*(position(point) - position(kept[-1]))[:2])) > 0.05:
            kept.append(point)
    return kept


def _anchors(town: _Town, road: Road, start: _Start, path: Path, points: Sequence[carla.Waypoint]) -> dict[str, float]:
    """Stations of the road's features."""
    found = {"start": 0.0}
    feature = _feature(road)
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
