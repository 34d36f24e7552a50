"""Playing a log back: everybody is put where they were, frame by frame, with the motion that they had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import carla
import numpy as np

from av_synth.director import Event, Outcome
from av_synth.director.faults import Faults
from av_synth.director.stage import staging
from av_synth.director.stage.town_parked import parked_things
from av_synth.errors import CastError, DataError, UserError
from av_synth.geometry.carla import spin_to_carla, transform_from_matrix, vector_to_carla
from av_synth.geometry.transforms import Array, rigid
from av_synth.log.origin import Origin
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.replay.state_log import StateLog
from av_synth.scenario.faults import Fault
from av_synth.scenario.weather import Weather
from av_synth.scenario.words import EGO
from av_synth.session import Session
from av_synth.session.blueprints import find
from av_synth.session.commands import Command
from av_synth.session.readings import actor_from_ego

_HIGH_M = 200.0  # above everything: whoever is spawned there is in nobody's way
_APART_M = 30.0
_MOST_IDS_LEFT_OUT = 1000
_STANDING_STILL = (
    "radars measured everything, the ego too, as if it stood still: this server gives what is put somewhere no velocity"
)
_LOST_MPS = 0.5
_OFF_BY_M, _OFF_BY = 0.02, 0.005  # of a place, and of a rotation matrix: what a server may round


@dataclass(frozen=True)
class Playback:
    """What is played back; a `run.spec.Script`.

    Attributes:
        log: of whom.
        first, last: the frames of the log that are recorded.
        carrier: role of who carries the sensors.
        weather: instead of what it was; None for what it was.
        colours: 'r,g,b' by role, instead of what they were.
        outcome: what became of the expectations when the log was made, by the clock of these frames.
    """

    log: StateLog
    first: int
    last: int
    carrier: str = EGO
    weather: Weather | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=lambda: Outcome(()))

    def performer(self, session: Session) -> PlayedBack:
        """Who plays it back in a world."""
        return PlayedBack(self, session)

    def to_json(self) -> Mapping[str, Any]:
        """What of it decides the bytes."""
        told: dict[str, Any] = {"of": self.log.of, "first": self.first, "last": self.last, "carrier": self.carrier}
        if self.weather is not None:
            told["weather"] = self.weather.to_json()
        if self.colours:
            told["colours"] = dict(sorted(self.colours.items()))
        return {"replay": told}


class PlayedBack:
    """Plays a log back in a world; a `run.spec.Performer`.

    Whoever is in a frame of the log is put there before the tick that makes the frame: without physics, and touching
    nobody. Where they are is measured, as in every run; how they move, which a server may not know of who is put
    somewhere, is what the log says.

    Attributes:
        warm_up_ticks: ticks from the first one to the first recorded frame.
        faults: of the rig's sensors, as in the log.
    """

    def __init__(self, playback: Playback, session: Session) -> None:
        self._playback = playback
        self._log = playback.log
        self._session = session
        self._at = self._begin()
        self.warm_up_ticks = playback.first - self._at
        self.faults = Faults()
        self._actors: dict[int, carla.Actor] = {}
        self._ids: dict[int, int] = {}  # here by those in the log, of everybody who has come so far
        self._shown: dict[int, bytes] = {}  # what was sent of an actor last
        self._lights: dict[int, carla.TrafficLight] = {}
        self._lit: dict[int, str] = {}
        self._stood_still = False  # somebody who moved had another velocity, by the server

    @property
    def ego(self) -> carla.Actor:
        """Who carries the rig.

        Raises:
            UserError: if they are not there when recording begins.
        """
        wanted = self._log.id_of(self._playback.carrier)
        if wanted is None or wanted not in self._actors:
            raise UserError(f"log of {self._log.of}: {self._playback.carrier} is not there at frame {self._frame}")
        return self._actors[wanted]

    def actor_from_ego(self) -> Array:
        """`actor_from_ego` (4, 4): the ground under the rear axle; of who has none, under their origin."""
        if isinstance(self.ego, carla.Vehicle):
            return actor_from_ego(self.ego)
        info = self._log.info_of(self._playback.carrier)
        return rigid(np.eye(3), [0.0, 0.0, float(info.box_centre_m[2] - info.size_lwh_m[2] / 2.0)])

    @property
    def standing(self) -> None:
        """Nobody has to come to rest: all are where they were."""

    def setup(self) -> None:
        """Set the weather, take the town's own parked vehicles away, and put everybody where they were at first."""
        session = self._session
        weather = self._playback.weather or Weather(**self._log.weather_at(self._frame))
        session.set_weather(weather)
        things = parked_things(session.world)
        if things:
            session.hide_town_objects([thing.id for thing in things])
        session.world.freeze_all_traffic_lights(True)
        self._begin_faults()
        self._show()

    def before_tick(self, state: WorldState) -> None:  # noqa: ARG002  a performer is shown the frame
        """Put everybody where they are in the next frame."""
        if not self._lights:  # an episode's own actors are known from its first tick on
            lights = sorted(self._session.world.get_actors().filter("traffic.traffic_light*"), key=lambda one: one.id)
            logged = sorted({light for lit in self._log.traffic_lights.values() for light in lit})
            self._lights = dict(zip(logged, lights, strict=False))
        for actor_id, door, opened in self._log.doors.get(self._at, ()):
            if actor_id in self._actors:
                self._session.move_door(self._actors[actor_id], carla.VehicleDoor(door), opened=opened)
        self._at += 1
        self._show()

    def corrected(self, state: WorldState) -> WorldState:
        """The frame with the velocities and accelerations of the log.

        Raises:
            DataError: if the simulator has somebody elsewhere than they were put.
        """
        logged = self._log.state(self._frame)
        actors = {}
        for log_id, actor in self._actors.items():
            found, told = state.actors[actor.id], logged.actors[log_id]
            off = found.world_from_actor - told.world_from_actor
            if np.abs(off[:3, 3]).max() > _OFF_BY_M or np.abs(off[:3, :3]).max() > _OFF_BY:
                raise DataError(
                    f"{state.infos[actor.id].role} (actor {actor.id}), frame {state.frame}: is "
                    f"{float(np.linalg.norm(off[:3, 3])):.3f} m from where it was put; want a server that leaves it"
                )
            lost_mps = float(np.linalg.norm(found.velocity_mps - told.velocity_mps))
            self._stood_still |= self._at >= self._playback.first and lost_mps > _LOST_MPS
            actors[actor.id] = replace(told, world_from_actor=found.world_from_actor)
        return replace(state, actors=actors)

    def observe(self, state: WorldState) -> tuple[Event, ...]:
        """What happened at this frame, by the log; at the first one also which sensors have begun to fail before."""
        happened = self._log.events.get(self._at, ())
        if self._at == self._playback.first:
            happened = (*(event for event in self._failing if self._lasts(event)), *happened)
        return tuple(
            replace(
                event,
                time_us=state.time_us if event.time_us >= 0 else event.time_us,
                actor_id=self._here(event.actor_id),
                other_id=self._here(event.other_id),
                detail=self._since_here(event.detail),
            )
            for event in happened
        )

    def outcome(self) -> Outcome:
        """What became of the expectations when the log was made: nobody did anything else now."""
        return self._playback.outcome

    def provenance(self) -> Mapping[str, Any]:
        """Of which log, with which ids where they are others here, and what this server could not play back."""
        others = {str(log_id): here for log_id, here in sorted(self._ids.items()) if here != log_id}
        limits = [_STANDING_STILL] if self._stood_still else []
        origin = (self._log.origin or Origin(self._log.of)).replayed(self._playback.first, self._ids)
        told = {"of": self._log.of, "actor_ids": others, "limits": limits, "origin": origin.to_json()}
        return {"replay": told}

    @property
    def _frame(self) -> int:
        """The frame of the log that is shown: before its first one everybody waits there."""
        return max(self._at, self._log.first)

    def _begin(self) -> int:
        """The frame that the first tick makes, far enough before the first recorded one.

        On the embedded simulator that is the log's first, so that whatever has a past has it again. Elsewhere nothing
        is gained by it, and sensors cost time from the first tick on.
        """
        hold = staging.warm_up_ticks(self._log.tick_us)
        first = self._playback.first
        return min(first - hold, self._log.first) if self._session.embedded else first - hold

    @property
    def _start_us(self) -> int:
        return self._log.time_us(self._playback.first)

    @property
    def _failing(self) -> Iterator[Event]:
        """The faults of sensors in the log, in the order in which they begin."""
        for _, events in sorted(self._log.events.items()):
            yield from (event for event in events if "fault" in event.detail)

    def _lasts(self, fault: Event) -> bool:
        """Whether a fault began before the first frame, and is not over by then."""
        over_us = fault.detail.get("over_us")
        over = isinstance(over_us, int) and over_us <= self._start_us
        return fault.time_us < self._start_us and not over

    def _since_here(self, detail: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is told of an event, with the time at which it is over counted from the first frame."""
        over_us = detail.get("over_us")
        return {**detail, "over_us": over_us - self._start_us} if isinstance(over_us, int) else detail

    def _begin_faults(self) -> None:
        for event in self._failing:
            over_us = event.detail.get("over_us")
            for_s = None if not isinstance(over_us, int) else (over_us - event.time_us) * 1e-6
            fault = Fault.model_validate(event.detail["fault"], strict=False)  # JSON has lists for tuples
            self.faults.begin(fault, for_s, event.time_us - self._start_us)

    def _here(self, log_id: int) -> int:
        """Their id here: an event may be about somebody who has left."""
        return self._ids.get(log_id, log_id)

    def _show(self) -> None:
        """Have the next tick make the frame of the log."""
        frame, log, session = self._frame, self._log, self._session
        state = log.state(frame)
        there = state.actors.keys()
        for log_id in sorted(self._actors.keys() - there):
            session.destroy(self._actors.pop(log_id))
            self._shown.pop(log_id, None)
        commands: list[Command] = []
        for log_id in sorted(there - self._actors.keys()):
            self._actors[log_id] = actor = self._enter(log_id, log.actors[log_id], state.actors[log_id])
            self._ids[log_id] = actor.id
            commands.append(carla.command.SetSimulatePhysics(actor.id, False))
            lit = max((at for at, lamps in log.lamps.items() if at < frame and log_id in lamps), default=None)
            if lit is not None:
                commands.append(self._lamps(log_id, log.lamps[lit][log_id]))
        for log_id, actor in self._actors.items():
            commands += self._moved(log_id, actor, frame, state.actors[log_id])
        for log_id, flags in log.lamps.get(frame, {}).items():
            if log_id in self._actors:
                commands.append(self._lamps(log_id, flags))
        session.send(commands, "putting back")
        self._show_lights(frame)
        if self._playback.weather is None and frame in log.weather and frame == self._at:
            session.set_weather(Weather(**log.weather[frame]))

    def _enter(self, log_id: int, info: ActorInfo, state: ActorState) -> carla.Actor:
        """Spawn somebody, high above everything; where ids are counted by spawns, with the id that they had."""
        session = self._session
        high = np.eye(4)
        high[:3, 3] = *state.world_from_actor[:2, 3], _HIGH_M + _APART_M * (log_id % 100)
        towed_by = self._actors.get(info.towed_by)
        attributes = self._attributes(info.type_id, info.attributes, info.role)

        def spawned() -> carla.Actor:
            return session.spawn(
                info.type_id, high, role=info.role, attributes=attributes, parked=info.parked, towed_by=towed_by
            )

        actor = spawned()
        if session.embedded:
            for _ in range(min(log_id - actor.id, _MOST_IDS_LEFT_OUT)):
                session.destroy(actor)
                actor = spawned()
        actor.set_collisions(False)
        return actor

    def _attributes(self, type_id: str, logged: Mapping[str, str], role: str) -> dict[str, str]:
        """Those of the log that can be given, and the colour that is asked for."""
        blueprint = find(self._session.library, type_id)
        if blueprint is None:
            raise CastError(
                f"simulator at {self._session.address}: has no {type_id}, which {role} is in the log of "
                f"{self._log.of}; want one that has, such as the one that made the run"
            )
        given = {each.id: logged[each.id] for each in blueprint if each.is_modifiable and each.id in logged}
        given.pop("role_name", None)
        if role in self._playback.colours:
            given["color"] = self._playback.colours[role]
        return given

    def _moved(self, log_id: int, actor: carla.Actor, frame: int, state: ActorState) -> Iterator[Command]:
        control = self._log.controls.get(frame, {}).get(log_id)
        numbers = (state.world_from_actor, state.velocity_mps, state.angular_velocity_radps)
        now = b"".join(each.tobytes() for each in numbers) + repr(control).encode()
        if self._shown.get(log_id) == now:
            return
        self._shown[log_id] = now
        yield carla.command.ApplyTransform(actor.id, transform_from_matrix(state.world_from_actor))
        yield carla.command.ApplyTargetVelocity(actor.id, vector_to_carla(state.velocity_mps))
        yield carla.command.ApplyTargetAngularVelocity(actor.id, spin_to_carla(state.angular_velocity_radps))
        if control is not None and isinstance(actor, carla.Vehicle):
            yield carla.command.ApplyVehicleControl(actor.id, carla.VehicleControl(**control))

    def _lamps(self, log_id: int, flags: int) -> Command:
        """The lights of the log; in other weather also those that its drivers would have on."""
        weather = self._playback.weather
        if weather is not None and staging.need_lights(weather) and not self._log.actors[log_id].parked:
            flags |= staging.DRIVING_LIGHTS
        return carla.command.SetVehicleLightState(self._actors[log_id].id, carla.VehicleLightState(flags))

    def _show_lights(self, frame: int) -> None:
        for log_id, state in self._log.traffic_lights.get(frame, {}).items():
            if self._lit.get(log_id) != state and log_id in self._lights:
                self._lights[log_id].set_state(getattr(carla.TrafficLightState, state))
                self._lit[log_id] = state
