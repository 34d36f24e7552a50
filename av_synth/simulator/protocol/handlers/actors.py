"""Actors come, go and are described."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec, structs
from av_synth.simulator.protocol.calls import CallError, CallTable, Kind
from av_synth.simulator.protocol.codec import integer, items
from av_synth.simulator.world.errors import ActorNotFound

TABLE: CallTable[Engine] = CallTable()
_NOBODY = 0  # no actor's id; to the engine, as the id of a parent, none
_RIGID = 0
_ARM_LIFT_M: Final = {1: 0.3, 2: 0.0}  # of a spring arm, and of one that passes through things


@TABLE.value
def get_spectator(engine: Engine) -> Any:
    """The spectator's Actor."""
    return engine.wire_actor(engine.world.actors[engine.world.spectator_id])


@TABLE.value
def get_actors_by_id(engine: Engine, ids: Any) -> list[Any]:
    """Actors of these ids, each once; unknown ones are left out."""
    known = engine.world.actors
    wanted = dict.fromkeys(map(integer, items(ids)))  # a short request must not make a long answer
    return [engine.wire_actor(known[actor_id]) for actor_id in wanted if actor_id in known]


@TABLE.unlocked(Kind.VALUE)
def spawn_actor(engine: Engine, description: Any, transform: Any) -> Any:
    """Create an actor in the world."""
    return spawn(engine, description, transform)


@TABLE.unlocked(Kind.VALUE)
def spawn_actor_with_parent(
    engine: Engine, description: Any, transform: Any, parent_id: Any, attachment: Any = _RIGID, socket: Any = ""
) -> Any:
    """Create an actor attached to another one's origin, rigidly or on a spring arm, which is stiff here."""
    kind = integer(attachment)
    if kind != _RIGID and kind not in _ARM_LIFT_M:
        raise CallError(f"spawn_actor_with_parent: attachment = {kind}; want 0 (rigid), 1 or 2 (spring arms)")
    if socket:
        raise CallError("spawn_actor_with_parent: the embedded simulator's bodies have no sockets")
    return spawn(engine, description, transform, integer(parent_id), _ARM_LIFT_M.get(kind))


def spawn(
    engine: Engine, description: Any, transform: Any, parent_id: int | None = None, arm_lift_m: float | None = None
) -> Any:
    """Create an actor that is free, or attached if it has a parent, then rigidly or on an arm of this lift."""
    blueprint_id, attributes = structs.read_description(description)
    mount = codec.read_transform(transform)
    if arm_lift_m is not None:
        mount = _on_an_arm(mount, arm_lift_m)
    if parent_id == _NOBODY:
        raise ActorNotFound("spawn_actor_with_parent", _NOBODY)
    engine.sensors.prepare(blueprint_id)
    with engine.lock:
        actor = engine.spawn(blueprint_id, attributes, mount, parent_id or _NOBODY)
        return engine.wire_actor(actor)


def _on_an_arm(mount: Array, lift_m: float) -> Array:
    """Where (4, 4) CARLA's spring arm holds what is mounted so, once it rests: turned to the parent's origin first."""
    forward = -mount[:3, 3]
    length = float(np.linalg.norm(forward))
    across = float(np.hypot(forward[0], forward[1]))
    left = np.array([-forward[1], forward[0], 0.0]) / across if across > 0.0 else np.array([0.0, 1.0, 0.0])
    held = mount.copy()
    held[2, 3] += lift_m
    if length > 0.0:
        forward = forward / length
        held[:3, :3] = np.column_stack([forward, left, np.cross(forward, left)]) @ mount[:3, :3]
    return held


@TABLE.value
def destroy_actor(engine: Engine, actor_id: Any) -> bool:
    """Remove an actor."""
    if integer(actor_id) not in engine.world.actors:
        raise CallError("unable to destroy actor: not found")
    if not engine.destroy(actor_id):
        raise CallError("unable to destroy actor: it belongs to the town")
    return True


@TABLE.unlocked(Kind.VALUE)
def get_actor_bounding_box(engine: Engine, actor_id: Any) -> Any:
    """An actor's box. An unknown actor has an empty one: an error would end a client whose TM still asks for it."""
    actor = engine.world.actors.get(integer(actor_id))
    return codec.NO_BOX if actor is None else structs.packed_box_of(actor)
