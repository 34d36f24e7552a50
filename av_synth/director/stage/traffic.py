"""Background traffic: vehicles of CARLA's Traffic Manager, from places that cannot reach the event while it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import carla
import numpy as np

from av_synth.director.model import Event, Stage
from av_synth.director.stage.casting import Casting, Role
from av_synth.director.stage.placement import hitch_on
from av_synth.errors import SpawnError
from av_synth.geometry.carla import matrix_from_transform, vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.concrete import TrafficPlan

_REACH_STEP_M = 4.0
_ZONE_RADIUS_M = 2.5  # a lane's width: oncoming traffic may pass beside the event's own lanes
_FASTEST_MPS = 15.0
_CLEAR_OF_PLACED_M = 9.0
_SIGHT_M = 120.0  # starts this near the ego's are taken first, so that traffic is seen
_MAX_BRANCHES = 400
_BEGINS_KMH = (18.0, 38.0)  # it has been on its way before the scenario begins
_SLOWER_PERCENT = (0.0, 35.0)  # than the speed limit: nobody drives like the next


def start_traffic(
    stage: Stage, casting: Casting, plan: TrafficPlan, zone: Sequence[Array], placed: Sequence[Array], time_s: float
) -> Iterator[Event]:
    """Spawn the planned vehicles and hand them to the Traffic Manager; tells of those that found no room.

    Args:
        stage: where.
        casting: who plays a category.
        plan: bodies and seed.
        zone: points (2,) or (3,) of the road that nobody may come to (2.5 m) within `time_s`.
        placed: positions (3,) of everything that was placed before, the ego's first.
        time_s: how long the scenario runs, warm-up included.
    """
    if not plan.bodies:
        return
    shuffled = _shuffled(stage.map.get_spawn_points(), plan.seed)
    in_sight = sorted(shuffled, key=lambda point: _distance_m(point, placed[:1]) > _SIGHT_M)  # and then the others
    places = [point for point in in_sight if _distance_m(point, placed) > _CLEAR_OF_PLACED_M]
    free = (point for point in places if not _reaches(stage.map, point, zone, time_s * _FASTEST_MPS))
    manager = stage.traffic_manager()
    random = np.random.default_rng((plan.seed, 1))
    for index, (body, pick) in enumerate(zip(plan.bodies, plan.picks, strict=True)):
        name = f"traffic_{index}"
        point = next(free, None)
        if point is None:
            reason = "the town has no further start that cannot reach the event in time"
            yield Event(0, "not_placed", detail={"role": name, "count": len(plan.bodies) - index, "reason": reason})
            return
        role = casting.role(body, pick)
        speed_kmh, slower_percent = random.uniform(*_BEGINS_KMH), random.uniform(*_SLOWER_PERCENT)
        world_from_vehicle = matrix_from_transform(point)
        try:
            vehicle = _spawned(stage, casting, role, name, world_from_vehicle)
        except SpawnError as error:
            yield Event(0, "not_placed", detail={"role": name, "reason": str(error)})
            continue
        vehicle.set_target_velocity(vector_to_carla(world_from_vehicle[:3, 0] * speed_kmh / 3.6))
        vehicle.set_autopilot(True, manager.get_port())
        manager.vehicle_percentage_speed_difference(vehicle, slower_percent)
        manager.auto_lane_change(vehicle, False)
        manager.update_vehicle_lights(vehicle, True)


def _spawned(stage: Stage, casting: Casting, role: Role, name: str, world_from_vehicle: Array) -> carla.Vehicle:
    """A vehicle with what it tows; neither is there if either is refused, which is a SpawnError."""
    vehicle = stage.spawn(role.type_id, world_from_vehicle, role=name, attributes=role.attributes)
    try:
        hitch_on(stage, casting, role, vehicle, name, parked=False)
    except SpawnError:
        stage.destroy(vehicle)
        raise
    return vehicle


def _shuffled(points: Sequence[carla.Transform], seed: int) -> list[carla.Transform]:
    ordered = sorted(points, key=lambda point: (point.location.x, point.location.y))
    return [ordered[index] for index in np.random.default_rng(seed).permutation(len(ordered))]


def _distance_m(point: carla.Transform, placed: Sequence[Array]) -> float:
    here = vector_from_carla(point.location)[:2]
    return min((float(np.hypot(*(other[:2] - here))) for other in placed), default=np.inf)


def _reaches(town: carla.Map, start: carla.Transform, zone: Sequence[Array], length_m: float) -> bool:
    """Whether some way from a start comes to the zone, within a length."""
    keep_out = np.array([point[:2] for point in zone])
    front = [town.get_waypoint(start.location)]
    travelled_m = 0.0
    visited: set[tuple[int, int, int]] = set()
    while front and travelled_m <= length_m and len(visited) < _MAX_BRANCHES:
        following = []
        for waypoint in front:
            here = vector_from_carla(waypoint.transform.location)[:2]
            if float(np.hypot(*(keep_out - here).T).min()) < _ZONE_RADIUS_M:
                return True
            for candidate in waypoint.next(_REACH_STEP_M):
                key = (candidate.road_id, candidate.lane_id, round(candidate.s))
                if key not in visited:
                    visited.add(key)
                    following.append(candidate)
        front, travelled_m = following, travelled_m + _REACH_STEP_M
    return len(visited) >= _MAX_BRANCHES
