"""A scenario at the ends of its parameters' ranges: only what uses a parameter is looked at again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from pydantic import ValidationError

from av_synth.documents import Document, problems
from av_synth.errors import DocumentError, Problem
from av_synth.messages import shown
from av_synth.plain_yaml import Key, KeyPath
from av_synth.scenario.chance import Chance
from av_synth.scenario.checks import check
from av_synth.scenario.expressions import Value, names_used, references, substitute
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.parts import items_of, only, parts_of
from av_synth.scenario.reading import filled_in

MAX_WORK = 250_000  # values looked at by rules between the parts, before ends are looked at together

Part = tuple[str, Key | None]  # a top-level key, and the item below it if it is a list or a mapping of models


@dataclass(frozen=True)
class _Look:
    """A document with a parameter at an end.

    Attributes:
        told: which, for messages.
        changed: the parameters that are not at their defaults.
        parts: what differs from the document at its defaults, checked by itself.
    """

    told: str
    changed: Mapping[str, Value]
    parts: Mapping[Part, object]


def following(chance: Chance, names: Iterable[str]) -> set[str]:
    """These names and the derived values that follow from some of them."""
    changed = set(names)
    for name, derived in chance.derived.items():  # each comes after what it follows from
        if not changed.isdisjoint(derived.uses()):
            changed.add(name)
    return changed


def at_extremes(
    document: Document,
    chance: Chance,
    defaults: Mapping[str, Value],
    model: ScenarioModel | None,
    kind: type[ScenarioModel],
) -> list[Problem]:
    """What goes wrong at the ends of the ranges, said once for each place.

    An end that constraints forbid while all else is at its default is passed over.

    Args:
        document: written out.
        chance: of its parameters.
        defaults: values of all parameters at their defaults, and the derived ones.
        model: the document at its defaults; None if that is wrong, and rules between its parts cannot be looked at.
        kind: the model of the whole document.
    """
    found: dict[str, Problem] = {}

    def note(told: str, mistakes: Iterable[Problem]) -> bool:
        before = len(found)
        for problem in mistakes:
            found.setdefault(problem.path, Problem(problem.where, problem.path, f"with {told}: {problem.message}"))
        return len(found) == before

    looks: list[_Look] = []
    uses = _uses(document, chance)
    for name, distribution in chance.parameters.items():
        after = following(chance, [name])
        places = sorted({part for each in after for part in uses.get(each, ())}, key=str)
        for value in distribution.extremes():
            told = f"{name} = {shown(value)}"
            try:
                values = _with(chance, defaults, name, value, after)
            except DocumentError as error:
                note(told, error.problems)
                continue
            if values is not None:
                parts, mistakes = _validated(document, kind, places, values)
                if note(told, mistakes):
                    looks.append(_Look(told, {name: value}, parts))
    if model is not None:
        if len(looks) * len(document.lines) > MAX_WORK:
            looks = [look for look in _together(looks) if chance.allows(_parameters(chance, defaults, look.changed))]
        for look in looks:
            note(look.told, _between(document, model, look.parts))
    return list(found.values())


def _with(
    chance: Chance, defaults: Mapping[str, Value], name: str, value: Value, after: set[str]
) -> dict[str, Value] | None:
    """All values with one parameter at an end; None if a constraint forbids that."""
    values = chance.follow({**defaults, name: value}, (each for each in chance.derived if each in after))
    for number, text in enumerate(chance.constraints):
        if not after.isdisjoint(names_used(text)) and not chance.holds(number, values):
            return None
    return values


def _uses(document: Document, chance: Chance) -> dict[str, set[Part]]:
    """The parts of a document in which each name is used."""
    uses: dict[str, set[Part]] = {name: set() for name in (*chance.parameters, *chance.derived)}
    for path, name in references(filled_in(document)):
        whole = len(path) == 1 or items_of(ScenarioModel, str(path[0])) is None
        uses.setdefault(name, set()).add((str(path[0]), None if whole else path[1]))
    return uses


def _validated(
    document: Document, kind: type[ScenarioModel], places: Sequence[Part], values: Mapping[str, Value]
) -> tuple[dict[Part, object], list[Problem]]:
    """Some parts of a document with these values, each checked by itself."""
    parts: dict[Part, object] = {}
    found: list[Problem] = []
    data = document.keys
    for key, group in groupby(places, key=itemgetter(0)):
        items = [item for _, item in group]
        raw: list[object] = []
        for item in items:
            node = data[key] if item is None else data[key][item]
            filled, mistakes = substitute(document, node, values, (key,) if item is None else (key, item))
            raw.append(filled)
            found += mistakes
        model = only(kind, key)
        listed = isinstance(data[key], list)
        given = raw[0] if items[0] is None else raw if listed else dict(zip(items, raw, strict=True))

        def place(path: KeyPath, items: Sequence[Key | None] = items, listed: bool = listed) -> KeyPath:
            # the items of a list that are looked at are numbered anew there
            number = path[1] if len(path) > 1 and listed else None
            index = items[number] if isinstance(number, int) else None
            return path if index is None else (path[0], index, *path[2:])

        try:
            checked = getattr(model.model_validate_json(json.dumps({key: given}), strict=True), key)
        except ValidationError as error:
            places_before = {problem.path for problem in found}
            more = problems(document, model, error, place)
            found += [problem for problem in more if problem.path not in places_before]
            continue
        for index, item in enumerate(items):
            parts[key, item] = checked if item is None else checked[index if listed else item]
    return parts, found


def _between(document: Document, model: ScenarioModel, parts: Mapping[Part, object]) -> Iterable[Problem]:
    """What rules between the parts say of a document in which some are others."""
    fields: dict[str, object] = {key: getattr(model, key) for key in model.model_fields_set}
    for key in dict.fromkeys(key for key, _ in parts):
        now = {item: part for (top, item), part in parts.items() if top == key}
        before = fields[key]
        if None in now:
            fields[key] = now[None]
        elif isinstance(before, tuple):
            fields[key] = tuple(now.get(index, part) for index, part in enumerate(before))
        elif isinstance(before, dict):
            fields[key] = {**before, **now}
    try:
        whole = type(model).model_validate(fields)
    except ValidationError as error:
        return problems(document, type(model), error)
    return check(document, parts_of(whole))


def _together(looks: Iterable[_Look]) -> list[_Look]:
    """As few looks as hold all of these, where no two that differ in the same part are in one."""
    batches: list[_Look] = []
    following_batch: dict[Part, int] = {}
    for look in looks:
        index = max((following_batch.get(part, 0) for part in look.parts), default=0)
        following_batch.update(dict.fromkeys(look.parts, index + 1))
        if index == len(batches):
            batches.append(_Look(f"{look.told} and others at their ends", {}, {}))
        one = batches[index]
        batches[index] = _Look(one.told, {**one.changed, **look.changed}, {**one.parts, **look.parts})
    return batches


def _parameters(chance: Chance, defaults: Mapping[str, Value], changed: Mapping[str, Value]) -> dict[str, Value]:
    return {name: changed.get(name, defaults[name]) for name in chance.parameters}
