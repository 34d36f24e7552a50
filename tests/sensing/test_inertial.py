"""Errors of motion sensors: their Allan deviations are those of IEEE Std 952-1997, and they add up as it says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from av_synth.geometry import quaternions
from av_synth.geometry.transforms import Array
from av_synth.sensing.inertial import (
    GnssReceiver,
    Triad,
    attitude,
    gauss_markov,
    outages,
    random_walk,
    receiver_errors,
    stepped,
    told,
    triad_errors,
    white_noise,
)

PERIOD_S = 0.01
LONG = 300_000  # fifty minutes at 100 Hz


def allan(values: Array, period_s: float, seconds: float) -> float:
    """The Allan deviation of samples (N, 3) for one averaging time: half the mean square of how two means differ.

    Means overlap, which wastes no sample. Source: IEEE Std 952-1997, annex C.
    """
    size = round(seconds / period_s)
    sums = np.cumsum(np.vstack([np.zeros(3), values]), axis=0)
    means = (sums[size:] - sums[:-size]) / size
    return float(np.sqrt(np.mean((means[size:] - means[:-size]) ** 2) / 2))


def chance(seed: int) -> Callable[[str], np.random.Generator]:
    """Generators by the kind of error."""
    return lambda kind: np.random.default_rng([seed, *kind.encode()])


def slope(values: Array, seconds: tuple[float, float]) -> float:
    """Of the Allan deviation between two averaging times, on logarithmic paper."""
    low, high = (math.log(allan(values, PERIOD_S, each)) for each in seconds)
    return (high - low) / math.log(seconds[1] / seconds[0])


def test_white_noise_of_a_density_has_it_as_its_allan_deviation_at_a_second() -> None:
    noise = white_noise(LONG, 0.004, PERIOD_S, np.random.default_rng(1))

    assert noise.std() == pytest.approx(0.04, rel=0.005)
    for seconds in (0.1, 1.0, 10.0):
        assert allan(noise, PERIOD_S, seconds) == pytest.approx(0.004 / math.sqrt(seconds), rel=0.05)
    assert slope(noise, (0.1, 10.0)) == pytest.approx(-0.5, abs=0.02)


def test_the_density_stays_the_same_at_another_rate() -> None:
    noise = white_noise(LONG, 0.004, PERIOD_S / 5, np.random.default_rng(2))

    assert allan(noise, PERIOD_S / 5, 1.0) == pytest.approx(0.004, rel=0.05)


def test_a_random_walk_has_its_coefficient_over_root_three_as_its_allan_deviation_at_a_second() -> None:
    walk = random_walk(LONG, 0.002, PERIOD_S, np.random.default_rng(3))

    assert walk[0] == pytest.approx(0.0, abs=0)
    for seconds in (1.0, 10.0):
        assert allan(walk, PERIOD_S, seconds) == pytest.approx(0.002 * math.sqrt(seconds / 3), rel=0.08)
    assert slope(walk, (1.0, 10.0)) == pytest.approx(0.5, abs=0.04)


def test_a_gauss_markov_drift_has_the_allan_deviation_of_the_standard_and_comes_back() -> None:
    time_s = 2.0
    drift = gauss_markov(LONG, 0.01, time_s, PERIOD_S, np.random.default_rng(4))

    assert drift.std() == pytest.approx(0.01, rel=0.05)
    for seconds in (0.2, 2.0, 4.0, 20.0):
        decay = time_s / (2 * seconds) * (3 - 4 * math.exp(-seconds / time_s) + math.exp(-2 * seconds / time_s))
        expected = 0.01 * math.sqrt(2 * time_s / seconds * (1 - decay))
        assert allan(drift, PERIOD_S, seconds) == pytest.approx(expected, rel=0.08)
    assert slope(drift, (0.05, 0.2)) == pytest.approx(0.5, abs=0.05)  # a walk at first
    assert slope(drift, (20.0, 100.0)) == pytest.approx(-0.5, abs=0.12)  # and noise at last
    lag = round(time_s / PERIOD_S)
    assert np.mean(drift[lag:] * drift[:-lag]) / drift.var() == pytest.approx(math.exp(-1), abs=0.05)


def test_a_drift_is_the_same_summed_at_once_as_step_by_step() -> None:
    """Over many correlation times, so that it is summed in pieces."""
    random, again = (np.random.default_rng(5) for _ in range(2))
    found = gauss_markov(500, (1.0, 2.0, 3.0), 0.1, PERIOD_S, random)

    pushes, kept = again.standard_normal((500, 3)), math.exp(-0.1)
    expected = [pushes[0]]
    for push in pushes[1:]:
        expected.append(kept * expected[-1] + math.sqrt(1 - kept**2) * push)
    assert found == pytest.approx(np.array(expected) * [1.0, 2.0, 3.0], abs=1e-9)


def test_a_drift_begins_as_wide_as_it_goes_on() -> None:
    starts = np.array([gauss_markov(2, 0.5, 100.0, PERIOD_S, np.random.default_rng(seed)) for seed in range(2000)])

    assert starts[:, 0].std() == pytest.approx(0.5, rel=0.05)
    assert starts[:, 1].std() == pytest.approx(0.5, rel=0.05)


def test_a_triad_has_noise_at_short_times_and_its_walk_at_long_ones() -> None:
    triad = Triad(noise_density=0.01, random_walk=0.001)
    errors = triad_errors(triad, LONG, PERIOD_S, chance(6))
    said = told(triad, np.zeros((LONG, 3)), errors)

    assert allan(said, PERIOD_S, 0.1) == pytest.approx(0.01 / math.sqrt(0.1), rel=0.05)
    assert allan(said, PERIOD_S, 300.0) == pytest.approx(0.001 * math.sqrt(300 / 3), rel=0.4)
    assert slope(said, (0.1, 1.0)) == pytest.approx(-0.5, abs=0.03)
    assert slope(said, (100.0, 300.0)) > 0.2


def test_the_constant_bias_and_the_scale_are_new_at_every_start_and_as_wide_as_told() -> None:
    triad = Triad(bias=0.3, scale_error=0.002)
    found = [triad_errors(triad, 3, PERIOD_S, chance(seed)) for seed in range(1500)]
    biases, scales = np.array([each.bias for each in found]), np.array([each.scale_error for each in found])

    assert np.ptp(biases, axis=1) == pytest.approx(0.0, abs=0)  # and stay
    assert biases.std() == pytest.approx(0.3, rel=0.05)
    assert scales.std() == pytest.approx(0.002, rel=0.05)


def test_one_more_error_does_not_change_the_others() -> None:
    before = triad_errors(Triad(bias=0.1, noise_density=0.01), 100, PERIOD_S, chance(7))
    after = triad_errors(Triad(bias=0.1, noise_density=0.01, drift=0.2, scale_error=0.01), 100, PERIOD_S, chance(7))

    assert np.array_equal(before.noise, after.noise)
    drift = after.bias - before.bias
    assert drift == pytest.approx(gauss_markov(100, 0.2, 100.0, PERIOD_S, chance(7)("drift")))


def test_what_is_told_is_scaled_moved_cut_and_rounded_in_this_order() -> None:
    triad = Triad(limit=2.0, resolution=0.25)
    errors = triad_errors(triad, 3, PERIOD_S, chance(8))
    errors = type(errors)(errors.bias + 0.5, errors.noise + 0.1, np.array([0.1, 0.0, 0.0]))
    truth = np.array([[1.0, 1.0, -1.0], [3.0, -9.0, 0.0], [0.0, 1.4, 1.5]])

    assert told(triad, truth, errors) == pytest.approx(np.array([[1.75, 1.5, -0.5], [2.0, -2.0, 0.5], [0.5, 2.0, 2.0]]))


def test_a_triad_without_errors_tells_the_truth() -> None:
    truth = np.random.default_rng(9).normal(size=(50, 3))

    assert np.array_equal(told(Triad(), truth, triad_errors(Triad(), 50, PERIOD_S, chance(9))), truth)


def test_rounding_is_off_by_half_a_step_at_most_and_evenly() -> None:
    values = np.random.default_rng(10).uniform(-50, 50, (100_000, 3))
    off = stepped(values, 0.3) - values

    assert np.abs(off).max() <= 0.15 + 1e-9
    assert off.std() == pytest.approx(0.3 / math.sqrt(12), rel=0.01)
    assert stepped(values, 0.0) is values


def test_tilt_and_heading_wander_by_their_own_deviations_in_the_worlds_axes() -> None:
    truth = np.tile([math.cos(0.6), 0.0, 0.0, math.sin(0.6)], (LONG, 1))
    found = attitude(truth, 0.01, 0.04, 1.0, PERIOD_S, chance(11))
    errors = quaternions.vector_of(quaternions.product(found, quaternions.conjugate(truth)))

    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0)
    assert errors.std(axis=0) == pytest.approx([0.01, 0.01, 0.04], rel=0.08)


def test_reception_is_lost_as_often_and_as_long_as_told() -> None:
    lost = outages(400_000, 20.0, 5.0, 0.1, np.random.default_rng(12))
    begins = np.count_nonzero(lost[1:] & ~lost[:-1])

    assert lost.mean() == pytest.approx(0.2, abs=0.01)
    assert lost.sum() * 0.1 / begins == pytest.approx(5.0, rel=0.05)


def test_reception_may_be_lost_from_the_start() -> None:
    first = [outages(1, 20.0, 5.0, 0.1, np.random.default_rng(seed))[0] for seed in range(1000)]

    assert np.mean(first) == pytest.approx(0.2, abs=0.04)


def test_fixes_err_by_bias_drift_and_noise_of_their_own_axes() -> None:
    receiver = GnssReceiver((1.0, 1.0, 2.0), (0.5, 0.5, 0.8), 1.0, (0.1, 0.1, 0.3), (0.05, 0.05, 0.2), None, 0.0)
    found = [receiver_errors(receiver, 2000, 0.1, chance(seed)) for seed in range(300)]
    starts = np.array([each.bias_m.mean(axis=0) for each in found])

    assert not any(each.lost.any() for each in found)
    spread = np.hypot([1.0, 1.0, 2.0], np.array([0.5, 0.5, 0.8]) * math.sqrt(2 * 1.0 / 200))
    assert starts.std(axis=0) == pytest.approx(spread, rel=0.12)
    one = found[0]
    assert one.bias_m.std(axis=0) == pytest.approx([0.5, 0.5, 0.8], rel=0.2)
    assert one.noise_m.std(axis=0) == pytest.approx([0.1, 0.1, 0.3], rel=0.06)
    assert one.velocity_noise_mps.std(axis=0) == pytest.approx([0.05, 0.05, 0.2], rel=0.06)
