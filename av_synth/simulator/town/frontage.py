"""One side of a street, as what stands beside it sees it, whatever the street was described by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from av_synth.simulator.town.roads import TRAFFIC_LIGHT, Road, Signal

CLEAR_ENDS_M = 10.0
"""So far from the ends of a street small things keep away."""
_CLEAR_ZEBRA_M = 8.0
SIGHT_M = 18.0
"""So far before a light nothing may hide it."""
_SEEN_FROM_M = {TRAFFIC_LIGHT: SIGHT_M}
_SIGN_SEEN_FROM_M = 9.0
_PAST_SIGN_M = 2.0


@dataclass(frozen=True)
class Frontage:
    """One side of a street.

    Attributes:
        length_m: of the street.
        side: 1 left, -1 right of its reference line.
        point: where in the world a distance along the street and one behind its outer edge are; before it below 0.
        heading: of the reference line at a distance along it.
        closed: (from, to) distances along the street at crossings, where small things keep away.
        sights: likewise, where a tree or lamp would stand in or before a sign or light for those who should see it.
    """

    length_m: float
    side: int
    point: Callable[[float, float], tuple[float, float]]
    heading: Callable[[float], float]
    closed: tuple[tuple[float, float], ...]
    sights: tuple[tuple[float, float], ...]

    def hides(self, s_m: float) -> bool:
        """Whether something there would hide a sign or light."""
        return any(low < s_m < high for low, high in self.sights)

    def is_open(self, s_m: float, margin_m: float) -> bool:
        """Whether something that reaches this far to both sides may stand on the pavement."""
        return not any(low - margin_m < s_m < high + margin_m for low, high in (*self.closed, *self.sights))

    def to_street_rad(self, s_m: float) -> float:
        """The direction that looks at the street."""
        return self.heading(s_m) - self.side * math.pi / 2


def outer_edge_m(road: Road, side: int, s_m: float) -> float:
    """Signed offset of the outer edge of everything a street has on a side, pavement included."""
    index = road.section_at(s_m)
    section = road.sections[index]
    lanes = len(section.left if side > 0 else section.right)
    return float(road.edge_t_m(index, side, lanes, np.array([s_m]))[0])


def frontage_of(road: Road, side: int) -> Frontage:
    """One side (1 left, -1 right) of a road."""
    length = road.line.length_m
    closed = [(-math.inf, CLEAR_ENDS_M), (length - CLEAR_ENDS_M, math.inf)]
    closed += [(zebra.s_m - _CLEAR_ZEBRA_M, zebra.s_m + _CLEAR_ZEBRA_M) for zebra in road.crosswalks]
    sights = [_span(signal) for signal in road.signals if (signal.t_m > 0) == (side > 0)]
    return Frontage(
        length,
        side,
        lambda s, behind: road.line.point(s, outer_edge_m(road, side, s) + side * behind),
        lambda s: float(road.line.poses([s])[0, 2]),
        tuple(closed),
        tuple(sights),
    )


def _span(signal: Signal) -> tuple[float, float]:
    before = _SEEN_FROM_M.get(signal.kind, _SIGN_SEEN_FROM_M)
    if signal.along:
        return signal.s_m - before, signal.s_m + _PAST_SIGN_M
    return signal.s_m - _PAST_SIGN_M, signal.s_m + before
