"""Normals: every pixel has that of its surface, and who asks for them changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, NORMALS, RGB, Tag, Weather
from tests.simulator.render.conftest import at, camera, scene

CAR = 3


def test_ground_wall_turned_car_and_sky_have_their_normals_in_world_axes(renderer: Renderer) -> None:
    car = replace(at(CAR, "car", 9.0), world_from_body=from_yaw(9.0, 0.0, 0.0, 0.5))
    frames = renderer.render(scene(car), camera(), frozenset({NORMALS, LABELS}))
    assert frames.normal is not None
    assert frames.tag is not None
    assert frames.actor_id is not None

    for tag, wanted in ((Tag.ROADS, (0, 0, 1)), (Tag.BUILDINGS, (-1, 0, 0)), (Tag.SKY, (0, 0, 0))):
        seen = frames.normal[frames.tag == tag]
        assert len(seen) > 1000
        np.testing.assert_allclose(seen, np.broadcast_to(wanted, seen.shape), atol=1e-4)
    faces = np.unique(np.round(frames.normal[frames.actor_id == CAR], 3), axis=0)
    cos, sin = np.cos(0.5), np.sin(0.5)
    np.testing.assert_allclose(faces, [(-cos, -sin, 0.0), (-sin, cos, 0.0), (0.0, 0.0, 1.0)], atol=2e-3)


@pytest.mark.parametrize("weather", [Weather(), Weather(precipitation=60, wetness=80, sun_altitude_angle=-20)])
def test_who_asks_for_normals_gets_the_other_images_byte_by_byte_as_without(
    renderer: Renderer, weather: Weather
) -> None:
    world = scene(at(CAR, "car", 9.0, 1.0, lights=11), at(4, "bicycle", 6.0, -1.0), weather=weather)
    last = from_yaw(-0.5, 0.1, 1.5, 0.02) @ BODY_FROM_CAMERA
    for others in ({RGB}, {RGB, DEPTH, LABELS}, {DEPTH, LABELS}, {RGB, DEPTH, LABELS, FLOW}, {DEPTH, LABELS, FLOW}):
        plain = renderer.render(world, camera(), frozenset(others), last)
        more = renderer.render(world, camera(), frozenset({*others, NORMALS}), last)
        for name in ("rgb", "depth_m", "tag", "actor_id", "flow_px"):
            one, other = getattr(plain, name), getattr(more, name)
            assert (one is None) == (other is None)
            assert one is None or one.tobytes() == other.tobytes(), (name, others)
        alone = renderer.render(world, camera(), frozenset({NORMALS})).normal
        assert alone is not None
        assert more.normal is not None
        # colour and labels are drawn by different programs, whose last bits may differ
        np.testing.assert_allclose(more.normal, alone, atol=1e-6)
