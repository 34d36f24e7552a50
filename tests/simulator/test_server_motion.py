"""What moves while an image is taken, through the official client: blurred or bent, with labels of the same pixels."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np
import pytest
from server_process import ahead, connect, running_simulator
from stage import Stage, pixels

from av_synth.capture import decode

SIZE = {"image_size_x": "320", "image_size_y": "180", "fov": "90"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator() as (_, port):
        yield connect(port, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def stage(client: carla.Client) -> Iterator[Stage]:
    made = Stage(client)
    yield made
    made.clear()


def at_the_road(stage: Stage) -> carla.Transform:
    """A place beside the road that looks across it at the car ahead of the ego."""
    place = ahead(stage.place, 12.0, right_m=-9.0, up_m=1.2)
    place.rotation.yaw += 90.0
    return place


def test_a_passing_car_is_blurred_within_its_outline_and_the_street_is_not(stage: Stage) -> None:
    place = at_the_road(stage)
    sharp = stage.attach("sensor.camera.rgb", place, free=True, **SIZE)
    blurred = stage.attach("sensor.camera.rgb", place, free=True, avsynth__exposure_ms="20", **SIZE)
    labels = stage.attach("sensor.camera.instance_segmentation", place, free=True, **SIZE)
    stage.other.set_target_velocity(stage.place.get_forward_vector() * 12.0)
    for _ in range(2):
        stage.world.tick()
        images = [pixels(stage.next(camera))[..., :3].astype(float) for camera in (sharp, blurred)]
        ids = decode.tag_and_instance(stage.next(labels), None)[1]
    car = ids == stage.other.id
    edges = [np.abs(np.diff(image, axis=1)).sum(axis=2) for image in images]
    inside = car[:, 1:] & car[:, :-1]

    assert car.sum() > 1000
    assert edges[1][inside].mean() < 0.8 * edges[0][inside].mean()
    np.testing.assert_array_equal(images[1][~car], images[0][~car])
    # what it shines on it does in the same places: the moment of the labels is the middle of the exposure
    light = [(image[car] ** 2).mean() for image in images]
    assert light[1] == pytest.approx(light[0], rel=0.03)
