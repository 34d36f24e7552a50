"""What of an imported story does not fit into one recording of the scenario language is left out, and told."""

from __future__ import annotations

import re

from av_synth.errors import DocumentError
from av_synth.scenario.model import MAX_EVENTS
from av_synth.scenario.openscenario.conditions import Held
from av_synth.scenario.openscenario.context import Context, Words
from av_synth.scenario.openscenario.story import Story, Told

_REFUSED_EVENT = re.compile(r"events\[(\d+)\]\.?(.*)")


def leave_out_what_is_late(story: Story, told: Told, end_s: float, *, changes: bool) -> None:
    """What cannot begin before the recording ends, and what is too much for one.

    Args:
        story: tells of it.
        told: loses it.
        end_s: when the recording ends.
        changes: whether the file may go on after that.
    """
    held = {id(event): _in_time(event["when"], end_s) for event in told.events}
    for event in told.events:
        event["when"] = {"time_s": 0.0} if held[id(event)] is True else held[id(event)] or event["when"]
    late = f"it would begin after the end of the recording, {end_s:g} s"
    story.drop(told, lambda event: held[id(event)] is False, late, changes=changes)
    many = {id(event) for event in told.events[MAX_EVENTS:]}
    story.drop(told, lambda event: id(event) in many, f"there are {MAX_EVENTS} events before it", changes=True)
    story.drop_waiting(told)


def leave_out_what_is_refused(error: DocumentError, context: Context, story: Story, told: Told, data: Words) -> None:
    """Events that the language refuses, for a number out of its bounds and the like, are lost each by itself.

    Raises:
        DocumentError: the one given, if it is not about events.
    """
    refused = [(_REFUSED_EVENT.match(problem.path), problem.message) for problem in error.problems]
    why = {id(told.events[int(found[1])]): f"{found[2]}: {message}" for found, message in refused if found is not None}
    if not why:
        raise error
    for lost, message in why.items():
        story.drop(told, lambda event, lost=lost: id(event) == lost, message, changes=True)  # type: ignore[misc]
    story.drop_waiting(told)
    actors = data.pop("actors", None)
    if isinstance(actors, dict):
        leave_out_who_never_comes(context, story, told, actors)
    data.pop("events", None)
    data |= {**({"actors": actors} if actors else {}), **({"events": told.events} if told.events else {})}


def leave_out_who_never_comes(context: Context, story: Story, told: Told, actors: dict[str, Words]) -> None:
    """Whom the file takes away at the start, and nothing brings back."""
    absent = [name for name, words in actors.items() if words.get("absent")]
    while True:
        coming = {event["actor"] for event in told.events if "appear" in done_in(event)}
        never = {name for name in absent if name in actors and name not in coming}
        if not never:
            return

        def names_one(event: Words, never: set[str] = never) -> bool:
            return not never.isdisjoint(names_in(event))

        for one in context.actors.values():
            if one.entity.name in never:
                context.report.lost(one.entity.element, "it is never there", changes=False)
                del actors[one.entity.name]
        story.drop(told, names_one, "it is about somebody who is never there", changes=False)
        story.drop_waiting(told)


def done_in(event: Words) -> Words:
    """What an event has its actor do."""
    do = event.get("do")
    return do if isinstance(do, dict) else {}


def names_in(event: object) -> list[str]:
    """Everybody whom an event names."""
    if isinstance(event, dict):
        own = [str(event[key]) for key in ("actor", "of", "to", "who", "into") if isinstance(event.get(key), str)]
        return own + [name for key, value in event.items() if key != "name" for name in names_in(value)]
    return [name for one in event for name in names_in(one)] if isinstance(event, list) else []


def _in_time(held: object, end_s: float) -> Held:
    """A condition without those parts that could hold after the end of the recording only, or always until then."""
    if not isinstance(held, dict):
        raise TypeError(f"got {held!r}; want a condition")
    if "time_s" in held:
        return False if float(held["time_s"]) >= end_s else held
    inside = next((key for key in ("all", "any", "none", "then") if key in held), None)
    if inside is None:
        return held
    parts = [_in_time(one, end_s) for one in held[inside]]
    kept = [one for one in parts if not isinstance(one, bool)]
    rest = {key: value for key, value in held.items() if key != inside}
    decides = inside in ("any", "none")  # one part that holds does, or else one that does not
    if decides in parts or not kept:
        holds = (decides in parts) == decides
        holds = not holds if inside == "none" else holds
        # what holds from the start does not come to hold anew
        return {"time_s": 0.0, **rest} if holds and rest and not held.get("anew") else holds and not held.get("anew")
    if len(kept) == 1 and inside != "none":
        return {"all": kept, **rest} if rest else kept[0]
    return {inside: kept, **rest}
