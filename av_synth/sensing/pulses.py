"""From what is in a lidar's beams to the echoes that its receiver tells apart.

Pulses are places in arrays of one length: a power, 0 where there is none, and a range; `beam` says whose each is, and
rises.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]


def shared(beam: Rows) -> Rows:
    """Places (K,) whose beam, of rising numbers (M,), has another place too."""
    same = beam[1:] == beam[:-1]
    either = np.zeros(len(beam), dtype=np.bool_)
    either[1:] = same
    either[:-1] |= same
    return np.flatnonzero(either)


def merge(beam: Rows, range_m: Floats, power: Floats, apart_m: float) -> None:
    """Make one pulse of those of a beam that follow each other by less than `apart_m`, so that edges get mixed points.

    Its power is the sum of theirs, its range their mean weighted by power, and its place that of the strongest; the
    others are left without power. Arrays are changed.
    """
    at = shared(beam)
    at = at[power[at] > 0.0]
    if not len(at):
        return
    at = at[_order(beam[at], range_m[at].view(np.int32))]
    begins = np.ones(len(at), dtype=np.bool_)
    begins[1:] = (beam[at[1:]] != beam[at[:-1]]) | (range_m[at[1:]] - range_m[at[:-1]] >= apart_m)
    first = np.flatnonzero(begins)
    powers = power[at]
    joined = np.add.reduceat(powers, first)
    mean_m = np.add.reduceat(powers * range_m[at], first) / joined
    ends = np.append(first[1:], len(at))
    strongest = np.flatnonzero(powers >= np.repeat(np.maximum.reduceat(powers, first), ends - first))
    strongest = strongest[np.searchsorted(strongest, first)]  # the nearest of those that are equally strong
    power[at] = 0.0
    power[at[strongest]], range_m[at[strongest]] = joined, mean_m


def ranked(beam: Rows, power: Floats, at_most: int) -> tuple[Rows, npt.NDArray[np.uint8]]:
    """The places of the strongest pulses of each beam, and which echo (N,) of its beam each is: 0 the strongest.

    Args:
        beam: (M,), rising.
        power: (M,).
        at_most: so many of each beam.

    Returns:
        Places (N,) by beam, those of one beam by falling power.
    """
    order, echo = np.arange(len(beam)), np.zeros(len(beam), dtype=np.int64)
    at = shared(beam)
    if not len(at):
        return order, echo.astype(np.uint8)
    order[at] = at[_order(beam[at], -power[at].view(np.int32))]
    begins = np.ones(len(at), dtype=np.bool_)
    begins[1:] = beam[at[1:]] != beam[at[:-1]]
    first = np.flatnonzero(begins)
    echo[at] = np.arange(len(at)) - np.repeat(first, np.append(first[1:], len(at)) - first)
    kept = echo < at_most
    return order[kept], echo[kept].astype(np.uint8)


def _order(beam: Rows, then: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """The order by beam, and of one beam by a number; the bits of floats above 0 rise as they do."""
    return np.argsort((beam.astype(np.int64) << 32) + then, kind="stable")
