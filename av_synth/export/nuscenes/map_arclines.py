"""Arc-line paths: lane centre lines as the arcs and straight pieces that nuScenes' `arcline_path_3` wants.

Between two places where the road's formula changes, a pair of arcs with a common tangent (a biarc) joins two places and
their headings; where it strays from the line, the stretch is halved. Lines and arcs of OpenDRIVE come out as they are,
spirals and polynomials in pieces.
Source: K. M. Bolton, Biarc curves, Computer-Aided Design 7 (1975), with equal tangent lengths; the fields of a path as
nuScenes' devkit reads them, map_expansion/arcline_path_utils.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array

_TOLERANCE_M = 0.01
"""How far a path may be from the points that it is made of."""

_STRAIGHT_RADIUS_M = 999.999  # what nuScenes writes for straight pieces
_BOW_M = 5e-4  # less than this between arc and chord is straight
_KINK_RAD = math.radians(2.0)  # below this, the headings on both sides of a break are one
_SHORTEST_M = 1e-3
_LONGEST_ARC_M = 100.0  # poses have twelve decimals: the end of a longer arc is too far from the next one's start


@dataclass(frozen=True)
class Piece:
    """An arc or a straight piece.

    Attributes:
        x_m, y_m, yaw_rad: where it begins.
        length_m: along it.
        curvature_1pm: positive to the left, 0 is straight.
    """

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    curvature_1pm: float

    @property
    def end(self) -> tuple[float, float, float]:
        """x, y and yaw where it ends."""
        turn = self.length_m * self.curvature_1pm
        chord = self.length_m * float(np.sinc(turn / (2 * math.pi)))
        heading = self.yaw_rad + turn / 2
        return self.x_m + chord * math.cos(heading), self.y_m + chord * math.sin(heading), self.yaw_rad + turn

    def row(self) -> Row:
        """The piece as an entry of `arcline_path_3`."""
        curved = self.curvature_1pm != 0
        return {
            "start_pose": _pose(self.x_m, self.y_m, self.yaw_rad),
            "end_pose": _pose(*self.end),
            "shape": "RSL" if self.curvature_1pm < 0 else "LSR",
            "radius": 1 / abs(self.curvature_1pm) if curved else _STRAIGHT_RADIUS_M,
            "segment_length": [self.length_m, 0.0, 0.0] if curved else [0.0, self.length_m, 0.0],
        }


def fit(stretches: Sequence[Array]) -> list[Piece]:
    """Arcs and straight pieces along a line.

    Args:
        stretches: points (N, 2) of the line, cut where its formula changes; each begins where the last one ended.

    Returns:
        Pieces that pass within `_TOLERANCE_M` of every point; empty if the line has no length.
    """
    clean = [points for points in map(_distinct, stretches) if len(points) > 1]
    headings = [_headings(points) for points in clean]
    for before, after in pairwise(headings):
        kink = math.remainder(after[0] - before[-1], math.tau)
        if abs(kink) < _KINK_RAD:
            before[-1] = after[0] = before[-1] + kink / 2
    return [
        piece
        for points, yaws in zip(clean, headings, strict=True)
        for piece in _pieces(points, yaws, 0, len(points) - 1)
        if piece.length_m > _SHORTEST_M
    ]


def _distinct(points: Array) -> Array:
    far = np.linalg.norm(np.diff(points, axis=0), axis=1) > _SHORTEST_M
    kept: Array = points[np.concatenate([[True], far])]
    return kept


def _headings(points: Array) -> Array:
    """Heading (N,) at each point, of the circle through it and its neighbours."""
    steps = np.diff(points, axis=0)
    chords = np.arctan2(steps[:, 1], steps[:, 0])
    lengths = np.linalg.norm(steps, axis=1)
    if len(chords) == 1:
        return np.repeat(chords, 2)
    # a chord turns from the circle's tangent by half the angle it spans, and that is in proportion to its length
    turns = np.array([math.remainder(b - a, math.tau) for a, b in pairwise(chords)])
    share = turns / (lengths[:-1] + lengths[1:])
    inner = chords[:-1] + share * lengths[:-1]
    yaws: Array = np.concatenate([[chords[0] - share[0] * lengths[0]], inner, [chords[-1] + share[-1] * lengths[-1]]])
    return yaws


def _pieces(points: Array, yaws: Array, first: int, last: int) -> Iterator[Piece]:
    between = points[first + 1 : last]
    chord = (_straight(points[first], points[last]),)
    pair = _biarc(points[first], float(yaws[first]), points[last], float(yaws[last]))
    # headings are less sure than points: a long straight line would come out as a wide arc
    if len(between) and _stray(chord, between) < _BOW_M:
        yield from chord
    elif not len(between) or (_short(pair) and _stray(pair, between) <= _TOLERANCE_M):
        yield from pair
    else:
        middle = (first + last) // 2
        yield from _pieces(points, yaws, first, middle)
        yield from _pieces(points, yaws, middle, last)


def _short(pair: Sequence[Piece]) -> bool:
    return all(piece.length_m <= _LONGEST_ARC_M or piece.curvature_1pm == 0 for piece in pair)


def _biarc(start: Array, start_yaw: float, end: Array, end_yaw: float) -> tuple[Piece, ...]:
    """One piece where one will do, else two."""
    way = end - start
    length = float(np.linalg.norm(way))
    one = _arc(start, start_yaw, end)
    if abs(math.remainder(one.end[2] - end_yaw, math.tau)) * length / 8 < _BOW_M:
        return (one,)
    u = np.array([math.cos(start_yaw), math.sin(start_yaw)])
    v = np.array([math.cos(end_yaw), math.sin(end_yaw)])
    toward = float(way @ (u + v))
    bend = 2 * (1 - float(u @ v))
    if bend > 1e-12:
        reach = (-toward + math.sqrt(toward * toward + bend * length * length)) / bend
    elif toward > 0:
        reach = length * length / (2 * toward)
    else:
        return (one,)
    joint = (start + end + reach * (u - v)) / 2
    head = _arc(start, start_yaw, joint)
    return head, _arc(joint, head.end[2], end)


def _arc(start: Array, yaw: float, end: Array) -> Piece:
    """The arc that leaves with a heading and arrives at a place; straight where the difference does not matter."""
    way = end - start
    chord = float(np.linalg.norm(way))
    half = math.remainder(math.atan2(way[1], way[0]) - yaw, math.tau)
    if abs(chord * half) / 4 < _BOW_M:
        return _straight(start, end)
    length = chord * half / math.sin(half)
    return Piece(float(start[0]), float(start[1]), yaw, length, 2 * half / length)


def _straight(start: Array, end: Array) -> Piece:
    way = end - start
    return Piece(float(start[0]), float(start[1]), math.atan2(way[1], way[0]), float(np.linalg.norm(way)), 0.0)


def _stray(pieces: Sequence[Piece], points: Array) -> float:
    """Greatest distance in metres of points (N, 2) from the piece that they are beside."""
    away = np.stack([_distance(piece, points) for piece in pieces])
    if len(pieces) == 1:
        return float(away.max())
    x, y, yaw = pieces[0].end
    second = (points - [x, y]) @ [math.cos(yaw), math.sin(yaw)] > 0
    return float(np.where(second, away[1], away[0]).max())


def _distance(piece: Piece, points: Array) -> Array:
    """Of points (N, 2) from the circle or straight line that a piece is on."""
    left = np.array([-math.sin(piece.yaw_rad), math.cos(piece.yaw_rad)])
    off = points - [piece.x_m, piece.y_m]
    if piece.curvature_1pm == 0:
        straight: Array = np.abs(off @ left)
        return straight
    radius = 1 / piece.curvature_1pm
    curved: Array = np.abs(np.linalg.norm(off - radius * left, axis=1) - abs(radius))
    return curved


def _pose(x_m: float, y_m: float, yaw_rad: float) -> list[float]:
    # readers take the end of one piece and the start of the next for one point if they are within 1e-10 m
    return [round(x_m, 12), round(y_m, 12), round(math.remainder(yaw_rad, math.tau), 12)]
