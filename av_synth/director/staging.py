"""Staging: chooses the road, sets the weather, and places everybody."""

from __future__ import annotations

import math
from collections.abc import Mapping

import carla
import numpy as np

from av_synth.director.cast import Cast, Member
from av_synth.director.casting import Casting, Role, Size
from av_synth.director.model import Stage
from av_synth.director.path import Path
from av_synth.director.placement import Spot, box_pose, obstructed, park_row, spawn_named, spots, taken_by
from av_synth.director.roads import Place, find_places
from av_synth.director.town_parked import replace_parked
from av_synth.director.traffic import start_traffic
from av_synth.errors import CastError
from av_synth.geometry.carla import vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.words import EGO, is_person, is_thing

SPARE_M = 10.0
DARK_SUN_DEG = 10.0
DRIVING_LIGHTS = int(carla.VehicleLightState.Position | carla.VehicleLightState.LowBeam)


def put_on_stage(concrete: ConcreteScenario, stage: Stage, run_up_s: float) -> Cast:
    """Choose the road, set the weather, and place everybody, each so far back that it is at its spot at time zero.

    Args:
        concrete: what is to be played.
        stage: where.
        run_up_s: time from now to recorded time zero, the first tick included.

    Raises:
        CastError: if the map has no such road, or the blueprint library no such body.
        SpawnError: if the simulator refuses a place to the ego or a named actor.
    """
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
    place, cast = _choose_place(concrete, stage, _before_m(concrete, run_up_s), sizes)
    ego = _ego(concrete, stage, casting, place, run_up_s)
    members = {
        name: _member(concrete, stage, casting, place, name, roles[name], spot, run_up_s) for name, spot in cast.items()
    }
    for number, row in enumerate(concrete.rows):
        events += park_row(stage, place, casting, number, row, taken_by(concrete, cast, place, row))
    placed = [
        place.path.point(-ego.speed_mps * run_up_s),
        *(place.path.point(spot.station_m, spot.offset_m) for spot in cast.values()),
    ]
    time_s = run_up_s + concrete.duration_s
    events += start_traffic(stage, casting, concrete.traffic, _zone(concrete, place, cast), placed, time_s)
    return Cast(place, ego, members, tuple(events))


def _before_m(concrete: ConcreteScenario, run_up_s: float) -> float:
    """Length of road that the run-up needs before the ego's start."""
    behind_m = [
        actor.speed_kmh / 3.6 * run_up_s - actor.at.ahead_m
        for actor in concrete.actors.values()
        if actor.at.ahead_m is not None
    ]
    return max(concrete.ego.speed_kmh / 3.6 * run_up_s, *behind_m, 0.0) + SPARE_M


def _choose_place(
    concrete: ConcreteScenario, stage: Stage, before_m: float, sizes: Mapping[str, Size]
) -> tuple[Place, dict[str, Spot]]:
    """The first stretch of road, from the drawn one on, where nothing fixed is in a pedestrian's way."""
    blocked = None
    for place in find_places(stage.map, concrete.road, before_m, concrete.picks["road"]):
        cast = spots(concrete, place, sizes)
        blocked = obstructed(stage, concrete, place, cast)
        if blocked is None:
            return place, cast
    raise CastError(f"{concrete.town}: wherever the road fits, something fixed is in the way of {blocked!r}")


def _ego(concrete: ConcreteScenario, stage: Stage, casting: Casting, place: Place, run_up_s: float) -> Member:
    role = casting.role(concrete.ego.body, concrete.picks[EGO])
    size, speed = casting.size(role.type_id), concrete.ego.speed_kmh / 3.6
    pose = box_pose(place, -speed * run_up_s, 0.0, 0.0, size)
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
    spawned = spawn_named(stage, place, casting, role, name, actor, spot, speed * run_up_s)
    if actor.stands or is_person(actor.body):
        return Member(name, actor, spawned, size, place.path, spot.offset_m, spot.turn_rad, 0.0)
    way = 1.0 if math.cos(spot.turn_rad) > 0.0 else -1.0
    path = _from(place.path if way > 0 else place.path.reversed(), way * spot.station_m)
    turn = spot.turn_rad if way > 0 else math.remainder(spot.turn_rad - math.pi, math.tau)
    member = Member(name, actor, spawned, size, path, way * spot.offset_m, turn, speed)
    _set_off(concrete, member, run_up_s)
    return member


def _from(path: Path, station_m: float) -> Path:
    """The same path, with its stations counted from one of its own."""
    return Path(path.points_m, origin_m=path.stations_m[0] - station_m)


def _set_off(concrete: ConcreteScenario, member: Member, run_up_s: float) -> None:
    """Give a vehicle that was spawned before its spot its speed and its lights."""
    heading = member.path.heading_rad(-member.speed_mps * run_up_s)
    velocity = member.speed_mps * np.array([math.cos(heading), math.sin(heading), 0.0])
    member.actor.set_target_velocity(vector_to_carla(velocity))
    weather = concrete.weather
    if weather.sun_altitude_angle < DARK_SUN_DEG or weather.precipitation > 0 or weather.fog_density > 20:
        member.actor.set_light_state(carla.VehicleLightState(DRIVING_LIGHTS))


def _zone(concrete: ConcreteScenario, place: Place, cast: Mapping[str, Spot]) -> list[Array]:
    """Points that background traffic must not come to: the lanes that are driven, the lines that are walked."""
    path = place.path
    offsets = {0.0}
    lines = []
    for name, spot in cast.items():
        actor = concrete.actors[name]
        if is_person(actor.body):
            lines += [path.point(*spot.ahead(along_m)) for along_m in np.arange(0.0, 16.0, 2.0).tolist()]
        elif is_thing(actor.body):
            lines.append(path.point(spot.station_m, spot.offset_m))
        elif not actor.stands:
            offsets.add(round(spot.offset_m, 2))
    stations = np.arange(path.begin_m, path.end_m, 2.0).tolist()
    return [*lines, *(path.point(s, d) for s in stations for d in sorted(offsets))]


def _somewhere(town: carla.Map) -> Array:
    """`world_from_actor` of the town's first spawn point."""
    return rigid(np.eye(3), vector_from_carla(town.get_spawn_points()[0].location))
