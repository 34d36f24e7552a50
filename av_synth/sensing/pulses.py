"""From what is in a lidar's beams to the echoes that its receiver tells apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pulses:
    """What comes back of beams, in any order.

    Attributes:
        beam: (K,) number of the beam, from 0.
        row: (K,) which candidate of the turn it is; for weather, one of the same beam.
        range_m, power: (K,); for units of power see `lidar`.
        is_weather: (K,).
    """

    beam: Rows
    row: Rows
    range_m: Floats
    power: Floats
    is_weather: Bools

    def __getitem__(self, which: Rows | Bools | slice) -> Pulses:
        """Some of them."""
        return Pulses(*(values[which] for values in vars(self).values()))

    @staticmethod
    def of(parts: list[Pulses]) -> Pulses:
        """All of them, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        return Pulses(*map(np.concatenate, zip(*(vars(part).values() for part in parts), strict=True)))


def shared(beam: Rows) -> Bools:
    """Which pulses (K,) have their beam not for themselves."""
    return np.asarray(np.bincount(beam)[beam] > 1) if len(beam) else np.zeros(0, dtype=np.bool_)


def merged(pulses: Pulses, apart_m: float) -> Pulses:
    """Pulses of one beam that follow each other by less than `apart_m` become one, so that edges get mixed points.

    Its power is the sum of theirs, its range their mean weighted by power, and what it is is what the strongest is.
    Those that stay alone come first, then the others by beam and range.
    """
    mixes = shared(pulses.beam)
    if not mixes.any():
        return pulses
    some = pulses[mixes]
    some = some[np.lexsort((some.range_m, some.beam))]
    begins = np.ones(len(some.beam), dtype=np.bool_)
    begins[1:] = (some.beam[1:] != some.beam[:-1]) | (some.range_m[1:] - some.range_m[:-1] >= apart_m)
    first = np.flatnonzero(begins)
    power = np.add.reduceat(some.power, first)
    range_m = np.add.reduceat(some.power * some.range_m, first) / np.maximum(power, np.float32(1e-30))
    number = np.cumsum(begins) - 1
    strongest = np.flatnonzero(some.power >= np.maximum.reduceat(some.power, first)[number])
    strongest = strongest[np.unique(number[strongest], return_index=True)[1]]
    joined = Pulses(some.beam[first], some.row[strongest], range_m, power, some.is_weather[strongest])
    return Pulses.of([pulses[~mixes], joined])


def reported(pulses: Pulses, at_most: int) -> tuple[Pulses, npt.NDArray[np.uint8]]:
    """The strongest pulses of each beam, and which echo (N,) of its beam each is: 0 the strongest.

    Args:
        pulses: those that the receiver finds.
        at_most: so many of each beam.

    Returns:
        Pulses by beam, those of one beam by falling power.
    """
    several = shared(pulses.beam)
    if not several.any():
        kept, rank = pulses, np.zeros(len(pulses.beam), dtype=np.int64)
    else:
        some = pulses[several]
        some = some[np.lexsort((-some.power, some.beam))]
        begins = np.flatnonzero(np.r_[True, some.beam[1:] != some.beam[:-1]])
        place = np.arange(len(some.beam)) - np.repeat(begins, np.diff(np.r_[begins, len(some.beam)]))
        kept = Pulses.of([pulses[~several], some[place < at_most]])
        rank = np.r_[np.zeros(int((~several).sum()), dtype=np.int64), place[place < at_most]]
    key = kept.beam * 4 + rank
    if (key[1:] > key[:-1]).all():
        return kept, rank.astype(np.uint8)
    order = np.argsort(key)
    return kept[order], rank[order].astype(np.uint8)
