"""The director: puts a concrete scenario on stage, steers those who move by it, and watches what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import carla

from av_synth.director.events.agenda import Agenda
from av_synth.director.expectations import Judge
from av_synth.director.faults import Faults
from av_synth.director.footprints import touching
from av_synth.director.manoeuvres.driver import Driver
from av_synth.director.manoeuvres.ego_control import AgentPlayer, AutopilotPlayer, load_agent
from av_synth.director.manoeuvres.kinematics import Load
from av_synth.director.manoeuvres.loads import hang_loads, refuse_doors
from av_synth.director.manoeuvres.parked_player import ParkedPlayer
from av_synth.director.manoeuvres.pedestrian_player import PedestrianPlayer
from av_synth.director.manoeuvres.players import Player
from av_synth.director.manoeuvres.vehicle_player import VehiclePlayer
from av_synth.director.model import Event, Outcome, Stage
from av_synth.director.roads.courses import Line
from av_synth.director.roads.places import Place
from av_synth.director.signals import Signals
from av_synth.director.stage.cast import Cast, Member
from av_synth.director.stage.entrances import appear, vanish
from av_synth.director.stage.staging import lamps_of, put_on_stage, warm_up_ticks
from av_synth.director.view import Scene, View
from av_synth.director.weather import ChangingWeather, starting_weather
from av_synth.errors import CastError, SimulatorError
from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.rig import Rig
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO, Arm, is_person
from av_synth.session.readings import actor_from_ego

_SCRIPTED = "scripted"


class Director:
    """Plays one concrete scenario on one stage.

    Call `setup`, tick once, then before every further tick `before_tick`, and once for each recorded frame `observe`;
    at the end `outcome`. Whatever it does depends on the scenario and the states alone.

    Attributes:
        warm_up_ticks: ticks from the first one to recorded time zero; the ego arrives at its start just then.
        faults: of the rig's sensors, as far as they have begun.
    """

    def __init__(self, concrete: ConcreteScenario, stage: Stage, rig: Rig | None = None) -> None:
        """Of a scenario, where it is played, and what looks; `rig` is asked only what its sensors can see."""
        self._concrete = concrete
        self._stage = stage
        self._rig = rig
        self._dt_s = stage.tick_us * 1e-6
        self.warm_up_ticks = warm_up_ticks(stage.tick_us)
        self.faults = Faults()
        self._cast: Cast | None = None
        self._scene: Scene | None = None
        self._view: View | None = None
        self._signals: Signals | None = None
        self._weather: ChangingWeather | None = None
        self._players: dict[str, Player] = {}
        self._coming: dict[str, tuple[Member, list[EventSpec]]] = {}
        self._lit: dict[str, int] = {}  # lamps of those of them who were on stage already
        self._hanging: list[tuple[EventSpec, Load]] = []
        self._dropped: list[Load] = []
        self._driver: Driver | None = None
        self._judge: Judge | None = None
        self._agenda = Agenda(concrete.events)
        self._unreported: list[Event] = []

    @property
    def ego(self) -> carla.Vehicle:
        """The vehicle that carries the rig.

        Raises:
            SimulatorError: before `setup`.
        """
        return self._on_stage.ego.actor

    def actor_from_ego(self) -> Array:
        """`actor_from_ego` (4, 4): the ground point under the rear axle; ask after the first tick."""
        return actor_from_ego(self.ego)

    @property
    def standing(self) -> frozenset[int]:
        """Ids of those who do not move before recorded time zero.

        Raises:
            SimulatorError: before `setup`.
        """
        cast = self._on_stage
        everybody = (cast.ego, *cast.members.values())
        return frozenset(each.actor.id for each in everybody if each.speed_mps == 0.0 and each.stroll_m is None)

    @property
    def place(self) -> Place:
        """Where the scenario happens: the ego's path on the map.

        Raises:
            SimulatorError: before `setup`.
        """
        return self._on_stage.place

    @property
    def _on_stage(self) -> Cast:
        if self._cast is None:
            raise SimulatorError("Director.setup has not been called: no road has been chosen, nobody is on stage yet")
        return self._cast

    def setup(self) -> None:
        """Choose the road, set the weather, and place everybody.

        Raises:
            CastError: if the map has no such road, the blueprint library no such body, or there is no such driver; or
                if the simulator refuses a place to the ego or a named actor.
        """
        concrete, stage = self._concrete, self._stage
        driver = concrete.ego.driver
        agent = load_agent(driver) if ":" in driver else None
        manager = stage.traffic_manager() if driver == "traffic_manager" else None  # it wants to be there first
        self._cast = cast = put_on_stage(concrete, stage)
        self._unreported += cast.events
        refuse_doors(concrete, stage, cast)
        self._hanging = list(hang_loads(concrete, stage, cast))
        self._signals = signals = Signals(stage.world, cast.place)
        signals.begin(concrete.signals)
        self._weather = ChangingWeather(stage, starting_weather(concrete, cast.place))
        ids = {EGO: cast.ego.actor.id, **{name: member.actor.id for name, member in cast.members.items()}}
        self._scene = Scene(cast.place.path, ids, cast.place.anchors, stage.map, signals.state)
        self._judge = Judge(concrete, self._rig, cast.ego.actor)
        ego = VehiclePlayer(cast.ego, Line(cast.place.path), stage, lamps_of(concrete, None))
        if agent is not None:
            self._players[EGO] = AgentPlayer(ego, agent, driver, concrete.ego.speed_kmh)
        elif manager is not None:
            self._players[EGO] = AutopilotPlayer(ego, manager, concrete.ego.speed_kmh)
        else:
            self._players[EGO] = ego
            if concrete.ego.reaction is not None:
                self._driver = Driver(ego, concrete.ego.reaction)
        for member in cast.members.values():
            self._enlist(member)

    def _enlist(self, member: Member) -> None:
        """Give a player to somebody who moves, or who stands and yet does something."""
        line, lamps = Line(self.place.path), self._lit.pop(member.name, lamps_of(self._concrete, member.spec))
        if member.spec is not None and is_person(member.spec.body):
            self._players[member.name] = PedestrianPlayer(member)
        elif not member.stands:
            self._players[member.name] = player = VehiclePlayer(member, line, self._stage, lamps)
            if member.name == EGO and self._driver is not None:
                self._driver.player = player
        elif isinstance(member.actor, carla.Vehicle) and any(
            event.actor == member.name for event in self._concrete.events
        ):
            self._players[member.name] = ParkedPlayer(member, line, self._stage, lamps)

    def before_tick(self, state: WorldState) -> None:
        """Send everybody's controls for the next tick, in one call.

        Raises:
            CastError: if before time zero the ego touches somebody, who then is not where the scenario says.
        """
        view = self._look(state)
        if state.time_us < 0:
            self._refuse_contact(view)
        if self._driver is not None and state.time_us < 0:  # at recorded frames `observe` has it look
            self._unreported += self._driver.look(view)
        commands = [command for player in self._players.values() for command in player.control(view, self._dt_s)]
        for load in (*(load for _, load in self._hanging), *self._dropped):
            commands += load.move(view, self._dt_s)
        self._stage.send(commands, "control of")
        if self._weather is not None:
            self._weather.step(state.time_us)

    def _refuse_contact(self, view: View) -> None:
        ego = view.box(self.ego.id)
        for name, member in self._on_stage.members.items():
            # who is exactly where another is has been told, and is there all the same
            if not member.refused and touching(ego, view.box(member.actor.id)):
                before_s = -view.time_us * 1e-6
                told = f"{name!r} and the ego touch {before_s:g} s before time zero, on the way to where they begin"
                at = ("actors", name, "at") if name in self._concrete.actors else ()
                raise CastError(f"{told}; want a place out of each other's way", at)

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        """Measure a recorded frame and start what is due; call it once a frame, before `before_tick`.

        Returns:
            What happened at this frame; at the first one also what happened before it.
        """
        events, self._unreported = self._unreported, []
        view = self._look(state)
        view.scene.count(state)
        if not view.scene.places:
            view.scene.places |= {name: view.along(actor_id).middle_m for name, actor_id in view.scene.ids.items()}
        if self._judge is not None:
            events += self._judge.measure(view)
        for player in self._players.values():
            for event in player.ended(view):
                self._agenda.over(event, state.time_us, view.scene)
        events += [self._start(event, view) for event in self._agenda.due(view)]
        events, self._unreported = events + self._unreported, []
        if self._driver is not None:
            events += self._driver.look(view)
        return tuple(events)

    def corrected(self, state: WorldState) -> WorldState:
        """The frame as it is: whoever moves by the simulator's dynamics, the simulator knows all of them."""
        return state

    def provenance(self) -> Mapping[str, object]:
        """Nothing: what is played is in the scenario."""
        return {}

    def outcome(self) -> Outcome:
        """What became of the expectations, over the frames observed so far."""
        if self._judge is None:
            return Outcome(())
        return replace(self._judge.outcome(), never_began=self._agenda.never_began())

    def _look(self, state: WorldState) -> View:
        """The frame, looked at once for observing and for steering; who has come is there from then on."""
        if self._scene is None:
            raise SimulatorError("Director.before_tick or observe before Director.setup: nobody is on stage yet")
        if self._view is None or self._view.state is not state:
            self._view = self._scene.of(state)
            coming, self._coming = self._coming, {}
            for name, (member, events) in coming.items():
                self._scene.ids[name] = member.actor.id
                self._enlist(member)
                for event in events:
                    self._begin(event, name, self._view)
        return self._view

    def _start(self, event: EventSpec, view: View) -> Event:
        name, do = event.actor, event.do
        if name is None or do is None:
            return Event(view.time_us, "trigger", 0, self.ego.id, self._change(event, view))
        detail = {"role": name, "do": do.kind}
        if name == EGO and self._concrete.ego.driver != _SCRIPTED:
            why = f"the ego is driven by {self._concrete.ego.driver}"
        elif name not in view.scene.ids and name not in self._coming and do.appear is None:
            why = "it is not there"
        else:
            actor_id = self._perform(event, name, view)
            return Event(view.time_us, "trigger", actor_id, self.ego.id, detail)
        self._agenda.over(event, view.time_us, view.scene)
        return Event(view.time_us, "not_done", view.scene.ids.get(name, 0), self.ego.id, {**detail, "reason": why})

    def _perform(self, event: EventSpec, name: str, view: View) -> int:
        """Have somebody do something, from the next frame on if they have just come; returns who."""
        cast, do = self._on_stage, event.do
        if do is not None and do.appear is not None:
            member = appear(self._concrete, self._stage, cast, name, do.appear.at)
            self._coming[name] = member, []
            self._unreported += member.placed_in_another(view.time_us)
        elif do is not None and do.vanish is not None:
            member = cast.members.pop(name)
            view.scene.ids.pop(name, None)
            self._coming.pop(name, None)
            vanish(self._stage, member)
            for lost in [hung for hung in self._hanging if hung[0].actor == name]:
                self._stage.destroy(lost[1].actor)
                self._hanging.remove(lost)
        elif name in self._coming:
            member, events = self._coming[name]
            events.append(event)
            return member.actor.id
        else:
            self._begin(event, name, view)
            return view.scene.ids[name]
        self._agenda.give_up(name, view)
        before = self._players.pop(name, None)
        if name in self._coming and isinstance(before, VehiclePlayer):
            self._lit[name] = before.lit
        return member.actor.id

    def _begin(self, event: EventSpec, name: str, view: View) -> None:
        do = event.do
        if do is not None and do.run_light is not None and self._signals is not None:
            self._signals.show({None: "green", self._arm_of(name): "red"})
        self._players[name].begin(event, view)
        for hung in [hung for hung in self._hanging if hung[0] is event]:
            if do is not None and do.drop is not None:
                hung[1].come_off(do.drop.slides_mps2, view)
                self._hanging.remove(hung)
                self._dropped.append(hung[1])

    def _change(self, event: EventSpec, view: View) -> Mapping[str, object]:
        """Change the lights or the weather, or let sensors fail; returns what is to be told of it."""
        now, over_us = view.time_us, view.time_us
        detail: Mapping[str, object] = {}
        if event.signals is not None and self._signals is not None:
            self._signals.show(event.signals.by_arm())
            detail = {"signals": event.signals.model_dump(exclude_none=True)}
        elif event.weather is not None and self._weather is not None:
            over_us += round(event.weather.over_s * 1e6)
            self._weather.begin(event.weather, now)
            detail = {"weather": event.weather.model_dump(exclude_none=True, exclude_unset=True)}
        elif event.fault is not None:
            until_us = self.faults.begin(event.fault, event.for_s, now)
            detail = {"fault": event.fault.model_dump(exclude_none=True), "over_us": until_us}
            if until_us is None:
                return detail
            over_us = until_us
        self._agenda.over(event, over_us, view.scene)
        return detail

    def _arm_of(self, name: str) -> Arm:
        spec = self._concrete.actors[name]
        return spec.at.arm or "opposite"
