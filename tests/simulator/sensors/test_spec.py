"""What attributes make of a sensor: schedule, intrinsics, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Mesh, Scene, Weather
from av_synth.simulator.sensors.exposure import Exposure
from av_synth.simulator.sensors.rays import expose_lidar, expose_radar
from av_synth.simulator.sensors.spec import CameraSpec, Schedule, Sensor, acting_attributes, make_sensor
from av_synth.simulator.world import SpawnRefused


def _sensor(blueprint_id: str, **attributes: str) -> Sensor:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return make_sensor(blueprint_id, named, np.eye(4), 1_000_001, 3, 2, (100, 5.0))


def _camera(**attributes: str) -> CameraSpec:
    spec = _sensor("sensor.camera.rgb", **attributes).spec
    assert isinstance(spec, CameraSpec)
    return spec


def test_a_period_and_a_phase_count_frames():
    schedule = Schedule(period=10, phase=3, tick_s=0.0, begun_s=0.0)

    assert [frame for frame in range(100, 130) if schedule.due(frame, frame * 0.05, 0.05)] == [103, 113, 123]


def test_sensor_tick_begins_with_the_first_frame_and_keeps_its_rate_over_many():
    schedule = Schedule(period=1, phase=0, tick_s=0.1, begun_s=7.35)
    times = 7.35 + np.cumsum(np.full(2000, 0.05))

    due = [schedule.due(k, float(t), 0.05) for k, t in enumerate(times)]

    assert due == [k % 2 == 0 for k in range(2000)]


def test_a_field_of_view_gives_a_centred_pinhole_and_pixels_override_it():
    plain = _camera(image_size_x="1600", image_size_y="900", fov="90")
    exact = _camera(image_size_x="1600", image_size_y="900", avsynth__fx="1266.4", avsynth__cx="816.2", avsynth__cy="0")

    assert (plain.optics.focal_px, plain.optics.cx_px, plain.optics.cy_px) == pytest.approx((800.0, 799.5, 449.5))
    assert (exact.optics.focal_px, exact.optics.cx_px, exact.optics.cy_px) == (1266.4, 816.2, 0.0)
    assert plain.fov_deg == pytest.approx(90.0)


def test_a_camera_looks_along_its_actors_x_with_y_to_the_left():
    view = _camera().view(from_yaw(10.0, 20.0, 2.0, 0.5))
    point = from_yaw(10.0, 20.0, 2.0, 0.5) @ np.array([8.0, 1.0, 0.5, 1.0])

    in_camera = np.linalg.inv(view.world_from_camera) @ point

    assert in_camera[:3] == pytest.approx([-1.0, -0.5, 8.0])


def test_what_is_left_unsaid_is_as_the_blueprint_has_it_or_every_frame_where_it_has_no_schedule():
    lidar, semantic = (_sensor(f"sensor.lidar.{kind}").spec for kind in ("ray_cast", "ray_cast_semantic"))

    assert (lidar.losses.drop_rate, lidar.losses.drop_zero_intensity) == (0.45, 0.4)
    assert semantic == replace(lidar, losses=None)
    assert _sensor("sensor.other.collision").schedule == Schedule(1, 0, 0.0, 5.0)


@pytest.mark.parametrize(
    ("blueprint_id", "name", "value"),
    [
        ("sensor.camera.rgb", "fov", "180"),
        ("sensor.camera.depth", "avsynth__frame_period", "0"),
        ("sensor.lidar.ray_cast", "channels", "4.5"),
        ("sensor.other.radar", "range", "nan"),
    ],
)
def test_a_value_out_of_range_is_refused_with_blueprint_name_and_range(blueprint_id, name, value):
    with pytest.raises(SpawnRefused, match=f"{blueprint_id}: {name.replace('__', '.')} = .*; want a"):
        _sensor(blueprint_id, **{name: value})


def test_an_image_has_so_many_pixels_and_no_more():
    assert _camera(image_size_x="8192", image_size_y="4320").optics.width_px == 8192
    with pytest.raises(SpawnRefused, match="8192x4321 pixels; want 35389440 together at most"):
        _camera(image_size_x="8192", image_size_y="4321")


@pytest.mark.parametrize(
    ("blueprint_id", "expose"), [("sensor.lidar.ray_cast", expose_lidar), ("sensor.other.radar", expose_radar)]
)
def test_a_tick_of_more_rays_than_memory_has_room_for_is_an_error_that_says_what_to_do(blueprint_id, expose):
    sensor = _sensor(blueprint_id, points_per_second="20000000")
    exposure = Exposure(sensor, 100, 5.0, 1.0, np.eye(4), np.zeros(3), None)
    corners, of_each = np.eye(3, dtype=np.float32), np.zeros(3, np.uint8)
    town = Mesh(corners, corners, np.zeros((3, 3), np.uint8), of_each, of_each, np.array([[0, 1, 2]], np.uint32))

    with pytest.raises(DataError, match="20000000 rays in a tick of 1 s; want 4000000 at most: fewer points_per_sec"):
        expose(RayScene(town, {}), Scene(100, 5.0, (), Weather()), exposure, sensor.spec)


def test_random_numbers_follow_from_attributes_mount_and_age_not_from_ids_or_frame_numbers():
    one = _sensor("sensor.other.radar")
    same = make_sensor("sensor.other.radar", {}, np.eye(4), 1_000_009, 4, 17, (900, 45.0))
    other = make_sensor("sensor.other.radar", {}, from_yaw(1.0, 0.0, 0.0, 0.0), 1_000_001, 3, 2, (100, 5.0))

    assert one.random(105).random() == same.random(905).random()
    assert one.random(105).random() != one.random(106).random()
    assert one.random(105).random() != other.random(105).random()


def test_what_acts_is_what_is_read():
    acting = acting_attributes("sensor.camera.rgb")

    assert {"fov", "image_size_x", "gamma", "exposure_compensation", "sensor_tick"} < acting
    assert not acting & {"bloom_intensity", "lens_k", "role_name"}
    assert "noise_seed" in acting_attributes("sensor.other.gnss")
