"""Lidar turns of two walls that are made here: one ahead, and one beside that is seen by some beams only."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.verify.points.standing import Fit, Upright, fit

RINGS, COLUMNS = 8, 300
ELEVATIONS_DEG = np.arange(RINGS) * 2.0


def walls(beside: int, beside_m: float) -> Upright:
    """The wall ahead by all beams, and so many beams on the one beside, so far away."""
    azimuths = (np.arange(COLUMNS) / COLUMNS - 0.5) * 2 * np.pi
    grid = np.full((RINGS, COLUMNS), -1, dtype=np.int64)
    points, normals = [], []
    for ring, up in enumerate(np.tan(np.radians(ELEVATIONS_DEG))):
        for column, azimuth in enumerate(azimuths):
            if abs(azimuth) < 0.35:
                flat_m, normal = 12 / np.cos(azimuth), (-1.0, 0.0)
            elif ring < beside and abs(azimuth + np.pi / 2) < 0.35:
                flat_m, normal = -beside_m / np.sin(azimuth), (0.0, 1.0)
            else:
                continue
            grid[ring, column] = len(points)
            points.append((flat_m * np.cos(azimuth), flat_m * np.sin(azimuth), flat_m * up))
            normals.append(normal)
    return Upright(np.array(points), np.array(normals), grid, 0.0, ELEVATIONS_DEG)


def fitted(beams: int) -> Fit:
    after = walls(beams, 23.3)
    return fit(walls(beams, 23.0), after, np.ones(len(after.points), dtype=np.bool_), np.eye(4))


@pytest.mark.parametrize(("beams", "found"), [(2, False), (4, True)])
def test_two_beams_that_pass_from_a_wall_to_its_windows_are_no_wrong_frame(beams: int, found: bool) -> None:
    assert (fitted(beams).shift_m > 0.2) is found
