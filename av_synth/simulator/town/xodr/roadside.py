"""What stands along the roads of an OpenDRIVE file: what our own towns have, put where there is room for it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Tag
from av_synth.simulator.town.buildings import Style, line_street
from av_synth.simulator.town.country import woods_around
from av_synth.simulator.town.dressing import dress_lamps, dress_pavement
from av_synth.simulator.town.frontage import SIGHT_M, Frontage
from av_synth.simulator.town.furniture import furnish_street
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant, tree_models
from av_synth.simulator.town.xodr.roads import RAISED, Road
from av_synth.simulator.town.xodr.signals import Crosswalk, Signal

_ROOM_M = 30.0  # beyond the roads, for buildings
_SHORT_M = 25.0  # nothing is built along shorter roads
_CLEAR_END_M = 12.0
_CLEAR_ZEBRA_M = 8.0
_PAVEMENT_M = 2.4  # trees and lamps want as much
_MOST_M = 5000.0  # of frontage is built up; where there is more, some streets stay open
_TREES_EVERY_M = 14.0
_AWAY_M = 4.5  # trees stand so far from roads without pavements
_STEEPEST_M = 0.8  # the ground under a building rises no more
_STYLES: tuple[Style, ...] = ("houses", "flats", "shops")

Ground = Callable[[float, float], float]


def settle(
    site: Site,
    roads: Sequence[Road],
    paved: BaseGeometry,
    signals: Sequence[Signal],
    crosswalks: Sequence[Crosswalk],
    ground: Ground,
    bounds_m: tuple[float, float, float, float],
) -> None:
    """Line roads with buildings, trees and street furniture; the same ones every time.

    Args:
        site: gets them, at the height of the ground.
        roads: all of the file.
        paved: all of their lanes, seen from above; signs that stand already keep their places too.
        signals: what must be seen.
        crosswalks: what must be kept free.
        ground: height of the ground at a place.
        bounds_m: of the roads.
    """
    x0, y0, x1, y1 = bounds_m
    room = (x0 - _ROOM_M, y0 - _ROOM_M, x1 + _ROOM_M, y1 + _ROOM_M)
    level = Site(site.name, paved, room)
    for foot in site.footprints:
        level.reserve(foot.polygon)
    rng = np.random.default_rng(zlib.crc32(repr([(road.id, round(road.length_m, 2)) for road in roads]).encode()))
    trees, far_trees = tree_models(rng, rich=2), tree_models(rng, rich=1, country=True, sparse=True, wood=True)
    fronts = [
        (_front(road, side, signals, crosswalks), _pavement_m(road, side))
        for road in roads
        if road.junction_id < 0 and road.length_m > _SHORT_M
        for side in (1, -1)
    ]
    streets = [(front, width) for front, width in fronts if width > 0.0]
    for front, width in streets:
        if width >= _PAVEMENT_M:
            furnish_street(level, front, width, trees, 3, rng)
    dress_lamps(level, rng)
    share = min(1.0, _MOST_M / max(sum(front.length_m for front, _ in streets), 1.0))
    for front, width in streets:
        if rng.random() < share:
            line_street(level, front, _STYLES[int(rng.integers(len(_STYLES)))], rng)
        if width >= _PAVEMENT_M:
            dress_pavement(level, front, rng)
    for front, width in fronts:
        if width == 0.0:
            _trees_along(level, front, far_trees, rng)
    _lift(level, site, ground)


def horizon(
    site: Site, bounds_m: tuple[float, float, float, float], height_m: Callable[[Array], Array], seed: int
) -> None:
    """Woods far out, on the land."""
    for wood in woods_around(bounds_m, height_m, seed):
        site.add("Wood", Tag.VEGETATION, [wood], 0.0, None)


def _outer_m(road: Road, side: int, s_m: float) -> float:
    return float(road.edges(road.section_at(s_m), side, np.array([s_m]))[-1, 0])


def _pavement_m(road: Road, side: int) -> float:
    """The least width of the pavement along a side, 0 if it has none all along."""
    widths = []
    for section in road.sections:
        lanes = section.left if side > 0 else section.right
        at = np.linspace(0.0, section.end_m - section.s_m, 3)
        widths.append(float(np.min(lanes[-1].width.at(at))) if lanes and lanes[-1].kind in RAISED else 0.0)
    return max(0.0, min(widths, default=0.0))


def _front(road: Road, side: int, signals: Sequence[Signal], crosswalks: Sequence[Crosswalk]) -> Frontage:
    def point(s: float, behind: float) -> tuple[float, float]:
        x, y, _ = road.points([s], [_outer_m(road, side, s) + side * behind])[0]
        return float(x), float(y)

    closed = [(-math.inf, _CLEAR_END_M), (road.length_m - _CLEAR_END_M, math.inf)]
    stations = np.arange(0.0, road.length_m, 4.0)
    line = road.points(stations, 0.0)[:, :2]
    reach = np.array([abs(_outer_m(road, side, float(s))) for s in stations])
    for crosswalk in crosswalks:
        near = np.hypot(*(line - crosswalk.corners[:, :2].mean(axis=0)).T) < reach + _CLEAR_ZEBRA_M
        closed += [(float(s) - 4.0, float(s) + 4.0) for s in stations[near]]
    sights = [
        (signal.s_m - SIGHT_M, signal.s_m + SIGHT_M)
        for signal in signals
        if signal.road.id == road.id and signal.stands
    ]
    return Frontage(road.length_m, side, point, road.heading_rad, tuple(closed), tuple(sights))


def _trees_along(site: Site, front: Frontage, trees: list[Tree], rng: np.random.Generator) -> None:
    for s in np.arange(_TREES_EVERY_M, front.length_m - _TREES_EVERY_M, _TREES_EVERY_M):
        at, away = float(s + rng.uniform(0.0, 8.0)), float(rng.uniform(_AWAY_M, 12.0))
        x, y = front.point(min(at, front.length_m - 1.0), away)
        if front.is_open(at, 2.0) and site.is_free(rectangle(x, y, 2.2, 2.2, 0.0), 1.0):
            plant(site, trees, x, y, rng, largest=1.4)


def _lift(level: Site, site: Site, ground: Ground) -> None:
    """Put all that stands as if the ground were level and at kerb height on the ground as it is."""
    for thing, mesh in zip(level.objects, level.meshes, strict=True):
        foot = None if thing.footprint < 0 else level.footprints[thing.footprint].polygon
        corners = thing.centre_m[None, :2] if foot is None else foot
        heights = [ground(float(x), float(y)) for x, y in corners]
        if max(heights) - min(heights) > _STEEPEST_M:
            continue
        by = min(heights) - KERB_HEIGHT_M
        lifted = replace(mesh, positions_m=mesh.positions_m + np.array([0.0, 0.0, by], dtype=np.float32))
        site.add(thing.name.rsplit("_", 1)[0], thing.tag, [lifted], thing.yaw_rad, foot)
