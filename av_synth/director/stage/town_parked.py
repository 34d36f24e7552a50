"""Parked vehicles of the town itself: taken away, and actors put in their places.

In CARLA's towns parked cars are parts of the level: they are in every picture and have no actor, so no label
(carla#2343). Actors of about their size, physics off, have true boxes.
"""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np

from av_synth.director.model import Event, Stage
from av_synth.director.stage.casting import Casting
from av_synth.director.stage.placement import LIFT_M, settle
from av_synth.errors import SpawnError
from av_synth.geometry import transforms
from av_synth.geometry.carla import matrix_from_world_box
from av_synth.geometry.transforms import Array, from_yaw

_LABELS = (carla.CityObjectLabel.Car, carla.CityObjectLabel.Truck, carla.CityObjectLabel.Bus)
# A wheel or a pane can be an object of its own: what is not as long as a small car is a part of something.
_SHORTEST_M = 2.4
_PICK = 0.5  # of the colours
ROLE = "town_parked_{}"


def replace_parked(stage: Stage, casting: Casting) -> Iterator[Event]:
    """Put an actor in the place of each parked vehicle of the town; tells of those that found no room.

    What is asked once, by what the map lists; a town without parked vehicles costs three questions.
    """
    found = parked_things(stage.world)
    if not found:
        return
    stage.hide_town_objects([thing.id for thing in found])
    bodies = {type_id: casting.size(type_id).half_m for type_id in casting.playing("car", "van", "truck", "bus")}
    whole = [thing for thing in found if 2.0 * thing.bounding_box.extent.x >= _SHORTEST_M]
    for index, thing in enumerate(sorted(whole, key=lambda thing: str(thing.name))):
        extent = thing.bounding_box.extent
        half = np.array([extent.x, extent.y, extent.z])
        type_id = min(sorted(bodies), key=lambda body: float(np.abs(bodies[body] - half).sum()))
        pose = _pose(thing, casting.size(type_id).centre_m, float(extent.z))
        lifted = pose.copy()
        lifted[2, 3] += LIFT_M
        role = ROLE.format(index)
        try:
            actor = stage.spawn(type_id, lifted, role=role, attributes=casting.colour(type_id, _PICK), parked=True)
        except SpawnError as error:
            yield Event(0, "not_placed", detail={"role": role, "reason": str(error)})
            continue
        settle(stage, actor, pose)


def parked_things(world: carla.World) -> list[carla.EnvironmentObject]:
    """The parked vehicles that are parts of a town, and parts of such."""
    return [thing for label in _LABELS for thing in world.get_environment_objects(label)]


def _pose(thing: carla.EnvironmentObject, centre_m: Array, half_height_m: float) -> Array:
    """`world_from_actor` (4, 4) of a body whose box stands where the thing's does: its box is in world axes."""
    world_from_box = matrix_from_world_box(thing.bounding_box)
    x, y, z = world_from_box[:3, 3].tolist()
    pose = from_yaw(x, y, z - half_height_m, transforms.yaw(world_from_box))
    pose[:2, 3] -= pose[:2, :2] @ centre_m[:2]
    return pose
