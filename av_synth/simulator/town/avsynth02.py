"""The plan of town AvSynth02: a dense downtown, a grid of three streets by two in a ring.

Main Avenue and Broad Avenue have two lanes each way, all else one. Of the six crossings with four arms four have
lights, one has STOP signs on its minor arms and one nothing at all; three of the T's have lights, two a STOP sign, and
at the others the stem gives way. Crosswalks cross every arm, and one lies in mid-block.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town.buildings import Style, line_street
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.furniture import bus_shelter, fence, furnish_street
from av_synth.simulator.town.greenery import plant_gardens, plant_woods
from av_synth.simulator.town.network import LANE_M, PARKING_M, PAVEMENT_M, Network, Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import CROSSWALK, Road
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant, tree_models

NAME = "AvSynth02"
BOUNDS_M = (4.0, 4.0, 616.0, 386.0)
CORNER_M = 25.0
WEST_M, _BROAD_M, _MILL_M, _COURT_M, EAST_M = 50.0, 160.0, 390.0, 480.0, 570.0
SOUTH_M, _MAIN_M, _MARKET_M, NORTH_M = 50.0, 140.0, 250.0, 340.0
QUARTER = math.pi / 2

NODES = (
    Node(1, "Central Square", _BROAD_M, _MAIN_M, {"E": 2, "N": 2, "W": 2, "S": 2}, lights=True),
    Node(2, "Main and Mill", _MILL_M, _MAIN_M, {"E": 2, "N": 1, "W": 2, "S": 1}, lights=True),
    Node(3, "Main and Court", _COURT_M, _MAIN_M, {"E": 2, "N": 1, "W": 2, "S": 1}, stops=("N", "S"), zebras=True),
    Node(4, "Market and Broad", _BROAD_M, _MARKET_M, {"E": 1, "N": 2, "W": 1, "S": 2}, lights=True),
    Node(5, "Market and Mill", _MILL_M, _MARKET_M, {"E": 1, "N": 1, "W": 1, "S": 1}, lights=True),
    Node(6, "Market and Court", _COURT_M, _MARKET_M, {"E": 1, "N": 1, "W": 1, "S": 1}, zebras=True),
    Node(7, "South and Broad", _BROAD_M, SOUTH_M, {"E": 1, "N": 2, "W": 1}, zebras=True),
    Node(8, "South and Mill", _MILL_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}, lights=True),
    Node(9, "South and Court", _COURT_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}, zebras=True),
    Node(10, "North and Broad", _BROAD_M, NORTH_M, {"E": 1, "W": 1, "S": 2}, lights=True),
    Node(11, "North and Mill", _MILL_M, NORTH_M, {"E": 1, "W": 1, "S": 1}, stops=("S",), zebras=True),
    Node(12, "North and Court", _COURT_M, NORTH_M, {"E": 1, "W": 1, "S": 1}, zebras=True),
    Node(13, "Main and West", WEST_M, _MAIN_M, {"E": 2, "N": 1, "S": 1}, zebras=True),
    Node(14, "Market and West", WEST_M, _MARKET_M, {"E": 1, "N": 1, "S": 1}, stops=("E",), zebras=True),
    Node(15, "Main and East", EAST_M, _MAIN_M, {"N": 1, "W": 2, "S": 1}, lights=True),
    Node(16, "Market and East", EAST_M, _MARKET_M, {"N": 1, "W": 1, "S": 1}, zebras=True),
)


def _south_west(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M, SOUTH_M + CORNER_M).arc(QUARTER, CORNER_M)


def _south_east(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(EAST_M - CORNER_M, SOUTH_M).arc(QUARTER, CORNER_M)


def _north_east(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(EAST_M, NORTH_M - CORNER_M).arc(QUARTER, CORNER_M)


def _north_west(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(WEST_M + CORNER_M, NORTH_M).arc(QUARTER, CORNER_M)


ZEBRA_M = 103.0  # along North Street's long block, in its middle
STREETS = (
    Street(30, "Main Avenue", (13, "E"), (1, "W"), 50.0, speed_signs=((14.0, True),)),
    Street(31, "Main Avenue", (1, "E"), (2, "W"), 50.0, parking=(14.0, 190.0)),
    Street(32, "Main Avenue", (2, "E"), (3, "W"), 50.0),
    Street(33, "Main Avenue", (3, "E"), (15, "W"), 50.0, speed_signs=((56.0, False),)),
    Street(34, "Market Street", (14, "E"), (4, "W"), 30.0, speed_signs=((14.0, True),)),
    Street(35, "Market Street", (4, "E"), (5, "W"), 30.0, parking=(14.0, 190.0)),
    Street(36, "Market Street", (5, "E"), (6, "W"), 30.0),
    Street(37, "Market Street", (6, "E"), (16, "W"), 30.0, speed_signs=((56.0, False),)),
    Street(38, "Broad Avenue", (7, "N"), (1, "S"), 50.0, speed_signs=((14.0, True),)),
    Street(39, "Broad Avenue", (1, "N"), (4, "S"), 50.0, parking=(18.0, 67.0)),
    Street(40, "Broad Avenue", (4, "N"), (10, "S"), 50.0),
    Street(41, "Mill Street", (8, "N"), (2, "S"), 50.0),
    Street(42, "Mill Street", (2, "N"), (5, "S"), 50.0),
    Street(43, "Mill Street", (5, "N"), (11, "S"), 50.0),
    Street(44, "Court Street", (9, "N"), (3, "S"), 30.0, parking=(18.0, 51.0), speed_signs=((14.0, True),)),
    Street(45, "Court Street", (3, "N"), (6, "S"), 30.0, parking=(18.0, 67.0)),
    Street(46, "Court Street", (6, "N"), (12, "S"), 30.0),
    Street(47, "South Street", (13, "S"), (7, "W"), 50.0, _south_west),
    Street(48, "South Street", (7, "E"), (8, "W"), 50.0, parking=(14.0, 190.0)),
    Street(49, "South Street", (8, "E"), (9, "W"), 50.0),
    Street(50, "East Street", (9, "E"), (15, "S"), 50.0, _south_east),
    Street(51, "East Street", (15, "N"), (16, "S"), 50.0),
    Street(52, "North Street", (16, "N"), (12, "E"), 50.0, _north_east),
    Street(53, "North Street", (12, "W"), (11, "E"), 50.0),
    Street(
        54,
        "North Street",
        (11, "W"),
        (10, "E"),
        50.0,
        parking=(14.0, 84.0),
        zebras=(ZEBRA_M,),
        signs=((ZEBRA_M - 3, True, CROSSWALK), (ZEBRA_M + 3, False, CROSSWALK)),
    ),
    Street(55, "West Street", (10, "W"), (14, "N"), 50.0, _north_west),
    Street(56, "West Street", (14, "S"), (13, "N"), 50.0),
)


def network() -> Network:
    """Lay out the town's roads and crossings."""
    return build(NODES, STREETS)


RING = range(47, 57)  # their outer side looks out of town, and is on the right of all but the first
_LOW_STREETS: dict[int, Style] = {34: "shops", 36: "flats", 37: "shops", 43: "flats", 46: "flats"}
_PARK_M = (58.0, 92.0, 24.0)  # along Market Street from, to, and how deep
GARDEN_DRAWS = 80


def settle(site: Site, network: Network) -> None:
    """Put up signs, street furniture, buildings and trees; the same ones every time."""
    rng = np.random.default_rng(20260202)
    trees = tree_models(rng, rich=1)
    far_trees = tree_models(np.random.default_rng(1), rich=1, sparse=True)
    streets = {road.id: road for road in network.roads if road.junction_id < 0}
    put_up_signs(site, streets.values())
    for road_id, s, side in ((30, 44.0, -1), (38, 40.0, -1), (42, 60.0, 1)):
        bus_shelter(site, streets[road_id], side, s)
    for road in streets.values():
        for side in (1, -1):
            furnish_street(site, frontage_of(road, side), PAVEMENT_M, trees, 6, rng)
    _pocket_park(site, streets[35], trees, rng)
    for road in streets.values():
        for side in (1, -1):
            line_street(site, frontage_of(road, side), _style(road.id, side), rng)
    for path in network.roads:
        if path.junction_id >= 0 and len(path.sections[0].right) == 2 and not path.line.pieces[0].curvature_per_m:
            line_street(site, frontage_of(path, -1), "shops", rng)  # what the stem of a T looks at
    plant_gardens(site, far_trees, BOUNDS_M, GARDEN_DRAWS, rng)
    plant_woods(site, far_trees, BOUNDS_M, rng)


def _pocket_park(site: Site, street: Road, trees: list[Tree], rng: np.random.Generator) -> None:
    """A lawn with trees between the houses on the left of a street, behind railings with a way in."""
    begins, ends, depth = _PARK_M
    # parking bays have pushed the pavement out
    near = LANE_M + PARKING_M + PAVEMENT_M + 0.3
    middle = (begins + ends) / 2
    x, y = street.line.point(middle, near + depth / 2)
    yaw = float(street.line.poses([middle])[0, 2])
    for s, t in rng.uniform([begins + 2.0, near + 2.5], [ends - 2.0, near + depth - 2.0], (9, 2)):
        plant(site, trees, *street.line.point(float(s), float(t)), rng, largest=1.3)
    for low, high in ((begins, middle - 1.5), (middle + 1.5, ends)):
        fence(site, street.line.point(low, near), street.line.point(high, near))
    site.reserve(rectangle(x, y, (ends - begins) / 2, depth / 2, yaw))


def _style(road_id: int, side: int) -> Style:
    if road_id in RING:
        return "flats" if side < 0 else "shops"
    return _LOW_STREETS.get(road_id, "towers")
