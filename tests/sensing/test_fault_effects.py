from __future__ import annotations

import cv2
import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.sensing import faults


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def flat(value: int, height: int = 90, width: int = 160) -> np.ndarray:
    image = np.full((height, width, 4), value, dtype=np.uint8)
    image[..., 3] = 255
    return image


def around(n: int, away_m: float = 10.0) -> np.ndarray:
    """Points in a circle, one at the middle of each n-th of a turn, from ahead to the left."""
    angle = (np.arange(n) + 0.5) * 2 * np.pi / n
    return (np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1) * away_m).astype(np.float32)


def test_noise_has_the_spread_that_is_asked_for_and_no_bias():
    off = faults.noisy(flat(128), 20.0, chance())[..., :3].astype(float) - 128

    assert off.std() == pytest.approx(20.0, rel=0.02)
    assert abs(off.mean()) < 0.5
    assert abs(np.corrcoef(off[..., 0].ravel(), off[..., 2].ravel())[0, 1]) < 0.03


def test_noise_is_decided_by_its_generator_alone():
    assert np.array_equal(faults.noisy(flat(90), 9.0, chance(4)), faults.noisy(flat(90), 9.0, chance(4)))
    assert not np.array_equal(faults.noisy(flat(90), 9.0, chance(4)), faults.noisy(flat(90), 9.0, chance(5)))


def test_a_point_out_of_focus_is_an_even_disc_of_that_radius():
    image = flat(0)
    image[45, 80, :3] = 255 * 1  # one bright pixel of light 255 is spread over about 28 pixels
    disc = faults.blurred(image, 3.0)[..., 0]

    rows, columns = np.nonzero(disc)
    assert np.hypot(rows - 45, columns - 80).max() < 3.5
    assert len(rows) == pytest.approx(np.pi * 9, rel=0.35)
    assert set(disc[45, 78:83].tolist()) == {disc[45, 80]}


def test_what_is_even_stays_even_out_of_focus():
    assert np.array_equal(faults.blurred(flat(77), 4.2), flat(77))


def test_a_stop_is_a_factor_of_two_of_the_light():
    middle = 118  # sRGB of 0.181 of the light
    assert faults.exposed(flat(middle), 0.0)[0, 0, 0] == middle
    brighter, darker = (int(faults.exposed(flat(middle), stops)[0, 0, 0]) for stops in (1.0, -1.0))
    assert (brighter, darker) == (162, 85)  # of 0.362 and 0.0905
    assert faults.exposed(flat(middle), 4.0)[0, 0].tolist() == [255, 255, 255, 255]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8, 1.0])
def test_dirt_covers_the_share_that_is_asked_for(share):
    covered = faults.dirty(flat(255, 180, 320), share, chance())[..., 0] < 150

    assert covered.mean() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8, 1.0])
def test_what_blocks_a_camera_covers_the_share_that_is_asked_for_in_one_piece_from_the_edge(share):
    for seed in range(3):
        dark = (faults.blocked(flat(255, 180, 320), share, chance(seed))[..., 0] < 135).astype(np.uint8)

        assert dark.mean() == pytest.approx(share, abs=0.04)
        assert cv2.connectedComponents(dark)[0] == 2
        assert np.concatenate([dark[[0, -1]].ravel(), dark[:, [0, -1]].ravel()]).any()


def test_nothing_is_seen_through_what_blocks_a_camera():
    images = [faults.blocked(flat(value), 0.5, chance())[..., :3].astype(int) for value in (80, 240)]

    same = (images[0] == images[1]).all(axis=2)
    assert same.mean() > 0.35
    assert images[0][same].max() < 20


def test_no_points_are_left_in_a_sector_and_all_are_outside():
    points = around(360)
    lidar_at_right_angles = from_yaw(1.0, 0.0, 1.8, np.pi / 2)  # its x is the ego's left

    kept = faults.outside_sector(points, lidar_at_right_angles, -30.0, 45.0)

    azimuth_of_ego = (np.degrees(np.arctan2(points[:, 1], points[:, 0])) + 90 + 180) % 360 - 180
    assert np.array_equal(~kept, (azimuth_of_ego > -30) & (azimuth_of_ego < 45))
    assert (~kept).sum() == 75


def test_a_sector_may_go_through_the_rear_and_be_the_whole_turn():
    points = around(360)

    assert (~faults.outside_sector(points, np.eye(4), 170.0, 200.0)).sum() == 30
    assert not faults.outside_sector(points, np.eye(4), 0.0, 360.0).any()


def test_returns_are_lost_by_the_share_and_dead_beams_whole():
    assert faults.not_dropped(20_000, 0.3, chance()).mean() == pytest.approx(0.7, abs=0.01)
    assert not faults.not_dropped(50, 1.0, chance()).any()

    ring = np.repeat(np.arange(16, dtype=np.uint8), 10)
    kept = faults.of_live_beams(ring, 16, 0.25, chance())
    assert np.bincount(ring[kept], minlength=16).tolist().count(0) == 4
    assert kept.sum() == 120


def test_noisy_ranges_keep_directions_and_stay_within_reach():
    points = around(5000, 50.0)

    moved = faults.at_noisy_ranges(points, 0.5, 50.8, chance())

    away = np.linalg.norm(moved, axis=1)
    assert np.allclose(moved / away[:, None], points / 50.0, atol=1e-5)
    assert away.max() <= 50.8 + 1e-4
    assert (50.0 - away[away < 50]).std() == pytest.approx(0.5 * np.sqrt(1 - 2 / np.pi), rel=0.05)
    assert np.linalg.norm(faults.at_noisy_ranges(around(9, 1.0), 20.0, 100.0, chance()), axis=1).min() > 0.04


def test_ghosts_are_within_the_radars_view():
    points, rates = faults.ghosts(500, 120.0, (80.0, 10.0), chance())

    assert points.shape == (500, 3)
    assert points.dtype == rates.dtype == np.float32
    assert np.abs(np.degrees(np.arctan2(points[:, 1], points[:, 0]))).max() <= 40.0
    assert np.abs(np.degrees(np.arcsin(points[:, 2] / np.linalg.norm(points, axis=1)))).max() <= 5.0
    assert 100.0 < np.linalg.norm(points, axis=1).max() <= 120.0
    assert np.abs(rates).max() <= 30.0
