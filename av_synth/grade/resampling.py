"""Confidence intervals of figures, by drawing whole scenes anew: samples of one scene resemble each other.

Sources: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993 (percentiles, clusters); T. Hesterberg, What
Teachers Should Know About the Bootstrap, The American Statistician 69, 2015, section 3.2 (percentiles that are widened
for few observations by Student's t); E. B. Wilson, JASA 22, 1927 (intervals of shares).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from av_synth.grade.matching import Floats

_CONFIDENCE = 0.95
"""How much of what comes of drawing anew an interval holds."""


def drawn(scenes: int, draws: int, seed: int) -> Floats:
    """How often each scene is drawn (draws, scenes), float64, when as many are drawn as there are."""
    if not scenes:
        return np.zeros((draws, 0))
    even = np.full(scenes, 1.0 / scenes)
    return np.random.default_rng(seed).multinomial(scenes, even, size=draws).astype(np.float64)


def interval(value: float, redrawn: Floats, scenes: int) -> tuple[float, float]:
    """The ends of a share's interval.

    Where drawing anew changes nothing, because there is one scene, or all are found everywhere, each scene counts as
    one trial: that many tell no more.

    Args:
        value: of the data as they are, 0 to 1.
        redrawn: (draws,) float64, of the data drawn anew; NaN where there was nothing to tell of.
        scenes: how many scenes the figure is of.
    """
    told = redrawn[np.isfinite(redrawn)]
    if scenes < 2 or not len(told) or np.ptp(told) < 1e-12:
        return _of_trials(value, max(scenes, 1))
    from scipy.special import stdtrit  # takes long to import, and most verbs do without

    students = float(stdtrit(scenes - 1, (1.0 - _CONFIDENCE) / 2.0))
    beyond = NormalDist().cdf(math.sqrt(scenes / (scenes - 1)) * students)
    low, high = np.quantile(told, [beyond, 1.0 - beyond])
    return min(float(low), value), max(float(high), value)


def _of_trials(share: float, trials: int) -> tuple[float, float]:
    """Wilson's interval of a share of trials that do not depend on each other."""
    z = NormalDist().inv_cdf(0.5 + _CONFIDENCE / 2.0)
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(middle - half, 0.0), min(middle + half, 1.0)
