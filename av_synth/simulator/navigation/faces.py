"""Cuts areas into faces that meet exactly: where two of them share a border, both have the same corners on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.navigation.ground import GRID_M, Area
from av_synth.simulator.town.relief import Relief

_CELL_M = 10.0  # pieces of ground on hills
_BENT_M = 1e-3  # a piece that leaves a plane by less is as good as level: of ten in a row the middle is off by 0.1 m
_DETAIL_M = 0.3  # corners of smaller triangles, by the root of their area, are left out


def faces(areas: Mapping[Area, BaseGeometry], relief: Relief) -> list[tuple[Area, BaseGeometry]]:
    """Polygons with their kinds, corners on the grid; those on hills are small enough to follow them."""
    everything = shapely.union_all(list(areas.values()), grid_size=GRID_M)
    borders = [shapely.boundary(shape) for shape in areas.values() if not shape.is_empty]
    lines = shapely.union_all([*borders, *_cuts(everything, relief)], grid_size=GRID_M)
    pieces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    inside = shapely.point_on_surface(pieces)
    x, y = shapely.get_x(inside), shapely.get_y(inside)
    kinds = np.zeros(len(pieces), dtype=int)
    for area, shape in areas.items():
        shapely.prepare(shape)
        kinds[shapely.contains_xy(shape, x, y)] = int(area)
    kept = kinds > 0
    simple = shapely.coverage_simplify(pieces[kept], _DETAIL_M)
    return [(Area(kind), face) for kind, face in zip(kinds[kept], simple, strict=True) if not face.is_empty]


def _cuts(ground: BaseGeometry, relief: Relief) -> Iterator[BaseGeometry]:
    """Outlines of the cells of a square lattice in which the ground is bent."""
    if relief.is_flat or ground.is_empty:
        return
    x0, y0, x1, y1 = (np.floor(v / _CELL_M) for v in ground.bounds)
    i, j = (k.ravel() for k in np.meshgrid(np.arange(x0, x1 + 1), np.arange(y0, y1 + 1), indexing="ij"))
    boxes = shapely.box(i * _CELL_M, j * _CELL_M, (i + 1) * _CELL_M, (j + 1) * _CELL_M)
    shapely.prepare(ground)
    near = shapely.intersects(ground, boxes)
    near[near] = _is_bent(relief, i[near] * _CELL_M, j[near] * _CELL_M)
    for box in boxes[near]:
        yield shapely.intersection(box.exterior, ground, grid_size=GRID_M)


def _is_bent(relief: Relief, x_m: Array, y_m: Array) -> Array:
    """Whether cells with these lower left corners (N,) are further from a plane than may be."""
    share = np.linspace(0.0, 1.0, 5)
    u, v = (k.ravel() for k in np.meshgrid(share, share, indexing="ij"))
    z = relief.height_m(x_m[:, None] + u * _CELL_M, y_m[:, None] + v * _CELL_M)
    design = np.column_stack([np.ones(len(u)), u, v])
    fitted = z @ np.linalg.pinv(design).T @ design.T
    return np.asarray(np.abs(z - fitted).max(axis=1) > _BENT_M)
