"""The director: puts a concrete scenario on stage, steers those who move by it, and watches what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

import carla

from av_synth.director.cast import Cast
from av_synth.director.courses import Line
from av_synth.director.driver import Driver
from av_synth.director.ego_control import AgentPlayer, AutopilotPlayer, load_agent
from av_synth.director.expectations import Judge
from av_synth.director.kinematics import Load
from av_synth.director.loads import hang_loads, refuse_doors
from av_synth.director.model import Event, Measurement, Outcome, Stage
from av_synth.director.players import Player
from av_synth.director.roads import Place
from av_synth.director.signals import ChangingWeather, Signals
from av_synth.director.staging import put_on_stage, warm_up_ticks
from av_synth.director.triggers import Condition, watch
from av_synth.director.vehicle_player import VehiclePlayer
from av_synth.director.view import Scene, View
from av_synth.director.walker_player import WalkerPlayer
from av_synth.errors import SimulatorError
from av_synth.log.state import WorldState
from av_synth.rig import Rig
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO, Arm, is_person


class Director:
    """Plays one concrete scenario on one stage.

    Call `setup`, tick once, then before every further tick `before_tick`, and once for each recorded frame `observe`;
    at the end `outcome`. Whatever it does depends on the scenario and the states alone.

    Attributes:
        warm_up_ticks: ticks from the first one to recorded time zero; the ego arrives at its start just then.
    """

    def __init__(self, concrete: ConcreteScenario, stage: Stage, rig: Rig | None = None) -> None:
        """Of a scenario, where it is played, and what looks; `rig` is asked only what its sensors can see."""
        self._concrete = concrete
        self._stage = stage
        self._rig = rig
        self._dt_s = stage.tick_us * 1e-6
        self.warm_up_ticks = warm_up_ticks(stage.tick_us)
        self._cast: Cast | None = None
        self._scene: Scene | None = None
        self._view: View | None = None
        self._signals: Signals | None = None
        self._weather: ChangingWeather | None = None
        self._players: dict[str, Player] = {}
        self._loads: list[tuple[EventSpec, Load]] = []
        self._driver: Driver | None = None
        self._judge: Judge | None = None
        self._waiting: list[tuple[EventSpec, Condition]] = [
            (event, watch(event)) for event in concrete.events if event.actor not in concrete.without
        ]
        self._unreported: list[Event] = []

    @property
    def ego(self) -> carla.Vehicle:
        """The vehicle that carries the rig.

        Raises:
            SimulatorError: before `setup`.
        """
        if self._cast is None:
            raise SimulatorError("Director.ego before Director.setup: nobody is on stage yet")
        return self._cast.ego.actor

    @property
    def place(self) -> Place:
        """Where the scenario happens: the ego's path on the map.

        Raises:
            SimulatorError: before `setup`.
        """
        if self._cast is None:
            raise SimulatorError("Director.place before Director.setup: no road has been chosen yet")
        return self._cast.place

    @property
    def measurements(self) -> list[Measurement]:
        """Metrics of every recorded frame so far."""
        return [] if self._judge is None else self._judge.measurements()

    def setup(self) -> None:
        """Choose the road, set the weather, and place everybody.

        Raises:
            CastError: if the map has no such road, the blueprint library no such body, or there is no such driver.
            SpawnError: if the simulator refuses a place to the ego or a named actor.
        """
        concrete, stage = self._concrete, self._stage
        driver = concrete.ego.driver
        agent = load_agent(driver) if ":" in driver else None
        manager = stage.traffic_manager() if driver == "traffic_manager" else None  # it wants to be there first
        self._cast = cast = put_on_stage(concrete, stage)
        self._unreported += cast.events
        refuse_doors(concrete, stage, cast)
        self._loads = list(hang_loads(concrete, stage, cast))
        self._signals = signals = Signals(stage.world, cast.place)
        signals.begin(concrete.signals)
        self._weather = ChangingWeather(stage.world, concrete.weather)
        ids = {EGO: cast.ego.actor.id, **{name: member.actor.id for name, member in cast.members.items()}}
        self._scene = Scene(cast.place.path, ids, cast.place.anchors, stage.map, signals.state)
        self._judge = Judge(concrete, ids, self._rig, cast.ego.actor)
        ego_line = Line(cast.place.path)
        ego = VehiclePlayer(cast.ego, ego_line)
        if agent is not None:
            self._players[EGO] = AgentPlayer(ego, agent, driver, concrete.ego.speed_kmh)
        elif manager is not None:
            self._players[EGO] = AutopilotPlayer(ego, manager, concrete.ego.speed_kmh)
        else:
            self._players[EGO] = ego
            if concrete.ego.reaction is not None:
                self._driver = Driver(ego, concrete.ego.reaction)
        for name, member in cast.members.items():
            if member.spec is not None and is_person(member.spec.body):
                self._players[name] = WalkerPlayer(member)
            elif not member.stands:
                self._players[name] = VehiclePlayer(member, ego_line)

    def before_tick(self, state: WorldState) -> None:
        """Send everybody's controls for the next tick, in one call."""
        view = self._look(state)
        if self._driver is not None and state.time_us < 0:  # at recorded frames `observe` has it look
            self._unreported += self._driver.look(view)
        commands = [command for player in self._players.values() for command in player.control(view, self._dt_s)]
        commands += [command for _, load in self._loads for command in load.move(view, self._dt_s)]
        for response in self._stage.client.apply_batch_sync(commands, False):
            if response.has_error():
                raise SimulatorError(f"control of actor {response.actor_id} was refused: {response.error}")
        if self._weather is not None:
            self._weather.step(state.time_us)

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        """Measure a recorded frame and start what is due; call it once a frame, before `before_tick`.

        Returns:
            What happened at this frame; at the first one also what happened before it.
        """
        events, self._unreported = self._unreported, []
        view = self._look(state)
        if not view.scene.places:
            view.scene.places |= {name: view.along(actor_id).middle_m for name, actor_id in view.scene.ids.items()}
        if self._judge is not None:
            events += self._judge.measure(view)
        for player in self._players.values():
            for event in player.ended(view):
                if event.name is not None:
                    view.scene.over_us.setdefault(event.name, state.time_us)
        events += self._start_what_is_due(view)
        if self._driver is not None:
            events += self._driver.look(view)
        return tuple(events)

    def outcome(self) -> Outcome:
        """What became of the expectations, over the frames observed so far."""
        return Outcome(()) if self._judge is None else self._judge.outcome()

    def _look(self, state: WorldState) -> View:
        """The frame, looked at once for observing and for steering."""
        if self._scene is None:
            raise SimulatorError("Director.before_tick or observe before Director.setup: nobody is on stage yet")
        if self._view is None or self._view.state is not state:
            self._view = self._scene.of(state)
        return self._view

    def _start_what_is_due(self, view: View) -> list[Event]:
        still, begun = [], []
        for event, due in self._waiting:
            if not due(view):
                still.append((event, due))
                continue
            begun.append(self._start(event, view))
        self._waiting = still
        return begun

    def _start(self, event: EventSpec, view: View) -> Event:
        now, scene = view.time_us, view.scene
        if event.name is not None:
            scene.begun_us[event.name] = now
        detail: Mapping[str, object]
        actor_id = 0
        if event.do is not None and event.actor is not None:
            player = self._players[event.actor]
            actor_id = player.actor.id
            detail = {"role": event.actor, "do": event.do.kind}
            if event.do.run_light is not None and self._signals is not None:
                self._signals.show({None: "green", self._arm_of(event.actor): "red"})
            player.begin(event, view)
            for dropping, load in self._loads:
                if dropping is event and event.do.drop is not None:
                    load.come_off(event.do.drop.slides_mps2, view)
        else:
            if event.signals is not None and self._signals is not None:
                self._signals.show(event.signals.by_arm())
                detail = {"signals": event.signals.model_dump(exclude_none=True)}
            elif event.weather is not None and self._weather is not None:
                self._weather.begin(event.weather, now)
                detail = {"weather": event.weather.model_dump(exclude_none=True, exclude_unset=True)}
            else:
                detail = {}
            if event.name is not None:
                over_s = 0.0 if event.weather is None else event.weather.over_s
                scene.over_us[event.name] = now + round(over_s * 1e6)
        return Event(now, "trigger", actor_id, self.ego.id, detail)

    def _arm_of(self, name: str) -> Arm:
        spec = self._concrete.actors[name]
        return spec.at.arm or "opposite"
