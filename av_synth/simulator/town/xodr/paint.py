"""Road paint of OpenDRIVE roads: lane marks along the lanes' edges, stop lines, crosswalks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.markings import BAR_M, PAINT_Z_M, STOP_LINE_M, WHITE, YELLOW
from av_synth.simulator.town.shapes import Look, smooth, triangulate
from av_synth.simulator.town.surface import GRID_M
from av_synth.simulator.town.xodr.ribbons import stations
from av_synth.simulator.town.xodr.roads import Mark, Road, Section, Stripe
from av_synth.simulator.town.xodr.signals import Crosswalk

_COLOURS = {
    "yellow": YELLOW,
    "red": (150, 44, 40),
    "blue": (52, 84, 150),
    "green": (58, 120, 66),
    "orange": (196, 112, 40),
    "black": (34, 34, 36),
}
_SHORT_M = 0.05
_DENSE_M = 0.5  # dashes that come more often are drawn as one line


def lane_marks(road: Road) -> Iterator[Mesh]:
    """Every mark that the file describes, on the edges of the lanes."""
    for section in road.sections:
        s = stations(road, section)
        if len(s) < 2:
            continue
        yield from _edge(road, section, section.centre_marks, s, 1, 0)
        for side, lanes in section.sides():
            for k, lane in enumerate(lanes):
                yield from _edge(road, section, lane.marks, s, side, k + 1)


def _edge(road: Road, section: Section, marks: Sequence[Mark], s: Array, side: int, k: int) -> Iterator[Mesh]:
    """The marks of the k-th edge of a side."""
    bounds = [*(max(mark.s_m, section.s_m) for mark in marks), float(s[-1])]
    for mark, (low, high) in zip(marks, pairwise(bounds), strict=True):
        for stripe in mark.stripes:
            for start, end in _dashes(stripe, low, high):
                at = np.concatenate([[start], s[(s > start + 1e-6) & (s < end - 1e-6)], [end]])
                yield _band(road, at, road.edges(section, side, at)[k] + stripe.t_m, stripe.width_m, mark)


def _dashes(stripe: Stripe, low_m: float, high_m: float) -> Iterator[tuple[float, float]]:
    if high_m - low_m < _SHORT_M:
        return
    if min(stripe.length_m, stripe.space_m) <= _SHORT_M or stripe.length_m + stripe.space_m < _DENSE_M:
        yield low_m, high_m
        return
    for start in np.arange(low_m + stripe.space_m / 2, high_m - _SHORT_M, stripe.length_m + stripe.space_m):
        yield float(start), float(min(start + stripe.length_m, high_m))


def _band(road: Road, s: Array, t: Array, width_m: float, mark: Mark) -> Mesh:
    left, right = road.points(s, t + width_m / 2), road.points(s, t - width_m / 2)
    n = len(s)
    points = np.concatenate([left, right])
    points[:, 2] += PAINT_Z_M
    i = np.arange(n - 1)
    cells = np.concatenate([np.stack([i, n + i, n + i + 1], axis=1), np.stack([i, n + i + 1, i + 1], axis=1)])
    return _flat(points, cells, _COLOURS.get(mark.colour, WHITE))


def _flat(points: Array, triangles: Array, colour: tuple[int, int, int]) -> Mesh:
    return smooth(
        points,
        np.tile([0.0, 0.0, 1.0], (len(points), 1)),
        triangles,
        Look(colour, Material.MARKING, Tag.ROAD_LINES),
    )


def stop_line(road: Road, s_m: float, t_range_m: tuple[float, float]) -> Mesh:
    """A bar across the lanes between two offsets, a little before a place."""
    s = np.clip([s_m - STOP_LINE_M / 2, s_m + STOP_LINE_M / 2], 0.0, road.length_m)
    points = np.concatenate([road.points(s, t_range_m[1]), road.points(s, t_range_m[0])])
    points[:, 2] += PAINT_Z_M
    return _flat(points, np.array([[0, 2, 3], [0, 3, 1]]), WHITE)


def zebra(crosswalk: Crosswalk, carriageway: BaseGeometry) -> Iterator[Mesh]:
    """Bars in the direction of the traffic, where the crosswalk is on the carriageway."""
    corners = crosswalk.corners
    c, s = np.cos(crosswalk.along_rad), np.sin(crosswalk.along_rad)
    turn = np.array([[c, -s], [s, c]])  # x along the traffic
    paved = shapely.intersection(shapely.make_valid(shapely.Polygon(corners[:, :2])), carriageway)
    if paved.is_empty:
        return
    area = shapely.transform(paved, lambda points: points @ turn)
    low_x, low_y, high_x, high_y = area.bounds
    plane = _plane(corners)
    for y in np.arange(low_y + BAR_M / 2, high_y - BAR_M / 2, 2 * BAR_M):
        bar = shapely.intersection(area, shapely.box(low_x, y, high_x, y + BAR_M), grid_size=GRID_M)
        for piece in shapely.get_parts(bar):
            if isinstance(piece, shapely.Polygon) and piece.area > 1e-3:
                ring = np.asarray(orient(piece).exterior.coords)[:-1, :2]
                xy = ring @ turn.T
                z = np.column_stack([xy, np.ones(len(xy))]) @ plane + PAINT_Z_M
                yield _flat(np.column_stack([xy, z]), np.array(triangulate(ring)).reshape(-1, 3), WHITE)


def _plane(points: Array) -> Array:
    """a, b, c of z = a x + b y + c through points (K, 3), as well as it can be."""
    middle = points.mean(axis=0)
    ways = points[:, :2] - middle[:2]
    slope = np.linalg.lstsq(ways, points[:, 2] - middle[2], rcond=1e-6)[0]
    return np.array([*slope, middle[2] - slope @ middle[:2]])
