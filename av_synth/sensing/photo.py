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
BASE_ISO = 100.0
"""The gain at which white is the full well."""
# of blur: images of what moves less stay; so far apart, and so many, moments are added up; for the way that all but a
# few pixels come at most, and that none is taken to come further than, in parts of the image's width
_STILL_PX, _STEP_PX, _STEPS, _LONGEST, _FARTHEST, _EVERY_PX = 0.25, 1.5, 9, 0.995, 0.05, 4


def moving(image: Image, flow_px: npt.NDArray[np.float32], share: float) -> Image:
    """An image (H, W, 4) of a shutter that is open for a while, with the moment of the image in the middle of it.

    Each pixel is the mean of the light along its own surface's way in the image. So what moves is blurred within its
    outline, and the outline against what stands behind it stays sharp.

    Args:
        image: of the moment.
        flow_px: (H, W, 2), how far the surface in each pixel moves from frame to frame, to the right and down.
        share: of the time from frame to frame that the shutter is open.
    """
    height, width = image.shape[:2]
    farthest = _FARTHEST * width
    way = np.clip(flow_px, -farthest / share, farthest / share) * np.float32(share)
    length = float(np.quantile(np.abs(way[::_EVERY_PX, ::_EVERY_PX]), _LONGEST))
    if length < _STILL_PX:
        return image
    steps = min(int(np.ceil(length / _STEP_PX)), _STEPS - 1) + 1
    light = cv2.multiply(image, image, dtype=cv2.CV_16U)  # light is nearly the square of a value
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across, down = cv2.split(way)
    total = np.zeros(image.shape, dtype=np.float32)
    for when in (np.arange(steps, dtype=np.float32) + 0.5) / steps - 0.5:
        at = columns + across * when, rows + down * when
        cv2.accumulate(cv2.remap(light, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), total)
    return np.asarray(cv2.convertScaleAbs(cv2.sqrt(total / np.float32(steps))), dtype=np.uint8)


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
    white_e = full_well_e * BASE_ISO / iso
    light = (np.arange(256) / 255.0) ** _GAMMA
    sigma = np.sqrt(light * white_e + read_noise_e**2) / white_e
    high, low = (255.0 * np.maximum(light + sign * sigma, 0.0) ** (1.0 / _GAMMA) for sign in (1.0, -1.0))
    return ((high - low) / 2.0).astype(np.float32)
