"""Wheels of a model: found by what of rubber stands on the ground, and turned straight."""

import numpy as np

from av_synth.simulator.assets.wheels import find, straightened

RADIUS_M, HALF_M = 0.3, 0.1
TURN = 2.0 * np.pi * np.arange(24) / 24
BAND = np.array([f for k in range(24) for f in ((k, (k + 1) % 24, 24 + k), ((k + 1) % 24, 24 + (k + 1) % 24, 24 + k))])


def tyre(x: float, y: float, steered_rad: float) -> np.ndarray:
    """A band (48, 3) that stands on the ground, steered to the left."""
    ring = RADIUS_M * np.stack([np.cos(TURN), 0.0 * TURN, np.sin(TURN)], axis=1)
    c, s = np.cos(steered_rad), np.sin(steered_rad)
    band = np.concatenate([ring + np.array([0.0, side * HALF_M, 0.0]) for side in (-1.0, 1.0)])
    return band @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + [x, y, RADIUS_M]


def car(steered_rad: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and tyres of a car of four wheels, and a seal of rubber around a window above one of them."""
    wheels = [
        tyre(-1.3, 0.7, 0.0),
        tyre(-1.3, -0.7, 0.0),
        tyre(1.26, 0.66, steered_rad),
        tyre(1.34, -0.66, steered_rad),
    ]
    seal = tyre(1.3, 0.7, 0.0) + np.array([0.0, 0.0, 0.8])
    points = np.concatenate([*wheels, seal])
    return points, np.concatenate([BAND + 48 * k for k in range(5)])


def test_wheels_are_what_stands_on_the_ground_and_no_seals_of_windows() -> None:
    found = find(*car(0.0))
    assert len(found) == 4
    np.testing.assert_allclose([wheel.hub[2] for wheel in found], RADIUS_M, atol=1e-6)
    np.testing.assert_allclose([wheel.radius for wheel in found], RADIUS_M, atol=1e-6)


def test_wheels_that_a_model_shows_steered_are_turned_straight_side_by_side() -> None:
    for steered_rad in (0.6, -0.6):
        points, tyres = car(steered_rad)
        straight = straightened(points, tyres)
        np.testing.assert_array_equal(straight[:96], points[:96])
        np.testing.assert_array_equal(straight[192:], points[192:])  # the seal
        for at, y in ((96, 0.66), (144, -0.66)):
            low, high = straight[at : at + 48].min(axis=0), straight[at : at + 48].max(axis=0)
            np.testing.assert_allclose((low + high) / 2, [1.3, y, RADIUS_M], atol=0.01)
            np.testing.assert_allclose(high - low, [2 * RADIUS_M, 2 * HALF_M, 2 * RADIUS_M], atol=0.01)


def test_each_of_two_steered_axles_stays_where_it_is() -> None:
    wheels = [tyre(x + aside, y, 0.4) for x in (1.3, 2.6) for aside, y in ((-0.04, 0.66), (0.04, -0.66))]
    tyres = np.concatenate([BAND + 48 * k for k in range(4)])

    found = find(straightened(np.concatenate(wheels), tyres), tyres)

    np.testing.assert_allclose([wheel.hub[0] for wheel in found], [1.3, 1.3, 2.6, 2.6], atol=0.01)


def test_wheels_that_are_straight_stay_as_they_are() -> None:
    points, tyres = car(0.0)
    np.testing.assert_array_equal(straightened(points, tyres), points)
