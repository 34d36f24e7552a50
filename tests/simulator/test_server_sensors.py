"""Sensors through the official client: what they measure, on which frames, and that they disturb nothing."""

from __future__ import annotations

import math
from typing import Any

import carla
import numpy as np
import pytest
from server_process import ahead
from stage import Stage, pixels

from av_synth.geometry.cameras import project
from av_synth.geometry.carla import matrix_from_transform
from av_synth.geometry.transforms import apply, invert
from av_synth.sensing.lens import Optics
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.sensors.spec import CameraSpec

CAMERAS = ("rgb", "depth", "semantic_segmentation", "instance_segmentation")
SIZE = {"image_size_x": "160", "image_size_y": "90"}
LIDAR = {"channels": "8", "range": "60", "points_per_second": "32000", "rotation_frequency": "20"}


def test_cameras_of_one_pose_agree_on_frame_pose_class_and_actor(stage):
    cameras = {kind: stage.attach(f"sensor.camera.{kind}", **SIZE) for kind in CAMERAS}
    visibility = stage.attach("avsynth.camera.visibility", **SIZE)
    for _ in range(30):  # the cars settle
        stage.world.tick()
        images = {kind: stage.next(camera) for kind, camera in cameras.items()}
        seen = stage.next(visibility)
    snapshot = stage.world.get_snapshot()

    assert {image.frame for image in images.values()} == {seen.frame} == {snapshot.frame}
    mount = carla.Location(x=0.8, z=1.8)
    wanted = snapshot.find(stage.ego.id).get_transform().transform(mount)
    assert images["rgb"].transform.location.distance(wanted) < 1e-3

    instance, semantic = pixels(images["instance_segmentation"]), pixels(images["semantic_segmentation"])
    assert np.array_equal(instance[..., 2], semantic[..., 2])
    ids = instance[..., 1].astype(int) + 256 * instance[..., 0].astype(int)
    car = ids == stage.other.id
    assert car.sum() > 50
    assert set(np.unique(semantic[car][:, 2])) == {14}

    depth = pixels(images["depth"]).astype(np.float64)
    metres = (depth[..., 2] + 256 * depth[..., 1] + 65536 * depth[..., 0]) / (2**24 - 1) * 1000.0
    gap = stage.other.get_location().distance(stage.ego.get_location()) - 0.8 - stage.other.bounding_box.extent.x
    assert np.median(metres[car]) == pytest.approx(gap, abs=1.0)
    assert pixels(images["rgb"])[..., :3].std() > 10.0

    counts, _ = [row for row in seen if row.object_idx == stage.other.id]
    assert seen.get_point_count(0) == seen.get_point_count(1)
    assert counts.point.y == car.sum()
    assert counts.point.x >= counts.point.y


def test_the_box_of_an_actor_drawn_alone_is_that_of_its_projected_mesh(stage):
    kinds = {
        "vehicle.carlamotors.carlacola": (5.5, -3.5),
        "vehicle.bh.crossbike": (6.5, 2),
        "walker.pedestrian.0004": (20, 0),
    }
    actors = [stage.other]
    for kind, (x_m, right_m) in kinds.items():
        up_m = 1.0 if kind.startswith("walker") else 0.1
        place = ahead(stage.place, x_m, right_m, up_m)
        actors.append(stage.world.spawn_actor(stage.library.find(kind), place))
    view = CameraSpec("", Optics(320, 180, 160.0, 159.5, 89.5))
    size = {"image_size_x": "320", "image_size_y": "180"}
    sensor = stage.attach("avsynth.camera.visibility", **size)
    for _ in range(3):
        stage.world.tick()
        seen = stage.next(sensor)
    snapshot = stage.world.get_snapshot()
    camera_from_world = invert(view.view(matrix_from_transform(seen.transform)).world_from_camera)
    bodies = catalogue()

    cut = 0
    for actor in actors:
        _, box = [row for row in seen if row.object_idx == actor.id]
        mesh = bodies[actor.type_id].meshes[0]
        points = apply(
            camera_from_world @ matrix_from_transform(snapshot.find(actor.id).get_transform()), mesh.positions_m
        )
        # what the image's edge cuts off a mesh ends on an edge of a triangle
        start, end = points[mesh.triangles], points[np.roll(mesh.triangles, 1, axis=1)]
        edges = (start + (end - start) * np.linspace(0.0, 1.0, 64)[:, None, None, None]).reshape(-1, 3)
        uv = project(edges, 160.0, 160.0, 159.5, 89.5)[0] + 0.5  # a pixel is the square around its coordinates
        inside = uv[((uv >= 0.0) & (uv <= [320.0, 180.0])).all(axis=1)]
        found = [box.point.x, box.point.y, box.point.z, box.cos_inc_angle]
        assert found == pytest.approx([*inside.min(axis=0), *inside.max(axis=0)], abs=1.0), actor.type_id
        cut += found[0] == 0.0
    assert cut == 1


def test_a_thing_to_the_left_is_on_the_left_of_the_image_and_of_the_lidar(stage):
    walker = stage.library.find("walker.pedestrian.0002")
    left = stage.world.spawn_actor(walker, ahead(stage.place, 9.0, right_m=-2.5, up_m=1.0))
    camera = stage.attach("sensor.camera.instance_segmentation", **SIZE)
    lidar = stage.attach("sensor.lidar.ray_cast_semantic", **LIDAR)
    stage.world.tick()

    picture = pixels(stage.next(camera))
    columns = np.nonzero(picture[..., 1].astype(int) + 256 * picture[..., 0].astype(int) == left.id)[1]
    points = [row.point for row in stage.next(lidar) if row.object_idx == left.id]

    assert columns.mean() < 80 - 10
    assert points
    assert np.mean([point.y for point in points]) == pytest.approx(-2.5, abs=0.4)
    assert np.mean([point.x for point in points]) == pytest.approx(9.0 - 0.8, abs=0.5)


def test_intrinsics_given_in_pixels_move_and_scale_the_image(stage):
    plain = stage.attach("sensor.camera.instance_segmentation", **SIZE)
    shifted = stage.attach("sensor.camera.instance_segmentation", **SIZE, avsynth__fx="160", avsynth__cx="60")
    for _ in range(20):
        stage.world.tick()
        images = [stage.next(plain), stage.next(shifted)]

    middles, widths = [], []
    for image in images:
        picture = pixels(image)
        columns = np.nonzero(picture[..., 1] == stage.other.id)[1]
        middles.append(columns.mean())
        widths.append(np.ptp(columns) + 1)

    assert images[0].fov == pytest.approx(90.0)
    assert images[1].fov == pytest.approx(math.degrees(2 * math.atan(0.5)))
    assert middles[1] - 60.0 == pytest.approx(2 * (middles[0] - 79.5), abs=1.5)
    assert widths[1] / widths[0] == pytest.approx(2.0, abs=0.15)


def test_data_comes_on_the_frames_of_its_period_and_phase_only(stage):
    start = stage.world.tick()
    period, phase = 3, (start + 2) % 3
    lidar = stage.attach(
        "sensor.lidar.ray_cast", **LIDAR, avsynth__frame_period=str(period), avsynth__frame_phase=str(phase)
    )
    always = stage.attach("sensor.other.gnss")
    for _ in range(9):
        stage.world.tick()

    assert [stage.next(lidar).frame for _ in range(3)] == [start + 2, start + 5, start + 8]
    assert [stage.next(always).frame for _ in range(9)] == list(range(start + 1, start + 10))
    assert stage.queues[lidar.id].empty()


def test_both_lidars_turn_once_a_tick_and_hit_the_same_points_without_noise(stage):
    quiet = {"dropoff_general_rate": "0", "dropoff_zero_intensity": "0"}
    plain = stage.attach("sensor.lidar.ray_cast", **LIDAR, **quiet)
    semantic = stage.attach("sensor.lidar.ray_cast_semantic", **LIDAR)
    stage.world.tick()
    first, second = stage.next(plain), stage.next(semantic)

    points = np.frombuffer(first.raw_data, dtype=np.float32).reshape(-1, 4)
    rows = np.array([(row.point.x, row.point.y, row.point.z) for row in second])
    azimuth = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    counts = [first.get_point_count(channel) for channel in range(first.channels)]

    assert np.allclose(points[:, :3], rows, atol=1e-5)
    assert np.allclose(points[:, 3], np.exp(-0.004 * np.linalg.norm(points[:, :3], axis=1)), atol=1e-4)
    assert len(np.unique(np.floor(azimuth / 20.0))) == 18
    assert sum(counts) == len(points)
    starts = np.cumsum([0, *counts[:-1]])
    heights = np.degrees(np.arcsin(points[starts, 2] / np.linalg.norm(points[starts, :3], axis=1)))
    assert (np.diff(heights) < 0.0).all(), "channels run from the top down"


def test_a_radar_sees_what_comes_nearer_with_negative_velocity(stage):
    for _ in range(20):
        stage.world.tick()
    radar = stage.attach("sensor.other.radar", carla.Transform(carla.Location(x=2.2, z=0.6)), points_per_second="20000")
    back = stage.ego.get_transform().get_forward_vector() * -4.0
    stage.other.set_target_velocity(back)
    stage.world.tick()

    velocities = np.array([d.velocity for d in stage.next(radar) if d.depth < 12.0 and d.velocity != 0.0])

    assert np.median(velocities) == pytest.approx(-4.0, abs=0.5)


def test_gnss_agrees_with_the_clients_map_and_the_imu_feels_gravity(stage):
    gnss, imu = stage.attach("sensor.other.gnss"), stage.attach("sensor.other.imu")
    for _ in range(30):
        stage.world.tick()
        fix, motion = stage.next(gnss), stage.next(imu)

    wanted = stage.world.get_map().transform_to_geolocation(fix.transform.location)
    found = (fix.latitude, fix.longitude, fix.altitude)
    assert found == pytest.approx((wanted.latitude, wanted.longitude, wanted.altitude), abs=1e-6)
    assert motion.accelerometer.z == pytest.approx(9.81, abs=0.05)
    heading_deg = stage.ego.get_transform().rotation.yaw
    assert math.degrees(motion.compass) == pytest.approx((heading_deg + 90.0) % 360.0, abs=0.1)


def test_a_crash_is_reported_to_the_collision_sensor_with_the_other_actor(stage):
    sensor = stage.attach("sensor.other.collision")
    stage.ego.set_target_velocity(stage.place.get_forward_vector() * 15.0)
    for _ in range(30):
        stage.world.tick()
    event = stage.next(sensor)

    assert (event.actor.id, event.other_actor.id) == (stage.ego.id, stage.other.id)
    push = event.normal_impulse
    forward = stage.place.get_forward_vector()
    assert push.x * forward.x + push.y * forward.y < -1000.0


def test_sensors_change_neither_ids_nor_motion_and_see_the_same_in_every_run(client):
    def drive(with_sensors: bool) -> tuple[list[Any], list[bytes]]:
        stage = Stage(client)
        lidar = None
        if with_sensors:
            lidar = stage.attach("sensor.lidar.ray_cast", **LIDAR, noise_stddev="0.05")
            stage.attach("sensor.other.imu")
        late = stage.world.spawn_actor(stage.library.find("vehicle.audi.tt"), ahead(stage.place, 24.0))
        stage.ego.apply_control(carla.VehicleControl(throttle=1.0, steer=-0.1))
        data = []
        for _ in range(40):
            stage.world.tick()
            if lidar is not None:
                data.append(bytes(stage.next(lidar).raw_data))
        snapshot = stage.world.get_snapshot()
        states = [str(snapshot.find(actor.id).get_transform()) for actor in (stage.ego, stage.other, late)]
        ids = [stage.ego.id, stage.other.id, late.id]
        stage.clear()
        return [ids, states], data

    bare, _ = drive(False)
    first, first_data = drive(True)
    second, second_data = drive(True)

    assert bare == first == second
    assert first_data == second_data


def test_a_destroyed_sensor_leaves_its_stream_silent_while_the_world_goes_on(stage):
    sensor = stage.attach("sensor.other.imu")
    stage.world.tick()
    stage.next(sensor)
    stage.client.apply_batch_sync([carla.command.DestroyActor(sensor.id)], True)
    for _ in range(50):
        stage.world.tick()

    assert stage.queues[sensor.id].empty()
    assert not stage.world.get_snapshot().has_actor(sensor.id)


def test_a_sensor_out_of_range_or_not_built_is_refused_by_name(stage):
    with pytest.raises(RuntimeError, match=r"sensor.camera.rgb: image_size_x = '100000'; want a number from 1 to 8192"):
        stage.attach("sensor.camera.rgb", image_size_x="100000")
    offered = {blueprint.id for blueprint in stage.library.filter("sensor.*")}
    with pytest.raises(IndexError, match=r"blueprint 'sensor\.other\.v2x' not found"):
        stage.library.find("sensor.other.v2x")
    assert {f"sensor.camera.{kind}" for kind in CAMERAS} < offered


def test_a_count_may_be_written_with_a_point_as_an_example_of_carla_does(stage):
    lidar = stage.attach("sensor.lidar.ray_cast", channels="4.0", points_per_second="4000")

    stage.world.tick()

    assert stage.next(lidar).channels == 4


def test_the_library_says_what_the_simulator_is_and_what_renders(stage):
    stage.attach("sensor.camera.rgb", **SIZE)

    about = stage.world.get_blueprint_library().find("avsynth.simulator.facts")

    facts = {attribute.id: attribute.as_str() for attribute in about}
    assert set(facts) == {"version", "profile", "quality", "bodies_digest", "town_digest", "gl_renderer"}
    assert all(facts.values())
    with pytest.raises(RuntimeError, match="cannot be spawned"):
        stage.world.spawn_actor(about, stage.place)
