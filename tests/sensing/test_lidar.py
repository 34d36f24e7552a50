"""A lidar as a device: power, thresholds, noise, echoes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.sensing.lidar import LidarDevice, measured
from av_synth.sensing.materials import Material
from tests.sensing.lidar_turns import CAR, CLEAR, ROADS, turn

DEVICE = LidarDevice()
QUIET = LidarDevice(range_noise_m=0.0, intensity_noise=0.0, range_step_m=0.0)


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_turn_with_the_same_chance_gives_the_same_returns_and_other_chance_gives_others():
    echoes = turn(np.linspace(2.0, 90.0, 500))
    one, same, other = (measured(echoes, DEVICE, CLEAR, random(seed)) for seed in (1, 1, 2))

    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, vars(same)[name])
    assert not np.array_equal(one.points_m, other.points_m)


def test_points_lie_on_their_rays_with_the_noise_of_the_device():
    echoes = turn(np.full(4000, 20.0))
    device = replace(DEVICE, range_step_m=0.0, range_noise_m=0.03)
    found = measured(echoes, device, CLEAR, random())
    away = np.linalg.norm(found.points_m.astype(np.float64), axis=1)

    np.testing.assert_allclose(found.points_m / away[:, None], echoes.directions[found.column], atol=1e-6)
    assert away.mean() == pytest.approx(20.0, abs=0.002)
    assert away.std() == pytest.approx(0.03, rel=0.05)  # 20 m is near: the echo is strong


def test_ranges_of_weak_echoes_have_more_noise():
    def spread_m(weight: float) -> float:
        found = measured(turn(np.full(4000, 20.0), weight=weight), replace(DEVICE, range_step_m=0.0), CLEAR, random())
        return float(np.linalg.norm(found.points_m.astype(np.float64), axis=1).std())

    assert spread_m(1.0) < 0.005
    assert 0.015 < spread_m(0.015) < 0.03  # hardly found


def test_ranges_are_whole_multiples_of_the_step():
    found = measured(turn(np.linspace(2.0, 50.0, 300)), replace(DEVICE, range_step_m=0.01), CLEAR, random())
    steps = np.linalg.norm(found.points_m.astype(np.float64), axis=1) / 0.01

    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_nothing_nearer_and_nothing_farther_than_the_device_reaches_is_reported():
    device = replace(DEVICE, min_range_m=2.0, range_m=60.0)
    found = measured(turn(np.linspace(0.5, 80.0, 2000), material=Material.RETRO), device, CLEAR, random())
    away = np.linalg.norm(found.points_m, axis=1)

    assert away.min() >= 2.0 - 1e-5
    assert away.max() <= 60.0 + 1e-4
    assert len(found.points_m) > 1400


def test_a_surface_that_is_just_seen_at_the_range_is_found_every_other_time():
    device = LidarDevice(seen_reflectance=0.25, range_m=80.0, weather=False)
    found = measured(turn(np.full(4000, 79.9), material=Material.LAMP_FRONT), device, CLEAR, random())

    assert 0.3 < len(found.points_m) / 4000 < 0.7


def test_what_is_dark_or_met_at_a_slant_is_lost_before_what_is_bright_and_met_head_on():
    def share(**kind: object) -> float:
        return len(measured(turn(np.full(500, 85.0), **kind), DEVICE, CLEAR, random()).points_m) / 500

    assert share(material=Material.MARKING, tag=ROADS) == 1.0
    assert share(material=Material.MATTE, tag=CAR) < 0.9  # tyres
    assert share(material=Material.PAINT, tag=CAR, cos=0.02) < 0.1
    assert share(material=Material.RETRO, cos=0.9) == 1.0


def test_retroreflectors_alone_have_intensities_above_one_hundred_and_they_are_high():
    def shown(material: int, cos: float = 0.8) -> np.ndarray:
        return measured(turn(np.full(200, 30.0), material=material, cos=cos), QUIET, CLEAR, random()).intensity

    assert shown(Material.RETRO).min() > 200.0
    for material in (Material.FACADE, Material.ASPHALT, Material.PAINT, Material.MARKING, Material.FOLIAGE):
        assert 1.0 < shown(material).max() <= 100.0
    assert shown(Material.GLASS, cos=0.5).size == 0 or shown(Material.GLASS, cos=0.5).max() <= 2.0


def test_intensity_is_calibrated_it_says_what_a_surface_is_and_not_how_far():
    near, far = (
        measured(turn(np.full(50, away), cos=0.7), replace(QUIET, weather=False), CLEAR, random()).intensity
        for away in (3.0, 45.0)
    )

    np.testing.assert_array_equal(near, far)
    assert (near == np.rint(near)).all()


def test_behind_glass_things_are_fainter_by_what_the_glass_lets_through():
    def shown(transmission: float) -> float:
        echoes = turn(np.full(9, 10.0), transmission=transmission)
        return float(measured(echoes, QUIET, CLEAR, random()).intensity.mean())

    assert shown(0.5) == pytest.approx(0.5 * shown(1.0), abs=1.0)


def two(near_m: float, far_m: float, share: float, device: LidarDevice):
    """A beam whose footprint meets two walls, so much of it the nearer one."""
    echoes = turn([near_m, far_m], weight=[share, 1.0 - share], actor_id=[7, 8], columns=[0, 0])
    return measured(echoes, device, CLEAR, random())


def test_an_edge_whose_sides_are_nearer_together_than_the_pulse_gives_one_mixed_point():
    found = two(20.0, 20.5, 0.5, QUIET)
    away = np.linalg.norm(found.points_m, axis=1)

    assert len(away) == 1
    assert 20.2 < away[0] < 20.25  # the nearer half sends a little more
    assert found.actor_id.tolist() == [7]
    assert found.intensity[0] == pytest.approx(two(20.0, 20.0, 0.5, QUIET).intensity[0], abs=1.0)


def test_an_edge_whose_sides_are_farther_apart_gives_the_stronger_side_or_both_with_their_number():
    one, both = (two(20.0, 25.0, 0.3, replace(QUIET, echoes=n)) for n in (1, 2))

    assert one.actor_id.tolist() == [8]
    assert both.actor_id.tolist() == [8, 7]
    assert both.echo.tolist() == [0, 1]
    np.testing.assert_allclose(np.linalg.norm(both.points_m, axis=1), [25.0, 20.0], rtol=1e-5)


def test_what_is_nearer_than_the_device_listens_hides_nothing_behind_it():
    found = two(0.4, 20.0, 0.5, QUIET)

    assert found.actor_id.tolist() == [8]
    assert found.echo.tolist() == [0]


@given(
    st.lists(st.tuples(st.floats(1.5, 60.0), st.floats(0.01, 1.0)), min_size=1, max_size=6),
    st.integers(1, 3),
)
def test_of_a_beam_no_more_comes_back_than_its_surfaces_send(candidates, echoes):
    ranges, weights = np.array(candidates).T
    weights = weights / max(weights.sum(), 1.0)
    device = replace(QUIET, echoes=echoes, overlap_m=0.0, seen_reflectance=1e-6)
    found = measured(turn(ranges, weight=weights, columns=np.zeros(len(ranges))), device, CLEAR, random())
    whole = measured(turn(ranges[:1]), device, CLEAR, random())

    assert len(found.points_m) <= echoes
    away = np.linalg.norm(found.points_m.astype(np.float64), axis=1)
    assert (away >= ranges.min() - 1e-3).all()
    assert (away <= ranges.max() + 1e-3).all()
    power = (found.intensity - 0.5) / away**2  # intensities are rounded
    assert power.sum() <= 1.001 * (whole.intensity[0] + 0.5) / ranges.min() ** 2
    assert found.echo.tolist() == list(range(len(found.echo)))


def test_a_turn_that_met_nothing_has_no_returns():
    found = measured(turn(np.zeros(0)), DEVICE, CLEAR, random())

    assert {len(values) for values in vars(found).values()} == {0}
    assert found.points_m.shape == (0, 3)
