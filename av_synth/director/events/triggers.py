"""Triggers: when an event of the scenario begins, told by conditions that are joined and must last."""

from __future__ import annotations

from av_synth.director.events.conditions import Condition, single
from av_synth.director.view import View
from av_synth.scenario.model import EventSpec
from av_synth.scenario.triggers import When


def watch(event: EventSpec, *, again: bool = False) -> Condition:
    """A condition that is to be asked once at every frame, in order, until it holds; it keeps count of the time.

    What is asked of somebody who is not on stage never holds.

    Args:
        event: whose condition.
        again: the event has begun before; what it waits for must come to hold anew.
    """
    joined = _joined(event.when, event)
    return _lasting(_anew(joined) if again else joined, event.when)


def _watch(when: When, event: EventSpec) -> Condition:
    return _lasting(_joined(when, event), when)


def _joined(when: When, event: EventSpec) -> Condition:
    if when.all is not None:
        return _all([_watch(part, event) for part in when.all])
    if when.any is not None:
        return _any([_watch(part, event) for part in when.any])
    if when.none is not None:
        some = _any([_watch(part, event) for part in when.none])
        return lambda view: not some(view)
    if when.then is not None:
        return _then([_watch(part, event) for part in when.then])
    return single(when, event)


def _lasting(holds: Condition, when: When) -> Condition:
    """The same, once it has held for so long, has come to do so, and then some time has passed."""
    if when.for_s > 0.0:
        holds = _without_a_break(holds, when.for_s * 1e6)
    if when.anew:
        holds = _anew(holds)
    return _delayed(holds, when.delay_s * 1e6) if when.delay_s > 0.0 else holds


def _without_a_break(holds: Condition, for_us: float) -> Condition:
    since_us: int | None = None

    def look(view: View) -> bool:
        nonlocal since_us
        if not holds(view):
            since_us = None
            return False
        since_us = view.time_us if since_us is None else since_us
        return view.time_us - since_us >= for_us

    return look


def _anew(holds: Condition) -> Condition:
    """The same, but what holds already counts only once it has not held."""
    has_not = False

    def look(view: View) -> bool:
        nonlocal has_not
        held = holds(view)
        has_not = has_not or not held
        return held and has_not

    return look


def _delayed(holds: Condition, delay_us: float) -> Condition:
    met_us: int | None = None

    def look(view: View) -> bool:
        nonlocal met_us
        if met_us is None and holds(view):
            met_us = view.time_us
        return met_us is not None and view.time_us - met_us >= delay_us

    return look


def _all(parts: list[Condition]) -> Condition:
    def look(view: View) -> bool:
        held = [part(view) for part in parts]  # each keeps count, so each is asked
        return all(held)

    return look


def _any(parts: list[Condition]) -> Condition:
    def look(view: View) -> bool:
        held = [part(view) for part in parts]
        return any(held)

    return look


def _then(parts: list[Condition]) -> Condition:
    met = 0

    def look(view: View) -> bool:
        nonlocal met
        if met < len(parts) and parts[met](view):
            met += 1
        return met == len(parts)

    return look
