"""Pulses of a beam: what runs together, and which are reported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.sensing.pulses import merge, ranked

pulse = st.tuples(
    st.integers(0, 4), st.floats(1.0, 30.0, width=32), st.sampled_from([0.0, 1e-6, 0.001, 0.02, 0.3, 0.5, 0.875, 1.0])
)


def columns(pulses: list[tuple[int, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    beam, range_m, power = zip(*sorted(pulses, key=lambda each: each[0]), strict=True) if pulses else ((), (), ())
    return np.array(beam, np.int64), np.array(range_m, np.float32), np.array(power, np.float32)


@given(st.lists(pulse, max_size=30), st.floats(0.1, 5.0))
def test_pulses_that_run_together_lose_no_power_and_what_is_left_is_apart(pulses, apart_m):
    beam, range_m, power = columns(pulses)
    before_m, before = range_m.copy(), power.copy()

    merge(beam, range_m, power, apart_m)

    for each in range(5):
        own = beam == each
        assert power[own].sum() == pytest.approx(before[own].sum(), rel=1e-5)
        left = np.sort(range_m[own & (power > 0.0)].astype(np.float64))
        assert (np.diff(left) >= apart_m - 1e-3).all()
        lit = own & (before > 0.0)
        if lit.any():
            moment = (before * before_m.astype(np.float64))[own].sum()
            assert (power * range_m.astype(np.float64))[own].sum() == pytest.approx(moment, rel=1e-4)
            assert left.min() >= before_m[lit].min() - 1e-3
            assert left.max() <= before_m[lit].max() + 1e-3


def test_what_runs_together_is_what_the_strongest_is():
    beam, range_m = np.zeros(3, np.int64), np.array([5.5, 5.0, 9.0], np.float32)
    power = np.array([0.3, 0.1, 0.2], np.float32)

    merge(beam, range_m, power, 0.75)

    np.testing.assert_allclose(power, [0.4, 0.0, 0.2], rtol=1e-6)
    np.testing.assert_allclose(range_m[[0, 2]], [5.375, 9.0], rtol=1e-6)


@given(st.lists(pulse, max_size=30), st.integers(1, 3))
def test_the_strongest_of_each_beam_are_reported_in_order(pulses, at_most):
    beam, _, power = columns(pulses)

    places, echo = ranked(beam, power, at_most)

    wanted = [(each, np.sort(power[beam == each])[::-1][:at_most].tolist()) for each in sorted(set(beam.tolist()))]
    assert beam[places].tolist() == [each for each, powers in wanted for _ in powers]
    assert power[places].tolist() == [value for _, powers in wanted for value in powers]
    assert echo.tolist() == [number for _, powers in wanted for number in range(len(powers))]
