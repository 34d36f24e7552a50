"""Trees: a trunk under a crown of leaf clumps around dark cores, in several species."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.shapes import Indices, Look, circle, icosphere, moved, prism, shade, smooth
from av_synth.simulator.town.site import Site

_LOWEST_M = 2.8  # what hangs lower would be in the way of lorries
_REACH_M = 1.6  # likewise, about the trunk
_CORE = 1.0  # of a blob's radius
_ROOT = 0.97  # of the way from a core's middle to its surface, where leaves start
_TIP = 1.27  # of it, where they end: longer ones would be thorns
_UNDERSIDE = -0.7  # of a crown, where leaves would hang in the air
_LEAST = 0.1  # of the cosine between a leaf and its normals
_FACETED = 0.55  # how much of its own face is in them
_ANGLES = np.array([0.0, 2.1, 4.2])


class _Species(NamedTuple):
    """How the common crown is reshaped: its spread, its height, how far out leaves stand, the colours."""

    green: tuple[int, int, int]
    bark: tuple[int, int, int]
    trunk_m: float
    wide: float
    tall: float
    leaf_m: float
    pointed: float = 0.0


_LINDEN = _Species((82, 108, 48), (84, 70, 58), 0.16, 1.0, 1.05, 0.46)
_HORNBEAM = _Species((96, 116, 52), (104, 98, 88), 0.13, 0.8, 1.5, 0.36)
_MAPLE = _Species((70, 98, 50), (76, 62, 52), 0.17, 1.06, 0.95, 0.5)
_BIRCH = _Species((118, 130, 62), (186, 182, 172), 0.1, 0.76, 1.4, 0.4, 0.35)
_PLANE = _Species((92, 100, 50), (128, 120, 100), 0.17, 1.04, 1.15, 0.44)
_OAK = _Species((78, 94, 46), (70, 60, 48), 0.2, 1.06, 1.0, 0.5)
_SPRUCE = _Species((48, 74, 50), (82, 62, 48), 0.15, 0.95, 2.1, 0.5, 0.85)
_TOWN = (_LINDEN, _HORNBEAM, _MAPLE, _BIRCH, _PLANE)
_COUNTRY = (_OAK, _HORNBEAM, _SPRUCE, _BIRCH, _LINDEN)


def tree_models(rng: np.random.Generator, blobs: int = 3, *, country: bool = False, sparse: bool = False) -> list[Mesh]:
    """A tree of each of some species about the origin.

    They are 5 to 12 m tall; crowns of this many blobs begin at 2.8 m and stay within 1.6 m of the trunk.
    Sparse ones, for places that are seen from afar, have half as many and larger leaves.
    """
    sphere, _ = icosphere(1)
    models = []
    for common in _COUNTRY if country else _TOWN:
        centres, radii, leaves = [], [], []
        for k in range(blobs):
            radius = float(rng.uniform(1.0, 1.25)) if k else 1.4
            angle = k * 2.4 + float(rng.uniform(0, 1))
            away = 0.55 if k else 0.0
            centre = np.array([away * math.cos(angle), away * math.sin(angle), 4.3 + 0.75 * k])
            lumps = 1.0 + 0.13 * rng.standard_normal(len(sphere)).clip(-1.5, 1.5)
            # leaves are darker below and inside
            light = 0.72 + 0.3 * (sphere[:, 2] * 0.5 + 0.5) + 0.1 * rng.standard_normal(len(sphere)).clip(-1, 1)
            centres.append(centre)
            radii.append(radius)
            leaves.append((sphere, centre + sphere * radius * lumps[:, None], light))
        species = common
        if sparse:
            leaves = [(outward[::2], points[::2], light[::2]) for outward, points, light in leaves]
            species = common._replace(leaf_m=common.leaf_m * 1.4)
        models.append(Mesh.merge([_trunk(species), *_crown(species, centres, radii, leaves)]))
    return models


def plant(
    site: Site, models: Sequence[Mesh], x: float, y: float, rng: np.random.Generator, largest: float = 1.05
) -> None:
    """Put one of the tree models at (x, y)."""
    size = float(rng.uniform(0.88, largest))
    model = models[int(rng.integers(len(models)))]
    tree = moved(model, x, y, KERB_HEIGHT_M, float(rng.uniform(0, 2 * math.pi)), size)
    site.add("Tree", Tag.VEGETATION, [tree], 0.0, circle(x, y, 0.17 * size, 8))


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
    angles = rng.uniform(0.0, 2 * math.pi, n)[:, None] + _ANGLES + rng.uniform(-0.4, 0.4, (n, 3))
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
    # a crown is lit as a whole more than leaf by leaf; but no face may look away from its normals
    own = np.maximum(_FACETED, _LEAST + 0.05 - np.einsum("ij,ij->i", faces, grown))
    normals = own[:, None] * faces + grown
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    mesh = smooth(
        corners.reshape(-1, 3),
        np.repeat(normals, 3, axis=0),
        np.arange(9 * n).reshape(-1, 3),
        Look((0, 0, 0), Material.FOLIAGE, Tag.VEGETATION),
    )
    tone = np.repeat(colours, 9, axis=0) * np.tile([0.82, 0.82, 1.12], 3 * n)[:, None]  # tips catch the light
    return Mesh(
        mesh.positions_m,
        mesh.normals,
        np.clip(tone, 0, 255).astype(np.uint8),
        mesh.materials,
        mesh.tags,
        mesh.triangles,
    )


def _trunk(species: _Species) -> Mesh:
    bark = Look(species.bark, Material.MATTE, Tag.VEGETATION)
    top = 3.0 + 1.1 * species.tall
    return prism(circle(0, 0, species.trunk_m, 5), 0.0, top, bark, scale=0.55)


def _crown(
    species: _Species, centres: Sequence[Array], radii: Sequence[float], leaves: Sequence[tuple[Array, Array, Array]]
) -> list[Mesh]:
    """Dark cores, and clumps where no other blob hides them."""
    ball, faces = icosphere(0)
    dark = Look(shade(species.green, 0.62), Material.FOLIAGE, Tag.VEGETATION)
    parts = []
    for own, (outward, points, light) in enumerate(leaves):
        core = _reshaped(species, centres[own] + ball * (_CORE * radii[own]))
        parts.append(smooth(core, ball, faces, dark))
        shown = outward[:, 2] > _UNDERSIDE
        for other, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
            if other != own:
                shown &= np.linalg.norm(points - centre, axis=1) > 0.95 * radius
        colours = np.array(species.green) * light[shown, None]
        size = species.leaf_m * (1.0 + 0.25 * np.sin(np.arange(int(shown.sum())) * 2.3))
        parts.append(leafy(_reshaped(species, points[shown]), outward[shown], size, colours, own))
    crown = Mesh.merge(parts)
    kept = _rooted(_within_reach(crown.positions_m.astype(np.float64)), [len(part.positions_m) for part in parts])
    # what was pulled in may look away from its normals
    corners, before = kept[crown.triangles], crown.normals[crown.triangles].astype(np.float64)
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = faces / np.maximum(np.linalg.norm(faces, axis=1, keepdims=True), 1e-12)
    short = np.maximum(_LEAST - np.einsum("tkj,tj->tk", before, faces), 0.0)
    normals = before + short[..., None] * faces[:, None]
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    look = Look(species.green, Material.FOLIAGE, Tag.VEGETATION)
    triangles = np.arange(3 * len(corners)).reshape(-1, 3)
    mesh = smooth(corners.reshape(-1, 3), normals.reshape(-1, 3), triangles, look)
    return [replace(mesh, colours=crown.colours[crown.triangles].reshape(-1, 3))]


def _within_reach(points: Array) -> Array:
    """Points (N, 3) of a crown, those that would be in the way moved in and up."""
    kept = points.copy()
    reach, angle = np.hypot(kept[:, 0], kept[:, 1]), np.arctan2(kept[:, 1], kept[:, 0])
    # not as if by shears: here and there less than it might, and higher outside than at the trunk
    most = _REACH_M * (0.87 + 0.13 * np.cos(3.0 * angle + 1.7 * kept[:, 2]))
    kept[:, :2] *= np.minimum(1.0, most / np.maximum(reach, 1e-6))[:, None]
    outer = np.minimum(reach / _REACH_M, 1.0)
    kept[:, 2] = np.maximum(kept[:, 2], _LOWEST_M + 0.65 * outer * outer * (1.0 - 0.25 * np.cos(5.0 * angle)))
    return kept


def _rooted(points: Array, counts: Sequence[int]) -> Array:
    """Points of a crown with the feet of all clumps in cores: a face seen alone is then no shard in the air.

    Args:
        points: (N, 3), of a core and the clumps around it in turn.
        counts: how many points each of those has.
    """
    _, faces = icosphere(0)
    parts = np.split(points, np.cumsum(counts)[:-1])
    cores = parts[::2]
    for own, leaves in enumerate(parts[1::2]):
        most = np.tile([_ROOT, _ROOT, _TIP], len(leaves) // 3)
        held = np.max([_room(core, faces, leaves) for core in cores], axis=0) >= 1.0 / most
        centre = cores[own].mean(axis=0)
        room = most * _room(cores[own], faces, leaves)
        leaves += np.where(held, 0.0, np.minimum(room, 1.0) - 1.0)[:, None] * (leaves - centre)
    return np.concatenate(parts)


def _room(core: Array, faces: Indices, points: Array) -> Array:
    """How many times as far from a core's middle as each of points (N, 3) its surface is: (N,), from 1 on inside."""
    middle = core.mean(axis=0)
    # what is a x + b y + c z in the corners of a face with none of a, b, c below 0 is seen from the middle through it
    shares = np.einsum("tij,nj->nti", np.linalg.inv(np.swapaxes(core[faces] - middle, 1, 2)), points - middle)
    behind = shares.min(axis=2) >= -1e-9
    return np.where(behind, 1.0 / np.maximum(shares.sum(axis=2), 1e-9), 0.0).max(axis=1)


def _reshaped(species: _Species, points: Array) -> Array:
    """Points (N, 3) of the common crown as a species has them."""
    up = np.maximum(points[:, 2] - _LOWEST_M, 0.0)
    taper = species.wide * np.clip(1.0 - species.pointed * (up / 3.0 - 0.45), 0.25, 1.5)
    return np.column_stack([points[:, :2] * taper[:, None], _LOWEST_M + 0.15 + up * species.tall])
