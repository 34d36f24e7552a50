"""The plan of town AvSynth04: a motorway ring of three lanes and a hard shoulder each way.

Two straights of over 500 m, bends of 300 and 317 m radius, and a long bend of 1000 m that runs through a tunnel. On the
south straight each carriageway has a rest area between an exit and an entry.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.scene import Mesh
from av_synth.simulator.town.furniture import plant, tree_models
from av_synth.simulator.town.motorside import concrete_barrier, gantry, guard_rail, tunnel
from av_synth.simulator.town.motorway import (
    APART_S_M,
    EXIT_S_M,
    GORE_M,
    LANES,
    MERGE_M,
    MERGE_S_M,
    REST_S_M,
    SHOULDER_M,
    Stretch,
    carriageway,
)
from av_synth.simulator.town.network import LANE_M, Network
from av_synth.simulator.town.reference import ReferenceLine
from av_synth.simulator.town.roads import Road, Tunnel
from av_synth.simulator.town.rural import barn, delineate
from av_synth.simulator.town.shapes import rectangle
from av_synth.simulator.town.signs import put_up_sign
from av_synth.simulator.town.site import Site

NAME = "AvSynth04"
BOUNDS_M = (4.0, 4.0, 1436.0, 756.0)
MEDIAN_M = 2.5  # from the middle of the motorway to the left edge of a left lane
SOUTH_X_M, SOUTH_Y_M, SOUTH_M = 345.0, 64.0, 730.0
WEST_RADIUS_M, TUNNEL_RADIUS_M = 300.0, 1000.0
TUNNEL_TURN = math.radians(18.0)
WEST_TURN = math.pi - TUNNEL_TURN
# the east bend is as wide as the tunnel bend and the west bend together, so that the ring closes
EAST_RADIUS_M = (TUNNEL_RADIUS_M * (1.0 - math.cos(TUNNEL_TURN)) + WEST_RADIUS_M * (1.0 + math.cos(TUNNEL_TURN))) / 2
NORTH_M = SOUTH_M - (TUNNEL_RADIUS_M - WEST_RADIUS_M) * math.sin(TUNNEL_TURN)
TUNNEL_S_M = (50.0, 260.0)  # portals along the tunnel bend
AFTER_MERGE_M = SOUTH_M - MERGE_S_M - MERGE_M
FAST_KMH, BEND_KMH = 130.0, 100.0
EDGE_T_M = LANES * LANE_M + SHOULDER_M


def ring() -> ReferenceLine:
    """The middle of the motorway, counter-clockwise from the west end of the south straight."""
    line = ReferenceLine.at(SOUTH_X_M, SOUTH_Y_M, 0.0).line(SOUTH_M).arc(math.pi, EAST_RADIUS_M).line(NORTH_M)
    return line.arc(TUNNEL_TURN, TUNNEL_RADIUS_M).arc(WEST_TURN, WEST_RADIUS_M)


def _stretches(outer: bool) -> tuple[Stretch, list[Stretch]]:
    """A carriageway in its own direction: the outer one runs counter-clockwise, the inner one clockwise."""
    name, side, turn = ("Outer", MEDIAN_M, 1.0) if outer else ("Inner", -MEDIAN_M, -1.0)
    x, y, heading = (
        (SOUTH_X_M, SOUTH_Y_M - MEDIAN_M, 0.0) if outer else (SOUTH_X_M + SOUTH_M, SOUTH_Y_M + MEDIAN_M, math.pi)
    )
    line = ReferenceLine.at(x, y, heading).line(MERGE_S_M + MERGE_M)
    rest = Stretch(f"{name} South", line, FAST_KMH)
    bends = [
        (f"{name} East", math.pi, EAST_RADIUS_M, BEND_KMH),
        (f"{name} North", 0.0, NORTH_M, FAST_KMH),
        (f"{name} Tunnel", TUNNEL_TURN, TUNNEL_RADIUS_M, BEND_KMH),
        (f"{name} West", WEST_TURN, WEST_RADIUS_M, BEND_KMH),
    ]
    others = []
    for k, (called, angle, size, speed) in enumerate(bends if outer else bends[::-1]):
        start = ReferenceLine.at(*line.end)
        line = start.line(AFTER_MERGE_M) if k == 0 else start
        line = line.arc(turn * angle, size + side) if angle else line.line(size)
        others.append(Stretch(called, line, speed, _tunnels(called, size + side, outer) if "Tunnel" in called else ()))
    return rest, others


def _tunnels(name: str, radius_m: float, outer: bool) -> tuple[Tunnel, ...]:
    share = radius_m / TUNNEL_RADIUS_M
    begins, ends = TUNNEL_S_M
    s = begins if outer else TUNNEL_TURN * TUNNEL_RADIUS_M - ends
    return (Tunnel(f"{name} 1", name, s * share, (ends - begins) * share),)


def network() -> Network:
    """Lay out both carriageways."""
    outer, entry = carriageway(10, 1, *_stretches(outer=True))
    inner, other_entry = carriageway(20, 2, *_stretches(outer=False))
    return Network((*outer, *inner), (entry, other_entry))


def settle(site: Site, network: Network) -> None:
    """Put up barriers, the tunnel, gantries, signs, the rest areas and trees; the same ones every time."""
    rng = np.random.default_rng(20260404)
    trees = tree_models(rng, blobs=2)
    middle, roads = ring(), {road.id: road for road in network.roads}
    bend_s = SOUTH_M + math.pi * EAST_RADIUS_M + NORTH_M
    portals = [bend_s + s for s in TUNNEL_S_M]
    concrete_barrier(site, middle, 0.0, portals[0])
    concrete_barrier(site, middle, portals[1], middle.length_m)
    tunnel(site, middle, *portals)
    for road in roads.values():
        for signal in road.signals:
            put_up_sign(site, road, signal)
    for first in (10, 20):
        _rest_area(site, roads[first], trees, rng)
        for road_id in range(first + 1, first + 5):
            _along(site, roads[road_id])
    _trees(site, trees, rng)


def _along(site: Site, road: Road) -> None:
    """Guard rails along bends but for the tunnel, delineators along straights, a gantry on the north straight."""
    if "North" in road.name:
        delineate(site, road, 0.5)
        lanes = [(-LANE_M * (k + 0.5), 3.0, "A4") for k in range(LANES)]
        gantry(site, road, 140.0, (-EDGE_T_M - 1.2, 1.7), lanes)
        return
    spans = [(12.0, road.line.length_m - 2.0)]
    for bore in road.tunnels:
        spans = [(12.0, bore.s_m), (bore.s_m + bore.length_m, road.line.length_m - 2.0)]
    for begins, ends in spans:
        guard_rail(site, road.line, begins, ends, -EDGE_T_M - 1.3)


def _rest_area(site: Site, road: Road, trees: list[Mesh], rng: np.random.Generator) -> None:
    """Gantries before the exit, and a small building under trees behind the rest area."""
    lanes = [(-LANE_M * (k + 0.5), 3.0, "A4") for k in range(LANES)]
    gantry(site, road, 22.0, (-EDGE_T_M - 1.2, 1.7), lanes)
    gantry(site, road, APART_S_M - 20.0, (-EDGE_T_M - LANE_M - 1.2, 1.7), [*lanes, (-LANE_M * (LANES + 0.5), 3.0, "P")])
    guard_rail(site, road.line, EXIT_S_M + 100.0, APART_S_M - 30.0, -EDGE_T_M - LANE_M - 1.3)
    ramp_t = -(EDGE_T_M + GORE_M + LANE_M + SHOULDER_M)
    x, y = road.line.point(REST_S_M + 25.0, ramp_t - 7.0)
    barn(site, x, y, float(road.line.poses([0.0])[0, 2]) + math.pi, (4.0, 3.0), 3.0, (186, 178, 162))
    for s in np.arange(APART_S_M, REST_S_M + 130.0, 7.0):
        tx, ty = road.line.point(float(s), ramp_t - float(rng.uniform(4.0, 12.0)))
        if site.is_free(rectangle(tx, ty, 1.2, 1.2, 0.0), 1.0):
            plant(site, trees, tx, ty, rng, largest=1.5)


def _trees(site: Site, trees: list[Mesh], rng: np.random.Generator) -> None:
    """Groups of trees on the land, clear of the motorway."""
    x0, y0, x1, y1 = BOUNDS_M
    for x, y in rng.uniform([x0 + 5, y0 + 5], [x1 - 5, y1 - 5], (130, 2)):
        for dx, dy in rng.uniform(-9.0, 9.0, (3, 2)):
            tx, ty = float(x + dx), float(y + dy)
            if site.is_free(rectangle(tx, ty, 1.5, 1.5, 0.0), 0.5) and not site.near_pavement(tx, ty, 6.0):
                plant(site, trees, tx, ty, rng, largest=1.8)
