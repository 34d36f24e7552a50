"""An operational design domain: what a system is made for, as a file of axes with values, and what of it data cover."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from av_synth import documents, messages
from av_synth.audit.combinations import MOST_TOLD, Cell, all_cells, cells_of, in_words, pair_tables, shown
from av_synth.audit.contents import Contents
from av_synth.audit.model import Coverage, Finding, Severity
from av_synth.documents import Document, DocumentName, Strict
from av_synth.errors import DocumentError, Problem
from av_synth.query import FIELDS, SLICES, UNKNOWN, SampleFacts, Slice, Thing, as_number
from av_synth.query.facts import is_of_sample

KIND = "configs/odd"
_ENOUGH = 6.0  # scenes that would have a combination, were its values independent: none then is no chance


def _axis(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return value
    edges = value.get("edges") if isinstance(value, dict) and len(value) == 1 else None
    numbers = [edge for edge in edges if type(edge) in (int, float)] if isinstance(edges, list) else []
    if len(numbers) > 1 and edges == sorted(set(numbers)):
        return value
    raise ValueError(
        f"got {messages.shown(value)}; want a list of values, or {{edges: [0, 10, 20]}} with rising numbers"
    )


class DomainDocument(Strict):
    """A whole file of a design domain."""

    name: DocumentName = Field(description="the domain's name")
    description: str = Field(description="what the system is made for, in a sentence")
    axes: Annotated[dict[str, Annotated[Any, AfterValidator(_axis)]], Field(min_length=1, max_length=12)] = Field(
        description="slices with the values that are in the domain, or numbers with edges"
    )
    never: tuple[Annotated[dict[str, str], Field(min_length=1)], ...] = Field(
        default=(), description="combinations of values that do not occur in it"
    )


@dataclass(frozen=True)
class Domain:
    """A design domain.

    Attributes:
        name, description: as written.
        axes: what data are told apart by.
        wanted: the values of each axis that are in the domain.
        never: combinations that are not, by names.
    """

    name: str
    description: str
    axes: tuple[Slice, ...]
    wanted: tuple[tuple[str, ...], ...]
    never: tuple[Mapping[str, str], ...]

    @property
    def named(self) -> list[tuple[str, Sequence[str]]]:
        """Names of the axes with their values."""
        return [(axis.name, values) for axis, values in zip(self.axes, self.wanted, strict=True)]


def load(name_or_path: str) -> Domain:
    """A design domain by its built-in name or from a path that ends in .yaml.

    Raises:
        DocumentError: with everything that is wrong with it.
    """
    document = documents.read(documents.find(KIND, name_or_path))
    model = documents.validate(document, DomainDocument)
    problems: list[Problem] = []
    found = [axis for name, told in model.axes.items() for axis in _made(name, told, document, problems)]
    wanted = {axis.name: values for axis, values in found}
    for number, never in enumerate(model.never):
        for name, value in never.items():
            if name not in wanted or value not in wanted[name]:
                hint = messages.nearest(value, wanted[name]) if name in wanted else messages.nearest(name, wanted)
                problems.append(document.problem(("never", number, name), f"got {value!r} of {name!r}; {hint}"))
    if problems:
        raise DocumentError(documents.in_order(problems))
    return Domain(
        model.name, model.description, tuple(axis for axis, _ in found), tuple(wanted.values()), tuple(model.never)
    )


def domain_coverage(here: Contents, domain: Domain, strength: int) -> tuple[Coverage, list[Finding], list[Cell]]:
    """What of a domain a dataset covers: figures, what is to be said of them, and what is missing."""
    named = domain.named
    number = [{value: k for k, value in enumerate(values)} for _, values in named]
    scenes: Counter[Cell] = Counter()
    singles: Counter[Cell] = Counter()
    pairs: Counter[Cell] = Counter()
    outside: Counter[str] = Counter()
    told: set[int] = set()
    strength = min(strength, len(named))
    for scene in here.scenes:
        seen: dict[int, set[Cell]] = {1: set(), 2: set(), strength: set()}
        for row, count in scene.domain.items():
            places = [number[k].get(value or "") for k, value in enumerate(row)]
            for t, cells in seen.items():
                cells.update(cells_of(places, t))
            for k, value in enumerate(row):
                if value not in (None, UNKNOWN):
                    told.add(k)
                    if places[k] is None:
                        outside[f"{named[k][0]} {value}"] += count
        singles.update(seen[1])
        pairs.update(seen[2])
        scenes.update(seen[strength])
    sizes = [len(values) for _, values in named]
    possible = [cell for cell in all_cells(sizes, strength) if _can_be(cell, domain)]
    missing = [cell for cell in possible if cell not in scenes]
    covered = len(possible) - len(missing)
    pair_cells = {cell for cell in all_cells(sizes, 2) if _can_be(cell, domain)}
    coverage = Coverage(
        *(domain.name, "domain", strength, len(here.scenes), len(possible), covered, None),
        tuple(in_words(cell, named) for cell in missing[:MOST_TOLD]),
        pair_tables(named, pairs, pair_cells),
    )
    findings = list(_findings(here, domain, coverage, missing, singles, told, outside))
    return coverage, findings, missing


def _findings(
    here: Contents,
    domain: Domain,
    coverage: Coverage,
    missing: Sequence[Cell],
    singles: Counter[Cell],
    told: set[int],
    outside: Counter[str],
) -> Iterator[Finding]:
    named, scenes = domain.named, len(here.scenes)
    untold = [name for k, (name, _) in enumerate(named) if k not in told]
    if untold:
        words = f"The dataset does not tell {', '.join(untold)}, of which the domain {domain.name} has values."
        yield Finding("coverage", "note", domain.name, words, {"axes": untold})
    absent = [cell for cell in all_cells([len(values) for _, values in named], 1) if not singles[cell]]
    for cell in absent:
        ((k, value),) = cell
        if k in told:
            what = f"{named[k][0]}={named[k][1][value]}"
            words = f"The domain {domain.name} has {named[k][0]} {named[k][1][value]}; none of {scenes} scenes has it."
            yield Finding("missing", "serious" if scenes >= _ENOUGH else "warning", what, words, {"scenes": 0})
    gone = {part for cell in absent for part in cell}
    rest = [cell for cell in missing if not gone & set(cell)]
    due = [cell for cell in rest if _expected(cell, singles, scenes) >= _ENOUGH]
    sorts: list[tuple[list[Cell], Severity, str]] = [
        (due, "warning", "though each of the values occurs often"),
        ([cell for cell in rest if cell not in set(due)], "note", "of values so rare that this may be chance"),
    ]
    for cells, severity, why in sorts:
        if cells:
            told_of = [in_words(cell, named) for cell in cells]
            words = (
                f"{len(cells)} of the {coverage.possible} combinations of {coverage.strength} axes of the domain "
                f"{domain.name} never occur, {why}: {shown(told_of)}."
            )
            figures = {"missing": len(cells), "possible": coverage.possible, "covered": coverage.covered}
            yield Finding("coverage", severity, domain.name, words, figures)
    if outside:
        most = [f"{what} ({count})" for what, count in sorted(outside.items(), key=lambda item: (-item[1], item[0]))]
        words = f"Some of the dataset is outside the domain {domain.name}: {', '.join(most[:4])}."
        yield Finding("coverage", "note", f"outside {domain.name}", words, {"outside": most})


def _expected(cell: Cell, singles: Counter[Cell], scenes: int) -> float:
    """How many scenes would have a combination if its values came independently."""
    expected = float(scenes)
    for part in cell:
        expected *= singles[part,] / max(scenes, 1)
    return expected


def _can_be(cell: Cell, domain: Domain) -> bool:
    words = in_words(cell, domain.named)
    return not any(never.items() <= words.items() for never in domain.never)


def _made(name: str, told: Any, document: Document, problems: list[Problem]) -> Iterator[tuple[Slice, tuple[str, ...]]]:
    """An axis with its wanted values; none, and a problem, if there is no such slice, field or value."""
    if isinstance(told, dict):
        if name not in FIELDS and not name.startswith(("weather.", "parameters.", "quality.")):
            problems.append(document.problem(("axes", name), f"is no field; {messages.nearest(name, FIELDS)}"))
            return
        axis = _by_edges(name, told["edges"])
        yield axis, axis.values
        return
    if name not in SLICES:
        problems.append(document.problem(("axes", name), f"is no slice; {messages.nearest(name, SLICES)}"))
        return
    known = SLICES[name]
    for k, value in enumerate(told):
        if known.values and value not in known.values:
            hint = messages.nearest(value, known.values)
            problems.append(document.problem(("axes", name, k), f"got {value!r}; {hint}"))
    yield (known if known.values else _by_patterns(known, told)), tuple(dict.fromkeys(told))


def _by_patterns(known: Slice, patterns: Sequence[str]) -> Slice:
    """A slice of the dataset's own words, put under the first pattern that they match."""

    def value(sample: SampleFacts, thing: Thing | None) -> str:
        word = known.value(sample, thing)
        return next((pattern for pattern in patterns if fnmatchcase(word, pattern)), word)

    return Slice(known.name, known.about, known.of_sample, tuple(patterns), value)


def _by_edges(field: str, edges: Sequence[float]) -> Slice:
    """Numbers of a field between edges, the lower one included; beyond them is outside."""
    words = tuple(f"{low:g}..{high:g}" for low, high in pairwise(edges))
    of_sample = is_of_sample(field)

    def value(sample: SampleFacts, thing: Thing | None) -> str:
        values = sample.values if of_sample else thing.values if thing else {}
        number = as_number(values.get(field))
        if number is None:
            return UNKNOWN
        if not edges[0] <= number <= edges[-1]:
            return f"{number:g}" if of_sample else ("below" if number < edges[0] else "above")
        return words[min(bisect_right(edges, number) - 1, len(words) - 1)]

    return Slice(field, FIELDS.get(field, field), of_sample, words, value)
