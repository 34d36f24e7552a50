"""Every sensor through the official client: normals, events, obstacles, lanes, and how sensors come and go."""

from __future__ import annotations

import queue
from typing import Any

import carla
import numpy as np
import pytest
from server_process import ahead, connect
from stage import WAIT_S, Stage, pixels

SIZE = {"image_size_x": "64", "image_size_y": "36"}
LIDAR = {"channels": "4", "points_per_second": "4000", "rotation_frequency": "20"}
EVENTS = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "?")])
FRONT = carla.Transform(carla.Location(x=2.2, z=0.8))
SPEED_MPS = 8.0


def _settle(stage: Stage, ticks: int = 20) -> None:
    for _ in range(ticks):
        stage.world.tick()


def _drive(stage: Stage) -> None:
    stage.ego.set_target_velocity(stage.ego.get_transform().get_forward_vector() * SPEED_MPS)


def test_every_sensor_of_the_library_at_once_gives_one_datum_a_tick_or_by_its_sensor_tick(stage):
    _settle(stage)
    sensors = {}
    for blueprint in stage.library.filter("sensor.*"):
        wanted = {**SIZE, **LIDAR, "distance": "60", "sensor_tick": "0.15" if "radar" in blueprint.id else "0"}
        attributes = {name: value for name, value in wanted.items() if blueprint.has_attribute(name)}
        sensors[blueprint.id] = stage.attach(blueprint.id, FRONT, **attributes)
    assert len(sensors) == 15
    _drive(stage)
    frames = [stage.world.tick() for _ in range(7)]

    assert stage.queues[sensors.pop("sensor.other.collision").id].empty()
    sensors.pop("sensor.other.lane_invasion")  # tells what it likes, and when: the client makes it
    for name, sensor in sensors.items():
        wanted_frames = frames[::3] if "radar" in name else frames[1:] if "dvs" in name else frames
        assert [stage.next(sensor).frame for _ in wanted_frames] == wanted_frames, name
        assert stage.queues[sensor.id].empty(), name


def test_normals_are_those_of_the_world_in_carlas_axes_whichever_way_the_camera_looks(stage):
    right = carla.Transform(carla.Location(x=0.8, z=1.8), carla.Rotation(yaw=90.0, pitch=-20.0))
    forward = carla.Transform(carla.Location(x=0.8, z=1.8))
    cameras = [
        (stage.attach("sensor.camera.normals", mount, **SIZE), stage.attach("sensor.camera.depth", mount, **SIZE))
        for mount in (forward, right)
    ]
    tags = stage.attach("sensor.camera.semantic_segmentation", forward, **SIZE)
    _settle(stage, 1)

    for normals, depth in cameras:
        seen, far = stage.next(normals), pixels(stage.next(depth))[..., :3].min(axis=2)
        image = pixels(seen)
        vectors = image[..., 2::-1] / 127.5 - 1.0
        surface = far < 255
        assert np.linalg.norm(vectors[surface], axis=1) == pytest.approx(1.0, abs=0.02)
        # what is seen faces the camera
        place = seen.transform
        eye = np.array([place.get_forward_vector().x, place.get_forward_vector().y, place.get_forward_vector().z])
        assert (vectors[surface] @ eye).mean() < 0.0
        if normals is cameras[0][0]:
            assert (image[-1] == (255, 128, 128, 255)).all(), "the road points up: blue"
            car = pixels(stage.next(tags))[..., 2] == 14
            rear = vectors[car][np.abs(vectors[car][:, 2]) < 0.3].mean(axis=0)
            assert rear / np.linalg.norm(rear) == pytest.approx(-eye, abs=0.25)
            assert set(map(tuple, image[~surface][:, :3])) <= {(128, 128, 128)}


def test_events_lie_between_two_images_where_brightness_changes(stage):
    plain = stage.attach("sensor.camera.dvs", **SIZE)
    again = stage.attach("sensor.camera.dvs", **SIZE)
    tired = stage.attach("sensor.camera.dvs", **SIZE, refractory_period_ns=str(10**9))
    fussy = stage.attach("sensor.camera.dvs", **SIZE, positive_threshold="1", negative_threshold="1")
    noisy = stage.attach("sensor.camera.dvs", **SIZE, sigma_positive_threshold="0.2", sigma_negative_threshold="0.2")
    grey = stage.attach("sensor.camera.dvs", **SIZE, use_log="false", positive_threshold="40", negative_threshold="40")
    _settle(stage, 30)
    for sensor in (plain, again, tired, fussy, noisy, grey):
        while not stage.queues[sensor.id].empty():
            stage.next(sensor)
    _drive(stage)
    stage.world.tick()
    found = {sensor.id: stage.next(sensor) for sensor in (plain, again, tired, fussy, noisy, grey)}

    message = found[plain.id]
    events = np.frombuffer(message.raw_data, dtype=EVENTS)
    assert (message.width, message.height, message.fov) == (64, 36, 90.0)
    assert len(events) == len(message) > 20
    assert (np.diff(events["t"]) >= 0).all()
    now_ns = message.timestamp * 1e9
    assert now_ns - 0.05e9 - 1000 <= events["t"].min() <= events["t"].max() <= now_ns + 1000
    assert events["x"].max() < 64
    assert events["y"].max() < 36
    assert 0 < events["pol"].sum() < len(events)
    first = next(iter(message))
    assert (first.x, first.y, first.t, first.pol) == tuple(events[0])
    assert bytes(found[again.id].raw_data) == bytes(message.raw_data)
    assert bytes(found[noisy.id].raw_data) != bytes(message.raw_data)
    assert len(found[fussy.id]) < len(message)
    blind = np.frombuffer(found[tired.id].raw_data, dtype=EVENTS)[["x", "y"]]
    assert len(np.unique(blind)) == len(blind) < len(events)
    assert 0 < len(found[grey.id]) < len(message)


def test_a_new_event_camera_and_one_before_which_nothing_moves_say_nothing(stage):
    _settle(stage, 40)
    still = stage.attach("sensor.camera.dvs", **SIZE)
    _settle(stage, 3)
    frame = stage.attach("sensor.other.gnss")
    stage.world.tick()
    stage.next(frame)

    assert stage.queues[still.id].empty()


def test_an_obstacle_detector_names_what_its_sphere_meets_and_how_far_ahead(stage):
    _settle(stage)
    level = carla.Transform(carla.Location(x=1.0, z=1.0))
    down = carla.Transform(carla.Location(z=3.0), carla.Rotation(pitch=-90.0))
    ahead_of_it = stage.attach("sensor.other.obstacle", level, distance="30", hit_radius="0.3")
    actors_only = stage.attach("sensor.other.obstacle", level, distance="30", hit_radius="0.3", only_dynamics="true")
    too_short = stage.attach("sensor.other.obstacle", level, distance="5", hit_radius="0.3")
    road = stage.attach("sensor.other.obstacle", down, distance="5", hit_radius="0.5")
    no_road = stage.attach("sensor.other.obstacle", down, distance="5", hit_radius="0.5", only_dynamics="true")
    frame = stage.world.tick()

    gap = stage.other.get_location().distance(stage.ego.get_location()) - 1.0 - stage.other.bounding_box.extent.x
    for sensor in (ahead_of_it, actors_only):
        event = stage.next(sensor)
        assert (event.frame, event.actor.id, event.other_actor.id) == (frame, sensor.id, stage.other.id)
        assert gap - 0.3 - 0.1 < event.distance < gap  # at the height of its windows the car is shorter than its box
    event = stage.next(road)
    assert (event.other_actor.id, event.other_actor.type_id) == (0, "static.roads")
    assert event.distance == pytest.approx(event.transform.location.z - 0.5, abs=0.1)
    assert stage.queues[too_short.id].empty()
    assert stage.queues[no_road.id].empty()


def test_crossing_a_lane_is_told_by_the_client_itself(stage):
    stage.other.destroy()
    sensor = stage.attach("sensor.other.lane_invasion", carla.Transform())
    lane = stage.world.get_map().get_waypoint(stage.place.location)
    _settle(stage, 3)
    sideways = stage.place.get_right_vector() * -2.0
    for _ in range(60):
        stage.ego.set_target_velocity(sideways)
        stage.world.tick()
        if not stage.queues[sensor.id].empty():
            break
    event = stage.next(sensor)

    assert {marking.type for marking in event.crossed_lane_markings} == {lane.left_lane_marking.type}


def test_two_clients_hear_one_sensor_and_each_may_stop_and_listen_again(stage, native_port, tmp_path):
    sensor = stage.attach("sensor.other.imu")
    other_world = connect(native_port, tmp_path).get_world()
    stage.world.tick()
    other = other_world.get_actor(sensor.id)
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    other.listen(heard.put)
    stage.next(sensor)

    both = stage.world.tick()
    assert stage.next(sensor).frame == heard.get(timeout=WAIT_S).frame == both
    sensor.stop()
    alone = [stage.world.tick() for _ in range(2)]
    assert [heard.get(timeout=WAIT_S).frame for _ in alone] == alone
    sensor.listen(stage.queues[sensor.id].put)
    both = stage.world.tick()
    assert heard.get(timeout=WAIT_S).frame == both
    while (last := stage.next(sensor).frame) != both:  # what was under way when it stopped may come late
        assert last in alone
    other.stop()


def test_sensors_ride_on_walkers_and_props_and_stand_alone_and_come_again(stage):
    walker = stage.world.spawn_actor(stage.library.find("walker.pedestrian.0002"), ahead(stage.place, 6.0, 3.0, 1.0))
    prop = stage.world.spawn_actor(stage.library.find("static.prop.trafficcone01"), ahead(stage.place, 5.0, -2.0, 0.1))
    _settle(stage, 2)
    for carrier in (walker, prop, None):
        for _ in range(2):
            made = []
            for kind in ("sensor.camera.normals", "sensor.lidar.ray_cast_semantic", "sensor.other.imu"):
                blueprint = stage.library.find(kind)
                for name, value in {**SIZE, **LIDAR}.items():
                    if blueprint.has_attribute(name):
                        blueprint.set_attribute(name, value)
                mount = carla.Transform(carla.Location(z=2.0)) if carrier else ahead(stage.place, 6.0, 3.0, 3.0)
                sensor = stage.world.spawn_actor(blueprint, mount, attach_to=carrier)
                stage.queues[sensor.id] = queue.SimpleQueue()
                sensor.listen(stage.queues[sensor.id].put)
                made.append(sensor)
            frame = stage.world.tick()
            for sensor in made:
                data = stage.next(sensor)
                assert data.frame == frame
                place = carrier.get_location() + carla.Location(z=2.0) if carrier else mount.location
                assert data.transform.location.distance(place) < 0.05
            assert stage.queues[made[2].id].empty()
            assert all(sensor.destroy() for sensor in made)


def test_gamma_and_exposure_compensation_change_the_image_and_their_defaults_do_not(stage):
    looks = ({}, {"gamma": "2.2", "exposure_compensation": "0"}, {"exposure_compensation": "1"}, {"gamma": "1.1"})
    cameras = [stage.attach("sensor.camera.rgb", **SIZE, **look) for look in looks]
    stage.world.tick()
    plain, same, brighter, darker = (pixels(stage.next(camera)).astype(int) for camera in cameras)

    assert (plain == same).all()
    assert (brighter >= plain).all()
    assert brighter[..., :3].mean() > plain[..., :3].mean() + 20.0
    wanted = 255.0 * (plain[..., :3] / 255.0) ** 2
    assert np.abs(darker[..., :3] - wanted).max() <= 1.0


def test_g_buffers_are_refused_by_name(stage):
    camera = stage.attach("sensor.camera.rgb", **SIZE)

    with pytest.raises(RuntimeError, match=r"get_gbuffer_token: not supported by the embedded simulator"):
        camera.listen_to_gbuffer(carla.GBufferTextureID.SceneDepth, print)


def test_inertial_sensors_feel_the_gravity_that_was_set_until_the_episode_ends(client, stage):
    upright, lying = (
        stage.attach("sensor.other.imu", carla.Transform(carla.Location(z=1.0), carla.Rotation(pitch=pitch)))
        for pitch in (0.0, 90.0)
    )
    _settle(stage)
    assert stage.world.get_imui_sensor_gravity() == pytest.approx(9.81)
    stage.world.set_imui_sensor_gravity(3.7)
    frame = stage.world.tick()
    for sensor, axis in ((upright, "z"), (lying, "x")):
        while (felt := stage.next(sensor)).frame != frame:
            pass
        assert getattr(felt.accelerometer, axis) == pytest.approx(3.7, abs=0.02)

    assert Stage(client).world.get_imui_sensor_gravity() == pytest.approx(9.81)


def test_the_town_is_named_by_its_class_in_a_collision(stage):
    sensor = stage.attach("sensor.other.collision")
    push = stage.place.get_right_vector()
    for _ in range(60):
        stage.ego.set_target_velocity(push * 10.0)
        stage.world.tick()
        if not stage.queues[sensor.id].empty():
            break
    stage.world.tick()
    event = stage.next(sensor)

    assert (event.actor.id, event.other_actor.id) == (stage.ego.id, 0)
    assert event.other_actor.type_id == "static.trafficsigns"
    assert event.normal_impulse.x * push.x + event.normal_impulse.y * push.y < 0.0


def test_a_long_tick_has_one_collision_with_each_actor_however_often_they_touch_in_it(stage):
    settings = stage.world.get_settings()
    settings.fixed_delta_seconds = 0.5  # which the world makes in ten parts
    stage.world.apply_settings(settings)
    sensor = stage.attach("sensor.other.collision")
    stage.ego.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(10):
        stage.world.tick()
    events = [stage.next(sensor)]
    while not stage.queues[sensor.id].empty():
        events.append(stage.next(sensor))

    frames = [event.frame for event in events if event.other_actor.id == stage.other.id]
    assert len(set(frames)) == len(frames) > 1
