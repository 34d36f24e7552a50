import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.capture.stock import stock_camera
from av_synth.rig.model import Camera, Mount

MOUNT = Mount((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


@given(st.floats(700, 900), st.floats(400, 500))
def test_a_centred_camera_and_a_crop_stand_in_for_an_off_centre_one(cx_px, cy_px):
    wanted = Camera("CAM_FRONT", MOUNT, 1, 1600, 900, 1266.4, 1266.4, cx_px, cy_px)
    seen, (left, top, width, height), attributes = stock_camera(wanted)
    full = int(attributes["image_size_x"]), int(attributes["image_size_y"])
    focal_px = full[0] / 2 / math.tan(math.radians(float(attributes["fov"])) / 2)

    assert (width, height) == (1600, 900)
    assert left >= 0
    assert left + width <= full[0]
    assert top >= 0
    assert top + height <= full[1]
    assert focal_px == pytest.approx(wanted.fx_px, abs=1e-6)
    assert abs(seen.cx_px - cx_px) <= 0.5
    assert abs(seen.cy_px - cy_px) <= 0.5
    # the middle of the full image is the principal point of the crop
    np.testing.assert_allclose([seen.cx_px + left, seen.cy_px + top], [(full[0] - 1) / 2, (full[1] - 1) / 2])
