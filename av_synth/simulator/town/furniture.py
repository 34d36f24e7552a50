"""What stands on pavements and lawns: trees, lamps, benches, hydrants, bins, bus shelters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from av_synth.simulator.scene import Material, Tag
from av_synth.simulator.town.frontage import CLEAR_ENDS_M, Frontage, outer_edge_m
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.shapes import Look, box, circle, moved, prism, rectangle
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant

_SLOT_M = 7.0  # street furniture keeps to a rhythm along the kerb
_TREE_T_M = 1.3  # from the kerb: crowns stay clear of lorries
_LAMP_T_M = 0.7
_BACK_T_M = 0.75  # benches and bins keep this far from the pavement's outer edge
POLE = Look((74, 78, 80), Material.METAL, Tag.POLES)
Z = KERB_HEIGHT_M


def furnish_street(
    site: Site, front: Frontage, pavement_m: float, trees: Sequence[Tree], tree_every: int, rng: np.random.Generator
) -> None:
    """Line one side of a street: trees and lamps at the kerb, benches and the like at the back.

    Args:
        site: gets the things.
        front: the side of the street.
        pavement_m: how wide its pavement is.
        trees: models to choose from.
        tree_every: a tree in each n-th slot of 7 m.
        rng: chooses.
    """
    first = CLEAR_ENDS_M + (0.0 if front.side > 0 else _SLOT_M / 2)
    for k, s in enumerate(float(v) for v in np.arange(first, front.length_m - CLEAR_ENDS_M, _SLOT_M)):
        if front.hides(s):
            continue
        if k % 4 == 1:
            _lamp(site, *front.point(s, _LAMP_T_M - pavement_m), front.to_street_rad(s))
        elif k % tree_every == 0:
            plant(site, trees, *front.point(s, _TREE_T_M - pavement_m), rng)
        draw = rng.random()
        between = s + _SLOT_M / 2 - 1.0
        x, y = front.point(between, -_BACK_T_M)
        if draw < 0.10:
            _bench(site, x, y, front.to_street_rad(s))
        elif draw < 0.16:
            _bin(site, x, y)
        elif draw < 0.20:
            _hydrant(site, *front.point(between, 0.6 - pavement_m))


def bus_shelter(site: Site, road: Road, side: int, s_m: float) -> None:
    """A glass shelter at the back of the pavement, open to the street."""
    outer = outer_edge_m(road, side, s_m)
    x, y = road.line.point(s_m, outer - side * 0.95)
    to_road = float(road.line.poses([s_m])[0, 2]) + (-math.pi / 2 if side > 0 else math.pi / 2)
    frame = Look((58, 62, 66), Material.METAL, Tag.STATIC)
    pane = Look((52, 62, 68), Material.GLASS, Tag.STATIC)
    wood = Look((126, 94, 62), Material.MATTE, Tag.STATIC)
    parts = [box([0.1, 0, 2.45], [0.85, 2.1, 0.06], frame), box([-0.62, 0, 1.25], [0.02, 2.0, 0.95], pane)]
    parts += [box([-0.1, e, 1.25], [0.5, 0.02, 0.95], pane) for e in (-2.0, 2.0)]
    parts += [box([px, py, 1.2], [0.04, 0.04, 1.2], frame) for px in (-0.62, 0.45) for py in (-2.0, 2.0)]
    parts += [box([-0.35, 0, 0.48], [0.2, 1.5, 0.04], wood)]
    foot = rectangle(x - 0.1 * math.cos(to_road), y - 0.1 * math.sin(to_road), 0.6, 2.05, to_road)
    site.add("BusShelter", Tag.STATIC, [moved(p, x, y, Z, to_road) for p in parts], to_road, foot)


def fence(site: Site, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A railing of posts and two rails from one point to another."""
    rail = Look((64, 70, 66), Material.METAL, Tag.FENCES)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length, yaw = math.hypot(dx, dy), math.atan2(dy, dx)
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    parts = [box([0, 0, z], [length / 2, 0.025, 0.025], rail) for z in (0.45, 0.95)]
    parts += [
        box([p, 0, 0.5], [0.03, 0.03, 0.5], rail) for p in np.linspace(-length / 2, length / 2, int(length / 2) + 1)
    ]
    foot = rectangle(x, y, length / 2, 0.05, yaw)
    site.add("Railing", Tag.FENCES, [moved(p, x, y, Z, yaw) for p in parts], yaw, foot)


def _lamp(site: Site, x: float, y: float, to_road: float) -> None:
    glow = Look((255, 236, 200), Material.GLOW, Tag.POLES)
    parts = [
        prism(circle(0, 0, 0.1, 6), 0.0, 7.0, POLE, scale=0.6),
        box([0.85, 0, 7.0], [0.9, 0.04, 0.04], POLE),
        box([1.7, 0, 6.98], [0.36, 0.14, 0.07], POLE),
        box([1.7, 0, 6.9], [0.28, 0.1, 0.015], glow),
    ]
    site.add("StreetLamp", Tag.POLES, [moved(p, x, y, Z, to_road) for p in parts], to_road, circle(x, y, 0.11, 8))


def _bench(site: Site, x: float, y: float, to_road: float) -> None:
    wood = Look((122, 90, 60), Material.MATTE, Tag.STATIC)
    iron = Look((52, 54, 56), Material.METAL, Tag.STATIC)
    parts = [box([0, 0, 0.45], [0.24, 0.8, 0.03], wood), box([-0.24, 0, 0.72], [0.03, 0.8, 0.18], wood)]
    parts += [box([0, e, 0.22], [0.2, 0.04, 0.22], iron) for e in (-0.65, 0.65)]
    foot = rectangle(x, y, 0.28, 0.8, to_road)
    site.add("Bench", Tag.STATIC, [moved(p, x, y, Z, to_road) for p in parts], to_road, foot)


def _bin(site: Site, x: float, y: float) -> None:
    green = Look((52, 70, 58), Material.METAL, Tag.STATIC)
    parts = [prism(circle(x, y, 0.24, 8), Z, Z + 0.85, green), prism(circle(x, y, 0.27, 8), Z + 0.85, Z + 0.92, green)]
    site.add("LitterBin", Tag.STATIC, parts, 0.0, circle(x, y, 0.26, 8))


def _hydrant(site: Site, x: float, y: float) -> None:
    red = Look((150, 42, 36), Material.METAL, Tag.STATIC)
    parts = [
        prism(circle(x, y, 0.12, 8), Z, Z + 0.55, red),
        prism(circle(x, y, 0.15, 8), Z + 0.55, Z + 0.75, red, scale=0.4),
        box([x, y, Z + 0.42], [0.22, 0.06, 0.06], red),
    ]
    site.add("Hydrant", Tag.STATIC, parts, 0.0, circle(x, y, 0.16, 8))
