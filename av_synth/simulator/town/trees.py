"""Trees: a trunk and boughs under a crown, in several species."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh, Tag
from av_synth.simulator.town.foliage import bulging, closed, twigs
from av_synth.simulator.town.model import KERB_HEIGHT_M
from av_synth.simulator.town.shapes import Look, circle, faceted, icosphere, moved, prism
from av_synth.simulator.town.site import Site

_LOWEST_M = 2.8  # what hangs lower would be in the way of lorries
_REACH_M = 1.35  # likewise, about the trunk; twigs stand out further
_ABOVE_M = 5.2  # from here on nothing is in the way
_TWIGS = (14, 40, 110, 140)  # by how rich a tree is
_FAR_LEAF = 1.7  # of the size of one near by
_NEAR_M = 15.0  # of a road, where trees have more leaves


class _Species(NamedTuple):
    """Its colours, its trunk, where its crown begins, how tall and wide that is, and the shape of it.

    The shape is how wide it is at heights from its foot to its top, as shares of the widest.
    """

    green: tuple[int, int, int]
    bark: tuple[int, int, int]
    trunk_m: float
    from_m: float
    tall_m: float
    wide_m: float
    outline: tuple[float, ...]
    leaf_m: float = 0.36


_ROUND = (0.0, 0.62, 0.9, 1.0, 0.97, 0.82, 0.55, 0.0)
_BROAD = (0.0, 0.8, 1.0, 0.98, 0.9, 0.78, 0.55, 0.0)
_OVAL = (0.0, 0.55, 0.8, 0.95, 1.0, 0.92, 0.68, 0.0)
_SLIM = (0.0, 0.6, 0.95, 1.0, 0.85, 0.62, 0.36, 0.0)
_CONE = (0.0, 0.95, 1.0, 0.8, 0.62, 0.43, 0.22, 0.0)
# along streets: lorries pass under them
_TOWN = (
    _Species((82, 108, 48), (84, 70, 58), 0.16, 2.8, 4.6, 2.1, _OVAL),  # linden
    _Species((96, 116, 52), (104, 98, 88), 0.13, 2.8, 5.2, 1.7, _SLIM),  # hornbeam
    _Species((70, 98, 50), (76, 62, 52), 0.17, 2.8, 4.2, 2.2, _ROUND),  # maple
    _Species((118, 130, 62), (186, 182, 172), 0.1, 2.8, 5.0, 1.6, _SLIM, 0.32),  # birch
    _Species((92, 100, 50), (128, 120, 100), 0.17, 2.8, 4.7, 2.3, _BROAD),  # plane
)
# in the open, where they grow as they like
_COUNTRY = (
    _Species((78, 94, 46), (70, 60, 48), 0.2, 1.4, 5.6, 3.4, _BROAD, 0.46),  # oak
    _Species((96, 116, 52), (104, 98, 88), 0.14, 1.1, 6.0, 2.5, _OVAL, 0.42),  # hornbeam
    _Species((48, 74, 50), (82, 62, 48), 0.15, 1.3, 7.8, 2.2, _CONE, 0.42),  # spruce
    _Species((118, 130, 62), (186, 182, 172), 0.11, 1.6, 6.2, 2.1, _SLIM, 0.38),  # birch
    _Species((82, 108, 48), (84, 70, 58), 0.17, 1.2, 6.4, 3.0, _ROUND, 0.44),  # linden
)


class Tree(NamedTuple):
    """A tree about the origin as it is planted beside roads, and with fewer and larger leaves, for further away."""

    near: Mesh
    far: Mesh


def tree_models(
    rng: np.random.Generator, rich: int = 3, *, country: bool = False, sparse: bool = False, wood: bool = False
) -> list[Tree]:
    """A tree of each of some species, 6 to 9 m tall, in a wood 9 to 12.

    Crowns begin at 2.8 m and stay within 1.8 m of the trunk up to 4.8 m; those in the country begin lower and are
    wider, unless they grow in a wood. They have few leaves or more (1 to 3); sparse ones are near as they are far away.
    """
    models = []
    for k, common in enumerate(_COUNTRY if country else _TOWN):
        _throw(rng, rich)
        slim = not country or wood
        species = common
        if wood:
            species = common._replace(from_m=_LOWEST_M, tall_m=common.tall_m + 1.0, wide_m=0.8 * common.wide_m)
        far = _tree(species._replace(leaf_m=_FAR_LEAF * species.leaf_m), 0, slim, k)
        models.append(Tree(far if sparse else _tree(species, rich, slim, k), far))
    return models


def plant(
    site: Site, models: Sequence[Tree], x: float, y: float, rng: np.random.Generator, largest: float = 1.05
) -> None:
    """Put one of the tree models at (x, y)."""
    size = float(rng.uniform(0.88, largest))
    model = models[int(rng.integers(len(models)))]
    seen = model.near if site.near_pavement(x, y, _NEAR_M) else model.far
    tree = moved(seen, x, y, KERB_HEIGHT_M, float(rng.uniform(0, 2 * math.pi)), size)
    site.add("Tree", Tag.VEGETATION, [tree], 0.0, circle(x, y, 0.17 * size, 8))


def _throw(rng: np.random.Generator, rich: int) -> None:
    """Throw the dice that a tree's looks once took, so that what is placed by those that follow stays in place."""
    for k in range(rich):
        rng.uniform(size=2 if k else 1)
        rng.standard_normal(84)


def _tree(species: _Species, rich: int, slim: bool, seed: int) -> Mesh:
    """One with few leaves or more (1 to 3), or that of a tree far away (0)."""
    rng = np.random.default_rng(seed)
    body = _crown(species, 2 if rich > 2 else 1, slim, rng)
    grown = twigs(body, _TWIGS[rich], species.leaf_m, rng)
    return Mesh.merge([*_trunk(species, rich > 1, rng), body, grown])


def _trunk(species: _Species, near: bool, rng: np.random.Generator) -> list[Mesh]:
    """The trunk, and some boughs where anybody may stand near it."""
    bark = Look(species.bark, Material.MATTE, Tag.VEGETATION)
    top, foot = species.from_m + 0.45 * species.tall_m, 0.35
    if not near:
        return [prism(circle(0, 0, species.trunk_m, 5), 0.0, top, bark, scale=0.45)]
    parts = [
        prism(circle(0, 0, 1.5 * species.trunk_m, 6), 0.0, foot, bark, scale=1.0 / 1.5),
        prism(circle(0, 0, species.trunk_m, 6), foot, top, bark, scale=0.45),
    ]
    turn = rng.uniform(0.0, 2 * math.pi)
    for k in range(3):
        low = species.from_m * rng.uniform(0.72, 0.98)
        reach, angle = 0.32 * species.wide_m, turn + 2.2 * k
        end = np.array([reach * math.cos(angle), reach * math.sin(angle), species.from_m + 0.35 * species.tall_m])
        parts.append(_bough(np.array([0.0, 0.0, low]), end, 0.42 * species.trunk_m, bark))
    return parts


def _bough(start: Array, end: Array, thick_m: float, look: Look) -> Mesh:
    """Three sides from one point to another, where it is thin."""
    angle = np.arange(3) * 2 * math.pi / 3
    along = (end - start) / np.linalg.norm(end - start)
    across = np.cross(along, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    ring = np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.cross(along, across)
    points = np.concatenate([start + thick_m * ring, end + 0.35 * thick_m * ring])
    sides = [t for i in range(3) for j in [(i + 1) % 3] for t in ([i, j, 3 + j], [i, 3 + j, 3 + i])]
    return faceted(points, sides, look)


def _crown(species: _Species, fine: int, slim: bool, rng: np.random.Generator) -> Mesh:
    """The body of a crown."""
    sphere, triangles = icosphere(fine)
    turn = float(rng.uniform(0.0, 2 * math.pi))
    way = sphere + rng.uniform(-0.13, 0.13, sphere.shape) / fine
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    rough, clouds = rng.uniform(-1.0, 1.0, len(way)), bulging(way, rng)
    out = clouds * (1.0 + (0.14 if fine > 1 else 0.1) * rough)
    at = (1.0 + way[:, 2]) / 2.0
    angle = np.arctan2(way[:, 1], way[:, 0])
    reach = species.wide_m * np.interp(at, np.linspace(0.0, 1.0, len(species.outline)), species.outline)
    # crowns are no figures of rotation, nor upright
    reach *= out * (1.0 + 0.12 * np.cos(2.0 * angle + turn) + 0.08 * np.cos(3.0 * angle - turn))
    rise = species.from_m + species.tall_m * ((at - 0.45) * out + 0.45)
    points = np.column_stack([reach * np.cos(angle), reach * np.sin(angle), rise])
    points[:, :2] += 0.12 * species.wide_m * (at * at)[:, None] * [math.cos(turn), math.sin(turn)]
    if slim:
        points = _within_reach(points, species.wide_m)
    # leaves are darker below and inside
    light = (0.55 + 0.33 * at) * (0.5 + 0.65 * (clouds - clouds.min()) / np.ptp(clouds)) * (1.0 + 0.25 * rough)
    light *= rng.uniform(0.8, 1.25, len(light))
    return closed(points, way, triangles, np.array(species.green) * light[:, None])


def _within_reach(points: Array, wide_m: float) -> Array:
    """Points (N, 3) of a crown, those that would be in the way moved in and up."""
    kept = points.copy()
    reach, angle = np.hypot(kept[:, 0], kept[:, 1]), np.arctan2(kept[:, 1], kept[:, 0])
    free = np.clip(kept[:, 2] - _ABOVE_M, 0.0, 1.0) * max(wide_m - _REACH_M, 0.0) * 1.2
    most = (_REACH_M + free) * (0.87 + 0.13 * np.cos(3.0 * angle + 1.7 * kept[:, 2]))
    # drawn in the more the further out, not cut as by shears
    kept[:, :2] *= (most * np.tanh(reach / most) / np.maximum(reach, 1e-6))[:, None]
    outer = np.minimum(reach / _REACH_M, 1.0)
    kept[:, 2] = np.maximum(kept[:, 2], _LOWEST_M + 0.65 * outer * outer * (1.0 - 0.25 * np.cos(5.0 * angle)))
    return kept
