"""Logical scenarios: loading them, with every mistake found before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import Field

from av_synth import documents
from av_synth.documents import Document, Strict, in_order
from av_synth.errors import DocumentError, Problem
from av_synth.scenario.checks import check
from av_synth.scenario.distributions import Distribution
from av_synth.scenario.expressions import Value, references, substitute
from av_synth.scenario.model import Name, ScenarioModel

KIND = "scenarios"


@dataclass(frozen=True)
class Scenario:
    """A logical scenario: a description with distributions.

    Attributes:
        name, description: as written.
        parameters: distribution by name, in the file's order.
        document: the file, for messages and for filling in.
    """

    name: str
    description: str
    parameters: Mapping[str, Distribution]
    document: Document

    def fill(self, values: Mapping[str, Value]) -> ScenarioModel:
        """The scenario with these values of its parameters.

        Raises:
            DocumentError: with everything that is wrong with these values.
        """
        return _filled(self.document, values)


class _Parameters(Strict):
    parameters: dict[Name, Distribution] = Field(default={})


def names() -> tuple[str, ...]:
    """Names of the built-in scenarios."""
    return documents.names(KIND)


def load(name_or_path: str) -> Scenario:
    """Load a scenario by its built-in name or from a path that ends in .yaml.

    The whole document is checked with all parameters at their middle, then at the ends of their ranges and for every
    choice, so that a draw cannot find a mistake in the file that loading did not.

    Raises:
        DocumentError: with every mistake in the file; or that its name is not the file's, because the runs of two files
            that only a copy made alike would count as draws of one scenario.
    """
    path = documents.find(KIND, name_or_path)
    found = from_document(documents.read(path))
    if found.name != path.stem:
        reason = f"got {found.name!r} in the file {path.name}; want one name for both, because runs and splits go by it"
        raise DocumentError([found.document.problem(("name",), reason)])
    return found


def from_document(document: Document) -> Scenario:
    """Make a scenario of a document that was read; see `load`."""
    document = _with_constants(document)
    parameters, found = _parameters(document)
    middle = {name: distribution.middle for name, distribution in parameters.items()}
    model: ScenarioModel | None = None
    try:
        model = _filled(document, middle)
    except DocumentError as error:
        # what is wrong with a parameter itself was found by both looks, or only by the second
        found += [problem for problem in error.problems if problem not in found]
    found += [problem for problem in _unused(document, parameters) if not found]
    if not found:
        found += _at_extremes(document, parameters, middle)
    if found or model is None:
        raise DocumentError(in_order(found))
    return Scenario(model.name, model.description.strip(), parameters, document)


def _with_constants(document: Document) -> Document:
    """Let `speed_kmh: 30` be short for `speed_kmh: {constant: 30}` among the parameters."""
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("parameters"), dict):
        return document
    given = {name: _as_distribution(value) for name, value in data["parameters"].items()}
    return Document(document.where, data | {"parameters": given}, document.lines)


def _as_distribution(value: object) -> object:
    return {"constant": value} if isinstance(value, float | int | str) else value


def _parameters(document: Document) -> tuple[dict[str, Distribution], list[Problem]]:
    """The parameters that are sound, and what is wrong with the others."""
    data = document.data.get("parameters") if isinstance(document.data, dict) else None
    sound: dict[str, Distribution] = {}
    found: list[Problem] = []
    for name, value in data.items() if isinstance(data, dict) else ():
        try:
            checked = documents.validate(document, _Parameters, {"parameters": {name: value}})
            sound |= checked.parameters
        except DocumentError as error:
            found += error.problems
            # a stand-in, so that its uses are not reported as well
            sound[name] = Distribution(constant=1.0)
    return sound, found


def _filled(document: Document, values: Mapping[str, Value]) -> ScenarioModel:
    data, found = substitute(document, document.data, values)
    try:
        model = documents.validate(document, ScenarioModel, data)
    except DocumentError as error:
        places = {(problem.where, problem.path) for problem in found}
        found += [problem for problem in error.problems if (problem.where, problem.path) not in places]
        raise DocumentError(found) from None
    found += check(document, model)
    if found:
        raise DocumentError(found)
    return model


def _unused(document: Document, parameters: Mapping[str, Distribution]) -> Iterator[Problem]:
    used = {name for _, name in references(document.data)}
    for name in parameters:
        if name not in used:
            yield document.problem(("parameters", name), f"is never used; want ${{{name}}} somewhere, or no parameter")


def _at_extremes(
    document: Document, parameters: Mapping[str, Distribution], middle: Mapping[str, Value]
) -> list[Problem]:
    """What goes wrong at the ends of the ranges only, said once for each place."""
    found: dict[tuple[str, str], Problem] = {}
    for name, distribution in parameters.items():
        for value in distribution.extremes():
            try:
                _filled(document, {**middle, name: value})
            except DocumentError as error:
                for problem in error.problems:
                    message = f"with {name} = {documents.shown(value)}: {problem.message}"
                    found.setdefault((problem.where, problem.path), Problem(problem.where, problem.path, message))
    return list(found.values())
