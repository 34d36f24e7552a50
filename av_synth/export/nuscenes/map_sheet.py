"""The geometry tables of a map expansion: nodes, lines and polygons, which all layers share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon

from av_synth.export.nuscenes.map_lanes import PATCH_M2
from av_synth.export.nuscenes.names import token
from av_synth.export.nuscenes.values import Offset
from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array

_CLOSE_M = 0.05
_SMOOTH_M = 0.01


class Sheet:
    """Collects geometry; the same place gets the same node, so what touches shares nodes.

    Attributes:
        nodes, lines, polygons: rows of the tables, in order of first use.
    """

    def __init__(self, key: Sequence[str], offset_m: Offset) -> None:
        """`key` tells the town from all others; `offset_m` is added to every place."""
        self._key = tuple(key)
        self._offset = np.asarray(offset_m)
        self._tokens: dict[tuple[float, float], str] = {}
        self.nodes: list[Row] = []
        self.lines: list[Row] = []
        self.polygons: list[Row] = []

    def token(self, layer: str, *name: object) -> str:
        """Token of the row of a layer that has this name in the town."""
        return token("map", *self._key, layer, *name)

    def shifted(self, points_m: npt.ArrayLike) -> Array:
        """World metres (..., 2) as map metres."""
        placed: Array = np.asarray(points_m, dtype=np.float64) + self._offset
        return placed

    def on_map(self, points_m: npt.ArrayLike) -> Array:
        """World metres (..., 2) as map metres, to the millimetre."""
        # adding zero makes +0 of -0
        placed: Array = np.round(self.shifted(points_m), 3) + 0.0
        return placed

    def node(self, point_m: Array) -> str:
        """Token of the node at a point (2,) in world metres."""
        x, y = (float(v) for v in self.on_map(point_m))
        return self._node(x, y)

    def line(self, points_m: Iterable[Array], layer: str, *name: object) -> str:
        """Add a line through points (2,) in world metres; returns its token."""
        row = self.token("line", layer, *name)
        self.lines.append({"token": row, "node_tokens": [self.node(point) for point in points_m]})
        return row

    def polygon(self, shape_m: Polygon, layer: str, *name: object) -> str:
        """Add a polygon in world metres; returns its token, "" if nothing of it is left on the millimetre grid."""
        rings = [self.on_map(np.asarray(ring.coords)) for ring in (shape_m.exterior, *shape_m.interiors)]
        shape = sound([_open(ring) for ring in rings])
        if shape is None:
            return ""
        row = self.token("polygon", layer, *name)
        exterior, *holes = ([self._node(x, y) for x, y in ring.coords[:-1]] for ring in _rings(shape))
        self.polygons.append(
            {"token": row, "exterior_node_tokens": exterior, "holes": [{"node_tokens": hole} for hole in holes]}
        )
        return row

    def _node(self, x: float, y: float) -> str:
        row = self._tokens.get((x, y))
        if row is None:
            row = self._tokens[x, y] = self.token("node", f"{x:.3f}", f"{y:.3f}")
            self.nodes.append({"token": row, "x": x, "y": y})
        return row


def ring(points_m: Sequence[Array]) -> Polygon:
    """A polygon of points (2,) on its edge; an empty one if they enclose nothing."""
    points = _open(np.asarray(points_m))
    return Polygon(points) if len(points) > 2 else Polygon()


def band(left_m: Array, right_m: Array) -> Polygon:
    """What lies between two lines (N, 2) and (M, 2) that run side by side."""
    return ring([*right_m, *left_m[::-1]])


def sound(rings: Sequence[Array]) -> Polygon | None:
    """The largest valid polygon with these rings (N, 2), the first one outside; None if there is none.

    Edges on the inside of a bend tighter than the lane is wide cross themselves.
    """
    if len(rings[0]) < 3:
        return None
    shape = Polygon(rings[0], [hole for hole in rings[1:] if len(hole) > 2])
    if not shape.is_valid:
        shape = max(parts(shapely.make_valid(shape)), key=lambda part: part.area, default=Polygon())
    return None if shape.is_empty or shape.area < 1e-4 else shape


def parts(shape: shapely.Geometry) -> list[Polygon]:
    """The polygons of any shape, from left to right."""
    found = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon) and not part.is_empty]
    return sorted(found, key=lambda part: part.bounds)


def joined(shapes: Iterable[Polygon]) -> list[Polygon]:
    """Polygons that cover the same ground without slits, and without patches that one would not drive around."""
    whole = shapely.unary_union([shape if shape.is_valid else shape.buffer(0) for shape in shapes])
    closed = whole.buffer(_CLOSE_M, join_style="mitre").buffer(-_CLOSE_M, join_style="mitre").simplify(_SMOOTH_M)
    return [
        Polygon(part.exterior, [hole for hole in part.interiors if Polygon(hole).area >= PATCH_M2])
        for part in parts(closed)
    ]


def with_nodes(shape: Polygon, points_m: Sequence[Array], reach_m: float) -> Polygon:
    """The polygon with its edge drawn through those of some points (2,) that are within `reach_m` of it."""
    edge = shape.exterior
    corners = {edge.project(shapely.Point(corner)): corner for corner in edge.coords[:-1]}
    places = shapely.points(np.reshape(points_m, (-1, 2)))
    for k in np.flatnonzero(shapely.dwithin(edge, places, reach_m)):
        point, place = points_m[k], places[k]
        at = edge.project(place)
        taken = [known for known, corner in corners.items() if abs(known - at) < reach_m and _near(corner, point)]
        for known in taken:
            del corners[known]
        corners[at] = (float(point[0]), float(point[1]))
    return Polygon([corners[at] for at in sorted(corners)], shape.interiors)


def _near(corner: Sequence[float], point: Array) -> bool:
    return float(np.hypot(corner[0] - point[0], corner[1] - point[1])) < _CLOSE_M


def _open(ring_m: Array) -> Array:
    """A ring (N, 2) without points that repeat the one before, and without the first one at its end."""
    moved = np.any(ring_m != np.roll(ring_m, 1, axis=0), axis=1)
    kept: Array = ring_m[moved]
    return kept


def _rings(shape: Polygon) -> list[shapely.LinearRing]:
    return [shape.exterior, *shape.interiors]
