"""Sensor faults as pure functions: arrays in, arrays out, chance from the generator that is given.

The kinds are those that robustness benchmarks of 3D perception try (camera crash, frame lost, brightness and darkness,
noise, lost points and beams: see docs/reference/scenarios.md); how each is made is our own and said at its function.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing import srgb

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Kept = npt.NDArray[np.bool_]

NEAREST_M = 0.05
"""No range with noise is shorter."""
_GHOST_NEAREST_M, _GHOST_MPS = 1.0, 30.0
_DIRT_BGR = (38.0, 46.0, 52.0)  # wet earth, out of focus
_DIRT_COVER = 0.97  # dirt is that opaque
_COVER_STEP_PX = 8
_DIRT_SPOT = (0.02, 0.09)  # radii of spots, of the image's width
_BLOCK_BGR = (14.0, 15.0, 17.0)  # what shuts the light out is in its own shade
_BLOCK_RIM, _BLOCK_WAVES, _BLOCK_WAVE = 0.08, (3.0, 9.0), 0.04  # soft and uneven edge, of the image's width


def noisy(image: Image, sigma: float, random: np.random.Generator) -> Image:
    """Add Gaussian noise to each colour of each pixel by itself, and clip.

    Args:
        image: (H, W, 4) uint8, of which the last channel is kept.
        sigma: its standard deviation, in steps of 255.
        random: decides the noise.
    """
    result = image.copy()
    noise = random.standard_normal((*image.shape[:2], 3), dtype=np.float32) * np.float32(sigma)
    result[..., :3] = np.clip(np.rint(image[..., :3] + noise), 0, 255).astype(np.uint8)
    return result


def blurred(image: Image, radius_px: float) -> Image:
    """Spread each point evenly over a disc, as a lens out of focus does; the border is mirrored.

    Args:
        image: (H, W, 4) uint8.
        radius_px: of the disc.
    """
    reach = math.ceil(radius_px)
    offset = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    disc = np.clip(radius_px + 0.5 - offset, 0.0, 1.0)  # a pixel that the rim crosses counts in part
    spread = cv2.filter2D(image, -1, (disc / disc.sum()).astype(np.float32), borderType=cv2.BORDER_REFLECT_101)
    result: Image = np.asarray(spread, dtype=np.uint8)
    return result


def exposed(image: Image, stops: float) -> Image:
    """Multiply the light by 2^stops and clip it; the image's values are sRGB, which is undone for it.

    Args:
        image: (H, W, 4) uint8, of which the last channel is kept.
        stops: more light above 0, less below.
    """
    light = np.clip(srgb.light_of(np.arange(256) / 255.0) * 2.0**stops, 0.0, 1.0)
    table = np.rint(srgb.values_of(light) * 255.0).astype(np.uint8)
    result = image.copy()
    result[..., :3] = table[image[..., :3]]
    return result


def dirty(image: Image, share: float, random: np.random.Generator) -> Image:
    """Cover a part of the image with spots of dirt on the lens, which are out of focus.

    Args:
        image: (H, W, 4) uint8, of which the last channel is kept.
        share: of the image that spots cover, their soft rims counted to the half of them; a little more, by the last.
        random: decides the spots: the same, the same dirt.
    """
    rows, columns = _grid(image)
    y, x = np.mgrid[:rows, :columns]
    covered = np.zeros((rows, columns), dtype=np.float32)
    while share < 1 and (covered >= 0.5).mean() < share:
        radius = random.uniform(*_DIRT_SPOT) * columns
        middle_x, middle_y = random.uniform(0, columns), random.uniform(0, rows)
        away = np.hypot((x - middle_x) * random.uniform(0.7, 1.4), y - middle_y) / radius
        covered = np.maximum(covered, np.clip(1.5 - away, 0.0, 1.0).astype(np.float32))
    covered = covered if share < 1 else np.ones_like(covered)
    return _covered(image, covered, _DIRT_COVER, _DIRT_BGR)


def blocked(image: Image, share: float, random: np.random.Generator) -> Image:
    """Shut the light out of one side of the image: something opaque hangs before the lens, near and so out of focus.

    Args:
        image: (H, W, 4) uint8, of which the last channel is kept.
        share: of the image that is behind it, its soft rim counted to the half of it.
        random: decides from which side it comes, and its outline: the same, the same cover.
    """
    rows, columns = _grid(image)
    y, x = np.mgrid[:rows, :columns] / columns
    side = random.uniform(0.0, 2.0 * math.pi)
    away, along = x * math.cos(side) + y * math.sin(side), y * math.cos(side) - x * math.sin(side)
    for waves in _BLOCK_WAVES:
        away = away + _BLOCK_WAVE * np.sin(waves * along + random.uniform(0.0, 2.0 * math.pi))
    rim = np.quantile(away, share)
    covered = np.clip(0.5 - (away - rim) / _BLOCK_RIM, 0.0, 1.0) if share < 1 else np.ones_like(away)
    return _covered(image, covered.astype(np.float32), 1.0, _BLOCK_BGR)


def _grid(image: Image) -> tuple[int, int]:
    """Rows and columns of what covers an image: nothing on a lens is sharp, so it is drawn coarsely."""
    height, width = image.shape[:2]
    return math.ceil(height / _COVER_STEP_PX), math.ceil(width / _COVER_STEP_PX)


def _covered(image: Image, covered: npt.NDArray[np.float32], opaque: float, bgr: tuple[float, float, float]) -> Image:
    """The image behind a colour that covers it where `covered`, of any size, is 1, and is that opaque there."""
    height, width = image.shape[:2]
    cover = opaque * np.asarray(cv2.resize(covered, (width, height), interpolation=cv2.INTER_LINEAR))[..., None]
    result = image.copy()
    mixed = image[..., :3] * (1 - cover) + np.asarray(bgr, dtype=np.float32) * cover
    result[..., :3] = np.rint(mixed).astype(np.uint8)
    return result


def outside_sector(points_m: Points, ego_from_sensor: Array, from_deg: float, to_deg: float) -> Kept:
    """Which points (N, 3) of a sensor's frame are not in a sector around it.

    Args:
        points_m: (N, 3), the sensor's frame.
        ego_from_sensor: (4, 4); directions are the ego's, seen from the sensor.
        from_deg: where it begins, 0 is ahead of the ego, 90 to its left.
        to_deg: where it ends, counter-clockwise, above `from_deg` by 360 at most.
    """
    ahead = points_m.astype(np.float64) @ ego_from_sensor[:3, :3].T
    azimuth_deg = np.degrees(np.arctan2(ahead[:, 1], ahead[:, 0]))
    return np.asarray((azimuth_deg - from_deg) % 360.0 > to_deg - from_deg)


def not_dropped(n: int, share: float, random: np.random.Generator) -> Kept:
    """Which of `n` returns are not lost, each lost by itself with the probability `share`: (N,)."""
    return np.asarray(random.random(n) >= share)


def of_live_beams(ring: npt.NDArray[np.uint8], beams: int, share: float, random: np.random.Generator) -> Kept:
    """Which points are of beams that still work.

    Args:
        ring: (N,), the beam of each point.
        beams: how many the lidar has.
        share: of them that are dead, rounded.
        random: decides which: the same, the same beams.
    """
    dead = random.permutation(beams)[: round(share * beams)]
    return np.asarray(~np.isin(ring, dead))


def at_noisy_ranges(points_m: Points, sigma_m: float, range_m: float, random: np.random.Generator) -> Points:
    """Move points (N, 3) of a sensor's frame along their rays by Gaussian noise, within its reach.

    Args:
        points_m: (N, 3), none of them at the sensor itself.
        sigma_m: its standard deviation.
        range_m: the sensor's reach, which no point is beyond.
        random: decides the noise.
    """
    away_m = np.linalg.norm(points_m.astype(np.float64), axis=1)
    measured_m = np.clip(away_m + random.normal(0.0, sigma_m, len(away_m)), NEAREST_M, range_m)
    moved: Points = (points_m * (measured_m / away_m)[:, None]).astype(np.float32)
    return moved


def ghosts(
    count: int, range_m: float, fov_deg: tuple[float, float], random: np.random.Generator
) -> tuple[Points, npt.NDArray[np.float32]]:
    """Radar returns of nothing, evenly over range and field of view, from 30 m/s nearing to 30 m/s going away.

    Args:
        count: how many.
        range_m: the radar's reach.
        fov_deg: its field of view, across and up.
        random: decides them.

    Returns:
        Points (count, 3) in the radar's frame, metres; range rates (count,), m/s, negative when nearing.
    """
    azimuth, altitude = (np.radians(random.uniform(-fov / 2, fov / 2, count)) for fov in fov_deg)
    away_m = random.uniform(min(_GHOST_NEAREST_M, range_m), range_m, count)
    flat_m = away_m * np.cos(altitude)
    points = np.stack([flat_m * np.cos(azimuth), flat_m * np.sin(azimuth), away_m * np.sin(altitude)], axis=1)
    return points.astype(np.float32), random.uniform(-_GHOST_MPS, _GHOST_MPS, count).astype(np.float32)
