"""Obstacle detectors: what a sphere meets that is pushed ahead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from av_synth.simulator.protocol import bodies
from av_synth.simulator.protocol.structs import WireActor, static_actor
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Instance, Scene
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.spec import ObstacleSpec
from av_synth.simulator.world.blueprints import TRAFFIC_LIGHT_ID
from av_synth.simulator.world.level_cars import FIRST_LEVEL_ID

_BODY_REACH_M = 20.0  # no body is larger, measured from its origin


def in_reach(exposure: Exposure, spec: ObstacleSpec, scene: Scene) -> set[int]:
    """Ids of the actors that the detector may meet."""
    origin = exposure.world_from_sensor[:3, 3]
    reach = spec.distance_m + spec.radius_m + _BODY_REACH_M
    return {i.actor_id for i in scene.instances if np.linalg.norm(i.world_from_body[:3, 3] - origin) <= reach}


def expose_obstacle(
    rays: RayScene, scene: Scene, exposure: Exposure, spec: ObstacleSpec, names: Mapping[int, WireActor]
) -> list[Message]:
    """The message of an obstacle detector, or none where the way is free. Its own vehicle is no obstacle.

    Source: CARLA 0.9.16, Sensor/ObstacleDetectionSensor.cpp: who detects is the sensor, not its parent.

    Args:
        rays: the town and the bodies.
        scene: what stands where.
        exposure: where and when.
        spec: how far, how wide, and whether the town counts.
        names: the sensor and the actors in reach as they travel; what is not among them is part of the town.
    """
    sensor = exposure.sensor
    fixed = [i.actor_id for i in scene.instances if _belongs_to_town(i)] if spec.only_actors else []
    contact = rays.sweep(
        scene,
        exposure.world_from_sensor[:3, 3],
        exposure.world_from_sensor[:3, 0],
        spec.distance_m,
        spec.radius_m,
        ignore=frozenset({sensor.parent_id, *fixed}),
        town=not spec.only_actors,
    )
    if contact is None:
        return []
    other = names.get(contact.actor_id) or static_actor(contact.tag)
    return [exposure.message(bodies.obstacle(names[sensor.actor_id], other, contact.distance_m))]


def _belongs_to_town(instance: Instance) -> bool:
    return instance.body == TRAFFIC_LIGHT_ID or instance.actor_id >= FIRST_LEVEL_ID
