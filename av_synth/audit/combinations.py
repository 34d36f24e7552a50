"""Combinations of values of several axes: which can be, which occur, and tables of pairs of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from av_synth.audit.model import PairTable

Cell = tuple[tuple[int, int], ...]
"""(axis, value) of each axis of a combination, by their numbers."""

MOST_TOLD = 200
"""Combinations that are listed; there may be very many."""
_MOST_TABLES, _MOST_VALUES = 12, 12


def cells_of(row: Sequence[int | None], strength: int) -> Iterator[Cell]:
    """The combinations of so many axes in a row of values; None is a value of no interest."""
    return combinations([(axis, value) for axis, value in enumerate(row) if value is not None], strength)


def all_cells(sizes: Sequence[int], strength: int) -> Iterator[Cell]:
    """Every combination of so many axes with so many values each."""
    for axes in combinations(range(len(sizes)), strength):
        for values in product(*(range(sizes[axis]) for axis in axes)):
            yield tuple(zip(axes, values, strict=True))


def in_words(cell: Cell, axes: Sequence[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """A combination by names."""
    return {axes[axis][0]: axes[axis][1][value] for axis, value in cell}


def shown(cells: Iterable[Mapping[str, str]], most: int = 3) -> str:
    """Some of them for people: 'rain x night; fog x night; and 3 more'."""
    found = [" x ".join(f"{axis} {value}" for axis, value in cell.items()) for cell in cells]
    return "; ".join(found[:most]) + (f"; and {len(found) - most} more" if len(found) > most else "")


def pair_tables(
    axes: Sequence[tuple[str, Sequence[str]]], scenes: Counter[Cell], possible: Collection[Cell]
) -> tuple[PairTable, ...]:
    """A table of each pair of axes, of the first ones if there are many.

    Args:
        axes: names with their values.
        scenes: how many have a pair.
        possible: pairs that can be.
    """
    small = [k for k, (_, values) in enumerate(axes) if len(values) <= _MOST_VALUES]
    tables = []
    for first, second in list(combinations(small, 2))[:_MOST_TABLES]:
        rows, columns = axes[first][1], axes[second][1]
        cells = [
            [((first, row), (second, column)) for column in range(len(columns))] for row in range(len(rows))
        ]  # a row of the table each
        counts = tuple(tuple(scenes[cell] if cell in possible else None for cell in row) for row in cells)
        tables.append(PairTable((axes[first][0], axes[second][0]), tuple(rows), tuple(columns), counts))
    return tuple(tables)
