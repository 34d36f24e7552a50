"""Returns followed from scan to scan: the number that each keeps, and whether what it is of moves, moved or stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.radar_model import RadarReturns

NUMBERS = 2**15  # what nuScenes' int16 holds from 0 on
_MOVING_MPS = 0.5
_GATE_M, _GATE_MPS = 1.5, 1.5  # how far a return may be from where its track leads, besides three standard deviations
_CROSSING_RAD = np.radians(60.0)  # from the car's axis: what moves along such a line of sight crosses the car's way

UNKNOWN = 4
"""nuScenes' dyn_prop of what nothing is known of."""
_MOVING, _STATIONARY, _ONCOMING, _CANDIDATE, _CROSSED, _CROSSING, _STOPPED = 0, 1, 2, 3, 5, 6, 7


@dataclass(frozen=True)
class Tracks:
    """The returns of a scan as tracks, (N,) each, in the order of the returns.

    Attributes:
        number: int64, of the track, below `NUMBERS`; the same as in the scan before where the return goes on.
        dynamics: uint8, nuScenes' dyn_prop: 0 moving, 1 stationary, 2 oncoming, 3 stationary and seen the first time, 5
            stationary after crossing, 6 crossing, 7 stopped.
        place_m: (N, 2), in the radar's plane.
        over_ground_mps: along the line of sight, without the radar's own velocity.
        next_number: of the next track.
    """

    number: npt.NDArray[np.int64]
    dynamics: npt.NDArray[np.uint8]
    place_m: Array
    over_ground_mps: Array
    next_number: int


def follow(
    before: Tracks | None,
    returns: RadarReturns,
    own_velocity_mps: Array,
    ahead_rad: float,
    now_from_before: Array,
    passed_s: float,
) -> Tracks:
    """Go on with the tracks of the scan before.

    A return goes on with the track that leads nearest to it, if it is the nearest to that too, and both agree in place
    and speed.

    Args:
        before: of the scan before; None for the first.
        returns: of this scan.
        own_velocity_mps: (3,), the radar's own over ground, radar axes.
        ahead_rad: where the car's front is, in the radar's plane.
        now_from_before: (4, 4), from the radar's axes at the scan before to those at this one.
        passed_s: since the scan before.
    """
    toward = np.stack([np.cos(returns.azimuth_rad), np.sin(returns.azimuth_rad)], axis=1)
    place = toward * returns.range_m[:, None]
    over_ground = returns.range_rate_mps + toward @ own_velocity_mps[:2]
    count = len(place)
    known = np.full(count, -1)
    if before is not None and count and len(before.number):
        known = _matches(before, place, over_ground, returns, now_from_before, passed_s)
    next_number = 0 if before is None else before.next_number
    fresh = np.flatnonzero(known < 0)
    number = np.zeros(count, dtype=np.int64)
    number[fresh] = (next_number + np.arange(len(fresh))) % NUMBERS
    old = np.full(count, _STATIONARY, dtype=np.uint8)
    old[fresh] = _CANDIDATE
    if before is not None:
        on = np.flatnonzero(known >= 0)
        number[on], old[on] = before.number[known[on]], before.dynamics[known[on]]
    off_axis = np.abs((returns.azimuth_rad - ahead_rad + np.pi) % (2.0 * np.pi) - np.pi)
    crosses = np.abs(off_axis - np.pi / 2.0) < np.pi / 2.0 - _CROSSING_RAD
    along = over_ground * np.cos(off_axis)
    moves = np.where(crosses, _CROSSING, np.where(along < 0.0, _ONCOMING, _MOVING))
    halted = np.where(np.isin(old, (_MOVING, _ONCOMING, _STOPPED)), _STOPPED, _STATIONARY)
    halted = np.where(np.isin(old, (_CROSSING, _CROSSED)), _CROSSED, halted)
    halted[fresh] = _CANDIDATE
    dynamics = np.where(np.abs(over_ground) > _MOVING_MPS, moves, halted).astype(np.uint8)
    return Tracks(number, dynamics, place, over_ground, (next_number + len(fresh)) % NUMBERS)


def _matches(
    before: Tracks,
    place: Array,
    over_ground: Array,
    returns: RadarReturns,
    now_from_before: Array,
    passed_s: float,
) -> npt.NDArray[np.int64]:
    """Which track of the scan before each return goes on with, -1 for none."""
    away = np.maximum(np.linalg.norm(before.place_m, axis=1, keepdims=True), 1e-6)
    led = before.place_m * (1.0 + before.over_ground_mps[:, None] * passed_s / away)
    led = led @ now_from_before[:2, :2].T + now_from_before[:2, 3]
    gap = np.linalg.norm(place[:, None] - led[None], axis=2)
    reach = _GATE_M + 3.0 * np.hypot(returns.range_sigma_m, returns.azimuth_sigma_rad * returns.range_m)
    faster = np.abs(over_ground[:, None] - before.over_ground_mps[None])
    gap = np.where((gap <= reach[:, None]) & (faster <= _GATE_MPS), gap, np.inf)
    nearest, back = np.argmin(gap, axis=1), np.argmin(gap, axis=0)
    rows = np.arange(len(place))
    return np.where(np.isfinite(gap[rows, nearest]) & (back[nearest] == rows), nearest, -1)
