"""The plan of town AvSynth06: a small town inside a ring of expressway.

The expressway has two lanes and a hard shoulder each way, an exit and an entry on the south straight and a short tunnel
on the north one. The streets inside, one lane each way, have a roundabout, a crossing with lights, one with STOP signs,
a crest, parked cars and a zebra in mid-block. No road leads from the streets to the ring.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town import ring
from av_synth.simulator.town.buildings import Style, line_streets
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.furniture import bus_shelter, furnish_street
from av_synth.simulator.town.greenery import plant_gardens, plant_island
from av_synth.simulator.town.network import PAVEMENT_M, Network, Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.relief import Hill, Relief
from av_synth.simulator.town.ring import Leg, Ring
from av_synth.simulator.town.roads import CROSSWALK
from av_synth.simulator.town.roundabout import Roundabout
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_signs
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import tree_models

NAME = "AvSynth06"
BOUNDS_M = (8.0, 8.0, 1232.0, 568.0)
_STRAIGHT_M, _BEND_M = 700.0, 230.0
RING = Ring(
    270.0,
    64.0,
    _STRAIGHT_M,
    100.0,
    (
        Leg("East", math.pi, _BEND_M, 80.0),
        Leg("North", 0.0, _STRAIGHT_M, 100.0, (120.0, 270.0)),
        Leg("West", math.pi, _BEND_M, 80.0),
    ),
    lanes=2,
)
TREE_GROUPS = 90
# a meadow without trees: there drive CARLA's own tests of tyres and friction, which ask for Town05
_MEADOW = rectangle(32.0, 110.0, 8.0, 100.0, 0.0)

_FAR_WEST_M, CIRCLE_M, _STOP_M, _LIGHTS_M, _FAR_EAST_M = 180.0, 330.0, 620.0, 900.0, 1060.0
SOUTH_M, _HIGH_M, NORTH_M = 170.0, 300.0, 430.0
QUARTER = math.pi / 2
# as steep as the crest of AvSynth05
RELIEF = Relief((Hill(475.0, NORTH_M, 0.0, 6.0, 115.0, 20.0, 55.0),))

# the reader of CARLA takes a junction for a road of the same number: none has that of one of the ring's
NODES = (
    Roundabout(9, "Mill Circle", CIRCLE_M, _HIGH_M, {"E": 1, "N": 1, "W": 1, "S": 1}, zebras=True),
    Node(3, "High and Court", _STOP_M, _HIGH_M, {"E": 1, "N": 1, "W": 1, "S": 1}, stops=("N", "S")),
    Node(4, "High and Station", _LIGHTS_M, _HIGH_M, {"E": 1, "N": 1, "W": 1, "S": 1}, lights=True),
    Node(5, "North and Mill", CIRCLE_M, NORTH_M, {"E": 1, "W": 1, "S": 1}),
    Node(6, "South and Mill", CIRCLE_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}),
    Node(7, "North and Court", _STOP_M, NORTH_M, {"E": 1, "W": 1, "S": 1}),
    Node(8, "North and Station", _LIGHTS_M, NORTH_M, {"E": 1, "W": 1, "S": 1}),
    Node(14, "South and Court", _STOP_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}),
    Node(15, "South and Station", _LIGHTS_M, SOUTH_M, {"E": 1, "N": 1, "W": 1}),
    Node(16, "West End", _FAR_WEST_M, _HIGH_M, {"E": 1, "N": 1, "S": 1}),
    Node(17, "East End", _FAR_EAST_M, _HIGH_M, {"N": 1, "W": 1, "S": 1}),
)


def _north_west(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(_FAR_WEST_M + 100.0, NORTH_M).arc(QUARTER, 100.0)


def _south_west(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(_FAR_WEST_M, SOUTH_M + 100.0).arc(QUARTER, 100.0)


def _north_east(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(_FAR_EAST_M - 110.0, NORTH_M).arc(-QUARTER, 110.0)


def _south_east(line: ReferenceLine) -> ReferenceLine:
    return line.line_to(_FAR_EAST_M, SOUTH_M + 90.0).arc(-QUARTER, 90.0)


ZEBRA_M = 130.0  # along High Street's east half
STREETS = (
    Street(30, "High Street", (9, "E"), (3, "W"), 50.0, parking=(20.0, 236.0), speed_signs=((14.0, True),)),
    Street(
        31,
        "High Street",
        (3, "E"),
        (4, "W"),
        50.0,
        zebras=(ZEBRA_M,),
        signs=((ZEBRA_M - 3, True, CROSSWALK), (ZEBRA_M + 3, False, CROSSWALK)),
    ),
    Street(32, "High Street", (4, "E"), (17, "W"), 50.0, speed_signs=((132.0, False),)),
    Street(33, "High Street", (16, "E"), (9, "W"), 50.0, speed_signs=((14.0, True),)),
    Street(34, "Mill Street", (9, "N"), (5, "S"), 50.0),
    Street(35, "Mill Street", (6, "N"), (9, "S"), 50.0),
    Street(36, "Court Street", (3, "N"), (7, "S"), 50.0),
    Street(37, "Court Street", (14, "N"), (3, "S"), 50.0),
    Street(38, "Station Street", (4, "N"), (8, "S"), 50.0),
    Street(39, "Station Street", (15, "N"), (4, "S"), 50.0),
    Street(40, "North Street", (5, "E"), (7, "W"), 50.0, speed_signs=((14.0, True),)),
    Street(41, "North Street", (7, "E"), (8, "W"), 50.0),
    Street(42, "South Street", (6, "E"), (14, "W"), 50.0),
    Street(43, "South Street", (14, "E"), (15, "W"), 50.0, parking=(14.0, 244.0)),
    Street(44, "West Street", (5, "W"), (16, "N"), 50.0, _north_west),
    Street(45, "West Street", (16, "S"), (6, "W"), 50.0, _south_west),
    Street(46, "East Street", (8, "E"), (17, "N"), 50.0, _north_east),
    Street(47, "East Street", (17, "S"), (15, "E"), 50.0, _south_east),
)
CREST = 40  # the street that goes over it; nothing is built beside it
# what stands on the left and on the right of each street
FRONTS: dict[int, tuple[Style, Style]] = {
    30: ("shops", "shops"),
    31: ("shops", "flats"),
    32: ("flats", "shops"),
    33: ("houses", "flats"),
    34: ("houses", "houses"),
    35: ("houses", "houses"),
    36: ("flats", "houses"),
    37: ("flats", "shops"),
    38: ("flats", "houses"),
    39: ("flats", "houses"),
    41: ("houses", "houses"),
    42: ("houses", "houses"),
    43: ("houses", "flats"),
    47: ("houses", "houses"),
}
GARDEN_DRAWS = 400


def network() -> Network:
    """Lay out the ring and the streets."""
    outside, inside = RING.network(), build(NODES, STREETS)
    return Network((*outside.roads, *inside.roads), (*outside.junctions, *inside.junctions))


def settle(site: Site, network: Network) -> None:
    """Put up what stands along the ring and the streets; the same things every time."""
    rng = np.random.default_rng(20260606)
    trees = tree_models(rng, rich=1)
    far_trees = tree_models(np.random.default_rng(1), rich=1, sparse=True)
    streets = {street.id: road for street in STREETS for road in network.roads if road.id == street.id}
    ring.settle(site, RING, [road for road in network.roads if road.kind == "motorway"], trees, rng)
    put_up_signs(site, streets.values())
    for road_id, s, side in ((32, 60.0, -1), (33, 50.0, 1)):
        bus_shelter(site, streets[road_id], side, s)
    for road in streets.values():
        for side in (1, -1):
            furnish_street(site, frontage_of(road, side), PAVEMENT_M, trees, 9 if road.id == CREST else 4, rng)
    line_streets(site, streets, FRONTS, rng)
    site.reserve(_MEADOW)
    plant_island(site, trees, (CIRCLE_M, _HIGH_M), rng)
    plant_gardens(site, far_trees, BOUNDS_M, GARDEN_DRAWS, rng)
    ring.tree_groups(site, far_trees, BOUNDS_M, TREE_GROUPS, rng)
