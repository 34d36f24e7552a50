"""CARLA 0.9.16's stock bodies: all are offered, and each is spawned, driven and destroyed through the real client."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import numpy as np
import pytest
from server_process import connect, fresh_world, running_simulator

from av_synth.director.stage.casting import Casting
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import STOCK_PROPS, STOCK_VEHICLES, STOCK_WALKERS

DRIVEN_S = 2.0


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator("--profile", "ue4") as (_, port):
        yield connect(port, tmp_path_factory.mktemp("maps"))


@pytest.fixture(scope="module")
def world(client: carla.Client) -> carla.World:
    return fresh_world(client)


def test_every_stock_vehicle_has_a_body_and_an_own_place_in_the_library(world: carla.World) -> None:
    offered = {blueprint.id for blueprint in world.get_blueprint_library().filter("vehicle.*")}

    assert len(STOCK_VEHICLES) == 41
    assert offered == {f"vehicle.{name}" for name in STOCK_VEHICLES}


def test_every_stock_pedestrian_has_a_body_with_an_age_a_gender_and_speeds(world: carla.World) -> None:
    library = world.get_blueprint_library().filter("walker.*")
    told = {
        blueprint.id: {
            "age": blueprint.get_attribute("age").as_str(),
            "gender": blueprint.get_attribute("gender").as_str(),
            "generation": str(blueprint.get_attribute("generation").as_int()),
        }
        for blueprint in library
    }

    assert len(STOCK_WALKERS) == 52
    assert told.keys() == {f"walker.{name}" for name in STOCK_WALKERS}
    children = {name for name, fixed in told.items() if fixed["age"] == "child"}
    assert children == {f"walker.pedestrian.{number:04d}" for number in (*range(9, 15), 48, 49)}
    assert {name for name, fixed in told.items() if fixed["age"] == "teenager"} == {
        "walker.pedestrian.0050",
        "walker.pedestrian.0051",
    }
    assert {fixed["gender"] for fixed in told.values()} == {"female", "male"}
    assert [sum(fixed["generation"] == g for fixed in told.values()) for g in "123"] == [14, 35, 3]
    for blueprint in library:
        still, walking, running = (float(speed) for speed in blueprint.get_attribute("speed").recommended_values)
        assert 0.0 == still < walking < running


def test_every_stock_prop_has_a_body_that_can_be_put_on_the_street(client: carla.Client, world: carla.World) -> None:
    library = sorted(world.get_blueprint_library().filter("static.prop.*"), key=lambda found: found.id)
    place = world.get_map().get_spawn_points()[0].location
    spots = [carla.Transform(carla.Location(place.x + 6.0 * k, place.y, 60.0)) for k in range(len(library))]
    spawned = {each.id: world.spawn_actor(each, spot) for each, spot in zip(library, spots, strict=True)}
    world.tick(20.0)

    assert len(STOCK_PROPS) == 96
    assert spawned.keys() == {f"static.prop.{name}" for name in STOCK_PROPS}
    for name, actor in spawned.items():
        body = catalogue()[name]
        assert actor.bounding_box.extent.z == pytest.approx(body.box_half_m[2], abs=1e-3), name
        assert actor.attributes["size"] in ("tiny", "small", "medium", "big")
        assert body.box_centre_m[2] - body.box_half_m[2] == pytest.approx(0.0, abs=1e-3), name  # stands on the ground
    client.apply_batch_sync([carla.command.DestroyActor(actor) for actor in spawned.values()], False)


def test_stock_pedestrians_look_different() -> None:
    looks = {}
    for name in STOCK_WALKERS:
        mesh = catalogue()[f"walker.{name}"].meshes[0]
        looks[name] = (len(mesh.triangles), round(float(np.ptp(mesh.positions_m[:, 2])), 2), mesh.colours.tobytes())
        assert (mesh.colours.max(axis=1) > 7).all(), name  # no mark of the figure is left

    assert len(set(looks.values())) == 52


def test_every_stock_vehicle_says_all_that_carlas_do(world: carla.World) -> None:
    wanted = {"base_type", "special_type", "generation", "number_of_wheels", "has_lights", "has_dynamic_doors"}
    wanted |= {"role_name", "sticky_control", "object_type"}
    for blueprint in world.get_blueprint_library().filter("vehicle.*"):
        told = {attribute.id for attribute in blueprint}
        assert wanted <= told, blueprint.id
        assert blueprint.get_attribute("base_type").as_str() in ("car", "van", "truck", "bus", "motorcycle", "bicycle")
        assert blueprint.get_attribute("generation").as_int() in (1, 2)
        assert blueprint.has_attribute("color") == (blueprint.id != "vehicle.tesla.cybertruck")


def test_every_stock_vehicle_drives_on_its_wheels_and_goes_when_it_is_destroyed(world: carla.World) -> None:
    points = world.get_map().get_spawn_points()
    library = sorted(world.get_blueprint_library().filter("vehicle.*"), key=lambda found: found.id)
    for first in range(0, len(library), len(points)):
        driven = {}
        for blueprint, point in zip(library[first:], points, strict=False):
            driven[blueprint.id] = world.spawn_actor(blueprint, point)
        world.tick(20.0)
        begun = {name: actor.get_transform() for name, actor in driven.items()}
        for actor in driven.values():
            actor.apply_control(carla.VehicleControl(throttle=1.0))
        for _ in range(int(DRIVEN_S / 0.05)):
            world.tick(20.0)
        for name, actor in driven.items():
            now, body = actor.get_transform(), catalogue()[name]
            assert 1.0 < begun[name].location.distance(now.location) < 30.0, name
            assert -0.01 < now.location.z < 0.16, name  # the town is flat, but for its kerbs
            box, physics = actor.bounding_box, actor.get_physics_control()
            assert box.extent.x == pytest.approx(body.box_half_m[0], abs=1e-3), name
            # two-wheelers tell each wheel twice
            assert len(physics.wheels) == max(int(actor.attributes["number_of_wheels"]), 4), name
            assert physics.mass == pytest.approx(body.mass_kg), name
        for actor in driven.values():
            assert actor.destroy()
        world.tick(20.0)
        assert not world.get_actors().filter("vehicle.*")


def test_categories_are_played_by_the_same_bodies_however_many_there_are(
    client: carla.Client, world: carla.World
) -> None:
    casting = Casting(client, world, np.eye(4))

    assert casting.playing("car") == [
        f"vehicle.{name}" for name in ("audi.a2", "audi.tt", "nissan.patrol", "tesla.model3")
    ]
    assert casting.playing("truck") == ["vehicle.carlamotors.carlacola"]
    assert casting.playing("bicycle", "motorcycle") == ["vehicle.bh.crossbike", "vehicle.yamaha.yzf"]
    assert casting.playing("vehicle.toyota.prius") == ["vehicle.toyota.prius"]


def test_an_engine_of_its_own_makes_a_slow_car_slow(world: carla.World) -> None:
    tops = {}
    for name in ("micro.microlino", "mercedes.coupe"):
        actor = world.spawn_actor(
            world.get_blueprint_library().find(f"vehicle.{name}"), world.get_map().get_spawn_points()[0]
        )
        world.tick(20.0)
        physics = actor.get_physics_control()
        gear, radius = physics.forward_gears[-1].ratio * physics.final_ratio, physics.wheels[0].radius / 100.0
        tops[name] = physics.max_rpm * 2.0 * np.pi / 60.0 / gear * radius * 3.6
        actor.destroy()
        world.tick(20.0)

    assert tops == {"micro.microlino": pytest.approx(90.0, abs=1.0), "mercedes.coupe": pytest.approx(250.0, abs=1.0)}


def test_a_friction_trigger_changes_the_tyres_that_a_client_reads_while_a_car_is_in_it(world: carla.World) -> None:
    library, point = world.get_blueprint_library(), world.get_map().get_spawn_points()[0]
    blueprint = library.find("static.trigger.friction")
    blueprint.set_attribute("friction", "0.5")
    for axis in "xyz":
        blueprint.set_attribute(f"extent_{axis}", "700.0")
    car = world.spawn_actor(library.find("vehicle.ford.mustang"), point)
    trigger = world.spawn_actor(blueprint, point)
    world.tick(20.0)
    slippery = {wheel.tire_friction for wheel in car.get_physics_control().wheels}
    trigger.destroy()
    world.tick(20.0)

    assert trigger.type_id == "static.trigger.friction"
    assert slippery == {0.5}
    assert {wheel.tire_friction for wheel in car.get_physics_control().wheels} == {3.5}
    car.destroy()
    world.tick(20.0)
