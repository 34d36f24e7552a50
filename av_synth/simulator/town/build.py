"""Puts a town together: network, ground, markings, buildings, furniture, lights and spawn points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.scene import Mesh
from av_synth.simulator.town import markings, opendrive, surface
from av_synth.simulator.town.model import KERB_HEIGHT_M, SpeedZone, Town, TrafficLight, digest_of
from av_synth.simulator.town.network import LANE_M, Network
from av_synth.simulator.town.roads import LaneKind, Road, Signal
from av_synth.simulator.town.site import Site

SPAWN_HEIGHT_M = 0.3
SPAWN_SPACING_M = 18.0
SPAWN_INSET_M = 12.0  # from a road's ends
# The Traffic Manager brakes from a crawl as soon as it is inside: longer areas stop cars far from the line.
STOP_AREA_M = 8.0


@dataclass(frozen=True)
class Plan:
    """What a town is built from.

    Attributes:
        name: the map's name.
        bounds_m: (x_min, y_min, x_max, y_max) of the ground.
        network: lays out roads and crossings.
        settle: puts up everything that stands beside them; the same things every time.
    """

    name: str
    bounds_m: tuple[float, float, float, float]
    network: Callable[[], Network]
    settle: Callable[[Site, Network], None]


def write_opendrive(plan: Plan, network: Network | None = None) -> str:
    """The OpenDRIVE text of a plan: quickly made, unlike the town."""
    laid_out = network or plan.network()
    return opendrive.write(plan.name, laid_out.roads, laid_out.junctions, plan.bounds_m)


def build_town(plan: Plan) -> Town:
    """Build the town of a plan."""
    name, network = plan.name, plan.network()
    xodr = write_opendrive(plan, network)
    ground, areas = surface.ground(network, plan.bounds_m)
    site = Site(name, shapely.union(areas.carriageway, areas.pavement), plan.bounds_m)
    plan.settle(site, network)
    mesh = Mesh.merge([ground, markings.paint(network.roads), *site.meshes])
    footprints, objects = tuple(site.footprints), tuple(site.objects)
    spawn_points = _spawn_points(network)
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
        speed_zones=tuple(
            SpeedZone(areas.by_road[road.id], road.speed_kmh) for road in network.roads if road.junction_id < 0
        ),
    )


def _spawn_points(network: Network) -> tuple[Array, ...]:
    """Lane centres, evenly along every lane of every street, clear of the crossings."""
    points = []
    for road in network.roads:
        if road.junction_id >= 0:
            continue
        room = road.line.length_m - 2 * SPAWN_INSET_M
        stations = SPAWN_INSET_M + np.linspace(0.0, room, max(0, int(room // SPAWN_SPACING_M) + 1))
        section = road.sections[0]
        for side, lanes in ((-1, section.right), (1, section.left)):
            driving = sum(lane.kind is LaneKind.DRIVING for lane in lanes)
            for k in range(driving):
                x, y = road.line.points(stations, side * (k + 0.5) * LANE_M).T
                headings = road.line.poses(stations)[:, 2] + (math.pi if side > 0 else 0.0)
                points += [
                    from_yaw(float(px), float(py), SPAWN_HEIGHT_M, float(h))
                    for px, py, h in zip(x, y, headings, strict=True)
                ]
    return tuple(points)


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
