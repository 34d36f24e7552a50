"""The plan of town AvSynth04: a motorway ring of three lanes and a hard shoulder each way.

Two straights of over 500 m, bends of 300 and 317 m radius, and a long bend of 1000 m that runs through a tunnel. On the
south straight each carriageway has a rest area between an exit and an entry.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.town import ring
from av_synth.simulator.town.network import Network
from av_synth.simulator.town.ring import Leg, Ring
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import tree_models

NAME = "AvSynth04"
BOUNDS_M = (4.0, 4.0, 1436.0, 756.0)
_SOUTH_X_M, SOUTH_Y_M, SOUTH_M = 345.0, 64.0, 730.0
_WEST_RADIUS_M, _TUNNEL_RADIUS_M = 300.0, 1000.0
_TUNNEL_TURN = math.radians(18.0)
_WEST_TURN = math.pi - _TUNNEL_TURN
# the east bend is as wide as the tunnel bend and the west bend together, so that the ring closes
_EAST_RADIUS_M = (
    _TUNNEL_RADIUS_M * (1.0 - math.cos(_TUNNEL_TURN)) + _WEST_RADIUS_M * (1.0 + math.cos(_TUNNEL_TURN))
) / 2
NORTH_M = SOUTH_M - (_TUNNEL_RADIUS_M - _WEST_RADIUS_M) * math.sin(_TUNNEL_TURN)
_FAST_KMH, _BEND_KMH = 130.0, 100.0

RING = Ring(
    _SOUTH_X_M,
    SOUTH_Y_M,
    SOUTH_M,
    _FAST_KMH,
    (
        Leg("East", math.pi, _EAST_RADIUS_M, _BEND_KMH),
        Leg("North", 0.0, NORTH_M, _FAST_KMH),
        Leg("Tunnel", _TUNNEL_TURN, _TUNNEL_RADIUS_M, _BEND_KMH, (50.0, 260.0)),
        Leg("West", _WEST_TURN, _WEST_RADIUS_M, _BEND_KMH),
    ),
    lanes=3,
)
TREE_GROUPS = 130


def network() -> Network:
    """Lay out both carriageways."""
    return RING.network()


def settle(site: Site, network: Network) -> None:
    """Put up all that stands along the motorway and trees around it; the same ones every time."""
    rng = np.random.default_rng(20260404)
    trees = tree_models(rng, rich=2, country=True)
    ring.settle(site, RING, network.roads, trees, rng)
    ring.tree_groups(site, trees, BOUNDS_M, TREE_GROUPS, rng)
