"""Who is first where two ways cross."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.metrics.many import Footprints
from av_synth.metrics.pet import shared_ground


def arrivals_s(a: Footprints, b: Footprints, times_s: Array) -> tuple[float, float] | None:
    """When each first comes to ground that the other goes over at some time, of tracks (N, ...) with times (N,).

    Returns:
        (time of a, time of b), to one frame; None if there is no such ground.
    """
    rows, columns = np.nonzero(shared_ground(a, b))
    return (float(times_s[rows.min()]), float(times_s[columns.min()])) if len(rows) else None
