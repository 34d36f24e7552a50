"""Rays that several things look at in one go are the rays that each looks at alone."""

from __future__ import annotations

import numpy as np
import pytest
from pyquaternion import Quaternion

from av_synth.geometry.transforms import Array, apply, invert, rigid, turned
from av_synth.simulator.raycast.bundle import Bundle
from av_synth.simulator.raycast.path import Path

RANDOM = np.random.default_rng(3)
SENSOR = Path(rigid(turned(0.38, 0.01, 0.01), [4.1, -4.2, 1.8]), rigid(turned(0.3, 0.02, -0.01), [3.0, -4.0, 1.84]))
STILL = rigid(turned(1.0, 0.0, 0.0), [20.0, 3.0, 0.0])
THINGS = [
    (STILL, STILL),
    (rigid(turned(2.0, 0.1, 0.2), [9.0, 1.0, 0.5]), rigid(turned(2.0, 0.1, 0.2), [7.5, 1.0, 0.5])),
    (rigid(turned(-0.5, 0.0, 0.1), [-6.0, 2.0, 0.0]), rigid(turned(-0.9, 0.1, 0.1), [-6.5, 3.0, 0.0])),
]
CUTS = [0, 200, 200, 500, 900]  # nobody looks at the second of four
RAYS = RANDOM.normal(size=(CUTS[-1], 3)).astype(np.float32)
SHARE = RANDOM.random(CUTS[-1], dtype=np.float32)


def pose_at(now: Array, last: Array, share: float) -> Array:
    between = Quaternion.slerp(Quaternion(matrix=last[:3, :3]), Quaternion(matrix=now[:3, :3]), share)
    return rigid(between.rotation_matrix, last[:3, 3] + share * (now[:3, 3] - last[:3, 3]))


@pytest.mark.parametrize("lasts", [False, True])
@pytest.mark.parametrize("begin", ["at one place", "on the sensor's way", "where each does"])
def test_rays_are_where_each_thing_has_them_at_their_time(begin: str, lasts: bool) -> None:
    poses = [THINGS[0], THINGS[1], THINGS[1], THINGS[2]]
    share = SHARE if lasts else None
    bundle = Bundle([Path(now, last if lasts else None) for now, last in poses], CUTS, share)
    sensor = SENSOR if lasts else Path(SENSOR.now)
    places = sensor.origins(np.ones_like(SHARE) if share is None else share)
    given = {"at one place": places[0], "on the sensor's way": sensor, "where each does": places}[begin]
    begins = np.broadcast_to(places[0], RAYS.shape) if begin == "at one place" else places
    origins, rays = bundle.inward(given, RAYS)

    for (now, last), first, end in zip(poses, CUTS[:-1], CUTS[1:], strict=True):
        for k in range(first, end, 7):
            pose = pose_at(now, last, float(SHARE[k])) if lasts else now
            np.testing.assert_allclose(origins[k], apply(invert(pose), begins[k]), atol=2e-5)
            np.testing.assert_allclose(rays[k], pose[:3, :3].T @ RAYS[k], atol=2e-6)
    which = np.arange(3, CUTS[-1], 5)
    np.testing.assert_allclose(bundle.outward(rays[which], which), RAYS[which], atol=3e-6)
