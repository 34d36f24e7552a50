"""The plan of town AvSynth03: a suburb around a roundabout.

Linden Street runs dead straight for over 200 m between parked cars; School Street has a zebra crossing in mid-block
before the school; four streets bend gently, with radii of 60 to 100 m. All T's have lights, for a Traffic Manager's
cars that fill the town would wait for each other there for ever; what enters the roundabout gives way.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town.buildings import Style, line_street, line_streets, put_up_building
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.furniture import bus_shelter, fence, furnish_street
from av_synth.simulator.town.greenery import plant_gardens, plant_island, plant_woods
from av_synth.simulator.town.network import LANE_M, PAVEMENT_M, Network, Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import CHILDREN, CROSSWALK, Road
from av_synth.simulator.town.roundabout import Roundabout
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant, tree_models

NAME = "AvSynth03"
BOUNDS_M = (4.0, 4.0, 546.0, 362.0)
WEST_M, CIRCLE_M, _LANE_SOUTH_M, _LANE_NORTH_M, EAST_M = 34.0, 240.0, 375.0, 355.0, 500.0
SOUTH_M, MIDDLE_M, NORTH_M = 46.0, 165.0, 316.0
QUARTER = math.pi / 2

NODES = (
    Roundabout(9, "Church Circle", CIRCLE_M, MIDDLE_M, {"E": 1, "N": 1, "W": 1, "S": 1}, zebras=True),
    Node(1, "School Corner", WEST_M, MIDDLE_M, {"E": 1, "N": 1, "S": 1}, lights=True),
    Node(2, "Linden Corner", CIRCLE_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}, lights=True),
    Node(3, "Station Corner", EAST_M, MIDDLE_M, {"N": 1, "W": 1, "S": 1}, lights=True),
    Node(4, "Hill Corner", CIRCLE_M, NORTH_M, {"E": 1, "W": 1, "S": 1}, lights=True),
    Node(5, "Garden Corner", _LANE_SOUTH_M, MIDDLE_M, {"E": 1, "N": 1, "W": 1}, lights=True),
    Node(6, "Orchard Corner", _LANE_NORTH_M, NORTH_M, {"E": 1, "W": 1, "S": 1}, lights=True),
)


def _linden_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(EAST_M - 25.0, SOUTH_M).arc(QUARTER, 25.0)


def _brook_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M, SOUTH_M + 60.0).arc(QUARTER, 60.0)


def _orchard_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(EAST_M, NORTH_M - 90.0).arc(QUARTER, 90.0)


def _hill_street(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M + 100.0, NORTH_M).arc(QUARTER, 100.0)


def _garden_lane(line: ReferenceLine) -> ReferenceLine:
    """An S bend to the left."""
    radius = 75.0
    bend = math.acos(1.0 - (_LANE_SOUTH_M - _LANE_NORTH_M) / (2 * radius))
    return line.line(30.0).arc(bend, radius).arc(-bend, radius)


_SCHOOL_M = 90.0  # where along School Street the school's front begins
ZEBRA_M = 110.0
STREETS = (
    Street(
        30,
        "School Street",
        (1, "E"),
        (9, "W"),
        30.0,
        speed_signs=((14.0, True), (162.0, False)),
        zebras=(ZEBRA_M,),
        signs=(
            (64.0, True, CHILDREN),
            (156.0, False, CHILDREN),
            (ZEBRA_M - 3, True, CROSSWALK),
            (ZEBRA_M + 3, False, CROSSWALK),
        ),
    ),
    Street(31, "Church Street", (2, "N"), (9, "S"), 50.0),
    Street(32, "Station Road", (9, "E"), (5, "W"), 50.0, speed_signs=((16.0, True),)),
    Street(33, "Station Road", (5, "E"), (3, "W"), 50.0),
    Street(34, "Church Street", (9, "N"), (4, "S"), 50.0),
    Street(
        35, "Linden Street", (2, "E"), (3, "S"), 30.0, _linden_street, parking=(10.0, 222.0), speed_signs=((9.0, True),)
    ),
    Street(36, "Brook Street", (1, "S"), (2, "W"), 30.0, _brook_street, speed_signs=((12.0, True),)),
    Street(37, "Orchard Street", (3, "N"), (6, "E"), 30.0, _orchard_street, speed_signs=((12.0, True),)),
    Street(38, "Orchard Street", (6, "W"), (4, "E"), 30.0, parking=(14.0, 84.0)),
    Street(39, "Garden Lane", (5, "N"), (6, "S"), 30.0, _garden_lane, speed_signs=((12.0, True),)),
    Street(40, "Hill Street", (4, "W"), (1, "N"), 50.0, _hill_street),
)


def network() -> Network:
    """Lay out the town's roads and crossings."""
    return build(NODES, STREETS)


# what stands on the left and on the right of each street
FRONTS: dict[int, tuple[Style, Style]] = {
    30: ("houses", "houses"),
    31: ("shops", "flats"),
    32: ("flats", "shops"),
    33: ("houses", "flats"),
    34: ("houses", "flats"),
    35: ("houses", "houses"),
    36: ("houses", "houses"),
    37: ("houses", "houses"),
    38: ("houses", "houses"),
    39: ("houses", "houses"),
    40: ("houses", "houses"),
}
GARDEN_DRAWS = 420


def settle(site: Site, network: Network) -> None:
    """Put up signs, street furniture, buildings and trees; the same ones every time."""
    rng = np.random.default_rng(20260303)
    trees, coarse_trees = tree_models(rng, rich=2), tree_models(rng, rich=1, sparse=True)
    roads = {road.id: road for road in network.roads if road.junction_id < 0}
    streets = {street.id: roads[street.id] for street in STREETS}
    put_up_signs(site, streets.values())
    bus_shelter(site, streets[32], -1, 60.0)
    for road in streets.values():
        for side in (1, -1):
            furnish_street(site, frontage_of(road, side), PAVEMENT_M, trees, 3, rng)
    _school(site, streets[30], trees, rng)
    line_streets(site, streets, FRONTS, rng)
    for path in network.roads:
        if (
            path.junction_id in range(1, 7)
            and len(path.sections[0].right) == 2
            and not path.line.pieces[0].curvature_per_m
        ):
            line_street(site, frontage_of(path, -1), "houses", rng)  # what the stem of a T looks at
    plant_island(site, trees, (CIRCLE_M, MIDDLE_M), rng)
    plant_gardens(site, coarse_trees, BOUNDS_M, GARDEN_DRAWS, rng)
    plant_woods(site, coarse_trees, BOUNDS_M, rng)


def _school(site: Site, street: Road, trees: list[Tree], rng: np.random.Generator) -> None:
    """The school behind its yard, and a railing along the pavement with a way in opposite the zebra."""
    put_up_building(site, frontage_of(street, 1), _SCHOOL_M, "school", rng)
    t = LANE_M + PAVEMENT_M + 0.3
    for begins, ends in ((_SCHOOL_M - 12.0, ZEBRA_M - 2.0), (ZEBRA_M + 2.0, _SCHOOL_M + 52.0)):
        fence(site, street.line.point(begins, t), street.line.point(ends, t))
    for corner, inward in ((_SCHOOL_M - 12.0, 1), (_SCHOOL_M + 52.0, -1)):
        fence(site, street.line.point(corner, t + 0.2), street.line.point(corner, t + 22.0))
        for depth in (4.0, 11.0, 18.0):
            plant(site, trees, *street.line.point(corner + inward * 3.0, t + depth), rng)
