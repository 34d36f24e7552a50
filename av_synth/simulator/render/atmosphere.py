"""The clear sky, by scattering in the air: how bright it is in any direction, and what is left of the sun.

A clear atmosphere of molecules, aerosols and ozone on a round Earth, with single scattering integrated along each ray
(T. Nishita et al., Display of the Earth Taking into Account Atmospheric Scattering, SIGGRAPH 1993) and all further
orders as light from everywhere (the idea of S. Hillaire, A Scalable and Production Ready Sky and Atmosphere Rendering
Technique, EGSR 2020). Coefficients are those of Unreal's sky, whose scales CARLA's two parameters are: 0.0331 and
0.004 per km at sea level are the Earth's air as it is without dust in it.

The shader gets weights of a few functions of direction that come near it, for arithmetic is what a pixel can afford.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array

_EARTH_KM, _TOP_KM = 6360.0, 6460.0
_RAYLEIGH = np.array([0.1753, 0.4096, 1.0])  # at red, green, blue, as parts of the one parameter
_OZONE_PER_KM = np.array([0.00065, 0.00188, 0.000085])
_MIE_EXTINCTION = 1.11
_MIE_FORWARD = 0.76  # Henyey and Greenstein's g
_SUN = np.array([1.0, 0.97, 0.93])  # above the air; pi times what it does to a white surface that faces it
_GROUND_ALBEDO = 0.25
_STEPS = 20
_BRIGHTEST = 1.5  # white is about 1
_LUMA = np.array([0.3, 0.5, 0.2])


@dataclass(frozen=True)
class ClearSky:
    """A sky without clouds; linear RGB, in parts of what the sun above the air does to a white surface facing it.

    Attributes:
        sun: (3,), what the sun does to a white surface that faces it; the last of it where it has set.
        light: (3,), what the sky does to a white surface that faces up.
        radiance: (N, 3), of the sky in the directions whose upward parts (N,) are `up` and whose angles to the sun
            have the cosines (N,) `cosine`.
    """

    sun: Array
    light: Array
    radiance: Array
    up: Array
    cosine: Array


@dataclass(frozen=True)
class ShownSky:
    """A clear sky as the shaders take it: weights of functions of direction, linear RGB.

    Attributes:
        terms: (10, 3), of the functions whose sum is the sky's radiance.
        zenith, horizon, halo: (3,), of three functions that come near it, for mirrors.
    """

    terms: Array
    zenith: Array
    horizon: Array
    halo: Array


@lru_cache(maxsize=64)
def clear_sky(altitude_deg: float, rayleigh: float, mie: float) -> ClearSky:
    """The sky with the sun at an altitude; scattering by molecules (blue) and aerosols, per km at sea level."""
    sun = np.array([np.cos(np.radians(altitude_deg)), 0.0, np.sin(np.radians(altitude_deg))])
    directions, weights = _directions()
    radiance = _radiance(sun, _RAYLEIGH * rayleigh, mie)
    light = (radiance * (directions[:, 2] * weights)[:, None]).sum(axis=0) / np.pi
    left = np.exp(-_depth(np.zeros(1), np.maximum(sun[2:], 0.0), _RAYLEIGH * rayleigh, mie))[0]
    return ClearSky(_SUN * left, light, radiance, directions[:, 2], directions @ sun)


def shown(sky: ClearSky, gain: Array) -> ShownSky:
    """The sky at an exposure (3,); what would be far brighter than white keeps its hue, as a photographer sees to."""
    seen = sky.radiance * gain
    brightness = seen @ _LUMA
    seen = seen / np.sqrt(1.0 + (brightness / _BRIGHTEST) ** 2)[:, None]
    # errors count by how much brighter or darker a pixel looks
    trust = 1.0 / (seen @ _LUMA + 0.15 * float(seen.mean()) + 1e-9)
    terms = _fit(_terms(sky.up, sky.cosine), seen, trust)
    t4 = (1.0 - sky.up) ** 4
    simple = np.stack([1.0 - t4, t4, np.maximum(sky.cosine, 0.0) ** 8], axis=1)
    zenith, horizon, halo = np.maximum(_fit(simple, seen, trust), 0.0)
    return ShownSky(terms, zenith, horizon, halo)


def _terms(up: Array, cosine: Array) -> Array:
    """(N, 10): the functions of `shaders/sky.frag`, by a direction's upward part (N,) and cosine to the sun (N,)."""
    t2 = (1.0 - up) ** 2
    t8 = t2**4
    q = 0.5 + 0.5 * cosine
    q8 = q**8
    return np.stack(
        [np.ones_like(up), t2, t8, t8**4, q, q * t2, q * q * t8, q8, q8 * t8, q8**8],
        axis=1,
    )


def _fit(functions: Array, radiance: Array, trust: Array) -> Array:
    """Weights (K, 3) by which functions (N, K) come nearest to a radiance (N, 3); small ones where many would do."""
    scaled, wanted = functions * trust[:, None], radiance * trust[:, None]
    kept = 1e-3 * np.eye(functions.shape[1])
    return np.asarray(np.linalg.solve(scaled.T @ scaled + kept, scaled.T @ wanted))


@lru_cache(maxsize=1)
def _directions() -> tuple[Array, Array]:
    """Unit vectors (N, 3) over half the upper hemisphere, which mirrors the other half, and solid angles (N,)."""
    edges = np.linspace(0.0, 1.0, 13) ** 1.7
    up = (edges[1:] + edges[:-1]) / 2
    turn = (np.linspace(0.0, 1.0, 15) ** 1.3) * np.pi
    middle = (turn[1:] + turn[:-1]) / 2
    z, a = (grid.reshape(-1) for grid in np.meshgrid(up, middle, indexing="ij"))
    flat = np.sqrt(1.0 - z * z)
    weights = (np.diff(edges)[:, None] * np.diff(turn)[None, :] * 2.0).reshape(-1)
    return np.stack([flat * np.cos(a), flat * np.sin(a), z], axis=1), weights


@lru_cache(maxsize=1)
def _path() -> tuple[Array, Array, Array, tuple[Array, Array, Array]]:
    """Of `_STEPS` points on each ray: heights (N, S), verticals (N, S, 3), lengths (N, S) and columns up to them."""
    directions, _ = _directions()
    rise = directions[:, 2] * _EARTH_KM
    far = -rise + np.sqrt(rise**2 + (_EARTH_KM + 60.0) ** 2 - _EARTH_KM**2)
    edges = far[:, None] * (np.linspace(0.0, 1.0, _STEPS + 1) ** 2)[None, :]
    at = (edges[:, 1:] + edges[:, :-1]) / 2
    points = directions[:, None, :] * at[:, :, None] + np.array([0.0, 0.0, _EARTH_KM])
    radius = np.linalg.norm(points, axis=2)
    heights, lengths = radius - _EARTH_KM, np.diff(edges, axis=1)
    columns = [np.cumsum(d * lengths, axis=1) - 0.5 * d * lengths for d in _densities(heights)]
    return heights, points / radius[:, :, None], lengths, (columns[0], columns[1], columns[2])


def _densities(height_km: Array) -> tuple[Array, Array, Array]:
    """Of molecules, aerosols and ozone, in parts of the most."""
    h = np.maximum(height_km, 0.0)
    return np.exp(-h / 8.0), np.exp(-h / 1.2), np.maximum(0.0, 1.0 - np.abs(h - 25.0) / 15.0)


def _radiance(sun: Array, rayleigh_per_km: Array, mie_per_km: float) -> Array:
    """(N, 3) of the sky in `_directions`."""
    directions, weights = _directions()
    heights, verticals, lengths, columns = _path()
    towards = verticals @ sun
    taken = _sum(columns, rayleigh_per_km, mie_per_km)
    molecules, aerosols, _ = _densities(heights)
    to_sun = _depth(heights.reshape(-1), towards.reshape(-1), rayleigh_per_km, mie_per_km).reshape(taken.shape)
    left = np.exp(-taken - to_sun) * lengths[:, :, None]
    cosine = directions @ sun
    g = _MIE_FORWARD
    even = 3.0 / (16.0 * np.pi) * (1.0 + cosine**2)
    ahead = 1.5 * (1 - g * g) / (2 + g * g) * (1 + cosine**2) / (1 + g * g - 2 * g * cosine) ** 1.5 / (4.0 * np.pi)
    of_molecules = (left * molecules[:, :, None]).sum(axis=1) * rayleigh_per_km
    of_aerosols = (left * aerosols[:, :, None]).sum(axis=1) * mie_per_km
    once = np.pi * _SUN * (of_molecules * even[:, None] + of_aerosols * ahead[:, None])
    # light that was scattered before, or came off the ground, arrives from everywhere
    down = (once * (directions[:, 2] * weights)[:, None]).sum(axis=0)
    mean = (once * weights[:, None]).sum(axis=0) / (2.0 * np.pi)
    ground = _GROUND_ALBEDO * down / np.pi
    around = 0.5 * mean + 0.5 * ground
    scatters = molecules[:, :, None] * rayleigh_per_km + aerosols[:, :, None] * mie_per_km
    again = (np.exp(-taken) * scatters * lengths[:, :, None]).sum(axis=1)
    share = np.minimum((again * weights[:, None]).sum(axis=0) / (2.0 * np.pi), 0.6)
    return np.asarray(once + again * around / (1.0 - 0.5 * share))


def _sum(columns: tuple[Array, Array, Array], rayleigh_per_km: Array, mie_per_km: float) -> Array:
    """Optical depth (..., 3) of columns (...) in km of the densest air."""
    molecules, aerosols, ozone = (column[..., None] for column in columns)
    return np.asarray(molecules * rayleigh_per_km + aerosols * (_MIE_EXTINCTION * mie_per_km) + ozone * _OZONE_PER_KM)


_HEIGHTS = np.linspace(0.0, 1.0, 24) ** 2 * 60.0  # km
_SINES = np.concatenate([-(np.linspace(1.0, 0.0, 24, endpoint=False) ** 2) * 0.3, np.linspace(0.0, 1.0, 40) ** 2])


@lru_cache(maxsize=1)
def _columns() -> Array:
    """(heights, sines, 3): how much of molecules, aerosols and ozone lies between a place and space, in km.

    Where the Earth is in the way it is as much as lets nothing through.
    """
    h, mu = np.meshgrid(_HEIGHTS, _SINES, indexing="ij")
    radius = _EARTH_KM + h
    far = -radius * mu + np.sqrt((radius * mu) ** 2 + _TOP_KM**2 - radius**2)
    edges = far[..., None] * np.linspace(0.0, 1.0, 81) ** 1.5
    at = (edges[..., 1:] + edges[..., :-1]) / 2
    heights = np.sqrt(radius[..., None] ** 2 + at**2 + 2 * radius[..., None] * mu[..., None] * at) - _EARTH_KM
    under = np.minimum(heights, 0.0)
    # the ground weighs in by how deep the ray dips, so that the Earth's shadow has a soft edge
    extra = 40.0 * np.maximum(-under.min(axis=-1), 0.0)
    lengths = np.diff(edges, axis=-1)
    sums = [(d * lengths).sum(axis=-1) for d in _densities(heights)]
    return np.stack([sums[0] + extra, sums[1] + extra, sums[2]], axis=-1)


def _depth(height_km: Array, sine: Array, rayleigh_per_km: Array, mie_per_km: float) -> Array:
    """Optical depth (N, 3) from heights (N,) to space, in the direction whose upward part is `sine` (N,)."""
    grid = _columns()
    i, u = _between(_HEIGHTS, height_km)
    j, v = _between(_SINES, sine)
    u, v = u[:, None], v[:, None]
    low = grid[i, j] * (1 - v) + grid[i, j + 1] * v
    high = grid[i + 1, j] * (1 - v) + grid[i + 1, j + 1] * v
    columns = low * (1 - u) + high * u
    return _sum((columns[:, 0], columns[:, 1], columns[:, 2]), rayleigh_per_km, mie_per_km)


def _between(grid: Array, at: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """Indices (N,) of the grid's points before, and shares (N,) of the way to the next."""
    k = np.clip(np.searchsorted(grid, at) - 1, 0, len(grid) - 2)
    return k, np.clip((at - grid[k]) / (grid[k + 1] - grid[k]), 0.0, 1.0)
