"""Lenses against OpenCV, whose models they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.geometry.cameras import project, unproject
from av_synth.geometry.lens import Lens

BARREL = Lens("plain", (-0.35, 0.15, 0.001, -0.002, -0.03))
CUSHION = Lens("plain", (0.12, 0.03, 0.0, 0.0, 0.01))
FISHEYE = Lens("fisheye", (-0.02, 0.004, -0.002, 0.0003))
LENSES = pytest.mark.parametrize("lens", [BARREL, CUSHION, FISHEYE], ids=["barrel", "cushion", "fisheye"])
FOCAL, CX, CY = 500.0, 330.0, 170.0
MATRIX = np.array([[FOCAL, 0.0, CX], [0.0, FOCAL, CY], [0.0, 0.0, 1.0]])


def points(lens: Lens, count: int = 400) -> np.ndarray:
    """Points before the camera, up to nearly where the lens's model ends, or 70 degrees off the axis."""
    rng = np.random.default_rng(7)
    radius = rng.uniform(0.0, min(lens.reach, 2.7) * 0.98, count)
    angle, depth = rng.uniform(0.0, 2 * np.pi, count), rng.uniform(1.0, 50.0, count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.ones(count)], axis=1) * depth[:, None]


@LENSES
def test_points_are_where_opencv_projects_them(lens: Lens) -> None:
    call = cv2.fisheye.projectPoints if lens.model == "fisheye" else cv2.projectPoints
    there = points(lens)
    wanted = call(there[:, None], np.zeros(3), np.zeros(3), MATRIX, np.array(lens.coefficients))[0].reshape(-1, 2)

    pixels, depth = project(there, FOCAL, FOCAL, CX, CY, lens)

    np.testing.assert_allclose(pixels, wanted, atol=1e-9)
    np.testing.assert_array_equal(depth, there[:, 2])


@LENSES
def test_a_pixel_at_its_depth_is_the_point_that_was_projected(lens: Lens) -> None:
    there = points(lens)
    pixels, depth = project(there, FOCAL, FOCAL, CX, CY, lens)

    np.testing.assert_allclose(unproject(pixels, depth, FOCAL, FOCAL, CX, CY, lens), there, atol=1e-7)


@given(st.floats(1.0, 50.0), st.floats(0.0, 6.28))
def test_what_is_beyond_the_lenss_reach_is_not_folded_into_the_image(times: float, angle: float) -> None:
    """OpenCV's formula is back at the middle of the image at 1.9 times this lens's reach."""
    lens = Lens("plain", (-0.35, 0.0, 0.0, 0.0, 0.0))
    radius = lens.reach * times

    bent = lens.distort([[radius * np.cos(angle), radius * np.sin(angle)]])

    assert np.hypot(*bent[0]) >= lens.reach_distorted * (1 - 1e-9)
    np.testing.assert_allclose(np.hypot(*lens.undistort(bent)[0]), radius, rtol=1e-6)
