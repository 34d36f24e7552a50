"""Trees behind the buildings, on the islands of roundabouts, and in a belt around a town."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from av_synth.simulator.scene import Tag
from av_synth.simulator.town.country import woods_around
from av_synth.simulator.town.roundabout import APRON_M, ISLAND_M
from av_synth.simulator.town.shapes import circle, rectangle
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant

_WOODS_STEP_M = 12.0
_GARDEN_REACH_M = 24.0

Bounds = tuple[float, float, float, float]


def plant_gardens(site: Site, trees: Sequence[Tree], bounds_m: Bounds, draws: int, rng: np.random.Generator) -> None:
    """Trees where there is room between and behind the buildings; `draws` places are tried."""
    x0, y0, x1, y1 = bounds_m
    for x, y in rng.uniform([x0, y0], [x1, y1], (draws, 2)):
        spot = rectangle(float(x), float(y), 1.2, 1.2, 0.0)
        if site.is_free(spot, 1.0) and site.near_pavement(float(x), float(y), _GARDEN_REACH_M):
            plant(site, trees, float(x), float(y), rng, largest=1.25)


def plant_woods(site: Site, trees: Sequence[Tree], bounds_m: Bounds, rng: np.random.Generator) -> None:
    """A belt of larger trees around the town, where no building stands, so that no street looks into the void."""
    x0, y0, x1, y1 = bounds_m
    ring = [(float(x), y) for x in np.arange(x0 + 5, x1, _WOODS_STEP_M) for y in (y0 + 5, y1 - 5)]
    ring += [(x, float(y)) for y in np.arange(y0 + 14, y1 - 10, _WOODS_STEP_M) for x in (x0 + 5, x1 - 5)]
    for grid_x, grid_y in ring:
        x, y = grid_x + float(rng.uniform(-2.0, 2.0)), grid_y + float(rng.uniform(-2.0, 2.0))
        if site.is_free(rectangle(x, y, 1.5, 1.5, 0.0)):
            plant(site, trees, x, y, rng, largest=1.6)


def plant_island(site: Site, trees: Sequence[Tree], middle_m: tuple[float, float], rng: np.random.Generator) -> None:
    """Trees on a roundabout's island, which nobody should look across."""
    for x, y in (*circle(*middle_m, (ISLAND_M - APRON_M) * 0.62, 7), middle_m):
        plant(site, trees, float(x), float(y), rng, largest=1.3)


def plant_horizon(site: Site, bounds_m: Bounds) -> None:
    """Woods far out around a town; nobody gets there."""
    for wood in woods_around(bounds_m, lambda points: np.zeros(len(points)), zlib.crc32(site.name.encode())):
        site.add("Wood", Tag.VEGETATION, [wood], 0.0, None)
