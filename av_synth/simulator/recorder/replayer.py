"""Plays a recording back into the world, as CARLA's replayer does.

Poses, velocities, controls and lights are put in place before each step, so that all sensors, the steps of walkers
and accelerations see them as if they had come about; the colours of traffic lights after it, whose cycles go on below.
Source: CARLA, CarlaReplayer.cpp and CarlaReplayerHelper.cpp. Other than there, controls and lights are of the same
time as the places and not of a frame later, and velocities are played.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from av_synth.errors import AvSynthError, LogError
from av_synth.geometry.carla import CM_PER_M
from av_synth.geometry.transforms import Array
from av_synth.recording import format as layout
from av_synth.recording.model import Frame, Recording
from av_synth.simulator.recorder.cast import Cast, Spawn, Wishes
from av_synth.simulator.recorder.frames import Definitions
from av_synth.simulator.recorder.timeline import Motion, Timeline, doors_of
from av_synth.simulator.world import LightState, VehicleControl, WalkerControl, World
from av_synth.simulator.world.doors import move_door
from av_synth.simulator.world.traffic_lights import show_light

log = logging.getLogger(__name__)
MAX_TIME_FACTOR = 1000.0
_EXACT_FROM_FACTOR = 2.0  # as CARLA: faster than this nothing is interpolated
_SAME_S = 1e-6
_MOST_ACTORS = 10_000


@dataclass
class _Play:
    """A recording that is being played.

    Attributes:
        shown: the frame whose comings and goings were played last.
        over: the next step is the world's own again.
    """

    timeline: Timeline
    cast: Cast
    time_s: float
    stop_s: float
    follow_id: int
    follower_from_spectator: Array
    shown: int
    over: bool = False

    @property
    def frame(self) -> Frame:
        return self.timeline.frames[self.shown]


class Replayer:
    """At most one replay at a time; the engine's lock is held by whoever calls.

    Attributes:
        time_factor: recorded seconds in a second.
        ignore_hero, ignore_spectator: of the replays that begin from now on.
    """

    def __init__(self, world: World, spawn: Spawn, destroy: Callable[[int], bool], definitions: Definitions) -> None:
        self.set_defaults()
        self._world = world
        self._spawn = spawn
        self._destroy = destroy
        self._definitions = definitions
        self._play: _Play | None = None

    def start(
        self, recording: Recording, start_s: float, duration_s: float, follow_id: int, offset: Array, *, sensors: bool
    ) -> tuple[float, float]:
        """Bring everybody who is there at the start on stage, and play from the next step on.

        Args:
            recording: of this town.
            start_s: from the first frame, or if negative from the end.
            duration_s: recorded seconds; 0 or less for all that follow.
            follow_id: recorded id of who the spectator goes with, 0 for nobody.
            offset: (4, 4), the spectator seen from who it goes with.
            sensors: whether sensors are created too.

        Returns:
            From when to when it is played, in seconds.

        Raises:
            LogError: if it begins after its end, or there are more actors in it than can be played.
        """
        self.stop(keep_actors=True)
        timeline = Timeline(recording)
        if start_s < 0.0:
            start_s = max(0.0, timeline.total_s + start_s)
        if start_s > timeline.total_s + _SAME_S:
            raise LogError(f"{recording.name}: start {start_s:g} s; it is {timeline.total_s:g} s long")
        stop_s = min(start_s + duration_s, timeline.total_s) if duration_s > 0.0 else timeline.total_s
        wishes = Wishes(self.ignore_hero, self.ignore_spectator, sensors)
        cast = Cast(self._world, self._spawn, self._destroy, self._definitions, wishes)
        first = timeline.at(start_s)[0]
        arrivals = timeline.standing(first)
        if len(arrivals) > _MOST_ACTORS:
            raise LogError(
                f"{recording.name}: {len(arrivals)} actors at {start_s:g} s; at most {_MOST_ACTORS} are played"
            )
        for arrival in arrivals:
            cast.enter(arrival)
        self._play = _Play(timeline, cast, start_s, stop_s, follow_id, offset, first)
        self._move_doors(cast, timeline.doors(first))
        return start_s, stop_s

    def stop(self, *, keep_actors: bool) -> None:
        """End the replay, if there is one: who was played goes on by physics, or is removed if it was created."""
        play, self._play = self._play, None
        if play is not None:
            if not keep_actors:
                play.cast.dismiss()
            play.cast.release()

    def set_defaults(self) -> None:
        """Play as nobody has asked for otherwise: a client's wishes are for its episode."""
        self.time_factor = 1.0
        self.ignore_hero = False
        self.ignore_spectator = True

    def drop(self) -> None:
        """Forget the replay: the episode is over."""
        self._play = None

    def before_step(self, delta_s: float) -> None:
        """Put everybody where they are on the next frame."""
        play = self._play
        if play is None:
            return
        if play.over:
            self.stop(keep_actors=True)
            return
        try:
            self._show(play)
        except AvSynthError as error:  # of a file that says what cannot be
            log.warning("the replay ends: %s", error)
            self.stop(keep_actors=True)
            return
        play.over = play.time_s >= play.stop_s - _SAME_S
        play.time_s = min(play.time_s + delta_s * self.time_factor, play.stop_s)

    def after_step(self) -> None:
        """Show the colours of traffic lights."""
        play = self._play
        if play is None:
            return
        for record in play.frame.records(layout.STATE):
            actor = play.cast.actor(int(record["actor_id"]))
            if actor is not None and actor.traffic_light is not None:
                state = LightState(min(int(record["state"]), max(LightState)))
                show_light(actor.traffic_light, state, float(record["elapsed_s"]))
                if actor.traffic_light.frozen != bool(record["frozen"]):
                    self._world.freeze_traffic_light(actor.id, bool(record["frozen"]))

    def _show(self, play: _Play) -> None:
        number, share = play.timeline.at(play.time_s)
        while play.shown < number:
            play.shown += 1
            for arrival in play.timeline.arriving(play.shown):
                play.cast.enter(arrival)
            for actor_id in play.frame.records(layout.EVENT_DEL)["actor_id"].tolist():
                play.cast.leave(actor_id)
            self._move_doors(play.cast, doors_of(play.frame))
        if self.time_factor >= _EXACT_FROM_FACTOR:
            share = 0.0
        for actor_id, motion in play.timeline.motions(number, share):
            self._move(play.cast, actor_id, motion)
        self._act(play.cast, play.frame)
        followed = play.cast.actor(play.follow_id)
        if followed is not None:
            pose = followed.world_from_actor @ play.follower_from_spectator
            self._world.set_transform(self._world.spectator_id, pose)

    def _move(self, cast: Cast, recorded_id: int, motion: Motion) -> None:
        actor = cast.actor(recorded_id)
        if actor is None or actor.kind == "traffic_light":  # which stands where the town has it
            return
        self._world.set_transform(actor.id, motion.world_from_actor)
        carried = actor.body is None or actor.parent_from_actor is not None
        if not carried and not actor.simulate_physics:  # a client may have taken it over
            self._world.set_target_velocity(actor.id, motion.velocity_mps)
            self._world.set_target_angular_velocity(actor.id, motion.angular_velocity_radps)

    def _act(self, cast: Cast, frame: Frame) -> None:
        """Controls and lamps."""
        for record in frame.records(layout.ANIM_VEHICLE):
            actor = cast.actor(int(record["actor_id"]))
            if actor is not None and actor.vehicle is not None:
                self._world.apply_vehicle_control(actor.id, _vehicle_control(record))
        for record in frame.records(layout.ANIM_WALKER):
            actor = cast.actor(int(record["actor_id"]))
            if actor is not None and actor.walker is not None:
                x, y, z = actor.world_from_actor[:3, 0].tolist()
                speed_mps = float(record["speed_cmps"]) / CM_PER_M
                self._world.apply_walker_control(actor.id, WalkerControl((x, y, z), speed_mps))
        for recorded_id, flags in frame.records(layout.VEHICLE_LIGHT).tolist():
            actor = cast.actor(recorded_id)
            if actor is not None and actor.vehicle is not None:
                self._world.set_lights(actor.id, flags)

    def _move_doors(self, cast: Cast, doors: dict[tuple[int, int], bool]) -> None:
        for (recorded_id, door), is_open in doors.items():
            actor = cast.actor(recorded_id)
            if actor is None:
                continue
            try:
                move_door(actor, door, opened=is_open)
            except AvSynthError as error:
                log.warning("replay: %s", error)


def _vehicle_control(record: Any) -> VehicleControl:
    throttle, brake = (float(np.clip(record[name], 0.0, 1.0)) for name in ("throttle", "brake"))
    steer, gear = float(np.clip(record["steer"], -1.0, 1.0)), int(record["gear"])
    return VehicleControl(throttle, steer, brake, bool(record["hand_brake"]), reverse=gear < 0, gear=gear)
