"""The mist that wheels throw up behind vehicles on a wet road: how much, how far, and what lidars see of it.

How it grows with speed and falls back is set once, for pictures and lidars alike. That lidars see it as wisps, in
clusters behind the vehicle and fewer with distance, is what C. Linnhoff et al. measured from 50 to 130 km/h
(Simulating Road Spray in Automotive Lidar Sensor Models, IEEE Sensors Journal, 2022). Its drops send back 1 / 18.8 of
what they take, per steradian: E. J. O'Connor, A. J. Illingworth and R. J. Hogan, A Technique for Autocalibration of
Cloud Lidar (Journal of Atmospheric and Oceanic Technology 21, 2004), for water drops at 905 nm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
class Plumes:
    """What beams meet of the spray behind vehicles: K times, vehicle by vehicle.

    Attributes:
        echo: the strongest echo of one vehicle's.
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
) -> Plumes:
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
    boxes = [_Box(wake, thrown(wetness, wake.speed_mps)) for wake in wakes if thrown(wetness, wake.speed_mps) > 0.0]
    boxes = [box for box in boxes if box.away_m <= receiver.range_m + box.radius_m]
    if not boxes:
        return Plumes(Scattered.nothing(), np.zeros(0, dtype=np.float32))
    beams = np.ascontiguousarray(directions.T if len(first) == len(directions) else directions.T.take(first, axis=1))
    aimed = [box.aimed(beams) for box in boxes]
    beam = np.concatenate(aimed)
    along = np.concatenate(
        [box.turn.T.astype(np.float32) @ beams.take(which, axis=1) for box, which in zip(boxes, aimed, strict=True)],
        axis=1,
    )
    whose = np.repeat(np.arange(len(boxes)), [len(each) for each in aimed])
    begins, ends = np.full(len(beam), receiver.min_range_m, dtype=np.float32), limit_m.take(beam)
    sides = np.stack([[box.low - box.eye, box.high - box.eye] for box in boxes], axis=-1).astype(np.float32)
    for steep, low, high in zip(along, *sides, strict=True):
        per_m = np.float32(1.0) / np.where(np.abs(steep) < 1e-9, np.float32(1e-9), steep)
        one, other = low.take(whose) * per_m, high.take(whose) * per_m
        begins, ends = np.maximum(begins, np.minimum(one, other)), np.minimum(ends, np.maximum(one, other))
    inside = np.flatnonzero(ends - begins > 0.05)
    met = _Met(boxes, whose.take(inside), along.take(inside, axis=1), begins.take(inside), ends.take(inside))
    return met.plumes(beam.take(inside), receiver, random)


class _Box:
    """Where the spray behind one vehicle is."""

    def __init__(self, wake: Wake, strength: float) -> None:
        length, width, height = wake.lwh_m
        self.strength, self.reach = strength, SPRAY_LASTS_S * SPRAY_LAG * wake.speed_mps
        self.back = -0.375 * length
        self.low = np.array([self.back - self.reach, -0.5 * width - 0.4, 0.0])
        self.high = np.array([self.back, 0.5 * width + 0.4, 0.3 + 0.75 * height])
        self.turn = wake.sensor_from_body[:3, :3]
        self.eye = self.turn.T @ -wake.sensor_from_body[:3, 3]
        self._middle = self.turn @ (0.5 * (self.low + self.high)) + wake.sensor_from_body[:3, 3]
        self.away_m = float(np.linalg.norm(self._middle))
        self.radius_m = 0.5 * float(np.linalg.norm(self.high - self.low))

    def aimed(self, directions: Floats) -> npt.NDArray[np.intp]:
        """Which beams (3, B) pass through the sphere around it."""
        if self.away_m <= self.radius_m:
            return np.arange(directions.shape[1])
        cosine = math.sqrt(1.0 - (self.radius_m / self.away_m) ** 2)
        return np.flatnonzero((self._middle / self.away_m).astype(np.float32) @ directions >= cosine)


class _Met:
    """Ways through spray: (K,) each, box by box, and the directions (3, K) of beams in the axes of the vehicle."""

    def __init__(
        self, boxes: Sequence[_Box], whose: npt.NDArray[np.intp], along: Floats, begins: Floats, ends: Floats
    ) -> None:
        self._boxes, self._whose, self._along = boxes, whose, along.astype(np.float64)
        self._begins, self._way = begins.astype(np.float64), ends.astype(np.float64) - begins.astype(np.float64)

    def _each(self, of: Callable[[_Box], float]) -> Array:
        """What boxes have, for each way (K,)."""
        return np.array([of(box) for box in self._boxes]).take(self._whose)

    def plumes(self, beam: npt.NDArray[np.intp], receiver: Receiver, random: np.random.Generator) -> Plumes:
        """What beams (K,) meet."""
        places, wisps = self._drawn(random)
        range_m = self._begins + self._way * np.minimum((np.arange(_WISPS)[:, None] + places) / _WISPS, 1.0)
        at_x = self._each(lambda box: float(box.eye[0])) + range_m * self._along[0]
        at_z = self._each(lambda box: float(box.eye[2])) + range_m * self._along[2]
        age = (self._each(lambda box: box.back) - at_x) / self._each(lambda box: box.reach)
        dense = spray_density(age) * np.clip(1.0 - at_z / self._each(lambda box: float(box.high[2])), 0.0, 1.0)
        per_m = self._each(lambda box: _DENSEST_PER_M * box.strength) * dense * wisps
        part_m = self._way / _WISPS
        depth = np.cumsum(per_m * part_m, axis=0)
        before = np.concatenate([np.zeros((1, len(beam))), depth[:-1]])
        caught = receiver.catches(range_m.astype(np.float32))
        power = math.pi * _SENDS * per_m * np.minimum(part_m, receiver.pulse_m) * np.exp(-2.0 * before) * caught
        best = power.argmax(axis=0) * len(beam) + np.arange(len(beam))
        strongest_m, strongest = range_m.take(best), power.take(best)
        return Plumes(
            Scattered(beam, strongest_m.astype(np.float32), strongest.astype(np.float32), once=len(self._boxes) == 1),
            depth[-1].astype(np.float32),
        )

    def _drawn(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Where in its parts of each way wisps are, (K,), 0 to 1, and how dense (3, K); vehicle after vehicle."""
        places, wisps = np.empty(len(self._whose)), np.empty((len(self._whose), _WISPS))
        ends = np.searchsorted(self._whose, np.arange(len(self._boxes) + 1))
        for begin, end in pairwise(ends.tolist()):
            random.random(out=places[begin:end])
            random.standard_exponential(out=wisps[begin:end])
        return places, np.ascontiguousarray(wisps.T)
