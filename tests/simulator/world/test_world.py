from __future__ import annotations

import hashlib

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.scene import Instance
from av_synth.simulator.town import load
from av_synth.simulator.world import (
    ActorNotFound,
    Attribute,
    AttributeType,
    SpawnRefused,
    VehicleControl,
    WalkerControl,
    World,
)
from av_synth.simulator.world.arrays import BodyArrays
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS

MODELS = ("vehicle.audi.a2", "vehicle.tesla.model3", "vehicle.mercedes.sprinter", "vehicle.audi.tt")


def play(sensors: bool) -> str:
    """A busy minute of nonsense; the hash of every state of every body."""
    world = World(load("AvSynth01"), catalogue())
    rng, digest = np.random.default_rng(3), hashlib.sha256()
    ids = []
    for k in range(12):
        ids.append(world.spawn(MODELS[k % 4], {}, world.town.spawn_points[7 * k]).id)
        if sensors:
            world.spawn("sensor.camera.rgb", {}, np.eye(4), ids[-1])
    walker = world.spawn("walker.pedestrian.0001", {}, from_yaw(200.0, 52.5, 1.2, 0.0))
    world.apply_walker_control(walker.id, WalkerControl((1.0, 0.2, 0.0), 1.5))
    for _ in range(200):
        for actor_id in ids:
            control = VehicleControl(rng.uniform(0.2, 1.0), rng.uniform(-0.3, 0.3), rng.uniform(0, 0.3))
            world.apply_vehicle_control(actor_id, control)
        if sensors and world.frame == 50:
            world.destroy(1_000_003)
        world.step(0.05)
        world.scene()
        for actor in world.actors.values():
            if actor.body is not None:
                digest.update(actor.id.to_bytes(4, "little") + actor.world_from_actor.tobytes())
                digest.update(actor.velocity_mps.tobytes() + actor.angular_velocity_radps.tobytes())
    return digest.hexdigest()


def test_equal_worlds_are_equal_bit_for_bit_with_and_without_sensors():
    assert play(sensors=False) == play(sensors=True) == play(sensors=False)


def test_frames_go_on_over_episodes_and_ids_begin_again(world):
    first = world.car(200.0).id
    world.run(0.5)
    assert (world.frame, world.episode_id) == (10, 1)
    assert world.elapsed_s == pytest.approx(0.5)
    world.reset()
    assert (world.frame, world.episode_id) == (10, 2)
    assert world.car(200.0).id == first == len(world.town.traffic_lights) + 1
    world.step(0.05)
    assert world.frame == 11


def test_bodies_and_sensors_count_apart_and_destroying_gives_nothing_back(world):
    car = world.car(200.0)
    camera = world.spawn("sensor.camera.rgb", {"fov": "70"}, from_yaw(1.0, 0.0, 1.5, 0.0), car.id)
    assert (car.id, camera.id) == (len(world.town.traffic_lights) + 1, 1_000_001)
    assert world.destroy(car.id)
    assert not world.destroy(car.id)
    assert camera.id in world.actors
    assert camera.parent_id == 0
    assert world.car(200.0).id == car.id + 1
    assert not world.destroy(world.spectator_id)
    with pytest.raises(ActorNotFound, match="set_actor_location"):
        world.set_location(car.id, (0.0, 0.0, 0.0))


def test_attached_actors_follow_at_once_and_on_every_step(world, street):
    car = world.car(200.0)
    mount = from_yaw(1.0, 0.2, 1.5, 0.3)
    camera = world.spawn("sensor.camera.rgb", {}, mount, car.id)
    cone = world.spawn("static.prop.trafficcone01", {}, from_yaw(0.0, 0.0, 2.0, 0.0), car.id)
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.7, steer=0.1))
    for _ in range(30):
        world.step(0.05)
        assert (camera.world_from_actor == world.told(car)[0] @ mount).all()
    assert cone.world_from_actor[:2, 3] == pytest.approx(car.world_from_actor[:2, 3], abs=0.1)
    world.set_transform(car.id, street.at(300.0))
    assert camera.world_from_actor[0, 3] == pytest.approx(301.0)


def test_a_row_of_bodies_each_on_the_one_before_is_carried_once_a_step(world, monkeypatch):
    car = parent = world.car(200.0)
    mount = from_yaw(0.0, 0.0, 1.0, 0.1)
    for _ in range(30):
        parent = world.spawn("static.prop.trafficcone01", {}, mount, parent.id)
    told, asked = BodyArrays.told, []
    monkeypatch.setattr(BodyArrays, "told", lambda arrays, actor: asked.append(actor.id) or told(arrays, actor))
    world.set_target_velocity(car.id, [8.0, 0.0, 0.0])
    world.step(0.05)

    assert len(asked) == len(set(asked)) == 30
    assert parent.world_from_actor[:3, 3] == pytest.approx(car.world_from_actor[:3, 3] + [0.0, 0.0, 30.0], abs=0.1)


def test_the_scene_is_a_copy_with_paint_lamps_and_every_body(world, street):
    car = world.spawn("vehicle.audi.a2", {"color": "10,20,30"}, street.at(200.0))
    world.spawn("sensor.camera.rgb", {}, np.eye(4), car.id)
    world.set_lights(car.id, 1 | 32)
    world.apply_vehicle_control(car.id, VehicleControl(brake=0.5))
    world.step(0.05)
    scene = world.scene()
    instance = next(i for i in scene.instances if i.actor_id == car.id)
    place = instance.world_from_body.copy()

    assert [i.actor_id for i in scene.instances] == [a.id for a in world.actors.values() if a.body is not None]
    assert (instance.body, instance.colour, instance.lights) == ("vehicle.audi.a2", (10, 20, 30), 1 | 8 | 32)
    assert car.lights == 1 | 32
    world.set_transform(car.id, street.at(350.0))
    world.set_simulate_physics(car.id, False)
    world.spawn("vehicle.audi.a2", {}, street.at(320.0))
    world.step(0.05)
    pushed, parked = (each for each in world.scene().instances if each.body == "vehicle.audi.a2")
    assert pushed.lights == 1 | 8 | 32  # its driver brakes, whatever moves it
    assert parked.lights == 0
    assert (instance.world_from_body == place).all()
    assert scene.frame == 1


def test_the_scene_knows_what_the_frame_before_showed_also_when_actors_are_put_elsewhere_between(world, street):
    mount = from_yaw(1.0, 0.0, 1.5, 0.0)
    car = world.car(200.0)
    walker = world.spawn("walker.pedestrian.0001", {}, street.at(230.0, street.pavement_y_m, z_m=1.0))
    sensor, free = (
        world.spawn("sensor.camera.rgb", {}, place, parent)
        for place, parent in ((mount, car.id), (street.at(210.0), 0))
    )
    world.apply_walker_control(walker.id, WalkerControl((1.0, 0.0, 0.0), 1.5))
    world.set_target_velocity(car.id, [8.0, 0.0, 0.0])
    shown: dict[int, Instance] = {}
    gaits = set()
    for frame in range(12):
        if frame == 5:
            world.car(260.0, model="audi.tt")
        if frame == 8:
            world.set_transform(car.id, street.at(300.0))
        world.step(0.05)
        now = {each.actor_id: each for each in world.scene().instances}
        for actor_id, each in now.items():
            before = shown.get(actor_id, each)  # what is new has not moved
            assert each.last_pose == before.pose
            assert np.array_equal(each.last_world_from_body, before.world_from_body)
        assert np.allclose(world.last_pose(sensor), now[car.id].last_world_from_body @ mount, atol=1e-12)
        assert np.array_equal(world.last_pose(free), free.world_from_actor)
        gaits.add((now[walker.id].last_pose, now[walker.id].pose))
        shown = now
    assert len(gaits) > 5
    assert np.linalg.norm(shown[car.id].world_from_body[:3, 3] - street.at(200.0)[:3, 3]) > 90.0


def test_the_library_has_carlas_values_and_the_extensions(world):
    library = {d.id: {a.id: a for a in d.attributes} for d in world.definitions()}
    assert [d.uid for d in world.definitions()] == list(range(1, len(library) + 1))
    assert set(SENSOR_IDS) <= set(library)
    assert {"vehicle.audi.a2", "walker.pedestrian.0001", "controller.ai.walker", "spectator"} <= set(library)

    rgb = library["sensor.camera.rgb"]
    values = {"image_size_x": "800", "image_size_y": "600", "fov": "90.0", "sensor_tick": "0.0", "gamma": "2.2"}
    assert {name: rgb[name].value for name in values} == values
    assert rgb["fstop"].value == "1.4"
    assert rgb["exposure_mode"].restrict_to_recommended
    assert (rgb["avsynth.fx"].value, rgb["avsynth.frame_period"].type) == ("-1", AttributeType.INT)
    lidar = library["sensor.lidar.ray_cast"]
    assert (lidar["range"].value, lidar["dropoff_general_rate"].value) == ("10.0", "0.45")
    assert "dropoff_general_rate" not in library["sensor.lidar.ray_cast_semantic"]
    car = library["vehicle.audi.a2"]
    assert car["number_of_wheels"] == Attribute("number_of_wheels", AttributeType.INT, "4", modifiable=False)
    assert car["color"].type is AttributeType.RGB_COLOR
    assert library["walker.pedestrian.0001"]["speed"].recommended[0] == "0.0"
    assert library["avsynth.camera.visibility"].keys() == library["sensor.camera.depth"].keys()
    simulator = library["avsynth.simulator.facts"]
    assert simulator["town_digest"].value == world.town.digest
    assert not any(a.modifiable for a in simulator.values())


@pytest.mark.parametrize(
    ("blueprint", "attributes", "message"),
    [
        ("vehicle.delorean.dmc12", {}, "cannot be spawned"),
        ("avsynth.simulator.facts", {}, "cannot be spawned"),
        ("traffic.traffic_light", {}, "cannot be spawned"),
        ("vehicle.audi.a2", {"wings": "2"}, "no attribute 'wings'"),
        ("vehicle.audi.a2", {"number_of_wheels": "3"}, "fixed to '4'"),
        ("vehicle.audi.a2", {"color": "red"}, "rgb_color"),
        ("sensor.camera.rgb", {"image_size_x": "many"}, "want int"),
        ("sensor.camera.rgb", {"image_size_x": "64.5"}, "want int"),
        ("sensor.camera.rgb", {"exposure_mode": "auto"}, "histogram"),
    ],
)
def test_what_cannot_be_spawned_is_refused_with_the_reason(world, street, blueprint, attributes, message):
    with pytest.raises(SpawnRefused, match=message):
        world.spawn(blueprint, attributes, street.at(200.0))


def test_every_vehicle_drives_and_fits_every_spawn_point(world):
    vehicles = [b for b, body in world.catalogue.items() if body.kind == "vehicle"]
    for first in range(0, len(vehicles), 20):
        world.reset()
        for k, blueprint in enumerate(vehicles[first : first + 20]):
            car = world.spawn(blueprint, {}, world.town.spawn_points[5 * k])
            world.apply_vehicle_control(car.id, VehicleControl(throttle=0.8))
        world.run(2.5)
        for actor in world.actors.values():
            if actor.vehicle is not None:
                assert 1.0 < np.linalg.norm(actor.velocity_mps) < 15.0, actor.blueprint_id
                assert 0.0 <= actor.world_from_actor[2, 3] < 0.13


def test_a_long_step_is_cut_into_short_ones(world):
    car = world.car(200.0)
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0))
    world.run(3.0, 0.5)
    other = World(load("AvSynth01"), catalogue())
    twin = other.spawn("vehicle.audi.a2", {}, from_yaw(200.0, 58.25, 0.0, 0.0))
    other.apply_vehicle_control(twin.id, VehicleControl(throttle=1.0))
    for _ in range(60):
        other.step(0.05)
    assert car.world_from_actor == pytest.approx(twin.world_from_actor, abs=1e-9)
    with pytest.raises(DataError):
        world.step(0.0)
