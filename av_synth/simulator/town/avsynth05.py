"""The plan of town AvSynth05: country roads in a figure of eight around a crossroads, a farm track and a forest track.

The long roads run straight for over 300 m; the east road climbs over a crest that hides what is behind it; woods come
right up to the west road. North and south stop at the crossroads, the tracks give way at both of their ends.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town.buildings import put_up_building
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.furniture import fence
from av_synth.simulator.town.network import Network, Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.relief import Hill, Relief
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.rural import (
    bale,
    barn,
    bushes_along,
    delineate,
    fields,
    forest,
    hedge_along,
    road_sections,
    silo,
    track_sections,
    trees_along,
)
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant, tree_models
from av_synth.simulator.town.wayside import poles_along, tufts_along

NAME = "AvSynth05"
BOUNDS_M = (4.0, 4.0, 1096.0, 876.0)
QUARTER = math.pi / 2
_CROSS_X_M, _CROSS_Y_M = 440.0, 300.0
_TRACK_SOUTH_X_M, _TRACK_NORTH_X_M, _NORTH_Y_M = 800.0, 760.0, 840.0
_FOREST_NORTH_X_M, _FOREST_SOUTH_X_M, SOUTH_Y_M = 118.0, 180.0, 80.0
_EAST_X_M = 980.0

# level 25 m to both sides of the east road, steep enough along it that a car 70 m ahead is out of sight
RELIEF = Relief((Hill(_EAST_X_M, 555.0, QUARTER, 6.0, 115.0, 25.0, 60.0),))

NODES = (
    Node(1, "Crossroads", _CROSS_X_M, _CROSS_Y_M, {"E": 1, "N": 1, "W": 1, "S": 1}, stops=("N", "S")),
    Node(2, "Farm Turn", _TRACK_SOUTH_X_M, _CROSS_Y_M, {"E": 1, "N": 1, "W": 1}),
    Node(3, "North Turn", _TRACK_NORTH_X_M, _NORTH_Y_M, {"E": 1, "S": 1, "W": 1}),
    Node(4, "Wood Turn", _FOREST_NORTH_X_M, _CROSS_Y_M, {"E": 1, "S": 1, "W": 1}),
    Node(5, "South Turn", _FOREST_SOUTH_X_M, SOUTH_Y_M, {"E": 1, "N": 1, "W": 1}),
)


def _east_road(line: ReferenceLine) -> ReferenceLine:
    """Left into the north, over the crest, left into the west."""
    line = line.line_to(_EAST_X_M - 120.0, _CROSS_Y_M).arc(QUARTER, 120.0)
    return line.line_to(_EAST_X_M, _NORTH_Y_M - 150.0).arc(QUARTER, 150.0)


def _north_road(line: ReferenceLine) -> ReferenceLine:
    """Left into the south, then out and back in four bends."""
    line = line.line_to(_CROSS_X_M + 100.0, _NORTH_Y_M).arc(QUARTER, 100.0).line(60.0)
    bend, radius = math.radians(25.0), 160.0
    return line.arc(bend, radius).arc(-2 * bend, radius).arc(bend, radius)


def _wood_road(line: ReferenceLine) -> ReferenceLine:
    """Sharply left, and left again."""
    return line.arc(QUARTER, 80.0).line(40.0).arc(QUARTER, 100.0)


def _south_road(line: ReferenceLine) -> ReferenceLine:
    """An S bend, and left up to the crossroads."""
    bend, radius = math.radians(15.0), 200.0
    line = line.arc(-bend, radius).arc(bend, radius)
    return line.line_to(_CROSS_X_M - 120.0, line.end[1]).arc(QUARTER, 120.0)


def _forest_track(line: ReferenceLine) -> ReferenceLine:
    radius = 80.0
    bend = math.acos(1.0 - (_FOREST_SOUTH_X_M - _FOREST_NORTH_X_M) / (2 * radius))
    return line.line(20.0).arc(bend, radius).arc(-bend, radius)


def _farm_track(line: ReferenceLine) -> ReferenceLine:
    radius = 100.0
    bend = math.acos(1.0 - (_TRACK_SOUTH_X_M - _TRACK_NORTH_X_M) / (2 * radius))
    return line.line(170.0).arc(bend, radius).arc(-bend, radius)


STREETS = (
    Street(
        10,
        "Long Road",
        (1, "E"),
        (2, "W"),
        100.0,
        speed_signs=((14.0, True), (325.0, False)),
        sections=road_sections([(40.0, 300.0)]),
        kind="rural",
    ),
    Street(
        11,
        "East Road",
        (2, "E"),
        (3, "E"),
        80.0,
        _east_road,
        speed_signs=((14.0, True), (740.0, False)),
        sections=road_sections([]),
        kind="rural",
    ),
    Street(
        12,
        "North Road",
        (3, "W"),
        (1, "N"),
        80.0,
        _north_road,
        speed_signs=((14.0, True),),
        sections=road_sections([(40.0, 190.0)]),
        kind="rural",
    ),
    Street(
        13,
        "West Road",
        (1, "W"),
        (4, "E"),
        100.0,
        speed_signs=((14.0, True), (285.0, False)),
        sections=road_sections([(40.0, 260.0)]),
        kind="rural",
    ),
    Street(
        15,
        "Wood Road",
        (4, "W"),
        (5, "W"),
        80.0,
        _wood_road,
        speed_signs=((14.0, True),),
        sections=road_sections([]),
        kind="rural",
    ),
    Street(
        16,
        "South Road",
        (5, "E"),
        (1, "S"),
        80.0,
        _south_road,
        speed_signs=((14.0, True),),
        sections=road_sections([]),
        kind="rural",
    ),
    Street(17, "Forest Track", (4, "S"), (5, "N"), 50.0, _forest_track, sections=track_sections(), kind="rural"),
    Street(14, "Farm Track", (2, "N"), (3, "S"), 50.0, _farm_track, sections=track_sections(), kind="rural"),
)

_HEDGES = (
    # street, side, from, to
    (10, 1, 30.0, 320.0),
    (10, -1, 60.0, 250.0),
    (11, 1, 20.0, 200.0),
    (11, -1, 330.0, 480.0),
    (12, 1, 330.0, 640.0),
    (12, -1, 40.0, 220.0),
    (16, -1, 150.0, 280.0),
    (14, 1, 40.0, 150.0),
)
_WOODS = (
    (40.0, 306.0, 330.0, 360.0),
    (132.0, 240.0, 330.0, 294.0),
    (34.0, 120.0, 230.0, 240.0),
    (4.0, 90.0, 22.0, 290.0),
)
_TRACKS = (14, 17)
_FARM = (838.0, 560.0)


def network() -> Network:
    """Lay out the town's roads and crossings."""
    return build(NODES, STREETS)


def settle(site: Site, network: Network) -> None:
    """Put up signs, delineators, the farm, hedges and trees; the same ones every time."""
    rng = np.random.default_rng(20260505)
    trees = tree_models(rng, rich=2, country=True)
    wood = tree_models(np.random.default_rng(1), rich=2, country=True, wood=True)
    roads = {road.id: road for road in network.roads if road.junction_id < 0}
    for road in roads.values():
        put_up_signs(site, [road])
        if road.id not in _TRACKS:
            delineate(site, road)
    _farm(site)
    for road_id, side, begins, ends in _HEDGES:
        hedge_along(site, roads[road_id], side, (begins, ends), 3.0, rng)
    for box_m in _WOODS:
        forest(site, wood, box_m, 10.5, rng)
    for side in (1, -1):
        bushes_along(site, roads[13], side, (105.0, 290.0), rng)
    for road_id, side in ((11, 1), (11, -1), (12, 1), (10, -1), (16, 1), (14, -1)):
        trees_along(site, trees, roads[road_id], side, 42.0, 6.0, rng)
    _fields(site, trees, rng)
    _waysides(site, roads)


def _waysides(site: Site, roads: dict[int, Road]) -> None:
    """Poles, tufts and some houses, by dice of their own."""
    rng = np.random.default_rng(20260515)
    for road_id, side, away in ((10, -1, 9.0), (12, 1, 10.0), (16, 1, 8.0), (11, 1, 12.0)):
        poles_along(site, roads[road_id], side, (40.0, roads[road_id].line.length_m - 40.0), away)
    for road_id, side, s in ((16, 1, 300.0), (12, 1, 250.0), (12, -1, 480.0), (11, -1, 560.0), (14, 1, 330.0)):
        for at in (s, s + 22.0):
            put_up_building(site, frontage_of(roads[road_id], side), at, "houses", rng)
    for road in roads.values():
        for side in (1, -1):
            tufts_along(site, road, side, rng)


def _farm(site: Site) -> None:
    x, y = _FARM
    barn(site, x, y, QUARTER, (11.0, 6.5), 4.6, (138, 108, 84))
    barn(site, x - 6.0, y + 36.0, 0.0, (14.0, 7.0), 5.2, (122, 62, 52))
    barn(site, x - 22.0, y - 24.0, 0.0, (6.5, 4.8), 5.4, (196, 186, 168))
    silo(site, x + 14.0, y + 22.0, 2.6, 11.0)
    silo(site, x + 14.0, y + 29.0, 2.6, 9.0)
    for k in range(4):
        bale(site, x + 18.0, y - 18.0 + 2.0 * k, 0.0)
    fence(site, (x - 34.0, y - 34.0), (x + 22.0, y - 34.0))
    fence(site, (x + 22.0, y - 34.0), (x + 22.0, y + 50.0))
    site.reserve(rectangle(x, y, 20.0, 44.0, 0.0))  # the yard


def _fields(site: Site, trees: list[Tree], rng: np.random.Generator) -> None:
    """Here and there a tree or a bale on the fields, and trees all around the edge."""
    for k, (x, y) in enumerate(fields(BOUNDS_M, rng, 150)):
        spot = rectangle(float(x), float(y), 2.0, 2.0, 0.0)
        if not site.is_free(spot, 6.0) or site.near_pavement(float(x), float(y), 9.0):
            continue
        if k % 4 == 0:
            bale(site, float(x), float(y), float(rng.uniform(0.0, math.pi)))
        else:
            plant(site, trees, float(x), float(y), rng, largest=1.8)
    x0, y0, x1, y1 = BOUNDS_M
    ring = [(float(x), y) for x in np.arange(x0 + 6, x1, 16.0) for y in (y0 + 6, y1 - 6)]
    ring += [(x, float(y)) for y in np.arange(y0 + 18, y1 - 12, 16.0) for x in (x0 + 6, x1 - 6)]
    for grid_x, grid_y in ring:
        x, y = grid_x + float(rng.uniform(-3.0, 3.0)), grid_y + float(rng.uniform(-3.0, 3.0))
        if site.is_free(rectangle(x, y, 1.5, 1.5, 0.0)):
            plant(site, trees, x, y, rng, largest=1.7)
