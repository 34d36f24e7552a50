"""What actors are made of."""

from __future__ import annotations

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.server_process import ahead


@proves("get_actor_component_names")
def component_names(pair: Pair) -> None:
    """B reads the components of the car, the walker and the sensor that A has spawned."""
    car, walker = pair.car(), pair.walker()
    sensor = pair.spawn("sensor.other.imu", carla.Transform(), parent=car)

    assert pair.seen(car).get_component_names() == ["VehicleMesh", "VehicleBounds"]
    assert pair.seen(walker).get_component_names() == ["CharacterMesh0", "CollisionCylinder"]
    assert pair.seen(sensor).get_component_names() == ["DefaultSceneRoot"]


@proves("get_actor_component_world_transform")
def a_component(pair: Pair) -> None:
    """B reads that the bounds of the car have come along after A has moved it, and an error for another name."""
    car = pair.car()
    before = pair.seen(car).get_component_world_transform("VehicleBounds").location
    car.set_transform(ahead(pair.seen(car).get_transform(), 10.0))
    pair.tick()

    assert pair.seen(car).get_component_world_transform("VehicleBounds").location.distance(before) == pytest.approx(
        10.0, abs=0.1
    )
    with pytest.raises(RuntimeError, match=r"no component 'Wing'; want one of VehicleMesh, VehicleBounds"):
        pair.seen(car).get_component_world_transform("Wing")


@proves("get_actor_component_relative_transform")
def a_component_on_its_actor(pair: Pair) -> None:
    """B reads that the bounds of the car are where its box is."""
    car = pair.car()

    place = pair.seen(car).get_component_relative_transform("VehicleBounds").location
    assert place.distance(pair.seen(car).bounding_box.location) < 1e-4


@proves("get_actor_bone_names")
def bone_names(pair: Pair) -> None:
    """B reads the base and the four wheels of the car that A has spawned, and an error for a walker."""
    names = pair.seen(pair.car()).get_bone_names()

    assert names[0] == "Vehicle_Base"
    assert sorted(names[1:]) == [
        "Wheel_Front_Left",
        "Wheel_Front_Right",
        "Wheel_Rear_Left",
        "Wheel_Rear_Right",
    ]
    with pytest.raises(RuntimeError, match=r"get_actor_bone_names: .* bones to vehicles only; actor \d+ is a walker"):
        pair.seen(pair.walker()).get_bone_names()


@proves("get_actor_bone_world_transforms")
def bones(pair: Pair) -> None:
    """B reads the wheels of A's car where its physics control has them, the left ones to the left."""
    car = pair.seen(pair.car())
    places = dict(zip(car.get_bone_names(), (bone.location for bone in car.get_bone_world_transforms()), strict=True))
    hubs = [wheel.position / 100.0 for wheel in car.get_physics_control().wheels]
    ahead_of, right_of = car.get_transform().get_forward_vector(), car.get_transform().get_right_vector()
    front = places["Wheel_Front_Left"] - places["Wheel_Rear_Left"]
    left = places["Wheel_Front_Left"] - places["Wheel_Front_Right"]

    assert all(min(place.distance(carla.Location(hub)) for place in places.values()) < 0.01 for hub in hubs)
    assert front.dot(ahead_of) > 2.0
    assert left.dot(right_of) < -1.0


@proves("get_vehicle_bone_world_transforms")
def vehicle_bones(pair: Pair) -> None:
    """B reads of A's car what `get_actor_bone_world_transforms` tells of it."""
    car = pair.seen(pair.car())

    told = [bone.location for bone in car.get_vehicle_bone_world_transforms()]
    assert told == [bone.location for bone in car.get_bone_world_transforms()]
    assert len(told) == 5


@proves("get_actor_bone_relative_transforms")
def bones_on_their_actor(pair: Pair) -> None:
    """B reads the wheels of A's car in its own frame: carried into the world, they are those of the world."""
    car = pair.seen(pair.car())
    carried = [car.get_transform().transform(bone.location) for bone in car.get_bone_relative_transforms()]

    world = [bone.location for bone in car.get_bone_world_transforms()]
    assert all(place.distance(there) < 0.01 for place, there in zip(carried, world, strict=True))


@proves("get_light_boxes")
def light_boxes(pair: Pair) -> None:
    """B is told a box for each of the two heads of a traffic light; its ray down through them meets the light."""
    light = pair.seen(pair.light())
    low, high = sorted(light.get_light_boxes(), key=lambda box: box.location.z)
    above = high.location + carla.Location(z=high.extent.z + 1.0)

    assert high.location.z - high.extent.z > low.location.z + low.extent.z
    assert 1.0 < 2.0 * high.extent.z < 1.4
    hit = pair.b.ground_projection(above, 5.0)
    assert hit.label == carla.CityObjectLabel.TrafficLight
    assert hit.location.z == pytest.approx(high.location.z + high.extent.z, abs=0.15)
