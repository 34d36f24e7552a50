"""Country roads and what stands beside them: lanes with a verge, hedges, delineators, a farm, woods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.foliage import closed, twigs
from av_synth.simulator.town.frontage import outer_edge_m
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.network import LANE_M
from av_synth.simulator.town.roads import Lane, LaneKind, Mark, Road, Section
from av_synth.simulator.town.shapes import (
    Look,
    box,
    circle,
    faceted,
    icosphere,
    moved,
    prism,
    quad,
    rectangle,
)
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.trees import Tree, plant

_VERGE_M = 1.5
_DELINEATOR_M = 50.0  # from one to the next, as German roads have them
_HEDGE_PIECE_M = 8.0
_HEDGE = Look((58, 78, 44), Material.FOLIAGE, Tag.VEGETATION)
_TILES = (112, 62, 50)
Z = KERB_HEIGHT_M


def road_sections(passing: Sequence[tuple[float, float]]) -> tuple[Section, ...]:
    """One lane each way with edge lines; the centre line may be crossed between these distances, else not."""
    side = (Lane.of(LaneKind.DRIVING, LANE_M, Mark.EDGE), Lane.of(LaneKind.BORDER, _VERGE_M))
    sections = [Section(0.0, side, side, Mark.EDGE)]
    for begins, ends in passing:
        sections += [Section(begins, side, side, Mark.LANE), Section(ends, side, side, Mark.EDGE)]
    return tuple(sections)


def track_sections() -> tuple[Section, ...]:
    """One lane each way without any paint."""
    side = (Lane.of(LaneKind.DRIVING, LANE_M), Lane.of(LaneKind.BORDER, _VERGE_M))
    return (Section(0.0, side, side),)


def delineate(site: Site, road: Road, away_m: float = -0.4) -> None:
    """White posts with a black band on both sides, so far beyond all that the road has."""
    white, black = (Look(c, Material.MATTE, Tag.POLES) for c in ((214, 214, 208), (36, 36, 38)))
    for s in np.arange(20.0, road.line.length_m - 20.0, _DELINEATOR_M):
        for side in (1, -1):
            x, y = road.line.point(float(s), outer_edge_m(road, side, float(s)) + side * away_m)
            foot = circle(x, y, 0.06, 6)
            parts = [prism(foot, Z, Z + 0.7, white), prism(foot, Z + 0.7, Z + 0.9, black)]
            site.add("Delineator", Tag.POLES, [*parts, prism(foot, Z + 0.9, Z + 1.0, white)], 0.0, foot)


def hedge_along(
    site: Site, road: Road, side: int, span_m: tuple[float, float], away_m: float, rng: np.random.Generator
) -> None:
    """A field hedge beside a road, so far from its verge, with gaps where gates are."""
    for s in np.arange(*span_m, _HEDGE_PIECE_M):
        if rng.random() < 0.06:
            continue
        middle = float(s) + _HEDGE_PIECE_M / 2
        t = outer_edge_m(road, side, middle) + side * away_m
        yaw = float(road.line.poses([middle])[0, 2])
        x, y = road.line.point(middle, t)
        foot = rectangle(x, y, _HEDGE_PIECE_M / 2 - 0.05, 0.55, yaw)
        if not site.is_free(foot, 0.0):
            continue
        tone, height = float(rng.uniform(0.85, 1.15)), float(rng.uniform(1.25, 1.65))
        body = moved(_bushy(_HEDGE_PIECE_M / 2 - 0.05, 0.52, height, tone, site.details()), x, y, Z, yaw)
        site.add("FieldHedge", Tag.VEGETATION, [body], yaw, foot)


def _bushy(half_m: float, thick_m: float, height_m: float, tone: float, rng: np.random.Generator) -> Mesh:
    """A piece of a hedge along x about the origin, which nobody cuts: its top and sides are uneven."""
    stations = np.linspace(-half_m, half_m, 7)
    outline = np.array([[-1.0, -0.1], [-1.0, 0.45], [-0.75, 0.9], [0.0, 1.0], [0.75, 0.9], [1.0, 0.45], [1.0, -0.1]])
    n, k = len(stations), len(outline)
    swell = 1.0 + rng.uniform(-0.12, 0.12, (n, 1)) + rng.uniform(-0.14, 0.1, (n, k))
    points = np.empty((n, k, 3))
    points[..., 0] = stations[:, None] + rng.uniform(-0.2, 0.2, (n, k)) * (np.abs(stations) < half_m)[:, None]
    points[..., 1] = outline[:, 0] * thick_m * np.minimum(swell, 1.05)
    points[..., 2] = outline[:, 1] * height_m * swell
    i, j = (grid.ravel() for grid in np.meshgrid(np.arange(n - 1), np.arange(k - 1), indexing="ij"))
    a, b, c, d = (i * k + j, (i + 1) * k + j, (i + 1) * k + j + 1, i * k + j + 1)
    last = (n - 1) * k
    ends = [t for m in range(1, k - 1) for t in ([0, m, m + 1], [last, last + m + 1, last + m])]
    triangles = np.concatenate([np.stack([a, c, d], axis=1), np.stack([a, b, c], axis=1), ends])
    outward = np.column_stack([np.zeros(n * k), np.tile(outline[:, 0], n), np.tile(outline[:, 1] + 0.1, n)])
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    light = tone * (0.62 + 0.45 * np.tile(outline[:, 1], n)) * rng.uniform(0.8, 1.25, n * k)
    body = closed(points.reshape(-1, 3), outward, triangles, np.array(_HEDGE.colour) * light[:, None])
    return Mesh.merge([body, twigs(body, 36, 0.28, rng)])


def forest(
    site: Site,
    trees: Sequence[Tree],
    box_m: tuple[float, float, float, float],
    step_m: float,
    rng: np.random.Generator,
) -> None:
    """Trees all over a rectangle (x_min, y_min, x_max, y_max), right up to the verges of the roads in it."""
    x0, y0, x1, y1 = box_m
    for grid_x in np.arange(x0, x1, step_m):
        for grid_y in np.arange(y0, y1, step_m):
            x, y = (float(v) for v in np.array([grid_x, grid_y]) + rng.uniform(0.1, 0.9, 2) * step_m)
            if site.is_free(rectangle(x, y, 1.0, 1.0, 0.0), 0.5):
                plant(site, trees, x, y, rng, largest=1.9)


def trees_along(
    site: Site, trees: Sequence[Tree], road: Road, side: int, every_m: float, away_m: float, rng: np.random.Generator
) -> None:
    """Single trees beside a road."""
    for s in np.arange(30.0, road.line.length_m - 30.0, every_m):
        at = float(s + rng.uniform(0.0, 0.6) * every_m)
        if at > road.line.length_m:
            return
        t = outer_edge_m(road, side, at) + side * (away_m + float(rng.uniform(0.0, 2.0)))
        x, y = road.line.point(at, t)
        if site.is_free(rectangle(x, y, 1.0, 1.0, 0.0), 0.5):
            plant(site, trees, x, y, rng, largest=1.7)


def bushes_along(site: Site, road: Road, side: int, span_m: tuple[float, float], rng: np.random.Generator) -> None:
    """Bushes where a wood begins, close to the verge: what steps out between them is seen late."""
    sphere, faces = icosphere(1)
    for s in np.arange(*span_m, 4.5):
        at = float(s + rng.uniform(0.0, 3.0))
        x, y = road.line.point(at, outer_edge_m(road, side, at) + side * float(rng.uniform(2.2, 4.0)))
        wide, high = float(rng.uniform(0.8, 1.3)), float(rng.uniform(1.1, 1.7))
        lumps = 1.0 + 0.12 * rng.standard_normal(len(sphere)).clip(-1.5, 1.5)
        points = sphere * lumps[:, None] * [wide, wide, high * 0.55] + [x, y, Z + high * 0.45]
        foot = circle(x, y, wide * 0.72, 8)
        if site.is_free(foot, 0.3):
            details = site.details()
            light = (0.85 + 0.3 * sphere[:, 2]) * details.uniform(0.75, 1.25, len(sphere)) * lumps[0]
            bush = closed(points, sphere, faces, np.array(_HEDGE.colour) * light[:, None])
            site.add("Bush", Tag.VEGETATION, [bush, twigs(bush, 50, 0.24, details)], 0.0, foot)


def barn(
    site: Site, x: float, y: float, yaw: float, half_m: tuple[float, float], eaves_m: float, wall: tuple[int, int, int]
) -> None:
    """A long building with a saddle roof, its ridge along its own x axis, and a gate in its side."""
    half_x, half_y = half_m
    walls = Look(wall, Material.MATTE, Tag.BUILDINGS)
    dark = Look((58, 50, 44), Material.MATTE, Tag.BUILDINGS)
    low, high = Z + eaves_m, Z + eaves_m + half_y * 0.75
    parts = [prism(rectangle(0.0, 0.0, half_x, half_y, 0.0), Z, low, walls), *_roof(half_x, half_y, low, high, walls)]
    front = -half_y - 0.03
    parts.append(quad([-2.2, front, Z], [2.2, front, Z], [2.2, front, Z + 3.4], [-2.2, front, Z + 3.4], dark))
    pane = Look((46, 54, 60), Material.GLASS, Tag.BUILDINGS)
    for k in range(int(half_x / 2.0)):
        x0 = -half_x + 1.5 + 4.0 * k
        x1, z0, z1 = x0 + 1.0, Z + 1.4, Z + 2.5
        if x1 < -2.6 or x0 > 2.6:
            parts.append(quad([x0, front, z0], [x1, front, z0], [x1, front, z1], [x0, front, z1], pane))
    foot = rectangle(x, y, half_x, half_y, yaw)
    site.add("Barn", Tag.BUILDINGS, [moved(part, x, y, 0.0, yaw) for part in parts], yaw, foot)


def _roof(half_x: float, half_y: float, low: float, high: float, walls: Look) -> list[Mesh]:
    """Two slopes that stand out over the walls, seen from both sides, and the gables under them."""
    tiles = Look(_TILES, Material.MATTE, Tag.BUILDINGS)
    out_x, out_y = half_x + 0.5, half_y * 1.08
    drop = low - 0.08 * (high - low)
    parts = []
    for side in (1, -1):
        slope = np.array(
            [[-out_x, side * out_y, drop], [out_x, side * out_y, drop], [out_x, 0.0, high], [-out_x, 0.0, high]]
        )
        up = [[0, 2, 1], [0, 3, 2]] if side > 0 else [[0, 1, 2], [0, 2, 3]]
        parts.append(faceted(slope + np.array([0.0, 0.0, 0.12]), up, tiles))
        parts.append(faceted(slope, [triangle[::-1] for triangle in up], tiles))
        x = side * half_x
        gable = np.array([[x, -half_y, low], [x, half_y, low], [x, 0.0, high]])
        parts.append(faceted(gable, [[0, 1, 2]] if side > 0 else [[0, 2, 1]], walls))
    return parts


def silo(site: Site, x: float, y: float, radius_m: float, height_m: float) -> None:
    """A round tower with a low roof."""
    steel = Look((168, 172, 174), Material.METAL, Tag.BUILDINGS)
    ring = circle(x, y, radius_m, 16)
    parts = [prism(ring, Z, Z + height_m, steel), prism(ring, Z + height_m, Z + height_m + 1.2, steel, scale=0.15)]
    site.add("Silo", Tag.BUILDINGS, parts, 0.0, ring)


def bale(site: Site, x: float, y: float, yaw: float) -> None:
    """A square bale of straw on a field."""
    straw = Look((176, 150, 92), Material.MATTE, Tag.STATIC)
    body = box([x, y, Z + 0.6], [1.1, 0.6, 0.6], straw, yaw)
    site.add("StrawBale", Tag.STATIC, [body], yaw, rectangle(x, y, 1.1, 0.6, yaw))


def fields(bounds_m: tuple[float, float, float, float], rng: np.random.Generator, count: int) -> Array:
    """Random points (count, 2) of a town's ground."""
    x0, y0, x1, y1 = bounds_m
    return rng.uniform([x0, y0], [x1, y1], (count, 2))
