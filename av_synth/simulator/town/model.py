"""What a town is to the rest of the simulator: a road description, one classed mesh, and what stands in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.town.relief import FLAT, Relief

KERB_HEIGHT_M = 0.12  # pavements and all ground behind them lie this high above the carriageway, which lies at 0


@dataclass(frozen=True)
class TrafficLight:
    """One traffic light: a pole with a head, and the lanes it governs.

    Attributes:
        signal_id: id of its signal in the OpenDRIVE text.
        world_from_actor: (4, 4), the foot of the pole; x points towards the traffic that it governs.
        group: id of the OpenDRIVE junction; the lights of a group take turns.
        phase: lights of one group and phase are green together; phases count from 0.
        stop_areas: (4, 2) each, metres in the world, counter-clockwise: a lane's last metres up to the stop line.
        stop_headings_rad: for each stop area, the direction of travel of its lane.
    """

    signal_id: str
    world_from_actor: Array
    group: int
    phase: int
    stop_areas: tuple[Array, ...]
    stop_headings_rad: tuple[float, ...]


@dataclass(frozen=True)
class Footprint:
    """A static thing that stops vehicles and walkers: a convex (K, 2) polygon, counter-clockwise, in world metres."""

    polygon: Array
    bottom_m: float
    top_m: float
    tag: Tag


@dataclass(frozen=True)
class EnvironmentObject:
    """A named part of the static world with its box: centre and half extents in metres, heading in radians.

    Attributes:
        id: unsigned 64 bit, the same in every build of the same town.
        triangles: how many of the town's mesh are its own; those of all things end the mesh, in the things' order.
        footprint: index of its footprint among the town's, -1 if it stops nobody.
    """

    id: int
    name: str
    tag: Tag
    centre_m: Array
    half_m: Array
    yaw_rad: float
    triangles: int = 0
    footprint: int = -1


@dataclass(frozen=True)
class SpeedZone:
    """The carriageway of one road and its speed limit."""

    area: BaseGeometry
    speed_kmh: float


@dataclass(frozen=True)
class Town:
    """A town, in the world frame: OpenDRIVE's, right-handed metres, z up; driving on the right.

    Attributes:
        name: such as 'AvSynth01'.
        opendrive: the text of its .xodr; it and the mesh are made from one description and agree to a centimetre.
        mesh: everything static except the traffic lights, which are bodies.
        spawn_points: (4, 4) each: on the centre of a driving lane, along it, 0.3 m above the road.
        footprints: what stops vehicles and walkers.
        digest: sha256 in hex of all content.
        bounds_m: (x_min, y_min, x_max, y_max) of the ground.
        carriageway: where the ground is at 0 instead of at verge height.
        speed_zones: the speed limit of each road.
        verge_m: how high all ground beside the carriageway lies above it: kerb height, or 0 where there are no kerbs.
        relief: the hills that all this lies on.
    """

    name: str
    opendrive: str = field(repr=False)
    mesh: Mesh = field(repr=False)
    spawn_points: tuple[Array, ...] = field(repr=False)
    traffic_lights: tuple[TrafficLight, ...] = field(repr=False)
    footprints: tuple[Footprint, ...] = field(repr=False)
    environment_objects: tuple[EnvironmentObject, ...] = field(repr=False)
    digest: str
    bounds_m: tuple[float, float, float, float]
    carriageway: BaseGeometry = field(repr=False)
    speed_zones: tuple[SpeedZone, ...] = field(repr=False)
    verge_m: float = KERB_HEIGHT_M
    relief: Relief = FLAT

    def __post_init__(self) -> None:
        # prepared once, so that a query costs microseconds
        shapely.prepare(self.carriageway)
        for zone in self.speed_zones:
            shapely.prepare(zone.area)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Preparations are not part of what a pickle holds."""
        self.__dict__.update(state)
        self.__post_init__()

    @overload
    def ground_height_m(self, x_m: float, y_m: float) -> float: ...

    @overload
    def ground_height_m(self, x_m: Array, y_m: Array) -> Array: ...

    def ground_height_m(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> float | Array:
        """Height in metres of the ground at world points, each a number or an array (..., ) of one shape.

        The carriageway is at 0, pavements and what lies behind at verge height, everything beyond the town at 0; and
        the hills come on top of that.
        """
        x, y = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
        x0, y0, x1, y1 = self.bounds_m
        raised = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) & ~shapely.contains_xy(self.carriageway, x, y)
        height = np.where(raised, self.verge_m, 0.0) + self.relief.height_m(x, y)
        return float(height) if height.ndim == 0 else height

    def speed_limit_kmh(self, x_m: float, y_m: float) -> float | None:
        """Speed limit of the road at a world point, or None off the roads and inside junctions."""
        for zone in self.speed_zones:
            if shapely.contains_xy(zone.area, x_m, y_m):
                return zone.speed_kmh
        return None


def digest_of(
    opendrive: str,
    mesh: Mesh,
    spawn_points: tuple[Array, ...],
    traffic_lights: tuple[TrafficLight, ...],
    footprints: tuple[Footprint, ...],
    environment_objects: tuple[EnvironmentObject, ...],
) -> str:
    """Return sha256 (hex) of a town's content, floats taken to the millimetre so that a last bit does not count."""
    sha = hashlib.sha256(opendrive.encode())
    for floats in (mesh.positions_m, mesh.normals):
        sha.update((np.rint(floats.astype(np.float64) * 1000.0).astype("<i4")).tobytes())
    for whole in (mesh.colours, mesh.materials, mesh.tags, mesh.triangles.astype("<u4")):
        sha.update(whole.tobytes())
    content = (
        [_millimetres(point) for point in spawn_points],
        [
            (
                light.signal_id,
                light.group,
                light.phase,
                *(_millimetres(pose) for pose in (light.world_from_actor, *light.stop_areas)),
                *(round(heading, 6) for heading in light.stop_headings_rad),
            )
            for light in traffic_lights
        ],
        [(_millimetres(f.polygon), round(f.bottom_m, 3), round(f.top_m, 3), int(f.tag)) for f in footprints],
        [(o.id, o.name, int(o.tag), _millimetres(o.centre_m), _millimetres(o.half_m)) for o in environment_objects],
    )
    sha.update(repr(content).encode())
    return sha.hexdigest()


def _millimetres(values: Array) -> list[int]:
    return [int(v) for v in np.rint(np.asarray(values) * 1000.0).ravel()]
