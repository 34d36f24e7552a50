"""The parts of a scenario that are sound, so that rules between them can be looked at whatever the others are."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError, create_model

from av_synth.documents import Strict
from av_synth.messages import nearest
from av_synth.plain_yaml import dotted
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.model import Actor, Crowd, Ego, EventSpec, Flow, ParkedRow, ScenarioModel, Traffic
from av_synth.scenario.road import Road
from av_synth.scenario.signals import SignalPlan

_MAX_HINTS = 100  # in one pass over the rules
_KEYS = ("duration_s", "road", "ego", "traffic", "signals")
_LISTS = ("parked", "flows", "crowds", "events", "expectations")


@dataclass(frozen=True)
class Parts:
    """What is sound of a scenario.

    Attributes:
        names: of all actors that the document has, sound or not.
        named: whether there are names; where the actors are no mapping, nobody can be said not to be among them.
        event_names: of all events that have one, in order.
        watched: the names that the ego's driver reacts to, whether or not the rest of the ego is sound.
        duration_s, road, ego, traffic, signals: None if it is not sound, or not there.
        actors: by name.
        parked, flows, crowds, events, expectations: by their number in the document.
        all_events: whether every event is sound.
    """

    names: tuple[str, ...]
    event_names: tuple[str, ...]
    watched: tuple[str, ...] = ()
    named: bool = True
    duration_s: float | None = None
    road: Road | None = None
    ego: Ego | None = None
    traffic: Traffic | None = None
    signals: SignalPlan | None = None
    actors: Mapping[str, Actor] = field(default_factory=dict)
    parked: Mapping[int, ParkedRow] = field(default_factory=dict)
    flows: Mapping[int, Flow] = field(default_factory=dict)
    crowds: Mapping[int, Crowd] = field(default_factory=dict)
    events: Mapping[int, EventSpec] = field(default_factory=dict)
    expectations: Mapping[int, Expectation] = field(default_factory=dict)
    all_events: bool = True

    def lacks(self, name: str, *others: str) -> bool:
        """Whether a name is that of no actor, and none of the others."""
        return self.named and name not in (*self.names, *others)


class Hints:
    """The nearest right words of one pass; each costs a comparison with every word there is, so there is an end."""

    def __init__(self) -> None:
        self._given = 0

    def nearest(self, got: str, known: Iterable[str]) -> str:
        """See `messages.nearest`."""
        self._given += 1
        return nearest(got, known) if self._given <= _MAX_HINTS else "want one that is there"

    def nobody(self, name: str, known: Iterable[str]) -> str:
        """What is said where nobody of those who are known has a name."""
        return f"there is no actor {name!r}; {self.nearest(name, known)}"


def parts_of(model: ScenarioModel) -> Parts:
    """All parts of a scenario that is sound."""
    lists: dict[str, Any] = {key: dict(enumerate(getattr(model, key))) for key in _LISTS}
    whole: dict[str, Any] = {key: getattr(model, key) for key in _KEYS}
    return Parts(
        names=tuple(model.actors),
        event_names=tuple(event.name for event in model.events if event.name is not None),
        watched=() if model.ego.reaction is None else model.ego.reaction.to,
        **whole,
        actors=model.actors,
        **lists,
    )


def sound_parts(kind: type[ScenarioModel], data: object, wrong: Iterable[str]) -> Parts:
    """The parts of a document, references filled in, in which no mistake was found.

    Args:
        kind: the model of the whole document.
        data: plain values.
        wrong: dotted key paths of the mistakes.
    """
    data = data if isinstance(data, dict) else {}
    unsound = {found[0] for path in wrong if (found := re.match(r"\w+(?:\[\d+\]|\.[^.\[]+)?", path))}
    actors, events = data.get("actors"), data.get("events")
    named = [event.get("name") for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    whole: dict[str, Any] = {key: _checked(kind, key, data.get(key)) for key in _KEYS if not _within(key, unsound)}
    lists: dict[str, Any] = {}
    for key in _LISTS:
        given = data.get(key)
        numbers = [n for n in range(len(given)) if f"{key}[{n}]" not in unsound] if isinstance(given, list) else []
        checked = _checked(kind, key, [given[n] for n in numbers]) if isinstance(given, list) else ()
        lists[key] = dict(zip(numbers, checked or (), strict=False))
    known = actors if isinstance(actors, dict) else {}
    sound = {name: actor for name, actor in known.items() if dotted(("actors", name)) not in unsound}
    return Parts(
        names=tuple(known),
        named=actors is None or isinstance(actors, dict),
        event_names=tuple(name for name in named if isinstance(name, str)),
        watched=_watched(data.get("ego")),
        **whole,
        actors=_checked(kind, "actors", sound) or {},
        all_events=events is None or (isinstance(events, list) and len(lists["events"]) == len(events)),
        **lists,
    )


def _watched(ego: object) -> tuple[str, ...]:
    reaction = ego.get("reaction") if isinstance(ego, dict) else None
    given = reaction.get("to") if isinstance(reaction, dict) else None
    return tuple(name for name in (given if isinstance(given, list) else [given]) if isinstance(name, str))


def items_of(kind: type[ScenarioModel], key: str) -> object:
    """What a top-level list's items or a mapping's values are; None for what is one thing."""
    info = kind.model_fields.get(key)
    return get_args(info.annotation)[-1] if info and get_origin(info.annotation) in (tuple, dict) else None


@cache
def only(kind: type[ScenarioModel], key: str) -> type[Strict]:
    """A model of a document with one top-level key."""
    info = kind.model_fields[key]
    fields: dict[str, Any] = {key: (info.annotation, copy.copy(info))}
    return create_model(f"Only_{key}", __base__=Strict, **fields)


def _within(key: str, unsound: Collection[str]) -> bool:
    return any(re.match(rf"{key}\b", place) for place in unsound)


def _checked(kind: type[ScenarioModel], key: str, value: object) -> Any:
    if value is None:
        return None
    try:
        return getattr(only(kind, key).model_validate_json(json.dumps({key: value}), strict=True), key)
    except ValidationError:  # told already, of the whole document
        return None
