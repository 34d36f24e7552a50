"""Designs: values of a scenario's parameters chosen together, to cover what they can be with few draws.

Every design takes its values through the parameters' inverse distribution functions, so that each parameter keeps its
own distribution, and leaves out what the scenario's constraints forbid. `draw(scenario, seed, values=point)` takes one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np
from allpairspy import AllPairs

from av_synth.errors import DocumentError, Problem
from av_synth.geometry.transforms import Array
from av_synth.scenario.distributions import Distribution, stream
from av_synth.scenario.expressions import Value
from av_synth.scenario.scenario import Scenario

MAX_POINTS = 100_000
_MAX_TUPLES = 500_000
_TRIES = 100  # at a combination that holds a tuple and keeps the constraints

Point = dict[str, Value]


@dataclass(frozen=True)
class Design:
    """Points to draw.

    Attributes:
        points: value by parameter, in the file's order.
        dropped: how many points the constraints forbid; of `t_wise`: tuples in no combination that they allow, as far
            as was tried.
    """

    points: tuple[Point, ...]
    dropped: int


def grid(scenario: Scenario, levels: int | Mapping[str, int] = 3) -> Design:
    """Every combination of levels.

    Args:
        scenario: the logical scenario.
        levels: of a continuous parameter or a long range of whole numbers, spread evenly over its distribution with
            both ends: 3 are the ends and the median. One number for all, or by name (3 for the others). Choices,
            discrete values and ranges with a `step` have all their own.

    Raises:
        DocumentError: if there would be too many points, or no such parameter.
    """
    columns = _levels(scenario, levels)
    size = math.prod(map(len, columns))
    if size > MAX_POINTS:
        raise _refused("levels", f"make {size} points; want at most {MAX_POINTS}: fewer levels, or t_wise")
    names = tuple(scenario.parameters)
    return _allowed(scenario, (dict(zip(names, row, strict=True)) for row in product(*columns)))


def latin_hypercube(scenario: Scenario, count: int, seed: int) -> Design:
    """A Latin hypercube: of `count` points, one in each `count`-th of every parameter's distribution.

    Each parameter has its own random stream, so that adding one shifts no other. Correlated parameters are put in the
    order of correlated scores, which keeps one point in each part (Iman and Conover, Communications in Statistics B 11,
    1982).
    """
    _check(count, seed)
    columns: dict[str, Array] = {}
    for name in scenario.parameters:
        random = stream(scenario.name, f"latin hypercube {name}", seed)
        columns[name] = (random.permutation(count) + random.random(count)) / count
    for name, mixed in _mixed(scenario, columns).items():
        ranks = np.argsort(np.argsort(mixed, kind="stable"), kind="stable")
        columns[name] = np.sort(columns[name])[ranks]
    return _points(scenario, columns, count)


def sobol(scenario: Scenario, count: int, seed: int) -> Design:
    """The first `count` points of scipy's scrambled Sobol sequence; balanced best where `count` is a power of 2."""
    from scipy.stats import qmc  # it takes a while to import

    _check(count, seed)
    random = stream(scenario.name, "sobol", seed)
    # whole powers of 2 are drawn, as scipy warns of any other number of points
    return _sequence(scenario, count, lambda size: qmc.Sobol(size, rng=random).random_base2((count - 1).bit_length()))


def halton(scenario: Scenario, count: int, seed: int) -> Design:
    """The first `count` points of scipy's scrambled Halton sequence."""
    from scipy.stats import qmc  # it takes a while to import

    _check(count, seed)
    random = stream(scenario.name, "halton", seed)
    return _sequence(scenario, count, lambda size: qmc.Halton(size, rng=random).random(count))


def t_wise(scenario: Scenario, strength: int = 2, levels: int | Mapping[str, int] = 3) -> Design:
    """Few points that hold every combination of the levels of any `strength` parameters.

    Args:
        scenario: the logical scenario.
        strength: 2 for all pairs, 3 for all triples ...
        levels: as of `grid`.

    Raises:
        DocumentError: if there are too many combinations to cover.
    """
    columns = _levels(scenario, levels)
    names = tuple(scenario.parameters)
    varying = [index for index, column in enumerate(columns) if len(column) > 1]
    if strength < 1:
        raise _refused("strength", f"got {strength}; want 1 or more")
    strength = min(strength, len(varying))
    if not varying:
        return _allowed(scenario, [{name: column[0] for name, column in zip(names, columns, strict=True)}])
    sizes = [len(columns[index]) for index in varying]
    total = sum(math.prod(of) for of in islice(combinations(sizes, strength), _MAX_TUPLES))
    if total > _MAX_TUPLES:
        raise _refused("levels", f"make {total} combinations or more; want at most {_MAX_TUPLES}: fewer levels")

    def point(row: Sequence[int]) -> Point:
        chosen = dict(zip(varying, row, strict=True))
        return {name: columns[index][chosen.get(index, 0)] for index, name in enumerate(names)}

    rows = list(_covering(sizes, strength, scenario.name, lambda row: scenario.chance.allows(point(row))))
    covered = {item for row in rows for item in _tuples(row, strength)}
    return Design(tuple(map(point, rows)), total - len(covered))


Row = tuple[int, ...]
Tuple = tuple[tuple[int, int], ...]  # (column, level) of each


def _tuples(row: Row, strength: int) -> Iterable[Tuple]:
    return combinations(enumerate(row), strength)


def _covering(sizes: Sequence[int], strength: int, name: str, allowed: Callable[[Row], bool]) -> Iterable[Row]:
    """Rows of level numbers that hold all tuples: allpairspy's that are allowed, and more for the tuples they leave."""
    ranges = [range(size) for size in sizes]
    known = (
        ((level,) for level in ranges[0])
        if len(sizes) == 1
        else map(tuple, AllPairs(list(map(list, ranges)), n=strength))
    )
    missing = dict.fromkeys(
        tuple(zip(of, levels, strict=True))
        for of in combinations(range(len(sizes)), strength)
        for levels in product(*(ranges[index] for index in of))
    )
    for row in known:
        if allowed(row):
            for item in _tuples(row, strength):
                missing.pop(item, None)
            yield row
    random = stream(name, "t-wise", 0)
    while missing:
        wanted = next(iter(missing))
        tries = random.integers(0, sizes, (_TRIES, len(sizes)))
        for index, level in wanted:
            tries[:, index] = level
        found = [row for row in dict.fromkeys(map(tuple, tries.tolist())) if allowed(row)]
        del missing[wanted]
        if found:
            best = max(found, key=lambda row: sum(item in missing for item in _tuples(row, strength)))
            for item in _tuples(best, strength):
                missing.pop(item, None)
            yield best


def _levels(scenario: Scenario, levels: int | Mapping[str, int]) -> list[tuple[Value, ...]]:
    given = levels if isinstance(levels, Mapping) else dict.fromkeys(scenario.parameters, levels)
    for name, count in given.items():
        if name not in scenario.parameters:
            raise _refused("levels", f"{scenario.name} has no parameter {name!r}")
        if count < 1:
            raise _refused("levels", f"got {count} of {name}; want 1 or more")
    return [levels_of(one, given.get(name, 3)) for name, one in scenario.parameters.items()]


def levels_of(distribution: Distribution, count: int) -> tuple[Value, ...]:
    """Levels of one parameter; see `grid`."""
    values = distribution.values
    if values is not None and (distribution.integer is None or distribution.step is not None or len(values) <= count):
        return tuple(dict.fromkeys(values))
    if count == 1:
        return (distribution.middle,)
    return tuple(dict.fromkeys(distribution.at(index / (count - 1)) for index in range(count)))


def _sequence(scenario: Scenario, count: int, made: Callable[[int], Array]) -> Design:
    if not scenario.parameters:
        return _points(scenario, {}, count)
    drawn = made(len(scenario.parameters))[:count]
    columns: dict[str, Array] = dict(zip(scenario.parameters, drawn.T, strict=True))
    return _points(scenario, columns | _mixed(scenario, columns), count)


def _mixed(scenario: Scenario, columns: Mapping[str, Array]) -> dict[str, Array]:
    """The columns that correlations change, by name."""
    changed: dict[str, Array] = {}
    for mixture in (mixture for group in scenario.chance.groups for mixture in group.mixtures):
        rows = zip(*(columns[name].tolist() for name in mixture.names), strict=True)
        mixed = [mixture.mix(dict(zip(mixture.names, row, strict=True))) for row in rows]
        changed |= {name: np.array([row[name] for row in mixed]) for name in mixture.names}
    return changed


def _points(scenario: Scenario, columns: Mapping[str, Array], count: int) -> Design:
    values = [[one.at(float(fraction)) for fraction in columns[name]] for name, one in scenario.parameters.items()]
    names = tuple(scenario.parameters)
    return _allowed(scenario, ({name: of[row] for name, of in zip(names, values, strict=True)} for row in range(count)))


def _allowed(scenario: Scenario, points: Iterable[Point]) -> Design:
    allowed: list[Point] = []
    dropped = 0
    for point in points:
        if scenario.chance.allows(point):
            allowed.append(point)
        else:
            dropped += 1
    return Design(tuple(allowed), dropped)


def _check(count: int, seed: int) -> None:
    if not 1 <= count <= MAX_POINTS:
        raise _refused("count", f"got {count}; want 1 to {MAX_POINTS}")
    if seed < 0:
        raise _refused("seed", f"got {seed}; want 0 or more")


def _refused(what: str, message: str) -> DocumentError:
    return DocumentError([Problem("", what, message)])
