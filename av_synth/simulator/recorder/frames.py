"""World -> what CARLA's recorder writes of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from av_synth.geometry.carla import CM_PER_M, angular_to_carla, flip_y, recorded_from_matrix
from av_synth.recording import format as layout
from av_synth.recording.model import Added, Attribute, Frame
from av_synth.recording.physics import Physics
from av_synth.recording.write import signed_gear, table
from av_synth.simulator.protocol import structs
from av_synth.simulator.world import Actor, Definition, World

_KINDS = {
    "vehicle": layout.VEHICLE,
    "walker": layout.WALKER,
    "traffic_light": layout.TRAFFIC_LIGHT,
    "sensor": layout.SENSOR,
}
_MOVING = ("vehicle", "walker")
_STANDING = ("traffic_light", "sensor")  # CARLA writes down where they begin, and no more
_RANKS = {"vehicle": 1, "walker": 2}

Definitions = Callable[[], Mapping[str, Definition]]


class FrameMaker:
    """Remembers what it has told: actors are told of when they come and go, doors when they move."""

    def __init__(self, definitions: Definitions, *, additional_data: bool) -> None:
        """`definitions` is the blueprint library; additional data are velocities, boxes, physics, times of lights."""
        self._definitions = definitions
        self._additional_data = additional_data
        self._known: set[int] = set()
        self._open: set[tuple[int, int]] = set()
        self._collisions = 0

    def frame(self, world: World, number: int, elapsed_s: float) -> Frame:
        """What there is to tell of the world as it is now.

        Raises:
            LogError: if a number does not fit the format.
        """
        actors = list(world.actors.values())
        new = [actor for actor in actors if actor.id not in self._known]
        gone = sorted(self._known - world.actors.keys())
        self._known = set(world.actors)
        rows: dict[int, list[tuple[Any, ...]]] = {
            layout.EVENT_DEL: [(actor_id,) for actor_id in gone],
            layout.EVENT_PARENT: [(actor.id, actor.parent_id) for actor in new if actor.parent_id],
            layout.COLLISION: list(self._hits(world)),
            layout.VEHICLE_DOOR: list(self._doors(actors)),
            layout.POSITION: [(a.id, *_pose(world, a)) for a in actors if a.kind not in _STANDING],
            layout.STATE: list(_lights(actors)),
            layout.ANIM_VEHICLE: list(_controls(actors)),
            layout.ANIM_WALKER: [(a.id, a.walker.control.speed_mps * CM_PER_M) for a in actors if a.walker is not None],
            layout.VEHICLE_LIGHT: [(actor.id, actor.lights) for actor in actors if actor.vehicle is not None],
        }
        if self._additional_data:
            rows[layout.KINEMATICS] = [_motion(world, actor) for actor in actors if actor.kind in _MOVING]
            rows[layout.BOUNDING_BOX] = list(_boxes(new))
            rows[layout.LIGHT_TIMES] = list(_light_times(new))
        added = tuple(self._added(world, actor) for actor in new)
        tables = {packet: table(packet, found) for packet, found in rows.items() if found}
        physics = tuple(_physics(world, new)) if self._additional_data else ()
        return Frame(number, elapsed_s, -1.0, added, tables, physics)

    def _added(self, world: World, actor: Actor) -> Added:
        blueprint = self._definitions().get(actor.blueprint_id)
        types = {a.id: int(a.type) - 1 for a in blueprint.attributes} if blueprint else {}
        location, euler = _pose(world, actor)
        attributes = tuple(Attribute(types.get(n, layout.STRING), n, value) for n, value in actor.attributes.items())
        uid = blueprint.uid if blueprint else 0
        kind = _KINDS.get(actor.kind, layout.OTHER)
        return Added(actor.id, kind, location, euler, uid, actor.blueprint_id, attributes)

    def _hits(self, world: World) -> Iterator[tuple[Any, ...]]:
        """Each pair that touches, once: the hero first, then vehicles, walkers and all else."""
        told: set[tuple[int, int]] = set()
        for hit in world.collisions_this_frame:
            sides = [world.actors.get(actor_id) for actor_id in (hit.actor_id, hit.other_id)]
            sides.sort(key=lambda a: (9, 0) if a is None else (0 if _hero(a) else _RANKS.get(a.kind, 3), a.id))
            first, second = (layout.NOT_AN_ACTOR if a is None else a.id for a in sides)
            if (first, second) not in told:
                told.add((first, second))
                heroes = [a is not None and _hero(a) for a in sides]
                yield self._collisions, first, second, *heroes
                self._collisions += 1

    def _doors(self, actors: list[Actor]) -> Iterator[tuple[int, int, bool]]:
        now = {
            (actor.id, door)
            for actor in actors
            if actor.vehicle is not None
            for door, state in enumerate(actor.vehicle.doors)
            if state.opening
        }
        for actor_id, door in sorted(now ^ self._open):
            if actor_id in self._known:
                yield actor_id, door, (actor_id, door) in now
        self._open = now


def _hero(actor: Actor) -> bool:
    return actor.attributes.get("role_name") == layout.HERO


def _pose(world: World, actor: Actor) -> tuple[Any, Any]:
    return recorded_from_matrix(world.told(actor)[0])


def _motion(world: World, actor: Actor) -> tuple[Any, ...]:
    _, velocity, spin = world.told(actor)
    return actor.id, tuple(flip_y(velocity)), tuple(angular_to_carla(spin))


def _lights(actors: list[Actor]) -> Iterator[tuple[Any, ...]]:
    for actor in actors:
        light = actor.traffic_light
        if light is not None:
            yield actor.id, light.frozen, light.elapsed_s, int(light.state)


def _light_times(actors: list[Actor]) -> Iterator[tuple[Any, ...]]:
    for actor in actors:
        light = actor.traffic_light
        if light is not None:
            yield actor.id, light.green_s, light.yellow_s, light.red_s


def _controls(actors: list[Actor]) -> Iterator[tuple[Any, ...]]:
    for actor in actors:
        vehicle = actor.vehicle
        if vehicle is not None:
            control, gear = vehicle.control, signed_gear(vehicle.gear, reverse=vehicle.control.reverse)
            yield actor.id, control.steer, control.throttle, control.brake, control.hand_brake, gear


def _boxes(actors: list[Actor]) -> Iterator[tuple[Any, ...]]:
    for actor in actors:
        if actor.box is not None:
            centre, half = actor.box
            yield actor.id, tuple(flip_y(centre) * CM_PER_M), tuple(half * CM_PER_M)


def _physics(world: World, actors: list[Actor]) -> Iterator[Physics]:
    for actor in actors:
        if actor.vehicle is not None:
            wire = structs.physics_control(world.told(actor)[0], actor.vehicle.physics)
            (
                torque,
                rpm,
                moi,
                full,
                engaged,
                free,
                autobox,
                _,
                clutch,
                ratio,
                gears,
                mass,
                drag,
                centre,
                steer,
                wheels,
            ) = wire[:16]
            numbers = (rpm, moi, full, engaged, free, autobox, clutch, ratio, mass, drag, *centre)
            rows = tuple((*wheel[:9], *wheel[9]) for wheel in wheels)
            yield Physics(actor.id, numbers, _rows(torque), _rows(gears), _rows(steer), rows)


def _rows(points: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, points))
