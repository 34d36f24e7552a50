import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from nuscenes.utils.data_classes import Box
from nuscenes.utils.geometry_utils import points_in_box
from pyquaternion import Quaternion

from av_synth.geometry.boxes import corners, points_inside
from av_synth.geometry.cameras import project, unproject
from av_synth.geometry.transforms import from_yaw, matrix_from_quaternion


@given(st.integers(0, 10_000))
def test_corners_and_counts_are_the_devkits(seed):
    rng = np.random.default_rng(seed)
    centre, size_lwh = rng.uniform(-20, 20, 3), rng.uniform(0.3, 8, 3)
    wxyz = rng.normal(size=4)
    world_from_box = matrix_from_quaternion(wxyz, centre)
    theirs = Box(list(centre), [size_lwh[1], size_lwh[0], size_lwh[2]], Quaternion(wxyz).normalised)
    points = (centre + rng.uniform(-5, 5, (500, 3))).astype(np.float32)

    np.testing.assert_allclose(corners(world_from_box, size_lwh), theirs.corners().T, atol=1e-9)
    assert points_inside(world_from_box, size_lwh, points).tolist() == points_in_box(theirs, points.T).tolist()


def test_the_first_four_corners_are_the_front_face():
    assert (corners(from_yaw(10.0, 0.0, 0.0, 0.0), [4.0, 2.0, 1.5])[:4, 0] == 12.0).all()


@given(st.integers(0, 10_000))
def test_a_pixel_and_its_depth_give_the_point_back(seed):
    points = np.random.default_rng(seed).uniform([-20, -5, 0.5], [20, 5, 80], (50, 3))
    optics = (1266.4, 1266.4, 816.3, 491.5)
    pixels, depth = project(points, *optics)

    np.testing.assert_allclose(unproject(pixels, depth, *optics), points, atol=1e-9)
