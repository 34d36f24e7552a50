"""The navigation mesh of a town, which the client's walker AI finds its ways on: pavements, crosswalks and roads.

`ground` says where people may walk, `faces` and `polygons` cut that into convex polygons that meet edge to edge, and
`detour` writes them in the format that `carla.Client` reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import shapely

from av_synth.simulator.cache import cached
from av_synth.simulator.navigation.detour import TooLargeError, write
from av_synth.simulator.navigation.ground import walkable
from av_synth.simulator.navigation.polygons import build
from av_synth.simulator.town.model import Footprint, Town

log = logging.getLogger(__name__)


def navigation_mesh(town: Town, parked: Sequence[Footprint]) -> bytes:
    """The file of a town's navigation mesh; empty where nobody has a place to walk.

    It is made once a machine and town, and then kept in the user's cache.

    Args:
        town: any.
        parked: cars at its kerbs, that walkers keep away from as from all that stands in the town.
    """
    name = f"navigation-{town.digest}" + ("-parked" if parked else "")
    return cached(name, lambda: _made(town, parked))


def _made(town: Town, parked: Sequence[Footprint]) -> bytes:
    try:
        mesh = build(walkable(town, parked), town.ground_height_m, town.relief)
        return write(mesh) if mesh.polygons else b""
    except (TooLargeError, shapely.errors.GEOSException) as error:  # clients tick on without one
        log.warning("%s has no navigation mesh: %s", town.name, error)
        return b""
