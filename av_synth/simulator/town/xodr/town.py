"""A town out of an OpenDRIVE text, as `carla.Client.generate_opendrive_world` asks for one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Mesh
from av_synth.simulator.town.model import SpeedZone, Town, digest_of
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.xodr import lights, paint, roadside
from av_synth.simulator.town.xodr.document import parse, readable, refuse
from av_synth.simulator.town.xodr.gaps import fill_gaps
from av_synth.simulator.town.xodr.ground import Land, Surface, height_over, land_around, relief_of
from av_synth.simulator.town.xodr.lights import StopPlace
from av_synth.simulator.town.xodr.reading import read_roads
from av_synth.simulator.town.xodr.ribbons import Strip, mesh_of, strips, united, unraised_triangles
from av_synth.simulator.town.xodr.roads import CARRIAGEWAY, Road
from av_synth.simulator.town.xodr.signals import STOP_LINE, Crosswalk, Signal, read_crosswalks, read_signals
from av_synth.simulator.town.xodr.spawning import spawn_points_of

NAME = "OpenDriveMap"  # CARLA's name of whatever was sent to it
_MARGIN_M = 10.0
_SHRINK_M = 0.05


@dataclass(frozen=True, kw_only=True)
class OpenDriveTown(Town):
    """A town with ground of any height.

    Attributes:
        surface: the lanes.
        land: all the rest.
    """

    surface: Surface = field(repr=False)
    land: Land = field(repr=False)

    @overload
    def ground_height_m(self, x_m: float, y_m: float) -> float: ...

    @overload
    def ground_height_m(self, x_m: Array, y_m: Array) -> Array: ...

    def ground_height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> float | Array:
        """Height in metres of the ground at world points, each a number or an array (..., ) of one shape.

        Where one road leads over another it is that of the upper.
        """
        x, y = np.broadcast_arrays(np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64))
        height = height_over(self.surface, self.land, x, y)
        return float(height) if x.ndim == 0 else height


def build_opendrive_town(text: str) -> OpenDriveTown:
    """Build the town of an OpenDRIVE text.

    Raises:
        DocumentError: if the text is not such, or nobody could drive there.
    """
    root = parse(text)
    roads = {road.id: road for road in read_roads(root)}
    sides = [side for road in roads.values() for side in strips(road)]
    flat = [strip for side in sides for strip in side]
    if not any(strip.drives and len(strip.quads()) for strip in flat):
        raise refuse("", "no lane for driving has a width; want one at least")
    driven = _area(strip for strip in flat if strip.drives)
    carriageway = _area(strip for strip in flat if strip.lane.kind in CARRIAGEWAY and not any(strip.lane.height_m))
    lanes, triangles = mesh_of(sides, driven.buffer(-_SHRINK_M))
    gaps, gap_triangles = fill_gaps(flat)
    triangles = np.concatenate([triangles, gap_triangles])
    x0, y0, x1, y1 = (float(v) for v in shapely.bounds(shapely.MultiPoint(triangles.reshape(-1, 3)[:, :2])))
    bounds = (x0 - _MARGIN_M, y0 - _MARGIN_M, x1 + _MARGIN_M, y1 + _MARGIN_M)
    surface = Surface(triangles)
    land = land_around(np.concatenate([strip.level_points() for strip in flat]), bounds)
    site = Site(NAME, carriageway, bounds)
    signals = read_signals(root, roads)
    places = lights.stop_places(signals)

    def ground(x_m: float, y_m: float) -> float:
        point = np.array([[x_m, y_m]])
        on_road = float(surface.height_m(point)[0])
        return float(land.height_m(point)[0]) if math.isnan(on_road) else on_road

    lights.put_up_signs(site, signals, carriageway, ground)
    crosswalks = read_crosswalks(root, roads, signals)
    everything = _area(flat)
    roadside.settle(site, list(roads.values()), everything, signals, crosswalks, ground, bounds)
    roadside.horizon(site, bounds, land.height_m, len(triangles))
    mesh = Mesh.merge(
        [lanes, *gaps, land.mesh(), *_paint(roads, signals, places, crosswalks, carriageway), *site.meshes]
    )
    spawn_points = spawn_points_of(list(roads.values()))
    traffic_lights = lights.traffic_lights(root, places, carriageway, ground)
    footprints, objects = tuple(site.footprints), tuple(site.objects)
    served = readable(root, text)
    return OpenDriveTown(
        name=NAME,
        opendrive=served,
        mesh=mesh,
        spawn_points=spawn_points,
        traffic_lights=traffic_lights,
        footprints=footprints,
        environment_objects=objects,
        digest=digest_of(served, mesh, spawn_points, traffic_lights, footprints, objects),
        bounds_m=bounds,
        carriageway=carriageway,
        speed_zones=tuple(_speed_zones(flat)),
        relief=relief_of(np.concatenate([unraised_triangles(flat), gap_triangles]), land),
        surface=surface,
        land=land,
    )


def _area(strips_: Iterable[Strip]) -> BaseGeometry:
    return united([area for strip in strips_ for _, area in strip.areas()])


def _paint(
    roads: Mapping[int, Road],
    signals: Sequence[Signal],
    places: Sequence[StopPlace],
    crosswalks: Sequence[Crosswalk],
    carriageway: BaseGeometry,
) -> Iterator[Mesh]:
    for road in roads.values():
        yield from paint.lane_marks(road)
    lines = [StopPlace(signal, signal.s_m) for signal in signals if signal.kind == STOP_LINE]
    for place in [*lines, *places]:
        lanes = place.signal.governed()
        if lanes and place.signal.road.junction_id < 0:
            offsets = [t for _, inner, outer in lanes for t in (inner, outer)]
            yield paint.stop_line(place.signal.road, place.s_m, (min(offsets), max(offsets)))
    for crosswalk in crosswalks:
        yield from paint.zebra(crosswalk, carriageway)


def _speed_zones(all_strips: Iterable[Strip]) -> Iterator[SpeedZone]:
    """Short pieces of the lanes of roads with a speed limit, junctions left out as in our own towns."""
    for strip in all_strips:
        if strip.drives and strip.road.junction_id < 0:
            for s, area in strip.areas():
                limit = strip.road.speed_kmh(s)
                if limit:
                    yield SpeedZone(area, limit)
