"""Buildings along the streets: shops with flats above, blocks of flats with balconies, and houses with gardens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.roads import Road
from av_synth.simulator.town.shapes import Look, box, faceted, moved, prism, quad, rectangle, shade
from av_synth.simulator.town.site import Site

Style = Literal["shops", "flats", "houses", "towers", "school"]
Colour = tuple[int, int, int]
_STOREY_M = 3.2  # storeys are counted from the ground at kerb height: the renderer's windows rely on it
_WINDOW_M = 2.5  # and this is from window to window

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
)
_ROOFS: tuple[Colour, ...] = ((122, 66, 52), (88, 84, 84), (104, 60, 50), (72, 74, 80))
SIGNS: tuple[Colour, ...] = ((132, 44, 40), (36, 70, 104), (40, 86, 62), (58, 54, 54), (168, 126, 50), (104, 52, 84))
GRAVEL = (104, 102, 98)
HEDGE = (62, 84, 46)
_BRICK = (128, 92, 78)
GLASS = Look((40, 48, 54), Material.GLASS, Tag.BUILDINGS)
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


@dataclass(frozen=True)
class _Lot:
    """Space for one building; its own frame has x along the front (0 in the middle) and y from the front backwards."""

    x_m: float
    y_m: float
    yaw_rad: float
    width_m: float
    depth_m: float
    storeys: int
    wall: Colour

    @property
    def eaves_m(self) -> float:
        return KERB_HEIGHT_M + self.storeys * _STOREY_M

    def world(self, x: float, y: float) -> tuple[float, float]:
        """A point of the lot in the world."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return self.x_m + c * x - s * y, self.y_m + s * x + c * y


def line_streets(
    site: Site, streets: Mapping[int, Road], fronts: Mapping[int, tuple[Style, Style]], rng: np.random.Generator
) -> None:
    """Put buildings along both sides of streets: `fronts` has the styles on the left and on the right, by street id."""
    for road_id, styles in fronts.items():
        for side, style in zip((1, -1), styles, strict=True):
            line_street(site, streets[road_id], side, style, rng)


def line_street(site: Site, road: Road, side: int, style: Style, rng: np.random.Generator) -> None:
    """Put buildings along one side (1 left, -1 right) of a street, wherever there is room.

    Args:
        site: gets the buildings.
        road: the street.
        side: 1 left, -1 right of the reference line.
        style: what kind.
        rng: draws sizes, colours and details.
    """
    habit = _HABITS[style]
    s = -2.5
    while s < road.line.length_m + 2.5 - 8.0:
        width = put_up_building(site, road, side, s, style, rng)
        s += 3.0 if width is None else width + float(rng.uniform(*habit.gap_m))


def put_up_building(
    site: Site, road: Road, side: int, s_m: float, style: Style, rng: np.random.Generator
) -> float | None:
    """Put up one building whose front begins at distance s along a street; its width, or None if there is no room."""
    habit = _HABITS[style]
    width, depth = float(rng.uniform(*habit.width_m)), float(rng.uniform(*habit.depth_m))
    storeys, wall = int(rng.integers(*habit.storeys)), _FACADES[int(rng.integers(len(_FACADES)))]
    x, y, yaw = _front(road, side, s_m + width / 2, habit.setback_m)
    lot = _Lot(x, y, yaw, width, depth, storeys, wall)
    foot = rectangle(*lot.world(0.0, depth / 2), width / 2, depth / 2, yaw)
    if not site.is_free(foot):
        return None
    build = {"houses": _house, "flats": _flats, "shops": _shops, "towers": _shops, "school": _school}[style]
    site.add(habit.name, Tag.BUILDINGS, [moved(part, x, y, 0.0, yaw) for part in build(lot, rng)], yaw, foot)
    if 1.0 < habit.setback_m < 5.0 and rng.random() < 0.75:
        _front_garden(site, lot, habit.setback_m, rng)
    return width


def _front(road: Road, side: int, s_m: float, setback_m: float) -> tuple[float, float, float]:
    """Middle of a front behind the pavement and the heading of its x axis; beyond the road's ends straight on."""
    s = min(max(s_m, 0.0), road.line.length_m)
    heading = float(road.line.poses([s])[0, 2])
    x, y = road.line.point(s, outer_edge_m(road, side, s) + side * setback_m)
    # y of a lot points away from the street, so x runs along the road on the left side and against it on the right
    yaw = heading if side > 0 else heading + math.pi
    return x + (s_m - s) * math.cos(heading), y + (s_m - s) * math.sin(heading), yaw


def outer_edge_m(road: Road, side: int, s_m: float) -> float:
    """Signed offset of the outer edge of everything a street has on a side, pavement included."""
    index = road.section_at(s_m)
    section = road.sections[index]
    lanes = len(section.left if side > 0 else section.right)
    return float(road.edge_t_m(index, side, lanes, np.array([s_m]))[0])


def _front_garden(site: Site, lot: _Lot, setback_m: float, rng: np.random.Generator) -> None:
    """A hedge or a low wall on each side of the way to the door."""
    kind, half_t, height, look = (
        ("Hedge", 0.3, 0.95, Look(HEDGE, Material.FOLIAGE, Tag.VEGETATION))
        if rng.random() < 0.6
        else ("GardenWall", 0.11, 0.7, Look(_BRICK, Material.MATTE, Tag.WALLS))
    )
    run = lot.width_m / 2 - 1.0
    for sign in (-1, 1):
        cx, cy = lot.world(sign * (1.0 + run / 2), -setback_m + half_t + 0.1)
        foot = rectangle(cx, cy, run / 2, half_t, lot.yaw_rad)
        if site.is_free(foot, 0.0):
            solid = box([cx, cy, KERB_HEIGHT_M + height / 2], [run / 2, half_t, height / 2], look, lot.yaw_rad)
            site.add(kind, look.tag, [solid], lot.yaw_rad, foot)


def _walls(lot: _Lot, bottom_m: float, top_m: float, look: Look) -> Mesh:
    return prism(rectangle(0.0, lot.depth_m / 2, lot.width_m / 2, lot.depth_m / 2, 0.0), bottom_m, top_m, look)


def _facades(lot: _Lot, bottom_m: float, top_m: float) -> list[Mesh]:
    """Four walls with windows, plain at their ends, so that no window is cut by a corner.

    The renderer's windows keep to a grid along the wall that starts at the world's origin.
    """
    windows, plain = (Look(lot.wall, material, Tag.BUILDINGS) for material in (Material.FACADE, Material.MATTE))
    w, d = lot.width_m / 2, lot.depth_m
    corners = [(-w, 0.0), (w, 0.0), (w, d), (-w, d)]
    parts = []
    for k, (ax, ay) in enumerate(corners):
        bx, by = corners[(k + 1) % 4]
        (px, py), (qx, qy) = lot.world(ax, ay), lot.world(bx, by)
        length = math.hypot(qx - px, qy - py)
        start = (px * (qx - px) + py * (qy - py)) / length
        first = math.ceil(start / _WINDOW_M) * _WINDOW_M - start
        last = math.floor((start + length) / _WINDOW_M) * _WINDOW_M - start
        for low, high, look in ((0.0, first, plain), (first, last, windows), (last, length, plain)):
            if high - low > 1e-3:
                x0, y0 = ax + (bx - ax) * low / length, ay + (by - ay) * low / length
                x1, y1 = ax + (bx - ax) * high / length, ay + (by - ay) * high / length
                parts.append(quad([x0, y0, bottom_m], [x1, y1, bottom_m], [x1, y1, top_m], [x0, y0, top_m], look))
    return parts


def _ledge(lot: _Lot, z_m: float, height_m: float, overhang_m: float, look: Look) -> Mesh:
    half = [lot.width_m / 2 + overhang_m, lot.depth_m / 2 + overhang_m, height_m / 2]
    return box([0.0, lot.depth_m / 2, z_m], half, look)


def _flat_roof(lot: _Lot, rng: np.random.Generator) -> list[Mesh]:
    """A cornice, a parapet, gravel, and what stands on roofs."""
    trim = Look(shade(lot.wall, 0.82), Material.MATTE, Tag.BUILDINGS)
    gravel = Look(GRAVEL, Material.MATTE, Tag.BUILDINGS)
    top, w, d = lot.eaves_m, lot.width_m, lot.depth_m
    parts = [
        _ledge(lot, top + 0.15, 0.3, 0.3, trim),
        quad([-w / 2, 0, top + 0.32], [w / 2, 0, top + 0.32], [w / 2, d, top + 0.32], [-w / 2, d, top + 0.32], gravel),
    ]
    for cx, cy, hx, hy in (
        (0, 0.1, w / 2, 0.1),
        (0, d - 0.1, w / 2, 0.1),
        (-w / 2 + 0.1, d / 2, 0.1, d / 2),
        (w / 2 - 0.1, d / 2, 0.1, d / 2),
    ):
        parts.append(box([cx, cy, top + 0.65], [hx, hy, 0.35], trim))
    for _ in range(int(rng.integers(1, 4))):
        half = rng.uniform([0.8, 0.8, 0.6], [2.2, 1.8, 1.3])
        x, y = rng.uniform(-w / 2 + 3, w / 2 - 3), rng.uniform(3, d - 3)
        parts.append(box([x, y, top + 0.3 + half[2]], half, gravel))
    return parts


def _shops(lot: _Lot, rng: np.random.Generator) -> list[Mesh]:
    """Shop windows, sign boards and awnings below, flats above."""
    stone = Look(shade(lot.wall, float(rng.uniform(0.62, 0.85))), Material.MATTE, Tag.BUILDINGS)
    ceiling = KERB_HEIGHT_M + _STOREY_M
    parts = [_walls(lot, 0.0, ceiling, stone), *_facades(lot, ceiling, lot.eaves_m)]
    parts += [_ledge(lot, ceiling, 0.24, 0.14, stone), *_flat_roof(lot, rng)]
    for end in (-1, 1):  # plain windows in the side walls: corner buildings show them
        for y in np.arange(2.2, lot.depth_m - 1.5, 3.4):
            pane = _panel(0.0, 0.9, 0.9, 2.5, 0.03, GLASS)
            parts.append(moved(pane, end * lot.width_m / 2, float(y), 0.0, end * math.pi / 2))
    bays = int(lot.width_m // 3.4)
    bay = lot.width_m / bays
    sign = SIGNS[int(rng.integers(len(SIGNS)))]
    for k in range(bays):
        x = -lot.width_m / 2 + (k + 0.5) * bay
        if k % 3 == 0:
            sign = SIGNS[int(rng.integers(len(SIGNS)))]
        if k % 3 == 1:
            door = Look(shade(sign, 0.6), Material.MATTE, Tag.BUILDINGS)
            parts.append(_panel(x, 0.55, KERB_HEIGHT_M, 2.35, 0.03, door))
            parts.append(_panel(x, 0.42, 0.9, 2.2, 0.04, GLASS))
        else:
            parts.append(_panel(x, bay / 2 - 0.3, 0.6, 2.5, 0.03, GLASS))
        parts.append(box([x, -0.07, 2.84], [bay / 2 - 0.12, 0.07, 0.22], Look(sign, Material.MATTE, Tag.BUILDINGS)))
        if k % 3 != 1 and rng.random() < 0.35:
            parts.append(_awning(x, bay / 2 - 0.25, Look(shade(sign, 1.25), Material.MATTE, Tag.BUILDINGS)))
    return parts


def _flats(lot: _Lot, rng: np.random.Generator) -> list[Mesh]:
    """A plain block with a door and columns of balconies."""
    plinth = Look(shade(lot.wall, 0.7), Material.MATTE, Tag.BUILDINGS)
    slab = Look(shade(lot.wall, 1.1), Material.MATTE, Tag.BUILDINGS)
    parts = [_walls(lot, 0.0, 0.6, plinth), *_facades(lot, 0.6, lot.eaves_m), *_flat_roof(lot, rng)]
    parts += [_panel(0.0, 0.7, KERB_HEIGHT_M, 2.4, 0.05, plinth), _panel(0.0, 0.5, 0.4, 2.25, 0.06, GLASS)]
    parts.append(box([0.0, -0.5, 2.6], [1.1, 0.5, 0.07], slab))
    for x in (-lot.width_m * 0.3, lot.width_m * 0.3):
        for storey in range(1, lot.storeys):
            z = KERB_HEIGHT_M + storey * _STOREY_M
            parts.append(box([x, -0.55, z], [1.3, 0.55, 0.08], slab))
            parts.append(box([x, -1.07, z + 0.58], [1.3, 0.03, 0.5], _RAILING))
            parts += [_side_rail(x + e, z + 0.08, _RAILING) for e in (-1.27, 1.27)]
    return parts


def _school(lot: _Lot, rng: np.random.Generator) -> list[Mesh]:
    """A long block with a glazed entrance under a roof on posts."""
    plinth = Look(shade(lot.wall, 0.7), Material.MATTE, Tag.BUILDINGS)
    slab = Look(shade(lot.wall, 1.1), Material.MATTE, Tag.BUILDINGS)
    parts = [_walls(lot, 0.0, 0.6, plinth), *_facades(lot, 0.6, lot.eaves_m), *_flat_roof(lot, rng)]
    parts += [_panel(0.0, 2.4, KERB_HEIGHT_M, 2.7, 0.06, GLASS), box([0.0, -1.2, 2.95], [3.4, 1.2, 0.12], slab)]
    parts += [box([x, -2.2, 1.5], [0.09, 0.09, 1.38], plinth) for x in (-3.1, 3.1)]
    return parts


def _house(lot: _Lot, rng: np.random.Generator) -> list[Mesh]:
    """A house under a gable roof whose ridge runs along the street."""
    plain = Look(lot.wall, Material.MATTE, Tag.BUILDINGS)
    tiles = Look(_ROOFS[int(rng.integers(len(_ROOFS)))], Material.MATTE, Tag.BUILDINGS)
    w, d, top = lot.width_m / 2, lot.depth_m, lot.eaves_m
    ridge = top + d * 0.36
    slope = (ridge - top) / (d / 2)
    out, side, thick = 0.45, 0.35, 0.18
    parts = _facades(lot, 0.0, top)
    for x, order in ((-w, (0, 2, 1)), (w, (0, 1, 2))):
        parts.append(faceted(np.array([[x, 0.0, top], [x, d, top], [x, d / 2, ridge]]), [order], plain))
    for sign in (-1, 1):  # the half of the roof towards the street, then the half behind
        eave = [d / 2 + sign * (d / 2 + out), top - slope * out]
        ring = [[eave[0], eave[1]], [d / 2, ridge], [d / 2, ridge + thick], [eave[0], eave[1] + thick]]
        parts.append(_extruded(np.array(ring), w + side, tiles))
    parts.append(
        box([w * 0.5, d * 0.62, ridge + 0.1], [0.35, 0.35, 0.9], Look((112, 70, 58), Material.MATTE, Tag.BUILDINGS))
    )
    door = Look(shade(SIGNS[int(rng.integers(len(SIGNS)))], 0.8), Material.MATTE, Tag.BUILDINGS)
    parts += [_panel(0.0, 0.5, KERB_HEIGHT_M, 2.3, 0.05, door), box([0.0, -0.5, 2.5], [0.9, 0.5, 0.06], tiles)]
    return parts


def _panel(x: float, half_width: float, bottom: float, top: float, out: float, look: Look) -> Mesh:
    """An upright pane just before the front."""
    left, right = x - half_width, x + half_width
    return quad([left, -out, bottom], [right, -out, bottom], [right, -out, top], [left, -out, top], look)


def _side_rail(x: float, z: float, look: Look) -> Mesh:
    """The side of a balcony: a sheet seen from both sides."""
    a, b, c, d = [x, -1.04, z], [x, 0.0, z], [x, 0.0, z + 1.0], [x, -1.04, z + 1.0]
    return Mesh.merge([quad(a, b, c, d, look), quad(d, c, b, a, look)])


def _awning(x: float, half_width: float, look: Look) -> Mesh:
    ring = np.array([[-0.02, 2.55], [-0.02, 2.62], [-1.1, 2.32], [-1.1, 2.25]])
    return moved(_extruded(ring, half_width, look), x, 0.0, 0.0)


def _extruded(ring_yz: Array, half_width: float, look: Look) -> Mesh:
    """A convex (K, 2) outline in y and z drawn out along x to both sides, closed, whichever way it winds."""
    y, z = ring_yz.T
    area = float(np.sum(y * np.roll(z, -1) - z * np.roll(y, -1)))
    ring = ring_yz if area > 0 else ring_yz[::-1]
    k = len(ring)
    points = np.concatenate([np.column_stack([np.full(k, x), ring]) for x in (-half_width, half_width)])
    faces: list[Sequence[int]] = [[0, i + 1, i] for i in range(1, k - 1)]
    faces += [[k, k + i, k + i + 1] for i in range(1, k - 1)]
    faces += [t for i in range(k) for j in [(i + 1) % k] for t in ([i, j, k + j], [i, k + j, k + i])]
    return faceted(points, faces, look)
