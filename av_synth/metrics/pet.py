"""Post-encroachment time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from av_synth.metrics.boxes import Footprint, distance_m


def post_encroachment_s(a: Sequence[Footprint], b: Sequence[Footprint], times_s: Sequence[float]) -> float:
    """The least time between one leaving a spot and the other coming to it; 0 on contact, inf if no spot is shared.

    Source of the notion: B. L. Allen, B. T. Shin, P. J. Cooper, Analysis of traffic conflicts and collisions,
    Transportation Research Record 667, 1978. Here a spot is shared when the rectangles of two different (or equal)
    frames overlap, so the result is exact to one frame.

    Args:
        a: footprints of the one, a frame each.
        b: footprints of the other at the same frames.
        times_s: the time of each frame, increasing.

    Raises:
        ValueError: if the lengths differ.
    """
    if not len(a) == len(b) == len(times_s):
        raise ValueError(f"want as many footprints as times, got {len(a)}, {len(b)} and {len(times_s)}")
    pairs = sorted(
        ((abs(times_s[i] - times_s[j]), i, j) for i in range(len(a)) for j in range(len(b)) if _near(a[i], b[j])),
    )
    return next((gap for gap, i, j in pairs if distance_m(a[i], b[j]) == 0.0), math.inf)


def _near(a: Footprint, b: Footprint) -> bool:
    """A cheap bound: whether the circles around the rectangles meet."""
    reach = math.hypot(*a.half_m) + math.hypot(*b.half_m)
    return math.hypot(*(a.centre_m - b.centre_m)) <= reach
