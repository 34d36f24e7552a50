"""Where a beam that widens may meet more than one surface, and thinner rays that tell how much of it meets which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.simulator.raycast.fan import Fan
from av_synth.simulator.raycast.path import Float32s, dot
from av_synth.simulator.raycast.trace import Hits, Indices

_STEP_M = 0.1  # surfaces that are less than this apart are one
# a middle ray and six around it stand for equal areas of the beam: of radius 1 / sqrt 7, and halfway (by area) outside
RAYS_A_BEAM = 7
_RING = np.sqrt((1.0 / 7.0 + 1.0) / 2.0)

Grid = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
_ALL = slice(None)
# along the turn, up and down, and over a full turn's end
_NEIGHBOURS = (
    ((_ALL, slice(None, -1)), (_ALL, slice(1, None))),
    ((slice(None, -1), _ALL), (slice(1, None), _ALL)),
    ((_ALL, slice(-1, None)), (_ALL, slice(None, 1))),
)


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
    shape = (len(fan.elevation_rad), fan.columns)
    grid: Grid = np.arange(len(fan.directions)).reshape(shape)
    met, normal, points = (
        np.isfinite(hits.range_m).reshape(shape),
        hits.normal.reshape(*shape, 3),
        points_m.reshape(*shape, 3),
    )
    beams, towards = [], []
    for first, second in _NEIGHBOURS[: 3 if fan.closed else 2]:
        edge = _apart(met[first], normal[first], points[first], met[second], normal[second], points[second])
        one, other = grid[first][edge], grid[second][edge]
        beams += [one, other]
        towards += [other, one]
    beam, neighbour = np.concatenate(beams), np.concatenate(towards)
    middle = fan.directions[beam]
    aside = fan.directions[neighbour] - middle * dot(fan.directions[neighbour], middle)[:, None]
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-12)
    return beam, _unit(middle + np.float32(np.tan(divergence_rad / 2.0)) * aside)


def around(fan: Fan, beams: Indices, divergence_rad: float) -> tuple[Indices, Float32s]:
    """The six rays around the middles of some beams: the beam of each, and its direction (M, 3), unit, sensor axes."""
    middle = fan.directions[beams]
    left = _unit(np.stack([-middle[:, 1], middle[:, 0], np.full(len(middle), 1e-6, np.float32)], axis=1))
    up = np.cross(middle, left)
    turn = np.arange(6) * (np.pi / 3.0)
    reach = np.float32(_RING * np.tan(divergence_rad / 2.0))
    ring = [middle + reach * (np.float32(np.cos(t)) * left + np.float32(np.sin(t)) * up) for t in turn]
    return np.repeat(beams, 6), _unit(np.stack(ring, axis=1).reshape(-1, 3))


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
        np.isfinite(hits.range_m[first]),
        hits.normal.take(first, axis=0),
        points_m,
        np.isfinite(others.range_m[second]),
        others.normal.take(second, axis=0),
        other_points_m,
    )


def _apart(
    met: Flags, normal: Float32s, points_m: Float32s, other_met: Flags, other_normal: Float32s, other_m: Float32s
) -> Flags:
    """Whether pairs (...,) met different surfaces, by whether they met one, its normal (..., 3) and where."""
    gap = other_m - points_m
    off = np.minimum(np.abs(dot(normal, gap)), np.abs(dot(other_normal, gap)))
    different: Flags = (met != other_met) | (met & other_met & (off > _STEP_M))
    return different


def _unit(vectors: Float32s) -> Float32s:
    unit: Float32s = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit
