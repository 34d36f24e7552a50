"""A head: skull, hair, ears and a face; for walkers and riders.

Sizes are those of an adult 1.75 m tall; the frame is that of the head's middle, +x where it looks. Shares of head and
face by the canons of drawing (eyes half way up, nose and mouth at thirds below them): A. Loomis, Drawing the Head and
Hands, 1956.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.shapes import Colour, smooth_normals
from av_synth.simulator.bodies.skin import curve
from av_synth.simulator.scene import Material, Mesh, Tag

_CROWN_M = 0.130  # from the middle of a head to the top of its hair
Style = Literal["short", "long", "hood"]


class Tones(NamedTuple):
    """Colours (sRGB) of a head: skin, skin in the shade of brow and nose, lips, hair, and brows."""

    skin: Colour
    shade: Colour
    lips: Colour
    hair: Colour
    brows: Colour


class _Role(IntEnum):
    SKIN, SHADE, LIPS, HAIR, BROWS, WHITE, PUPIL = range(7)


_WHITE, _PUPIL = (186, 182, 176), (34, 27, 24)
_TURN_DEG = np.array([0.0, 22.0, 45.0, 72.0, 105.0, 140.0, 180.0, -140.0, -105.0, -72.0, -45.0, -22.0])
# height, forehead to nape: how far the skin is ahead, behind and aside
_SKULL = (
    (-0.116, 0.052, 0.020, 0.026),
    (-0.098, 0.084, 0.034, 0.046),
    (-0.066, 0.089, 0.064, 0.058),
    (-0.030, 0.090, 0.088, 0.068),
    (0.006, 0.088, 0.096, 0.073),
    (0.036, 0.096, 0.100, 0.076),
    (0.080, 0.082, 0.090, 0.068),
    (0.106, 0.052, 0.060, 0.042),
    (0.120, 0.004, 0.004, 0.004),
)
_SKIN_ROWS = 7  # the rest is below hair
_SOCKET_ROW, _SOCKET_M = 4, 0.009
# of each style: where hair ends, by the turn from the front to the back, and how thick it is
_HAIR: dict[Style, tuple[tuple[float, ...], float]] = {
    "short": ((0.076, 0.072, 0.060, -0.004, -0.016, -0.072, -0.086), 0.010),
    "long": ((0.080, 0.074, 0.044, -0.092, -0.160, -0.178, -0.184), 0.013),
    "hood": ((0.086, 0.080, 0.056, -0.086, -0.128, -0.140, -0.146), 0.016),
}
_HAIR_ROWS = (0.0, 0.40, 0.74, 0.93)
_PROUD_M = 0.0025


def tones(skin: Colour, hair: Colour) -> Tones:
    """Those of somebody of this skin and hair."""

    def towards(colour: Colour, other: Colour, share: float) -> Colour:
        r, g, b = (round(a + share * (c - a)) for a, c in zip(colour, other, strict=True))
        return r, g, b

    return Tones(
        skin,
        towards(skin, (70, 34, 24), 0.30),
        towards(skin, (132, 40, 42), 0.52),
        hair,
        towards(hair, towards(skin, (40, 24, 18), 0.5), 0.35),
    )


def head(middle_m: Array, size: float, colours: Tones, style: Style, tag: Tag) -> Mesh:
    """The mesh of a head.

    Args:
        middle_m: (3,), half way between chin and crown.
        size: against that of an adult.
        colours: of its parts.
        style: of hair; "hood" is a hood in its colour.
        tag: class of all triangles.
    """
    points, normals, roles, faces = _shape(style)
    palette = np.array([*colours, _WHITE, _PUPIL], dtype=np.uint8)
    return Mesh(
        (middle_m + size * points).astype(np.float32),
        normals.astype(np.float32),
        palette[roles],
        np.full(len(points), Material.MATTE, dtype=np.uint8),
        np.full(len(points), tag, dtype=np.uint8),
        faces.astype(np.uint32),
    )


_Shape = tuple[Array, Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]


@cache
def _shape(style: Style) -> _Shape:
    """Points, normals and roles of vertices, and faces."""
    skull = _skull()
    pieces = [_closed(skull, _Role.SKIN, top=False), _closed(_hair(style), _Role.HAIR, top=True)]
    pieces += [_nose(), *_eyes(skull), *_mouth(skull)]
    if style == "short":
        pieces += _ears()
    offsets = np.cumsum([0] + [len(piece[0]) for piece in pieces[:-1]])
    return (
        np.concatenate([piece[0] for piece in pieces]),
        np.concatenate([piece[1] for piece in pieces]),
        np.concatenate([piece[2] for piece in pieces]),
        np.concatenate([piece[3] + offset for piece, offset in zip(pieces, offsets, strict=True)]),
    )


def _ring(height_m: float | Array, wider_m: float | Array = 0.0) -> Array:
    """Points (turns, 3) all around the skull at a height, or at one for each turn, so much wider than the skin is."""
    turn = np.radians(_TURN_DEG)
    z = np.broadcast_to(np.asarray(height_m, dtype=np.float64), turn.shape)
    ahead, behind, aside = (curve([(row[0], row[k]) for row in _SKULL], z) + wider_m for k in (1, 2, 3))
    x = np.cos(turn) * np.where(np.cos(turn) > 0, ahead, behind)
    return np.stack([x, aside * np.sin(turn), z], axis=-1)


def _skull() -> Array:
    """Rings (rows, turns, 3) of what is skin, the eyes set back."""
    rings = np.stack([_ring(row[0]) for row in _SKULL[:_SKIN_ROWS]])
    rings[_SOCKET_ROW, [1, -1], 0] -= _SOCKET_M
    return rings


def _hair(style: Style) -> Array:
    """Rings (rows, turns, 3) from where hair ends to below the crown; what is long hangs straight."""
    ends, thick = _HAIR[style]
    grown_deg = 180.0 if style == "short" else 60.0
    end = np.interp(np.abs(_TURN_DEG), _TURN_DEG[:7], ends)
    rings = []
    for share in _HAIR_ROWS:
        z = end + share * (_CROWN_M - end)
        # thin where it grows out of the skin
        wide = thick * np.clip(0.15 + 2.0 * share + (np.abs(_TURN_DEG) > grown_deg), 0.0, 1.0)
        ring = _ring(np.clip(z - 0.010 * share, 0.0 if style == "long" else -0.1, None), wide)
        ring[:, 2] = z
        rings.append(ring)
    return np.stack(rings)


def _closed(rings: Array, role: _Role, *, top: bool) -> _Shape:
    """A smooth skin through rings that ends in a point at its top, or else at its bottom."""
    n, m = rings.shape[:2]
    tip = [-0.004, 0.0, _CROWN_M] if top else rings[0].mean(axis=0)
    points = np.concatenate([rings.reshape(-1, 3), [tip]])
    here, after = np.arange(m), (np.arange(m) + 1) % m
    faces = []
    for row in range(n - 1):
        a, b, c, d = row * m + here, row * m + after, (row + 1) * m + after, (row + 1) * m + here
        faces += [np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)]
    last, fan = np.full(m, n * m), (n - 1) * m if top else 0
    first, second = (here, after) if top else (after, here)
    faces.append(np.stack([fan + first, fan + second, last], axis=1))
    index = np.concatenate(faces)
    return points, smooth_normals(points, index), np.full(len(points), role), index


def _nose() -> _Shape:
    points = np.array([(0.088, 0.0, 0.018), (0.116, 0.0, -0.030), (0.083, 0.018, -0.036), (0.083, -0.018, -0.036)])
    faces = np.array([(0, 1, 2), (0, 3, 1), (1, 3, 2)])
    points, index = points[faces].reshape(-1, 3), np.arange(9).reshape(3, 3)
    flat = np.array([(0.45, 0.85, 0.25), (0.45, -0.85, 0.25), (0.4, 0.0, -0.9)])
    # the bridge is round: at the ridge both sides look ahead
    normals = np.repeat(flat / np.linalg.norm(flat, axis=1, keepdims=True), 3, axis=0)
    normals[[0, 1, 3, 5]] = np.array([0.93, 0.0, 0.37])
    roles = np.array([_Role.SKIN] * 6 + [_Role.SHADE] * 3)
    return points, normals, roles, index


def _eyes(skull: Array) -> list[_Shape]:
    """Sockets, whites, pupils and brows."""
    pieces = []
    for side in (1.0, -1.0):
        middle = side * 0.031
        for role, half_y, low, high, proud in (
            (_Role.SHADE, 0.021, -0.010, 0.017, 1.0),
            (_Role.WHITE, 0.0145, -0.0035, 0.0085, 1.6),
            (_Role.PUPIL, 0.0058, -0.004, 0.0090, 2.2),
        ):
            up = (low + high) / 2
            corners = [(middle - half_y, up), (middle, low), (middle + half_y, up), (middle, high)]
            if role is _Role.PUPIL:
                corners = [(middle + y, z) for y, z in ((-half_y, low), (half_y, low), (half_y, high), (-half_y, high))]
            pieces.append(_patch(skull, corners, role, proud))
        brow = ((side * 0.012, 0.022), (side * 0.050, 0.021), (side * 0.046, 0.029), (side * 0.014, 0.031))
        pieces.append(_patch(skull, brow[:: int(side)], _Role.BROWS, 1.4))
    return pieces


def _mouth(skull: Array) -> list[_Shape]:
    """Lips, each in two halves, for the face is round between its corners."""
    pieces = []
    for side in (1.0, -1.0):
        upper = ((0.0, -0.0665), (side * 0.026, -0.066), (side * 0.010, -0.058), (0.0, -0.0595))
        lower = ((0.0, -0.0765), (side * 0.014, -0.0755), (side * 0.026, -0.066), (0.0, -0.0665))
        pieces.append(_patch(skull, upper[:: int(side)], _Role.SHADE, 1.0))
        pieces.append(_patch(skull, lower[:: int(side)], _Role.LIPS, 1.0))
    return pieces


def _patch(skull: Array, corners: Sequence[tuple[float, float]], role: _Role, proud: float) -> _Shape:
    """A quad of four (y, z), counter-clockwise seen from ahead, laid on the face."""
    front = skull[:, [-3, -2, -1, 0, 1, 2, 3]]
    heights = front[:, 0, 2]
    points = []
    for y, z in corners:
        row = int(np.clip(np.searchsorted(heights, z) - 1, 0, len(heights) - 2))
        part = (z - heights[row]) / (heights[row + 1] - heights[row])
        below, above = (float(np.interp(y, front[k, :, 1], front[k, :, 0])) for k in (row, row + 1))
        points.append((below + part * (above - below) + proud * _PROUD_M, y, z))
    laid = np.array(points)
    normals = np.stack([np.full(4, 0.09), laid[:, 1], np.zeros(4)], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return laid, normals, np.full(4, role), np.array([(0, 1, 2), (0, 2, 3)])


def _ears() -> list[_Shape]:
    """A shell on each side: its rim stands off the head."""
    pieces = []
    for side in (1.0, -1.0):
        rim = [(0.012, 0.072, 0.026), (-0.010, 0.088, 0.032), (-0.022, 0.088, 0.004), (-0.004, 0.077, -0.034)]
        points = np.array([*rim, (-0.016, 0.070, 0.0)]) * [1.0, side, 1.0]
        faces = np.array([(0, 1, 2), (0, 2, 3), (1, 4, 2), (2, 4, 3)])
        faces = faces[:, ::-1] if side > 0 else faces
        pieces.append((points, smooth_normals(points, faces), np.full(5, _Role.SKIN), faces))
    return pieces
