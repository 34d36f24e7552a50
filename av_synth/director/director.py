"""The director: puts a concrete scenario on stage, steers those who move by it, and watches what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

import carla

from av_synth.director.cast import Cast
from av_synth.director.driver import Driver
from av_synth.director.expectations import Pair, results
from av_synth.director.model import Event, Measurement, Outcome, Stage
from av_synth.director.players import Player, VehiclePlayer, WalkerPlayer
from av_synth.director.roads import Place
from av_synth.director.staging import put_on_stage, warm_up_ticks
from av_synth.director.triggers import along, fires
from av_synth.errors import SimulatorError
from av_synth.log.state import WorldState
from av_synth.scenario.draw import ConcreteScenario
from av_synth.scenario.model import EventSpec
from av_synth.scenario.words import EGO, is_person


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
        self.warm_up_ticks = warm_up_ticks(stage.tick_us)
        self.measurements: list[Measurement] = []
        self._cast: Cast | None = None
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

    def setup(self) -> None:
        """Choose the road, set the weather, and place everybody.

        Raises:
            CastError: if the map has no such road, or the blueprint library no such body.
            SpawnError: if the simulator refuses a place to the ego or a named actor.
        """
        self._cast = cast = put_on_stage(self._concrete, self._stage)
        self._unreported += cast.events
        self._players[EGO] = VehiclePlayer(cast.ego, cast.place.path)
        for name, member in cast.members.items():
            self._pairs[name] = Pair(name, self.ego.id, member.actor.id)
            if member.spec is not None and is_person(member.spec.body):
                self._players[name] = WalkerPlayer(member.actor)
            elif not member.stands:
                self._players[name] = VehiclePlayer(member, cast.place.path)
        self._hire_driver(cast)

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
            if event.actor is None or event.do is None:
                continue
            player = self._players[event.actor]
            if not fires(event, state, ego, along(state, player.actor.id, path)):
                still.append(event)
                continue
            player.begin(event.do, state)
            detail: Mapping[str, object] = {"role": event.actor, "do": event.do.kind}
            begun.append(Event(state.time_us, "trigger", player.actor.id, self.ego.id, detail))
        self._waiting = still
        return begun

    def _hire_driver(self, cast: Cast) -> None:
        reaction = self._concrete.ego.reaction
        player = self._players[EGO]
        if reaction is not None and isinstance(player, VehiclePlayer):
            hazard_id = self._pairs[reaction.to[0]].actor_id
            self._driver = Driver(player, cast.place.path, reaction, hazard_id, cast.ego.speed_mps)
