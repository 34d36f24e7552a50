"""Layers and things of a town that clients take away and bring back, seen by rays, cameras and who is spawned there."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import pytest
from server_process import connect, fresh_world, running_simulator
from stage import Stage

Label, Layer = carla.CityObjectLabel, carla.MapLayer


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator("--profile", "native+level_cars") as (_, port):
        yield connect(port, tmp_path_factory.mktemp("cache"))


def labels_from_above(world: carla.World, thing: carla.EnvironmentObject) -> set[carla.CityObjectLabel]:
    place = thing.bounding_box.location
    above = carla.Location(place.x, place.y, place.z + 60.0)
    return {point.label for point in world.cast_ray(above, carla.Location(place.x, place.y, -1.0))}


def test_a_layer_that_is_unloaded_is_gone_for_rays_lists_and_who_is_spawned_there(client):
    world = fresh_world(client)
    house = max(world.get_environment_objects(Label.Buildings), key=lambda each: each.bounding_box.extent.z)
    inside = carla.Transform(carla.Location(house.bounding_box.location.x, house.bounding_box.location.y, 0.5))
    car = world.get_blueprint_library().find("vehicle.audi.a2")
    assert Label.Buildings in labels_from_above(world, house)
    assert world.try_spawn_actor(car, inside) is None

    world.unload_map_layer(Layer.Buildings)

    assert Label.Buildings not in labels_from_above(world, house)
    assert not world.get_environment_objects(Label.Buildings)
    assert not world.get_level_bbs(Label.Buildings)
    assert world.get_level_bbs(Label.Vegetation)
    assert house.name not in world.get_names_of_all_objects()
    world.spawn_actor(car, inside).destroy()

    world.load_map_layer(Layer.Buildings)
    assert Label.Buildings in labels_from_above(world, house)
    assert world.try_spawn_actor(car, inside) is None


def test_a_thing_that_is_hidden_is_gone_and_listed_still(client):
    world = fresh_world(client)
    houses = world.get_environment_objects(Label.Buildings)
    world.enable_environment_objects({houses[0].id}, False)

    assert Label.Buildings not in labels_from_above(world, houses[0])
    assert Label.Buildings in labels_from_above(world, houses[1])
    assert houses[0].id in {each.id for each in world.get_environment_objects(Label.Buildings)}
    assert Label.Buildings in labels_from_above(client.reload_world(), houses[0])


def test_parked_cars_are_a_layer(client):
    world = fresh_world(client)
    parked = [each for each in world.get_environment_objects(Label.Car) if each.name.startswith("ParkedCar")]
    assert parked
    world.unload_map_layer(Layer.ParkedVehicles)
    world.tick()

    assert not world.get_environment_objects(Label.Car)
    assert Label.Car not in labels_from_above(world, parked[0])


def test_a_town_may_be_loaded_with_some_layers_only(client):
    world = client.load_world("AvSynth01", True, Layer.Foliage)

    assert world.get_environment_objects(Label.Vegetation)
    assert not world.get_environment_objects(Label.Buildings)
    assert client.reload_world().get_environment_objects(Label.Buildings)


def test_a_camera_goes_on_and_sees_what_is_left(client):
    stage = Stage(client)
    camera = stage.attach("sensor.camera.semantic_segmentation", image_size_x="160", image_size_y="90")

    def seen() -> set[int]:
        stage.world.tick()
        image = stage.next(camera)
        return set(bytes(image.raw_data)[2::4])

    before = seen()
    stage.world.unload_map_layer(Layer(Layer.Buildings | Layer.Foliage))  # each change makes a renderer anew
    without = seen()
    stage.world.load_map_layer(Layer.All)
    after = seen()
    stage.clear()

    assert {int(Label.Buildings), int(Label.Vegetation)} <= before == after
    assert not without & {int(Label.Buildings), int(Label.Vegetation)}
    assert {int(Label.Roads), int(Label.Car)} <= without  # and what stood behind them
