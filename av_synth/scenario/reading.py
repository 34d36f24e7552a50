"""From a scenario's document to its chance: short forms written out, units converted, and every mistake in it found."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import islice

from pydantic import Field

from av_synth import documents
from av_synth.documents import Document, Strict
from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest, shown
from av_synth.plain_yaml import Key, KeyPath, plain
from av_synth.scenario.chance import MAX_CONSTRAINTS, MAX_CORRELATIONS, Chance, ChanceSpec, Correlation, Derived, Group
from av_synth.scenario.correlation import Mixture, mixtures
from av_synth.scenario.distributions import Distribution, written
from av_synth.scenario.expressions import WORDS, is_reference, names_used, references
from av_synth.scenario.units import in_unit, unit_of
from av_synth.scenario.words import Name

SECTIONS = ("parameters", "derived", "correlations", "constraints")
"""The keys that are about chance; references are filled in below all others."""

_WITHOUT_UNIT = ("sigma", "weight")
_SHORT_FOR = {"parameters": "constant", "derived": "value"}  # a scalar below the key is short for a mapping with this
_DRAWN = (("parked", "gap_m"), ("flows", "every_s"), ("crowds", "speed_kmh"))  # distributions in items of lists

_IN_PLACE = Derived(value=1.0)  # of a derived value that is not sound


class _Parameters(Strict):
    parameters: dict[Name, Distribution] = Field(default={})


def written_out(document: Document) -> tuple[Document, list[Problem]]:
    """A document without short forms, and with every value in the unit of its name; and what is wrong with units."""
    found: list[Problem] = []
    lines: dict[KeyPath, int] = dict(document.lines)

    def number(text: str, name: str, path: KeyPath) -> object:
        try:
            value = in_unit(text, name, unit_of(name) or "")
        except ValueError as error:
            found.append(document.problem(path, str(error)))
            return text
        return text if value is None else value

    def walk(node: object, path: KeyPath, name: str | None) -> object:
        if isinstance(node, dict):
            if path[-1:] == ("discrete",):
                return [pair(key, weight, path, index, name) for index, (key, weight) in enumerate(node.items())]
            short = _SHORT_FOR.get(str(path[0])) if len(path) == 1 else None
            drawn = [key for top, key in _DRAWN if len(path) == 2 and path[0] == top]
            return {
                key: walk(expanded(value, "constant" if key in drawn else short), (*path, key), unit_name(key, name))
                for key, value in node.items()
            }
        if isinstance(node, list):
            return [walk(value, (*path, index), name) for index, value in enumerate(node)]
        return number(node, name, path) if isinstance(node, str) and name is not None else node

    def expanded(value: object, short: str | None) -> object:
        return {short: value} if short is not None and isinstance(value, float | int | str) else value

    def pair(key: str, weight: object, path: KeyPath, index: int, name: str | None) -> dict[str, object]:
        line = lines.get((*path, key), lines.get(path, 1))
        lines.update({(*path, index): line, (*path, index, "value"): line, (*path, index, "weight"): line})
        return {"value": walk(plain(key), (*path, key), name), "weight": weight}

    return Document(document.where, walk(document.data, (), None), lines), found


def filled_in(document: Document) -> dict[str, object]:
    """The part of a document in which references are filled in."""
    return {key: value for key, value in document.keys.items() if key not in SECTIONS}


def unit_name(key: str, name: str | None) -> str | None:
    """The name that says the unit of what is below a key, where `name` did so above it; None for no unit."""
    return key if unit_of(key) else None if key in _WITHOUT_UNIT else name


def chance_of(document: Document) -> tuple[Chance, set[str], list[Problem]]:
    """How the values of a scenario come about.

    Args:
        document: written out.

    Returns:
        Its chance, without what is not sound; the names that are not; and what ties between its parts are wrong.
        What is wrong within a part, validation of the whole document says.
    """
    sound = _sound(document)
    parameters, unsound = sound.parameters, sound.unsound
    found = [*_names(document, parameters, sound.derived), *_references(document)]
    others = {name: one for name, one in sound.derived.items() if name not in parameters}
    derived, turning, circles = _ordered(document, others)
    unsound |= turning
    constraints, unclear = _constraints(document, sound.constraints, {*parameters, *derived}, unsound)
    mixed, unfit = _mixtures(document, sound.correlations, parameters, derived)
    found += [*circles, *_tables(document, parameters, derived, unsound), *unclear, *unfit]
    name = document.keys.get("name")
    groups = _groups(parameters, derived, constraints, mixed)
    texts = tuple(constraints.get(number, "${true}") for number in range(max(constraints, default=-1) + 1))
    return Chance(str(name), parameters, derived, texts, groups, document), unsound, found


def unused(document: Document, chance: Chance) -> Iterator[Problem]:
    """The parameters and derived values that nothing uses."""
    used = {name for _, name in references({key: value for key, value in document.keys.items() if key != "parameters"})}
    used |= {one.map for one in chance.derived.values() if one.map is not None}
    for key, names in (("parameters", chance.parameters), ("derived", chance.derived)):
        for name in names:
            if name not in used:
                what = "parameter" if key == "parameters" else "derived value"
                yield document.problem((key, name), f"is never used; want ${{{name}}} somewhere, or no {what}")


@dataclass(frozen=True)
class _Sound:
    """The parts of the chance, each looked at by itself.

    Attributes:
        parameters: distribution by name; 1 for one that is not sound.
        derived: by name; 1 for one that is not sound.
        correlations, constraints: by their number in the document, without those that are not sound.
        unsound: names of parameters and derived values that are not.
    """

    parameters: dict[str, Distribution]
    derived: dict[str, Derived]
    correlations: dict[int, Correlation]
    constraints: dict[int, str]
    unsound: set[str]


def _sound(document: Document) -> _Sound:
    data = document.keys
    unsound: set[str] = set()
    parameters: dict[str, Distribution] = {}
    for name, value in _items(data.get("parameters"), dict):
        try:
            parameters |= documents.validate(document, _Parameters, {"parameters": {name: value}}).parameters
        except DocumentError:
            parameters[str(name)] = Distribution(constant=1.0)
            unsound.add(str(name))
    derived: dict[str, Derived] = {}
    for name, value in _items(data.get("derived"), dict):
        try:
            derived |= documents.validate(document, ChanceSpec, {"derived": {name: value}}).derived
        except DocumentError:
            derived[str(name)] = _IN_PLACE
            unsound.add(str(name))
    correlations: dict[int, Correlation] = {}
    # more of them than there may be are a mistake that is told once; they are not looked at
    for index, value in islice(_items(data.get("correlations"), list), MAX_CORRELATIONS):
        try:
            one = documents.validate(document, ChanceSpec, {"correlations": [value]}).correlations
        except DocumentError:
            continue
        correlations[int(index)] = one[0]
    texts = islice(_items(data.get("constraints"), list), MAX_CONSTRAINTS)
    constraints = {int(index): text for index, text in texts if isinstance(text, str)}
    return _Sound(parameters, derived, correlations, constraints, unsound)


def _items(data: object, kind: type[dict[str, object]] | type[list[object]]) -> Iterator[tuple[Key, object]]:
    if isinstance(data, kind):
        yield from data.items() if isinstance(data, dict) else enumerate(data)


def _names(
    document: Document, parameters: Mapping[str, Distribution], derived: Mapping[str, Derived]
) -> Iterator[Problem]:
    for key, names in (("parameters", parameters), ("derived", derived)):
        for name in names:
            if name in WORDS or keyword.iskeyword(name):
                yield document.problem((key, name), f"{name!r} means something else in expressions; want another name")
    for name in derived:
        if name in parameters:
            yield document.problem(("derived", name), "is the name of a parameter too; want another")
    for name, one in derived.items():
        if (one.value is None) == (one.map is None) or (one.map is None) != (one.to is None):
            yield document.problem(("derived", name), "want either a value, or both map and to")


def _references(document: Document) -> Iterator[Problem]:
    for path, _ in references({"parameters": document.keys.get("parameters")}):
        yield document.problem(path, "has a reference, which parameters cannot have; want it under derived")


def _ordered(document: Document, derived: Mapping[str, Derived]) -> tuple[dict[str, Derived], set[str], list[Problem]]:
    """Derived values, each after what it follows from; those that follow from themselves, which are 1; and problems."""
    found: list[Problem] = []
    turning: set[str] = set()
    sound = dict(derived)
    while True:
        graph = {name: [used for used in one.uses() if used in sound] for name, one in sound.items()}
        try:
            return {name: sound[name] for name in TopologicalSorter(graph).static_order()}, turning, found
        except CycleError as error:
            # graphlib tells a circle from what is used to what uses it
            circle: list[str] = error.args[1][::-1]
            first = min(circle, key=list(derived).index)
            turned = [*circle[circle.index(first) : -1], *circle[: circle.index(first)], first]
            message = f"follows from itself: {' -> '.join(turned)}; want no circle"
            found.append(document.problem(("derived", first), message))
            turning.update(circle)
            sound |= dict.fromkeys(circle, _IN_PLACE)


def _tables(
    document: Document, parameters: Mapping[str, Distribution], derived: Mapping[str, Derived], unsound: set[str]
) -> Iterator[Problem]:
    """What is missing in tables, and what is there for nothing."""
    for name, one in derived.items():
        if one.map is None or one.to is None or one.map not in parameters or one.map in unsound:
            continue
        values = parameters[one.map].values
        if values is None or len(values) > 100:
            message = f"{one.map} is a range of numbers; want a parameter with at most 100 values"
            yield document.problem(("derived", name, "map"), message)
            continue
        keys = [written(value) for value in values]
        missing = [key for key in keys if key not in one.to]
        if missing:
            message = f"has nothing for {', '.join(missing[:5])}; want a value for each of {one.map}"
            yield document.problem(("derived", name, "to"), message)
        for key in one.to:
            if key not in keys:
                yield document.problem(("derived", name, "to", key), f"{one.map} is never so; {nearest(key, keys)}")


def _constraints(
    document: Document, texts: Mapping[int, str], known: set[str], unsound: set[str]
) -> tuple[dict[int, str], list[Problem]]:
    """The constraints that can be worked out, and what is wrong with the others."""
    sound: dict[int, str] = {}
    found: list[Problem] = []
    for number, text in texts.items():
        path = ("constraints", number)
        names = list(names_used(text))
        strange = next((name for name in names if name not in known), None)
        if not is_reference(text):
            found.append(document.problem(path, f"got {shown(text)}; want one ${{...}} that is true or false"))
        elif strange is not None:
            hint = f"there is no parameter {strange!r}; {nearest(strange, known)}"
            found.append(document.problem(path, f"got {shown(text)}: {hint}"))
        elif not names:
            found.append(document.problem(path, f"got {shown(text)}, which uses no parameter; want one that does"))
        elif not unsound & set(names):
            sound[number] = text
    return sound, found


def _mixtures(
    document: Document,
    correlations: Mapping[int, Correlation],
    parameters: Mapping[str, Distribution],
    derived: Mapping[str, Derived],
) -> tuple[list[Mixture], list[Problem]]:
    found: list[Problem] = []
    pairs: dict[tuple[str, str], float] = {}
    for number, one in correlations.items():
        before = len(found)
        for index, name in enumerate(one.of):
            path = ("correlations", number, "of", index)
            if name in derived:
                found.append(document.problem(path, f"{name} is derived; want a parameter that it follows from"))
            elif name not in parameters:
                message = f"there is no parameter {name!r}; {nearest(name, parameters)}"
                found.append(document.problem(path, message))
        if one.of[0] == one.of[1]:
            found.append(document.problem(("correlations", number, "of"), "names one twice; want two parameters"))
        if one.of in pairs or one.of[::-1] in pairs:
            message = f"{one.of[0]} and {one.of[1]} are there twice; want each pair once"
            found.append(document.problem(("correlations", number, "of"), message))
        if len(found) == before:
            pairs[one.of] = one.rho
    try:
        return mixtures(pairs), found
    except ValueError as error:
        return [], [*found, document.problem(("correlations",), str(error))]


def _groups(
    parameters: Mapping[str, Distribution],
    derived: Mapping[str, Derived],
    constraints: Mapping[int, str],
    mixed: list[Mixture],
) -> tuple[Group, ...]:
    """Parameters that correlations or constraints tie together, directly or by way of others."""
    needs: dict[int, tuple[str, ...]] = {}
    for number, text in constraints.items():
        needed = set(names_used(text))
        for name in reversed(list(derived)):  # each comes after what it follows from
            if name in needed:
                needed.update(derived[name].uses())
        needs[number] = tuple(name for name in (*parameters, *derived) if name in needed)
    root = {name: name for name in parameters}

    def leader(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for names in [*needs.values(), *(mixture.names for mixture in mixed)]:
        tied = [name for name in names if name in parameters]
        for name in tied[1:]:
            root[leader(name)] = leader(tied[0])
    members: dict[str, list[str]] = {}
    for name in parameters:
        members.setdefault(leader(name), []).append(name)
    return tuple(
        Group(
            tuple(names),
            tuple(mixture for mixture in mixed if mixture.names[0] in names),
            tuple(name for name in derived if any(name in needs[number] for number in of)),
            of,
        )
        for names in members.values()
        for of in (tuple(number for number, needed in needs.items() if set(needed) & set(names)),)
    )
