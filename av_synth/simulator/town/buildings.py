"""Buildings along the streets: shops with flats above, blocks of flats with balconies, and houses with gardens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.frontage import Frontage, frontage_of
from av_synth.simulator.town.fronts import (
    GLASS,
    awning,
    doorway,
    dormers,
    dress_front,
    mansard,
    oriel,
    pick,
    plain,
    plinth,
    roof_things,
    shop_bay,
    sign_board,
)
from av_synth.simulator.town.gardens import board_fence, garden_wall, hedge
from av_synth.simulator.town.lots import (
    STOREY_M,
    Colour,
    Lot,
    blocks,
    extruded,
    facades,
    ledge,
    panel,
    panel_back,
    side_rail,
    walls,
)
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.shapes import Look, box, faceted, flat, moved, prism, rectangle, shade
from av_synth.simulator.town.site import Site

Style = Literal["shops", "flats", "houses", "towers", "school"]

_FACADES: tuple[Colour, ...] = (
    (171, 152, 128),
    (150, 92, 74),
    (187, 178, 160),
    (126, 118, 112),
    (164, 130, 98),
    (196, 186, 172),
    (138, 146, 150),
    (176, 140, 116),
    (122, 82, 68),
    (158, 162, 148),
    (204, 186, 140),
    (142, 74, 62),
    (206, 200, 190),
    (132, 150, 160),
    (190, 150, 136),
    (150, 158, 128),
    (108, 92, 84),
    (212, 172, 120),
)
_ROOFS: tuple[Colour, ...] = (
    (122, 66, 52),
    (88, 84, 84),
    (104, 60, 50),
    (72, 74, 80),
    (138, 82, 60),
    (94, 72, 60),
    (60, 62, 66),
)
_STONES: tuple[Colour, ...] = ((150, 142, 130), (118, 112, 106), (136, 98, 80), (176, 166, 148), (96, 92, 92))
SIGNS: tuple[Colour, ...] = ((132, 44, 40), (36, 70, 104), (40, 86, 62), (58, 54, 54), (168, 126, 50), (104, 52, 84))
GRAVEL = (104, 102, 98)
_WALL = ("GardenWall", Tag.WALLS)
_RAILING = Look((70, 72, 76), Material.METAL, Tag.BUILDINGS)


class Habit(NamedTuple):
    """How buildings of a style come: ranges of sizes, the setback from the pavement, the gaps between them."""

    name: str
    width_m: tuple[float, float]
    depth_m: tuple[float, float]
    storeys: tuple[int, int]
    setback_m: float
    gap_m: tuple[float, float]


_HABITS: dict[Style, Habit] = {
    "houses": Habit("House", (9.0, 13.0), (9.0, 11.0), (2, 4), 3.6, (2.5, 6.0)),
    "flats": Habit("Apartments", (12.0, 24.0), (11.0, 16.0), (3, 6), 1.8, (1.5, 6.0)),
    "shops": Habit("Shops", (12.0, 24.0), (11.0, 16.0), (3, 8), 0.05, (0.25, 0.25)),
    "towers": Habit("Tower", (16.0, 26.0), (14.0, 18.0), (9, 19), 0.05, (0.25, 0.25)),
    "school": Habit("School", (40.0, 40.0), (13.0, 13.0), (2, 3), 9.0, (0.0, 0.0)),
}


def line_streets(
    site: Site, streets: Mapping[int, Road], fronts: Mapping[int, tuple[Style, Style]], rng: np.random.Generator
) -> None:
    """Put buildings along both sides of streets: `fronts` has the styles on the left and on the right, by street id."""
    for road_id, styles in fronts.items():
        for side, style in zip((1, -1), styles, strict=True):
            line_street(site, frontage_of(streets[road_id], side), style, rng)


def line_street(site: Site, front: Frontage, style: Style, rng: np.random.Generator) -> None:
    """Put buildings along one side of a street, wherever there is room.

    Args:
        site: gets the buildings.
        front: the side of the street.
        style: what kind.
        rng: draws sizes, colours and details.
    """
    habit = _HABITS[style]
    s = -2.5
    while s < front.length_m + 2.5 - 8.0:
        width = put_up_building(site, front, s, style, rng)
        s += 3.0 if width is None else width + float(rng.uniform(*habit.gap_m))


def put_up_building(site: Site, front: Frontage, s_m: float, style: Style, rng: np.random.Generator) -> float | None:
    """Put up one building whose front begins at distance s along a street; its width, or None if there is no room."""
    habit = _HABITS[style]
    width, depth = float(rng.uniform(*habit.width_m)), float(rng.uniform(*habit.depth_m))
    storeys, wall = int(rng.integers(*habit.storeys)), _FACADES[int(rng.integers(len(_FACADES)))]
    x, y, yaw = _front(front, s_m + width / 2, habit.setback_m)
    lot = Lot(x, y, yaw, width, depth, storeys, wall)
    foot = rectangle(*lot.world(0.0, depth / 2), width / 2, depth / 2, yaw)
    if not site.is_free(foot):
        return None
    details = site.details()
    build = {"houses": _house, "flats": _flats, "shops": _shops, "towers": _shops, "school": _school}[style]
    site.add(habit.name, Tag.BUILDINGS, [moved(Mesh.merge(build(lot, rng, details)), x, y, 0.0, yaw)], yaw, foot)
    if 1.0 < habit.setback_m < 5.0 and rng.random() < 0.75:
        _front_garden(site, lot, habit.setback_m, rng, details)
    return width


def _front(front: Frontage, s_m: float, setback_m: float) -> tuple[float, float, float]:
    """Middle of a front behind the pavement and the heading of its x axis; beyond the road's ends straight on."""
    s = min(max(s_m, 0.0), front.length_m)
    heading = front.heading(s)
    x, y = front.point(s, setback_m)
    # y of a lot points away from the street, so x runs along the road on the left side and against it on the right
    yaw = heading if front.side > 0 else heading + math.pi
    return x + (s_m - s) * math.cos(heading), y + (s_m - s) * math.sin(heading), yaw


def _front_garden(
    site: Site, lot: Lot, setback_m: float, rng: np.random.Generator, details: np.random.Generator
) -> None:
    """A hedge or a low wall on each side of the way to the door; the wall may be a fence of boards."""
    is_hedge = rng.random() < 0.6
    half_t, height = (0.3, 0.95) if is_hedge else (0.11, 0.7)
    fenced = details.random() < 0.5
    kind, tag = ("Hedge", Tag.VEGETATION) if is_hedge else (("GardenFence", Tag.FENCES) if fenced else _WALL)
    run = lot.width_m / 2 - 1.0
    for sign in (-1, 1):
        cx, cy = lot.world(sign * (1.0 + run / 2), -setback_m + half_t + 0.1)
        foot = rectangle(cx, cy, run / 2, half_t, lot.yaw_rad)
        if site.is_free(foot, 0.0):
            make = hedge if is_hedge else (board_fence if fenced else garden_wall)
            parts = [moved(part, cx, cy, KERB_HEIGHT_M, lot.yaw_rad) for part in make(run / 2, half_t, height, details)]
            site.add(kind, tag, parts, lot.yaw_rad, foot)
    way = rectangle(*lot.world(0.0, -setback_m / 2 - 0.2), 0.55, setback_m / 2 - 0.2, lot.yaw_rad)
    if site.is_free(way, 0.0):
        slabs = Look(pick(_STONES, details), Material.PAVING, Tag.TERRAIN)
        path = flat(way, [[0, 1, 2], [0, 2, 3]], KERB_HEIGHT_M + 0.006, slabs)
        site.add("GardenPath", Tag.TERRAIN, [path], lot.yaw_rad, None)


def _flat_roof(lot: Lot, rng: np.random.Generator) -> list[Mesh]:
    """A cornice, a parapet, gravel, and what stands on roofs."""
    trim = Look(shade(lot.wall, 0.82), Material.MATTE, Tag.BUILDINGS)
    gravel = Look(GRAVEL, Material.MATTE, Tag.BUILDINGS)
    top, w, d = lot.eaves_m, lot.width_m, lot.depth_m
    rim = rectangle(0.0, d / 2, w / 2, d / 2, 0.0)
    parts = [ledge(lot, top + 0.15, 0.3, 0.3, trim), prism(rim, top + 0.3, top + 1.0, trim, top=gravel)]
    for _ in range(int(rng.integers(1, 4))):
        half = rng.uniform([0.8, 0.8, 0.6], [2.2, 1.8, 1.3])
        x, y = rng.uniform(-w / 2 + 3, w / 2 - 3), rng.uniform(3, d - 3)
        parts.append(box([x, y, top + 0.3 + half[2]], half, gravel))
    return parts


def _shops(lot: Lot, rng: np.random.Generator, details: np.random.Generator) -> list[Mesh]:
    """Shop windows, sign boards and awnings below, flats above."""
    stone = plain(shade(lot.wall, float(rng.uniform(0.62, 0.85))))
    if details.random() < 0.5:
        stone = plain(pick(_STONES, details))
    ceiling = KERB_HEIGHT_M + STOREY_M
    parts = [walls(lot, 0.0, ceiling, stone), *facades(lot, ceiling, lot.eaves_m)]
    parts += [ledge(lot, ceiling, 0.24, 0.14, stone), *_flat_roof(lot, rng)]
    for end in (-1, 1):  # plain windows in the side walls: corner buildings show them
        for y in np.arange(2.2, lot.depth_m - 1.5, 3.4):
            pane = panel(0.0, 0.9, 0.9, 2.5, 0.03, GLASS)
            parts.append(moved(pane, end * lot.width_m / 2, float(y), 0.0, end * math.pi / 2))
    bays = int(lot.width_m // 3.4)
    bay = lot.width_m / bays
    sign = SIGNS[int(rng.integers(len(SIGNS)))]
    for k in range(bays):
        x = -lot.width_m / 2 + (k + 0.5) * bay
        if k % 3 == 0:
            sign = SIGNS[int(rng.integers(len(SIGNS)))]
        door = Look(shade(sign, 0.6), Material.MATTE, Tag.BUILDINGS)
        if k % 3 == 1:
            parts.append(panel(x, 0.55, KERB_HEIGHT_M, 2.35, 0.05, door))
            parts.append(panel(x, 0.42, 0.9, 2.2, 0.06, GLASS))
            parts += doorway(x, 0.55, door, details)
        else:
            parts.append(panel(x, bay / 2 - 0.3, 0.6, 2.5, 0.03, GLASS))
            parts += shop_bay(x, bay / 2 - 0.3, sign, details)
        parts.append(box([x, -0.07, 2.84], [bay / 2 - 0.12, 0.07, 0.22], Look(sign, Material.MATTE, Tag.BUILDINGS)))
        if k % 3 != 2:
            parts += sign_board(x, bay / 2 - 0.12, sign, details)
        if k % 3 != 1 and rng.random() < 0.35:
            parts += awning(x, bay / 2 - 0.25, shade(sign, 1.25), details)
    piers = [(k * bay - lot.width_m / 2 - 0.14, k * bay - lot.width_m / 2 + 0.14) for k in range(1, bays)]
    parts += blocks([(low, high, 0.1, KERB_HEIGHT_M, 2.62) for low, high in piers], stone, "f")
    parts += dress_front(lot, 1, details)
    if details.random() < 0.25:
        parts += oriel(lot, 1, details)
    return parts + _top(lot, details)


def _top(lot: Lot, details: np.random.Generator) -> list[Mesh]:
    """What stands on a flat roof: a steep storey more, or aerials."""
    if lot.storeys < 8 and details.random() < 0.4:
        return mansard(lot, pick(_ROOFS, details), details)
    return roof_things(lot, lot.eaves_m + 0.3, details)


def _flats(lot: Lot, rng: np.random.Generator, details: np.random.Generator) -> list[Mesh]:
    """A plain block with a door and columns of balconies."""
    base = plain(shade(lot.wall, 0.7))
    slab = Look(shade(lot.wall, 1.1), Material.MATTE, Tag.BUILDINGS)
    ceiling = KERB_HEIGHT_M + STOREY_M
    ground = pick(_STONES, details) if details.random() < 0.5 else lot.wall
    parts = [walls(lot, 0.0, 0.6, base), *facades(lot, 0.6, ceiling, ground), *facades(lot, ceiling, lot.eaves_m)]
    parts += _flat_roof(lot, rng)
    parts += [panel(0.0, 0.7, KERB_HEIGHT_M, 2.4, 0.05, base), panel(0.0, 0.5, 0.4, 2.25, 0.06, GLASS)]
    parts.append(box([0.0, -0.5, 2.7], [1.1, 0.5, 0.07], slab))
    parts += [*doorway(0.0, 0.7, base, details), *dress_front(lot, 1, details), *_top(lot, details)]
    parts += plinth(lot, 0.5, base)
    for x in (-lot.width_m * 0.3, lot.width_m * 0.3):
        for storey in range(1, lot.storeys):
            z = KERB_HEIGHT_M + storey * STOREY_M
            parts += blocks([(x - 1.3, x + 1.3, 1.1, z - 0.08, z + 0.08)], slab)
            parts += blocks([(x - 1.3, x + 1.3, 1.1, z + 0.08, z + 1.08)], _RAILING, "f")
            parts.append(panel_back(x, 1.3, z + 0.08, z + 1.08, 1.04, _RAILING))
            parts += [side_rail(x + e, z + 0.08, _RAILING) for e in (-1.27, 1.27)]
    return parts


def _school(lot: Lot, rng: np.random.Generator, details: np.random.Generator) -> list[Mesh]:
    """A long block with a glazed entrance under a roof on posts."""
    base = Look(shade(lot.wall, 0.7), Material.MATTE, Tag.BUILDINGS)
    slab = Look(shade(lot.wall, 1.1), Material.MATTE, Tag.BUILDINGS)
    parts = [walls(lot, 0.0, 0.6, base), *facades(lot, 0.6, lot.eaves_m), *_flat_roof(lot, rng)]
    parts += [panel(0.0, 2.4, KERB_HEIGHT_M, 2.7, 0.06, GLASS), box([0.0, -1.2, 2.95], [3.4, 1.2, 0.12], slab)]
    parts += [box([x, -2.2, 1.5], [0.09, 0.09, 1.38], base) for x in (-3.1, 3.1)]
    return [*parts, *dress_front(lot, 0, details), *roof_things(lot, lot.eaves_m + 0.3, details)]


def _house(lot: Lot, rng: np.random.Generator, details: np.random.Generator) -> list[Mesh]:
    """A house under a gable roof whose ridge runs along the street."""
    bare = plain(lot.wall)
    tiles = Look(_ROOFS[int(rng.integers(len(_ROOFS)))], Material.MATTE, Tag.BUILDINGS)
    w, d, top = lot.width_m / 2, lot.depth_m, lot.eaves_m
    ridge = top + d * 0.36
    slope = (ridge - top) / (d / 2)
    out, side, thick = 0.45, 0.35, 0.18
    parts = facades(lot, 0.0, top)
    if lot.storeys > 1 and details.random() < 0.4:
        ceiling = KERB_HEIGHT_M + STOREY_M
        parts = [*facades(lot, 0.0, ceiling, pick(_STONES, details)), *facades(lot, ceiling, top)]
    for x, order in ((-w, (0, 2, 1)), (w, (0, 1, 2))):
        parts.append(faceted(np.array([[x, 0.0, top], [x, d, top], [x, d / 2, ridge]]), [order], bare))
    for sign in (-1, 1):  # the half of the roof towards the street, then the half behind
        eave = [d / 2 + sign * (d / 2 + out), top - slope * out]
        ring = [[eave[0], eave[1]], [d / 2, ridge], [d / 2, ridge + thick], [eave[0], eave[1] + thick]]
        parts.append(extruded(np.array(ring), w + side, tiles))
    parts.append(
        box([w * 0.5, d * 0.62, ridge + 0.1], [0.35, 0.35, 0.9], Look((112, 70, 58), Material.MATTE, Tag.BUILDINGS))
    )
    door = Look(shade(SIGNS[int(rng.integers(len(SIGNS)))], 0.8), Material.MATTE, Tag.BUILDINGS)
    parts += [panel(0.0, 0.5, KERB_HEIGHT_M, 2.42, 0.05, door), box([0.0, -0.5, 2.68], [0.9, 0.5, 0.06], tiles)]
    parts += [*doorway(0.0, 0.5, door, details), *dress_front(lot, 0, details), *plinth(lot, 0.4, plain(_STONES[0]))]
    return [*parts, *dormers(lot, ridge, tiles, details)]
