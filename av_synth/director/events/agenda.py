"""The scenario's events: which of them begin at a frame, and which may begin once more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from av_synth.director.events.conditions import Condition
from av_synth.director.events.triggers import watch
from av_synth.director.view import Scene, View
from av_synth.scenario.model import WHAT, EventSpec


@dataclass
class _Planned:
    """An event, how often it may still begin, and when what it did last is over: inf while nobody knows."""

    event: EventSpec
    due: Condition
    left: int
    over_us: float = -math.inf


class Agenda:
    """All events of a scenario, in its order."""

    def __init__(self, events: Sequence[EventSpec]) -> None:
        self._planned = [_Planned(event, watch(event), event.times) for event in events]

    def due(self, view: View) -> Iterator[EventSpec]:
        """Those that begin at this frame; each is to be begun before the next is asked for, which may wait for it."""
        for planned in self._planned:
            if not planned.left or view.time_us < planned.over_us or not planned.due(view):
                continue
            planned.left -= 1
            planned.due = watch(planned.event, again=True)
            planned.over_us = math.inf
            if planned.event.name is not None:
                view.scene.begun_us[planned.event.name] = view.time_us
                view.scene.over_us.pop(planned.event.name, None)
            yield planned.event

    def over(self, event: EventSpec, at_us: int, scene: Scene) -> None:
        """Note when what an event did is over."""
        for planned in self._planned:
            if planned.event is event:
                planned.over_us = at_us
        if event.name is not None:
            scene.over_us[event.name] = at_us

    def never_began(self) -> tuple[str, ...]:
        """What has not begun so far: names of events with what they do, such as `steps_out (courier.cross)`."""
        return tuple(_told(planned.event) for planned in self._planned if planned.left == planned.event.times)

    def give_up(self, name: str, view: View) -> None:
        """Whatever somebody does is over at this frame."""
        for planned in self._planned:
            if planned.event.actor == name and planned.over_us == math.inf:
                self.over(planned.event, view.time_us, view.scene)


def _told(event: EventSpec) -> str:
    what = next(key for key in WHAT if getattr(event, key) is not None)
    does = what if event.do is None else f"{event.actor}.{event.do.kind}"
    return does if event.name is None else f"{event.name} ({does})"
