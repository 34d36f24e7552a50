"""The server driven by the official client: everything but sensors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import carla
import msgpack
import pytest
from own_map import own_map
from server_process import ahead, connect, fresh_world, running_simulator

from av_synth.session.traffic_manager import start_traffic_manager


@pytest.fixture(scope="module")
def port(native_port: int) -> int:
    return native_port


@pytest.fixture(scope="module")
def client(port: int, tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    return connect(port, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def world(client: carla.Client) -> carla.World:
    return fresh_world(client)


def _spawn_ego(world: carla.World, index: int = 0) -> carla.Vehicle:
    blueprint = world.get_blueprint_library().find("vehicle.audi.a2")
    return world.spawn_actor(blueprint, world.get_map().get_spawn_points()[index])


def test_a_tick_makes_the_next_frame_and_the_snapshot_is_of_it(world):
    first, second = world.tick(), world.tick()

    snapshot = world.get_snapshot()

    assert (second, snapshot.frame) == (first + 1, second)
    assert snapshot.timestamp.delta_seconds == pytest.approx(0.05)


def test_the_map_name_carries_a_content_hash_and_the_map_has_roads(client, world):
    name = world.get_map().name

    assert name.startswith("Carla/Maps/AvSynth01_")
    assert f"/Game/{name}" in client.get_available_maps()
    assert len(world.get_map().get_spawn_points()) > 50
    assert len(world.get_map().get_topology()) > 10


def test_ids_in_the_library_have_three_words_as_carlas_have(world):
    library = world.get_blueprint_library()

    assert len(library) > 50
    assert [each.id for each in library if each.id.count(".") < 2] == []


def test_vehicles_stand_where_the_spawn_points_say_to_the_sign_of_their_angles(client):
    world = fresh_world(client, "AvSynth05")
    points = world.get_map().get_spawn_points()
    blueprint = world.get_blueprint_library().find("vehicle.audi.a2")
    made = client.apply_batch_sync([carla.command.SpawnActor(blueprint, point) for point in points], False)
    world.tick()

    snapshot = world.get_snapshot()

    assert sum(abs(point.rotation.yaw) == 180.0 for point in points) > 20
    for each, point in zip(made, points, strict=True):
        pose = snapshot.find(each.actor_id).get_transform()
        told = (pose.location.x, pose.location.y, pose.rotation.pitch, pose.rotation.yaw, pose.rotation.roll)
        at, turn = point.location, point.rotation
        assert told == pytest.approx((at.x, at.y, turn.pitch, turn.yaw, turn.roll), abs=0.005)


def test_reloading_the_world_is_the_same_town_without_what_was_spawned(client, world):
    spawned = _spawn_ego(world)
    world.tick()

    again = client.reload_world()

    assert again.id != world.id
    assert again.get_map().name == world.get_map().name
    assert spawned.id not in {actor.id for actor in again.get_actors().filter("vehicle.*")}


def test_loading_a_town_begins_a_new_episode_whose_ids_begin_again_while_frames_go_on(client, world):
    frame, before = world.tick(), _spawn_ego(world)

    again = client.load_world(f"/Game/{world.get_map().name}", False)

    after = _spawn_ego(again)
    assert after.id == before.id
    assert again.tick() > frame
    assert again.get_settings().synchronous_mode


def test_an_unknown_town_is_an_error_that_names_the_towns_there_are(client, world):
    with pytest.raises(RuntimeError, match=r"Map 'Town99' not found; want one of AvSynth01"):
        client.load_world("Town99")


def test_settings_come_back_as_they_were_set_and_bad_ones_are_refused(world):
    settings = world.get_settings()
    settings.fixed_delta_seconds = 0.02
    settings.substepping = False
    world.apply_settings(settings)
    assert world.get_settings() == settings

    settings.fixed_delta_seconds = 11.0
    with pytest.raises(RuntimeError, match=r"set_episode_settings: fixed_delta_seconds = 11"):
        world.apply_settings(settings)


def test_a_tick_may_be_three_seconds_long_as_in_an_example_of_carla(world):
    settings = world.get_settings()
    settings.fixed_delta_seconds = 3.0
    world.apply_settings(settings)
    before = world.get_snapshot().elapsed_seconds
    world.tick()
    assert world.get_snapshot().elapsed_seconds - before == pytest.approx(3.0)


def test_an_asynchronous_world_goes_on_by_itself(world):
    settings = world.get_settings()
    settings.synchronous_mode = False
    settings.fixed_delta_seconds = None
    world.apply_settings(settings)

    first = world.wait_for_tick(5.0)
    second = world.wait_for_tick(5.0)

    assert second.frame > first.frame
    assert second.timestamp.elapsed_seconds > first.timestamp.elapsed_seconds


def test_no_stray_frame_is_made_after_the_world_became_synchronous(client):
    for _ in range(5):
        world = fresh_world(client)
        frame = world.tick()

        assert world.tick() == frame + 1


def test_a_vehicle_drives_turns_right_for_positive_steer_and_reports_its_state(world):
    ego = _spawn_ego(world)
    for _ in range(10):
        world.tick()
    start = ego.get_transform()
    ego.apply_control(carla.VehicleControl(throttle=0.8, steer=0.2))
    for _ in range(40):
        world.tick()

    forward, right = start.get_forward_vector(), start.get_right_vector()
    offset = ego.get_location() - start.location
    assert offset.x * forward.x + offset.y * forward.y > 2.0
    assert offset.x * right.x + offset.y * right.y > 0.1
    assert ego.get_velocity().length() > 2.0
    assert ego.get_control().steer == pytest.approx(0.2)
    assert ego.get_speed_limit() in (30.0, 50.0)


def test_wheels_are_reported_in_world_centimetres_at_the_axles(world):
    ego = _spawn_ego(world)
    world.tick()
    pose = ego.get_transform()
    inverse = pose.get_inverse_matrix()

    xs = []
    for wheel in ego.get_physics_control().wheels:
        point = [wheel.position.x / 100.0, wheel.position.y / 100.0, wheel.position.z / 100.0, 1.0]
        xs.append(sum(a * b for a, b in zip(inverse[0], point, strict=True)))

    assert max(xs) - min(xs) == pytest.approx(2.59, abs=0.02)


def test_physics_control_is_read_back_as_it_was_applied(world):
    ego = _spawn_ego(world)
    physics = ego.get_physics_control()
    physics.mass = 1234.0
    physics.drag_coefficient = 0.5
    ego.apply_physics_control(physics)
    world.tick()

    assert ego.get_physics_control().mass == pytest.approx(1234.0)
    assert ego.get_physics_control().drag_coefficient == pytest.approx(0.5)


def test_a_taken_place_is_refused_in_carlas_words(world):
    ego = _spawn_ego(world)
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    world.tick()

    with pytest.raises(RuntimeError, match="Spawn failed because of collision at spawn position"):
        world.spawn_actor(blueprint, ego.get_transform())
    assert world.try_spawn_actor(blueprint, ego.get_transform()) is None


def test_what_a_client_sets_on_an_actor_is_there_in_the_next_snapshot(world):
    ego = _spawn_ego(world)
    ego.set_simulate_physics(False)
    target = carla.Transform(carla.Location(200.0, -61.0, 0.5), carla.Rotation(1.0, 30.0, -2.0))
    ego.set_transform(target)
    ego.set_target_velocity(carla.Vector3D(1.0, 2.0, 0.0))
    ego.set_target_angular_velocity(carla.Vector3D(0.0, 0.0, 10.0))
    ego.set_light_state(carla.VehicleLightState.LowBeam)
    world.tick()

    pose = ego.get_transform()
    assert (pose.location.x, pose.location.y, pose.location.z) == pytest.approx((200.0, -61.0, 0.5), abs=1e-4)
    angles = (pose.rotation.pitch, pose.rotation.yaw, pose.rotation.roll)
    assert angles == pytest.approx((1.0, 30.0, -2.0), abs=1e-3)
    assert (ego.get_velocity().x, ego.get_velocity().y) == pytest.approx((1.0, 2.0), abs=1e-4)
    assert ego.get_angular_velocity().z == pytest.approx(10.0, abs=1e-3)
    assert ego.get_light_state() == carla.VehicleLightState.LowBeam
    assert world.get_vehicles_light_states()[ego.id] == carla.VehicleLightState.LowBeam


def test_a_door_that_a_client_opens_stands_in_the_way_of_rays_and_leaves_the_box_as_it_is(world):
    car = _spawn_ego(world)
    world.tick()
    box = car.bounding_box.extent
    beside = (carla.Location(x=x, y=-box.y - 0.35, z=0.8) for x in (-4.0, 4.0))  # along its left flank
    start, end = (car.get_transform().transform(place) for place in beside)

    def seen() -> set[carla.CityObjectLabel]:
        return {point.label for point in world.cast_ray(start, end)}

    closed = seen()
    car.open_door(carla.VehicleDoor.FL)
    for _ in range(20):
        world.tick()

    assert carla.CityObjectLabel.Car not in closed
    assert carla.CityObjectLabel.Car in seen()
    assert car.bounding_box.extent == box
    car.close_door(carla.VehicleDoor.All)
    world.tick()
    assert seen() == closed


def test_weather_is_read_back_as_it_was_set(world):
    weather = carla.WeatherParameters.HardRainSunset
    world.set_weather(weather)

    assert world.get_weather() == weather


def test_a_batch_answers_each_command_and_fills_in_the_spawned_actor(client, world):
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    spawn = carla.command.SpawnActor(library.find("vehicle.audi.tt"), points[3])
    held = spawn.then(carla.command.SetSimulatePhysics(carla.command.FutureActor, False))

    good, bad = client.apply_batch_sync([held, carla.command.DestroyActor(54321)], True)

    assert not good.error
    assert world.get_actor(good.actor_id).type_id == "vehicle.audi.tt"
    assert "not found" in bad.error


def test_walkers_walk_where_they_are_told(world):
    points = world.get_map().get_spawn_points()
    blueprint = world.get_blueprint_library().find("walker.pedestrian.0001")
    walker = world.spawn_actor(blueprint, ahead(points[0], 10.0, up_m=1.0))
    world.tick()
    start = walker.get_location()
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.4))
    for _ in range(20):
        world.tick()

    assert walker.get_location().y - start.y == pytest.approx(1.4, abs=0.1)
    assert walker.get_control().speed == pytest.approx(1.4)


def test_traffic_lights_have_opendrive_ids_groups_and_take_orders(world):
    lights = list(world.get_actors().filter("traffic.traffic_light"))
    light = lights[0]
    world.freeze_all_traffic_lights(True)
    light.set_state(carla.TrafficLightState.Yellow)
    light.set_green_time(7.0)
    for _ in range(3):
        world.tick()

    assert light.state == carla.TrafficLightState.Yellow
    assert light.is_frozen()
    assert light.get_green_time() == pytest.approx(7.0)
    assert light.get_opendrive_id() in {landmark.id for landmark in world.get_map().get_all_landmarks()}
    group = {other.id for other in light.get_group_traffic_lights()}
    assert light.id in group
    assert group <= {other.id for other in lights}


def test_the_town_can_be_asked_about(world):
    buildings = world.get_environment_objects(carla.CityObjectLabel.Buildings)
    ego = _spawn_ego(world)
    for _ in range(20):
        world.tick()
    above = ahead(ego.get_transform(), 8.0, up_m=10.0).location

    hit = world.ground_projection(above, 20.0)
    cars = world.get_level_bbs(carla.CityObjectLabel.Car)

    assert buildings
    assert all(building.type == carla.CityObjectLabel.Buildings for building in buildings)
    assert hit.location.z == pytest.approx(0.0, abs=0.05)
    assert [round(box.location.x, 1) for box in cars] == [round(ego.get_location().x, 1)]


def test_a_world_of_the_users_own_opendrive_has_its_roads_and_carlas_name_for_it(client, world):
    world = client.generate_opendrive_world(own_map())
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    roads = world.get_map()
    first = roads.get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.a2"), first)
    for _ in range(10):
        world.tick()
    stood = car.get_location()
    car.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(50):
        world.tick()
    drove = car.get_location()

    assert roads.name == "Carla/Maps/OpenDriveMap"
    assert "/Game/Carla/Maps/OpenDriveMap" in client.get_available_maps()
    assert stood.z == pytest.approx(roads.get_waypoint(stood).transform.location.z, abs=0.02)
    assert drove.distance(stood) > 5.0
    assert drove.z == pytest.approx(roads.get_waypoint(drove).transform.location.z, abs=0.02)
    assert client.reload_world().get_map().name == roads.name
    assert client.load_world("AvSynth01").get_map().name != roads.name
    assert len(client.load_world("OpenDriveMap").get_map().get_spawn_points()) == len(roads.get_spawn_points())


@pytest.mark.parametrize("text", ["<OpenDRIVE/>", "<OpenDRIVE/>".ljust(4 << 20)], ids=["short", "of 4 MiB"])
def test_an_opendrive_text_that_makes_no_town_is_refused_with_its_reason_and_the_world_stays(client, world, text):
    with pytest.raises(RuntimeError, match="copy_opendrive_to_file: OpenDRIVE: no road has a lane of type driving"):
        client.generate_opendrive_world(text)

    assert client.get_world().id == world.id


def test_twelve_cars_of_a_seeded_traffic_manager_drive_the_same_way_twice(client):
    def drive() -> list[tuple[float, float]]:
        world = fresh_world(client)
        manager = start_traffic_manager(client, 11)
        library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
        cars = [b for b in library.filter("vehicle.*") if b.get_attribute("number_of_wheels").as_int() == 4]
        pilot = carla.command.SetAutopilot(carla.command.FutureActor, True, manager.get_port())
        spawns = [carla.command.SpawnActor(cars[k % len(cars)], points[9 * k]).then(pilot) for k in range(12)]
        ids = [answer.actor_id for answer in client.apply_batch_sync(spawns, True) if not answer.error]
        for _ in range(160):
            world.tick()
        snapshot = world.get_snapshot()
        states = [snapshot.find(actor_id) for actor_id in ids]
        client.apply_batch_sync([carla.command.DestroyActor(actor_id) for actor_id in ids], True)
        manager.shut_down()
        return [(s.get_transform().location.x, s.get_velocity().length()) for s in states]

    first, second = drive(), drive()

    assert len(first) == 12
    assert sum(speed > 3.0 for _, speed in first) >= 8
    assert first == second


def test_a_malformed_call_is_answered_with_its_name_and_the_connection_lives(port, world):
    calls = [
        ("set_actor_transform", [[False], "ego", 3]),
        ("tick_cue", [[False], 1, 2, 3]),
        ("spawn_actor", [[False], [1, "vehicle.audi.a2", []], [[float("nan"), 0, 0], [0, 0, 0]]]),
        ("apply_batch", [[False], [[[99, [1]]]], False]),
        ("get_actors_by_id", []),
        ("version", [[False]]),
    ]
    unpacker = msgpack.Unpacker()
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as sock:
        answers = []
        for number, (name, params) in enumerate(calls):
            sock.sendall(msgpack.packb([0, number, name, params]))
            while len(answers) <= number:
                unpacker.feed(sock.recv(65536))
                answers += list(unpacker)

    assert [answer[1] for answer in answers] == list(range(len(calls)))
    assert all(name in str(answer) for (name, _), answer in zip(calls[:-1], answers[:-1], strict=True))
    assert answers[-1][3] == [[1, "0.9.16"]]


def test_the_end_of_its_parents_pipe_ends_the_process():
    with running_simulator() as (process, _):
        process.stdin.close()

        assert process.wait(20.0) == 0


def test_a_taken_port_is_an_error_that_says_what_to_do(port):
    command = [sys.executable, "-m", "av_synth.simulator", "--port", str(port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)

    assert result.returncode == 1
    assert f"127.0.0.1:{port}: cannot listen" in result.stderr
    assert "choose another --port" in result.stderr


def test_ports_are_on_loopback_only(port):
    listening = Path("/proc/net/tcp").read_text().split("\n")
    mine = [line.split()[1] for line in listening if f":{port:04X} " in line and " 0A " in line]

    assert mine == [f"0100007F:{port:04X}"]
