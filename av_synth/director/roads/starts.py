"""A map with all that is looked up in it, and the starts on it that have what a scenario asks for ahead of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import carla

from av_synth.director.roads import features, lanes
from av_synth.director.roads.junctions import JunctionArms, junctions
from av_synth.director.roads.map_facts import MapFacts, facts
from av_synth.director.roads.routes import behind
from av_synth.scenario.road import Road

_MOST_STARTS = 1500  # more candidates than this are thinned out evenly


@dataclass(frozen=True, eq=False)
class Known:
    """A map with all that is looked up in it, made once."""

    map: carla.Map
    facts: MapFacts
    starts: tuple[carla.Waypoint, ...]
    junctions: dict[int, JunctionArms]


@dataclass(frozen=True, eq=False)
class Start:
    """A candidate: where the ego would begin, and the feature `ahead_m` before it, if there is one."""

    point: carla.Waypoint
    feature: carla.Waypoint | None = None


@lru_cache(maxsize=8)  # the embedded simulator has six towns: a search goes through all of them again and again
def known(name: str, opendrive: str) -> Known:
    """What is looked up in the map of an OpenDRIVE text."""
    town = carla.Map(name, opendrive)
    return Known(town, facts(opendrive), tuple(features.lane_starts(town)), junctions(town))


def candidates(town: Known, road: Road) -> list[Start]:
    """Every start that has the asked feature at the asked distance, thinned out if there are very many."""
    name = road.feature
    if name is None:
        every = math.ceil(len(town.starts) / _MOST_STARTS) or 1
        return [Start(point) for point in town.starts[::every]]
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
    fitting = []
    for point in found:
        for lane in _own_lanes(point, road, name):
            back = list(behind(lane, ahead_m))
            if len(back) >= math.floor(ahead_m) and not any(here.is_junction for here in back[1:]):
                fitting.append(Start(back[-1], lane))
    return fitting


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


def entered(town: Known, start: Start) -> JunctionArms | None:
    """The junction that the feature of a start leads into."""
    if start.feature is None:
        return None
    for step_m in (0.3, 1.0, 2.5):
        for point in start.feature.next(step_m):
            if point.is_junction:
                return town.junctions.get(point.junction_id)
    return None
