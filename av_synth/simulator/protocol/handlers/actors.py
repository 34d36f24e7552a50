"""Actors come, go and are described."""

from __future__ import annotations

from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec, structs
from av_synth.simulator.protocol.calls import CallError, CallTable, Kind
from av_synth.simulator.protocol.codec import integer, items

TABLE: CallTable[Engine] = CallTable()
_NO_PARENT = 0
_RIGID = 0


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
    return attach(engine, description, transform, _NO_PARENT)


@TABLE.unlocked(Kind.VALUE)
def spawn_actor_with_parent(
    engine: Engine, description: Any, transform: Any, parent_id: Any, attachment: Any = _RIGID, socket: Any = ""
) -> Any:
    """Create an actor attached to another one; only rigidly, and to its origin."""
    if integer(attachment) != _RIGID:
        raise CallError("spawn_actor_with_parent: the embedded simulator attaches rigidly only, without spring arms")
    if socket:
        raise CallError("spawn_actor_with_parent: the embedded simulator's bodies have no sockets")
    return attach(engine, description, transform, parent_id)


def attach(engine: Engine, description: Any, transform: Any, parent_id: Any) -> Any:
    """Create an actor that is rigidly attached, or free if its parent is 0."""
    blueprint_id, attributes = structs.read_description(description)
    engine.sensors.prepare(blueprint_id)
    with engine.lock:
        actor = engine.spawn(blueprint_id, attributes, codec.read_transform(transform), integer(parent_id))
        return engine.wire_actor(actor)


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
