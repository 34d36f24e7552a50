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


def test_a_rolling_shutter_slants_what_passes_and_its_labels_with_it(stage: Stage) -> None:
    """A car at 12 m/s, 9 m away, in an image that takes 20 ms: the top row sees it earlier than the bottom one."""
    place = at_the_road(stage)
    rolling = {"avsynth__read_out_ms": "20"}
    kinds = ("rgb", "instance_segmentation", "optical_flow")
    still = {kind: stage.attach(f"sensor.camera.{kind}", place, free=True, **SIZE) for kind in kinds}
    slanted = {kind: stage.attach(f"sensor.camera.{kind}", place, free=True, **SIZE, **rolling) for kind in kinds}
    counts = stage.attach("avsynth.camera.visibility", place, free=True, **SIZE, **rolling)
    stage.other.set_target_velocity(stage.place.get_forward_vector() * 12.0)
    for _ in range(2):
        stage.world.tick()
        seen = [{kind: stage.next(camera) for kind, camera in each.items()} for each in (still, slanted)]
        extents = decode.extents(stage.next(counts))
    ids = [decode.tag_and_instance(each["instance_segmentation"], None)[1] == stage.other.id for each in seen]
    flow = decode.flow_px(seen[0]["optical_flow"], None)
    speed_px = float(np.median(flow[..., 0][ids[0]]))
    assert abs(speed_px) > 6.0

    rows = np.flatnonzero(ids[0].sum(axis=1) > 30)
    rows = rows[(ids[1].sum(axis=1) > 30)[rows]]
    for end in (0, -1):
        ends = [np.array([np.flatnonzero(each[row])[end] for row in rows]) for each in ids]
        wanted = speed_px * ((rows + 0.5) / 180 - 0.5) * 20.0 / 50.0
        assert np.abs(ends[1] - ends[0] - wanted).max() <= 2.0
        assert np.abs(wanted).max() > 0.5
    # what stands still is where it was, in every row
    away = ~(ids[0] | ids[1])
    away[:, 1:] &= away[:, :-1]
    away[:, :-1] &= away[:, 1:]
    images = [pixels(each["rgb"])[..., :3].astype(int) for each in seen]
    assert (
        np.quantile(np.abs(images[1] - images[0])[away], 0.99) <= 1
    )  # at the image's edge, edges are smoothed otherwise
    assert extents[stage.other.id].visible_px == ids[1].sum()
    assert extents[stage.other.id].alone_px >= ids[1].sum()
