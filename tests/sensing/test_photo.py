"""Vignetting and noise: how much light the corners lose, and how much values vary at each brightness and gain."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.sensing.photo import grainy, vignetted


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
