"""Asphalt between the lanes of a junction: its roads are paths for vehicles, and what is between them is paved too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.shapes import Look, loose, triangulate
from av_synth.simulator.town.surface import ASPHALT, GRID_M
from av_synth.simulator.town.xodr.ribbons import Strip, united
from av_synth.simulator.town.xodr.roads import CARRIAGEWAY

_REACH_M = 3.0  # gaps up to twice as wide are paved
_NEAR_M = 15.0  # so much of the roads at a junction counts
_LEAST_M2 = 0.01


def fill_gaps(strips: Sequence[Strip]) -> tuple[list[Mesh], Array]:
    """Meshes of the gaps in all junctions, and their triangles (T, 3, 3)."""
    by_junction: dict[int, list[Strip]] = {}
    for strip in strips:
        if strip.road.junction_id >= 0:
            by_junction.setdefault(strip.road.junction_id, []).append(strip)
    pieces = [(strip, area) for strip in strips for _, area in strip.areas()]
    tree = shapely.STRtree([area for _, area in pieces])
    found = [
        triangle
        for _, inside in sorted(by_junction.items())
        for triangle in _junction(inside, [pieces[k] for k in _around(inside, tree)])
    ]
    triangles = np.array(found, dtype=np.float64).reshape(-1, 3, 3)
    if not found:
        return [], triangles
    return [loose(triangles, Look(ASPHALT, Material.ASPHALT, Tag.ROADS))], triangles


def _around(inside: Sequence[Strip], tree: shapely.STRtree) -> list[int]:
    points = np.concatenate([np.concatenate([strip.inner, strip.outer]) for strip in inside])
    (x0, y0), (x1, y1) = points[:, :2].min(axis=0) - _NEAR_M, points[:, :2].max(axis=0) + _NEAR_M
    return sorted(int(k) for k in tree.query(shapely.box(x0, y0, x1, y1)))


def _junction(inside: Sequence[Strip], pieces: Sequence[tuple[Strip, BaseGeometry]]) -> Iterator[Array]:
    paved = [area for strip, area in pieces if strip.lane.kind in CARRIAGEWAY and not any(strip.lane.height_m)]
    closed = shapely.union_all(paved).buffer(_REACH_M, join_style="mitre").buffer(-_REACH_M, join_style="mitre")
    own = shapely.union_all([area for strip in inside for _, area in strip.areas()]).buffer(_REACH_M)
    everything = united([area for _, area in pieces])
    edges = np.concatenate([strip.level_points() for strip in inside])
    tree = shapely.STRtree(shapely.points(edges[:, :2]))
    between = shapely.difference(closed, everything, grid_size=GRID_M)
    for gap in shapely.get_parts(shapely.intersection(between, own, grid_size=GRID_M)):
        if isinstance(gap, shapely.Polygon) and gap.area > _LEAST_M2:
            # cut through its holes, if it has any, so that its rings can be clipped into triangles
            for piece in _without_holes(gap):
                ring = np.asarray(orient(piece).exterior.coords)[:-1, :2]
                heights = edges[tree.nearest(shapely.points(ring)), 2]
                corners = np.column_stack([ring, heights])
                yield from (corners[list(triangle)] for triangle in triangulate(ring))


def _without_holes(gap: shapely.Polygon) -> Iterator[shapely.Polygon]:
    if not len(gap.interiors):
        yield gap
        return
    x0, y0, x1, y1 = gap.bounds
    middle = float(np.asarray(gap.interiors[0].coords)[:, 0].mean())
    for half in (shapely.box(x0, y0, middle, y1), shapely.box(middle, y0, x1, y1)):
        for part in shapely.get_parts(shapely.intersection(gap, half, grid_size=GRID_M)):
            if isinstance(part, shapely.Polygon) and part.area > _LEAST_M2:
                yield from _without_holes(part)
