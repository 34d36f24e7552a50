"""What makes one front unlike the next: shutters, courses, pilasters, bays, pipes, shop windows, and roofs."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.foliage import leafy
from av_synth.simulator.town.lots import (
    STOREY_M,
    WINDOW_HALF_M,
    Colour,
    Lot,
    blocks,
    extruded,
    windows_x_m,
    windows_z_m,
)
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.shapes import Look, box, circle, moved, prism, quad, shade

GLASS = Look((40, 48, 54), Material.GLASS, Tag.BUILDINGS)
_STEEL = Look((70, 72, 76), Material.METAL, Tag.BUILDINGS)
_ZINC = Look((132, 136, 138), Material.METAL, Tag.BUILDINGS)
_SHUTTERS: tuple[Colour, ...] = (
    (56, 84, 66),
    (70, 88, 108),
    (112, 52, 44),
    (94, 74, 54),
    (182, 178, 168),
    (62, 66, 70),
)
_FLOWERS: tuple[Colour, ...] = ((190, 52, 60), (196, 120, 150), (206, 170, 66), (150, 90, 160))
_SEEN_STOREYS = 2  # small things further up are not worth their triangles
_GOODS: tuple[Colour, ...] = (
    (196, 88, 60),
    (206, 178, 92),
    (88, 128, 158),
    (222, 218, 208),
    (120, 150, 96),
    (168, 96, 130),
    (70, 66, 68),
)
_TRIM: tuple[Colour, ...] = ((206, 200, 188), (184, 172, 152), (150, 144, 136), (118, 100, 86))


def plain(colour: Colour) -> Look:
    """Plaster, wood or cloth of a colour."""
    return Look(colour, Material.MATTE, Tag.BUILDINGS)


def pick(choices: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    """One of some colours."""
    return choices[int(rng.integers(len(choices)))]


def dress_front(lot: Lot, first: int, rng: np.random.Generator) -> list[Mesh]:
    """Some of all that fronts may have, from a storey upwards."""
    trim = plain(pick(_TRIM, rng))
    parts: list[Mesh] = []
    x, z = windows_x_m(lot), windows_z_m(first, min(lot.storeys, first + _SEEN_STOREYS))
    if not len(x) or not len(z):
        return parts
    bottom = KERB_HEIGHT_M + first * STOREY_M
    style = int(rng.integers(5))
    if style in (0, 3):
        parts += _pilasters(lot, x, bottom, trim, rng)
    if style in (1, 3, 4):
        every = 1 if lot.storeys <= 5 else 3
        levels = KERB_HEIGHT_M + STOREY_M * np.arange(max(first, 1), lot.storeys, every)
        w = lot.width_m / 2
        parts += blocks([(-w, w, 0.09, level - 0.12, level + 0.06) for level in levels], trim, "fb")
    if style in (1, 2):
        parts += _surrounds(x, z, trim, bool(rng.random() < 0.5))
    if style == 4 or (lot.storeys <= 4 and rng.random() < 0.5):
        parts += _shutters(x, z, plain(pick(_SHUTTERS, rng)))
    if rng.random() < 0.3:
        parts += _flower_boxes(x, z, rng)
    return parts + _pipe(lot, rng)


def oriel(lot: Lot, first: int, rng: np.random.Generator) -> list[Mesh]:
    """A bay over some storeys in front of one or two columns of windows."""
    x = windows_x_m(lot)
    if len(x) < 3 or lot.storeys - first < 2:
        return []
    middles = [x[len(x) // 2]] if rng.random() < 0.5 else [x[1], x[-2]]
    low, high = KERB_HEIGHT_M + first * STOREY_M + 0.2, lot.eaves_m - (0.4 if rng.random() < 0.5 else STOREY_M)
    spans = [(m - 1.25, m + 1.25, 0.7, low, high) for m in middles]
    tone = shade(lot.wall, 1.06)
    parts = blocks(spans, Look(tone, Material.FACADE, Tag.BUILDINGS), "f")
    parts += blocks(spans, plain(tone), "lrb")
    return parts + blocks([(a - 0.1, b + 0.1, out + 0.1, high, high + 0.16) for a, b, out, _, high in spans], _ZINC)


def _pilasters(lot: Lot, x: Array, bottom: float, trim: Look, rng: np.random.Generator) -> list[Mesh]:
    every = int(rng.integers(1, 4))
    between = x[:-1][every - 1 :: every] + (x[1] - x[0]) / 2 if len(x) > 1 else x[:0]
    w = lot.width_m / 2
    at = [-w + 0.25, *between, w - 0.25]
    return blocks([(m - 0.2, m + 0.2, 0.08, bottom, lot.eaves_m) for m in at], trim, "flr")


def _surrounds(x: Array, z: Array, trim: Look, heads: bool) -> list[Mesh]:
    """Frames around the windows, or only their heads."""
    half_x, half_z = WINDOW_HALF_M
    places = [(float(a), float(b)) for a in x for b in z]
    spans = [(a - half_x - 0.16, a + half_x + 0.16, 0.07, b + half_z + 0.02, b + half_z + 0.2) for a, b in places]
    parts = blocks(spans, trim, "f")
    if not heads:
        edges = [
            (a + side * (half_x + 0.09) - 0.07, a + side * (half_x + 0.09) + 0.07, 0.03, b - half_z, b + half_z)
            for a, b in places
            for side in (-1, 1)
        ]
        parts += blocks(edges, trim, "f")
    return parts


def _shutters(x: Array, z: Array, look: Look) -> list[Mesh]:
    half_x, half_z = WINDOW_HALF_M
    spans = [
        (a + side * (half_x + 0.28) - 0.24, a + side * (half_x + 0.28) + 0.24, 0.045, b - half_z, b + half_z)
        for a in x
        for b in z
        for side in (-1, 1)
    ]
    return blocks(spans, look, "f")


def _flower_boxes(x: Array, z: Array, rng: np.random.Generator) -> list[Mesh]:
    chosen = [(float(a), float(b)) for a in x for b in z[:2] if rng.random() < 0.3]
    if not chosen:
        return []
    sill = -WINDOW_HALF_M[1]
    parts = blocks([(a - 0.6, a + 0.6, 0.28, b + sill - 0.2, b + sill) for a, b in chosen], plain((96, 70, 54)), "fb")
    points = np.array([(a + d, -0.16, b + sill + 0.05) for a, b in chosen for d in (-0.36, 0.0, 0.36)])
    tones = np.array([pick(_FLOWERS, rng) if rng.random() < 0.6 else (76, 104, 52) for _ in points], dtype=np.float64)
    up = np.tile([0.0, -0.5, 0.866], (len(points), 1))
    return [*parts, leafy(points, up, np.full(len(points), 0.26), tones, len(points))]


def _pipe(lot: Lot, rng: np.random.Generator) -> list[Mesh]:
    """Rain pipes at an end of the front."""
    side = -1 if rng.random() < 0.5 else 1
    x = side * (lot.width_m / 2 - 0.12)
    return blocks([(x - 0.05, x + 0.05, 0.13, KERB_HEIGHT_M, lot.eaves_m)], _ZINC, "flr")


def doorway(x: float, half_m: float, door: Look, rng: np.random.Generator) -> list[Mesh]:
    """A frame around a door, a step, a letter box, a number plate and bells; the door itself leads 5 cm out."""
    trim, low = plain(pick(_TRIM, rng)), KERB_HEIGHT_M
    parts = blocks(
        [
            (x - half_m - 0.16, x - half_m, 0.1, low, 2.5),
            (x + half_m, x + half_m + 0.16, 0.1, low, 2.5),
            (x - half_m - 0.16, x + half_m + 0.16, 0.12, 2.42, 2.6),
        ],
        trim,
        "fb",
    )
    parts += blocks([(x - half_m + 0.16, x + half_m - 0.16, 0.07, 1.5, 2.1)], GLASS, "f")
    parts += blocks([(x - half_m - 0.1, x + half_m + 0.1, 0.45, low, low + 0.16)], plain((150, 146, 138)), "ft")
    parts += blocks([(x + half_m + 0.3, x + half_m + 0.64, 0.14, 1.1, 1.42)], plain(shade(door.colour, 0.8)), "f")
    parts += blocks([(x + half_m + 0.34, x + half_m + 0.56, 0.03, 1.72, 1.9)], plain((206, 206, 200)), "f")
    return parts


def plinth(lot: Lot, height_m: float, look: Look) -> list[Mesh]:
    """A base along the front that stands out a little."""
    w = lot.width_m / 2
    return blocks([(-w - 0.03, w + 0.03, 0.06, 0.0, KERB_HEIGHT_M + height_m)], look, "flrt")


def shop_bay(x: float, half_m: float, sign: Colour, rng: np.random.Generator) -> list[Mesh]:
    """A stall riser, mullions, goods and posters of a shop window that is 0.6 to 2.5 m high."""
    riser = plain(shade(sign, 0.7))
    parts = blocks([(x - half_m, x + half_m, 0.07, KERB_HEIGHT_M, 0.62)], riser, "f")
    frames = [
        (x + m - 0.035, x + m + 0.035, 0.07, 0.6, 2.5) for m in (-half_m + 0.03, -half_m / 3, half_m / 3, half_m - 0.03)
    ]
    frames.append((x - half_m, x + half_m, 0.07, 2.08, 2.15))
    parts += blocks(frames, plain(shade(sign, 0.55)), "f")
    for _ in range(int(rng.integers(2, 5))):
        at, wide, high = x + float(rng.uniform(-half_m + 0.35, half_m - 0.35)), *rng.uniform([0.08, 0.12], [0.26, 0.5])
        parts += blocks([(at - wide, at + wide, 0.035, 0.64, 0.64 + high)], plain(pick(_GOODS, rng)), "f")
    for _ in range(int(rng.integers(0, 2))):
        at, up = x + float(rng.uniform(-half_m + 0.4, half_m - 0.4)), float(rng.uniform(1.2, 1.6))
        parts += blocks([(at - 0.2, at + 0.2, 0.04, up, up + 0.5)], plain(pick(_GOODS, rng)), "f")
    return parts


def sign_board(x: float, half_m: float, sign: Colour, rng: np.random.Generator) -> list[Mesh]:
    """What is written on a board 2.62 to 3.06 m high and 14 cm out: the strokes of a name; a blade sign for some."""
    ink = plain((226, 222, 210) if sum(sign) < 400 else (40, 38, 40))
    at, end = -half_m * float(rng.uniform(0.35, 0.85)), half_m * 0.85
    spans: list[tuple[float, float, float, float, float]] = []
    while at < end and len(spans) < 7:
        wide, tall = float(rng.uniform(0.06, 0.2)), float(rng.uniform(0.14, 0.26))
        low = 2.74 if rng.random() < 0.8 else 2.68
        spans.append((x + at, x + at + wide, 0.15, low, low + tall))
        at += wide + (0.05 if rng.random() < 0.85 else 0.2)
    parts = blocks(spans, ink, "f")
    if rng.random() < 0.3:
        look = plain(shade(sign, 1.3))
        parts.append(box([x + half_m * 0.8, -0.46, 3.5], [0.04, 0.36, 0.28], look))
    return parts


def awning(x: float, half_m: float, cloth: Colour, rng: np.random.Generator) -> list[Mesh]:
    """Cloth over a shop window, of one colour or striped, with a valance, seen from both sides."""
    stripes = 1 if rng.random() < 0.4 else 7
    edges = x + np.linspace(-half_m, half_m, stripes + 1)
    low = 2.3 - float(rng.uniform(0.08, 0.2))
    parts = []
    for k in range(stripes):
        look, a, b = plain(cloth if k % 2 == 0 else (214, 208, 196)), float(edges[k]), float(edges[k + 1])
        parts.append(quad([a, -1.1, 2.32], [b, -1.1, 2.32], [b, -0.02, 2.62], [a, -0.02, 2.62], look))
    inner, a, b = plain(shade(cloth, 0.7)), float(edges[0]), float(edges[-1])
    parts.append(quad([a, -0.02, 2.61], [b, -0.02, 2.61], [b, -1.1, 2.31], [a, -1.1, 2.31], inner))
    parts.append(quad([b, -1.1, low], [a, -1.1, low], [a, -1.1, 2.32], [b, -1.1, 2.32], inner))
    return parts + blocks([(a, b, 1.11, low, 2.32)], plain(shade(cloth, 0.85)), "f")


def roof_things(lot: Lot, top_m: float, rng: np.random.Generator) -> list[Mesh]:
    """An aerial, pipes and a cooler on a flat roof."""
    parts = []
    x, y = float(rng.uniform(-lot.width_m / 3, lot.width_m / 3)), float(rng.uniform(2.0, 5.0))
    if rng.random() < 0.6:
        parts.append(prism(circle(x, y, 0.03, 3), top_m, top_m + 3.2, _STEEL))
        rods = [(x - 0.5, x + 0.5, -y, top_m + 2.4 + at, top_m + 2.45 + at) for at in (0.0, 0.35)]
        parts += blocks(rods, _STEEL, "f")
    if rng.random() < 0.7:
        parts.append(box([-x, y + 0.5, top_m + 0.6], [0.9, 0.6, 0.6], _ZINC))
    return parts


def mansard(lot: Lot, roof: Colour, rng: np.random.Generator) -> list[Mesh]:
    """A steep storey under the roof, with dormers to the street."""
    top, w, d = lot.eaves_m + 0.3, lot.width_m / 2, lot.depth_m
    slate = plain(roof)
    ring = np.array([[-w, 0.0], [w, 0.0], [w, d], [-w, d]])
    parts = [prism(ring, top, top + 2.7, slate, top=plain((96, 96, 96)), scale=0.84)]
    frame = plain(pick(_TRIM, rng))
    spots = [(float(m) * 0.92, 0.35) for m in windows_x_m(lot)[::2]]
    for x, y in spots:
        spans = [(x - 0.62, x + 0.62, -y, top + 0.35, top + 2.0)]
        parts += blocks(spans, frame, "flrt", base_m=y + 1.2)
        parts += blocks([(x - 0.45, x + 0.45, -y + 0.02, top + 0.5, top + 1.85)], GLASS, "f")
    return parts


def dormers(lot: Lot, ridge_m: float, tiles: Look, rng: np.random.Generator) -> list[Mesh]:
    """Dormers and windows in the front half of a saddle roof, rows of tiles, a pair of chimneys, an aerial."""
    top, d, w = lot.eaves_m, lot.depth_m, lot.width_m / 2
    slope = (ridge_m - top) / (d / 2)
    parts: list[Mesh] = []
    count = int(rng.integers(0, 3))
    for k in range(count):
        x, y = (k - (count - 1) / 2) * w * 0.9, 0.9
        z = top + slope * y
        parts += blocks([(x - 0.75, x + 0.75, -y, z, z + 1.35)], plain(shade(lot.wall, 1.05)), "flr", base_m=y + 2.0)
        parts += blocks([(x - 0.5, x + 0.5, -y + 0.03, z + 0.3, z + 1.15)], GLASS, "f")
        parts.append(box([x, y + 0.9, z + 1.42], [0.95, 1.2, 0.08], tiles))
    for _ in range(int(rng.integers(0, 3)) if not count else 0):
        y, x = d * 0.25, float(rng.uniform(-w + 1.0, w - 1.0))
        low, high = (top + slope * at + 0.2 for at in (y - 0.5, y + 0.5))
        flap = np.array([[y - 0.5, low], [y + 0.5, high], [y + 0.5, high + 0.06], [y - 0.5, low + 0.06]])
        parts.append(moved(extruded(flap, 0.4, GLASS), x, 0.0, 0.0))
    rows = np.arange(0.0, d / 2, 0.95)
    heights = top + slope * rows + 0.2
    spans = [(-w - 0.35, w + 0.35, -row, z, z + 0.05) for row, z in zip(rows.tolist(), heights.tolist(), strict=True)]
    parts += blocks(spans, plain(shade(tiles.colour, 0.8)), "f")
    pot = plain((150, 84, 62))
    parts.append(prism(circle(w * 0.5, d * 0.62, 0.16, 4), ridge_m + 0.9, ridge_m + 1.35, pot))
    if rng.random() < 0.5:
        parts.append(prism(circle(-w * 0.4, d * 0.5, 0.025, 3), ridge_m, ridge_m + 2.2, _STEEL))
        rods = [(-w * 0.4 - 0.4, -w * 0.4 + 0.4, -d / 2, ridge_m + at, ridge_m + at + 0.04) for at in (1.5, 1.8)]
        parts += blocks(rods, _STEEL, "f")
    gutter = [(-w - 0.35, w + 0.35, 0.56, top - slope * 0.45 - 0.06, top - slope * 0.45 + 0.1)]
    return parts + blocks(gutter, _ZINC, "f")
