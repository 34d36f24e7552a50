"""What a frame looks like to the sensors: an instance for each body, and where things were on the frame before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import STEPS
from av_synth.simulator.scene import Instance, VehicleLight
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.doors import with_open_doors
from av_synth.simulator.world.model import Actor, LightState
from av_synth.simulator.world.turned_wheels import turned


def instances(arrays: BodyArrays) -> list[Instance]:
    """All bodies as they are now, in the order of their rows, each before its open doors.

    Nothing in it changes with the world.
    """
    arrays.tell()
    poses, velocities, angular = arrays.told_pose.copy(), arrays.told_velocity.copy(), arrays.told_angular.copy()
    last_poses = arrays.last_pose.copy()
    strides = np.where(arrays.stride_m > 0.0, arrays.stride_m, np.inf)
    steps, last_steps = (
        (walked / strides * STEPS).astype(int) % STEPS for walked in (arrays.walked_m, arrays.last_walked_m)
    )
    braking = arrays.asked[:, 1].astype(np.float32) > 0.02
    wheels = turned(arrays)
    found: list[Instance] = []
    for k, actor in enumerate(arrays.actors):
        if actor.kind == "walker":
            pose = int(steps[k])
        elif actor.traffic_light is not None:
            pose = min(int(actor.traffic_light.state), int(LightState.OFF))
        else:
            pose = 0
        seen = Instance(
            actor.id,
            actor.blueprint_id,
            pose,
            poses[k],
            velocities[k],
            angular[k],
            actor.colour,
            actor.lights | (VehicleLight.BRAKE if braking[k] else 0),
            int(last_steps[k]) if actor.kind == "walker" else pose,
            last_poses[k],
            *wheels.get(k, (None, None)),
        )
        found += with_open_doors(actor, seen)
    return found


def last_pose(actor: Actor, actors: Mapping[int, Actor], arrays: BodyArrays) -> Array:
    """(4, 4), where an actor was on the frame before this one.

    What has no body is taken to have been in its present place on its parent, or without one where it is.
    """
    mount = np.eye(4)
    while actor.id not in arrays:
        if actor.parent_from_actor is None:
            return np.asarray(actor.world_from_actor @ mount)
        mount = actor.parent_from_actor @ mount
        actor = actors[actor.parent_id]
    return np.asarray(arrays.last_pose[arrays.row(actor.id)] @ mount)
