"""Trees as the eye sees them: crowns of one piece."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh
from av_synth.simulator.town.trees import Tree, tree_models

LORRIES_PASS_M = 4.2
SIZES = (0.88, 1.05)  # along streets


def trees(rich: int = 3, *, country: bool = False, wood: bool = False) -> list[Mesh]:
    models: list[Tree] = tree_models(np.random.default_rng(rich), rich, country=country, wood=wood)
    return [mesh for model in models for mesh in model]


@pytest.mark.parametrize("rich", [1, 2, 3])
@pytest.mark.parametrize("country", [False, True])
def test_every_twig_starts_inside_its_crown_so_that_none_floats_in_the_air(rich: int, country: bool) -> None:
    for tree in trees(rich, country=country):
        crown, twigs = crown_of(tree)
        held = encloses(crown, twigs.reshape(-1, 3)).reshape(-1, 3)

        assert len(twigs) > 10
        assert held.any(axis=1).all()


def test_crowns_have_twigs_that_stand_out_of_them() -> None:
    for tree in trees():
        crown, twigs = crown_of(tree)

        assert np.mean(~encloses(crown, twigs.reshape(-1, 3)).reshape(-1, 3).all(axis=1)) > 0.9


@pytest.mark.parametrize("wood", [False, True])
def test_lorries_pass_under_the_crowns_of_streets_and_woods(wood: bool) -> None:
    for tree in trees(2, country=wood, wood=wood):
        leaves = tree.positions_m[tree.materials == Material.FOLIAGE].astype(np.float64)
        for size in SIZES:
            low = leaves[leaves[:, 2] * size < LORRIES_PASS_M] * size

            assert leaves[:, 2].min() * size > 2.0
            assert np.hypot(low[:, 0], low[:, 1]).max() < 2.0


def test_crowns_in_the_country_are_wider_and_begin_lower_than_along_streets() -> None:
    def looks(country: bool) -> tuple[float, float]:
        points = [tree.positions_m[tree.materials == Material.FOLIAGE] for tree in trees(country=country)]
        return np.mean([p[:, 2].min() for p in points]), np.mean([np.ptp(p[:, 0]) for p in points])

    (low, wide), (street_low, street_wide) = looks(True), looks(False)

    assert low < street_low - 1.0
    assert wide > street_wide + 0.5


def test_trees_far_from_roads_have_fewer_triangles_than_those_beside_them() -> None:
    for model in tree_models(np.random.default_rng(1)):
        assert len(model.far.triangles) < 0.5 * len(model.near.triangles)


def test_dice_that_follow_fall_as_many_times_however_trees_look() -> None:
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    tree_models(first, 2)
    tree_models(second, 2, country=True, sparse=True)

    assert first.uniform() == second.uniform()


def crown_of(tree: Mesh) -> tuple[Array, Array]:
    """The closed body of a crown (T, 3, 3), and its twigs (N, 3, 3), which share no corner with another triangle."""
    foliage = tree.triangles[(tree.materials[tree.triangles] == Material.FOLIAGE).all(axis=1)]
    corners = tree.positions_m[foliage].astype(np.float64)
    uses = Counter(map(tuple, corners.reshape(-1, 3).tolist()))
    alone = np.array([all(uses[tuple(point)] == 1 for point in triangle) for triangle in corners.tolist()])
    return corners[~alone], corners[alone]


def encloses(surface: Array, points: Array) -> Array:
    """Which of points (N, 3) a closed surface of triangles (T, 3, 3) is around, by the solid angle that it fills."""
    a, b, c = np.moveaxis(surface[None] - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(side, axis=2) for side in (a, b, c))
    volume = np.einsum("ntk,ntk->nt", a, np.cross(b, c))
    facing = la * lb * lc + np.einsum("ntk,ntk->nt", a, b) * lc
    facing += np.einsum("ntk,ntk->nt", b, c) * la + np.einsum("ntk,ntk->nt", c, a) * lb
    whole: Array = 2.0 * np.arctan2(volume, facing).sum(axis=1)
    return np.abs(whole) > 2.0 * np.pi
