"""Patches that are laid on a skin: what they cover stays below them."""

import numpy as np

from av_synth.simulator.bodies.skin import lay

# a roof whose ridge runs along y, between the corners of the patches below; it faces +x
RIDGE = np.array(
    [
        [[1.0, -1.0, -1.0], [1.0, 1.0, -1.0], [1.3, 1.0, 0.0]],
        [[1.0, -1.0, -1.0], [1.3, 1.0, 0.0], [1.3, -1.0, 0.0]],
        [[1.3, -1.0, 0.0], [1.3, 1.0, 0.0], [1.0, 1.0, 1.0]],
        [[1.3, -1.0, 0.0], [1.0, 1.0, 1.0], [1.0, -1.0, 1.0]],
    ]
)


def test_a_ridge_between_the_corners_of_a_patch_does_not_stand_out_of_it() -> None:
    points, faces = lay(
        RIDGE, (1.0, 0.0, 0.0), 0.0, 0.4, 0.3, shape=(2, 3), slant_m=0.0, proud_m=0.006, deep_m=0.15
    )  # three rows: the ridge runs through the middle of one
    assert len(faces) == 12
    across = points[np.array(faces)]
    highest = [float(np.interp(0.0, *zip(*sorted(corners[:, [2, 0]].tolist()), strict=True))) for corners in across]
    beside = across[..., 2].min(axis=1) * across[..., 2].max(axis=1) < -1e-9
    assert beside.any()
    assert np.array(highest)[beside].min() > 1.3
    assert points[:, 0].max() < 1.33  # and it does not stand off more than it needs to


def test_a_patch_leaves_out_what_is_deeper_than_it_may_reach() -> None:
    step = np.concatenate([RIDGE, RIDGE - [0.3, 0.0, 0.0]])[:6]
    step[4:] += [-0.3, 0.0, 1.0]
    shallow, deep = (
        lay(step, (1.0, 0.0, 0.0), 0.0, 0.2, 1.6, shape=(2, 4), slant_m=0.0, proud_m=0.006, deep_m=deep_m)[1]
        for deep_m in (0.1, 2.0)
    )
    assert len(shallow) < len(deep)


def test_a_patch_may_be_narrower_at_its_upper_edge() -> None:
    points, _ = lay(
        RIDGE, (1.0, 0.0, 0.0), 0.0, 0.4, 0.8, shape=(1, 1), slant_m=0.0, proud_m=0.006, deep_m=0.15, upper=0.5
    )
    lower, higher = points[points[:, 2] < 0, 1], points[points[:, 2] > 0, 1]
    np.testing.assert_allclose([np.ptp(lower), np.ptp(higher)], [0.4, 0.2])
