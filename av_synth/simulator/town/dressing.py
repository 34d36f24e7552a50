"""The small things of streets: what stands at the back of pavements, hangs on lamp posts and lies around trees.

Nothing of it stands where the pavement is walked on: solid things keep to its last metre, in line with the benches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.foliage import leafy
from av_synth.simulator.town.frontage import Frontage
from av_synth.simulator.town.model import KERB_HEIGHT_M, EnvironmentObject
from av_synth.simulator.town.shapes import Look, box, circle, flat, loose, moved, prism, quad, rectangle
from av_synth.simulator.town.site import Site

Z = KERB_HEIGHT_M
_SLOT_M = 5.0
_SHARE = 0.5  # of slots that have something
_BACK_M = 0.5  # middles of things are so far before the pavement's outer edge
_CLEARANCE_M = 0.5
_BUILT_M = 1.4  # a pavement with a wall so close behind it has shops
_PIT_M = 0.62
_UNEVEN_M = 0.2

Thing = tuple[str, Tag, float, float, list[Mesh]]
"""Name, class, half its width along the street, half its depth, meshes about the origin; +x looks at the street."""


def _any(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in rng.integers(low, high, 3))
    return r, g, b


def _static(colour: tuple[int, int, int], material: Material = Material.MATTE) -> Look:
    return Look(colour, material, Tag.STATIC)


_STEEL = _static((92, 96, 98), Material.METAL)
_WOOD = _static((134, 100, 66))
_CLAY, _CONCRETE = _static((146, 88, 64)), _static((150, 148, 142))
_CLOTHS = ((160, 52, 44), (58, 84, 116), (206, 196, 170), (66, 100, 72))
_LIDS = ((40, 62, 46), (36, 58, 96), (176, 148, 44), (58, 58, 60))


def dress_pavement(site: Site, front: Frontage, rng: np.random.Generator) -> None:
    """Put things at the back of one pavement."""
    for s in np.arange(_SLOT_M, front.length_m - _SLOT_M, _SLOT_M):
        at, chance = float(s + rng.uniform(0.0, 2.0)), float(rng.random())
        if chance > _SHARE or not front.is_open(at, 0.0):
            continue
        wall = not site.is_clear(rectangle(*front.point(at, _BUILT_M), 0.1, 0.1, 0.0), 0.05)
        choices = _BY_SHOPS if wall else _BY_GARDENS
        name, tag, half_along, half_across, parts = choices[int(rng.integers(len(choices)))](rng)
        x, y = front.point(at, -max(half_across + 0.08, _BACK_M if wall else 0.0))
        yaw = front.to_street_rad(at)
        foot = rectangle(x, y, half_across, half_along, yaw)
        aside = [front.point(at + way * (half_along + 1.0), 0.0) for way in (-1, 1)]
        middle = front.point(at, 0.0)
        if any(abs((a - middle[0]) * math.cos(yaw) + (b - middle[1]) * math.sin(yaw)) > _UNEVEN_M for a, b in aside):
            continue  # where bays begin and end the pavement steps aside
        if front.is_open(at, half_along) and site.is_clear(foot, _CLEARANCE_M):
            site.add(name, tag, [moved(part, x, y, Z, yaw) for part in parts], yaw, foot)


def _cafe(rng: np.random.Generator) -> Thing:
    cloth = _static(_CLOTHS[int(rng.integers(len(_CLOTHS)))])
    parts = [prism(circle(0, 0, 0.34, 7), 0.71, 0.75, cloth), prism(circle(0, 0, 0.05, 3), 0.0, 0.71, _STEEL)]
    for end in (-1, 1):
        y = end * 0.68
        parts += [box([0, y, 0.44], [0.2, 0.2, 0.025], _WOOD), box([0, y + end * 0.19, 0.68], [0.2, 0.02, 0.16], _WOOD)]
        parts.append(prism(circle(0, y, 0.16, 3), 0.0, 0.42, _STEEL, scale=0.6))
    return "CafeTable", Tag.STATIC, 0.9, 0.36, parts


def _planter(rng: np.random.Generator) -> Thing:
    tub = _CLAY if rng.random() < 0.5 else _CONCRETE
    parts = [prism(rectangle(0, 0, 0.3, 0.55, 0.0), 0.0, 0.5, tub, scale=1.08)]
    points = np.column_stack([rng.uniform(-0.2, 0.2, 9), np.linspace(-0.5, 0.5, 9), rng.uniform(0.5, 0.75, 9)])
    return "Planter", Tag.STATIC, 0.6, 0.34, [*parts, _bush(points, 0.28, rng)]


def _bush(points: Array, size_m: float, rng: np.random.Generator) -> Mesh:
    n = len(points)
    outward = points - points.mean(axis=0) + [0.0, 0.0, 0.35]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    tones = np.array([82, 110, 54]) * rng.uniform(0.7, 1.25, (n, 1))
    return leafy(points, outward, np.full(n, size_m), tones, n)


def _board(rng: np.random.Generator) -> Thing:
    look = _static((40, 44, 42))
    face = _static(_CLOTHS[int(rng.integers(len(_CLOTHS)))])
    parts = []
    for turn in (0.0, math.pi):
        leaf = [quad([0.3, -0.3, 0], [0.3, 0.3, 0], [0.03, 0.3, 1.0], [0.03, -0.3, 1.0], look)]
        leaf.append(quad([0.28, -0.24, 0.16], [0.28, 0.24, 0.16], [0.08, 0.24, 0.9], [0.08, -0.24, 0.9], face))
        leaf.append(quad([0.03, -0.3, 1.0], [0.03, 0.3, 1.0], [0.3, 0.3, 0], [0.3, -0.3, 0], look))
        parts += [moved(part, 0.0, 0.0, 0.0, turn + math.pi / 2) for part in leaf]
    return "AdvertisingBoard", Tag.STATIC, 0.34, 0.3, parts


def _column(rng: np.random.Generator) -> Thing:
    parts = [prism(circle(0, 0, 0.42, 8), 0.0, 2.6, _static((120, 124, 116)))]
    parts += [prism(circle(0, 0, 0.48, 8), 2.6, 2.95, _static((62, 84, 70)), scale=0.4)]
    for k in range(8):
        poster = _static(_any(rng, 60, 220))
        pane = quad([0.395, -0.14, 0.7], [0.395, 0.14, 0.7], [0.395, 0.14, 2.3], [0.395, -0.14, 2.3], poster)
        parts.append(moved(pane, 0.0, 0.0, 0.0, k * math.pi / 4))
    return "AdvertisingColumn", Tag.STATIC, 0.45, 0.45, parts


def _post_box(rng: np.random.Generator) -> Thing:
    del rng
    yellow, dark = _static((206, 160, 32)), _static((40, 40, 42))
    parts = [prism(circle(0, 0, 0.06, 4), 0.0, 0.7, _STEEL), box([0, 0, 1.1], [0.2, 0.26, 0.4], yellow)]
    parts.append(quad([0.205, -0.16, 1.28], [0.205, 0.16, 1.28], [0.205, 0.16, 1.33], [0.205, -0.16, 1.33], dark))
    return "PostBox", Tag.STATIC, 0.28, 0.22, parts


def _cabinet(rng: np.random.Generator) -> Thing:
    half, tall = float(rng.uniform(0.35, 0.7)), float(rng.uniform(1.0, 1.35))
    grey = _static((150, 154, 148) if rng.random() < 0.6 else (112, 120, 112))
    parts = [
        box([0, 0, 0.08], [0.2, half, 0.08], _CONCRETE),
        box([0, 0, tall / 2 + 0.1], [0.18, half - 0.02, tall / 2], grey),
    ]
    seam = _static((84, 86, 84))
    parts.append(quad([0.185, -0.01, 0.2], [0.185, 0.01, 0.2], [0.185, 0.01, tall], [0.185, -0.01, tall], seam))
    return "ElectricityCabinet", Tag.STATIC, half, 0.22, parts


def _racks(rng: np.random.Generator) -> Thing:
    parts = []
    for y in (-0.6, 0.0, 0.6):
        parts += [prism(circle(x, y, 0.03, 3), 0.0, 0.8, _STEEL) for x in (-0.35, 0.35)]
        parts.append(box([0, y, 0.8], [0.38, 0.03, 0.03], _STEEL))
    if rng.random() < 0.7:
        parts += _bicycle(0.12)
    return "BicycleRack", Tag.STATIC, 0.75, 0.42, parts


def _bicycle(y: float) -> list[Mesh]:
    """A parked bicycle, from the side a frame between two wheels."""
    black, paint = _static((30, 30, 32)), _static((52, 84, 120), Material.METAL)
    parts: list[Mesh] = []
    angles = np.arange(9) * math.pi / 4
    rims = [
        [[x + r * math.cos(a), y, r * math.sin(a) + 0.34] for a in angles] for x in (-0.5, 0.5) for r in (0.33, 0.27)
    ]
    for outer, inner in (rims[:2], rims[2:]):
        front = [[outer[k], outer[k + 1], inner[k + 1]] for k in range(8)]
        front += [[outer[k], inner[k + 1], inner[k]] for k in range(8)]
        parts.append(loose(np.array(front + [corners[::-1] for corners in front]), black))
    parts += [box([0.05, y, 0.62], [0.36, 0.02, 0.025], paint), box([-0.2, y, 0.85], [0.12, 0.06, 0.03], black)]
    parts += [box([0.42, y, 0.78], [0.02, 0.02, 0.2], paint), box([0.42, y, 0.98], [0.02, 0.25, 0.02], black)]
    return parts


def _bins(rng: np.random.Generator) -> Thing:
    count = int(rng.integers(1, 4))
    parts = []
    for k in range(count):
        y = (k - (count - 1) / 2) * 0.62
        lid = _static(_LIDS[int(rng.integers(len(_LIDS)))])
        parts += [prism(rectangle(0, y, 0.26, 0.24, 0.0), 0.0, 0.92, _static((52, 56, 54)), scale=1.15)]
        parts.append(box([0.0, y, 0.98], [0.32, 0.28, 0.05], lid))
    return "WheeledBin", Tag.STATIC, 0.31 * count, 0.33, parts


def _stand(rng: np.random.Generator) -> Thing:
    parts = [box([0.0, 0.0, 0.3], [0.28, 0.8, 0.3], _WOOD)]
    for y in (-0.6, -0.2, 0.2, 0.6):
        goods = _static(_any(rng, 60, 220))
        parts.append(box([0.0, y, 0.66], [0.24, 0.17, 0.06], goods))
    return "MarketStand", Tag.STATIC, 0.82, 0.3, parts


def _machine(rng: np.random.Generator) -> Thing:
    del rng
    blue = _static((40, 76, 128))
    parts = [box([0, 0, 0.75], [0.16, 0.18, 0.75], _static((96, 100, 104))), box([0, 0, 1.62], [0.17, 0.2, 0.12], blue)]
    return "TicketMachine", Tag.STATIC, 0.22, 0.2, parts


_BY_SHOPS: tuple[Callable[[np.random.Generator], Thing], ...] = (
    *(_cafe, _cafe, _planter, _planter, _board, _board, _racks, _stand, _column, _post_box, _machine, _bins),
)
_BY_GARDENS: tuple[Callable[[np.random.Generator], Thing], ...] = (
    *(_cabinet, _cabinet, _bins, _bins, _planter, _post_box, _racks, _machine),
)


def dress_lamps(site: Site, rng: np.random.Generator) -> None:
    """Street names, parking signs, baskets and bins on some of the lamp posts that stand so far."""
    for lamp in _named(site.objects, "StreetLamp"):
        foot = site.footprints[lamp.footprint].polygon.mean(axis=0)
        x, y, yaw = float(foot[0]), float(foot[1]), lamp.yaw_rad
        draw = rng.random()
        for below, name, tag, make in _ON_LAMPS:
            if draw < below:
                site.add(name, tag, [moved(part, x, y, Z, yaw) for part in make(rng)], yaw, None)
                break


def _basket(rng: np.random.Generator) -> list[Mesh]:
    ring = circle(0.0, 0.0, 0.26, 7)
    points = np.column_stack([np.vstack([ring, ring[::2] * 0.5]), rng.uniform(3.0, 3.2, 11)])
    return [prism(ring * 0.7, 2.86, 3.05, _CLAY, scale=1.3), _bush(points, 0.17, rng)]


def _lamp_bin(rng: np.random.Generator) -> list[Mesh]:
    colour = _static((176, 100, 36) if rng.random() < 0.5 else (54, 74, 60))
    return [prism(circle(-0.28, 0.0, 0.19, 6), 0.55, 1.1, colour, scale=1.15)]


def _name_plate(rng: np.random.Generator) -> list[Mesh]:
    del rng
    blue, white = (Look(c, Material.MATTE, Tag.TRAFFIC_SIGNS) for c in ((34, 62, 120), (214, 214, 208)))
    parts = [box([0.0, 0.55, 2.75], [0.015, 0.48, 0.11], blue)]
    for turn in (-1, 1):
        strokes = [(-0.32 + 0.11 * k, 0.03 + 0.012 * (k * 3 % 4)) for k in range(7)]
        for y, half in strokes:
            left, right = y - half, y + half
            pane = quad([0.018, left, 2.7], [0.018, right, 2.7], [0.018, right, 2.8], [0.018, left, 2.8], white)
            parts.append(moved(pane, 0.0, 0.55, 0.0, 0.0 if turn > 0 else math.pi))
    return parts


def _parking(rng: np.random.Generator) -> list[Mesh]:
    del rng
    blue, white = (Look(c, Material.RETRO, Tag.TRAFFIC_SIGNS) for c in ((30, 74, 140), (220, 220, 216)))
    bars = ((-0.1, 0.0, 0.03, 0.2), (0.02, 0.17, 0.12, 0.03), (0.02, 0.0, 0.12, 0.03), (0.12, 0.085, 0.03, 0.1))
    parts = [box([0.0, 0.0, 2.45], [0.25, 0.02, 0.3], blue)]
    for turn in (0.0, math.pi):
        for u, v, half_u, half_v in bars:
            left, right, low, high = u - half_u, u + half_u, 2.45 + v - half_v, 2.45 + v + half_v
            pane = quad([left, -0.03, low], [right, -0.03, low], [right, -0.03, high], [left, -0.03, high], white)
            parts.append(moved(pane, 0.0, 0.0, 0.0, turn))
    return parts


_ON_LAMPS: tuple[tuple[float, str, Tag, Callable[[np.random.Generator], list[Mesh]]], ...] = (
    (0.16, "FlowerBasket", Tag.VEGETATION, _basket),
    (0.32, "LampBin", Tag.STATIC, _lamp_bin),
    (0.46, "StreetNameSign", Tag.TRAFFIC_SIGNS, _name_plate),
    (0.62, "ParkingSign", Tag.TRAFFIC_SIGNS, _parking),
)


def dress_trees(site: Site) -> None:
    """Open ground around the trees that stand on pavements."""
    earth = Look((92, 78, 60), Material.GRASS, Tag.TERRAIN)
    for tree in _named(site.objects, "Tree"):
        x, y = (float(v) for v in site.footprints[tree.footprint].polygon.mean(axis=0))
        if site.near_pavement(x, y, 0.01):
            pit = flat(circle(x, y, _PIT_M, 4), [[0, 1, 2], [0, 2, 3]], Z + 0.006, earth)
            site.add("TreePit", Tag.TERRAIN, [pit], 0.0, None)


def _named(objects: Iterable[EnvironmentObject], kind: str) -> list[EnvironmentObject]:
    return [thing for thing in objects if thing.name.rsplit("_", 1)[0] == kind]
