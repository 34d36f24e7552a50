"""Vignetting and noise: how much light the corners lose, and how much values vary at each brightness and gain."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.sensing.photo import grainy, moving, vignetted


def grey(value: int, size: tuple[int, int] = (200, 300)) -> np.ndarray:
    image = np.full((*size, 4), value, dtype=np.uint8)
    image[..., 3] = 77
    return image


def light(values: np.ndarray | float) -> np.ndarray:
    return (np.asarray(values, dtype=np.float64) / 255.0) ** 2.2


def test_the_farthest_corner_loses_so_many_powers_of_two_and_the_axis_none() -> None:
    seen = vignetted(grey(200), (100.0, 80.0), 1.5)

    assert seen[80, 100, :3].tolist() == [200, 200, 200]
    assert light(seen[199, 299, 0]) / light(200) == pytest.approx(2.0**-1.5, rel=0.02)
    half = seen[80 + 60, 100 + 100, 0]  # about half as far off
    share = np.hypot(100, 60) ** 2 / np.hypot(199, 119) ** 2
    assert light(half) / light(200) == pytest.approx(2.0 ** (-1.5 * share), rel=0.02)
    assert (seen[..., 3] == 77).all()


@pytest.mark.parametrize("value", [45, 90, 180])
@pytest.mark.parametrize("iso", [100.0, 400.0])
def test_light_varies_as_electrons_do(value: int, iso: float) -> None:
    full_well_e, read_e = 9000.0, 6.0
    seen = grainy(grey(value), full_well_e, read_e, iso, np.random.default_rng(3))
    white_e = full_well_e * 100.0 / iso
    wanted = np.sqrt(light(value) * white_e + read_e**2) / white_e
    slope = 255.0 / 2.2 * light(value) ** (1.0 / 2.2 - 1.0)
    found = np.hypot(seen[..., :3].std(), 0.0)

    # rounding to whole values adds a twelfth
    assert found == pytest.approx(np.hypot(wanted * slope, 12.0**-0.5), rel=0.05)
    assert seen[..., :3].mean() == pytest.approx(value, abs=0.2)
    assert (seen[..., 3] == 77).all()


def test_noise_is_of_its_generator_and_of_nothing_else() -> None:
    one, again, other = (grainy(grey(90), 9000.0, 6.0, 100.0, np.random.default_rng(seed)) for seed in (3, 3, 4))

    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    # no colour and no neighbour knows of another
    noise = one[..., :3].astype(float) - one[..., :3].mean()
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.02


def step(at: int) -> np.ndarray:
    image = np.zeros((40, 120, 4), dtype=np.uint8)
    image[:, at:] = 200
    image[..., 3] = 255
    return image


def test_an_edge_that_moves_is_as_wide_as_its_way_and_stays_in_the_middle_of_it() -> None:
    flow_px = np.zeros((40, 120, 2), dtype=np.float32)
    flow_px[..., 0] = 12.0

    seen = moving(step(60), flow_px, 0.5)[20, :, 0].astype(float) ** 2 / 200.0**2  # light

    blurred = np.flatnonzero((seen > 0.02) & (seen < 0.98))
    assert np.ptp(blurred) == pytest.approx(6, abs=1.5)
    assert blurred.mean() == pytest.approx(59.5, abs=0.6)
    assert seen.sum() == pytest.approx(60.0, abs=0.6)
    assert (np.diff(seen) >= 0).all()


def test_what_stands_still_is_not_touched() -> None:
    image = step(60)

    assert moving(image, np.zeros((40, 120, 2), dtype=np.float32), 0.5) is image


def test_a_way_behind_the_camera_does_not_smear_the_rest() -> None:
    flow_px = np.zeros((40, 120, 2), dtype=np.float32)
    flow_px[:, :8] = 480.0  # as from behind the camera

    seen = moving(step(60), flow_px, 0.5)

    np.testing.assert_array_equal(seen[:, 20:], step(60)[:, 20:])
