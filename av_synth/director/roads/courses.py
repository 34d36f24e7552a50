"""Courses: the line that a vehicle keeps to, how it changes from one to another, and how it wanders off it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from av_synth.director.roads.path import Path
from av_synth.geometry.transforms import Array

COMFORT_LATERAL_MPS2 = 3.0  # in bends that nobody is in a hurry to take
_BEND_BRAKING_MPS2 = 2.5  # before them
_CHORD_M = 5.0  # bends are measured over twice this, so that joints of lanes are no bends
_FASTEST_MPS = 70.0

Wander = Callable[[float], float]
"""Offset to the left by seconds since it began."""


@dataclass(frozen=True)
class Line:
    """A path, and how far to its left one drives."""

    path: Path
    offset_m: float = 0.0

    def point(self, near_m: Array, ahead_m: float, aside_m: float = 0.0) -> Array:
        """The point (3,) on it that is so far ahead of where a point (2,) or (3,) is beside it."""
        station, _ = self.path.project(near_m)
        return self.path.point(station + ahead_m, self.offset_m + aside_m)

    @cached_property
    def _limits_mps(self) -> Array:
        """The speed at each of the path's stations that its bends allow, braking before them included."""
        stations, points = self.path.stations_m, self.path.points_m[:, :2]
        around = [stations - _CHORD_M, stations, stations + _CHORD_M]
        at = [np.column_stack([np.interp(s, stations, points[:, axis]) for axis in (0, 1)]) for s in around]
        chords = at[1] - at[0], at[2] - at[1]
        turn = np.arctan2(
            chords[0][:, 0] * chords[1][:, 1] - chords[0][:, 1] * chords[1][:, 0], (chords[0] * chords[1]).sum(axis=1)
        )
        bend = np.abs(turn) / _CHORD_M
        limits = np.minimum(np.sqrt(COMFORT_LATERAL_MPS2 / np.maximum(bend, 1e-6)), _FASTEST_MPS)
        # energy that may be left at each station: what is allowed later, and the braking until there
        energy = limits**2 + 2.0 * _BEND_BRAKING_MPS2 * stations
        ahead = np.minimum.accumulate(energy[::-1])[::-1] - 2.0 * _BEND_BRAKING_MPS2 * stations
        found: Array = np.sqrt(np.maximum(ahead, 0.0))
        return found

    def limit_mps(self, station_m: float) -> float:
        """The speed that bends from a station on allow there."""
        return float(np.interp(station_m, self.path.stations_m, self._limits_mps))

    def travel_s(self, from_m: float, to_m: float, speed_mps: float) -> float:
        """Time from one station to another at a speed, slower where bends want it."""
        if to_m <= from_m:
            return 0.0
        stations = np.linspace(from_m, to_m, max(int(to_m - from_m), 2))
        speeds = np.minimum(np.interp(stations, self.path.stations_m, self._limits_mps), max(speed_mps, 0.05))
        slowness = 1.0 / np.maximum(speeds, 0.05)
        return float(((slowness[1:] + slowness[:-1]) / 2.0).sum() * (stations[1] - stations[0]))


class Course:
    """A line, a change to another while it lasts, and a wander off it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._from: Line | None = None
        self._began_us, self._change_us = 0, 1
        self._wander: Wander | None = None
        self._wander_us = 0

    def change(self, to: Line, position_m: Array, time_us: int, duration_s: float) -> None:
        """Head for another line; from where one is, if a change is not over yet."""
        here = Line(self.line.path, self.line.offset_m + self._aside_m(time_us))
        if self._from is not None:
            here = Line(here.path, here.path.project(position_m)[1])
        self._wander = None
        self._from, self.line = here, to
        self._began_us, self._change_us = time_us, max(round(duration_s * 1e6), 1)

    def go_on(self, path: Path) -> None:
        """Have the line go on along a path that begins as its own does."""
        self.line = Line(path, self.line.offset_m)

    def wander(self, shape: Wander, time_us: int) -> None:
        """Wander off the line from now on."""
        self.line = Line(self.line.path, self.line.offset_m + self._aside_m(time_us))
        self._wander, self._wander_us = shape, time_us

    def changed(self, time_us: int) -> bool:
        """Whether no change is under way."""
        return self._from is None or time_us - self._began_us >= self._change_us

    def aim(self, rear_m: Array, ahead_m: float, time_us: int) -> Array:
        """The point (3,) to steer for: so far ahead of the rear axle, where one is to be at a time."""
        aside = self._aside_m(time_us)
        aim = self.line.point(rear_m, ahead_m, aside)
        if self._from is None:
            return aim
        share = smooth_step((time_us - self._began_us) / self._change_us)
        if share >= 1.0:
            self._from = None
            return aim
        begin = self._from.point(rear_m, ahead_m, aside)
        found: Array = begin + (aim - begin) * share
        return found

    def _aside_m(self, time_us: int) -> float:
        return 0.0 if self._wander is None else self._wander((time_us - self._wander_us) * 1e-6)


def swerve(offset_m: float, duration_s: float) -> Wander:
    """There in the first half, and back in the second."""
    return lambda time_s: offset_m * smooth_step(1.0 - abs(2.0 * time_s / duration_s - 1.0))


def drift(offset_m: float, rate_mps: float) -> Wander:
    """At an even rate, and it stays there."""
    way = 1.0 if offset_m > 0 else -1.0
    return lambda time_s: way * min(rate_mps * max(time_s, 0.0), abs(offset_m))


def smooth_step(share: float) -> float:
    """0 to 1 with no velocity or acceleration at either end: the least-jerk curve 10 t^3 - 15 t^4 + 6 t^5.

    Source: T. Flash, N. Hogan, J. Neuroscience 5(7), 1985.
    """
    t = min(max(share, 0.0), 1.0)
    return t * t * t * (10.0 - 15.0 * t + 6.0 * t * t)
