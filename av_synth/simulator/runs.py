"""Runs of whole numbers, many at once: the members of a cell in a list that holds cell after cell, for one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


def runs(starts: Indices, counts: Indices) -> tuple[Indices, Indices]:
    """`counts[k]` whole numbers from `starts[k]` on, for one k after the other.

    Args:
        starts: (N,).
        counts: (N,), 0 or more.

    Returns:
        The k of each number, and the numbers, both (counts.sum(),).
    """
    before = np.cumsum(counts) - counts
    of = np.repeat(np.arange(len(counts)), counts)
    return of, (starts - before)[of] + np.arange(len(of))
