"""Points that are measured one after the other while something moves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from av_synth.geometry.motion import Between, axis_angle
from av_synth.geometry.transforms import Array, rigid

ANGLES = st.tuples(*(st.floats(-180, 180) for _ in range(3)))
PLACES = st.tuples(*(st.floats(-1000, 1000) for _ in range(3)))
SHARES = np.linspace(0.0, 1.0, 7)


def pose(angles_deg: tuple[float, ...], place: tuple[float, ...]) -> Array:
    return rigid(Rotation.from_euler("zyx", angles_deg, degrees=True).as_matrix(), place)


@given(ANGLES, st.tuples(*(st.floats(-40, 40) for _ in range(3))), PLACES, PLACES)
def test_points_follow_a_straight_line_and_the_shortest_turn_and_come_back(angles, turn, begin, end):
    first = pose(angles, begin)
    last = rigid(first[:3, :3] @ pose(turn, end)[:3, :3], end)
    points = np.random.default_rng(0).uniform(-80, 80, (len(SHARES), 3))
    turning = Slerp([0, 1], Rotation.from_matrix(np.stack([first[:3, :3], last[:3, :3]])))
    places = first[:3, 3] + SHARES[:, None] * (last[:3, 3] - first[:3, 3])

    moved = Between(first, last).apply(SHARES, points)

    np.testing.assert_allclose(moved, turning(SHARES).apply(points) + places, atol=1e-6)
    np.testing.assert_allclose(Between(first, last).undo(SHARES, moved), points, atol=1e-6)


def test_what_stands_still_stays_where_it_is():
    still = pose((30, 5, -2), (10, 20, 1))
    points = np.arange(21.0).reshape(7, 3)

    np.testing.assert_allclose(
        Between(still, still).apply(SHARES, points), points @ still[:3, :3].T + still[:3, 3], atol=1e-9
    )


@given(
    st.tuples(*(st.floats(-1, 1) for _ in range(3))).filter(lambda axis: np.linalg.norm(axis) > 0.1),
    st.sampled_from([1e-8, 2e-7, 9e-7, 1e-5, 0.3, 3.1, np.pi - 1e-7, np.pi]),
)
def test_axis_and_angle_of_a_turn_are_found_however_small_it_is(axis, angle):
    turn = np.array(axis) / np.linalg.norm(axis) * angle

    found, by = axis_angle(Rotation.from_rotvec(turn).as_matrix())

    back = Rotation.from_rotvec(found * by) * Rotation.from_rotvec(turn).inv()
    assert back.magnitude() < (1e-9 if angle < 1.0 else 1e-6)  # of half a turn, which way round is not told
