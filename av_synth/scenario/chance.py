"""How a scenario's values come about: drawn, correlated, derived, and drawn again where constraints do not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from av_synth.documents import Document, Strict, Written
from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest, shown
from av_synth.scenario.correlation import Mixture
from av_synth.scenario.distributions import Distribution, stream, written
from av_synth.scenario.expressions import ExpressionError, Value, filled, names_used
from av_synth.scenario.words import Name

_TRIES = 200  # of a draw, to meet the constraints
_LOOKS = 1000  # draws at loading, of which one must meet them
MAX_CONSTRAINTS = 40
MAX_CORRELATIONS = 200
_MAX_WORK = 60_000  # expressions worked out at loading to look for such a draw


class Derived(Strict):
    """A value that follows from others: an expression, or a table."""

    value: Value | None = Field(default=None, description="a number, a text or a ${...}")
    map: Name | None = Field(default=None, description="the parameter that a table looks up")
    to: dict[str, Value] | None = Field(default=None, min_length=1, description="the value for each of its values")

    def uses(self) -> tuple[str, ...]:
        """The names that it follows from, sorted."""
        texts = [text for text in (self.value, *(self.to or {}).values()) if isinstance(text, str)]
        return tuple(
            sorted({name for text in texts for name in names_used(text)} | ({self.map} if self.map else set()))
        )

    def work_out(self, values: Mapping[str, Value]) -> Value:
        """Its value.

        Raises:
            ExpressionError: if it has none.
        """
        found = self.value if self.value is not None else 0
        if self.map is not None and self.to is not None:
            if self.map not in values:
                raise ExpressionError(f"there is no parameter {self.map!r}; {nearest(self.map, values)}")
            key = written(values[self.map])
            if key not in self.to:
                raise ExpressionError(f"has nothing for {self.map} = {shown(values[self.map])}; want a value for it")
            found = self.to[key]
        return filled(found, values) if isinstance(found, str) and "${" in found else found


class Correlation(Strict):
    """Two parameters that go together."""

    of: tuple[Name, Name] = Field(description="two parameters")
    rho: float = Field(ge=-1, le=1, description="the correlation of their normal scores, -1 to 1")


class ChanceSpec(Strict):
    """What a scenario says about its parameters beside their distributions."""

    derived: dict[Name, Annotated[Derived, Written({"type": ["number", "string", "boolean"]})]] = Field(
        default={}, max_length=200, description="values that follow from others"
    )
    correlations: tuple[Correlation, ...] = Field(
        default=(), max_length=MAX_CORRELATIONS, description="parameters that go together"
    )
    constraints: tuple[str, ...] = Field(
        default=(), max_length=MAX_CONSTRAINTS, description="what must hold in every draw"
    )


@dataclass(frozen=True)
class Group:
    """Parameters that are drawn together, because a correlation or a constraint ties them to each other.

    Attributes:
        names: in the file's order.
        mixtures: those that are correlated.
        derived: what its constraints need, each after what it follows from.
        constraints: numbers of those on it.
    """

    names: tuple[str, ...]
    mixtures: tuple[Mixture, ...]
    derived: tuple[str, ...]
    constraints: tuple[int, ...]


@dataclass(frozen=True)
class Chance:
    """How the values of one scenario come about.

    Attributes:
        scenario: its name, part of every random stream.
        parameters: distribution by name, in the file's order.
        derived: each after what it follows from.
        constraints: as written.
        groups: every parameter is in one.
        document: for messages.
    """

    scenario: str
    parameters: Mapping[str, Distribution]
    derived: Mapping[str, Derived]
    constraints: tuple[str, ...]
    groups: tuple[Group, ...]
    document: Document

    def draw(self, seed: int, fixed: Mapping[str, Value]) -> dict[str, Value]:
        """A value of each parameter, in the file's order; those in `fixed` are as given.

        A parameter has a stream of its own. Where constraints do not hold, the parameters that they tie together are
        drawn again, from further streams of their own, and no others.

        Raises:
            DocumentError: if constraints did not hold in any try, with how often each one did.
        """
        values = dict(fixed)
        for group in self.groups:
            values |= self._draw_group(group, seed, fixed)
        return {name: values[name] for name in self.parameters}

    def can_be(self, seed: int, fixed: Mapping[str, Value]) -> bool:
        """Whether the constraints hold in some try of a seed with these values given."""
        if not self.constraints:
            return True
        try:
            self.draw(seed, fixed)
        except DocumentError:
            return False
        return True

    def complete(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The values of the parameters and, after them, the derived ones.

        Raises:
            DocumentError: if a derived value has none with these.
        """
        return self.follow(values, self.derived)

    def follow(self, values: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
        """These values and, in place of what was there or after them, some derived ones, in the order of `derived`.

        Raises:
            DocumentError: if one has no value with these.
        """
        found = dict(values)
        for name in names:
            try:
                found[name] = self.derived[name].work_out(found)
            except ExpressionError as error:
                raise DocumentError([self.document.problem(("derived", name), str(error))]) from error
        return found

    def allows(self, values: Mapping[str, Value]) -> bool:
        """Whether all constraints hold with these values of all parameters.

        Raises:
            DocumentError: if one has no value.
        """
        complete = self.complete(values)
        return all(self.holds(number, complete) for number in range(len(self.constraints)))

    def holds(self, number: int, complete: Mapping[str, Value]) -> bool:
        """Whether one constraint holds with these values of what it uses.

        Raises:
            DocumentError: if it has no value.
        """
        try:
            result = filled(self.constraints[number], complete)
        except ExpressionError as error:
            raise self._wrong(number, str(error)) from error
        if not isinstance(result, bool):
            raise self._wrong(number, f"is {shown(result)}; want a comparison, that is true or false")
        return result

    def never_held(self) -> Iterable[Problem]:
        """The constraints that no draw meets, as far as many draws show.

        Raises:
            DocumentError: if one, or a value that it needs, could not be worked out.
        """
        for group in self.groups:
            work = len(group.constraints) + len(group.derived)
            random = stream(self.scenario, f"look {' '.join(group.names)}", 0)
            held = np.zeros(len(group.constraints), int)
            looks = min(_LOOKS, max(100, _MAX_WORK // work)) if group.constraints else 0
            for _ in range(looks):
                fractions = dict(zip(group.names, random.random(len(group.names)).tolist(), strict=True))
                truths = self._truths(group, self._at(group, fractions))
                held += truths
                if all(truths):
                    break
            else:
                yield from self._hardest(group, held, looks)

    def looks(self, count: int) -> Iterator[dict[str, Value]]:
        """All values, the derived ones too, of those of some draws that meet the constraints; from a stream of its own.

        Raises:
            DocumentError: if a derived value has none in one of them.
        """
        random = stream(self.scenario, "look", 0)
        for _ in range(count):
            fractions = dict(zip(self.parameters, random.random(len(self.parameters)).tolist(), strict=True))
            values: dict[str, Value] = {}
            for group in self.groups:
                values |= self._at(group, {name: fractions[name] for name in group.names})
            if all(all(self._truths(group, values)) for group in self.groups):
                yield self.complete({name: values[name] for name in self.parameters})

    def _hardest(self, group: Group, held: np.ndarray, looks: int) -> Iterable[Problem]:
        never = [number for number, times in zip(group.constraints, held, strict=True) if not times]
        for number in never:
            message = f"{self._shown(number)} held in none of {looks} draws; want one that can hold"
            yield self.document.problem(("constraints", number), message)
        if group.constraints and not never:
            least = group.constraints[int(np.argmin(held))]
            message = f"{self._shown(least)} held in {held.min()} of {looks} draws, but never together with the others"
            yield self.document.problem(("constraints", least), f"{message}; want constraints that can all hold")

    def _draw_group(self, group: Group, seed: int, fixed: Mapping[str, Value]) -> dict[str, Value]:
        held = np.zeros(len(group.constraints), int)
        free = [name for name in group.names if name not in fixed]
        tries = _TRIES if free else 1
        for attempt in range(tries):
            again = f" try {attempt}" if attempt else ""
            fractions = {
                name: float(stream(self.scenario, f"parameter {name}{again}", seed).random()) for name in group.names
            }
            values = self._at(group, fractions)
            values |= {name: fixed[name] for name in group.names if name in fixed}
            truths = self._truths(group, values)
            if all(truths):
                return values
            held += truths
        least = int(np.argmin(held))
        number = group.constraints[least]
        if not free:
            given = ", ".join(f"{name} = {shown(fixed[name])}" for name in group.names)
            raise self._wrong(number, f"{self._shown(number)} does not hold with {given}; want other values")
        rate = f"{held[least]} of {tries} tries ({held[least] / tries:.1%})"
        message = f"{self._shown(number)}, the hardest to meet, held in {rate} of seed {seed}, all of them in none"
        raise self._wrong(number, f"{message}; want wider ranges, a weaker constraint or other values")

    def _at(self, group: Group, fractions: dict[str, float]) -> dict[str, Value]:
        for mixture in group.mixtures:
            fractions |= mixture.mix(fractions)
        return {name: self.parameters[name].at(fraction) for name, fraction in fractions.items()}

    def _truths(self, group: Group, values: Mapping[str, Value]) -> list[bool]:
        complete = self.follow(values, group.derived)
        return [self.holds(number, complete) for number in group.constraints]

    def _shown(self, number: int) -> str:
        return shown(self.constraints[number])

    def _wrong(self, number: int, message: str) -> DocumentError:
        return DocumentError([self.document.problem(("constraints", number), message)])
