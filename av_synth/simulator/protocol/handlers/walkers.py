"""Walkers: what they are told and how they are, handed on to the world's `commands`."""

from __future__ import annotations

from typing import Any

from av_synth.simulator.engine import Engine
from av_synth.simulator.protocol import codec, structs
from av_synth.simulator.protocol.calls import CallTable
from av_synth.simulator.protocol.codec import integer, number

TABLE: CallTable[Engine] = CallTable()


@TABLE.void
def apply_control_to_walker(engine: Engine, actor_id: Any, control: Any) -> None:
    """Let a walker go."""
    engine.world.apply_walker_control(integer(actor_id), structs.read_walker_control(control))


@TABLE.void
def set_walker_state(engine: Engine, actor_id: Any, transform: Any, speed: Any) -> None:
    """Place a walker, as the client's walker AI does each tick."""
    engine.world.set_walker_state(integer(actor_id), codec.read_transform(transform), number(speed))
