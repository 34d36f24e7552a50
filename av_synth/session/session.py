"""The session: a synchronous world at an address, and who was placed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import carla

from av_synth.errors import CastError, ConnectionLostError, DataError, SpawnError
from av_synth.geometry.carla import Numbers, motion_numbers, transform_from_matrix
from av_synth.geometry.transforms import Array
from av_synth.launch import Address, Caretaker
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.scenario.weather import Weather
from av_synth.session.blueprints import FACTS, facts_of, find
from av_synth.session.commands import Command, send
from av_synth.session.errors import client_errors
from av_synth.session.opendrive import TIMED_OUT
from av_synth.session.readings import info_of, state_of
from av_synth.session.sky import Sky
from av_synth.session.steps import OnStep, Step
from av_synth.session.teardown import tear_down
from av_synth.session.traffic_manager import start_traffic_manager

RPC_TIMEOUT_S = 60.0


class Session:
    """A loaded, synchronous world. Made by `open_session`; every actor it spawned is destroyed when that ends.

    Attributes:
        client, world, map: the carla client's own objects.
        tick_us: the length of a tick.
        seed: seeds whatever is random on the client's side (the Traffic Manager).
        library: the blueprint library, by which the simulator's abilities are found out.
        embedded: whether it is the embedded simulator, of which there are facts.
    """

    def __init__(
        self,
        address: Address,
        client: carla.Client,
        world: carla.World,
        settings_before: carla.WorldSettings,
        tick_us: int,
        seed: int,
        caretaker: Caretaker | None,
        on_step: OnStep,
    ) -> None:
        self._settings_before = settings_before
        self._caretaker = caretaker
        self._on_step = on_step
        self._steps: set[Step] = set()
        self.address = address
        self.client = client
        self.world = world
        self.map: carla.Map = world.get_map()
        self.tick_us = tick_us
        self.seed = seed
        self.library: carla.BlueprintLibrary = world.get_blueprint_library()
        self.embedded = find(self.library, FACTS) is not None
        self.sensors: list[carla.Sensor] = []
        self._sky = Sky(client, world, self.library)
        self._infos: dict[int, ActorInfo] = {}
        self._known: dict[int, tuple[Numbers, ActorState]] = {}  # what was read last
        self._actors: list[carla.Actor] = []
        self._lights: list[carla.TrafficLight] = []
        self._traffic_manager: carla.TrafficManager | None = None
        self._hidden: list[int] = []
        self._towed: dict[int, list[carla.Actor]] = {}
        self._doors: dict[tuple[int, int, int], bool] = {}  # asked since they were read last
        self._ajar: dict[int, frozenset[int]] = {}
        self._due: list[tuple[int, Sequence[Command]]] = []  # ticks before time zero, commands
        self._origin_frame: int | None = None
        self._last_frame: int | None = None

    def facts(self) -> Mapping[str, str]:
        """What the simulator says of itself now; see `blueprints.facts_of`."""
        with client_errors(self.address, "reading its facts"):
            return facts_of(self.world)

    @property
    def town(self) -> str:
        """The loaded map's name without its path, and without the hash or variant after it."""
        return str(self.map.name).rsplit("/", 1)[-1].split("_")[0]

    @property
    def frame(self) -> int:
        """The last frame that was ticked; 0 before the first."""
        return self._last_frame or 0

    def take_over(self) -> None:
        """Stop the world's own clock, and undo what it did since the town was loaded."""
        settings = self.world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = self.tick_us / 1e6
        settings.substepping = False
        self.world.apply_settings(settings)
        # between loading and now the world ran by itself, for as long as it took
        self.world.reset_all_traffic_lights()
        self.world.set_pedestrians_seed(self.seed % 2**31)
        self.reached(Step.SEEDED)

    def reached(self, step: Step) -> None:
        """Tell that a step of the protocol has been made; one that was made before is not told again.

        Raises:
            DataError: if a later one was made before it.
        """
        if step in self._steps:
            return
        if self._steps and step < max(self._steps):
            raise DataError(f"{step.name} came after {max(self._steps).name}; want the steps in their order")
        self._steps.add(step)
        self._on_step(step)

    def set_weather(self, weather: Weather) -> None:
        """Set the weather of the next frame. Cameras need to see that of the beginning while they warm up.

        Raises:
            CastError: it has snow, and this simulator none.
        """
        with client_errors(self.address, "setting the weather"):
            self._sky.show(weather)
        self.reached(Step.WEATHER)

    def spawn(
        self,
        type_id: str,
        world_from_actor: Array,
        *,
        role: str,
        attributes: Mapping[str, str] | None = None,
        parked: bool = False,
        towed_by: carla.Actor | None = None,
    ) -> carla.Actor:
        """Place an actor that the labels will know.

        Args:
            type_id: blueprint id.
            world_from_actor: (4, 4), right-handed, where its origin goes; relative to `towed_by` where that is given.
            role: its name in the scenario, written as role_name where the blueprint has that attribute.
            attributes: further blueprint attributes.
            parked: it stands there for good: physics is switched off.
            towed_by: the vehicle that it is attached to.

        Raises:
            CastError: if the blueprint library has no such blueprint or attribute value.
            SpawnError: if the simulator refuses the place.
        """
        blueprint = self._blueprint(type_id, {"role_name": role, **(attributes or {})}, optional=("role_name",))
        actor = self._spawn(blueprint, world_from_actor, towed_by, f"{role} ({type_id})", role)
        if parked:
            actor.set_simulate_physics(False)
        self._actors.append(actor)
        self._infos[actor.id] = info_of(actor, role, parked, 0 if towed_by is None else towed_by.id)
        self.reached(Step.SPAWNED)
        if towed_by is not None:
            self._towed.setdefault(towed_by.id, []).append(actor)
        return actor

    def spawn_unlabelled(self, type_id: str, world_from_actor: Array) -> carla.Actor:
        """Place an actor without physics that is in nobody's labels, whatever box it has; errors as of `spawn`."""
        actor = self._spawn(self._blueprint(type_id, {}), world_from_actor, None, type_id)
        actor.set_simulate_physics(False)
        self._actors.append(actor)
        return actor

    def has(self, actor: carla.Actor) -> bool:
        """Whether an actor was placed here and not taken away since."""
        return actor.id in self._infos

    def destroy(self, actor: carla.Actor) -> None:
        """Take an actor away, with what it tows; from the next tick on labels do not know it."""
        gone = [*self._towed.pop(actor.id, ()), actor]
        self.send([carla.command.DestroyActor(each) for each in gone], "taking away")
        if self._caretaker is not None:
            self._caretaker.gone([each.id for each in gone])
        for each in gone:
            self._infos.pop(each.id)
            self._known.pop(each.id, None)
            self._ajar.pop(each.id, None)
        gone_ids = {each.id for each in gone}
        self._actors = [each for each in self._actors if each.id not in gone_ids]

    def spawn_sensor(
        self, type_id: str, attributes: Mapping[str, str], parent: carla.Actor, parent_from_sensor: Array
    ) -> carla.Sensor:
        """Attach a sensor rigidly; `parent_from_sensor` (4, 4) is right-handed, the sensor looks along its x."""
        blueprint = self._blueprint(type_id, attributes)
        sensor = self._spawn(blueprint, parent_from_sensor, parent, type_id)
        self.sensors.append(sensor)
        return sensor

    def has_attribute(self, type_id: str, attribute: str) -> bool:
        """Whether the simulator has a blueprint with this attribute: how extensions are found out."""
        blueprint = find(self.library, type_id)
        return blueprint is not None and bool(blueprint.has_attribute(attribute))

    def hide_town_objects(self, ids: Sequence[int]) -> None:
        """Take parts of the town (ids of environment objects) away until the session ends."""
        if self._caretaker is not None:
            self._caretaker.hidden(ids)
        with client_errors(self.address, "hiding parts of the town"):
            self.world.enable_environment_objects(set(ids), False)
        self._hidden += ids

    def traffic_manager(self) -> carla.TrafficManager:
        """The session's Traffic Manager: seeded, synchronous, on a port of its own.

        Ask for it before the first vehicle is spawned: it costs a tick. The manager's thread makes one round by its own
        clock when it starts, sooner or later; vehicles that it finds then would be driven one step more or less. Once
        a tick has waited for it, it is in step for good (LibCarla, TrafficManagerLocal.cpp, Run).

        Raises:
            DataError: if vehicles are there already.
        """
        if self._traffic_manager is None:
            if self._actors:
                raise DataError("the Traffic Manager was asked for after the first spawn; want it before")
            with client_errors(self.address, "starting the Traffic Manager"):
                self._traffic_manager = start_traffic_manager(self.client, self.seed)
                self.world.tick(RPC_TIMEOUT_S)
        return self._traffic_manager

    def before_time_zero(self, ticks: int, commands: Sequence[Command]) -> None:
        """Have commands (carla.command.*) sent before the tick that is so many ticks before recorded time zero.

        One tick before is the tick whose outcome is the first recorded frame.
        """
        self._due.append((ticks, commands))

    def send(self, commands: Sequence[Command], what: str) -> None:
        """Have commands (carla.command.*) carried out now, each about an actor; see `commands.send`."""
        with client_errors(self.address, what):
            send(self.client, commands, what, {actor_id: info.role for actor_id, info in self._infos.items()})

    def move_door(self, vehicle: carla.Vehicle, door: carla.VehicleDoor, *, opened: bool) -> None:
        """Have a vehicle's door opened or closed, and note it: a client cannot ask how a door is."""
        with client_errors(self.address, "moving a door"):
            (vehicle.open_door if opened else vehicle.close_door)(door)
        self._doors[self.frame, vehicle.id, int(door)] = opened
        others = self._ajar.get(vehicle.id, frozenset()) - {int(door)}
        self._ajar[vehicle.id] = others | {int(door)} if opened else others

    def begin_recording(self, in_ticks: int) -> int:
        """Say that time zero is `in_ticks` ticks ahead; return that frame number."""
        if self._last_frame is None:
            raise DataError("begin_recording before the first tick: there is no frame to count from")
        self._origin_frame = self._last_frame + in_ticks
        return self._origin_frame

    def tick(self) -> WorldState:
        """Advance one step and return everybody's state at the new frame.

        Raises:
            ConnectionLostError: if the simulator does not answer.
            DataError: if a frame was skipped, an actor vanished, or a state is not finite.
        """
        with client_errors(self.address, "ticking"):
            self._send_what_is_due()
            frame = self.world.tick(RPC_TIMEOUT_S)
            snapshot = self.world.get_snapshot()
        if snapshot.frame != frame or (self._last_frame is not None and frame != self._last_frame + 1):
            raise DataError(f"tick after frame {self._last_frame} gave frame {frame}, snapshot {snapshot.frame}")
        if self._last_frame is None:  # an episode's own actors are known from its first snapshot on
            lights = self.world.get_actors().filter("traffic.traffic_light*")
            self._lights = sorted(lights, key=lambda light: int(light.id))
        self._last_frame = frame
        actors = {actor_id: self._read(snapshot, actor_id, info) for actor_id, info in self._infos.items()}
        origin = frame if self._origin_frame is None else self._origin_frame
        return WorldState(frame, (frame - origin) * self.tick_us, actors, dict(self._infos), dict(self._ajar))

    def _send_what_is_due(self) -> None:
        if self._origin_frame is None or self._last_frame is None:
            return
        left = self._origin_frame - self._last_frame
        for ticks, commands in self._due:
            if ticks == left:
                self.send(commands, "what was due before time zero of")

    def _read(self, snapshot: carla.WorldSnapshot, actor_id: int, info: ActorInfo) -> ActorState:
        found = snapshot.find(actor_id)
        if found is None:
            raise DataError(
                f"{info.role} (actor {actor_id}) is not in the snapshot of frame {snapshot.frame}: it vanished"
            )
        numbers = motion_numbers(found)
        known = self._known.get(actor_id)
        if known is not None and known[0] == numbers:  # most stand still most of the time
            return known[1]
        state = state_of(numbers, info, snapshot.frame)
        self._known[actor_id] = numbers, state
        return state

    def controls(self) -> dict[int, dict[str, float | bool | int]]:
        """What each vehicle's driver asks for at the current frame, by actor id (carla.VehicleControl's fields)."""
        found = {}
        for actor in self._actors:
            if isinstance(actor, carla.Vehicle):
                control = actor.get_control()
                found[actor.id] = {
                    "throttle": control.throttle,
                    "steer": control.steer,
                    "brake": control.brake,
                    "hand_brake": control.hand_brake,
                    "reverse": control.reverse,
                    "gear": control.gear,
                }
        return found

    def lamps(self) -> dict[int, int]:
        """Flags (carla.VehicleLightState) of the lights that every vehicle has on, by actor id; one call for all.

        A frame shows what is on just before the tick that makes it: when a tick is over, the Traffic Manager has
        switched lights for the next one already.
        """
        with client_errors(self.address, "reading lamps"):
            found = self.world.get_vehicles_light_states()
        return {actor_id: int(flags) for actor_id, flags in found.items()}

    def doors(self) -> dict[tuple[int, int, int], bool]:
        """Which doors were to open (else to close) since this was asked last.

        By frame, counted from time zero, after which it was asked, actor id, and carla.VehicleDoor.
        """
        asked, self._doors = self._doors, {}
        origin = self._origin_frame or 0
        return {(frame - origin, actor_id, door): opened for (frame, actor_id, door), opened in asked.items()}

    def traffic_lights(self) -> dict[int, str]:
        """State of every traffic light at the current frame (Red, Yellow, Green, Off, Unknown), by actor id."""
        return {light.id: light.get_state().name for light in self._lights}

    def weather(self) -> dict[str, float]:
        """The weather by name: CARLA's parameters, and snow."""
        with client_errors(self.address, "reading the weather"):
            return self._sky.told()

    def close(self) -> None:
        """Stop sensors, destroy what was spawned, and give the world the settings it had. Never raises.

        When our simulator has died there is nothing to give back: threads of the client's Traffic Manager still look
        for it, and whatever asks them to end, or opens another session in this process, aborts it (see run/attempt.py).
        """
        if self.address.why_gone() is None:
            tear_down(
                self.client,
                self.world,
                sensors=self.sensors,
                actors=[*self._actors, *self._sky.actors],
                manager=self._traffic_manager,
                hidden=self._hidden,
                settings=self._settings_before,
                on_step=self._on_step,
            )
            if self._caretaker is not None:
                self._caretaker.dismiss()

    def _blueprint(
        self, type_id: str, attributes: Mapping[str, str], optional: tuple[str, ...] = ()
    ) -> carla.ActorBlueprint:
        blueprint = find(self.library, type_id)
        if blueprint is None:
            raise CastError(f"simulator at {self.address}: got blueprint {type_id!r}; want one of its library")
        for name, value in attributes.items():
            if not blueprint.has_attribute(name):
                if name in optional:
                    continue
                raise CastError(f"simulator at {self.address}: blueprint {type_id} has no attribute {name!r}")
            try:
                blueprint.set_attribute(name, value)
            except ValueError as error:
                raise CastError(f"simulator at {self.address}: {type_id}: got {name} = {value!r}: {error}") from error
        return blueprint

    def _spawn(
        self,
        blueprint: carla.ActorBlueprint,
        parent_from_actor: Array,
        parent: carla.Actor | None,
        what: str,
        role: str = "",
    ) -> carla.Actor:
        caretaker, spawned = self._caretaker, None
        if caretaker is not None:
            caretaker.spawning(blueprint.id, role, 0 if parent is None else parent.id)
        try:
            spawned = self.world.spawn_actor(blueprint, transform_from_matrix(parent_from_actor), attach_to=parent)
        except RuntimeError as error:
            said = str(error).strip()
            gone = self.address.why_gone() or (said if said.startswith(TIMED_OUT) else None)
            if gone is not None:  # another place would not be answered either
                raise ConnectionLostError(f"simulator at {self.address}, while placing {what}: {gone}") from error
            x, y = parent_from_actor[:2, 3]
            raise SpawnError(f"{what} at x={x:.2f} y={y:.2f}: {said}") from error
        finally:
            if caretaker is not None:
                caretaker.spawned(None if spawned is None else spawned.id)
        return spawned
