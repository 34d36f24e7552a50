"""A sphere that is pushed along a line until it touches triangles: exact, with their faces, edges and corners."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array


def first_contact(triangles_m: Array, start_m: Array, direction: Array, radius_m: float) -> Array:
    """How far the sphere can go before it touches each triangle.

    Args:
        triangles_m: (N, 3, 3), corners.
        start_m: (3,), the sphere's middle at first.
        direction: (3,), unit.
        radius_m: above 0.

    Returns:
        (N,), metres that its middle goes; 0 where it touches at first, inf where it never does.
    """
    corners = triangles_m - start_m
    found = _faces(corners, direction, radius_m)
    for k in range(3):
        found = np.minimum(found, _balls(corners[:, k], direction, radius_m))
        found = np.minimum(found, _rods(corners[:, k], corners[:, (k + 1) % 3], direction, radius_m))
    return found


def _faces(corners: Array, direction: Array, radius_m: float) -> Array:
    """Contact with the inside of triangles (N, 3, 3); the sphere starts at the origin."""
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(one, two)
    area = np.linalg.norm(normal, axis=1)
    normal /= np.maximum(area, 1e-12)[:, None]
    height = -np.einsum("nj,nj->n", normal, corners[:, 0])  # of the sphere's middle over the plane
    side = np.where(height < 0.0, -1.0, 1.0)
    approach = -side * (normal @ direction)
    gap = np.maximum(np.abs(height) - radius_m, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(gap == 0.0, 0.0, np.where(approach > 0.0, gap / approach, np.inf))
    reachable = np.where(np.isfinite(distance), distance, 0.0)
    middle = reachable[:, None] * direction
    foot = middle - normal * np.einsum("nj,nj->n", middle - corners[:, 0], normal)[:, None]
    inside = area > 1e-12
    for k in range(3):
        edge = corners[:, (k + 1) % 3] - corners[:, k]
        inside &= np.einsum("nj,nj->n", np.cross(edge, foot - corners[:, k]), normal) >= 0.0
    return np.where(inside, distance, np.inf)


def _balls(points: Array, direction: Array, radius_m: float) -> Array:
    """Contact with points (N, 3)."""
    return _first_root(points @ direction, np.einsum("nj,nj->n", points, points) - radius_m**2, 1.0)


def _rods(begins: Array, ends: Array, direction: Array, radius_m: float) -> Array:
    """Contact with the insides of line segments."""
    along = ends - begins
    squared = np.maximum(np.einsum("nj,nj->n", along, along), 1e-12)
    # what is left of the way and of the gap when the part along the segment is taken away
    way = along @ direction / squared
    gap = np.einsum("nj,nj->n", along, begins) / squared
    across, aside = direction - way[:, None] * along, begins - gap[:, None] * along
    distance = _first_root(
        np.einsum("nj,nj->n", aside, across),
        np.einsum("nj,nj->n", aside, aside) - radius_m**2,
        np.einsum("nj,nj->n", across, across),
    )
    share = np.where(np.isfinite(distance), distance, 0.0) * way - gap
    return np.where((share >= 0.0) & (share <= 1.0), distance, np.inf)


def _first_root(half_b: Array, c: Array, a: Array | float) -> Array:
    """Smallest t >= 0 with a t^2 - 2 half_b t + c <= 0; inf for none."""
    inner = half_b**2 - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        root = (half_b - np.sqrt(np.maximum(inner, 0.0))) / a
    return np.where(c <= 0.0, 0.0, np.where((inner >= 0.0) & (half_b > 0.0), root, np.inf))
