"""The language of queries: conditions separated by spaces, all of which must hold.

    ttc_s<1.5                  also <= > >= = !=
    ttc_s=0.5..1.5             a range, its ends included; either may be left out
    category=human.*,animal    text, with * and ? for any letters; a comma is "or"
    weather.night              true; !parked: false

Nothing is executed, and a condition on what is not known of something does not hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt

from av_synth.errors import UserError

Value = float | int | bool | str | tuple[str, ...]
"""What a field of something may be; several words are true of it at once."""

_CONDITION = re.compile(r"(?P<not>!?)(?P<field>[A-Za-z_][\w.]*)(?:(?P<operator><=|>=|!=|=|<|>)(?P<wanted>.+))?")
_AROUND = re.compile(r"\s*(<=|>=|!=|=|<|>)\s*")
_ORDER: Mapping[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_MAX_LENGTH = 2000


@dataclass(frozen=True)
class Condition:
    """One condition, such as ttc_s<1.5.

    Attributes:
        field: the name on its left.
        operator: between the two; '=' for a field alone.
        wanted: what is on its right; 'true' or 'false' for a field alone.
        text: as it was written.
    """

    field: str
    operator: str
    wanted: str
    text: str

    def holds(self, value: Value) -> bool:
        """Whether it is true of a value of its field.

        Raises:
            UserError: if a value of this kind cannot be compared with what is wanted.
        """
        if self.operator in _ORDER:
            number = as_number(value)
            if number is None:
                raise UserError(f"query: '{self.text}': {self.field} is {_kind(value)}; want = or !=")
            return _ORDER[self.operator](number, self._number(self.wanted))
        found = any(self._equals(value, wanted) for wanted in self.wanted.split(","))
        return found == (self.operator == "=")

    def unheard(self, words: Collection[str]) -> list[str]:
        """Those of the texts that it wants that are none of some words; empty if there are no words, as of numbers."""
        if not words or self.operator in _ORDER:
            return []
        return [wanted for wanted in self.wanted.split(",") if not any(fnmatchcase(word, wanted) for word in words)]

    def _equals(self, value: Value, wanted: str) -> bool:
        if isinstance(value, bool):
            if wanted.lower() not in _TRUTH:
                raise UserError(f"query: '{self.text}': {self.field} is yes or no; got {wanted!r}")
            return value == _TRUTH[wanted.lower()]
        if isinstance(value, str):
            return fnmatchcase(value, wanted)
        if isinstance(value, tuple):
            return any(fnmatchcase(word, wanted) for word in value)
        least, dots, most = wanted.partition("..")
        if not dots:
            return value == self._number(wanted)
        low = self._number(least) if least else -math.inf
        return low <= value <= (self._number(most) if most else math.inf)

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            message = f"{self.field} is a number; got {text!r}; want such as 1.5, or 0.5..1.5 after ="
            raise UserError(f"query: '{self.text}': {message}") from None


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions of a query.

    Raises:
        UserError: with every one that cannot be read.
    """
    if len(text) > _MAX_LENGTH:
        raise UserError(f"query: is {len(text)} characters long; want at most {_MAX_LENGTH}")
    found, wrong = [], []
    for word in _AROUND.sub(r"\1", text).split():
        match = _CONDITION.fullmatch(word)
        if match is None or (match["not"] and match["operator"]):
            wrong.append(f"query: '{word}': want FIELD, !FIELD or FIELD=VALUE with = != < <= > >=; such as ttc_s<1.5")
            continue
        alone = "false" if match["not"] else "true"
        found.append(Condition(match["field"], match["operator"] or "=", match["wanted"] or alone, word))
    if wrong:
        raise UserError("\n".join(wrong))
    if not found:
        raise UserError("query: asks for nothing; want conditions such as 'category=human.pedestrian* ttc_s<1.5'")
    return tuple(found)


def as_number(value: object) -> float | None:
    """What a field of something is as a number; None if it is none, as yes and no are."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _kind(value: Value) -> str:
    return "yes or no" if isinstance(value, bool) else "text"
