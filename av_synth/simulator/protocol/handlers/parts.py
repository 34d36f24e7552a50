"""What actors are made of: components, the bones of vehicles, and the heads of traffic lights.

Names are those that CARLA's classes give the same things. The transforms that it calls relative are relative to the
actor here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from av_synth.geometry.transforms import Array, apply, yaw
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec
from av_synth.simulator.protocol.calls import CallError, CallTable
from av_synth.simulator.protocol.codec import integer, text
from av_synth.simulator.scene import Mesh, Tag
from av_synth.simulator.world import Actor
from av_synth.simulator.world.errors import WrongActorKind

TABLE: CallTable[Engine] = CallTable()
_MESHES = {"vehicle": "VehicleMesh", "walker": "CharacterMesh0"}
_BOXES = {"vehicle": "VehicleBounds", "walker": "CollisionCylinder"}
_WHEELS: dict[int, tuple[str, ...]] = {  # in the order of `VehiclePhysics.wheels`
    4: ("Wheel_Front_Left", "Wheel_Front_Right", "Wheel_Rear_Left", "Wheel_Rear_Right"),
    2: ("Wheel_Front", "Wheel_Rear"),
}


@TABLE.value
def get_actor_component_names(engine: Engine, actor_id: Any) -> list[str]:
    """Names of an actor's components: its mesh and its box, or the bare root of what cannot be seen."""
    return list(_components(engine.world.get("get_actor_component_names", integer(actor_id))))


@TABLE.value
def get_actor_component_world_transform(engine: Engine, actor_id: Any, name: Any) -> Any:
    """Where a component is."""
    actor, part = _component(engine, "get_actor_component_world_transform", actor_id, name)
    return codec.transform(engine.world.told(actor)[0] @ part)


@TABLE.value
def get_actor_component_relative_transform(engine: Engine, actor_id: Any, name: Any) -> Any:
    """Where a component is on its actor."""
    return codec.transform(_component(engine, "get_actor_component_relative_transform", actor_id, name)[1])


@TABLE.value
def get_actor_bone_names(engine: Engine, actor_id: Any) -> list[str]:
    """Names of a vehicle's bones: its base and its wheels."""
    return list(_bones(engine, "get_actor_bone_names", actor_id)[1])


@TABLE.value
def get_actor_bone_world_transforms(engine: Engine, actor_id: Any) -> list[Any]:
    """Where a vehicle's bones are, in the order of their names."""
    return _world_bones(engine, "get_actor_bone_world_transforms", actor_id)


@TABLE.value
def get_vehicle_bone_world_transforms(engine: Engine, actor_id: Any) -> list[Any]:
    """As `get_actor_bone_world_transforms`."""
    return _world_bones(engine, "get_vehicle_bone_world_transforms", actor_id)


@TABLE.value
def get_actor_bone_relative_transforms(engine: Engine, actor_id: Any) -> list[Any]:
    """Where a vehicle's bones are on it, in the order of their names."""
    _, bones = _bones(engine, "get_actor_bone_relative_transforms", actor_id)
    return [codec.transform(bone) for bone in bones.values()]


@TABLE.value
def get_light_boxes(engine: Engine, actor_id: Any) -> list[Any]:
    """A box in the world for each head of a traffic light."""
    actor = engine.world.get("get_light_boxes", integer(actor_id))
    if actor.traffic_light is None or actor.body is None:
        raise WrongActorKind("get_light_boxes", actor.id, actor.kind, "traffic light")
    pose = actor.world_from_actor
    heads = _heads(actor.body.meshes[0])
    return [
        codec.bounding_box(apply(pose, (low + high) / 2), (high - low) / 2, yaw(pose), actor.id) for low, high in heads
    ]


def _at(place_m: Array) -> Array:
    pose = np.eye(4)
    pose[:3, 3] = place_m
    return pose


def _components(actor: Actor) -> Mapping[str, Array]:
    """(4, 4) of each component in the actor's frame, by name."""
    if actor.body is None:
        return {"DefaultSceneRoot": np.eye(4)}
    centre = actor.body.box_centre_m if actor.box is None else actor.box[0]
    parts = {_MESHES.get(actor.kind, "StaticMeshComponent0"): np.eye(4)}
    return {**parts, _BOXES[actor.kind]: _at(centre)} if actor.kind in _BOXES else parts


def _component(engine: Engine, call: str, actor_id: Any, name: Any) -> tuple[Actor, Array]:
    actor = engine.world.get(call, integer(actor_id))
    parts = _components(actor)
    if text(name) not in parts:
        raise CallError(f"{call}: actor {actor.id} has no component '{name[:80]}'; want one of {', '.join(parts)}")
    return actor, parts[name]


def _bones(engine: Engine, call: str, actor_id: Any) -> tuple[Actor, Mapping[str, Array]]:
    """A vehicle, and (4, 4) of each of its bones in its frame, by name."""
    actor = engine.world.get(call, integer(actor_id))
    if actor.vehicle is None:
        raise CallError(
            f"{call}: the embedded simulator gives bones to vehicles only; actor {actor.id} is a {actor.kind}"
        )
    wheels = actor.vehicle.physics.wheels
    names = _WHEELS.get(len(wheels), tuple(f"Wheel_{k}" for k in range(len(wheels))))
    hubs = {name: _at(np.array(wheel.position_m)) for name, wheel in zip(names, wheels, strict=True)}
    return actor, {"Vehicle_Base": np.eye(4), **hubs}


def _world_bones(engine: Engine, call: str, actor_id: Any) -> list[Any]:
    actor, bones = _bones(engine, call, actor_id)
    pose = engine.world.told(actor)[0]
    return [codec.transform(pose @ bone) for bone in bones.values()]


def _heads(mesh: Mesh) -> list[tuple[Array, Array]]:
    """Lowest and highest corner (3,), (3,) of each head of a traffic light's mesh, from below: there is air between."""
    corners = mesh.positions_m[mesh.triangles[mesh.tags[mesh.triangles[:, 0]] == Tag.TRAFFIC_LIGHT]].astype(np.float64)
    order = np.argsort(corners[:, :, 2].min(axis=1))
    corners = corners[order]
    tops = np.maximum.accumulate(corners[:, :, 2].max(axis=1))
    gaps = np.flatnonzero(corners[1:, :, 2].min(axis=1) > tops[:-1]) + 1
    return [(part.min(axis=(0, 1)), part.max(axis=(0, 1))) for part in np.split(corners, gaps)]
