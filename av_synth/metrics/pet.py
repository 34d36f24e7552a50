"""Post-encroachment time and encroachment time: two tracks and the spots that both go over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.metrics.boxes import Footprint
from av_synth.metrics.many import Footprints, overlaps

_PARTS = 16  # of a frame: how fine the frames around the nearest pair are looked at again
_AROUND = 2  # frames to each side of it


@dataclass(frozen=True)
class Encroachment:
    """What two tracks have to do with one another.

    Attributes:
        post_s: `post_encroachment_s`.
        a_s: `encroachment_s` of a on b's ground.
        b_s: that of b on a's.
    """

    post_s: float = math.inf
    a_s: float = 0.0
    b_s: float = 0.0


def post_encroachment_s(a: Sequence[Footprint], b: Sequence[Footprint], times_s: Sequence[float]) -> float:
    """The least time between one leaving a spot and the other coming to it; 0 on contact, inf if no spot is shared.

    Source of the notion: B. L. Allen, B. T. Shin, P. J. Cooper, Analysis of traffic conflicts and collisions,
    Transportation Research Record 667, 1978. A spot is shared where the rectangle of the one at some time overlaps that
    of the other at another. Frames are compared first, then, between the frames around the pair that is nearest in
    time, boxes that move evenly from frame to frame: each of the two times is good to a sixteenth of a frame.

    Args:
        a: footprints of the one, a frame each.
        b: footprints of the other at the same frames.
        times_s: the time of each frame, increasing.

    Raises:
        ValueError: if the lengths differ.
    """
    mine, others, times = _tracks(a, b, times_s)
    return encroachments(mine, others, times).post_s if len(times) else math.inf


def encroachment_s(a: Sequence[Footprint], b: Sequence[Footprint], times_s: Sequence[float]) -> float:
    """How long a is on ground that b goes over at some other time or the same, in seconds, to one frame; 0 if never.

    Source of the notion: Allen et al., as `post_encroachment_s`, for paths that cross; of who follows another it is the
    whole time on the shared lane.

    Args, Raises: as `post_encroachment_s`.
    """
    mine, others, times = _tracks(a, b, times_s)
    return encroachments(mine, others, times).a_s if len(times) else 0.0


def encroachments(a: Footprints, b: Footprints, times_s: Array) -> Encroachment:
    """Both times of both, of tracks (N, ...) with times (N,), N at least 1; as the functions above say."""
    shared = shared_ground(a, b)
    if not shared.any():
        return Encroachment()
    each = np.gradient(times_s) if len(times_s) > 1 else np.zeros(1)
    a_s, b_s = (float(each[shared.any(axis=axis)].sum()) for axis in (1, 0))
    apart = np.where(shared, np.abs(times_s[:, None] - times_s[None]), math.inf)
    first, second = np.unravel_index(int(apart.argmin()), apart.shape)
    least = float(apart.min())
    if least > 0.0:
        (fine_a, at_a), (fine_b, at_b) = _finer(a, times_s, int(first)), _finer(b, times_s, int(second))
        fine = overlaps(fine_a[:, None], fine_b[None])
        least = float(np.abs(at_a[:, None] - at_b[None])[fine].min(initial=least))
    return Encroachment(least, a_s, b_s)


def shared_ground(a: Footprints, b: Footprints) -> npt.NDArray[np.bool_]:
    """(N, M): whether a at frame i overlaps b at frame j."""
    # only those whose circles meet can
    reach = np.linalg.norm(a.half_m, axis=-1)[:, None] + np.linalg.norm(b.half_m, axis=-1)[None]
    apart = a.centre_m[:, None] - b.centre_m[None]
    near = np.asarray((apart * apart).sum(-1) <= reach * reach)
    rows, columns = np.nonzero(near)
    near[rows, columns] = overlaps(a[rows], b[columns])
    return near


def _finer(track: Footprints, times_s: Array, middle: int) -> tuple[Footprints, Array]:
    """The frames around one, with `_PARTS` steps from each to the next; headings turn the short way."""
    low, high = max(middle - _AROUND, 0), min(middle + _AROUND, len(times_s) - 1)
    around = slice(low, high + 1)
    known = times_s[around]
    at = np.interp(np.arange((high - low) * _PARTS + 1) / _PARTS, np.arange(high - low + 1), known)

    def between(values: Array) -> Array:
        return np.stack([np.interp(at, known, column) for column in values.T], axis=-1)

    yaw = np.interp(at, known, np.unwrap(track.yaw_rad[around]))
    centre, half, velocity = (between(values[around]) for values in (track.centre_m, track.half_m, track.velocity_mps))
    return Footprints(centre, yaw, half, velocity), at


def _tracks(
    a: Sequence[Footprint], b: Sequence[Footprint], times_s: Sequence[float]
) -> tuple[Footprints, Footprints, Array]:
    if not len(a) == len(b) == len(times_s):
        raise ValueError(f"want as many footprints as times, got {len(a)}, {len(b)} and {len(times_s)}")
    return Footprints.of(a), Footprints.of(b), np.asarray(times_s, dtype=np.float64)
