"""Collects what stands in a town: meshes, footprints and named objects, and keeps them from standing in each other."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.town.model import EnvironmentObject, Footprint
from av_synth.simulator.town.relief import Relief

CELL_M = 25.0  # what has been built is looked up by squares of this size


class Site:
    """What has been built so far.

    Args:
        name: of the town; object ids depend on it.
        ground: all that nothing but street furniture may stand on: carriageways and pavements.
        bounds_m: (x_min, y_min, x_max, y_max).
    """

    def __init__(self, name: str, ground: BaseGeometry, bounds_m: tuple[float, float, float, float]) -> None:
        self.meshes: list[Mesh] = []
        self.footprints: list[Footprint] = []
        self.objects: list[EnvironmentObject] = []
        self.name = name
        self._paved = ground
        self._bounds = shapely.box(*bounds_m)
        self._taken: dict[tuple[int, int], list[Polygon]] = defaultdict(list)
        self._counts: dict[str, int] = {}
        shapely.prepare(self._paved)

    def lifted(self, relief: Relief, raise_m: float) -> tuple[tuple[Footprint, ...], tuple[EnvironmentObject, ...]]:
        """The footprints and the objects, put on the hills and raised."""

        def height_m(points: Array) -> Array:
            return relief.height_m(points[:, 0], points[:, 1]) + raise_m

        feet = []
        for foot in self.footprints:
            heights = height_m(foot.polygon)
            low, high = foot.bottom_m + float(heights.min()), foot.top_m + float(heights.max())
            feet.append(replace(foot, bottom_m=low, top_m=high))
        things = [
            replace(thing, centre_m=thing.centre_m + np.array([0.0, 0.0, float(height_m(thing.centre_m[None])[0])]))
            for thing in self.objects
        ]
        return tuple(feet), tuple(things)

    def details(self) -> np.random.Generator:
        """A generator for the looks of what comes next, on which no layout depends."""
        return np.random.default_rng([zlib.crc32(self.name.encode()), len(self.objects)])

    def reserve(self, polygon: Array) -> None:
        """Keep an area (K, 2) free of everything that asks `is_free`."""
        shape = Polygon(polygon)
        for cell in _cells(shape, 0.0):
            self._taken[cell].append(shape)

    def is_free(self, polygon: Array, clearance_m: float = 0.2) -> bool:
        """Whether a polygon (K, 2) lies in the bounds, off the pavements, and this far from all that stands."""
        shape = Polygon(polygon)
        if not self._bounds.contains(shape) or self._paved.intersects(shape.buffer(-0.02)):
            return False
        return self.is_clear(polygon, clearance_m)

    def is_clear(self, polygon: Array, clearance_m: float) -> bool:
        """Whether a polygon (K, 2) is this far from all that stands, on a pavement or not."""
        shape = Polygon(polygon)
        near = [other for cell in _cells(shape, clearance_m) for other in self._taken.get(cell, ())]
        return not near or bool((shapely.distance(np.array(near), shape) >= clearance_m).all())

    def near_pavement(self, x_m: float, y_m: float, within_m: float) -> bool:
        """Whether a pavement or carriageway is this near."""
        return bool(shapely.dwithin(self._paved, shapely.Point(x_m, y_m), within_m))

    def add(self, kind: str, tag: Tag, meshes: Sequence[Mesh], yaw_rad: float, foot: Array | None) -> None:
        """Add one object: its meshes, in the world, and its footprint (K, 2), convex, if it stops anybody."""
        mesh = Mesh.merge(list(meshes))
        self.meshes.append(mesh)
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"{kind}_{number:03d}"
        points = mesh.positions_m.astype(np.float64)
        c, s = math.cos(yaw_rad), math.sin(yaw_rad)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        local = points @ turn
        low, high = local.min(axis=0), local.max(axis=0)
        identity = int.from_bytes(hashlib.sha256(f"{self.name}/{name}".encode()).digest()[:8], "big")
        centre, half, index = turn @ ((low + high) / 2), (high - low) / 2, -1 if foot is None else len(self.footprints)
        self.objects.append(EnvironmentObject(identity, name, tag, centre, half, yaw_rad, len(mesh.triangles), index))
        if foot is not None:
            self.footprints.append(Footprint(foot, float(low[2]), float(high[2]), tag))
            self.reserve(foot)


def _cells(shape: Polygon, margin_m: float) -> Iterator[tuple[int, int]]:
    """The squares that a shape's bounds, this much wider, lie on."""
    low_x, low_y, high_x, high_y = shape.bounds
    for i in range(math.floor((low_x - margin_m) / CELL_M), math.floor((high_x + margin_m) / CELL_M) + 1):
        for j in range(math.floor((low_y - margin_m) / CELL_M), math.floor((high_y + margin_m) / CELL_M) + 1):
            yield i, j
