"""States of actors at one frame, as the session reads them from the world snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from av_synth.geometry.transforms import Array


@dataclass(frozen=True)
class ActorInfo:
    """What does not change about an actor.

    Attributes:
        actor_id: the simulator's id.
        type_id: blueprint id, such as vehicle.audi.a2.
        role: the name the scenario gave it ('ego', 'van'), or its role_name attribute.
        category: nuScenes category, or '' for what nuScenes does not annotate.
        box_centre_m: (3,), of the bounding box in the actor's frame; the box's axes are the actor's.
        size_lwh_m: (3,), length, width, height.
        parked: the scenario put it there to stay, engine off.
        box_source: `reported` by the simulator, or `corrected` (session/boxes.py).
        attributes: of its blueprint, as it was spawned.
        towed_by: the vehicle that it is attached to; 0 for none.
    """

    actor_id: int
    type_id: str
    role: str
    category: str
    box_centre_m: Array
    size_lwh_m: Array
    parked: bool = False
    box_source: str = "reported"
    attributes: Mapping[str, str] = field(default_factory=dict)
    towed_by: int = 0


@dataclass(frozen=True)
class ActorState:
    """One actor at one frame; velocities and acceleration (3,) in world axes, SI units."""

    world_from_actor: Array
    velocity_mps: Array
    angular_velocity_radps: Array
    acceleration_mps2: Array


@dataclass(frozen=True)
class WorldState:
    """Every vehicle, walker and prop at one frame.

    Attributes:
        frame: the simulator's frame number; of a log, its own.
        time_us: microseconds since the run's first recorded frame (negative during warm-up).
        actors: state by actor id.
        infos: what does not change, by actor id; the same keys as `actors`.
        ajar: doors (carla.VehicleDoor) that were told to open and not yet to close, by actor id, as far as is known.
    """

    frame: int
    time_us: int
    actors: Mapping[int, ActorState]
    infos: Mapping[int, ActorInfo]
    ajar: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def velocity_at(self, actor_id: int, point_world_m: Array) -> Array:
        """Velocity (3,) in world axes, m/s, of a point (3,) that is fixed to an actor and turns with it."""
        actor = self.actors[actor_id]
        lever = point_world_m - actor.world_from_actor[:3, 3]
        velocity: Array = actor.velocity_mps + np.cross(actor.angular_velocity_radps, lever)
        return velocity

    def world_from_box(self, actor_id: int) -> Array:
        """`world_from_box` (4, 4): the actor's pose moved to the centre of its bounding box."""
        pose = self.actors[actor_id].world_from_actor.copy()
        pose[:3, 3] += pose[:3, :3] @ np.asarray(self.infos[actor_id].box_centre_m)
        return pose
