"""The steps of a session, in their order. docs/how-to/attach.md says what each is for."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum


class Step(IntEnum):
    """What has been done. A step may be left out (a session without sensors); none is made after a later one."""

    CONNECTED = 1
    """The server is of the client's version."""
    EMPTY = 2
    """Nobody else's actors are there, or they are to be taken over."""
    SAVED = 3
    """What settings the world had is known; from here on a caretaker watches where the server is not ours."""
    LOADED = 4
    """The town is loaded: a new episode, with nobody in it."""
    SEEDED = 5
    """The world's clock is ours, and what is random is seeded; so is the Traffic Manager, where there is one."""
    WEATHER = 6
    """The weather is set."""
    SPAWNED = 7
    """Somebody was spawned."""
    SETTLED = 8
    """Nobody falls or rocks any more."""
    SENSORS = 9
    """The sensors have been started."""
    WARM = 10
    """The cameras' exposure is stable, and the next frame is the first that is recorded."""
    RECORDED = 11
    """The last frame was recorded."""
    STOPPED = 12
    """The sensors have been stopped, and what they still had to send has come."""
    DESTROYED = 13
    """Who was spawned is gone."""
    RESTORED = 14
    """The world has the settings that it had, and its own clock."""


OnStep = Callable[[Step], None]


def unheard(_: Step) -> None:
    """Nobody is told."""
