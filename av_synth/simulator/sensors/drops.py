"""Drops of rain on a camera's glass: small lenses that show the street upside down, for as long as they sit there.

They are on the glass, not in the street, so labels and depth know nothing of them. Where and when a drop lands comes
from the sensor's seed and the time since its spawn, so an image is the same whenever it is taken again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.air import share
from av_synth.simulator.scene import Weather

_PLACES = 36
"""Where drops may sit at a time, in the heaviest rain."""
_STAYS_US = 2_500_000, 9_000_000
_RADII = 0.007, 0.022  # of the image's width
_REACH = 0.17  # of the image's width: how far around itself a drop shows
_COARSE = 8  # a drop is too near to be sharp: it is made of an image so many times smaller
_TEMPLATE, _MARGIN = 33, 1.25
_FADE = 0.25  # of all places: how much more rain lets a drop grow from nothing

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def wet_lens(pixels: Pixels, weather: Weather, seed: int, age_us: int) -> Pixels:
    """An image (H, W, 4), blue, green, red, alpha, through the drops on its lens; the same object if there are none.

    Args:
        pixels: the image behind the glass.
        weather: `precipitation` says how many drops there are, and how far each has grown.
        seed: the camera's.
        age_us: since the camera's spawn.
    """
    rain = share(weather.precipitation)
    height, width = pixels.shape[:2]
    if rain <= 0.0 or min(height, width) < 8 * _COARSE:
        return pixels
    seen = pixels.copy()
    # a pixel of sixteen is enough of it
    small = cv2.resize(pixels[::4, ::4], (width // _COARSE, height // _COARSE), interpolation=cv2.INTER_AREA)
    behind: Pixels = cv2.blur(small, (3, 3)).astype(np.uint8)
    for drop in _drops(seed, age_us, rain):
        _draw(seen, behind, drop)
    return seen


@dataclass(frozen=True)
class _Drop:
    """Where a drop sits, in parts of the image's width and height, and its half axes in parts of the width."""

    u: float
    v: float
    across: float
    down: float


def _drops(seed: int, age_us: int, rain: float) -> list[_Drop]:
    found = []
    for k, (stays_us, late_us) in enumerate(_stays(seed)):
        grown = min(max((rain * (1.0 + _FADE) - k / _PLACES) / _FADE, 0.0), 1.0)
        if grown <= 0.0:
            break
        turn, since_us = divmod(age_us + late_us, stays_us)
        u, v, size, slide, shape = _landing(seed, k, turn)
        # it grows as it lands; a large one lets go in the end and runs down
        landed, leaving = min(since_us / 60_000, 1.0), max(since_us / stays_us - 0.7, 0.0) / 0.3
        radius = (_RADII[0] + (_RADII[1] - _RADII[0]) * size**2.5) * landed * grown**0.5 * (1.0 - leaving**4)
        stretched = 0.85 + 0.4 * shape + 0.3 * size * leaving
        found.append(_Drop(u, v + 0.25 * slide * size * leaving**2, radius / stretched**0.5, radius * stretched**0.5))
    return found


@lru_cache(maxsize=64)
def _stays(seed: int) -> list[tuple[int, int]]:
    """For each place, how long a drop stays, and how long the first one has been there; microseconds."""
    shares = np.random.default_rng(seed).random((_PLACES, 2)).tolist()
    stays = [int(_STAYS_US[0] + (_STAYS_US[1] - _STAYS_US[0]) * length) for length, _ in shares]
    return [(stay, int(stay * late)) for stay, (_, late) in zip(stays, shares, strict=True)]


@lru_cache(maxsize=1024)
def _landing(seed: int, place: int, turn: int) -> list[float]:
    """Five numbers 0..1 that a drop is made of."""
    return list(np.random.default_rng((seed, place, turn)).random(5).tolist())


@dataclass(frozen=True)
class _Bent:
    """What a drop does to an image of one size, (H, W) each: which pixels it covers, and what it shows there.

    Attributes:
        rows, columns: the pixels.
        from_x, from_y: float32, where in the coarse image each looks.
        own, other: (H, W, 1) float32, how much is left of the image, and how much comes from there.
    """

    rows: slice
    columns: slice
    from_x: Floats
    from_y: Floats
    own: Floats
    other: Floats


def _draw(seen: Pixels, behind: Pixels, drop: _Drop) -> None:
    """Put one drop into an image, in place."""
    bent = _bent(drop, seen.shape[1], seen.shape[0])
    if bent is not None:
        shown = cv2.remap(behind, bent.from_x, bent.from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        patch = seen[bent.rows, bent.columns]
        # alpha, of which a drop leaves less, is what it was
        patch[..., :3] = (patch * bent.own + shown * bent.other)[..., :3]


@lru_cache(maxsize=512)  # of six cameras: most drops do not change from one image to the next
def _bent(drop: _Drop, width: int, height: int) -> _Bent | None:
    u, v, across, down = drop.u * width, drop.v * height, drop.across * width, drop.down * width
    x0, x1 = max(int(u - across * _MARGIN), 0), min(int(u + across * _MARGIN) + 2, width)
    y0, y1 = max(int(v - down * _MARGIN), 0), min(int(v + down * _MARGIN) + 2, height)
    if min(across, down) < 0.75 or x0 >= x1 or y0 >= y1:
        return None
    middle = (_TEMPLATE - 1) / 2
    columns = (np.arange(x0, x1) - u) * (middle / _MARGIN / across) + middle
    rows = (np.arange(y0, y1) - v) * (middle / _MARGIN / down) + middle
    along, below = (np.ascontiguousarray(grid, dtype=np.float32) for grid in np.meshgrid(columns, rows))
    shape = cv2.remap(_template(), along, below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(np.float32)
    weight = shape[..., 3:]
    return _Bent(
        slice(y0, y1),
        slice(x0, x1),
        shape[..., 0] * np.float32(_REACH * width / _COARSE) + np.float32(u / _COARSE),
        shape[..., 1] * np.float32(_REACH * width / _COARSE) + np.float32(v / _COARSE),
        1.0 - weight,
        shape[..., 2:3] * weight,
    )


@lru_cache(maxsize=1)
def _template() -> Floats:
    """A drop in -`_MARGIN`..`_MARGIN` of its radius: what it shows, in parts of its reach; how bright; how densely.

    Light is bent the more the steeper the water is, and through the middle of the drop to the other side: the image in
    it is upside down. Its rim, which bends light from too far away, is dark at the top, where it would show the road.
    """
    axis = np.linspace(-_MARGIN, _MARGIN, _TEMPLATE)
    x, y = np.meshgrid(axis, axis)
    r = np.hypot(x, y)
    inside = np.minimum(r, 1.0)
    bend = -inside * (0.45 + 0.55 * inside**3) / np.maximum(r, 1e-6)
    rim = 1.0 - 0.40 * _smooth(0.55, 1.0, inside) * (0.6 - 0.4 * y)
    cover = 0.93 * (1.0 - _smooth(0.62, 1.2, r))  # out of focus
    return np.stack([x * bend, y * bend, rim, cover], axis=2).astype(np.float32)


def _smooth(low: float, high: float, x: Array) -> Array:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
