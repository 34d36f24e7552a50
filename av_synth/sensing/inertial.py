"""What motion sensors make of a motion: inertial measurement units, satellite receivers, encoders of wheels.

Each axis tells (1 + scale error) * truth + bias + white noise, no further than its range, in steps of its resolution.
The bias has a part that is new at every start and then stays, one that wanders and comes back, and one that wanders
off. Names and formulas: IEEE Std 952-1997 (gyroscopes; annex C: the Allan variance of each error) and IEEE Std
1293-1998 (accelerometers); O. J. Woodman, An introduction to inertial navigation, University of Cambridge,
UCAM-CL-TR-696, 2007, sections 3.2 and 4.2. Errors of positions by satellites wander alike: Comparison of enhanced noise
model performance based on analysis of civilian GPS data, Sensors 20(21), 6050, 2020, finds Ornstein-Uhlenbeck
processes, which is the same thing as first-order Gauss-Markov.

Arrays in, arrays out; chance comes from the generators that are given, one for each kind of error, so that one more
error does not change the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry import quaternions
from av_synth.geometry.transforms import Array

Chance = Callable[[str], np.random.Generator]
"""The random generator of one kind of error, by its name."""

_LONGEST_DECAYS = 20.0  # a piece of a Gauss-Markov process is summed at once while exp(that) loses no digits


@dataclass(frozen=True)
class Triad:
    """Three accelerometers or three gyroscopes, alike, at right angles; u is m/s2 or rad/s.

    Attributes:
        bias: u, standard deviation of the constant bias from start to start.
        drift: u, standard deviation of the part of the bias that wanders and comes back (first-order Gauss-Markov).
        drift_time_s: its correlation time.
        random_walk: u per square root of a second, the part that wanders off; K of IEEE Std 952.
        noise_density: u per square root of a hertz, white noise; N of IEEE Std 952.
        scale_error: standard deviation of the factor's error from start to start; 0.001 is 0.1 %.
        limit: u, the largest value either way; None for no limit.
        resolution: u, the step of its values; 0 for none.
    """

    bias: float = 0.0
    drift: float = 0.0
    drift_time_s: float = 100.0
    random_walk: float = 0.0
    noise_density: float = 0.0
    scale_error: float = 0.0
    limit: float | None = None
    resolution: float = 0.0


@dataclass(frozen=True)
class TriadErrors:
    """What was wrong with N samples of a triad: bias (N, 3) and noise (N, 3) in its unit, scale errors (3,)."""

    bias: Array
    noise: Array
    scale_error: Array


def triad_errors(triad: Triad, count: int, period_s: float, chance: Chance) -> TriadErrors:
    """The errors of a triad from its start on.

    Args:
        triad: what it is like.
        count: of samples.
        period_s: between two of them.
        chance: decides.
    """
    constant = triad.bias * chance("bias").standard_normal(3)
    drift = gauss_markov(count, triad.drift, triad.drift_time_s, period_s, chance("drift"))
    walk = random_walk(count, triad.random_walk, period_s, chance("random walk"))
    return TriadErrors(
        constant + drift + walk,
        white_noise(count, triad.noise_density, period_s, chance("noise")),
        triad.scale_error * chance("scale").standard_normal(3),
    )


def attitude(
    truth: Array, tilt_rad: float, heading_rad: float, time_s: float, period_s: float, chance: Chance
) -> Array:
    """How a unit that finds its own orientation takes itself to be turned: quaternions (N, 4).

    Tilt and heading wander about the truth as first-order Gauss-Markov processes, which what such a unit's filter makes
    of gravity, a compass and its gyroscopes does.

    Args:
        truth: (N, 4), unit quaternions from its axes to those of the world.
        tilt_rad: standard deviation of the error about each horizontal axis.
        heading_rad: about the vertical one.
        time_s: correlation time of both.
        period_s: between two samples.
        chance: decides.
    """
    deviation = (tilt_rad, tilt_rad, heading_rad)
    return quaternions.product(
        quaternions.turn_of(gauss_markov(len(truth), deviation, time_s, period_s, chance("attitude"))), truth
    )


def told(triad: Triad, truth: Array, errors: TriadErrors) -> Array:
    """What a triad says (N, 3) of the truth (N, 3)."""
    said = (1.0 + errors.scale_error) * truth + errors.bias + errors.noise
    if triad.limit is not None:
        said = np.clip(said, -triad.limit, triad.limit)
    return stepped(said, triad.resolution)


def white_noise(count: int, density: npt.ArrayLike, period_s: float, random: np.random.Generator) -> Array:
    """White noise (count, 3) of a density, sampled: of standard deviation density / sqrt(period).

    Its Allan deviation is density / sqrt(averaging time). Source: IEEE Std 952-1997, annex C, angle random walk (N);
    Woodman 2007, section 3.2.

    Args:
        count: of samples.
        density: u / sqrt(Hz), of all axes or (3,).
        period_s: between two samples.
        random: decides.
    """
    return np.asarray(density, dtype=np.float64) / math.sqrt(period_s) * random.standard_normal((count, 3))


def random_walk(count: int, coefficient: float, period_s: float, random: np.random.Generator) -> Array:
    """A bias (count, 3) that begins at 0 and wanders off: the sum of white noise.

    Its Allan deviation is coefficient * sqrt(averaging time / 3). Source: IEEE Std 952-1997, annex C, rate random walk
    (K).

    Args:
        count: of samples.
        coefficient: u / sqrt(s): how far it has come after a second (one standard deviation).
        period_s: between two samples.
        random: decides.
    """
    steps = coefficient * math.sqrt(period_s) * random.standard_normal((count, 3))
    steps[:1] = 0.0
    return np.cumsum(steps, axis=0)


def gauss_markov(
    count: int, deviation: npt.ArrayLike, time_s: float, period_s: float, random: np.random.Generator
) -> Array:
    """A bias (count, 3) that wanders and comes back: a first-order Gauss-Markov process that has long been going on.

    x' = f x + sqrt(1 - f2) * deviation * w with f = exp(-period / time), w of unit variance. Its Allan variance is
    2 d2 T/t (1 - T/2t (3 - 4 exp(-t/T) + exp(-2t/T))), d the deviation, T the time, t the averaging time.
    Source: IEEE Std 952-1997, annex C, exponentially correlated (Markov) noise; A. Gelb (ed.), Applied Optimal
    Estimation, MIT Press 1974, chapter 3.

    Args:
        count: of samples.
        deviation: u, its standard deviation, of all axes or (3,).
        time_s: its correlation time.
        period_s: between two samples.
        random: decides.
    """
    kept = math.exp(-period_s / time_s)
    pushes = random.standard_normal((count, 3))
    pushes[1:] *= math.sqrt(1.0 - kept * kept)
    length = max(1, int(_LONGEST_DECAYS * time_s / period_s))
    found = np.zeros((count, 3))
    last = np.zeros(3)
    for start in range(0, count, length):
        piece = pushes[start : start + length]
        decay = kept ** np.arange(1, len(piece) + 1)[:, None]
        # x_k = f^k (x_0 + sum of pushes_j / f^j): all of a piece at once
        found[start : start + length] = decay * (last + np.cumsum(piece / decay, axis=0))
        last = found[start + len(piece) - 1]
    return found * np.asarray(deviation, dtype=np.float64)


@dataclass(frozen=True)
class GnssReceiver:
    """A receiver of navigation satellites, which tells where its antenna is and how it moves: east, north and up.

    Attributes:
        bias_m: standard deviation of the constant part of the error from start to start.
        drift_m: of the part that wanders and comes back (first-order Gauss-Markov).
        drift_time_s: its correlation time.
        noise_m: of the part that is new at each fix.
        velocity_noise_mps: of the error of velocities, new at each fix.
        outage_every_s: how long reception lasts in the mean; None: it is never lost.
        outage_s: how long it is lost then, in the mean.
    """

    bias_m: tuple[float, float, float]
    drift_m: tuple[float, float, float]
    drift_time_s: float
    noise_m: tuple[float, float, float]
    velocity_noise_mps: tuple[float, float, float]
    outage_every_s: float | None
    outage_s: float


@dataclass(frozen=True)
class ReceiverErrors:
    """What was wrong with N fixes: of positions bias and noise (N, 3), of velocities noise (N, 3); lost ones (N,)."""

    bias_m: Array
    noise_m: Array
    velocity_noise_mps: Array
    lost: npt.NDArray[np.bool_]


def receiver_errors(receiver: GnssReceiver, count: int, period_s: float, chance: Chance) -> ReceiverErrors:
    """The errors of a receiver from its start on, world axes; see `triad_errors`."""
    constant = np.asarray(receiver.bias_m) * chance("bias").standard_normal(3)
    drift = gauss_markov(count, receiver.drift_m, receiver.drift_time_s, period_s, chance("drift"))
    lost = np.zeros(count, dtype=np.bool_)
    if receiver.outage_every_s is not None:
        lost = outages(count, receiver.outage_every_s, receiver.outage_s, period_s, chance("outages"))
    return ReceiverErrors(
        constant + drift,
        np.asarray(receiver.noise_m) * chance("noise").standard_normal((count, 3)),
        np.asarray(receiver.velocity_noise_mps) * chance("velocity").standard_normal((count, 3)),
        lost,
    )


def outages(
    count: int, every_s: float, length_s: float, period_s: float, random: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """When nothing is received: bools (count,), in bursts of random length at random times.

    A chain of two states whose stays are of exponential length. Source: E. N. Gilbert, Capacity of a burst-noise
    channel, Bell System Technical Journal 39, 1960.

    Args:
        count: of samples.
        every_s: how long reception lasts between two bursts, in the mean.
        length_s: how long a burst lasts, in the mean.
        period_s: between two samples.
        random: decides.
    """
    means, end_s = (every_s, length_s), count * period_s
    lost = bool(random.random() < length_s / (every_s + length_s))
    found = np.zeros(count, dtype=np.bool_)
    at_s = 0.0
    while at_s < end_s:
        until_s = at_s + means[lost] * random.standard_exponential()
        found[math.ceil(at_s / period_s) : math.ceil(min(until_s, end_s) / period_s)] = lost
        at_s, lost = until_s, not lost
    return found


def stepped(values: Array, step: float) -> Array:
    """In whole steps of a resolution, as converters and encoders tell values; as they are for a step of 0.

    The error is spread evenly over a step. Source: IEEE Std 952-1997, annex C, quantisation noise.
    """
    return values if step == 0 else np.round(values / step) * step
