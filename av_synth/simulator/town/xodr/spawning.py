"""Spawn points on the lanes of OpenDRIVE roads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from av_synth.geometry.transforms import Array, rigid
from av_synth.simulator.town.build import SPAWN_HEIGHT_M, SPAWN_INSET_M, SPAWN_SPACING_M
from av_synth.simulator.town.xodr.roads import DRIVING, Road, Section

MAX_POINTS = 500
_WIDTH_M = 2.2  # a narrower lane has no room for a car
_SHORTEST_M = 8.0


def spawn_points_of(roads: Sequence[Road]) -> tuple[Array, ...]:
    """Poses (4, 4) in the middle of driving lanes, along them and along the slope, evenly; clear of the road's ends.

    There are none in junctions, unless there is nothing but junctions.
    """
    open_roads = [road for road in roads if road.junction_id < 0] or list(roads)
    total = sum(
        (section.end_m - section.s_m) * sum(lane.kind in DRIVING for lane in (*section.left, *section.right))
        for road in open_roads
        for section in road.sections
    )
    spacing = max(SPAWN_SPACING_M, total / MAX_POINTS)
    return tuple(
        pose for road in open_roads for section in road.sections for pose in _on_section(road, section, spacing)
    )


def _on_section(road: Road, section: Section, spacing_m: float) -> Iterator[Array]:
    length = section.end_m - section.s_m
    if length < _SHORTEST_M:
        return
    inset = min(SPAWN_INSET_M, length / 2 - 1e-3)
    room = length - 2 * inset
    stations = section.s_m + inset + np.linspace(0.0, room, int(room // spacing_m) + 1)
    for side, lanes in section.sides():
        edges = road.edges(section, side, stations)
        for k, lane in enumerate(lanes):
            if lane.kind in DRIVING:
                for i in np.flatnonzero(np.abs(edges[k + 1] - edges[k]) >= _WIDTH_M):
                    middle = float(edges[k, i] + edges[k + 1, i]) / 2
                    yield _pose(road, float(stations[i]), middle, road.travels_along(lane.id))


def _pose(road: Road, s_m: float, t_m: float, along: bool) -> Array:
    way = 1.0 if along else -1.0
    heading = road.heading_rad(s_m)
    climb = float(road.elevation.slope([s_m])[0])
    ahead = np.array([math.cos(heading), math.sin(heading), climb]) * way
    ahead /= np.linalg.norm(ahead)
    left = np.array([-ahead[1], ahead[0], 0.0])
    left /= np.linalg.norm(left)
    rotation = np.column_stack([ahead, left, np.cross(ahead, left)])
    return rigid(rotation, road.points([s_m], t_m)[0] + [0.0, 0.0, SPAWN_HEIGHT_M])
