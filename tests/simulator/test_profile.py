"""The habits of Unreal's server, one by one: on in `ue4`, off in `native`."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import carla
import numpy as np
import pytest

from av_synth.errors import DocumentError
from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import (
    BLANK_FRAMES,
    DETUNED,
    FEW_OBJECT_BITS,
    NATIVE,
    OBJECT_BITS,
    SETTLING_FRAMES,
    SWITCHES,
    UE4,
    WEATHER_FRAMES,
    WRONG_EVERY,
    Profile,
    object_ids,
    parse_profile,
)
from av_synth.simulator.scene import Tag, Weather
from av_synth.simulator.sensors.spec import Schedule
from av_synth.simulator.town import load
from av_synth.simulator.world import SpawnRefused, World
from av_synth.simulator.world.level_cars import FIRST_LEVEL_ID
from av_synth.simulator.world.model import VehicleControl
from tests.simulator.server_process import connect, fresh_world, running_simulator

DOCS = Path(__file__).parents[2] / "docs" / "reference"
STREET = from_yaw(182.5, 58.25, 0.1, 0.0)


def world(profile: Profile) -> World:
    return World(load("AvSynth01"), catalogue(), profile=profile)


def test_a_profile_is_named_and_its_switches_are_turned_on_and_off():
    assert parse_profile("native") == NATIVE
    assert parse_profile("ue4") == UE4
    assert parse_profile("detuned") == DETUNED
    found = parse_profile("ue4+colliding_ids-late_images")

    assert found.colliding_ids
    assert not found.late_images
    assert replace(found, name="ue4", colliding_ids=False, late_images=True) == UE4


@pytest.mark.parametrize("text", ["", "ue5", "ue4 ", "ue4+", "ue4+wings", "+object_ids", "native,object_ids"])
def test_an_unknown_profile_or_switch_is_an_error_that_lists_what_there_is(text):
    with pytest.raises(DocumentError, match=r"--profile: .*want .*(native or ue4|late_images)"):
        parse_profile(text)


def test_every_switch_is_off_in_native_and_stands_in_the_documentation_with_its_source():
    page = (DOCS / "ue4-profile.md").read_text()

    for each in fields(Profile):
        if each.metadata:
            assert getattr(NATIVE, each.name) is False
            assert getattr(UE4, each.name) is each.metadata["usual"]
            row = next(line for line in page.splitlines() if line.startswith(f"| `{each.name}` |"))
            assert each.metadata["source"] in row, each.name
    assert len(SWITCHES) >= 12


def test_object_ids_fit_their_bits_and_static_things_have_them_too():
    actors = np.arange(1, 400, dtype=np.uint32)
    ids = object_ids(actors, np.full(len(actors), int(Tag.CAR), np.uint8), OBJECT_BITS)
    few = object_ids(actors, np.full(len(actors), int(Tag.CAR), np.uint8), FEW_OBJECT_BITS)
    nobody = np.zeros(3, dtype=np.uint32)
    static = object_ids(nobody, np.array([Tag.BUILDINGS, Tag.STATIC, Tag.SKY], np.uint8), OBJECT_BITS)

    assert (ids != actors).mean() > 0.99
    assert ids.max() < 1 << OBJECT_BITS
    assert len(np.unique(few)) == 1 << FEW_OBJECT_BITS
    assert static[2] == 0
    assert len({0, *static.tolist()}) == 3


def test_a_stock_library_has_nothing_of_ours_and_no_body_that_carla_lacks():
    stock, ours = ({found.id: found for found in world(profile).definitions()} for profile in (UE4, NATIVE))

    assert not [name for name in stock if "avsynth" in name]
    assert not [a.id for found in stock.values() for a in found.attributes if a.id.startswith("avsynth")]
    assert {"avsynth.simulator.facts", "avsynth.camera.visibility"} <= ours.keys() - stock.keys()
    assert {"vehicle.audi.a2", "walker.pedestrian.0001", "sensor.camera.rgb"} <= stock.keys()
    assert not UE4.offers("vehicle.nobody.built")
    assert not UE4.offers("walker.stroller.0001")


def test_boxes_are_reported_as_unreal_does_and_by_native_as_they_are():
    bodies = catalogue()
    for body in bodies.values():
        centre, half = NATIVE.box(body)
        np.testing.assert_array_equal([centre, half], [body.box_centre_m, body.box_half_m])
    walker = UE4.box(bodies["walker.pedestrian.0001"])
    bicycle = UE4.box(bodies["vehicle.bh.crossbike"])
    bus = UE4.box(bodies["vehicle.mitsubishi.fusorosa"])

    np.testing.assert_array_equal(walker[0], 0.0)
    assert walker[1][0] == walker[1][1] < 0.2
    assert bicycle[1][1] == 0.0 < bicycle[0][1]
    assert bus[1][1] > bodies["vehicle.mitsubishi.fusorosa"].box_half_m[1]
    np.testing.assert_array_equal(UE4.box(bodies["vehicle.audi.a2"])[1], bodies["vehicle.audi.a2"].box_half_m)


def test_who_is_spawned_touching_the_ground_is_refused():
    stock = world(UE4)

    with pytest.raises(SpawnRefused, match="collision at spawn position"):
        stock.spawn("vehicle.audi.a2", {}, from_yaw(182.5, 58.25, 0.0, 0.0))
    stock.spawn("vehicle.audi.a2", {}, STREET)
    world(NATIVE).spawn("vehicle.audi.a2", {}, from_yaw(182.5, 58.25, 0.0, 0.0))


def test_parked_cars_of_the_town_are_seen_and_in_the_way_until_they_are_hidden():
    stock = world(UE4)
    cars = stock.scenery.level_cars
    car = cars[0]
    place = car.instance.world_from_body.copy()
    place[2, 3] += 0.1

    assert len(cars) >= 3
    assert [i.actor_id for i in stock.scene().instances if i.actor_id >= FIRST_LEVEL_ID] == [
        FIRST_LEVEL_ID + index for index in range(len(cars))
    ]
    assert FIRST_LEVEL_ID not in stock.actors
    with pytest.raises(SpawnRefused, match="collision"):
        stock.spawn("vehicle.audi.a2", {}, place)
    stock.scenery.show({car.thing.id}, False)
    stock.stand_scenery()
    stock.spawn("vehicle.audi.a2", {}, place)
    assert FIRST_LEVEL_ID not in [i.actor_id for i in stock.scene().instances]
    assert world(NATIVE).scenery.level_cars == ()


def test_cameras_show_a_change_of_weather_some_frames_later_and_tyres_feel_it_at_once():
    stock = world(UE4)
    for _ in range(2 * WEATHER_FRAMES):
        stock.step(0.05)
    stock.weather = Weather(fog_density=60.0)
    shown = []
    for _ in range(WEATHER_FRAMES):
        stock.step(0.05)
        shown.append(stock.scene().weather.fog_density)

    assert shown == [0.0] * (WEATHER_FRAMES - 1) + [60.0]


def test_detuned_vehicles_grip_less_weigh_more_and_obey_one_tick_late():
    speeds, masses = [], []
    for profile in (NATIVE, DETUNED):
        stage = world(profile)
        car = stage.spawn("vehicle.audi.a2", {}, STREET)
        car_id = car.id
        for _ in range(20):
            stage.step(0.05)
        stage.set_target_velocity(car_id, [10.0, 0.0, 0.0])
        stage.apply_vehicle_control(car_id, VehicleControl(brake=1.0))
        seen = []
        for _ in range(30):
            stage.step(0.05)
            seen.append(float(stage.actors[car_id].velocity_mps[0]))
        speeds.append(-np.diff([10.0, *seen]) / 0.05)
        assert car.vehicle is not None
        masses.append(car.vehicle.physics.mass_kg)

    native, detuned = speeds
    assert masses[1] == pytest.approx(1.15 * masses[0])
    assert native[0] > detuned[0] + 1.0  # the brakes begin a tick later
    assert detuned.max() == pytest.approx(native.max() / 1.15, rel=0.1)


def test_a_sensor_tick_that_is_no_multiple_of_the_tick_drifts():
    steps = [(frame, frame * 0.05, 0.05) for frame in range(1, 61)]
    exact, drifting = (Schedule(1, 0, 0.12, 0.0, drifts) for drifts in (False, True))

    assert sum(exact.due(*step) for step in steps) == 25
    assert sum(drifting.due(*step) for step in steps) == 20


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running_simulator("--profile", "ue4+wrong_frames") as (_, port):
        yield port


def test_first_images_are_black_then_bright_and_now_and_then_a_depth_image_is_of_the_frame_before(port, tmp_path):
    world = fresh_world(connect(port, tmp_path))
    library, seen, sensors = world.get_blueprint_library(), {}, []
    pose = carla.Transform(carla.Location(182.5, -58.25, 2.0))
    for kind in ("rgb", "depth"):
        blueprint = library.find(f"sensor.camera.{kind}")
        blueprint.set_attribute("image_size_x", "32")
        blueprint.set_attribute("image_size_y", "18")
        seen[kind] = queue.SimpleQueue()
        sensors.append(world.spawn_actor(blueprint, pose))
        sensors[-1].listen(seen[kind].put)
    frames = [world.tick(20.0) for _ in range(WRONG_EVERY)]
    images = {kind: [found.get(timeout=20.0) for _ in frames] for kind, found in seen.items()}
    for sensor in sensors:
        sensor.stop()
    light = [np.frombuffer(image.raw_data, np.uint8).reshape(-1, 4)[:, :3].mean() for image in images["rgb"]]

    assert [image.frame for image in images["rgb"]] == frames
    assert [image.frame for image in images["depth"]] == [*frames[:-2], frames[-3], frames[-1]]
    assert light[:BLANK_FRAMES] == [0.0] * BLANK_FRAMES
    assert light[BLANK_FRAMES + 1] > 1.05 * light[SETTLING_FRAMES + 2]
    assert light[SETTLING_FRAMES + 2] == pytest.approx(light[-1], rel=0.02)


def test_the_map_lists_parked_cars_and_hides_them_and_nothing_beside_them(port, tmp_path):
    world = fresh_world(connect(port, tmp_path))
    cars = world.get_environment_objects(carla.CityObjectLabel.Car)
    building = world.get_environment_objects(carla.CityObjectLabel.Buildings)[0]

    assert len(cars) >= 3
    assert len(world.get_level_bbs(carla.CityObjectLabel.Car)) == len(cars)
    assert all(seen_from_above(world, thing) for thing in (*cars, building))
    world.enable_environment_objects({car.id for car in cars}, False)
    assert not any(seen_from_above(world, car) for car in cars)
    assert seen_from_above(world, building)


def seen_from_above(world: carla.World, thing: carla.EnvironmentObject) -> bool:
    middle = thing.bounding_box.location
    hits = world.cast_ray(carla.Location(middle.x, middle.y, 80.0), middle)
    return any(hit.label == thing.type for hit in hits)
