"""Who plays whom: actors of a recording, and the actors of this world that stand for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from av_synth.errors import AvSynthError
from av_synth.geometry.transforms import Array, invert
from av_synth.recording import format as layout
from av_synth.recording.model import Added
from av_synth.simulator.recorder.frames import Definitions
from av_synth.simulator.recorder.timeline import Arrival
from av_synth.simulator.world import Actor, VehicleControl, WalkerControl, World
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS

log = logging.getLogger(__name__)
_MOVING = ("vehicle", "walker")
_TOWNS_OWN = "traffic."
_SPECTATOR = "spectator"
_LIGHT_NEAR_M = 0.05
_ABOVE_M = 1000.0
"""Where who is created appears first, as CARLA has it: nobody is in the way there."""


class Spawn(Protocol):
    """`Engine.spawn`."""

    def __call__(  # noqa: D102  the class says it
        self, blueprint_id: str, attributes: Mapping[str, str], transform: Array, parent_id: int, wanted_id: int
    ) -> Actor: ...


@dataclass(frozen=True)
class Wishes:
    """What is not to be played.

    Attributes:
        ignore_hero: leave out who has the role hero.
        ignore_spectator: leave the spectator where it is.
        sensors: create sensors too.
    """

    ignore_hero: bool
    ignore_spectator: bool
    sensors: bool

    def leave_out(self, added: Added) -> bool:
        """Whether an actor is not to be played."""
        if added.type_id.startswith(_SPECTATOR):
            return self.ignore_spectator
        return (self.ignore_hero and is_hero(added)) or (not self.sensors and is_sensor(added.type_id))


def is_hero(added: Added) -> bool:
    """Whether it has the role hero."""
    return any(a.name == "role_name" and a.value == layout.HERO for a in added.attributes)


def is_sensor(type_id: str) -> bool:
    """Whether a blueprint is a sensor's."""
    return type_id.startswith("sensor.") or type_id in SENSOR_IDS


def can_play(type_id: str, definitions: Definitions) -> bool:
    """Whether this world has what a blueprint's id stands for."""
    return type_id in definitions() or type_id.startswith(_TOWNS_OWN)


@dataclass
class Cast:
    """Who plays whom.

    Attributes:
        ids: actor ids of this world by recorded ids.
        created: those of them that were not there before.
    """

    world: World
    spawn: Spawn
    destroy: Callable[[int], bool]
    definitions: Definitions
    wishes: Wishes
    ids: dict[int, int] = field(default_factory=dict)
    created: list[int] = field(default_factory=list)

    def actor(self, recorded_id: int) -> Actor | None:
        """Who plays somebody; None if nobody does, or no more."""
        return self.world.actors.get(self.ids.get(recorded_id, 0))

    def enter(self, arrival: Arrival) -> None:
        """Find or create who plays an actor that appears; who cannot be created is left out, as CARLA does."""
        added = arrival.added
        if self.wishes.leave_out(added) or not can_play(added.type_id, self.definitions):
            return
        try:
            found = self._known(arrival)
            if found is None and not added.type_id.startswith((_TOWNS_OWN, _SPECTATOR)):
                found = self._created(arrival)
        except AvSynthError as error:
            log.warning("replay: actor %d, %s, is left out: %s", added.actor_id, added.type_id, error)
            return
        if found is None:
            return
        self.ids[added.actor_id] = found.id
        if found.kind in _MOVING:
            self._hold(found)

    def leave(self, recorded_id: int) -> None:
        """An actor disappears."""
        actor_id = self.ids.pop(recorded_id, 0)
        if actor_id:
            self.destroy(actor_id)

    def release(self) -> None:
        """Give everybody back to physics, at rest."""
        for actor in map(self.actor, list(self.ids)):
            if actor is None or actor.kind not in (*_MOVING, "prop"):
                continue
            if actor.vehicle is not None:
                self.world.apply_vehicle_control(actor.id, VehicleControl())
            if actor.walker is not None:
                self.world.apply_walker_control(actor.id, WalkerControl())
            if actor.kind == "prop" or actor.parent_id:
                self.world.set_target_velocity(actor.id, np.zeros(3))
                self.world.set_target_angular_velocity(actor.id, np.zeros(3))
            else:
                self.world.set_simulate_physics(actor.id, True)  # which also stops it
            if actor.kind in _MOVING:
                self.world.set_collisions(actor.id, True)

    def dismiss(self) -> None:
        """Remove everybody who was created."""
        for actor_id in reversed(self.created):
            self.destroy(actor_id)

    def _known(self, arrival: Arrival) -> Actor | None:
        """The town's own, which is found by its place; or who has the same id and blueprint."""
        added, actors = arrival.added, self.world.actors
        if added.type_id.startswith(_SPECTATOR):
            return actors[self.world.spectator_id]
        if added.type_id.startswith(_TOWNS_OWN):
            place = arrival.world_from_actor[:3, 3]
            lights = (actor for actor in actors.values() if actor.traffic_light is not None)
            near = (a for a in lights if float(np.abs(a.world_from_actor[:3, 3] - place).max()) < _LIGHT_NEAR_M)
            return next(near, None)
        same = actors.get(added.actor_id)
        if same is None or same.blueprint_id != added.type_id:
            return None
        self.world.set_transform(same.id, arrival.world_from_actor)
        return same

    def _created(self, arrival: Arrival) -> Actor:
        added, pose = arrival.added, arrival.world_from_actor
        blueprint = self.definitions().get(added.type_id)
        ours = {a.id for a in blueprint.attributes if a.modifiable} if blueprint is not None else frozenset()
        values = {a.name: a.value for a in added.attributes if a.name in ours}
        parent = self.actor(arrival.parent_id)
        start = pose.copy()
        if parent is None:
            start[2, 3] += _ABOVE_M
        else:
            start = invert(parent.world_from_actor) @ pose
        actor = self.spawn(added.type_id, values, start, 0 if parent is None else parent.id, added.actor_id)
        self.created.append(actor.id)
        if parent is None:
            self.world.set_transform(actor.id, pose)
        return actor

    def _hold(self, actor: Actor) -> None:
        """Nothing of what it did before moves it, and nobody runs into it, as in CARLA."""
        self.world.set_simulate_physics(actor.id, False)
        self.world.set_collisions(actor.id, False)
        if actor.vehicle is not None:
            self.world.disable_constant_velocity(actor.id)
