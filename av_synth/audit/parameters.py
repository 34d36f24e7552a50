"""Joint coverage of the parameters of scenarios: which combinations of their values were ever drawn together."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from av_synth import documents
from av_synth import scenario as scenarios
from av_synth.audit.combinations import MOST_TOLD, Cell, all_cells, cells_of, in_words, pair_tables, shown
from av_synth.audit.contents import Contents, SceneContents
from av_synth.audit.model import Coverage, Finding
from av_synth.audit.nulls import ALPHA, p_value
from av_synth.errors import DocumentError
from av_synth.query import as_number
from av_synth.scenario import Scenario
from av_synth.scenario.distributions import Distribution, written
from av_synth.scenario.expressions import Value

_PREFIX = "parameters."
_PARTS = 3  # of a range
_FEW_VALUES = 6  # of a parameter that has each to itself
_POOL, _BATCHES, _MOST_CELLS = 400, 599, 40_000
_SEED_OF_POOL = 1_000_000  # and those after it; of a scenario's own streams


@dataclass(frozen=True)
class Axis:
    """A parameter in parts.

    Attributes:
        name: of the parameter.
        words: of each part.
        typical: a value of each.
        edges: between the parts of a range; None if every value is one.
    """

    name: str
    words: tuple[str, ...]
    typical: tuple[Value, ...]
    edges: tuple[float, ...] | None

    def part(self, value: Value | None) -> int | None:
        """The number of the part that a value is in; None if it is in none."""
        if self.edges is not None:
            number = as_number(value)
            return None if number is None else bisect_right(self.edges, number)
        return self.typical.index(value) if value in self.typical else None


@dataclass(frozen=True)
class Gaps:
    """What is missing of a scenario.

    Attributes:
        scenario: its name.
        document: the scenario itself; None if it is not in the library, or not as it was.
        axes: its parameters.
        missing: combinations that never occur, the likelier ones first.
    """

    scenario: str
    document: Scenario | None
    axes: tuple[Axis, ...]
    missing: tuple[Cell, ...]


def coverage_of(
    here: Contents, strength: int, rng: np.random.Generator
) -> Iterator[tuple[Coverage, Gaps, Finding | None]]:
    """Each scenario whose runs tell their parameters, by name.

    Parts of a parameter are those of its declared distribution, equally likely, where the library has the scenario and
    the values could have been drawn of it; else equal parts of the range that occurs.
    """
    by_scenario: dict[str, list[SceneContents]] = defaultdict(list)
    for scene in here.scenes:
        if any(name.startswith(_PREFIX) for name in scene.values):
            by_scenario[str(scene.values.get("scenario", ""))].append(scene)
    for name, scenes in sorted(by_scenario.items()):
        rows = [_told(scene) for scene in scenes]
        found = _declared(name, rows)
        axes = tuple(_declared_axes(found.parameters) if found else _observed_axes(rows))
        if axes:
            yield _covered(name, found, axes, rows, min(strength, len(axes)), rng, len(by_scenario))


def _covered(
    name: str,
    document: Scenario | None,
    axes: Sequence[Axis],
    rows: Sequence[Mapping[str, Value]],
    strength: int,
    rng: np.random.Generator,
    scenarios_in_all: int,
) -> tuple[Coverage, Gaps, Finding | None]:
    parts = [_parts(axes, row) for row in rows]
    distinct = len({tuple(sorted(row.items(), key=str)) for row in rows})
    scenes = Counter(cell for row in parts for cell in cells_of(row, strength))
    sizes = [len(axis.words) for axis in axes]
    pool = _pool(document, axes, distinct) if document else []
    likely = Counter(cell for row in pool for cell in cells_of(row, strength))
    possible = sorted(likely.keys() | scenes.keys()) if document else list(all_cells(sizes, strength))
    missing = sorted((cell for cell in possible if cell not in scenes), key=lambda cell: (-likely[cell], cell))
    covered = len(possible) - len(missing)
    expected, p = None, 1.0
    if pool and len(possible) <= _MOST_CELLS:
        by_chance = _by_chance(pool, possible, strength, distinct, rng)
        expected, p = float(by_chance.mean()), min(1.0, p_value(-covered, -by_chance) * scenarios_in_all)
    named = [(axis.name, axis.words) for axis in axes]
    told = tuple(in_words(cell, named) for cell in missing[:MOST_TOLD])
    pairs = Counter(cell for row in parts for cell in cells_of(row, 2))
    can_be = {cell for row in pool for cell in cells_of(row, 2)} | pairs.keys() if pool else set(all_cells(sizes, 2))
    tables = pair_tables(named, pairs, can_be)
    coverage = Coverage(name, "parameters", strength, len(rows), len(possible), covered, expected, told, tables)
    gaps = Gaps(name, document, tuple(axes), tuple(missing[:MOST_TOLD]))
    return coverage, gaps, _finding(coverage, distinct, p)


def _finding(coverage: Coverage, draws: int, p: float) -> Finding | None:
    if not coverage.missing:
        return None
    share = coverage.covered / coverage.possible
    what = (
        f"{coverage.what}: {draws} draw{'s cover' if draws != 1 else ' covers'} {share:.0%} of the {coverage.possible} "
        f"combinations of {coverage.strength} parameters"
    )
    figures = {"covered": coverage.covered, "possible": coverage.possible, "expected": coverage.expected, "p": p}
    if coverage.expected is not None and p <= ALPHA:
        words = (
            f"{what}; as many draws of the scenario cover {coverage.expected / coverage.possible:.0%}. The draws are "
            f"crowded together. Missing: {shown(coverage.missing)}."
        )
        return Finding("coverage", "warning", coverage.what, words, figures)
    words = f"{what}. Missing: {shown(coverage.missing)}."
    return Finding("coverage", "note", coverage.what, words, figures)


def _told(scene: SceneContents) -> dict[str, Value]:
    return {
        name[len(_PREFIX) :]: value
        for name, value in scene.values.items()
        if name.startswith(_PREFIX) and not isinstance(value, tuple)
    }


def _parts(axes: Sequence[Axis], row: Mapping[str, Value]) -> tuple[int | None, ...]:
    return tuple(axis.part(row.get(axis.name)) for axis in axes)


def _pool(document: Scenario, axes: Sequence[Axis], draws: int) -> list[tuple[int | None, ...]]:
    """Many draws of a scenario: what can be, and how often."""
    found = []
    for seed in range(_SEED_OF_POOL, _SEED_OF_POOL + max(_POOL, 3 * draws)):
        try:
            found.append(_parts(axes, document.chance.draw(seed, {})))
        except DocumentError:  # of this seed no try met the constraints
            continue
    return found


def _by_chance(
    pool: Sequence[tuple[int | None, ...]],
    possible: Sequence[Cell],
    strength: int,
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(N,) float64: how many combinations as many draws cover, many times over."""
    number = {cell: k for k, cell in enumerate(possible)}
    has = np.zeros((len(pool), len(possible)), bool)
    for index, row in enumerate(pool):
        has[index, [number[cell] for cell in cells_of(row, strength)]] = True
    return np.array([has[rng.permutation(len(pool))[:draws]].any(axis=0).sum() for _ in range(_BATCHES)], float)


def _declared(name: str, rows: Sequence[Mapping[str, Value]]) -> Scenario | None:
    """The library's scenario of a name, if these values can have been drawn of it."""
    if name not in documents.names("scenarios"):
        return None
    found = scenarios.load(name)
    for row in rows:
        for parameter, distribution in found.parameters.items():
            try:
                distribution.take(row[parameter])
            except (KeyError, ValueError):
                return None
    return found


def _declared_axes(parameters: Mapping[str, Distribution]) -> Iterator[Axis]:
    for name, distribution in parameters.items():
        values = distribution.values
        if values is not None and len(values) <= _FEW_VALUES:
            if len(values) > 1:
                yield Axis(name, tuple(map(written, values)), tuple(values), None)
            continue
        ends = [as_number(distribution.at(k / _PARTS)) for k in range(_PARTS + 1)]
        typical = tuple(distribution.at((k + 0.5) / _PARTS) for k in range(_PARTS))
        if None not in ends and len(set(ends)) == len(ends):
            yield _ranges(name, [end for end in ends if end is not None], typical)


def _observed_axes(rows: Sequence[Mapping[str, Value]]) -> Iterator[Axis]:
    for name in sorted({name for row in rows for name in row}):
        values = sorted({row[name] for row in rows if name in row}, key=lambda value: (str(type(value)), value))
        if len(values) < 2:
            continue
        numbers = [number for value in values if (number := as_number(value)) is not None]
        whole = all(number == int(number) for number in numbers)
        if len(numbers) < len(values) or (whole and len(values) <= _FEW_VALUES):
            yield Axis(name, tuple(map(written, values)), tuple(values), None)
            continue
        low, high = min(numbers), max(numbers)
        ends = [low + (high - low) * k / _PARTS for k in range(_PARTS + 1)]
        yield _ranges(name, ends, tuple((a + b) / 2.0 for a, b in pairwise(ends)))


def _ranges(name: str, ends: Sequence[float], typical: tuple[Value, ...]) -> Axis:
    words = tuple(f"{low:.4g}..{high:.4g}" for low, high in pairwise(ends))
    return Axis(name, words, typical, tuple(ends[1:-1]))
