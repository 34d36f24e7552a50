"""Returns of what is not there: waves that went by a wall or a guard rail, or twice between a body and the own car.

The kinds are those of F. Kraus, N. Scheiner, W. Ritter, K. Dietmayer, Using Machine Learning to Detect Ghost Images in
Automotive Radar, ITSC 2020: on the way by the mirror there and back, a body is seen behind the mirror (third bounce);
on the way by it only once, half-way in between (second bounce); and what comes back from the own bumper to the body and
again is twice as far away and twice as fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.radar_echoes import mirrors
from av_synth.sensing.radar_model import Bodies, Origin, RadarHits

_STRONGEST = 12  # returns of actors that are looked for in mirrors
_PATCHES = 400  # of mirrors, at most
_OWN_CAR_M2 = 10.0  # cross-section of the own front, as that of other cars
_BEFORE_M = 0.3  # what is nearer to a mirror is part of it
_PATCH_M, _PATCH_SHARE = 0.5, 0.02  # how large a piece of a mirror a hit on it stands for: metres, and of its range


@dataclass(frozen=True)
class Seen:
    """Echoes, (N,) each: signal against the threshold; place; whose and of what; the cross-section behind it."""

    level: Array
    range_m: Array
    azimuth_rad: Array
    range_rate_mps: Array
    actor_id: npt.NDArray[np.uint32]
    origin: npt.NDArray[np.uint8]
    sigma_m2: Array

    def chosen(self, places: npt.NDArray[np.intp]) -> Seen:
        """Some of them."""
        return Seen(**{name: values[places] for name, values in vars(self).items()})

    def joined(self, other: Seen) -> Seen:
        """These and others."""
        return Seen(**{name: np.concatenate([values, getattr(other, name)]) for name, values in vars(self).items()})


def ghosts(hits: RadarHits, seen: Seen, bodies: Bodies) -> Seen:
    """The ghosts of actors, `level` being the cross-section (m2) that would send as much back from their places.

    Args:
        hits: what the rays met: where mirrors are.
        seen: the returns.
        bodies: with their velocities.
    """
    strongest = np.flatnonzero((seen.origin == Origin.ACTOR) & np.isin(seen.actor_id, bodies.actor_id))
    strongest = strongest[np.argsort(-seen.level[strongest], kind="stable")[:_STRONGEST]]
    real = seen.chosen(strongest)
    return _twice(real).joined(_mirrored(hits, real, bodies))


def _twice(real: Seen) -> Seen:
    """From the body to the own car, and there and back again: sigma^2 sigma_own / (4 pi r^4) arrives of sigma."""
    range_m = np.maximum(real.range_m, 1.0)
    # as much as arrives from r, with two more legs of r and two more scatterings; told as of something at 2 r
    sigma = real.sigma_m2**2 * _OWN_CAR_M2 / ((4.0 * np.pi) ** 2 * range_m**4) * 2.0**4
    return _ghosts(real, sigma, 2.0 * real.range_m, real.azimuth_rad, 2.0 * real.range_rate_mps)


def _mirrored(hits: RadarHits, real: Seen, bodies: Bodies) -> Seen:
    """At most one mirror for each return: the hit on one that is nearest to where the wave has to touch it."""
    found, reflected = mirrors(hits)
    step = max(1, -(-len(found) // _PATCHES))
    found, reflected = found[::step], reflected[::step]
    if not len(found) or not len(real.level):
        return real.chosen(np.zeros(0, dtype=np.intp))
    patch = (hits.directions[found] * hits.range_m[found, None])[:, :2].astype(np.float64)
    normal = np.stack([np.cos(hits.normal_rad[found]), np.sin(hits.normal_rad[found])], axis=1).astype(np.float64)
    place = real.range_m[:, None] * np.stack([np.cos(real.azimuth_rad), np.sin(real.azimuth_rad)], axis=1)
    offset = np.einsum("pj,pj->p", patch, normal)  # below 0: normals point to the radar
    before = place @ normal.T - offset  # (returns, patches): metres before the mirror
    image = place[:, None, :] - 2.0 * before[..., None] * normal
    depth = np.einsum("npj,pj->np", image, normal)
    touch = image * (offset / np.where(depth < -1e-6, depth, -np.inf))[..., None]
    gap = np.linalg.norm(touch - patch, axis=2)
    reach = np.maximum(_PATCH_M, _PATCH_SHARE * hits.range_m[found].astype(np.float64))
    gap = np.where((before > _BEFORE_M) & (depth < offset) & (gap < reach), gap, np.inf)
    best = np.argmin(gap, axis=1)
    there = np.flatnonzero(np.isfinite(gap[np.arange(len(best)), best]))
    best, real = best[there], real.chosen(there)
    image = image[there, best]
    away = np.linalg.norm(image, axis=1)
    azimuth = np.arctan2(image[:, 1], image[:, 0])
    velocity = bodies.velocity_mps[np.searchsorted(bodies.actor_id, real.actor_id), :2]
    mirror = normal[best]
    velocity = velocity - 2.0 * np.einsum("nj,nj->n", velocity, mirror)[:, None] * mirror
    rate = np.einsum("nj,nj->n", image / away[:, None], velocity - bodies.own_velocity_mps[:2])
    power, middle = reflected[best], (real.range_m + away) / 2.0
    once = real.sigma_m2 * power * (middle**2 / (real.range_m * away)) ** 2
    third = _ghosts(real, real.sigma_m2 * power**2, away, azimuth, rate)
    return third.joined(_ghosts(real, once, middle, azimuth, (real.range_rate_mps + rate) / 2.0))


def _ghosts(real: Seen, sigma_m2: Array, range_m: Array, azimuth_rad: Array, rate_mps: Array) -> Seen:
    origin = np.full(len(real.level), Origin.GHOST, dtype=np.uint8)
    return Seen(sigma_m2, range_m, azimuth_rad, rate_mps, real.actor_id, origin, sigma_m2)
