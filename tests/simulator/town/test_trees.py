"""Trees as the eye sees them: crowns of one piece."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Material, Mesh
from av_synth.simulator.town.trees import tree_models

CORE_FACES = 20


@pytest.mark.parametrize("blobs", [1, 2, 3])
@pytest.mark.parametrize("country", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_every_leaf_starts_inside_its_crown_so_that_none_floats_in_the_air(
    blobs: int, country: bool, sparse: bool
) -> None:
    for tree in tree_models(np.random.default_rng(blobs), blobs, country=country, sparse=sparse):
        cores, leaves = crown_of(tree)
        held = np.any([encloses(core, leaves.reshape(-1, 3)) for core in cores], axis=0).reshape(-1, 3)

        assert len(cores) == blobs
        assert len(leaves) > 30
        assert held.any(axis=1).all()


def test_crowns_have_leaves_that_stand_out_of_them() -> None:
    for tree in tree_models(np.random.default_rng(1)):
        cores, leaves = crown_of(tree)
        held = np.any([encloses(core, leaves.reshape(-1, 3)) for core in cores], axis=0).reshape(-1, 3)

        assert np.mean(~held.all(axis=1)) > 0.5


def crown_of(tree: Mesh) -> tuple[list[Array], Array]:
    """The closed cores (20, 3, 3) of a crown, of one colour each, and its leaves (N, 3, 3), whose tips are lighter."""
    foliage = tree.triangles[(tree.materials[tree.triangles] == Material.FOLIAGE).all(axis=1)]
    corners, colours = tree.positions_m[foliage].astype(np.float64), tree.colours[foliage]
    plain = (colours == colours[:, :1]).all(axis=(1, 2))
    cores = corners[plain]
    return np.split(cores, len(cores) // CORE_FACES), corners[~plain]


def encloses(surface: Array, points: Array) -> Array:
    """Which of points (N, 3) a closed surface of triangles (T, 3, 3) is around, by the solid angle that it fills."""
    a, b, c = np.moveaxis(surface[None] - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(side, axis=2) for side in (a, b, c))
    volume = np.einsum("ntk,ntk->nt", a, np.cross(b, c))
    facing = la * lb * lc + np.einsum("ntk,ntk->nt", a, b) * lc
    facing += np.einsum("ntk,ntk->nt", b, c) * la + np.einsum("ntk,ntk->nt", c, a) * lb
    whole: Array = 2.0 * np.arctan2(volume, facing).sum(axis=1)
    return np.abs(whole) > 2.0 * np.pi
