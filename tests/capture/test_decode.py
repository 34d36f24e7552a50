"""What arrives over the wire, in our units."""

from types import SimpleNamespace

import numpy as np

from av_synth.capture import Extent
from av_synth.capture.decode import extents, flow_px


def test_flow_is_in_pixels_of_the_whole_image_also_when_it_is_cropped():
    sent = np.zeros((90, 160, 2), dtype="<f4")
    sent[10, 20] = 0.1, 0.2  # CARLA: halves of the image, y up
    image = SimpleNamespace(raw_data=sent.tobytes(), width=160, height=90)

    whole, cut = flow_px(image, None), flow_px(image, (15, 8, 100, 50))

    np.testing.assert_allclose(whole[10, 20], [8.0, -9.0], rtol=1e-6)
    assert np.count_nonzero(whole) == 2
    assert cut.shape == (50, 100, 2)
    assert np.array_equal(cut, whole[8:58, 15:115])


def test_extents_pair_the_counts_of_an_actor_with_its_box():
    row = np.dtype([("xyz", "<f4", 3), ("cos", "<f4"), ("actor_id", "<u4"), ("tag", "<u4")])
    rows = np.array(
        [((50, 20, 0), 0, 7, 14), ((9, 9, 0), 0, 8, 12), ((3, 4, 13), 9, 7, 14), ((0, 0, 3), 3, 8, 12)], dtype=row
    )

    found = extents(SimpleNamespace(raw_data=rows.tobytes()))

    assert found == {7: Extent(50, 20, (3, 4, 13, 9)), 8: Extent(9, 9, (0, 0, 3, 3))}
    assert extents(SimpleNamespace(raw_data=b"")) == {}
