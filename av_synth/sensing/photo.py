"""What a camera leaves in its images whatever it looks at: corners that are darker, and noise.

An image's values are taken as light to the power 1 / 2.2, whatever the simulator's own curve is.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
_Factors = npt.NDArray[np.float32]

_GAMMA = 2.2
_BASE_ISO = 100.0


def vignetted(image: Image, centre_px: tuple[float, float], loss_ev: float) -> Image:
    """An image (H, W, 4), its last channel kept, that loses light towards the corners.

    The loss in powers of two grows with the square of the distance from the centre, as that of cos^4 nearly does.

    Args:
        image: as it would be without.
        centre_px: column and row of the optical axis.
        loss_ev: powers of two that the corner which is farthest from it loses.
    """
    height, width = image.shape[:2]
    result = cv2.multiply(image, _falloff((width, height), centre_px, loss_ev), dtype=cv2.CV_8U)
    return np.asarray(result, dtype=np.uint8)


@lru_cache(maxsize=16)
def _falloff(size_px: tuple[int, int], centre_px: tuple[float, float], loss_ev: float) -> _Factors:
    width, height = size_px
    away = np.hypot(np.arange(width) - centre_px[0], (np.arange(height) - centre_px[1])[:, None])
    share = (away / away.max()) ** 2
    factor = np.exp2(-loss_ev * share / _GAMMA).astype(np.float32)
    return np.dstack([factor, factor, factor, np.ones_like(factor)])


def grainy(image: Image, full_well_e: float, read_noise_e: float, iso: float, random: np.random.Generator) -> Image:
    """An image (H, W, 4), its last channel kept, with shot noise and read noise in each colour of each pixel.

    White is the full well at ISO 100; each doubling of the gain halves the electrons that it stands for. Light of N
    electrons varies by the root of N, and the amplifier adds its own. Source: the linear camera model of EMVA 1288.

    Args:
        image: as it would be without.
        full_well_e: electrons of white at ISO 100.
        read_noise_e: standard deviation of what the amplifier adds, in electrons.
        iso: the gain.
        random: decides the noise.
    """
    colours = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    noise = np.empty(colours.shape, dtype=np.float32)
    cv2.setRNGSeed(int(random.integers(2**31)))  # three times as fast as numpy's own, and nobody's but this call's
    cv2.randn(noise, np.zeros(3), np.ones(3))
    moved = cv2.multiply(noise, cv2.LUT(colours, _spread(full_well_e, read_noise_e, iso)))
    result = image.copy()
    cv2.mixChannels([cv2.add(colours, moved, dtype=cv2.CV_8U)], [result], [0, 0, 1, 1, 2, 2])
    return result


@lru_cache(maxsize=16)
def _spread(full_well_e: float, read_noise_e: float, iso: float) -> _Factors:
    """Standard deviation (256,) of each value of an image."""
    white_e = full_well_e * _BASE_ISO / iso
    light = (np.arange(256) / 255.0) ** _GAMMA
    sigma = np.sqrt(light * white_e + read_noise_e**2) / white_e
    high, low = (255.0 * np.maximum(light + sign * sigma, 0.0) ** (1.0 / _GAMMA) for sign in (1.0, -1.0))
    return ((high - low) / 2.0).astype(np.float32)
