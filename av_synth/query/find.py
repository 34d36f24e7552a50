"""Which samples of a dataset a query is true of, and which fields it has to ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import UserError
from av_synth.messages import nearest
from av_synth.query.conditions import Condition, Value, parse
from av_synth.query.facts import FIELDS, SampleFacts, Thing, Values, is_of_sample, read

_WORDS = 6  # shown of a field of text


@dataclass(frozen=True)
class Match:
    """A sample that a query is true of.

    Attributes:
        sample: what is known of it.
        things: those that every condition on things holds of; none if the query has no such condition.
    """

    sample: SampleFacts
    things: tuple[Thing, ...]

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "scene": self.sample.scene,
            "sample_token": self.sample.sample_token,
            "time_s": self.sample.time_s,
            "file": self.sample.file,
            "things": [vars(thing) for thing in self.things],
        }


@dataclass
class Seen:
    """A field that occurs: of how many samples or things, its least and greatest number, some words, whether more."""

    count: int = 0
    least: float | None = None
    greatest: float | None = None
    words: tuple[str, ...] = ()
    more: bool = False

    def add(self, value: Value) -> None:
        """Take one value into account."""
        self.count += 1
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if isinstance(value, str | tuple):
            known = {*self.words, *_words(value)}
            self.more |= len(known) > _WORDS
            if len(self.words) < _WORDS:
                self.words = tuple(sorted(known)[:_WORDS])
            return
        self.least = value if self.least is None else min(self.least, value)
        self.greatest = value if self.greatest is None else max(self.greatest, value)


def find(
    dataset: Path, query: str, version: str | None = None, on_unheard: Callable[[str], None] = lambda _: None
) -> tuple[Match, ...]:
    """The samples that every condition holds of, those on things of one and the same thing; by scene and time.

    Args:
        dataset: the folder that holds v1.0-*/, samples/ and so on.
        query: conditions, as `conditions` says.
        version: the folder of tables, if there are several.
        on_unheard: told of each word that a condition wants and that nothing in the dataset has, with the nearest.

    Raises:
        UserError: if the query cannot be read, asks for a field that there is not, or there is no such dataset.
        StoreError: if the dataset cannot be read.
    """
    conditions = parse(query)
    of_sample = [condition for condition in conditions if is_of_sample(condition.field)]
    of_things = [condition for condition in conditions if not is_of_sample(condition.field)]
    there = set(FIELDS)
    found = []
    heard: dict[str, set[str]] = {condition.field: set() for condition in conditions}
    for sample in read(dataset, version):
        for values in (sample.values, *(thing.values for thing in sample.things)):
            there.update(values)
            for field in heard.keys() & values.keys():
                heard[field].update(_words(values[field]))
        if not _all_hold(of_sample, sample.values):
            continue
        things = tuple(thing for thing in sample.things if _all_hold(of_things, thing.values)) if of_things else ()
        if things or not of_things:
            found.append(Match(sample, things))
    unknown = [condition for condition in conditions if condition.field not in there]
    if unknown:
        raise UserError("\n".join(f"query: '{each.text}': {_no_such(each.field, there)}" for each in unknown))
    for each in conditions:
        for word in each.unheard(heard[each.field]):
            hint = nearest(word, heard[each.field])
            on_unheard(f"query: '{each.text}': nothing in the dataset has {each.field} {word!r}; {hint}")
    return tuple(found)


def fields(dataset: Path, version: str | None = None) -> dict[str, Seen]:
    """Every field that a dataset has values of, by name.

    Raises:
        UserError: if there is no such dataset.
        StoreError: if it cannot be read.
    """
    seen: dict[str, Seen] = {}
    for sample in read(dataset, version):
        for values in (sample.values, *(thing.values for thing in sample.things)):
            for name, value in values.items():
                seen.setdefault(name, Seen()).add(value)
    return dict(sorted(seen.items()))


def _words(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()


def _all_hold(conditions: list[Condition], values: Values) -> bool:
    return all(each.field in values and each.holds(values[each.field]) for each in conditions)


def _no_such(field: str, there: set[str]) -> str:
    return f"the dataset has no field {field!r}; {nearest(field, there)} (--fields lists them)"
