"""Staging: chooses the road, sets the weather, and places everybody."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.director.lamps import flags_of
from av_synth.director.model import Event, Stage
from av_synth.director.roads import lanes, new_lines
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place, find_places
from av_synth.director.roads.routes import Route, path_along
from av_synth.director.stage.cast import Cast, Member
from av_synth.director.stage.casting import Casting, Role, Size
from av_synth.director.stage.placement import (
    box_pose,
    obstructed,
    park_row,
    settle,
    sloped,
    spawn_at,
    spawn_lifted,
    spawn_named,
)
from av_synth.director.stage.spots import Spot, farthest_m, spots, taken_by
from av_synth.director.stage.streams import refuse_extras, spawn_extras
from av_synth.director.stage.town_parked import replace_parked
from av_synth.director.stage.traffic import start_traffic
from av_synth.director.weather import starting_weather
from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.model import Actor
from av_synth.scenario.weather import Weather
from av_synth.scenario.words import EGO, is_person, is_thing

_WARM_UP_S = 2.0  # vehicles settle on their wheels and traffic gets going before time zero
_SPARE_M = 10.0
_MOST_SPAWNED = 100  # stretches of road on which the simulator is asked for places: a hedge runs along many of them
_NEAR_M = 5.0  # who is so near somebody that is refused may be why
_ROOM_M = 40.0  # of road before and behind what a vehicle needs
_DARK_SUN_DEG = 10.0
DRIVING_LIGHTS = int(carla.VehicleLightState.Position | carla.VehicleLightState.LowBeam)


def warm_up_ticks(tick_us: int) -> int:
    """Ticks from the first one to recorded time zero."""
    return math.ceil(_WARM_UP_S * 1e6 / tick_us)


def _warm_up_s(tick_us: int) -> float:
    """Time from the placing to recorded time zero, the first tick included."""
    return (warm_up_ticks(tick_us) + 1) * tick_us * 1e-6


def _run_up_s(concrete: ConcreteScenario, tick_us: int) -> float:
    """How long before time zero vehicles begin to move: all the time, or a tick where the road is told by a pose."""
    return _warm_up_s(tick_us) if concrete.road.pose is None else tick_us * 1e-6


@dataclass(frozen=True)
class Setting:
    """What placing takes: the scenario, where it is played, who plays whom, and how long vehicles run up."""

    concrete: ConcreteScenario
    stage: Stage
    casting: Casting
    roles: Mapping[str, Role]
    run_up_s: float


def put_on_stage(concrete: ConcreteScenario, stage: Stage) -> Cast:
    """Choose the road, set the weather, and place everybody, each so far back that it is at its spot at time zero.

    Where the road is told by a pose, everybody stands at theirs until a tick before time zero, and has the speed that
    it begins with from then on: there need not be a road behind them, and they need not come from behind each other.

    Args:
        concrete: what is to be played.
        stage: where.

    Raises:
        CastError: if the map has no such road, or the blueprint library no such body; or if the simulator refuses a
            place to the ego or a named actor, wherever the road fits.
    """
    if concrete.traffic.bodies:
        stage.traffic_manager()  # it wants to be there first
    stage.set_weather(concrete.weather)
    casting = Casting(stage.client, stage.world, _somewhere(stage.map))
    roles = {
        name: casting.role(actor.body, concrete.picks[name], parked=actor.stands)
        for name, actor in concrete.actors.items()
    }
    setting = Setting(concrete, stage, casting, roles, _run_up_s(concrete, stage.tick_us))
    events = list(replace_parked(stage, casting))
    place, cast, ego, members = _placed(setting)
    if concrete.sun_bearing_deg is not None:
        stage.set_weather(starting_weather(concrete, place))  # by the road, which had to be found first
    events += [event for member in members.values() for event in member.placed_in_another(0)]
    for extra in spawn_extras(concrete, stage, casting, place, setting.run_up_s):
        if isinstance(extra, Event):
            events.append(extra)
        else:
            members[extra.name] = extra
            if extra.stroll_m is None:
                _set_off(setting, extra)
    for number, row in enumerate(concrete.rows):
        events += park_row(stage, place, casting, number, row, taken_by(concrete, cast, place, row))
    placed = [
        place.path.point(-ego.speed_mps * setting.run_up_s),
        *(member.path.point(0.0, member.offset_m) for member in members.values()),
    ]
    time_s = _warm_up_s(stage.tick_us) + concrete.duration_s
    events += start_traffic(stage, casting, concrete.traffic, _zone(place, members, time_s), placed, time_s)
    return Cast(place, ego, members, tuple(events), casting, roles)


def room_before_m(concrete: ConcreteScenario, tick_us: int) -> float:
    """Length of road needed before the ego's start: for its own run-up, and for who starts behind it."""
    run_up_s = _run_up_s(concrete, tick_us)
    behind_m = [
        actor.speed_kmh / 3.6 * run_up_s - actor.at.ahead_m
        for actor in concrete.actors.values()
        if actor.at.ahead_m is not None and actor.at.of == "start"
    ]
    return max(concrete.ego.speed_kmh / 3.6 * run_up_s, *behind_m, 0.0) + _SPARE_M


def _placed(setting: Setting) -> tuple[Place, dict[str, Spot], Member, dict[str, Member]]:
    """Everybody who is named, on the first stretch of road, from the drawn one on, that has room for them all.

    A stretch where something fixed is in a pedestrian's way, or the simulator refuses a place, is left as it was.
    """
    concrete, stage = setting.concrete, setting.stage
    sizes = {name: setting.casting.size(role.type_id) for name, role in setting.roles.items()}
    room_m = room_before_m(concrete, stage.tick_us)
    error: CastError | SpawnError | None = None
    tried, near = 0, ""
    for found in find_places(stage.map, concrete.road, room_m, concrete.picks["road"]):
        if tried == _MOST_SPAWNED:
            break
        spawned: list[Member] = []
        try:
            place = found.reaching(farthest_m(concrete, found))
            cast = spots(concrete, stage.map, place, sizes)
            blocked = obstructed(stage, concrete, cast)
            if blocked is not None:
                error = CastError(f"something fixed is in the way of {blocked!r}")
                continue
            refuse_extras(concrete, place)
            tried += 1
            for name in (EGO, *cast):
                if name == EGO or not (name in concrete.without or concrete.actors[name].absent):
                    spawned.append(_ego(setting, place) if name == EGO else _member(setting, place, name, cast[name]))
            return place, cast, spawned[0], {member.name: member for member in spawned[1:]}
        except (CastError, SpawnError) as refused:
            error = refused
            near = _nearest(name, cast) if isinstance(refused, SpawnError) else ""
            for member in spawned[::-1]:
                stage.destroy(member.actor)
    where = "wherever the road fits" if concrete.road.pose is None else "at the pose of the road"
    if isinstance(error, SpawnError):
        want = "want it where neither somebody else nor something of the town is, or another town"
        at = ("road",) if name == EGO else ("actors", name, "at")
        raise CastError(f"{concrete.town}: {where} ({tried} tried), {error}{near}; {want}", at) from error
    raise CastError(f"{concrete.town}: {where}, {error}") from error


def _nearest(name: str, cast: Mapping[str, Spot]) -> str:
    """Who else is to be close by somebody at time zero, in words that end a sentence; empty if nobody is."""
    if name == EGO:
        return ""
    away_m = {other: float(np.hypot(*(spot.point_m - cast[name].point_m)[:2])) for other, spot in cast.items()}
    del away_m[name]
    other = min(away_m, key=lambda each: away_m[each], default="")
    return f", {away_m[other]:.1f} m from {other!r}" if other and away_m[other] < _NEAR_M else ""


def _ego(setting: Setting, place: Place) -> Member:
    concrete, casting = setting.concrete, setting.casting
    role = casting.role(concrete.ego.body, concrete.picks[EGO])
    size, speed = casting.size(role.type_id), concrete.ego.speed_kmh / 3.6
    pose = _run_up_pose(setting, place.path, speed, 0.0, place.turn_rad, size)
    ego = spawn_lifted(setting.stage, role, pose, EGO, parked=False)
    member = Member(EGO, None, ego, size, place.path, 0.0, place.turn_rad, speed)
    _set_off(setting, member)
    return member


def _member(setting: Setting, place: Place, name: str, spot: Spot) -> Member:
    concrete, stage, casting, role = setting.concrete, setting.stage, setting.casting, setting.roles[name]
    actor, size = concrete.actors[name], casting.size(role.type_id)
    speed = actor.speed_kmh / 3.6
    path, offset, turn = own_way(stage.map, actor, spot, place, setting.run_up_s, concrete.duration_s)
    if actor.stands or is_person(actor.body):
        speed, pose = 0.0, box_pose(spot.path, spot.station_m, spot.offset_m, spot.turn_rad, size)
    else:
        pose = _run_up_pose(setting, path, speed, offset, turn, size)
    if actor.at.pose is None:
        spawned, refused = spawn_named(stage, casting, role, name, actor, pose), ""
    else:
        spawned, refused = spawn_at(stage, casting, role, name, actor, pose)
    member = Member(name, actor, spawned, size, path, offset, turn, speed, refused=refused)
    if not (actor.stands or is_person(actor.body)):
        _set_off(setting, member)
    elif isinstance(spawned, carla.Vehicle):
        switch_on(concrete, member)
    return member


def _run_up_pose(setting: Setting, path: Path, speed: float, offset: float, turn: float, size: Size) -> Array:
    """`world_from_actor` of a vehicle so long before its spot, straight back from it where it is turned to its path."""
    back_m = speed * setting.run_up_s
    return box_pose(path, -back_m * math.cos(turn), offset - back_m * math.sin(turn), turn, size)


def own_way(
    town: carla.Map,
    actor: Actor,
    spot: Spot,
    place: Place,
    run_up_s: float,
    duration_s: float,
    *,
    speed_mps: float | None = None,
) -> tuple[Path, float, float]:
    """The path that a vehicle drives along, 0 at its spot, its offset from it, and how far it is turned left of it.

    Its lane's centre line, on through junctions by its route; the ego's own path in the ego's lane, unless a route is
    given; the other way round for somebody who faces against the traffic of the lane. Things and people have the path
    that their spot is told along.

    Args:
        town: the map.
        actor: who.
        spot: where they are at time zero.
        place: where the scenario happens.
        run_up_s: how long before they begin.
        duration_s: how long it lasts.
        speed_mps: instead of the actor's own.

    Raises:
        CastError: if its route takes a turn that its lane has not.
    """
    if actor.stands or is_person(actor.body):
        return spot.path.counted_from(spot.station_m), spot.offset_m, spot.turn_rad
    speed = actor.speed_kmh / 3.6 if speed_mps is None else speed_mps
    reach_m = max(speed * run_up_s, speed * duration_s) + _ROOM_M
    follows_ego = spot.path is place.path and actor.at.lane == "same" and not (actor.route or actor.through)
    if spot.waypoint is None or follows_ego:
        path = spot.path
    elif actor.through:
        path = new_lines.through(town, spot.waypoint, actor.through, reach_m, reach_m)
    else:
        route = Route(actor.route)
        path = path_along(spot.waypoint, reach_m, reach_m, route)
        if actor.at.arm is not None and actor.at.lane == "same" and not _leads_to(path, spot.path.point(0.0)):
            path = spot.path  # a junction before the ego's would have led it elsewhere
        else:
            route.refuse_missed(actor.body)
    if math.cos(path.heading_rad(path.project(spot.point_m)[0]) - spot.yaw_rad) < 0.0:
        path = path.reversed()
    station, offset = path.project(spot.point_m)
    turn = math.remainder(spot.yaw_rad - path.heading_rad(station), math.tau)
    return path.counted_from(station), offset, turn


def _leads_to(path: Path, point_m: Array) -> bool:
    return float(np.hypot(*(path.points_m - point_m)[:, :2].T).min()) < lanes.NARROWEST_M


def _set_off(setting: Setting, member: Member) -> None:
    """Give a vehicle that was spawned before its spot its speed and its lights."""
    back_m = member.speed_mps * setting.run_up_s
    heading = member.path.heading_rad(-back_m) + member.turn_rad
    velocity = vector_to_carla(member.speed_mps * np.array([math.cos(heading), math.sin(heading), 0.0]))
    if setting.concrete.road.pose is not None and member.speed_mps > 0.0:
        _hold(setting, member, velocity)
    member.actor.set_target_velocity(velocity)
    switch_on(setting.concrete, member)


def _hold(setting: Setting, member: Member, velocity: carla.Vector3D) -> None:
    """Let a vehicle stand where it is, and go from there a tick before time zero.

    Its pose is the road's: nothing settles it while it stands.
    """
    path, size, actor_id = member.path, member.size, member.actor.id
    pose = _run_up_pose(setting, path, member.speed_mps, member.offset_m, member.turn_rad, size)
    command = carla.command
    setting.stage.send([command.SetSimulatePhysics(actor_id, False)], "physics of")
    settle(setting.stage, member.actor, sloped(path, -member.speed_mps * setting.run_up_s, member.turn_rad, pose))
    go = [command.SetSimulatePhysics(actor_id, True), command.ApplyTargetVelocity(actor_id, velocity)]
    setting.stage.before_time_zero(1, go)


def need_lights(weather: Weather) -> bool:
    """Whether drivers have their lights on: in the dark, in rain, in snow, in fog."""
    falls = weather.precipitation > 0 or weather.snow_mm_h > 0
    return weather.sun_altitude_angle < _DARK_SUN_DEG or falls or weather.fog_density > 20


def lamps_of(concrete: ConcreteScenario, spec: Actor | None) -> int:
    """CARLA's flags of a vehicle's lamps as it begins: those that the scenario says, else a driver's by the weather.

    Args:
        concrete: the draw.
        spec: what it says of the vehicle; None for the ego.
    """
    if spec is not None and spec.lights is not None:
        return flags_of(spec.lights)
    return DRIVING_LIGHTS if need_lights(concrete.weather) and not (spec is not None and spec.stands) else 0


def switch_on(concrete: ConcreteScenario, member: Member) -> None:
    """Light a vehicle's lamps, be it driven or parked."""
    lamps = lamps_of(concrete, member.spec)
    if lamps:
        member.actor.set_light_state(carla.VehicleLightState(lamps))


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
            reach_m = member.speed_mps * time_s + _ROOM_M
            own = np.arange(max(member.path.begin_m, -reach_m), min(member.path.end_m, reach_m), 2.0).tolist()
            points += [member.path.point(s, member.offset_m) for s in own]
    return points


def _somewhere(town: carla.Map) -> Array:
    """`world_from_actor` of the town's first spawn point."""
    return rigid(np.eye(3), vector_from_carla(town.get_spawn_points()[0].location))
