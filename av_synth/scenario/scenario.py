"""Logical scenarios: loading them, with every mistake found before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from av_synth import documents
from av_synth.documents import Document, in_order
from av_synth.errors import DocumentError, Problem
from av_synth.messages import MAX_HINTS, shown
from av_synth.plain_yaml import dotted
from av_synth.scenario.chance import Chance, ChanceSpec
from av_synth.scenario.checks import check
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.expressions import ExpressionError, Value, references, substitute
from av_synth.scenario.extremes import at_extremes, following
from av_synth.scenario.model import ScenarioModel
from av_synth.scenario.parts import parts_of, sound_parts
from av_synth.scenario.reading import SECTIONS, chance_of, filled_in, unused, written_out
from av_synth.scenario.understood import understood

KIND = "scenarios"
_LOOKS = 50  # draws for which everything derived is worked out at loading
_WHOLE_LOOKS = 3  # and those for which the whole document is checked


class ScenarioDocument(ScenarioModel, ChanceSpec):
    """A whole scenario file: what happens, and what is said about its parameters."""


@dataclass(frozen=True)
class Scenario:
    """A logical scenario: a description with distributions.

    Attributes:
        name, description: as written.
        parameters: distribution by name, in the file's order.
        chance: how values of them come about.
        document: the file, for messages and for filling in.
    """

    name: str
    description: str
    parameters: Mapping[str, Distribution]
    chance: Chance
    document: Document

    @property
    def defaults(self) -> dict[str, Value]:
        """The value of each parameter that stands for all: its default, or its middle."""
        return {name: distribution.middle for name, distribution in self.parameters.items()}

    def fill(self, values: Mapping[str, Value]) -> ScenarioModel:
        """The scenario with these values of its parameters.

        Raises:
            DocumentError: with everything that is wrong with these values.
        """
        model, _, found = _filled(self.document, self.chance.complete(values))
        found = found or list(check(self.document, parts_of(model)) if model else ())
        if found or model is None:
            raise DocumentError(found)
        return model


def problem_in(scenario: Scenario | None, path: tuple[str | int, ...], message: str) -> Problem:
    """A problem at a key path of a scenario, with file and line if the scenario is at hand."""
    return Problem("", dotted(path), message) if scenario is None else scenario.document.problem(path, message)


def names() -> tuple[str, ...]:
    """Names of the built-in scenarios."""
    return documents.names(KIND)


def load(name_or_path: str) -> Scenario:
    """Load a scenario by its built-in name or from a path that ends in .yaml.

    The whole document is checked with all parameters at their defaults and in a few draws, and what uses a parameter at
    the ends of its range or with each of its texts as well, so that a draw hardly ever finds a mistake in the file that
    loading did not.

    Raises:
        DocumentError: with every mistake in the file; or that its name is not the file's, because the runs of two files
            that only a copy made alike would count as draws of one scenario.
    """
    path = documents.find(KIND, name_or_path)
    found = from_document(documents.read(path))
    if found.name != path.stem:
        want = f"want one name for both, because runs and splits go by it; rename the file to {found.name}.yaml"
        if re.fullmatch(documents.NAME, path.stem):
            want += f", or say name: {path.stem}"
        reason = f"got {found.name!r} in the file {path.name}; {want}"
        raise DocumentError([found.document.problem(("name",), reason)])
    return found


def from_document(document: Document) -> Scenario:
    """Make a scenario of a document that was read; see `load`."""
    meant = understood(document, ScenarioDocument)
    document, found = written_out(meant.document)
    chance, unsound, mistakes = chance_of(document)
    values, without = _at_defaults(chance, unsound)
    unsound |= following(chance, unsound)
    # what uses a value that is itself wrong is not wrong for that; and one mistake in a place is enough
    places = {problem.path for problem in found}
    places |= {dotted(path) for path, name in references(filled_in(document)) if name in unsound}
    model, data, wrong = _filled(document, values, places)
    found += [*mistakes, *without, *wrong]
    known = {problem.path for problem in found} | places
    parts = sound_parts(ScenarioDocument, data, known) if model is None or known else parts_of(model)
    found += [problem for problem in check(document, parts) if problem.path not in known]
    like = {name for problem in found for name in re.findall(r"did you mean '(\w+)'", problem.message)}
    names = {**chance.parameters, **chance.derived}.keys() - unsound - like - meant.used
    found += [problem for problem in unused(document, chance) if problem.path.rpartition(".")[2] in names]
    if not mistakes and not without:
        found += _constraints(chance, values)
        seen = {problem.path for problem in found} | places
        found += [one for one in at_extremes(document, chance, values, model, ScenarioDocument) if one.path not in seen]
    if not found:
        found += _in_draws(document, chance)
    if found or meant.told or model is None:
        raise DocumentError(in_order([*meant.independent(found), *meant.told]))
    return Scenario(model.name, model.description.strip(), chance.parameters, chance, document)


def _filled(
    document: Document, values: Mapping[str, Value], places: Collection[str] = ()
) -> tuple[ScenarioDocument | None, object, list[Problem]]:
    """The document with these values, as plain values too, or what is wrong; in `places`, with its references only."""
    if not isinstance(document.data, dict):
        return documents.validate(document, ScenarioDocument), {}, []
    data, found = substitute(document, filled_in(document), values)
    sections = {key: value for key, value in document.data.items() if key in SECTIONS}
    try:
        model = documents.validate(document, ScenarioDocument, {**(data if isinstance(data, dict) else {}), **sections})
    except DocumentError as error:
        places = {*places, *(problem.path for problem in found)}
        return None, data, found + [problem for problem in error.problems if problem.path not in places]
    return (None if found else model), data, found


def _at_defaults(chance: Chance, unsound: set[str]) -> tuple[dict[str, Value], list[Problem]]:
    """All values with the parameters at their defaults, and the derived ones that have none (which are 1 here)."""
    values: dict[str, Value] = {name: distribution.middle for name, distribution in chance.parameters.items()}
    found: list[Problem] = []
    for name, derived in chance.derived.items():
        if unsound & {name, *derived.uses()}:
            unsound.add(name)
        try:
            values[name] = derived.work_out(values)
        except ExpressionError as error:
            values[name] = 1.0
            if name not in unsound:
                why = str(error) if len(found) < MAX_HINTS else error.args[0]
                found.append(chance.document.problem(("derived", name), why))
                unsound.add(name)
    return values, found


def _in_draws(document: Document, chance: Chance) -> list[Problem]:
    """What goes wrong in some draws only: inside a range, or where several parameters meet."""
    found: list[Problem] = []
    uses: dict[str, list[str]] = {}
    for path, name in references(filled_in(document)):
        uses.setdefault(dotted(path), []).append(name)
    try:
        for number, values in enumerate(chance.looks(_LOOKS)):
            if number < _WHOLE_LOOKS and not found:
                model, _, wrong = _filled(document, values)
                for problem in [*wrong, *(check(document, parts_of(model)) if model else ())]:
                    told = ", ".join(f"{name} = {shown(values[name])}" for name in uses.get(problem.path, ()))
                    message = f"{f'with {told}' if told else 'in some draws'}: {problem.message}"
                    found.append(Problem(problem.where, problem.path, message))
    except DocumentError as error:
        found += [Problem(one.where, one.path, f"in some draws: {one.message}") for one in error.problems]
    return found


def _constraints(chance: Chance, values: Mapping[str, Value]) -> list[Problem]:
    """The constraints that no draw meets; if there are none, those that the defaults do not."""
    try:
        found = list(chance.never_held())
    except DocumentError as error:
        return list(error.problems)
    for number, text in enumerate(chance.constraints if not found else ()):
        try:
            if not chance.holds(number, values):
                message = f"{shown(text)} does not hold at the defaults; want another `default` of what it uses"
                found.append(chance.document.problem(("constraints", number), message))
        except DocumentError as error:
            found += error.problems
    return found
