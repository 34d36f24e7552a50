"""How the ego moved between ticks, and how a point of it did."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.geometry import quaternions
from av_synth.geometry.transforms import from_yaw, quaternion_from_matrix
from av_synth.log.motion import GRAVITY_MPS2, EgoMotion

RADIUS_M, SPEED_MPS = 20.0, 8.0
RATE_RADPS = SPEED_MPS / RADIUS_M
TICKS = np.arange(41)


@pytest.fixture(scope="module")
def circle() -> EgoMotion:
    """To the left about (0, 20), 8 m/s, for two seconds."""
    poses, velocities = [], []
    for tick in TICKS:
        yaw = RATE_RADPS * tick * 0.05
        pose = from_yaw(RADIUS_M * math.sin(yaw), RADIUS_M * (1 - math.cos(yaw)), 0.0, yaw)
        poses.append([*pose[:3, 3], *quaternion_from_matrix(pose)])
        velocities.append(SPEED_MPS * pose[:3, 0])
    return EgoMotion(TICKS, TICKS * 50_000, np.array(poses), np.array(velocities))


@pytest.mark.parametrize("point_m", [(0.0, 0.0, 0.5), (2.0, 0.0, 0.0), (1.0, -0.7, 1.5), (-1.0, 0.7, 0.0)])
def test_a_point_of_the_ego_goes_round_on_a_circle_of_its_own(circle: EgoMotion, point_m: tuple[float, ...]) -> None:
    times = np.arange(100_000, 1_900_000, 10_000)
    x, y, z = point_m

    found = circle.at(times).at_point(point_m)

    yaw = RATE_RADPS * times * 1e-6
    place = [
        RADIUS_M * np.sin(yaw) + x * np.cos(yaw) - y * np.sin(yaw),
        RADIUS_M * (1 - np.cos(yaw)) + x * np.sin(yaw) + y * np.cos(yaw),
    ]
    assert found.position_m[:, :2] == pytest.approx(np.array(place).T, abs=1e-3)
    assert found.position_m[:, 2] == pytest.approx(z)
    still = np.ones(len(times))
    moves = np.outer(still, [SPEED_MPS - RATE_RADPS * y, RATE_RADPS * x, 0.0])
    assert found.velocity_mps == pytest.approx(moves, abs=0.01)
    pulled = np.outer(still, [-(RATE_RADPS**2) * x, RATE_RADPS**2 * (RADIUS_M - y), GRAVITY_MPS2])
    assert found.specific_force_mps2 == pytest.approx(pulled, abs=0.01)
    assert found.rotation_rate_radps == pytest.approx(np.outer(still, [0.0, 0.0, RATE_RADPS]), abs=1e-6)


def test_a_point_ahead_is_pushed_aside_while_the_turning_grows() -> None:
    """Turning on the spot at 0.5 rad/s2: a point 2 m ahead gains 1 m/s2 to the left."""
    yaw = 0.25 * (TICKS * 0.05) ** 2
    pose = np.array([[0.0, 0.0, 0.0, math.cos(a / 2), 0.0, 0.0, math.sin(a / 2)] for a in yaw])
    motion = EgoMotion(TICKS, TICKS * 50_000, pose, np.zeros((41, 3)))

    found = motion.at(np.array([1_000_000])).at_point((2.0, 0.0, 0.0))

    assert found.angular_acceleration_radps2[0] == pytest.approx([0.0, 0.0, 0.5], abs=1e-6)
    assert found.specific_force_mps2[0] == pytest.approx([-2.0 * 0.5**2, 1.0, GRAVITY_MPS2], abs=1e-3)


def test_quaternions_turn_vectors_as_their_rotation_vectors_say() -> None:
    vectors = np.array([[0.0, 0.0, math.pi / 2], [math.pi, 0.0, 0.0], [0.0, 0.0, 0.0]])
    turns = quaternions.turn_of(vectors)

    assert quaternions.turned_by(turns, np.tile([1.0, 2.0, 3.0], (3, 1))) == pytest.approx(
        np.array([[-2.0, 1.0, 3.0], [1.0, -2.0, -3.0], [1.0, 2.0, 3.0]])
    )
    assert quaternions.vector_of(turns) == pytest.approx(vectors)
    assert quaternions.product(turns, quaternions.conjugate(turns)) == pytest.approx(np.tile([1.0, 0, 0, 0], (3, 1)))
