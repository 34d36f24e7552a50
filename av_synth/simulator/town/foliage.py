"""Foliage: dark closed bodies, bulging as crowns are, twigs that stand out of them all over, and clumps of leaves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.shapes import Indices, Look, smooth

_GOLDEN = math.pi * (3.0 - math.sqrt(5.0))
_BULGES = 15
_BULGE_RAD = 0.6  # from the middle of a bulge to where it ends, seen from the crown's
_DEEP = 0.44  # how far a crown is drawn in where there is no bulge
_SUNK = 0.35  # of a twig's length, how far below the surface it starts
_LIGHT = np.array([0.6, 1.1, 1.1])  # dark where it starts
_OUTWARD = 0.9  # how much of the way from the middle is in the normals of a crown
_OWN = 0.3  # how much of its own face is in those of a twig: a crown is lit as a whole more than leaf by leaf
_FOLDED = 0.05  # nothing grows where the cosine between a face and the way out is less
_LEAST = 0.08  # of the cosine between a face and its normals
_OWN_OF_CLUMP, _LEAST_OF_CLUMP = 0.55, 0.15  # likewise of clumps, at least
_SIDES_RAD = np.array([0.0, 2.1, 4.2])  # of a clump


def bulging(sphere: Array, rng: np.random.Generator) -> Array:
    """How far out a crown is in directions (N, 3), as a share of its outline: clouds of leaves, creases between."""
    k = np.arange(_BULGES) + 0.5
    z = 1.0 - 2.0 * k / _BULGES
    turn = k * _GOLDEN + rng.uniform(-0.5, 0.5, _BULGES)
    flat = np.sqrt(1.0 - z * z)
    middles = np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])
    away = np.arccos(np.clip(sphere @ middles.T, -1.0, 1.0)) / (_BULGE_RAD * rng.uniform(0.8, 1.2, _BULGES))
    tall = rng.uniform(0.55, 1.1, _BULGES)
    out: Array = np.max(tall * np.sqrt(np.clip(1.0 - away * away, 0.0, 1.0)), axis=1)
    return 1.0 - _DEEP + _DEEP * out


def closed(points: Array, outward: Array, triangles: Indices, colours: Array) -> Mesh:
    """A closed surface: points (V, 3), the way out from its middle there, triangles (T, 3), sRGB colours (V, 3)."""
    corners = points[triangles]
    twice = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = twice / np.linalg.norm(twice, axis=1, keepdims=True)
    normals = _unit(_gathered(twice, triangles, len(points)))
    normals = _unit(normals + _OUTWARD * outward)
    short = np.maximum(_LEAST - np.einsum("tj,tkj->tk", faces, normals[triangles]), 0.0)
    # no face may look away from its normals: where they fold, faces have corners of their own
    own = np.flatnonzero(short.max(axis=1) > 0.0)
    turned = _unit((normals[triangles[own]] + 1.5 * short[own, :, None] * faces[own, None]).reshape(-1, 3))
    apart = triangles[own].reshape(-1)
    triangles = triangles.copy()
    triangles[own] = len(points) + np.arange(len(apart)).reshape(-1, 3)
    together = [np.concatenate([one, other]) for one, other in ((points, points[apart]), (colours, colours[apart]))]
    return _green(together[0], np.concatenate([normals, turned]), triangles, together[1])


def twigs(body: Mesh, count: int, length_m: float, rng: np.random.Generator, lowest: float = -0.8) -> Mesh:
    """Leafy twigs all over a closed mesh, each a triangle that starts inside it.

    Args:
        body: what they grow on.
        count: how many.
        length_m: of one, about.
        rng: of where and how they stand.
        lowest: none grow where the body looks further down than this, nor in its folds.
    """
    corners = body.positions_m.astype(np.float64)[body.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(faces, axis=1)
    faces /= area[:, None]
    middle = body.positions_m.mean(axis=0, dtype=np.float64)
    open_to = np.einsum("ij,ij->i", faces, _unit(corners.mean(axis=1) - middle)) > _FOLDED
    share = np.cumsum(np.where(open_to & (faces[:, 2] > lowest), area, 0.0))
    # evenly: dice alone would leave bare places
    which = np.searchsorted(share, (np.arange(count) + rng.uniform(0.0, 1.0, count)) / count * share[-1])
    weights, face = rng.dirichlet((1.5, 1.5, 1.5), count), faces[which]
    root, grown, tone = (
        np.einsum("nk,nkj->nj", weights, of.astype(np.float64)[body.triangles[which]])
        for of in (body.positions_m, body.normals, body.colours)
    )
    along = _unit(np.cross(face, rng.standard_normal((count, 3))))
    lean, size = rng.uniform(0.3, 1.15, (count, 1)), length_m * rng.uniform(0.55, 1.4, (count, 1))
    up = face * np.cos(lean) + np.cross(face, along) * np.sin(lean)
    stalk = root + _SUNK * size * _unit(middle - root)
    half = 0.5 * size * along
    left, right = (
        stalk + size * rng.uniform(0.75, 1.2, (count, 1)) * up + side * half * rng.uniform(0.6, 1.3, (count, 1))
        for side in (-1.0, 1.0)
    )
    ends = np.stack([stalk, left, right], axis=1)
    own = _unit(np.cross(ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 0]))
    backwards = np.einsum("ij,ij->i", own, face) < 0.0
    ends[backwards], own[backwards] = ends[backwards][:, [1, 0, 2]], -own[backwards]
    normals = _unit(grown) + _OWN * own
    normals += 1.5 * np.maximum(_LEAST - np.einsum("ij,ij->i", normals, own), 0.0)[:, None] * own
    colours = (tone * rng.uniform(0.85, 1.5, (count, 1)))[:, None] * _LIGHT[:, None]
    colours = colours.reshape(-1, 3)
    triangles = np.arange(3 * count).reshape(-1, 3)
    return _green(ends.reshape(-1, 3), np.repeat(_unit(normals), 3, axis=0), triangles, colours)


def leafy(points: Array, outward: Array, size_m: Array, colours: Array, seed: int) -> Mesh:
    """Clumps of leaves: an open pyramid at each of some points.

    Args:
        points: (N, 3), where they grow.
        outward: (N, 3) unit, which way.
        size_m: (N,) of each.
        colours: (N, 3) sRGB of each.
        seed: of their turns and tips.
    """
    rng = np.random.default_rng(seed)
    n = len(points)
    aside = np.cross(outward, np.where(np.abs(outward[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]))
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    across = np.cross(outward, aside)
    angles = rng.uniform(0.0, 2 * math.pi, n)[:, None] + _SIDES_RAD + rng.uniform(-0.4, 0.4, (n, 3))
    reach = size_m[:, None] * rng.uniform(0.75, 1.25, (n, 3))
    base = points[:, None] + reach[..., None] * (
        np.cos(angles)[..., None] * aside[:, None] + np.sin(angles)[..., None] * across[:, None]
    )
    base -= (0.6 * size_m)[:, None, None] * outward[:, None]
    tip = points + outward * (size_m * rng.uniform(0.1, 0.45, n))[:, None]
    tip += size_m[:, None] * (rng.uniform(-0.45, 0.45, (n, 1)) * aside + rng.uniform(-0.45, 0.45, (n, 1)) * across)
    corners = np.stack([np.stack([base[:, k], base[:, (k + 1) % 3], tip], axis=1) for k in range(3)], axis=1)
    corners = corners.reshape(-1, 3, 3)
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    grown = np.repeat(outward, 3, axis=0)
    # no face may look away from its normals
    own = np.maximum(_OWN_OF_CLUMP, _LEAST_OF_CLUMP - np.einsum("ij,ij->i", faces, grown))
    normals = own[:, None] * faces + grown
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tone = np.repeat(colours, 9, axis=0) * np.tile([0.82, 0.82, 1.12], 3 * n)[:, None]  # tips catch the light
    return _green(corners.reshape(-1, 3), np.repeat(normals, 3, axis=0), np.arange(9 * n).reshape(-1, 3), tone)


def _gathered(vectors: Array, triangles: Indices, count: int) -> Array:
    """(count, 3): those of triangles (T, 3) added up at their corners."""
    total = np.zeros((count, 3))
    for k in range(3):
        np.add.at(total, triangles[:, k], vectors)
    return total


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _green(points: Array, normals: Array, triangles: Indices, colours: Array) -> Mesh:
    mesh = smooth(points, normals, triangles, Look((0, 0, 0), Material.FOLIAGE, Tag.VEGETATION))
    return replace(mesh, colours=np.clip(colours, 0, 255).astype(np.uint8))
