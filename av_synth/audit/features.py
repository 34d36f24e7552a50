"""What a sample is like, as numbers: how it looks, and where in a space of features it is.

The space tells apart what training cares about: how many of whom, how near, how fast, in which weather and light, and
coarse light and dark of the front camera's image. Its scales are fixed, so that figures of two audits can be compared.
The number of distinct samples in it is the Vendi score (Friedman and Dieng 2023, Transactions on Machine Learning
Research) of a Gaussian kernel, by random Fourier features (Ospanov et al. 2024), which makes it linear in samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.audit.nulls import Array
from av_synth.query import SampleFacts, as_number

_SIDE_PX, _COARSE, _HASH = 32, 4, 8
_LARGE_BYTES = 150_000  # of a JPEG that is decoded at half its size
_NEAR_M, _FAST_MPS, _SUN_DEG, _LIGHT = 20.0, 10.0, 30.0, 64.0
_GROUPS = ("human", "cycle", "large", "vehicle", "rest")
_CYCLES = ("vehicle.bicycle", "vehicle.motorcycle")
_LARGE = ("vehicle.bus", "vehicle.truck", "vehicle.trailer", "vehicle.construction")
_SIGNS = ("weather.rain", "weather.fog", "weather.snow")

_CONDITIONS = slice(3 * len(_GROUPS), 3 * len(_GROUPS) + 1 + len(_SIGNS))
_SPEEDS = slice(2, _CONDITIONS.start, 3)
SIZE = _CONDITIONS.stop + _COARSE**2
"""Of a vector of features."""
NOT_OF_ALL = frozenset({"weather", "light", "speed"})
"""Slices that some features are of, and that other datasets may not tell."""
_FREQUENCIES = 64
_MAP_SEED = 2023  # of the random features: part of the measure, not of chance


@dataclass(frozen=True)
class Look:
    """How an image looks.

    Attributes:
        fingerprint: 64 bits, of which few differ between images that look the same.
        coarse: (16,) float64, mean brightness 0 to 255 of 4 x 4 parts, from the upper left.
    """

    fingerprint: int
    coarse: npt.NDArray[np.float64]


def look(path: Path) -> Look | None:
    """How an image file looks; None if it is none that can be read.

    The fingerprint has a bit for each of the 8 x 8 lowest frequencies of its cosine transform at 32 x 32 pixels,
    whether it is above their median: the perceptual hash of Zauner (2010).
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    small = len(data) < _LARGE_BYTES
    how = cv2.IMREAD_GRAYSCALE if small else cv2.IMREAD_REDUCED_GRAYSCALE_2
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how) if data else None
    if image is None:
        return None
    pixels = cv2.resize(image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float64)
    low = cv2.dct(pixels)[:_HASH, :_HASH]
    bits = (low > np.median(low)).ravel()
    step = _SIDE_PX // _COARSE
    coarse = pixels.reshape(_COARSE, step, _COARSE, step).mean(axis=(1, 3)).ravel()
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), coarse)


def features(sample: SampleFacts, seen: Look | None) -> Array:
    """A sample as (SIZE,) float64; a distance of 1 is plain to see, what is not told is 0."""
    found = np.zeros(SIZE)
    speeds: dict[int, list[float]] = {}
    for thing in sample.things:
        if not thing.annotation_token:
            continue
        group = _GROUPS.index(_group(str(thing.values["category"])))
        found[3 * group] += 1.0
        near = _NEAR_M / (_NEAR_M + _number(thing.values.get("range_m")))
        found[3 * group + 1] = max(found[3 * group + 1], near)
        speeds.setdefault(group, []).append(_number(thing.values.get("speed_mps")))
    found[0 : _CONDITIONS.start : 3] = np.log1p(found[0 : _CONDITIONS.start : 3])
    for group, told in speeds.items():
        found[3 * group + 2] = float(np.mean(told)) / _FAST_MPS
    altitude_deg = _number(sample.values.get("weather.sun_altitude_angle"))
    signs = [float(bool(sample.values.get(name))) for name in _SIGNS]
    found[_CONDITIONS] = (float(np.clip(altitude_deg / _SUN_DEG, -1.0, 1.0)), *signs)
    if seen is not None:
        found[_CONDITIONS.stop :] = seen.coarse / _LIGHT
    return found


def bare(vectors: Array) -> Array:
    """Vectors (N, SIZE) without what comes of the slices NOT_OF_ALL."""
    without = vectors.copy()
    without[:, _CONDITIONS] = 0.0
    without[:, _SPEEDS] = 0.0
    return without


def spread(vectors: Array) -> Array:
    """What samples add to the kernel's spectrum: (D, D), the sum of their outer products in random features.

    Args:
        vectors: (N, SIZE) of features.
    """
    rng = np.random.default_rng(_MAP_SEED)
    phases = vectors @ rng.normal(size=(SIZE, _FREQUENCIES))
    mapped = np.concatenate([np.cos(phases), np.sin(phases)], axis=1) / np.sqrt(_FREQUENCIES)
    return mapped.T @ mapped


def effective_samples(spreads: Array) -> Array:
    """Vendi score of sums of spreads (..., D, D): from 1, all alike, to at most 128, as many as the measure tells."""
    traces = np.trace(spreads, axis1=-2, axis2=-1)
    eigenvalues = np.clip(np.linalg.eigvalsh(spreads / traces[..., None, None]), 1e-12, None)
    return np.exp(-np.sum(eigenvalues * np.log(eigenvalues), axis=-1))


def _group(category: str) -> str:
    if category.startswith("human"):
        return "human"
    if category.startswith(_CYCLES):
        return "cycle"
    if category.startswith(_LARGE):
        return "large"
    return "vehicle" if category.startswith("vehicle") else "rest"


def _number(value: object) -> float:
    return as_number(value) or 0.0
