"""How long, and how far below a threshold, a time to collision stays over a series of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from av_synth.geometry.transforms import Array


def time_exposed_s(ttc_s: Sequence[float] | Array, step_s: float, threshold_s: float) -> float:
    """TET: seconds during which the time to collision was at or below the threshold.

    Source: M. M. Minderhoud, P. H. L. Bovy, Extended time-to-collision measures for road traffic safety assessment,
    Accident Analysis and Prevention 33, 2001.

    Args:
        ttc_s: (N,), one for each frame; inf where no collision is to come.
        step_s: time between frames.
        threshold_s: below it is counted.
    """
    return float((_series(ttc_s) <= threshold_s).sum()) * step_s


def time_integrated_s2(ttc_s: Sequence[float] | Array, step_s: float, threshold_s: float) -> float:
    """TIT, in s2: the area between the threshold and the time to collision where that is below it.

    Source, arguments: as `time_exposed_s`.
    """
    return float(np.maximum(threshold_s - _series(ttc_s), 0.0).sum()) * step_s


def _series(ttc_s: Sequence[float] | Array) -> Array:
    values = np.asarray(ttc_s, dtype=np.float64)
    if np.isnan(values).any() or (values < 0.0).any():
        raise ValueError("ttc_s: want times of 0 or more, inf for never")
    return values
