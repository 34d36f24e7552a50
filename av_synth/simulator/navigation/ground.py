"""Where people may walk in a town: what its OpenDRIVE text says of lanes and crosswalks, less all that stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.simulator.town.model import Footprint, Town
from av_synth.simulator.town.xodr.document import parse
from av_synth.simulator.town.xodr.reading import read_roads
from av_synth.simulator.town.xodr.ribbons import Strip, areal, strips, united
from av_synth.simulator.town.xodr.roads import RAISED, VERGE
from av_synth.simulator.town.xodr.signals import read_crosswalks, read_signals

GRID_M = 0.01  # all corners lie on it
AGENT_HEIGHT_M = 1.8  # LibCarla's Navigation.cpp gives every walker of its crowd this height
AGENT_RADIUS_M = 0.3  # and this radius
_MARGIN_M = AGENT_RADIUS_M + 0.05
_STEP_M = 0.3  # over what is lower people step
_GAP_M = 0.15  # lanes that are this near meet
_JUNCTION_GAP_M = 3.0  # between the paths of a junction, as wide as the town paves them
_SLIVER_M2 = 0.05
_VERGES = frozenset({"border", VERGE})


class Area(IntEnum):
    """LibCarla's kinds of ground (nav/Navigation.h); the flag of each in a mesh is 1 << its number."""

    SIDEWALK = 1
    CROSSWALK = 2
    ROAD = 3


def walkable(town: Town, parked: Sequence[Footprint]) -> Mapping[Area, BaseGeometry]:
    """The ground by kind, seen from above: areas meet and do not overlap. Empty for a town without pavements.

    Where no road of a town has a pavement people walk on the verges; where there are none either, nobody walks.
    """
    root = parse(town.opendrive)
    roads = {road.id: road for road in read_roads(root)}
    lanes = [strip for road in roads.values() for side in strips(road) for strip in side]
    carriageway = _snapped(shapely.make_valid(town.carriageway))
    pavements = _without(_of_kind(lanes, RAISED), carriageway)
    if pavements.area < 1.0:
        pavements = _without(_of_kind(lanes, _VERGES), carriageway)
    if pavements.area < 1.0:
        return {}
    everything = _closed(_with(_with_junctions(carriageway, lanes), pavements), _GAP_M)
    outlines = [
        shapely.Polygon(zebra.corners[:, :2]) for zebra in read_crosswalks(root, roads, read_signals(root, roads))
    ]
    zebras = shapely.union_all([shapely.make_valid(outline).buffer(_GAP_M, join_style="mitre") for outline in outlines])
    zebras = _without(_within(_snapped(zebras), everything), pavements)
    rest = _without(everything, _with(pavements, zebras))
    blocked = _blocked(town, parked)
    areas = {Area.SIDEWALK: pavements, Area.CROSSWALK: zebras, Area.ROAD: rest}
    return {area: areal(_without(shape, blocked), _SLIVER_M2) for area, shape in areas.items()}


def _of_kind(lanes: Sequence[Strip], kinds: frozenset[str]) -> BaseGeometry:
    pieces = [_snapped(piece) for strip in lanes if strip.lane.kind in kinds for _, piece in strip.areas()]
    return _closed(united(pieces, GRID_M), _GAP_M)


def _with_junctions(carriageway: BaseGeometry, lanes: Sequence[Strip]) -> BaseGeometry:
    """The carriageway, and what is paved between the paths of junctions."""
    inside = [strip for strip in lanes if strip.road.junction_id >= 0]
    paths = [_snapped(piece) for strip in inside for _, piece in strip.areas()]
    near = united(paths, GRID_M).buffer(_JUNCTION_GAP_M)
    return _with(carriageway, _within(_closed(carriageway, _JUNCTION_GAP_M), _snapped(near)))


def _closed(shape: BaseGeometry, gap_m: float) -> BaseGeometry:
    """A shape without gaps up to twice as wide as this."""
    with np.errstate(divide="ignore", invalid="ignore"):  # GEOS tries how sharp corners of no angle are, and goes on
        wide = shape.buffer(gap_m, join_style="mitre").buffer(-gap_m, join_style="mitre")
    return _with(shape, _snapped(wide))


def _blocked(town: Town, parked: Sequence[Footprint]) -> BaseGeometry:
    """Where nobody can have the middle of their body."""
    feet = [*town.footprints, *parked]
    if not feet:
        return shapely.Polygon()
    middle = np.array([foot.polygon.mean(axis=0) for foot in feet])
    ground = town.ground_height_m(middle[:, 0], middle[:, 1])
    low, high = np.array([foot.bottom_m for foot in feet]), np.array([foot.top_m for foot in feet])
    in_the_way = (low < ground + AGENT_HEIGHT_M) & (high > ground + _STEP_M)
    # poles have eight sides, of which none is worth a corner of a polygon
    shapes = [
        shapely.Polygon(foot.polygon).minimum_rotated_rectangle for foot, k in zip(feet, in_the_way, strict=True) if k
    ]
    grown = shapely.buffer(np.array(shapes), _MARGIN_M, join_style="mitre")
    return areal(united(shapely.set_precision(grown, GRID_M), GRID_M))


def _with(shape: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return areal(shapely.union(shape, other, grid_size=GRID_M))


def _without(shape: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return areal(shapely.difference(shape, other, grid_size=GRID_M))


def _within(shape: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    return areal(shapely.intersection(shape, other, grid_size=GRID_M))


def _snapped(shape: BaseGeometry) -> BaseGeometry:
    return areal(shapely.set_precision(shape, GRID_M))
