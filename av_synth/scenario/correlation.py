"""Correlation between parameters: a Gaussian copula, which leaves each one's own distribution as it is.

Uniform numbers become normal scores, scores are mixed by the Cholesky factor of the correlation matrix, and mixed
scores become uniform numbers again. Source: Nelsen, An Introduction to Copulas (2006), section 2.3.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-9


@dataclass(frozen=True)
class Mixture:
    """Parameters that hang together.

    Attributes:
        names: in the order in which pairs first name them, so that a pair added at the end shifts no earlier one.
        factor: lower triangular; row i says how the i-th score is mixed from the first i + 1.
    """

    names: tuple[str, ...]
    factor: tuple[tuple[float, ...], ...]

    def mix(self, fractions: Mapping[str, float]) -> dict[str, float]:
        """Correlated uniform numbers of independent ones, by name; the first name keeps its own."""
        scores = [_NORMAL.inv_cdf(min(max(fractions[name], 1e-12), 1 - 1e-12)) for name in self.names]
        mixed = {self.names[0]: fractions[self.names[0]]}
        for name, row in list(zip(self.names, self.factor, strict=True))[1:]:
            mixed[name] = _NORMAL.cdf(math.fsum(part * score for part, score in zip(row, scores, strict=False)))
        return mixed


def mixtures(pairs: Mapping[tuple[str, str], float]) -> list[Mixture]:
    """The groups of names that pairs with these correlations connect.

    Raises:
        ValueError: if no parameters can be correlated so, naming the pairs.
    """
    groups: list[list[str]] = []
    for one, other in pairs:
        joined = [group for group in groups if one in group or other in group]
        groups = [group for group in groups if group not in joined]
        groups.append(list(dict.fromkeys([*(name for group in joined for name in group), one, other])))
    return [Mixture(tuple(names), _cholesky(names, pairs)) for names in groups]


def _cholesky(names: Sequence[str], pairs: Mapping[tuple[str, str], float]) -> tuple[tuple[float, ...], ...]:
    # by hand: it takes singular matrices (a correlation of 1), and gives the same bits with any linear algebra library
    rho = {frozenset(pair): value for pair, value in pairs.items()}
    rows: list[tuple[float, ...]] = []
    for i, name in enumerate(names):
        row: list[float] = []
        for j in range(i):
            rest = rho.get(frozenset((name, names[j])), 0.0) - math.fsum(
                a * b for a, b in zip(row, rows[j], strict=False)
            )
            pivot = rows[j][j]
            if pivot <= _TINY and abs(rest) > math.sqrt(_TINY):
                raise ValueError(_impossible(names[: i + 1], rho))
            row.append(rest / pivot if pivot > _TINY else 0.0)
        left = 1.0 - math.fsum(part * part for part in row)
        if left < -_TINY:
            raise ValueError(_impossible(names[: i + 1], rho))
        rows.append((*row, math.sqrt(max(left, 0.0))))
    return tuple(rows)


def _impossible(names: Sequence[str], rho: Mapping[frozenset[str], float]) -> str:
    """What is said of names of which the last does not go with those before."""
    pairs = [(one, other) for at, other in enumerate(names) for one in names[:at] if frozenset((one, other)) in rho]
    shown = ", ".join(f"{one} and {other} {rho[frozenset((one, other))]:g}" for one, other in pairs[-6:])
    return f"no parameters can be correlated so: {shown} (a pair left out is 0); want some weaker, or more pairs"
