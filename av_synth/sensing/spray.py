"""The mist that wheels throw up behind vehicles on a wet road: how much, how far, and what lidars see of it.

How it grows with speed and falls back is set once, for pictures and lidars alike. That lidars see it as wisps, in
clusters behind the vehicle and fewer with distance, is what C. Linnhoff et al. measured from 50 to 130 km/h
(Simulating Road Spray in Automotive Lidar Sensor Models, IEEE Sensors Journal, 2022). Its drops send back 1 / 18.8 of
what they take, per steradian: E. J. O'Connor, A. J. Illingworth and R. J. Hogan, A Technique for Autocalibration of
Cloud Lidar (Journal of Atmospheric and Oceanic Technology 21, 2004), for water drops at 905 nm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.receiver import Floats, Receiver, Scattered

SPRAY_FROM_MPS = 6.0
"""Wheels begin to throw water up."""
SPRAY_LASTS_S, SPRAY_LAG = 0.9, 0.35
"""How long it hangs, and at what share of the vehicle's speed it falls back behind it."""
_FULL_MPS = 24.0  # they throw as much as they can
_DENSEST_PER_M = 0.4  # extinction: two metres of the densest hide half, as pictures have it
_SENDS = 1.0 / 18.8
_WISPS = 3  # parts of a beam's way through a plume that are as dense as they like


@dataclass(frozen=True)
class Wake:
    """A vehicle on the move, for the spray behind it.

    Attributes:
        sensor_from_body: (4, 4), body axes: from the ground under the middle of its box; x forward, y left, z up.
        lwh_m: length, width and height of its box.
        speed_mps: forward.
    """

    sensor_from_body: Array
    lwh_m: tuple[float, float, float]
    speed_mps: float


def thrown(wetness: float, speed_mps: float) -> float:
    """How much spray there is, 0 to 1.

    Args:
        wetness: share of the road that is under water.
        speed_mps: of the vehicle.
    """
    t = min(max((speed_mps - SPRAY_FROM_MPS) / (_FULL_MPS - SPRAY_FROM_MPS), 0.0), 1.0)
    return wetness * (t * t * (3.0 - 2.0 * t))


def spray_density(age: Array) -> Array:
    """How dense spray is by its age, 0 to 1: it opens out, and is gone at 1."""
    return np.asarray(np.minimum(age / 0.12, 1.0) * np.clip(1.0 - age, 0.0, 1.0) ** 1.5)


@dataclass(frozen=True)
class Plume:
    """What beams meet of the spray behind one vehicle: K of them.

    Attributes:
        echo: the strongest echo of it of each.
        depth: (K,) optical depth of it, up to what stands in it.
    """

    echo: Scattered
    depth: Floats


def plumes(
    directions: Floats,
    first: npt.NDArray[np.integer],
    limit_m: Floats,
    wakes: Sequence[Wake],
    wetness: float,
    receiver: Receiver,
    random: np.random.Generator,
) -> list[Plume]:
    """What beams meet of spray.

    Args:
        directions: (M, 3), the sensor's axes.
        first: (B,) whose of them beams have.
        limit_m: (B,) of what stands in their way, inf for nothing.
        wakes: vehicles, each once.
        wetness: share of the road that is under water.
        receiver: who listens.
        random: decides wisps.
    """
    throwing = [wake for wake in wakes if thrown(wetness, wake.speed_mps) > 0.0]
    if not throwing:
        return []
    beams = np.ascontiguousarray(np.take(directions, first, axis=0).T)
    met = (_plume(beams, limit_m, wake, thrown(wetness, wake.speed_mps), receiver, random) for wake in throwing)
    return [plume for plume in met if plume is not None]


def _plume(
    directions: Floats, limit_m: Floats, wake: Wake, strength: float, receiver: Receiver, random: np.random.Generator
) -> Plume | None:
    """Of one vehicle; None where no beam meets any. Directions are (3, B) here."""
    length, width, height = wake.lwh_m
    reach = SPRAY_LASTS_S * SPRAY_LAG * wake.speed_mps
    back = -0.375 * length
    low = np.array([back - reach, -0.5 * width - 0.4, 0.0])
    high = np.array([back, 0.5 * width + 0.4, 0.3 + 0.75 * height])
    turn, eye = wake.sensor_from_body[:3, :3], wake.sensor_from_body[:3, :3].T @ -wake.sensor_from_body[:3, 3]
    middle = wake.sensor_from_body[:3, :3] @ (0.5 * (low + high)) + wake.sensor_from_body[:3, 3]
    away, radius = float(np.linalg.norm(middle)), 0.5 * float(np.linalg.norm(high - low))
    if away > receiver.range_m + radius:
        return None
    beam = np.arange(directions.shape[1])
    if away > radius:
        cosine = math.sqrt(1.0 - (radius / away) ** 2)
        beam = np.flatnonzero((middle / away).astype(np.float32) @ directions >= cosine)
        directions, limit_m = directions.take(beam, axis=1), limit_m.take(beam)
    along = turn.T.astype(np.float32) @ directions
    begins, ends = np.full(len(beam), receiver.min_range_m, dtype=np.float32), limit_m
    for steep, first, last in zip(along, (low - eye).astype(np.float32), (high - eye).astype(np.float32), strict=True):
        per_m = np.float32(1.0) / np.where(np.abs(steep) < 1e-9, np.float32(1e-9), steep)
        one, other = first * per_m, last * per_m
        begins, ends = np.maximum(begins, np.minimum(one, other)), np.minimum(ends, np.maximum(one, other))
    inside = np.flatnonzero(ends - begins > 0.05)
    if not len(inside):
        return None
    beam, along = beam.take(inside), along.take(inside, axis=1).astype(np.float64)
    begins, ends = begins.take(inside).astype(np.float64), ends.take(inside).astype(np.float64)
    parts = (np.arange(_WISPS) + random.random((len(beam), 1))) / _WISPS
    range_m = begins[:, None] + (ends - begins)[:, None] * np.minimum(parts, 1.0)
    at_x, at_z = (eye[axis] + range_m * along[axis][:, None] for axis in (0, 2))
    dense = spray_density((back - at_x) / reach) * np.clip(1.0 - at_z / high[2], 0.0, 1.0)
    per_m = _DENSEST_PER_M * strength * dense * random.standard_exponential(dense.shape)
    part_m = (ends - begins)[:, None] / _WISPS
    depth = np.cumsum(per_m * part_m, axis=1)
    before = np.concatenate([np.zeros((len(beam), 1)), depth[:, :-1]], axis=1)
    caught = receiver.catches(range_m.astype(np.float32))
    power = math.pi * _SENDS * per_m * np.minimum(part_m, receiver.pulse_m) * np.exp(-2.0 * before) * caught
    best = power.argmax(axis=1) + _WISPS * np.arange(len(beam))
    strongest_m, strongest = range_m.take(best), power.take(best)
    return Plume(
        Scattered(beam, strongest_m.astype(np.float32), strongest.astype(np.float32), once=True),
        depth[:, -1].astype(np.float32),
    )
