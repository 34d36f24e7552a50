"""Episode, actors, dynamics, traffic lights and contacts: everything that happens, and no bytes and no pictures."""

from av_synth.simulator.world.errors import ActorNotFound, NotSupported, SpawnRefused, WrongActorKind
from av_synth.simulator.world.model import (
    AckermannControl,
    AckermannSettings,
    Actor,
    Attribute,
    AttributeType,
    Collision,
    Definition,
    Gear,
    LightState,
    VehicleControl,
    VehiclePhysics,
    WalkerControl,
    WheelPhysics,
)
from av_synth.simulator.world.world import World

__all__ = [
    "AckermannControl",
    "AckermannSettings",
    "Actor",
    "ActorNotFound",
    "Attribute",
    "AttributeType",
    "Collision",
    "Definition",
    "Gear",
    "LightState",
    "NotSupported",
    "SpawnRefused",
    "VehicleControl",
    "VehiclePhysics",
    "WalkerControl",
    "WheelPhysics",
    "World",
    "WrongActorKind",
]
