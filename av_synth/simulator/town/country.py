"""The land around a town: fields of several crops, and woods on the horizon, which hide where the ground ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.shapes import Look, flat, smooth

COUNTRY_M = 400.0  # how far the land goes on around the town
GRASS = (84, 104, 58)
_CROPS = (
    GRASS,
    (104, 116, 62),
    (168, 150, 92),
    (78, 100, 46),
    (116, 98, 74),
    (182, 170, 74),
    (92, 112, 60),
    (150, 138, 96),
    (70, 92, 52),
)
_FIELD_M = (140.0, 100.0)  # multiples of the ground's cells
_WOOD_STEP_M = 5.0
_WOODS_M = ((385.0, 19.0, 1.0), (250.0, 13.0, 0.5), (110.0, 11.0, 0.3))  # how far out, how tall, how much of the ring
_WOOD_M = 90.0
_DARK, _LIGHT = (44, 60, 36), (78, 98, 54)

Bounds = tuple[float, float, float, float]


def crop_at(x_m: float, y_m: float) -> tuple[int, int, int]:
    """Colour of the field at a place."""
    row = math.floor(y_m / _FIELD_M[1])
    column = math.floor(x_m / _FIELD_M[0] + (row % 2) * 0.5)
    dice = np.random.default_rng([row + 10_000, column + 10_000])
    return _CROPS[int(dice.integers(len(_CROPS)))]


def fields_around(bounds_m: Bounds) -> Mesh:
    """Level land beyond the bounds (x_min, y_min, x_max, y_max) of a town, a field beside the other."""
    x0, y0, x1, y1 = bounds_m
    parts = []
    for low_x, low_y, high_x, high_y in (
        (x0 - COUNTRY_M, y0 - COUNTRY_M, x1 + COUNTRY_M, y0),
        (x0 - COUNTRY_M, y1, x1 + COUNTRY_M, y1 + COUNTRY_M),
        (x0 - COUNTRY_M, y0, x0, y1),
        (x1, y0, x1 + COUNTRY_M, y1),
    ):
        for a, b in _cuts(low_x, high_x, _FIELD_M[0]):
            for c, d in _cuts(low_y, high_y, _FIELD_M[1]):
                ring = np.array([[a, c], [b, c], [b, d], [a, d]])
                colour = crop_at((a + b) / 2, (c + d) / 2)
                parts.append(flat(ring, [[0, 1, 2], [0, 2, 3]], 0.0, Look(colour, Material.GRASS, Tag.TERRAIN)))
    return Mesh.merge(parts)


def _cuts(low_m: float, high_m: float, about_m: float) -> Iterator[tuple[float, float]]:
    edges = np.linspace(low_m, high_m, max(1, round((high_m - low_m) / about_m)) + 1)
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def woods_around(bounds_m: Bounds, ground_m: Callable[[Array], Array], seed: int) -> list[Mesh]:
    """Edges of woods far out around a town, that look at it.

    Args:
        bounds_m: (x_min, y_min, x_max, y_max) of the town.
        ground_m: heights (N,) of the land at points (N, 2).
        seed: of where they are and how tall.

    Returns:
        A mesh for each stretch of some 90 m.
    """
    rng = np.random.default_rng([seed, 7])
    found = []
    for out_m, tall_m, share in _WOODS_M:
        line = _ring(bounds_m, out_m)
        step = round(_WOOD_M / _WOOD_STEP_M)
        for k in range(0, len(line) - 1, step):
            if rng.random() < share:
                found.append(_edge(line[k : k + step + 1], tall_m, ground_m, rng))
    return found


def _ring(bounds_m: Bounds, out_m: float) -> Array:
    """Points (N, 2) around the bounds, clockwise, rounded at the corners, some metres apart."""
    x0, y0, x1, y1 = bounds_m
    corners = ((x1, y0, 0.0), (x0, y0, -90.0), (x0, y1, -180.0), (x1, y1, -270.0))
    bends = []
    for x, y, degrees in corners:
        angle = np.radians(degrees - np.linspace(0.0, 90.0, 9))
        bends.append(np.column_stack([x + out_m * np.cos(angle), y + out_m * np.sin(angle)]))
    outline = np.concatenate([*bends, bends[0][:1]])
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(outline, axis=0).T))])
    at = np.linspace(0.0, reach[-1], round(reach[-1] / _WOOD_STEP_M) + 1)
    return np.column_stack([np.interp(at, reach, outline[:, k]) for k in (0, 1)])


def _edge(line: Array, tall_m: float, ground_m: Callable[[Array], Array], rng: np.random.Generator) -> Mesh:
    """The edge of a wood along points (N, 2), its treetops uneven; the town lies on its right."""
    n = len(line)
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    away = np.column_stack([-along[:, 1], along[:, 0]])
    xy = line + away * rng.uniform(-4.0, 4.0, (n, 1))
    base = ground_m(xy) - 0.5
    crown = tall_m * (0.78 + 0.16 * np.sin(np.arange(n) * 0.7 + rng.uniform(0, 6)) + rng.uniform(-0.16, 0.16, n))
    crown[[0, -1]] *= rng.uniform(0.6, 1.1, 2)
    low, high = np.column_stack([xy, base]), np.column_stack([xy + away * 2.5, base + crown])
    middle = np.column_stack([xy - away * 0.8, base + 0.55 * crown])
    points = np.concatenate([low, middle, high])
    normals = np.concatenate([np.column_stack([-away, np.full(n, lift)]) for lift in (-0.1, 0.25, 0.9)])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    i = np.arange(n - 1)
    cells = [
        np.concatenate([np.stack([a + i, a + i + 1, b + i + 1], axis=1), np.stack([a + i, b + i + 1, b + i], axis=1)])
        for a, b in ((0, n), (n, 2 * n))
    ]
    mesh = smooth(points, normals, np.concatenate(cells), Look(_DARK, Material.FOLIAGE, Tag.VEGETATION))
    tone = np.repeat([0.15, 0.5, 1.0], n)[:, None] * rng.uniform(0.6, 1.0, (3 * n, 1))
    colours = np.array(_DARK) + (np.array(_LIGHT) - _DARK) * tone
    return replace(mesh, colours=colours.astype(np.uint8))
