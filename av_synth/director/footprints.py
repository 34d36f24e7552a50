"""The footprints of actors, read from a world state."""

from __future__ import annotations

from av_synth.log.state import WorldState
from av_synth.metrics import Footprint


def footprint(state: WorldState, actor_id: int) -> Footprint:
    """The footprint of an actor's bounding box, with its velocity."""
    size, velocity = state.infos[actor_id].size_lwh_m, state.actors[actor_id].velocity_mps
    return Footprint.of_box(state.world_from_box(actor_id), size, velocity)
