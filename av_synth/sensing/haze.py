"""What fog and dust send back to a lidar: a target without a surface.

The mean power of a stretch of a pulse's length is that of Rasshofer et al. (2011), equations 5 to 9, for a stretch over
which air changes little: backscatter x length x exp(-2 x optical depth) x overlap / r^2; times pi, as `lidar` counts
power in white matte surfaces. Around that mean it varies from stretch to stretch as an exponential variate does: fog is
in wisps. (M. Hahner et al., Fog Simulation on Real LiDAR Point Clouds, ICCV 2021, strew their points around the
strongest place for the same reason.) Of each beam the strongest stretch is drawn, not all of them: of independent
exponential variates the greatest has a known distribution.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.sensing.receiver import Floats, Path, Receiver, Scattered

# backscatter by extinction, 1 / sr. Fog: 0.046 / MOR with MOR = ln 20 / extinction (Hahner et al., section 3.2, after
# Rasshofer et al.). Dust: 1 / 63, between the 50 sr at 532 nm and 69 sr at 1064 nm that M. Haarig et al. measured in
# Saharan dust (First triple-wavelength lidar observations..., Atmospheric Chemistry and Physics 22, 2022)
_FOG_SENDS = 0.046 / math.log(20.0)
_DUST_SENDS = 1.0 / 63.0

_RANGES, _POWERS, _RISES = 48, 48, 12
_LOG_DRAWS, _DRAWS = (math.log(1e-7), math.log(20.0)), 2048
_STRONGEST = 20.0  # times the mean: one stretch in half a billion is stronger
_EVEN_ENOUGH = 0.1  # of an optical depth that fog may differ between beams before they are told apart


def haze(rise: Floats, path: Path, receiver: Receiver, random: np.random.Generator, least: Floats) -> Scattered:
    """The strongest echo that fog and dust give of each beam, of those above the receiver's threshold.

    Args:
        rise: (B,) metres up for each metre of a beam.
        path: what is in the air.
        receiver: who listens.
        random: decides powers and places.
        least: (B,) power of each beam below which nobody asks.
    """
    if path.fog_per_m <= 0.0 and path.air.dust_per_m <= 0.0:
        return Scattered.nothing()
    draw = random.standard_exponential(len(rise), dtype=np.float32)
    place = random.random(len(rise), dtype=np.float32)
    low, high = float(rise.min(initial=0.0)), float(rise.max(initial=0.0))
    even = path.air.fog_falloff_per_m * (high - low) * min(receiver.range_m, 30.0) < _EVEN_ENOUGH
    rises = np.array([0.5 * (low + high)]) if even or path.fog_per_m <= 0.0 else np.linspace(low, high, _RISES)
    near = max(receiver.min_range_m, 0.1)
    edges = np.geomspace(near, max(receiver.range_m, near + 1.0), _RANGES + 1)
    middles = np.sqrt(edges[1:] * edges[:-1]).astype(np.float32)
    mean = np.stack([_mean(middles, float(each), path, receiver) for each in rises])
    if mean.max() * _STRONGEST <= receiver.threshold:
        return Scattered.nothing()
    powers = np.geomspace(0.5 * receiver.threshold, mean.max() * _STRONGEST, _POWERS)
    # how many stretches stronger than each power a beam has (rises, powers, ranges), and how many just as strong
    mean = np.maximum(mean, 1e-30)[:, None, :]
    stronger = np.diff(edges) / receiver.pulse_m * np.exp(-np.minimum(powers[:, None] / mean, 80.0))
    total, upto = stronger.sum(axis=2), np.cumsum(stronger / mean, axis=2)
    kind = np.zeros(len(rise), dtype=np.int64)
    if len(rises) > 1:
        kind = np.rint((rise - low) * ((_RISES - 1) / (high - low))).astype(np.int64)
    # the strongest of a beam is the power of which it has -ln(a share of 1) stretches, an exponential variate
    steps = np.linspace(*_LOG_DRAWS, _DRAWS)
    log_powers = np.log(powers)
    known = np.log(np.maximum(total, 1e-30))
    answers = np.stack([np.interp(steps, each[::-1], log_powers[::-1]) for each in known]).astype(np.float32)
    at = (np.log(np.maximum(draw, np.float32(1e-7))) - steps[0]) * np.float32(1.0 / (steps[1] - steps[0]))
    log_power = answers[kind, np.minimum(at.astype(np.int32), _DRAWS - 1)]
    power = np.exp(log_power)
    beam = np.flatnonzero((draw < total[kind, 0]) & (power > least))
    step = (log_powers[-1] - log_powers[0]) / (_POWERS - 1)
    level = np.clip(np.rint((log_power[beam] - log_powers[0]) / step).astype(np.int64), 0, _POWERS - 1)
    table = kind[beam] * _POWERS + level
    chances = (upto / upto[:, :, -1:]).reshape(-1, _RANGES)
    stairs = (chances + np.arange(len(chances))[:, None]).ravel()
    cell = np.clip(np.searchsorted(stairs, table + place[beam]) - table * _RANGES, 0, _RANGES - 1)
    within = random.random(len(beam), dtype=np.float32)
    range_m = (edges[cell] + within * np.diff(edges)[cell]).astype(np.float32)
    return Scattered(beam, range_m, power[beam], once=True)


def _mean(range_m: Floats, rise: float, path: Path, receiver: Receiver) -> Floats:
    """Mean power (K,) of stretches of the pulse's length around `range_m` (K,)."""
    sends = path.fog(range_m, rise) * _FOG_SENDS + path.air.dust_per_m * _DUST_SENDS
    left = np.exp(-2.0 * path.depth(range_m, rise))
    return np.asarray(math.pi * sends * receiver.pulse_m * left * receiver.catches(range_m), dtype=np.float32)
