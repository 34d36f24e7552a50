"""What a lidar's receiver catches, and what is between it and what it looks at."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from av_synth.sensing.air import Air

Floats = npt.NDArray[np.float32]
RainLaw = Literal["measured", "goodin"]
"""Whose extinction rain has, see `lidar.LidarDevice`."""

_GOODIN_PER_M, _GOODIN_POWER = 0.01, 0.6
# dry snow: a S^b dB a kilometre at S mm/h of water, a for 905 nm (ITU-R P.1817-1, table 2)
_SNOW_DB_PER_KM, _SNOW_POWER = 5.42e-5 * 905.0 + 5.4958776, 1.38
_DB = 10.0 / math.log(10.0)  # of a factor e


@dataclass(frozen=True)
class Receiver:
    """How a lidar receives; for units of power see `lidar`.

    Attributes:
        threshold: the power that is found every other time.
        overlap_m: from where on it sees all of the beam.
        pulse_m: half the length of a pulse.
        min_range_m, range_m: between them it reports.
        divergence_rad: full angle of a beam.
    """

    threshold: float
    overlap_m: float
    pulse_m: float
    min_range_m: float
    range_m: float
    divergence_rad: float

    def catches(self, range_m: Floats) -> Floats:
        """Share (K,) of what comes back from a distance that it catches, 1 being all of it at one metre.

        It sees the more of a beam the farther that is, as the crossover of Rasshofer et al. (2011), equation 9.
        """
        sees = np.minimum(range_m / np.float32(max(self.overlap_m, 1e-3)), np.float32(1.0))
        return np.asarray(sees / (range_m * range_m), dtype=np.float32)


@dataclass(frozen=True)
class Scattered:
    """What drops, flakes or wisps in beams send back.

    Attributes:
        beam: (K,) numbers of beams.
        range_m, power: (K,).
        once: whether beams rise, and none is there twice.
    """

    beam: npt.NDArray[np.integer]
    range_m: Floats
    power: Floats
    once: bool

    def where(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Scattered:
        """Some of it."""
        at = np.flatnonzero(which) if which.dtype == np.bool_ else which
        return Scattered(self.beam.take(at), self.range_m.take(at), self.power.take(at), self.once)

    @staticmethod
    def nothing() -> Scattered:
        """None of it."""
        return Scattered(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32), once=True)


@dataclass(frozen=True)
class Path:
    """What air takes of beams; nothing where a device feels no weather.

    Attributes:
        air: what is in it.
        height_m: of the sensor above the road.
        even_per_m: extinction by all that is the same everywhere.
        fog_per_m: extinction by fog at the sensor's height.
    """

    air: Air
    height_m: float
    even_per_m: float
    fog_per_m: float

    @staticmethod
    def through(air: Air, height_m: float, rain: RainLaw) -> Path:
        """The path through `air`, where rain has this law."""
        rain_per_m = air.rain_per_m if rain == "measured" else _GOODIN_PER_M * air.rain_mm_h**_GOODIN_POWER
        snow_per_m = _SNOW_DB_PER_KM / _DB / 1000.0 * air.snow_mm_h**_SNOW_POWER
        even = air.clear_per_m + rain_per_m + snow_per_m + air.dust_per_m
        return Path(air, height_m, even, air.fog_per_m * float(np.exp(-air.fog_falloff_per_m * max(height_m, 0.0))))

    def depth(self, range_m: Floats, rise: Floats | float) -> Floats:
        """Optical depth (K,) of the way to `range_m` (K,), along beams that rise by `rise` metres a metre."""
        result = range_m * np.float32(self.even_per_m)
        if self.fog_per_m > 0.0:
            inside = np.maximum(range_m - np.float32(self.air.fog_start_m), np.float32(0.0))
            steep = np.asarray(rise, dtype=np.float32) * np.float32(self.air.fog_falloff_per_m)
            thins = np.clip(steep * inside, -20.0, 60.0)
            mean = np.where(np.abs(thins) > 1e-3, -np.expm1(-thins) / np.where(thins == 0.0, 1.0, thins), 1.0)
            begins = np.exp(np.clip(-steep * np.float32(self.air.fog_start_m), -20.0, 20.0))
            result = result + np.float32(self.fog_per_m) * inside * mean * begins
        return np.asarray(result, dtype=np.float32)

    def fog(self, range_m: Floats, rise: float) -> Floats:
        """Extinction by fog (K,) per metre, at `range_m` (K,) along a beam that rises by `rise` metres a metre."""
        steep = rise * self.air.fog_falloff_per_m
        there = self.fog_per_m * np.exp(np.clip(-steep * range_m, -20.0, 20.0))
        return np.where(range_m >= self.air.fog_start_m, there, 0.0).astype(np.float32)


Depth = Callable[[Floats, Floats | float], Floats]
"""`Path.depth`, or what stands for it."""
