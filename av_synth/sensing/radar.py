"""From what a radar's rays met to what the device reports: cells, the radar equation, a threshold, noise.

What is in one cell of range, azimuth and range rate adds up to one return, which is told if it is stronger than the
threshold and than its neighbours. Signal over noise falls with the fourth power of range; each cell's strength is by
chance, chi-square with four degrees of freedom, new in every scan (P. Swerling, Probability of Detection for
Fluctuating Targets, RAND RM-1217, 1954, case III: one scatterer among smaller ones). Measured values are off by what a
cell's size and its signal over noise allow: resolution / sqrt(2 snr) (M. Skolnik, Introduction to Radar Systems, 2001,
chapter 6), which at the threshold is what data sheets call accuracy. There are no side lobes and no false alarms of
pure noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.radar_echoes import cross_sections, origins
from av_synth.sensing.radar_ghosts import Seen, ghosts
from av_synth.sensing.radar_model import Bodies, Origin, RadarDevice, RadarField, RadarHits, RadarReturns

_EDGE_DB = 6.0  # there and back, at the rim of a field of view: its width is the beam's, which ends at half the power
_RCS_STEP_DBSM = 0.5
_UNHEARD = 1e-4  # of the threshold: what a ray of so little adds to a cell is left out
_WEAK_DB = 6.0  # over the threshold; stronger clutter looks like anything else
_BEAM = 1.6  # of what the resolution in azimuth is divided by, in place of 1: Skolnik's slope of a beam


def measured(
    hits: RadarHits,
    bodies: Bodies,
    field: RadarField,
    device: RadarDevice,
    loss_db_m: float,
    random: np.random.Generator,
) -> RadarReturns:
    """What the device reports of a scan: at most `field.points` returns, strongest first.

    Args:
        hits: what its rays met.
        bodies: the actors around; who else is met, such as a traffic light, is part of the static world.
        field: where it looks.
        device: how well.
        loss_db_m: what a metre of air takes one way (`sensing.radio_air`).
        random: the scan's own.
    """
    gauge = _Gauge(field, device, loss_db_m if device.weather else 0.0)
    near = hits.range_m <= device.near_range_m
    inside = np.abs(np.arctan2(hits.directions[:, 1], hits.directions[:, 0])) <= np.radians(device.far_fov_deg / 2.0)
    kept = np.flatnonzero((hits.range_m >= device.min_range_m) & (hits.range_m <= field.range_m) & (near | inside))
    hits = hits.chosen(kept)
    hits = replace(hits, actor_id=np.where(np.isin(hits.actor_id, bodies.actor_id), hits.actor_id, 0).astype(np.uint32))
    cells = _cells(hits, bodies, gauge)
    fluctuation = random.chisquare(4, len(cells.level)) / 4.0
    cells = replace(cells, level=cells.level * fluctuation)
    told = np.flatnonzero((cells.level >= 1.0) & _peaks(cells))
    seen = cells.seen(told)
    more = ghosts(hits, seen, bodies)
    more = replace(more, level=more.level * gauge.lost(more) * random.chisquare(4, len(more.level)) / 4.0)
    inside = (np.abs(more.azimuth_rad) <= np.radians(field.horizontal_fov_deg / 2.0)) & (more.level >= 1.0)
    inside &= more.range_m <= np.where(
        np.abs(more.azimuth_rad) <= np.radians(device.far_fov_deg / 2.0), field.range_m, device.near_range_m
    )
    seen = seen.joined(more.chosen(np.flatnonzero(inside)))
    seen = seen.chosen(np.argsort(-seen.level, kind="stable")[: field.points])
    return _noisy(seen, gauge, random)


@dataclass(frozen=True)
class _Gauge:
    """The radar equation of a device: signal against its threshold."""

    field: RadarField
    device: RadarDevice
    loss_db_m: float

    def is_near(self, range_m: Array) -> npt.NDArray[np.bool_]:
        """Whether a range is measured by the near mode."""
        return np.asarray(range_m <= self.device.near_range_m)

    def per_mode(self, range_m: Array, name: str) -> Array:
        """What `RadarMode` calls `name`, (M,), of the mode that measures at each range."""
        return np.where(self.is_near(range_m), getattr(self.device.near, name), getattr(self.device.far, name))

    def over_range(self, range_m: Array) -> Array:
        """Signal against the threshold of a square metre straight ahead, in clear air."""
        return np.asarray(
            (self.per_mode(range_m, "square_metre_m") / np.maximum(range_m, self.device.full_gain_m)) ** 4
        )

    def pattern_db(self, range_m: Array, azimuth_rad: Array) -> Array:
        """What the antenna loses to the side, there and back: Gaussian beams."""
        half_deg = np.where(self.is_near(range_m), self.field.horizontal_fov_deg, self.device.far_fov_deg) / 2.0
        return np.asarray(_EDGE_DB * (np.degrees(azimuth_rad) / half_deg) ** 2)

    def received(self, sigma_m2: Array, range_m: Array, azimuth_rad: Array, elevation_rad: Array) -> Array:
        """Signal against the threshold of cross-sections (M,)."""
        loss_db = self.pattern_db(range_m, azimuth_rad) + 2.0 * self.loss_db_m * range_m
        loss_db += _EDGE_DB * (np.degrees(elevation_rad) / (self.field.vertical_fov_deg / 2.0)) ** 2
        return np.asarray(sigma_m2 * self.over_range(range_m) * 10.0 ** (-loss_db / 10.0))

    def lost(self, ghost: Seen) -> Array:
        """What a ghost's way leaves of the signal of its cross-section."""
        return self.received(np.ones(len(ghost.level)), ghost.range_m, ghost.azimuth_rad, np.zeros(len(ghost.level)))

    def cross_section_dbsm(self, level: Array, range_m: Array, azimuth_rad: Array) -> Array:
        """What a device takes a signal for, which knows its antenna and neither the weather nor elevations."""
        told = 10.0 * np.log10(level / self.over_range(range_m)) + self.pattern_db(range_m, azimuth_rad)
        return np.asarray(np.round(told / _RCS_STEP_DBSM) * _RCS_STEP_DBSM)


@dataclass(frozen=True)
class _Cells:
    """Cells in which something is: their place in the grid (C, 3), and what is in them, (C,) each."""

    place: npt.NDArray[np.int64]
    is_near: npt.NDArray[np.bool_]
    level: Array
    range_m: Array
    azimuth_rad: Array
    range_rate_mps: Array
    actor_id: npt.NDArray[np.uint32]
    origin: npt.NDArray[np.uint8]
    sigma_m2: Array

    def seen(self, told: npt.NDArray[np.intp]) -> Seen:
        """Those of them that are returns."""
        names = ("level", "range_m", "azimuth_rad", "range_rate_mps", "actor_id", "origin", "sigma_m2")
        return Seen(**{name: getattr(self, name)[told] for name in names})


def _cells(hits: RadarHits, bodies: Bodies, gauge: _Gauge) -> _Cells:
    range_m, azimuth = hits.range_m.astype(np.float64), np.arctan2(hits.directions[:, 1], hits.directions[:, 0])
    sigma = cross_sections(hits, bodies)
    level = gauge.received(sigma, range_m, azimuth, np.arcsin(np.clip(hits.directions[:, 2], -1.0, 1.0)))
    heard = np.flatnonzero(level > _UNHEARD)
    hits = hits.chosen(heard)
    range_m, azimuth, sigma, level = range_m[heard], azimuth[heard].astype(np.float64), sigma[heard], level[heard]
    rate = hits.range_rate_mps.astype(np.float64)
    across = np.sin(np.radians(gauge.per_mode(range_m, "azimuth_resolution_deg")))
    place = np.stack(
        [
            np.floor(range_m / gauge.per_mode(range_m, "range_resolution_m")),
            np.floor(np.sin(azimuth) / across + 0.5),
            np.floor(rate / gauge.device.speed_resolution_mps + 0.5),
        ],
        axis=1,
    ).astype(np.int64)
    keys = _keys(place, gauge.is_near(range_m))
    order = np.lexsort((-level, keys))
    strongest = order[np.diff(keys[order], prepend=-1) != 0]
    within = np.searchsorted(keys[strongest], keys)

    def total(values: Array) -> Array:
        return np.asarray(np.bincount(within, values, len(strongest)), dtype=np.float64)

    whole = total(level)
    return _Cells(
        place=place[strongest],
        is_near=gauge.is_near(range_m)[strongest],
        level=whole,
        range_m=total(level * range_m) / whole,
        azimuth_rad=total(level * azimuth) / whole,
        range_rate_mps=total(level * rate) / whole,
        actor_id=hits.actor_id[strongest],
        origin=origins(hits)[strongest],
        sigma_m2=total(sigma),
    )


def _keys(place: npt.NDArray[np.int64], is_near: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """One number for each cell: 2^20 ranges, 2^12 azimuths, 2^20 rates around 0, and the mode."""
    return np.asarray(
        (((is_near.astype(np.int64) << 20) + place[:, 0] << 12) + place[:, 1] + 2048 << 20) + place[:, 2] + 2**19
    )


_FLANK = 3  # cells of range rate: what rolls or turns is drawn out over some
_AROUND = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in range(-_FLANK, _FLANK + 1)]
_NEIGHBOURS = np.array([i * 2**32 + j * 2**20 + k for i, j, k in _AROUND])  # what their keys are higher


def _peaks(cells: _Cells) -> npt.NDArray[np.bool_]:
    """Which cells are no weaker than any around them: the others are the flanks of one echo."""
    candidates = np.flatnonzero(cells.level >= 1.0)
    peak = np.zeros(len(cells.level), dtype=np.bool_)
    if not len(candidates):
        return peak
    keys = _keys(cells.place[candidates], cells.is_near[candidates])
    order = np.argsort(keys)
    sorted_keys, level = keys[order], cells.level[candidates]
    wanted = keys[:, None] + _NEIGHBOURS
    at = np.minimum(np.searchsorted(sorted_keys, wanted), len(order) - 1)
    stronger = (sorted_keys[at] == wanted) & (level[order[at]] > level[:, None])
    peak[candidates[~stronger.any(axis=1)]] = True
    return peak


def _noisy(seen: Seen, gauge: _Gauge, random: np.random.Generator) -> RadarReturns:
    device, count = gauge.device, len(seen.level)
    snr = seen.level * 10.0 ** (device.threshold_db / 10.0)
    spread = 1.0 / np.sqrt(2.0 * snr)
    widened = 1.0 / np.maximum(np.cos(seen.azimuth_rad), 0.2)
    range_sigma = gauge.per_mode(seen.range_m, "range_resolution_m") * spread
    azimuth_sigma = np.radians(gauge.per_mode(seen.range_m, "azimuth_resolution_deg")) * widened * spread / _BEAM
    rate_sigma = device.speed_resolution_mps * spread
    noise = random.standard_normal((3, count))
    half_fov = np.radians(gauge.field.horizontal_fov_deg / 2.0)
    range_m = np.clip(seen.range_m + noise[0] * range_sigma, device.min_range_m, gauge.field.range_m)
    azimuth = np.clip(seen.azimuth_rad + noise[1] * azimuth_sigma, -half_fov, half_fov)
    weak = seen.level < 10.0 ** (_WEAK_DB / 10.0)
    doubtful = (seen.origin == Origin.GHOST) | ((seen.origin == Origin.CLUTTER) & weak)
    return RadarReturns(
        range_m=range_m,
        azimuth_rad=azimuth,
        range_rate_mps=seen.range_rate_mps + noise[2] * rate_sigma,
        range_sigma_m=range_sigma,
        azimuth_sigma_rad=azimuth_sigma,
        rate_sigma_mps=rate_sigma,
        rcs_dbsm=gauge.cross_section_dbsm(seen.level, range_m, azimuth).astype(np.float32),
        margin_db=(10.0 * np.log10(seen.level)).astype(np.float32),
        recognised=doubtful & (random.random(count) < device.recognised),
        actor_id=seen.actor_id,
        origin=seen.origin,
    )
