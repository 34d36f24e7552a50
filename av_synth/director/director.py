"""The director: puts a concrete scenario on stage, steers those who move by it, and watches what comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import carla
import numpy as np

from av_synth.director.casting import Casting, Size
from av_synth.director.control import Steering
from av_synth.director.driver import Driver
from av_synth.director.expectations import Pair, results
from av_synth.director.model import Event, Measurement, Outcome, Stage
from av_synth.director.placement import Spot, box_pose, obstructed, park_row, spawn_named, spots, taken_by
from av_synth.director.players import Player, VehiclePlayer, WalkerPlayer
from av_synth.director.roads import Place, find_places
from av_synth.director.town_parked import replace_parked
from av_synth.director.traffic import start_traffic
from av_synth.director.triggers import along, fires
from av_synth.errors import CastError, SimulatorError
from av_synth.geometry.carla import vector_from_carla, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.log.state import WorldState
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.model import EGO, EventSpec, is_person, is_thing

WARM_UP_S = 2.0  # vehicles settle on their wheels and traffic gets going before time zero
SPARE_M = 10.0
DARK_SUN_DEG = 10.0
DRIVING_LIGHTS = int(carla.VehicleLightState.Position | carla.VehicleLightState.LowBeam)


class Director:
    """Plays one concrete scenario on one stage.

    Call `setup`, tick once, then before every further tick `before_tick`, and once for each recorded frame `observe`;
    at the end `outcome`. Whatever it does depends on the scenario and the states alone.

    Attributes:
        warm_up_ticks: ticks from the first one to recorded time zero; the ego arrives at its start just then.
        measurements: metrics of every recorded frame so far.
    """

    def __init__(self, concrete: ConcreteScenario, stage: Stage) -> None:
        self._concrete = concrete
        self._stage = stage
        self._dt_s = stage.tick_us * 1e-6
        self.warm_up_ticks = math.ceil(WARM_UP_S / self._dt_s)
        self.measurements: list[Measurement] = []
        self._ego: carla.Vehicle | None = None
        self._place: Place | None = None
        self._players: dict[str, Player] = {}
        self._driver: Driver | None = None
        self._pairs: dict[str, Pair] = {}
        self._waiting: list[EventSpec] = list(concrete.events)
        self._unreported: list[Event] = []

    @property
    def ego(self) -> carla.Vehicle:
        """The vehicle that carries the rig.

        Raises:
            SimulatorError: before `setup`.
        """
        if self._ego is None:
            raise SimulatorError("Director.ego before Director.setup: nobody is on stage yet")
        return self._ego

    @property
    def place(self) -> Place:
        """Where the scenario happens: the ego's path on the map.

        Raises:
            SimulatorError: before `setup`.
        """
        if self._place is None:
            raise SimulatorError("Director.place before Director.setup: no road has been chosen yet")
        return self._place

    def setup(self) -> None:
        """Choose the road, set the weather, and place everybody.

        Raises:
            CastError: if the map has no such road, or the blueprint library no such body.
            SpawnError: if the simulator refuses a place to the ego or a named actor.
        """
        concrete, stage = self._concrete, self._stage
        stage.world.set_weather(carla.WeatherParameters(**concrete.weather.to_json()))
        if concrete.traffic.bodies:
            stage.traffic_manager()  # it wants to be there first
        ego_mps = concrete.ego.speed_kmh / 3.6
        # spawned so far back that, the first tick included, the ego is at station 0 at time zero
        run_up_s = (self.warm_up_ticks + 1) * self._dt_s
        behind_m = [
            actor.speed_kmh / 3.6 * run_up_s - actor.at.ahead_m
            for actor in concrete.actors.values()
            if actor.at.ahead_m is not None
        ]
        before_m = max(ego_mps * run_up_s, *behind_m, 0.0) + SPARE_M
        casting = Casting(stage.client, stage.world, _somewhere(stage.map))
        roles = {
            name: casting.role(actor.body, concrete.picks[name], parked=actor.stands)
            for name, actor in concrete.actors.items()
        }
        sizes = {name: casting.size(role.type_id) for name, role in roles.items()}
        self._unreported += replace_parked(stage, casting)
        place, cast = self._choose_place(before_m, sizes)
        self._ego = self._place_ego(casting, place, ego_mps, run_up_s)
        for name, actor in concrete.actors.items():
            spot, speed = cast[name], actor.speed_kmh / 3.6
            spawned = spawn_named(stage, place, casting, roles[name], name, actor, spot, speed * run_up_s)
            self._pairs[name] = Pair(name, self.ego.id, spawned.id)
            if is_person(actor.body):
                self._players[name] = WalkerPlayer(spawned)
            elif not actor.stands:
                along_path = math.cos(spot.turn_rad)
                begins_m = spot.station_m - along_path * speed * run_up_s
                self._players[name] = self._moving(spawned, place, begins_m, spot.offset_m, speed, along_path > 0.0)
        self._hire_driver(place, ego_mps)
        for number, row in enumerate(concrete.rows):
            self._unreported += park_row(stage, place, casting, number, row, taken_by(concrete, cast, place, row))
        placed = [
            place.path.point(-ego_mps * run_up_s),
            *(place.path.point(s.station_m, s.offset_m) for s in cast.values()),
        ]
        zone = self._zone(place, cast)
        time_s = run_up_s + concrete.duration_s
        self._unreported += start_traffic(stage, casting, concrete.traffic, zone, placed, time_s)

    def before_tick(self, state: WorldState) -> None:
        """Send everybody's controls for the next tick, in one call."""
        if self._driver is not None and state.time_us < 0:  # at recorded frames `observe` has it look
            self._unreported += self._driver.look(state)
        commands = [player.control(state, self._dt_s) for player in self._players.values()]
        for response in self._stage.client.apply_batch_sync(commands, False):
            if response.has_error():
                raise SimulatorError(f"control of actor {response.actor_id} was refused: {response.error}")

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        """Measure a recorded frame and start what is due; call it once a frame, before `before_tick`.

        Returns:
            What happened at this frame; at the first one also what happened before it.
        """
        events, self._unreported = self._unreported, []
        for pair in self._pairs.values():
            measurements, contacts = pair.measure(state)
            self.measurements += measurements
            events += contacts
        events += self._start_what_is_due(state)
        if self._driver is not None:
            events += self._driver.look(state)
        return tuple(events)

    def outcome(self) -> Outcome:
        """What became of the expectations, over the frames observed so far."""
        watched = {expectation.of for expectation in self._concrete.expectations}
        figures: dict[str, float] = {}
        for name in sorted(watched):
            pair = self._pairs[name]
            figures |= {
                f"{name}.least_ttc_s": pair.ttc_s,
                f"{name}.least_distance_m": pair.distance_m,
                f"{name}.post_encroachment_s": pair.post_encroachment_s,
            }
        return Outcome(tuple(results(self._concrete.expectations, self._pairs)), figures)

    def _start_what_is_due(self, state: WorldState) -> list[Event]:
        path, still, begun = self.place.path, [], []
        ego = along(state, self.ego.id, path)
        for event in self._waiting:
            player = self._players[event.actor]
            if not fires(event, state, ego, along(state, player.actor.id, path)):
                still.append(event)
                continue
            player.begin(event.do, state)
            detail: Mapping[str, object] = {"role": event.actor, "do": next(iter(event.do.model_fields_set))}
            begun.append(Event(state.time_us, "trigger", player.actor.id, self.ego.id, detail))
        self._waiting = still
        return begun

    def _choose_place(self, before_m: float, sizes: Mapping[str, Size]) -> tuple[Place, dict[str, Spot]]:
        """The first stretch of road, from the drawn one on, where nothing fixed is in a pedestrian's way."""
        concrete, blocked = self._concrete, None
        for place in find_places(self._stage.map, concrete.road, before_m, concrete.picks["road"]):
            cast = spots(concrete, place, sizes)
            blocked = obstructed(self._stage, concrete, place, cast)
            if blocked is None:
                self._place = place
                return place, cast
        raise CastError(f"{concrete.town}: wherever the road fits, something fixed is in the way of {blocked!r}")

    def _place_ego(self, casting: Casting, place: Place, speed_mps: float, run_up_s: float) -> carla.Vehicle:
        role = casting.role(self._concrete.ego.body, self._concrete.picks[EGO])
        pose = box_pose(place, -speed_mps * run_up_s, 0.0, 0.0, casting.size(role.type_id))
        pose[2, 3] += 0.1
        ego = self._stage.spawn(role.type_id, pose, role=EGO, attributes=role.attributes)
        self._players[EGO] = self._moving(ego, place, -speed_mps * run_up_s, 0.0, speed_mps, along=True)
        return ego

    def _moving(
        self, vehicle: carla.Vehicle, place: Place, station_m: float, offset_m: float, speed_mps: float, along: bool
    ) -> VehiclePlayer:
        """Give a vehicle that stands at a station its speed, its lights, and a player."""
        length_m = 2.0 * vehicle.bounding_box.extent.x
        player = VehiclePlayer(vehicle, place.path, offset_m, speed_mps, Steering.of(vehicle, length_m), along)
        heading = place.path.heading_rad(station_m) + (0.0 if along else math.pi)
        velocity = np.array([speed_mps * math.cos(heading), speed_mps * math.sin(heading), 0.0])
        vehicle.set_target_velocity(vector_to_carla(velocity))
        weather = self._concrete.weather
        if weather.sun_altitude_angle < DARK_SUN_DEG or weather.precipitation > 0 or weather.fog_density > 20:
            vehicle.set_light_state(carla.VehicleLightState(DRIVING_LIGHTS))
        return player

    def _hire_driver(self, place: Place, speed_mps: float) -> None:
        reaction = self._concrete.ego.reaction
        player = self._players[EGO]
        if reaction is not None and isinstance(player, VehiclePlayer):
            hazard_id = self._pairs[reaction.to].actor_id
            self._driver = Driver(player, place.path, reaction, hazard_id, speed_mps)

    def _zone(self, place: Place, cast: Mapping[str, Spot]) -> list[Array]:
        """Points that background traffic must not come to: the lanes that are driven, the lines that are walked."""
        path = place.path
        offsets = {0.0}
        lines = []
        for name, spot in cast.items():
            actor = self._concrete.actors[name]
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
