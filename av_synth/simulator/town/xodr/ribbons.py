"""The lanes of roads as meshes: a ribbon for each lane, and a face where neighbours differ in height."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.country import GRASS
from av_synth.simulator.town.shapes import Look, loose
from av_synth.simulator.town.surface import ASPHALT, BAY, KERB, PAVEMENT
from av_synth.simulator.town.xodr.document import refuse
from av_synth.simulator.town.xodr.roads import CARRIAGEWAY, DRIVING, RAISED, VERGE, Lane, Road, Section

STEP_M = 1.0
MAX_OFFSET_M = 300.0
_MAX_REACH_M = 100_000.0
_STRIDES = (2, 4, 8)  # so many steps become one chord where the road is straight and even
_BLOCK = _STRIDES[-1]
_STRAY_M = 0.003  # that far a chord may be from the road
_THIN_M = 1e-3  # a lane is not there where it is narrower
_ZONE_M = 48.0
_POINTS_M = 2.0
_STEP_UP_M = 1e-3
_GREEN_DROP_M = 0.01  # where a verge of one road lies on the carriageway of another, that is what shows
_SKIRT_M = 1.5  # the land lies below the road; its edge reaches down into it

SHOULDER = (78, 77, 76)
_GRASS_KINDS = frozenset({"none", "median", VERGE})


@dataclass(frozen=True)
class Strip:
    """One lane between two lines of points: `inner` and `outer` (N, 3) in the world, heights included."""

    road: Road
    lane: Lane
    s_m: Array
    inner: Array
    outer: Array

    @property
    def drives(self) -> bool:
        """Whether vehicles are meant to go here."""
        return self.lane.kind in DRIVING

    def quads(self) -> Array:
        """(N - 1, 4, 3) corners, for stretches where the lane is there."""
        ring = np.stack([self.inner[:-1], self.inner[1:], self.outer[1:], self.outer[:-1]], axis=1)
        wide = np.hypot(*(self.outer - self.inner)[:, :2].T) > _THIN_M
        return ring[wide[:-1] | wide[1:]]

    def unraised(self) -> Strip:
        """The lane as if it were not raised."""
        inner, outer = (
            line - [0.0, 0.0, by] for line, by in zip((self.inner, self.outer), self.lane.height_m, strict=True)
        )
        return replace(self, inner=inner, outer=outer)

    def level_points(self) -> Array:
        """(N, 3) points all over the lane, some 2 m apart, as if it were not raised."""
        count = max(2, math.ceil((self.s_m[-1] - self.s_m[0]) / _POINTS_M) + 1)
        s = np.linspace(self.s_m[0], self.s_m[-1], count)
        inner, outer = (
            np.column_stack([np.interp(s, self.s_m, line[:, 0]), np.interp(s, self.s_m, line[:, 1])])
            for line in (self.inner, self.outer)
        )
        across = math.ceil(float(np.hypot(*(outer - inner).T).max()) / _POINTS_M) + 1
        z = self.road.elevation.at(s)
        lines = [inner + (outer - inner) * share for share in np.linspace(0.0, 1.0, max(2, across))]
        return np.concatenate([np.column_stack([line, z]) for line in lines])

    def areas(self) -> Iterator[tuple[float, BaseGeometry]]:
        """The lane seen from above, some 50 m at a time, with the s at which each piece begins."""
        step = max(1, round(_ZONE_M / STEP_M))
        for low in range(0, len(self.s_m) - 1, step):
            part = slice(low, min(low + step, len(self.s_m) - 1) + 1)
            ring = np.concatenate([self.inner[part, :2], self.outer[part, :2][::-1]])
            yield float(self.s_m[low]), shapely.make_valid(shapely.Polygon(ring))


def united(areas: Sequence[BaseGeometry], grid_m: float | None = None) -> BaseGeometry:
    """Areas of lanes in one, without the lines that are all there is of a lane where it has no width.

    Args:
        areas: to be joined.
        grid_m: the corners of the whole are on a grid of this; None for where they come to be.
    """
    whole = shapely.union_all(areas, grid_size=grid_m)
    return areal(whole) if isinstance(whole, shapely.GeometryCollection) else whole


def areal(shape: BaseGeometry, least_m2: float = 0.0) -> BaseGeometry:
    """The polygons of a shape that are larger than this, without its points and lines."""
    parts = shapely.get_parts(shapely.get_parts(shape))  # of a collection each may have parts again
    return shapely.MultiPolygon([p for p in parts if p.geom_type == "Polygon" and p.area > least_m2])


def strips(road: Road) -> Iterator[list[Strip]]:
    """The lanes of each section, those of one side together, from the middle outwards.

    Raises:
        DocumentError: if a lane is far from its road, or a road from the origin.
    """
    for section in road.sections:
        s = stations(road, section)
        for side, lanes in section.sides():
            if lanes and len(s) > 1:
                yield _side(road, section, side, s)


def _side(road: Road, section: Section, side: int, s: Array) -> list[Strip]:
    edges, place = road.edges(section, side, s), f"road {road.id}, lane section at {section.s_m:g} m"
    if not np.abs(edges).max() <= MAX_OFFSET_M:
        far = f"{np.abs(edges).max():g} m"
        raise refuse(place, f"a lane reaches {far} from the reference line; want {MAX_OFFSET_M:g} m at most")
    far_m = float(np.abs(road.points(s, edges[0])).max())
    if not far_m <= _MAX_REACH_M:
        raise refuse(place, f"leads {far_m / 1000:g} km away or up; want {_MAX_REACH_M / 1000:g} km at most")
    found = []
    for k, lane in enumerate(section.left if side > 0 else section.right):
        inner, outer = road.points(s, edges[k]), road.points(s, edges[k + 1])
        drop = _GREEN_DROP_M if lane.kind in _GRASS_KINDS and not any(lane.height_m) else 0.0
        inner[:, 2] += lane.height_m[0] - drop
        outer[:, 2] += lane.height_m[1] - drop
        found.append(Strip(road, lane, s, inner, outer))
    return found


def stations(road: Road, section: Section) -> Array:
    """Distances along the road for cross-sections: a metre apart, further where chords do as well."""
    length = section.end_m - section.s_m
    if length < _THIN_M:
        return np.zeros(0)
    s = np.linspace(section.s_m, section.end_m, math.ceil(length / (STEP_M * _BLOCK)) * _BLOCK + 1)
    s[-1] -= 1e-7  # the section's own end, not the beginning of what follows it
    lines = [road.points(s, t) for side, _ in section.sides() for t in road.edges(section, side, s)]
    keep = np.ones(len(s), dtype=bool)
    for stride in _STRIDES:
        blocks = (len(s) - 1) // stride
        index = np.arange(blocks)[:, None] * stride + np.arange(stride + 1)
        share = np.linspace(0.0, 1.0, stride + 1)[None, :, None]
        even = np.ones(blocks, dtype=bool)
        for line in lines:
            chord = line[index[:, :1]] + (line[index[:, -1:]] - line[index[:, :1]]) * share
            even &= np.abs(line[index] - chord).max(axis=(1, 2)) <= _STRAY_M
        keep[index[even, 1:-1]] = False
    return np.asarray(s[keep])


def mesh_of(sides: Sequence[Sequence[Strip]], driven: BaseGeometry) -> tuple[Mesh, Array]:
    """The mesh of all lanes, and the triangles (T, 3, 3) of it that can be stood on.

    Args:
        sides: what `strips` gives.
        driven: where vehicles drive, slightly shrunk: what is raised has no place in it.
    """
    shapely.prepare(driven)
    parts: list[Mesh] = []
    ground: list[Array] = []
    for side in sides:
        for k, strip in enumerate(side):
            quads = _clear(strip, strip.quads(), driven)
            if not len(quads):
                continue
            triangles = _upward(quads)
            ground.append(triangles)
            parts.append(loose(triangles, _look(strip)))
            before = side[k - 1] if k else None
            if before is not None:
                parts += _step(strip, before, driven)
        parts += _skirt(side[-1], driven)
    return Mesh.merge(parts), np.concatenate(ground)


def unraised_triangles(all_strips: Iterable[Strip]) -> Array:
    """The triangles (T, 3, 3) of lanes as if none were raised."""
    return np.concatenate([_upward(strip.unraised().quads()) for strip in all_strips])


def _clear(strip: Strip, quads: Array, driven: BaseGeometry) -> Array:
    if strip.lane.height_m == (0.0, 0.0) or not len(quads):
        return quads
    middle = quads.mean(axis=1)
    return quads[~shapely.contains_xy(driven, middle[:, 0], middle[:, 1])]


def _upward(quads: Array) -> Array:
    """Triangles (2 N, 3, 3) of quads (N, 4, 3), turned so that they look up; those without area are left out."""
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    doubled = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    turned = np.where((doubled < 0)[:, None, None], triangles[:, ::-1], triangles)
    return np.asarray(turned[np.abs(doubled) > 1e-6])


def _look(strip: Strip) -> Look:
    kind = strip.lane.kind
    if kind in RAISED:
        return Look(KERB if kind == "curb" else PAVEMENT, Material.PAVING, Tag.SIDEWALKS)
    if kind in DRIVING:
        return Look(ASPHALT, Material.ASPHALT, Tag.ROADS)
    if kind in CARRIAGEWAY:
        if any(strip.lane.height_m):
            return Look(KERB, Material.PAVING, Tag.SIDEWALKS)
        return Look(BAY if kind == "parking" else SHOULDER, Material.ASPHALT, Tag.ROADS)
    return Look(GRASS, Material.GRASS, Tag.TERRAIN)


def _step(strip: Strip, before: Strip, driven: BaseGeometry) -> list[Mesh]:
    """The face between a lane and the one inside of it, where one is higher by more than a millimetre."""
    rise = strip.inner[:, 2] - before.outer[:, 2]
    if np.abs(rise).max() <= max(_STEP_UP_M, _GREEN_DROP_M + 1e-9):
        return []
    # seen from the lower side
    return _face(strip.inner, before.outer, before.inner if rise.mean() > 0 else strip.outer, driven)


def _skirt(outermost: Strip, driven: BaseGeometry) -> list[Mesh]:
    """The road's outer edge, from the surface down into the land."""
    foot = outermost.outer - [0.0, 0.0, _SKIRT_M]
    return _face(outermost.outer, foot, 2 * outermost.outer - outermost.inner, driven)


def _face(high: Array, low: Array, seen_from: Array, driven: BaseGeometry) -> list[Mesh]:
    """A wall between two lines (N, 3) of equal x and y, that looks towards a third."""
    quads = np.stack([high[:-1], high[1:], low[1:], low[:-1]], axis=1)
    middle = quads.mean(axis=1)
    there = ~shapely.contains_xy(driven, middle[:, 0], middle[:, 1])
    quads, out = quads[there], ((seen_from[:-1] + seen_from[1:]) / 2 - middle)[there]
    if not len(quads):
        return []
    normal = np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0])
    away = np.einsum("nk,nk->n", normal[:, :2], out[:, :2]) < 0
    quads = np.where(away[:, None, None], quads[:, ::-1], quads)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return [loose(triangles, Look(KERB, Material.PAVING, Tag.SIDEWALKS))]
