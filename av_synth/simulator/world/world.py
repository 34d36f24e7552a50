"""The world: one episode in a town, its actors, and its clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array, rigid
from av_synth.simulator.bodies.model import Body, Catalogue
from av_synth.simulator.profile import LADEN_MASS, NATIVE, SPAWN_LIFT_M, WEATHER_FRAMES, Profile
from av_synth.simulator.scene import Scene, Weather
from av_synth.simulator.town.model import Town
from av_synth.simulator.world import picture
from av_synth.simulator.world.arrays import BodyArrays, span
from av_synth.simulator.world.blueprints import (
    SPECTATOR_ID,
    TRAFFIC_LIGHT_ID,
    blueprint_library,
    complete_attributes,
    kind_of,
    parse_colour,
)
from av_synth.simulator.world.collide import resolve_contacts
from av_synth.simulator.world.contacts import Boxes, StaticGrid, rows_overlapping, static_overlaps
from av_synth.simulator.world.doors import swing_doors
from av_synth.simulator.world.drivetrain import shift
from av_synth.simulator.world.dynamics import step_vehicles
from av_synth.simulator.world.errors import SpawnRefused
from av_synth.simulator.world.ids import LAST_BODY_ID, Ids
from av_synth.simulator.world.instruments import Instruments
from av_synth.simulator.world.level_cars import level_cars
from av_synth.simulator.world.model import (
    Actor,
    ActorKind,
    Collision,
    Definition,
    DoorState,
    TrafficLightState,
    VehicleControl,
    VehicleState,
    WalkerState,
)
from av_synth.simulator.world.physics import default_physics, load_row
from av_synth.simulator.world.scenery import Scenery
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS
from av_synth.simulator.world.snow import with_snow
from av_synth.simulator.world.speed_limits import SpeedLimits
from av_synth.simulator.world.towing import Hitch, tow
from av_synth.simulator.world.traffic_lights import LightGroup, StopAreas
from av_synth.simulator.world.triggers import Slipping, apply_friction
from av_synth.simulator.world.turned_wheels import turn_wheels
from av_synth.simulator.world.walkers import step_props, step_walkers

_MAX_STEP_S = 0.05  # longer steps are cut into equal parts
_COLLISION_MESSAGE = "Spawn failed because of collision at spawn position"

_CLEARANCE_M = 0.02  # bodies may touch this much at spawn


class World(Instruments):
    """One town, one episode at a time. `Commands` and `GivenForces` have what changes actors, `Instruments` reads.

    Attributes:
        town, catalogue: what the world is made of; `reset` changes the town.
        frame: number of steps made, over all episodes.  elapsed_s: simulated time.
        episode_id: counts from 1.
        weather: set it freely; wetness takes grip from the tyres from the next step on.
        actors: by id, in the order of spawning. Bodies count from 1, traffic lights first; sensors, controllers,
            triggers and the spectator count from 1,000,000, so that they never shift the ids or the dynamics of bodies.
        spectator_id: the spectator's id.
        collisions_this_frame: contacts of the last step, each seen from both sides.
        scenery: what of the town is there; call `stand_scenery` after it has changed.
        facts: more fixed attributes of the blueprint `avsynth.simulator.facts`, such as profile, quality, gl_renderer.
    """

    def __init__(
        self, town: Town, catalogue: Catalogue, sensors: Collection[str] = SENSOR_IDS, profile: Profile = NATIVE
    ) -> None:
        """Begin the first episode in `town`; `sensors` are the sensor blueprints to offer."""
        self.catalogue = catalogue
        self.profile = profile
        self.frame = 0
        self.elapsed_s = 0.0
        self.episode_id = 0
        self.facts: dict[str, str] = {"profile": "", "quality": "", "gl_renderer": ""}
        self._sensors = frozenset(sensors)
        self._measured: Town | None = None  # the town that the next two are of
        self._bare: StaticGrid | None = None  # without parked cars of the town
        self._definitions = {d.id: d for d in blueprint_library(catalogue, {}, self._sensors, profile)}
        self.reset(town)

    def reset(self, town: Town | None = None) -> None:
        """Begin a new episode, in another town if given: no actors but the town's own, ids from 1, fair weather."""
        if town is not None and town is not self._measured:
            self._measured = town
            self.town = town
            self._limits = SpeedLimits(town)
            self._bare = None
        self.scenery = Scenery(self.town, level_cars(self.town, self.catalogue) if self.profile.level_cars else ())
        self.stand_scenery()
        self.episode_id += 1
        self.weather = Weather()
        self._weathers: deque[Weather] = deque(maxlen=WEATHER_FRAMES)
        self.actors = {}
        self.collisions_this_frame: tuple[Collision, ...] = ()
        self._arrays = BodyArrays()
        self._controllers = {}
        self._children = {}
        self._asked, self._due = {}, {}
        self._towed: dict[int, Hitch] = {}
        self._slipping: Slipping = {}
        self._ids = Ids()
        self._at_light: dict[int, int] = {}
        self._place_traffic_lights()
        spectator = self._create("spectator", self._definitions[SPECTATOR_ID], {}, None, np.eye(4))
        self.spectator_id = spectator.id

    def stand_scenery(self) -> None:
        """Let what the scenery has now be in the way, and nothing else."""
        standing = tuple(car.footprint for car in self.scenery.parked)
        bare = self.scenery.is_whole and not standing
        if self._bare is None or not bare:
            bodies = (abs(b.box_centre_m) + b.box_half_m for b in self.catalogue.values() if b.kind != "traffic_light")
            reach = max((float(np.hypot(*most[:2])) for most in bodies), default=1.0)
            self._static = StaticGrid((*self.scenery.footprints, *standing), reach)
        else:  # most episodes are in the town of the last
            self._static = self._bare
        if bare:
            self._bare = self._static

    def _place_traffic_lights(self) -> None:
        definition = Definition(0, TRAFFIC_LIGHT_ID, "traffic,traffic_light", ())
        placed, lights = [], []
        for index, light in enumerate(self.town.traffic_lights):
            body = self.catalogue[TRAFFIC_LIGHT_ID]
            actor = self._create("traffic_light", definition, {}, body, light.world_from_actor)
            actor.traffic_light = TrafficLightState(light.signal_id, light.group, light.phase, pole_index=index)
            placed.append((actor.id, light))
            lights.append(actor.traffic_light)
        groups = sorted({light.group for light in lights})
        self._groups = {g: LightGroup([light for light in lights if light.group == g]) for g in groups}
        self._stop_areas = StopAreas(placed)

    @property
    def had_bodies(self) -> bool:
        """Whether anybody was spawned in this episode."""
        return self._ids.next_body > 1 + len(self.town.traffic_lights)

    # -- what there is ------------------------------------------------------------------------------------------

    def definitions(self) -> tuple[Definition, ...]:
        """The blueprint library, sorted by id."""
        digests = {"bodies_digest": self.catalogue.digest, "town_digest": self.town.digest}
        return blueprint_library(self.catalogue, {**self.facts, **digests}, self._sensors, self.profile)

    def traffic_light_of(self, vehicle: Actor) -> Actor | None:
        """The traffic light in whose stop area a vehicle was at the end of the last step."""
        light = self._at_light.get(vehicle.id, 0)
        return self.actors[light] if light else None

    def scene(self) -> Scene:
        """A frozen picture of the frame for the sensors."""
        shown = [*picture.instances(self._arrays), *(car.instance for car in self.scenery.parked)]
        late = self.profile.late_weather and self._weathers
        return Scene(self.frame, self.elapsed_s, tuple(shown), self._weathers[0] if late else self._weather_now())

    def _weather_now(self) -> Weather:
        return with_snow(self.weather, self.actors.values())

    def told(self, actor: Actor) -> tuple[Array, Array, Array]:
        """Pose (4, 4), and the velocity and angular velocity (3,) of the last step, that clients are told."""
        return self._arrays.told(actor)

    def last_pose(self, actor: Actor) -> Array:
        """(4, 4), where an actor was on the frame before this one (`picture.last_pose`)."""
        return picture.last_pose(actor, self.actors, self._arrays)

    # -- coming and going ---------------------------------------------------------------------------------------

    def spawn(
        self, blueprint_id: str, attributes: Mapping[str, str], transform: Array, parent_id: int = 0, wanted_id: int = 0
    ) -> Actor:
        """Create an actor.

        Args:
            blueprint_id: one of `definitions()`.
            attributes: values for some or all of its attributes.
            transform: (4, 4) `world_from_actor`, or `parent_from_actor` where there is a parent.
            parent_id: the actor it is attached to, 0 for none.
            wanted_id: the id it gets if it may have it (`Ids.take`); 0 for the next.

        Raises:
            SpawnRefused: unknown blueprint, bad attributes, no room, or too many actors.
            ActorNotFound: there is no such parent.
        """
        definition = self._definitions.get(blueprint_id)
        kind = None if definition is None else kind_of(definition, self.catalogue)
        if definition is None or kind is None or kind == "spectator":
            raise SpawnRefused(f"Spawn failed because of invalid actor description: '{blueprint_id}' cannot be spawned")
        values = complete_attributes(definition, attributes)
        transform = rigid(transform[:3, :3], transform[:3, 3])
        parent = self.get("spawn_actor_with_parent", parent_id) if parent_id else None
        pose = transform if parent is None else parent.world_from_actor @ transform
        body = self.catalogue.get(blueprint_id)
        if body is not None:
            if self._ids.next_body > LAST_BODY_ID:
                raise SpawnRefused(f"Spawn failed: {LAST_BODY_ID} bodies were spawned; reload the world")
            if parent is None and (self._occupied(kind, body, pose) or self._too_low(kind, body, pose)):
                raise SpawnRefused(_COLLISION_MESSAGE)
        return self._create(kind, definition, values, body, pose, parent, transform, wanted_id)

    def _create(
        self,
        kind: ActorKind,
        definition: Definition,
        attributes: dict[str, str],
        body: Body | None,
        pose: Array,
        parent: Actor | None = None,
        parent_from_actor: Array | None = None,
        wanted_id: int = 0,
    ) -> Actor:
        actor_id = self._ids.take(body is not None, wanted_id, self.actors)
        actor = Actor(actor_id, kind, definition.id, attributes, body, np.array(pose, dtype=np.float64))
        if parent is not None:
            hitch = Hitch.between(parent.body, body)
            if hitch is not None:
                self._towed[actor_id] = hitch
            # what is towed keeps no fixed place behind its vehicle
            actor.parent_id, actor.parent_from_actor = parent.id, parent_from_actor if hitch is None else None
            self._children.setdefault(parent.id, []).append(actor_id)
        self.actors[actor_id] = actor
        if body is not None:
            actor.box = self.profile.box(body)
            self._embody(actor, body)
        return actor

    def _embody(self, actor: Actor, body: Body) -> None:
        actor.simulate_physics = actor.kind in ("vehicle", "walker") and actor.parent_id == 0
        actor.collisions = actor.kind != "traffic_light"
        if "color" in actor.attributes:
            actor.colour = parse_colour(actor.attributes["color"])
        elif actor.id in self._towed:
            actor.colour = self.actors[actor.parent_id].colour
        elif body.colours:
            actor.colour = body.colours[0]
        k = self._arrays.add(actor)
        if actor.kind == "vehicle":
            physics = default_physics(body)
            if self.profile.laden:
                physics = replace(physics, mass_kg=LADEN_MASS * physics.mass_kg)
            actor.vehicle = VehicleState(physics, doors=() if body.doors is None else (DoorState(), DoorState()))
            load_row(self._arrays, k, body, actor.vehicle.physics)
            self._arrays.drive_sign[k] = 1.0
            self._arrays.limit_kmh[k] = self._limits.at(self._arrays.pose[k : k + 1, :2, 3], np.array([30.0]))[0]
        elif actor.kind == "walker":
            actor.walker = WalkerState()

    def _occupied(self, kind: ActorKind, body: Body, pose: Array) -> bool:
        """Whether a new body would overlap a vehicle, a walker, a prop (unless it is one) or something static."""
        box = Boxes.of(pose[None], body.box_centre_m[None], body.box_half_m[None] - _CLEARANCE_M)
        arrays = self._arrays
        if len(arrays):
            wanted = arrays.collides & ~arrays.attached
            if kind == "prop":
                wanted &= arrays.is_vehicle | arrays.is_walker
            if len(rows_overlapping(box, Boxes.of_arrays(arrays), wanted)):
                return True
        if kind == "prop":
            return False
        rows, footprints = self._static.pairs(box, np.zeros(1, dtype=np.intp))
        return len(static_overlaps(box, self._static, rows, footprints, np.zeros((1, 3)), 0.0).first) > 0

    def _too_low(self, kind: ActorKind, body: Body, pose: Array) -> bool:
        if not self.profile.spawn_lift or kind not in ("vehicle", "walker"):
            return False
        lowest_m = float(pose[2, 3] + body.box_centre_m[2] - body.box_half_m[2])
        return lowest_m < self.town.ground_height_m(float(pose[0, 3]), float(pose[1, 3])) + SPAWN_LIFT_M

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor; False if there is none, or it is the town's own. What was attached to it stays behind."""
        actor = self.actors.get(actor_id)
        if actor is None or actor.kind in ("traffic_light", "spectator"):
            return False
        for child_id in self._children.pop(actor_id, []):
            child = self.actors[child_id]
            child.parent_id, child.parent_from_actor = 0, None
            self._towed.pop(child_id, None)
            if child_id in self._arrays:
                self._arrays.attached[self._arrays.row(child_id)] = False
        if actor.parent_id:
            self._children[actor.parent_id].remove(actor_id)
        if actor_id in self._arrays:
            self._arrays.remove(actor_id)
        self._controllers.pop(actor_id, None)
        self._towed.pop(actor_id, None)
        self._at_light.pop(actor_id, None)
        del self.actors[actor_id]
        return True

    # -- time ---------------------------------------------------------------------------------------------------

    def step(self, delta_s: float) -> None:
        """Let `delta_s` seconds pass and number the new frame.

        Raises:
            DataError: if `delta_s` is not between 0 and 10 seconds.
        """
        if not (math.isfinite(delta_s) and 0.0 < delta_s <= 10.0):
            raise DataError(f"World.step: delta_s = {delta_s}; want seconds above 0, at most 10")
        arrays = self._arrays
        parts = max(1, math.ceil(delta_s / _MAX_STEP_S - 1e-9))
        dt = delta_s / parts
        friction = self._friction()
        collisions: list[Collision] = []
        for group in self._groups.values():
            group.step(delta_s)
        self._act_late()
        ajar = swing_doors(arrays.actors, delta_s)
        apply_friction(self.actors, arrays, self._slipping)
        for _ in range(parts):
            self._run_ackermann(dt)
            step_vehicles(arrays, dt, friction, self.town.ground_height_m, self.town.relief)
            step_walkers(arrays, dt, self.town.ground_height_m, self.town.relief)
            step_props(arrays, dt, self.town.ground_height_m, self.town.relief)
            collisions += resolve_contacts(arrays, self._static, dt, ajar)
            for actor_id, hitch in self._towed.items():
                vehicle, towed = arrays.row(self.actors[actor_id].parent_id), arrays.row(actor_id)
                if not arrays.placed[towed]:
                    tow(arrays, towed, vehicle, hitch, dt, self.town.ground_height_m)
        arrays.tell()
        arrays.acceleration[:] = (arrays.told_velocity - arrays.last_velocity) / delta_s
        arrays.last_velocity[:] = arrays.told_velocity
        arrays.force[:] = 0.0
        arrays.torque[:] = 0.0
        arrays.led[:] = arrays.placed[:] = False
        self.collisions_this_frame = tuple(collisions)
        self._weathers.append(self._weather_now())
        self.frame += 1
        self.elapsed_s += delta_s
        carried: set[int] = set()
        for parent_id in self._children:  # each before what it carries
            if parent_id in arrays and parent_id not in carried:
                carried.update(self._carry_children(parent_id))
        arrays.show(delta_s)
        turn_wheels(arrays, delta_s)
        self._read_out(delta_s)

    def _run_ackermann(self, dt: float) -> None:
        arrays = self._arrays
        for actor_id, controller in self._controllers.items():
            actor = self.actors[actor_id]
            vehicle = actor.vehicle
            if vehicle is None or vehicle.ackermann is None:
                continue
            k = arrays.row(actor_id)
            forward = arrays.pose[k, :3, 0]
            speed, acceleration = float(arrays.velocity[k] @ forward), float(arrays.acceleration[k] @ forward)
            limit = float(arrays.max_steer[k])
            settings = vehicle.ackermann_settings
            self._drive(k, vehicle, controller.control(vehicle.ackermann, settings, limit, speed, acceleration, dt))

    def _read_out(self, delta_s: float) -> None:
        """Gears, traffic lights and speed limits of all vehicles after a step."""
        arrays = self._arrays
        numbers = np.flatnonzero(arrays.is_vehicle)
        if len(numbers) == 0:
            self._at_light = {}
            return
        rows = span(numbers)
        positions, forward = arrays.pose[rows, :2, 3], arrays.pose[rows, :2, 0]
        vehicles = [arrays.actors[k] for k in numbers.tolist()]
        lights = self._stop_areas.at(positions, forward)
        self._at_light = {actor.id: light for actor, light in zip(vehicles, lights, strict=True) if light}
        arrays.limit_kmh[rows] = self._limits.at(positions, arrays.limit_kmh[rows])
        shift(arrays, rows, delta_s)
        for actor, gear in zip(vehicles, arrays.gear[rows].astype(int).tolist(), strict=True):
            vehicle = actor.vehicle
            if vehicle is not None:
                control = vehicle.control
                vehicle.gear = control.gear if control.manual_gear_shift else gear
                if actor.attributes.get("sticky_control") == "false" and vehicle.ackermann is None:
                    self._drive(arrays.row(actor.id), vehicle, VehicleControl())
