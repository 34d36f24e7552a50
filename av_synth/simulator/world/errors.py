"""What the world refuses, and how it says so; the protocol turns each into CARLA's error reply."""

from __future__ import annotations

from av_synth.errors import SimulatorError, SpawnError


class SpawnRefused(SpawnError):  # noqa: N818, reads as what happened
    """A blueprint, its attributes or its place do not allow a spawn; the text is CARLA's own where it has one."""


class ActorNotFound(SimulatorError):  # noqa: N818, reads as what happened
    """No actor of this episode has that id."""

    def __init__(self, call: str, actor_id: int) -> None:
        super().__init__(f"{call}: actor not found: {actor_id}; want the id of an actor that is there")


class WrongActorKind(SimulatorError):  # noqa: N818, reads as what happened
    """The actor exists but the call is for another kind of actor."""

    def __init__(self, call: str, actor_id: int, kind: str, wanted: str) -> None:
        super().__init__(f"{call}: actor {actor_id} is a {kind}; want a {wanted}")


class NotSupported(SimulatorError):  # noqa: N818, reads as what happened
    """The embedded simulator cannot do this, and says so instead of pretending."""

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(f"{call}: not supported by the embedded simulator: {reason}")
