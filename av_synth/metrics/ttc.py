"""Time to collision."""

from __future__ import annotations

import math

from av_synth.metrics.boxes import Footprint, overlap_interval_s


def time_to_collision_s(a: Footprint, b: Footprint, horizon_s: float = math.inf) -> float:
    """Seconds until the two rectangles touch if both keep velocity and heading; 0 if they do, inf if never.

    The two-dimensional time to collision: exact for oriented rectangles in uniform translation (turning is left out).
    Source of the notion: J. C. Hayward, Near-miss determination through use of a scale of danger, Highway Research
    Record 384, 1972.

    Args:
        a: one rectangle with its velocity.
        b: the other.
        horizon_s: longer times count as never.
    """
    interval = overlap_interval_s(a, b)
    if interval is None or interval[1] < 0.0:
        return math.inf
    time_s = max(interval[0], 0.0)
    return time_s if time_s <= horizon_s else math.inf
