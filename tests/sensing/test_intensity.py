from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from av_synth.sensing.intensity import lidar_intensity

ROAD, SIGN = 1, 8
RANGE_M = 100.0
TAGS = np.arange(256, dtype=np.uint8)

counts = st.shared(st.integers(0, 40), key="returns")
cosines = counts.flatmap(lambda n: hnp.arrays(np.float32, n, elements=st.floats(-1.0, 1.0, width=32)))
distances_m = counts.flatmap(lambda n: hnp.arrays(np.float64, n, elements=st.floats(0.0, 200.0)))
tags = counts.flatmap(lambda n: hnp.arrays(np.uint8, n))


def one(cosine: float, distance_m: float, tag: int, range_m: float = RANGE_M) -> float:
    found = lidar_intensity(np.array([cosine]), np.array([distance_m]), np.array([tag], dtype=np.uint8), range_m)
    return float(found[0])


@given(cosines, distances_m, tags)
def test_intensity_is_a_whole_number_from_0_to_255_for_every_return(cosine, distance_m, tag):
    found = lidar_intensity(cosine, distance_m, tag, RANGE_M)

    assert found.dtype == np.float32
    assert found.shape == cosine.shape
    assert ((found >= 0.0) & (found <= 255.0)).all()
    np.testing.assert_array_equal(found, np.round(found))


@given(cosines, distances_m, tags)
def test_which_way_a_surface_normal_points_does_not_matter(cosine, distance_m, tag):
    np.testing.assert_array_equal(
        lidar_intensity(cosine, distance_m, tag, RANGE_M), lidar_intensity(-cosine, distance_m, tag, RANGE_M)
    )


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, RANGE_M), st.integers(0, 255))
def test_a_slanting_surface_returns_no_more_than_one_that_is_hit_head_on(one_cosine, other_cosine, distance_m, tag):
    low, high = sorted((one_cosine, other_cosine))

    assert one(low, distance_m, tag) <= one(high, distance_m, tag)


@given(st.floats(0.0, 1.0), st.floats(0.0, RANGE_M), st.floats(0.0, RANGE_M), st.integers(0, 255))
def test_what_is_farther_returns_no_more_than_what_is_nearer(cosine, one_m, other_m, tag):
    near_m, far_m = sorted((one_m, other_m))

    assert one(cosine, far_m, tag) <= one(cosine, near_m, tag)


def test_beyond_the_range_air_takes_no_more_away():
    assert one(1.0, 70.0, SIGN, range_m=50.0) == one(1.0, 50.0, SIGN, range_m=50.0)


def test_air_takes_away_what_carlas_own_lidar_says():
    # e to the power of -0.004 times 50 is 0.8187
    assert one(1.0, 50.0, SIGN) / one(1.0, 0.0, SIGN) == pytest.approx(0.8187, abs=1 / 217)  # both are rounded


def test_every_class_returns_something_and_signs_return_most_and_roads_least():
    found = lidar_intensity(np.ones(256), np.zeros(256), TAGS, RANGE_M)

    assert (found > 0.0).all()
    assert found.argmax() == SIGN
    assert found.argmin() == ROAD
