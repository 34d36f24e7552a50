"""Staging: chooses the road, sets the weather, and places everybody."""

from __future__ import annotations

import math
from collections.abc import Mapping

import carla
import numpy as np

from av_synth.director.cast import Cast, Member
from av_synth.director.casting import Casting, Role, Size
from av_synth.director.model import Event, Stage
from av_synth.director.path import Path
from av_synth.director.placement import Spot, box_pose, obstructed, park_row, spawn_named, spots, taken_by
from av_synth.director.roads import Place, find_places
from av_synth.director.routes import by_turns, path_along
from av_synth.director.streams import spawn_extras
from av_synth.director.town_parked import replace_parked
from av_synth.director.traffic import start_traffic
from av_synth.errors import CastError
from av_synth.geometry.carla import vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.model import Actor
from av_synth.scenario.words import EGO, is_person, is_thing

WARM_UP_S = 2.0  # vehicles settle on their wheels and traffic gets going before time zero
SPARE_M = 10.0
ROOM_M = 40.0  # of road before and behind what a vehicle needs
DARK_SUN_DEG = 10.0
DRIVING_LIGHTS = int(carla.VehicleLightState.Position | carla.VehicleLightState.LowBeam)


def warm_up_ticks(tick_us: int) -> int:
    """Ticks from the first one to recorded time zero."""
    return math.ceil(WARM_UP_S * 1e6 / tick_us)


def _run_up_s(tick_us: int) -> float:
    """Time from the placing to recorded time zero, the first tick included."""
    return (warm_up_ticks(tick_us) + 1) * tick_us * 1e-6


def put_on_stage(concrete: ConcreteScenario, stage: Stage) -> Cast:
    """Choose the road, set the weather, and place everybody, each so far back that it is at its spot at time zero.

    Args:
        concrete: what is to be played.
        stage: where.

    Raises:
        CastError: if the map has no such road, or the blueprint library no such body.
        SpawnError: if the simulator refuses a place to the ego or a named actor.
    """
    run_up_s = _run_up_s(stage.tick_us)
    stage.world.set_weather(carla.WeatherParameters(**concrete.weather.to_json()))
    if concrete.traffic.bodies:
        stage.traffic_manager()  # it wants to be there first
    casting = Casting(stage.client, stage.world, _somewhere(stage.map))
    roles = {
        name: casting.role(actor.body, concrete.picks[name], parked=actor.stands)
        for name, actor in concrete.actors.items()
    }
    sizes = {name: casting.size(role.type_id) for name, role in roles.items()}
    events = list(replace_parked(stage, casting))
    place, cast = _choose_place(concrete, stage, room_before_m(concrete, stage.tick_us), sizes)
    ego = _ego(concrete, stage, casting, place, run_up_s)
    members = {
        name: _member(concrete, stage, casting, place, name, roles[name], spot, run_up_s)
        for name, spot in cast.items()
        if name not in concrete.without
    }
    for extra in spawn_extras(concrete, stage, casting, place, run_up_s):
        if isinstance(extra, Event):
            events.append(extra)
        else:
            members[extra.name] = extra
            if extra.stroll_m is None:
                _set_off(concrete, extra, run_up_s)
    for number, row in enumerate(concrete.rows):
        events += park_row(stage, place, casting, number, row, taken_by(concrete, cast, place, row))
    placed = [
        place.path.point(-ego.speed_mps * run_up_s),
        *(member.path.point(0.0, member.offset_m) for member in members.values()),
    ]
    time_s = run_up_s + concrete.duration_s
    events += start_traffic(stage, casting, concrete.traffic, _zone(place, members, time_s), placed, time_s)
    return Cast(place, ego, members, tuple(events))


def room_before_m(concrete: ConcreteScenario, tick_us: int) -> float:
    """Length of road needed before the ego's start: for its own run-up, and for who starts behind it."""
    run_up_s = _run_up_s(tick_us)
    behind_m = [
        actor.speed_kmh / 3.6 * run_up_s - actor.at.ahead_m
        for actor in concrete.actors.values()
        if actor.at.ahead_m is not None and actor.at.of == "start"
    ]
    return max(concrete.ego.speed_kmh / 3.6 * run_up_s, *behind_m, 0.0) + SPARE_M


def _choose_place(
    concrete: ConcreteScenario, stage: Stage, room_m: float, sizes: Mapping[str, Size]
) -> tuple[Place, dict[str, Spot]]:
    """The first stretch of road, from the drawn one on, where nothing fixed is in a pedestrian's way."""
    why = ""
    for place in find_places(stage.map, concrete.road, room_m, concrete.picks["road"]):
        try:
            cast = spots(concrete, place, sizes)
        except CastError as error:
            why = str(error)
            continue
        blocked = obstructed(stage, concrete, cast)
        if blocked is None:
            return place, cast
        why = f"something fixed is in the way of {blocked!r}"
    raise CastError(f"{concrete.town}: wherever the road fits, {why}")


def _ego(concrete: ConcreteScenario, stage: Stage, casting: Casting, place: Place, run_up_s: float) -> Member:
    role = casting.role(concrete.ego.body, concrete.picks[EGO])
    size, speed = casting.size(role.type_id), concrete.ego.speed_kmh / 3.6
    pose = box_pose(place.path, -speed * run_up_s, 0.0, 0.0, size)
    pose[2, 3] += 0.1
    ego = stage.spawn(role.type_id, pose, role=EGO, attributes=role.attributes)
    member = Member(EGO, None, ego, size, place.path, 0.0, 0.0, speed)
    _set_off(concrete, member, run_up_s)
    return member


def _member(
    concrete: ConcreteScenario,
    stage: Stage,
    casting: Casting,
    place: Place,
    name: str,
    role: Role,
    spot: Spot,
    run_up_s: float,
) -> Member:
    actor, size = concrete.actors[name], casting.size(role.type_id)
    speed = actor.speed_kmh / 3.6
    if actor.stands or is_person(actor.body):
        pose = box_pose(spot.path, spot.station_m, spot.offset_m, spot.turn_rad, size)
        spawned = spawn_named(stage, casting, role, name, actor, pose)
        path = spot.path.counted_from(spot.station_m)
        return Member(name, actor, spawned, size, path, spot.offset_m, spot.turn_rad, 0.0)
    path, offset, turn = own_way(actor, spot, place, run_up_s, concrete.duration_s)
    pose = box_pose(path, -speed * run_up_s, offset, turn, size)
    spawned = spawn_named(stage, casting, role, name, actor, pose)
    member = Member(name, actor, spawned, size, path, offset, turn, speed)
    _set_off(concrete, member, run_up_s)
    return member


def own_way(actor: Actor, spot: Spot, place: Place, run_up_s: float, duration_s: float) -> tuple[Path, float, float]:
    """The path that a vehicle drives along, 0 at its spot, its offset from it, and how far it is turned left of it.

    Its lane's centre line, on through junctions by its route; the ego's own path in the ego's lane, unless a route is
    given; the other way round for somebody who faces against the traffic of the lane.
    """
    speed = actor.speed_kmh / 3.6
    before_m, length_m = speed * run_up_s + ROOM_M, speed * duration_s + ROOM_M
    follows_ego = spot.path is place.path and actor.at.lane == "same" and not actor.route
    if spot.waypoint is None or follows_ego:
        path = spot.path
    else:
        path = path_along(spot.waypoint, max(before_m, length_m), max(before_m, length_m), by_turns(actor.route))
    if math.cos(path.heading_rad(path.project(spot.point_m)[0]) - spot.yaw_rad) < 0.0:
        path = path.reversed()
    station, offset = path.project(spot.point_m)
    turn = math.remainder(spot.yaw_rad - path.heading_rad(station), math.tau)
    return path.counted_from(station), offset, turn


def _set_off(concrete: ConcreteScenario, member: Member, run_up_s: float) -> None:
    """Give a vehicle that was spawned before its spot its speed and its lights."""
    heading = member.path.heading_rad(-member.speed_mps * run_up_s) + member.turn_rad
    velocity = member.speed_mps * np.array([math.cos(heading), math.sin(heading), 0.0])
    member.actor.set_target_velocity(vector_to_carla(velocity))
    weather = concrete.weather
    if weather.sun_altitude_angle < DARK_SUN_DEG or weather.precipitation > 0 or weather.fog_density > 20:
        member.actor.set_light_state(carla.VehicleLightState(DRIVING_LIGHTS))


def _zone(place: Place, members: Mapping[str, Member], time_s: float) -> list[Array]:
    """Points that background traffic must not come to: the lanes that are driven, the lines that are walked."""
    path = place.path
    points = [path.point(s) for s in np.arange(path.begin_m, path.end_m, 2.0).tolist()]
    for member in members.values():
        if member.spec is not None and is_person(member.spec.body):
            points += [member.ahead(along_m) for along_m in np.arange(0.0, 16.0, 2.0).tolist()]
        elif member.spec is not None and is_thing(member.spec.body):
            points.append(member.ahead(0.0))
        elif not member.stands:
            reach_m = member.speed_mps * time_s + ROOM_M
            own = np.arange(max(member.path.begin_m, -reach_m), min(member.path.end_m, reach_m), 2.0).tolist()
            points += [member.path.point(s, member.offset_m) for s in own]
    return points


def _somewhere(town: carla.Map) -> Array:
    """`world_from_actor` of the town's first spawn point."""
    return rigid(np.eye(3), vector_from_carla(town.get_spawn_points()[0].location))
