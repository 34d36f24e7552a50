"""Puts a town together: network, ground, markings, buildings, furniture, lights and spawn points."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.scene import Mesh
from av_synth.simulator.town import markings, opendrive, surface
from av_synth.simulator.town.dressing import dress_lamps, dress_pavement, dress_trees
from av_synth.simulator.town.frontage import frontage_of
from av_synth.simulator.town.greenery import plant_horizon
from av_synth.simulator.town.model import KERB_HEIGHT_M, SpeedZone, Town, TrafficLight, digest_of
from av_synth.simulator.town.network import LANE_M, Network
from av_synth.simulator.town.relief import FLAT, Relief
from av_synth.simulator.town.roads import LaneKind, Road, Signal
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.wear import wear

SPAWN_HEIGHT_M = 0.3
SPAWN_SPACING_M = 18.0
SPAWN_INSET_M = 12.0  # from a road's ends
_SLANT_STEP_M = 0.01  # over which the direction of a lane is measured
# The Traffic Manager brakes from a crawl as soon as it is inside: longer areas stop cars far from the line.
STOP_AREA_M = 8.0


@dataclass(frozen=True)
class Plan:
    """What a town is built from.

    Attributes:
        name: the map's name.
        bounds_m: (x_min, y_min, x_max, y_max) of the ground.
        network: lays out roads and crossings.
        settle: puts up everything that stands beside them, as if the ground there were level and at kerb height; the
            same things every time.
        verge_m: how high the ground beside the carriageway is.
        relief: what all of it is lifted by.
    """

    name: str
    bounds_m: tuple[float, float, float, float]
    network: Callable[[], Network]
    settle: Callable[[Site, Network], None]
    verge_m: float = KERB_HEIGHT_M
    relief: Relief = FLAT

    @property
    def is_plain(self) -> bool:
        """Whether everything is where it was settled."""
        return not self.relief.hills and self.verge_m == KERB_HEIGHT_M


def write_opendrive(plan: Plan, network: Network | None = None) -> str:
    """The OpenDRIVE text of a plan: quickly made, unlike the town."""
    laid_out = network or plan.network()
    return opendrive.write(plan.name, laid_out.roads, laid_out.junctions, plan.bounds_m, plan.relief, plan.verge_m)


def build_town(plan: Plan) -> Town:
    """Build the town of a plan."""
    name, network = plan.name, plan.network()
    relief, raise_m = plan.relief, plan.verge_m - KERB_HEIGHT_M
    xodr = write_opendrive(plan, network)
    ground, areas = surface.ground(network, plan.bounds_m, plan.verge_m)
    site = Site(name, shapely.union(areas.carriageway, areas.pavement), plan.bounds_m)
    plan.settle(site, network)
    _dress(site, network)
    plant_horizon(site, plan.bounds_m)
    ground = Mesh.merge([ground, markings.paint(network.roads), *wear(network.roads, zlib.crc32(name.encode()))])
    footprints, objects = site.lifted(relief, raise_m)
    if plan.is_plain:
        mesh = Mesh.merge([ground, *site.meshes])
    else:
        mesh = Mesh.merge([relief.lift(ground), relief.lift(Mesh.merge(site.meshes), raise_m)])
    spawn_points = tuple(relief.lift_pose(pose) for pose in _spawn_points(network))
    lights = _traffic_lights(network)
    return Town(
        name=name,
        opendrive=xodr,
        mesh=mesh,
        spawn_points=spawn_points,
        traffic_lights=lights,
        footprints=footprints,
        environment_objects=objects,
        digest=digest_of(xodr, mesh, spawn_points, lights, footprints, objects),
        bounds_m=plan.bounds_m,
        carriageway=areas.carriageway,
        speed_zones=(
            *(SpeedZone(*limited) for road in network.roads for limited in surface.lanes_with_limits(road)),
            *(SpeedZone(areas.by_road[road.id], road.speed_kmh) for road in network.roads if road.junction_id < 0),
        ),
        verge_m=plan.verge_m,
        relief=relief,
    )


def _dress(site: Site, network: Network) -> None:
    """All the small things, by dice of their own: nothing else is moved by them."""
    rng = np.random.default_rng([zlib.crc32(site.name.encode()), 1])
    dress_trees(site)
    dress_lamps(site, rng)
    for road in network.roads:
        if road.kind == "town" and road.junction_id < 0:
            for side in (1, -1):
                dress_pavement(site, frontage_of(road, side), rng)


def _spawn_points(network: Network) -> tuple[Array, ...]:
    """Lane centres, evenly along every lane of every street, clear of the crossings."""
    points = []
    for road in network.roads:
        if road.junction_id >= 0:
            continue
        room = road.line.length_m - 2 * SPAWN_INSET_M
        stations = SPAWN_INSET_M + np.linspace(0.0, room, max(0, int(room // SPAWN_SPACING_M) + 1))
        for side in (-1, 1):
            for k in range(max(len(s.left if side > 0 else s.right) for s in road.sections)):
                points += [pose for s in stations for pose in _spawn_point(road, side, k, float(s))]
    return tuple(points)


def _spawn_point(road: Road, side: int, k: int, s_m: float) -> Iterator[Array]:
    """The middle of lane k of a side, if it is one to drive on there and wide enough."""
    index = road.section_at(s_m)
    section = road.sections[index]
    lanes = section.left if side > 0 else section.right
    if k >= len(lanes) or lanes[k].kind is not LaneKind.DRIVING:
        return
    s = np.array([s_m, s_m + _SLANT_STEP_M])
    inner, outer = (road.edge_t_m(index, side, count, s) for count in (k, k + 1))
    if abs(outer[0] - inner[0]) < LANE_M - 1e-6:
        return
    middle = (inner + outer) / 2.0
    slant = math.atan2(middle[1] - middle[0], _SLANT_STEP_M)
    x, y = road.line.point(s_m, float(middle[0]))
    heading = float(road.line.poses([s_m])[0, 2]) + slant + (math.pi if side > 0 else 0.0)
    yield from_yaw(x, y, SPAWN_HEIGHT_M, heading)


def _traffic_lights(network: Network) -> tuple[TrafficLight, ...]:
    by_signal = {signal.id: (road, signal) for road in network.roads for signal in road.signals}
    return tuple(
        _traffic_light(*by_signal[signal_id], junction.id, phase)
        for junction in network.junctions
        for phase, signals in enumerate(junction.phases)
        for signal_id in signals
    )


def _traffic_light(road: Road, signal: Signal, group: int, phase: int) -> TrafficLight:
    x, y = road.line.point(signal.s_m, signal.t_m)
    travel = float(road.line.poses([signal.s_m])[0, 2]) + (0.0 if signal.along else math.pi)
    back = -STOP_AREA_M if signal.along else STOP_AREA_M
    areas = []
    for lane in range(signal.lanes[0], signal.lanes[1] + 1):
        inner, outer = (math.copysign(t, lane) for t in ((abs(lane) - 1) * LANE_M, abs(lane) * LANE_M))
        s = [signal.s_m, signal.s_m + back, signal.s_m + back, signal.s_m]
        area = road.line.points(s, [inner, inner, outer, outer])
        areas.append(area if _is_counter_clockwise(area) else area[::-1])
    return TrafficLight(
        signal_id=signal.id,
        world_from_actor=from_yaw(x, y, KERB_HEIGHT_M, math.remainder(travel + math.pi, 2 * math.pi)),
        group=group,
        phase=phase,
        stop_areas=tuple(areas),
        stop_headings_rad=tuple(math.remainder(travel, 2 * math.pi) for _ in areas),
    )


def _is_counter_clockwise(polygon: Array) -> bool:
    x, y = polygon.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) > 0
