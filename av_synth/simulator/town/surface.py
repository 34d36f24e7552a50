"""Meshes and areas of the ground: carriageways, kerbs, pavements, and the grass behind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry, BaseMultipartGeometry
from shapely.geometry.polygon import orient

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.country import GRASS, crop_at, fields_around
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.network import Network
from av_synth.simulator.town.roads import PAVED, Junction, LaneKind, Road
from av_synth.simulator.town.shapes import Look, flat, shade, smooth, triangulate

_KERB_WIDTH_M = 0.15
_CORNERS = 4  # of a cell that nothing cuts
_LONGEST_M = 6.0
CELL_M = 20.0
_FIELDS_FROM_M = (14.0, 45.0)  # the paved: fields begin that far from it in the country, and behind pavements
ASPHALT = (70, 70, 72)
BAY = (82, 80, 78)
PAVEMENT = (142, 138, 132)
KERB = (164, 162, 157)
GRAVEL = (112, 106, 92)
VERGE = (94, 104, 62)
GRID_M = 1e-3  # areas are snapped to a millimetre, so that neighbours meet exactly


@dataclass(frozen=True)
class Areas:
    """The ground seen from above: carriageway per road id, all of it, and the pavements."""

    by_road: dict[int, BaseGeometry]
    carriageway: BaseGeometry
    pavement: BaseGeometry


def lanes_with_limits(road: Road) -> Iterator[tuple[BaseGeometry, float]]:
    """The lanes of a road that have a speed limit of their own, and the limit in km/h."""
    for index, section in enumerate(road.sections):
        s = road.section_stations(index, _LONGEST_M)
        for side, lanes in ((1, section.left), (-1, section.right)):
            for k, lane in enumerate(lanes):
                if lane.speed_kmh is not None:
                    edges = [road.edge_t_m(index, side, count, s) for count in (k, k + 1)]
                    yield _strip(road, s, *(edges if side < 0 else edges[::-1])), lane.speed_kmh


def ground(
    network: Network, bounds_m: tuple[float, float, float, float], verge_m: float = KERB_HEIGHT_M
) -> tuple[Mesh, Areas]:
    """Build the ground of a town, out to its bounds (x_min, y_min, x_max, y_max), `verge_m` high beside the roads."""
    parts: list[Mesh] = []
    roads: dict[int, list[Polygon]] = {}
    pavements: list[Polygon] = []
    for road in network.roads:
        tone = 1.0 + 0.04 * math.sin(road.id * 2.4)
        for index in range(len(road.sections)):
            s = road.section_stations(index, _LONGEST_M)
            if road.paved:
                bands = list(_bands(road, index, s))
                parts += _carriageway(road, index, s, tone)
                roads.setdefault(road.id, []).extend(_strip(road, s, *band) for band in bands)
                if road.kind == "motorway" and verge_m:
                    edges = [(side, t) for band in bands for side, t in zip((1, -1), band, strict=True)]
                    parts += [_kerb_face(road, s, side, t, verge_m) for side, t in edges]
            for side in (1, -1):
                strip = _beside_lines(road, index, side, s)
                if strip is not None:
                    parts += _beside(road, index, s, side, *strip)
                    pavements.append(_strip(road, s, *sorted(strip, key=lambda t: -t[0])))
    crossings = []
    for junction in network.junctions:
        if not len(junction.outline):
            continue
        parts.append(_crossing(junction))
        crossings.append(shapely.set_precision(Polygon(junction.outline), GRID_M))
    by_road = {road_id: shapely.union_all(strips) for road_id, strips in roads.items()}
    carriageway = shapely.union_all([*by_road.values(), *crossings], grid_size=GRID_M)
    pavement = shapely.union_all(pavements, grid_size=GRID_M)
    paved = shapely.union(carriageway, pavement, grid_size=GRID_M)
    parts.append(_grass(paved, bounds_m, verge_m))
    return Mesh.merge(parts), Areas(by_road, carriageway, pavement)


def _bands(road: Road, index: int, s: Array) -> Iterator[tuple[Array, Array]]:
    """Offsets (N,) of the left and the right edge of each carriageway of a section, from left to right."""
    section = road.sections[index]
    lanes = [(1, k, lane) for k, lane in reversed(list(enumerate(section.left)))]
    lanes += [(-1, k, lane) for k, lane in enumerate(section.right)]
    for paved, group in groupby(lanes, key=lambda entry: entry[2].kind in PAVED):
        if paved:
            chosen = list(group)
            (side, k, _), (last_side, last, _) = chosen[0], chosen[-1]
            left = road.edge_t_m(index, side, k + (side > 0), s)
            yield left, road.edge_t_m(index, last_side, last + (last_side < 0), s)


def _beside_lines(road: Road, index: int, side: int, s: Array) -> tuple[Array, Array] | None:
    """Offsets (N,) of the inner and the outer edge of the pavement or border on a side, if it has one."""
    section = road.sections[index]
    lanes = section.left if side > 0 else section.right
    if side > 0 and road.apron_m:
        return np.zeros(len(s)), np.full(len(s), road.apron_m)
    if not lanes or lanes[-1].kind not in (LaneKind.SIDEWALK, LaneKind.BORDER):
        return None
    return road.edge_t_m(index, side, len(lanes) - 1, s), road.edge_t_m(index, side, len(lanes), s)


def _strip(road: Road, s: Array, left: Array, right: Array) -> Polygon:
    ring = np.concatenate([road.line.points(s, right), road.line.points(s, left)[::-1]])
    return shapely.set_precision(Polygon(ring), GRID_M)


def _carriageway(road: Road, index: int, s: Array, tone: float) -> list[Mesh]:
    """The lanes of a section, one ribbon each, edges shared, bays a little lighter."""
    section = road.sections[index]
    ribbons = []
    for side, lanes in ((1, section.left), (-1, section.right)):
        for k, lane in enumerate(lanes):
            if lane.kind in PAVED:
                colour = shade(BAY if lane.kind is LaneKind.PARKING else ASPHALT, tone)
                inner, outer = road.edge_t_m(index, side, k, s), road.edge_t_m(index, side, k + 1, s)
                ribbons.append(ribbon(road, s, inner, outer, 0.0, Look(colour, Material.ASPHALT, Tag.ROADS)))
    return ribbons


def ribbon(road: Road, s: Array, t_a: Array, t_b: Array, z_m: float, look: Look) -> Mesh:
    """A level band along a road between two offsets, all (N,)."""
    n = len(s)
    points = np.concatenate([road.line.points(s, t_a), road.line.points(s, t_b)])
    i = np.arange(n - 1)
    cells = np.concatenate([np.stack([i, i + 1, n + i + 1], axis=1), np.stack([i, n + i + 1, n + i], axis=1)])
    return flat(points, cells, z_m, look)


def _beside(road: Road, index: int, s: Array, side: int, inner: Array, outer: Array) -> list[Mesh]:
    """A pavement, or a border of gravel level with the road."""
    section = road.sections[index]
    lanes = section.left if side > 0 else section.right
    if not lanes or lanes[-1].kind is LaneKind.SIDEWALK:
        return _pavement(road, s, side, inner, outer)
    middle = (inner + outer) / 2.0
    return [
        ribbon(road, s, inner, middle, 0.0, Look(GRAVEL, Material.GRASS, Tag.TERRAIN)),
        ribbon(road, s, middle, outer, 0.0, Look(VERGE, Material.GRASS, Tag.TERRAIN)),
    ]


def _pavement(road: Road, s: Array, side: int, inner: Array, outer: Array) -> list[Mesh]:
    """Kerb face, kerb stone and slabs."""
    kerb = Look(KERB, Material.PAVING, Tag.SIDEWALKS)
    back = inner + side * _KERB_WIDTH_M
    return [
        _kerb_face(road, s, side, inner, KERB_HEIGHT_M),
        ribbon(road, s, inner, back, KERB_HEIGHT_M, kerb),
        ribbon(road, s, back, outer, KERB_HEIGHT_M, Look(PAVEMENT, Material.PAVING, Tag.SIDEWALKS)),
    ]


def _kerb_face(road: Road, s: Array, side: int, t: Array, height_m: float) -> Mesh:
    """The upright face at an offset (N,), a side's edge of the carriageway, that looks at the carriageway."""
    face_xy = road.line.points(s, t)
    tangent = np.gradient(face_xy, axis=0)
    out = side * np.column_stack([tangent[:, 1], -tangent[:, 0]])  # towards the carriageway
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    n = len(s)
    points = np.concatenate([np.column_stack([face_xy, np.full(n, z)]) for z in (0.0, height_m)])
    normals = np.tile(np.column_stack([out, np.zeros(n)]), (2, 1))
    i = np.arange(n - 1)
    cells = np.concatenate([np.stack([i, i + 1, n + i + 1], axis=1), np.stack([i, n + i + 1, n + i], axis=1)])
    return smooth(points, normals, cells[:, ::-1] if side < 0 else cells, Look(KERB, Material.PAVING, Tag.SIDEWALKS))


def _crossing(junction: Junction) -> Mesh:
    """The carriageway inside a crossing: rings around its middle."""
    rings = 3
    outline = junction.outline
    # mouths are long and straight: more points there keep the triangles short
    edge: list[Array] = []
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        count = max(1, math.ceil(float(np.hypot(*(b - a))) / _LONGEST_M))
        edge += [a + (b - a) * (k / count) for k in range(count)]
    border, centre = np.array(edge), np.array(junction.centre)
    n = len(border)
    points = np.concatenate([[centre]] + [centre + (border - centre) * (r / rings) for r in range(1, rings + 1)])
    i = np.arange(n)
    j = (i + 1) % n
    cells = [np.stack([np.zeros(n, dtype=np.int64), 1 + i, 1 + j], axis=1)]
    for r in range(rings - 1):
        low, high = 1 + r * n, 1 + (r + 1) * n
        cells += [np.stack([low + i, high + i, high + j], axis=1), np.stack([low + i, high + j, low + j], axis=1)]
    return flat(points, np.concatenate(cells), 0.0, Look(ASPHALT, Material.ASPHALT, Tag.ROADS))


def _grass(paved: BaseGeometry, bounds_m: tuple[float, float, float, float], verge_m: float) -> Mesh:
    """Everything that is not paved, cut into cells, and fields around the town, all in gently varied greens."""
    parts = []
    begin = _FIELDS_FROM_M[verge_m > 0.0]
    for piece in _cells(paved, bounds_m):
        ring = np.asarray(orient(piece).exterior.coords)[:-1]
        colour = GRASS
        if len(ring) == _CORNERS and not shapely.dwithin(paved, piece, begin):
            colour = crop_at(float(ring[:, 0].mean()), float(ring[:, 1].mean()))
        parts.append(flat(ring, triangulate(ring), verge_m, Look(colour, Material.GRASS, Tag.TERRAIN)))
    grass = Mesh.merge([*parts, fields_around(bounds_m)])
    x, y = grass.positions_m[:, 0].astype(np.float64), grass.positions_m[:, 1].astype(np.float64)
    tone = 1.0 + 0.07 * np.sin(x * 0.11 + 2.0 * np.sin(y * 0.07)) + 0.05 * np.sin(y * 0.31 + x * 0.05)
    return replace(grass, colours=np.clip(grass.colours * tone[:, None], 0, 255).astype(np.uint8))


def _cells(paved: BaseGeometry, bounds_m: tuple[float, float, float, float]) -> Iterator[Polygon]:
    x0, y0, x1, y1 = bounds_m
    shapely.prepare(paved)
    for i in range(math.ceil((x1 - x0) / CELL_M)):
        for j in range(math.ceil((y1 - y0) / CELL_M)):
            low_x, low_y = x0 + i * CELL_M, y0 + j * CELL_M
            cell = shapely.box(low_x, low_y, min(low_x + CELL_M, x1), min(low_y + CELL_M, y1))
            if paved.contains(cell):
                continue
            rest = shapely.difference(cell, paved, grid_size=GRID_M) if paved.intersects(cell) else cell
            yield from _polygons(rest)


def _polygons(geometry: BaseGeometry) -> Sequence[Polygon]:
    """The polygons in a geometry that have an area worth a triangle."""
    found = geometry.geoms if isinstance(geometry, BaseMultipartGeometry) else [geometry]
    return [piece for piece in found if isinstance(piece, Polygon) and piece.area > 1e-3]
