"""Players: those who move by the scenario, each turning what it sees into commands for the next tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import carla

from av_synth.director.view import View
from av_synth.scenario.model import EventSpec
from av_synth.session.commands import Command


class Player(Protocol):
    """Somebody who moves by the scenario."""

    actor: carla.Actor

    def begin(self, event: EventSpec, view: View, /) -> None:
        """Start a manoeuvre.

        Raises:
            CastError: if the road has no way to do it.
        """

    def ended(self, view: View, /) -> list[EventSpec]:
        """The manoeuvres that came to their end since the last frame."""

    def control(self, view: View, dt_s: float) -> list[Command]:
        """What to send for the next tick."""


@dataclass
class Running:
    """A manoeuvre that has begun.

    Attributes:
        event: what began it.
        slot: what of the player it takes; the next one of the same slot replaces it.
        over: whether it is at its end by itself.
        undo: what it takes to go on as before.
        until_us: when it is ended, by the scenario.
    """

    event: EventSpec
    slot: str
    over: Callable[[View], bool]
    undo: Callable[[View], None]
    until_us: float | None = None


class Manoeuvres:
    """The manoeuvres of one player."""

    def __init__(self) -> None:
        self._running: list[Running] = []
        self._replaced: list[EventSpec] = []

    def begin(self, running: Running, view: View) -> None:
        """Start one; the one that it replaces is over."""
        if running.event.for_s is not None:
            running.until_us = view.time_us + running.event.for_s * 1e6
        self._replaced += [other.event for other in self._running if other.slot == running.slot]
        self._running = [other for other in self._running if other.slot != running.slot]
        self._running.append(running)

    def ended(self, view: View) -> list[EventSpec]:
        """Those that are over at this frame, undone where the scenario ends them."""
        ended, self._replaced = self._replaced, []
        for running in list(self._running):
            if running.until_us is None:
                if not running.over(view):
                    continue
            elif view.time_us < running.until_us:
                continue
            else:
                running.undo(view)
            self._running.remove(running)
            ended.append(running.event)
        return ended
