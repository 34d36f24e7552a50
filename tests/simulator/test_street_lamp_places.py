"""Where a town's street lamps are, on hills and in valleys too."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.simulator.lamp_places import street_lamps
from av_synth.simulator.scene import Material, Mesh, Tag
from tests.simulator.render.conftest import box, mesh


@pytest.mark.parametrize("ground_m", [-20.0, 0.0, 45.0])
def test_street_lamps_are_what_glows_high_above_their_ground_wherever_that_is(ground_m):
    def glowing(x_m: float, z_m: float) -> Mesh:
        low, high = np.array([x_m - 0.2, -0.2, z_m]), np.array([x_m + 0.2, 0.2, z_m + 0.1])
        return box(low, high, Material.GLOW, Tag.POLES, (255, 236, 200))

    corners = [[x, y, ground_m] for x in (-5, 0, 5) for y in (-3, 3)]
    ground = mesh(corners, [[0, 2, 1], [1, 2, 3], [2, 4, 3], [3, 4, 5]], Material.ASPHALT, Tag.ROADS, (90, 90, 90))

    lamps_m, grounds_m = street_lamps(Mesh.merge([ground, glowing(-2.0, ground_m + 7.0), glowing(3.0, ground_m + 1.5)]))

    np.testing.assert_allclose(lamps_m, [[-2.0, 0.0, ground_m + 7.05]], atol=1e-4)
    np.testing.assert_allclose(grounds_m, [ground_m], atol=1e-5)


def test_a_town_in_which_nothing_glows_has_no_street_lamps():
    ground = mesh([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [[0, 1, 2]], Material.ASPHALT, Tag.ROADS, (90, 90, 90))

    assert [len(each) for each in street_lamps(ground)] == [0, 0]
