"""Commands to the simulator, sent in one batch; none is refused without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import carla

from av_synth.errors import SimulatorError


class Command(Protocol):
    """One of carla.command.* that is about an actor."""

    actor_id: int


def send(client: carla.Client, commands: Sequence[Command], what: str, names: Mapping[int, str]) -> None:
    """Have commands carried out, in their order, without a tick.

    Args:
        client: of the simulator.
        commands: each about an actor.
        what: what they do, to go before the actor's name.
        names: of actors, by id.

    Raises:
        SimulatorError: if one of them is refused; says to whom and why.
    """
    # the answer to a command that was refused has no actor id, only the command has
    for command, answer in zip(commands, client.apply_batch_sync(list(commands), False), strict=True):
        if answer.has_error():
            name = names.get(command.actor_id, "an actor that was not placed here")
            raise SimulatorError(
                f"{what} {name} (actor {command.actor_id}) was refused by the simulator: {answer.error}"
            )
