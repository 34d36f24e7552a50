"""The plan of town AvSynth01: a ring of streets around four blocks, crossed by an avenue and a middle street.

South Street and the avenue's east half (two lanes each way) run dead straight for over 250 m, with parking bays on
both sides; the avenue and Middle Street cross at the only traffic lights; the other crossings are T's where the stem
gives way.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town.buildings import Style, line_street
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.furniture import bus_shelter, fence, furnish_street
from av_synth.simulator.town.greenery import plant_gardens, plant_woods
from av_synth.simulator.town.network import PAVEMENT_M, Network, Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant, tree_models

NAME = "AvSynth01"
BOUNDS_M = (4.0, 4.0, 506.0, 356.0)
CORNER_M = 25.0
WEST_M, MIDDLE_M, EAST_M = 60.0, 160.0, 450.0
SOUTH_M, _AVENUE_M, NORTH_M, _NORTH_EAST_M = 60.0, 180.0, 290.0, 300.0
QUARTER = math.pi / 2

NODES = (
    Node(1, "Lights Square", MIDDLE_M, _AVENUE_M, {"E": 2, "N": 1, "W": 2, "S": 1}, lights=True),
    Node(2, "South Corner", MIDDLE_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}),
    Node(3, "East Corner", EAST_M, _AVENUE_M, {"N": 1, "S": 1, "W": 2}),
    Node(4, "North Corner", MIDDLE_M, NORTH_M, {"E": 1, "W": 1, "S": 1}),
    Node(5, "West Corner", WEST_M, _AVENUE_M, {"N": 1, "S": 1, "E": 2}),
)


def _south_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(EAST_M - CORNER_M, SOUTH_M).arc(QUARTER, CORNER_M)


def _north_street(line: ReferenceLine) -> ReferenceLine:
    """Up the east side, round the corner, then an S bend down to the western end's latitude."""
    radius = 80.0
    bend = math.acos(1.0 - (_NORTH_EAST_M - NORTH_M) / (2 * radius))
    line = line.line_to(EAST_M, _NORTH_EAST_M - CORNER_M).arc(QUARTER, CORNER_M).line(75.0)
    return line.arc(bend, radius).arc(-bend, radius)


def _west_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M + CORNER_M, NORTH_M).arc(QUARTER, CORNER_M)


def _harbour_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M, SOUTH_M + CORNER_M).arc(QUARTER, CORNER_M)


STREETS = (
    Street(
        10, "South Street", (2, "E"), (3, "S"), 50.0, _south_street, parking=(16.0, 242.0), speed_signs=((12.0, True),)
    ),
    Street(11, "North Street", (3, "N"), (4, "E"), 50.0, _north_street),
    Street(12, "School Street", (4, "W"), (5, "N"), 30.0, _west_street, speed_signs=((14.0, True), (138.0, False))),
    Street(13, "Harbour Street", (5, "S"), (2, "W"), 50.0, _harbour_street),
    Street(14, "Middle Street", (1, "N"), (4, "S"), 50.0),
    Street(15, "Mill Street", (2, "N"), (1, "S"), 50.0),
    Street(16, "West Avenue", (5, "E"), (1, "W"), 50.0),
    Street(17, "East Avenue", (1, "E"), (3, "W"), 50.0, parking=(30.0, 240.0), speed_signs=((14.0, True),)),
)


def network() -> Network:
    """Lay out the town's roads and crossings."""
    return build(NODES, STREETS)


# street id, side of the reference line (1 left, -1 right): what stands along it
FRONTS: tuple[tuple[int, int, Style], ...] = (
    (17, 1, "shops"),
    (17, -1, "shops"),
    (16, 1, "shops"),
    (16, -1, "shops"),
    (14, 1, "shops"),
    (14, -1, "flats"),
    (15, 1, "flats"),
    (15, -1, "shops"),
    (10, 1, "flats"),
    (10, -1, "shops"),
    (11, 1, "flats"),
    (11, -1, "houses"),
    (12, 1, "houses"),
    (12, -1, "houses"),
    (13, 1, "flats"),
    (13, -1, "flats"),
)
_TREE_EVERY = {17: 2, 16: 2, 10: 3, 11: 2, 12: 2, 13: 2, 14: 3, 15: 3}
_PARK = (300.0, 216.0, 38.0, 22.0)  # middle and half extents: lawn and trees on the avenue's north side
GARDEN_DRAWS = 340


def settle(site: Site, network: Network) -> None:
    """Put up signs, street furniture, buildings and trees; the same ones every time."""
    rng = np.random.default_rng(20260101)
    trees, coarse_trees = tree_models(rng), tree_models(rng, rich=2, sparse=True)
    streets = {road.id: road for road in network.roads if road.junction_id < 0}
    put_up_signs(site, streets.values())
    for s, side in ((252.0, -1), (20.0, 1)):
        bus_shelter(site, streets[17], side, s)
    for road in streets.values():
        for side in (1, -1):
            furnish_street(site, frontage_of(road, side), PAVEMENT_M, trees, _TREE_EVERY[road.id], rng)
    site.reserve(rectangle(*_PARK, 0.0))
    for road_id, side, style in FRONTS:
        line_street(site, frontage_of(streets[road_id], side), style, rng)
    for path in network.roads:
        if path.junction_id >= 0 and len(path.sections[0].right) == 2 and not path.line.pieces[0].curvature_per_m:
            line_street(site, frontage_of(path, -1), "shops", rng)  # what the stem of a T looks at
    _park(site, coarse_trees, rng)
    plant_gardens(site, coarse_trees, BOUNDS_M, GARDEN_DRAWS, rng)
    plant_woods(site, coarse_trees, BOUNDS_M, rng)


def _park(site: Site, trees: list[Tree], rng: np.random.Generator) -> None:
    x, y, half_x, half_y = _PARK
    front = y - half_y + 0.3
    for side in (-1, 1):  # a way in stays open in the middle
        fence(site, (x + side * 2.0, front), (x + side * (half_x - 1.0), front))
    for dx, dy in rng.uniform(-0.92, 0.92, (26, 2)):
        plant(site, trees, x + float(dx) * half_x, y + float(dy) * half_y, rng, largest=1.3)
