"""Where a beam that widens may meet more than one surface, and thinner rays that tell how much of it meets which."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from av_synth.simulator.raycast.fan import Fan
from av_synth.simulator.raycast.path import Float32s, dot, rows
from av_synth.simulator.raycast.trace import Hits, Indices

_STEP_M = 0.1  # surfaces that are less than this apart are one
# a middle ray and six around it stand for equal areas of the beam: of radius 1 / sqrt 7, and halfway (by area) outside
RAYS_A_BEAM = 7
_RING = np.sqrt((1.0 / 7.0 + 1.0) / 2.0)

Flags = npt.NDArray[np.bool_]


def probes(fan: Fan, hits: Hits, points_m: Float32s, divergence_rad: float) -> tuple[Indices, Float32s]:
    """Rays along the rims of beams, towards neighbours that met something else.

    Args:
        fan: the beams.
        hits: of their middles.
        points_m: (N, 3), what these met, axes of the world; anything where they met nothing.
        divergence_rad: of a beam, full angle.

    Returns:
        The beam of each probe, and its direction (M, 3), unit, sensor axes.
    """
    count, columns = len(fan.directions), fan.columns
    met = np.isfinite(hits.range_m)
    beams, towards = [], []
    for one, other in _neighbours(count, columns, closed=fan.closed):
        apart = _apart(*((met[side], hits.normal[side], points_m[side]) for side in (one, other)))
        first, second = (np.arange(count)[side][apart] for side in (one, other))
        if one == slice(0, count - 1):  # beside the last of a row is not the first of the next
            inside = first % columns != columns - 1
            first, second = first[inside], second[inside]
        beams += [first, second]
        towards += [second, first]
    beam, neighbour = np.concatenate(beams), np.concatenate(towards)
    middle, beside = rows(fan.directions, beam), rows(fan.directions, neighbour)
    aside = beside - middle * dot(beside, middle)[:, None]
    aside /= np.maximum(_length(aside), np.float32(1e-12))[:, None]
    return beam, _unit(middle + np.float32(np.tan(divergence_rad / 2.0)) * aside)


def _neighbours(count: int, columns: int, *, closed: bool) -> Iterator[tuple[slice, slice]]:
    """Beams beside each other along the turn, those below each other, and over a full turn's end."""
    yield slice(0, count - 1), slice(1, count)
    yield slice(0, count - columns), slice(columns, count)
    if closed:
        yield slice(columns - 1, count, columns), slice(0, count, columns)


def around(fan: Fan, beams: Indices, divergence_rad: float) -> tuple[Indices, Float32s]:
    """The six rays around the middles of some beams: the beam of each, and its direction (M, 3), unit, sensor axes."""
    x, y, z = middle = fan.directions.T.take(beams, axis=1)
    left = _unit(np.stack([-y, x, np.full(len(beams), 1e-6, np.float32)]).T).T
    up = np.stack([y * left[2] - z * left[1], z * left[0] - x * left[2], x * left[1] - y * left[0]])
    reach = np.float32(_RING * np.tan(divergence_rad / 2.0))
    ring = np.empty((3, len(beams), 6), dtype=np.float32)
    for k, turn in enumerate(np.arange(6) * (np.pi / 3.0)):
        ring[:, :, k] = middle + reach * (np.float32(np.cos(turn)) * left + np.float32(np.sin(turn)) * up)
    return np.repeat(beams, 6), _unit(ring.reshape(3, -1).T)


def differ(
    hits: Hits, first: Indices, points_m: Float32s, others: Hits, second: Indices, other_points_m: Float32s
) -> Flags:
    """Whether pairs of rays met different surfaces: neither lies in the other's plane, or one met nothing.

    Args:
        hits: of the first rays of the pairs.
        first: (N,), which of them.
        points_m: (N, 3), what these met.
        others: of the second rays.
        second: (N,), which of them.
        other_points_m: (N, 3), what these met.
    """
    return _apart(
        (np.isfinite(hits.range_m.take(first)), rows(hits.normal, first), points_m),
        (np.isfinite(others.range_m.take(second)), rows(others.normal, second), other_points_m),
    )


_Surface = tuple[Flags, Float32s, Float32s]


def _apart(one: _Surface, other: _Surface) -> Flags:
    """Whether pairs (N,) met different surfaces, by whether they met one, its normal (N, 3) and where (N, 3)."""
    (met, normal, points_m), (other_met, other_normal, other_m) = one, other
    gap = other_m - points_m
    off = np.minimum(np.abs(dot(normal, gap)), np.abs(dot(other_normal, gap)))
    different: Flags = (met != other_met) | (met & other_met & (off > _STEP_M))
    return different


def _length(vectors: Float32s) -> Float32s:
    length: Float32s = np.sqrt(dot(vectors, vectors))
    return length


def _unit(vectors: Float32s) -> Float32s:
    return vectors / _length(vectors)[:, None]
