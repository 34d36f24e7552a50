"""Heads: what is in a face is where it is in faces, and is seen from ahead alone."""

import numpy as np
import pytest

from av_synth.simulator.bodies.head import Style, head, tones
from av_synth.simulator.scene import Mesh, Tag

TONES = tones((198, 150, 124), (62, 40, 26))


def part(mesh: Mesh, colour: tuple[int, int, int]) -> np.ndarray:
    return mesh.positions_m[(mesh.colours == colour).all(axis=1)]


@pytest.mark.parametrize("style", ["short", "long", "hood"])
def test_brows_are_above_the_mouth_and_both_stand_out_of_the_skin_of_the_face(style: Style) -> None:
    mesh = head(np.array([0.3, 0.2, 1.6]), 1.0, TONES, style, Tag.PEDESTRIANS)
    brows, lips = part(mesh, TONES.brows) - [0.3, 0.2, 1.6], part(mesh, TONES.lips) - [0.3, 0.2, 1.6]
    assert brows[:, 2].min() > 0.0 > lips[:, 2].max()
    assert min(brows[:, 0].min(), lips[:, 0].min()) > 0.05
    for feature in (brows, lips):  # as much of it on one side as on the other
        assert abs(feature[:, 1].mean()) < 1e-6


def test_a_head_of_any_hair_is_as_high_and_a_larger_one_is_larger_all_around() -> None:
    tops = {
        style: head(np.zeros(3), 1.0, TONES, style, Tag.RIDER).positions_m[:, 2].max()
        for style in ("short", "long", "hood")
    }
    assert len(set(tops.values())) == 1
    small, large = (head(np.zeros(3), size, TONES, "short", Tag.RIDER).positions_m for size in (1.0, 1.3))
    np.testing.assert_allclose(large, 1.3 * small, atol=1e-6)


def test_hair_covers_the_crown_and_long_hair_reaches_below_the_chin() -> None:
    for style, reach in (("short", -0.10), ("long", -0.17)):
        mesh = head(np.zeros(3), 1.0, TONES, style, Tag.PEDESTRIANS)
        hair, skin = part(mesh, TONES.hair), part(mesh, TONES.skin)
        assert hair[:, 2].max() > skin[:, 2].max() + 0.03
        assert (hair[:, 2].min() < reach) == (style == "long")
