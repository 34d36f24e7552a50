"""Who is first where two ways cross."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.metrics.many import Footprints, overlaps


def arrivals_s(a: Footprints, b: Footprints, times_s: Array) -> tuple[float, float] | None:
    """When each first comes to ground that the other goes over at some time, of tracks (N, ...) with times (N,).

    Returns:
        (time of a, time of b), to one frame; None if there is no such ground.
    """
    reach = np.linalg.norm(a.half_m, axis=-1)[:, None] + np.linalg.norm(b.half_m, axis=-1)[None]
    apart = a.centre_m[:, None] - b.centre_m[None]
    rows, columns = np.nonzero((apart * apart).sum(-1) <= reach * reach)
    shared = overlaps(a[rows], b[columns])
    if not shared.any():
        return None
    return float(times_s[rows[shared].min()]), float(times_s[columns[shared].min()])
