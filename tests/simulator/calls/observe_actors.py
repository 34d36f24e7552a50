"""Actors come, go, and are placed and pushed."""

from __future__ import annotations

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.server_process import ahead

KG_CM2_A_KG = 1.5e4  # about a car's moment of inertia about the vertical, kg cm2, for each kilogram


def _moved(pair: Pair, car: carla.Actor, start: carla.Transform) -> tuple[float, float]:
    """How far B sees an actor ahead of a pose, and to the right of it, metres."""
    offset = pair.seen(car).get_location() - start.location
    forward, right = start.get_forward_vector(), start.get_right_vector()
    return offset.dot(forward), offset.dot(right)


@proves("get_spectator")
def the_spectator(pair: Pair) -> None:
    """B's spectator stands where A has put its own."""
    place = ahead(pair.places[0], 0.0, up_m=20.0)
    pair.a.get_spectator().set_transform(place)
    pair.tick()

    assert pair.b.get_spectator().get_location().distance(place.location) < 0.01


@proves("get_actors_by_id")
def actors_by_id(pair: Pair) -> None:
    """B gets the car that A has spawned by its id, and nothing for an id that nobody has."""
    car = pair.car()

    assert [actor.id for actor in pair.b.get_actors([car.id, 60_000])] == [car.id]


@proves("spawn_actor")
def a_spawned_actor(pair: Pair) -> None:
    """B sees the car that A has spawned, with its blueprint, its attributes and its place."""
    car = pair.spawn("vehicle.audi.a2", pair.places[0], role_name="hero")

    seen = pair.seen(car)
    assert (seen.type_id, seen.attributes["role_name"]) == ("vehicle.audi.a2", "hero")
    assert seen.get_location().distance(pair.places[0].location) < 0.5


@proves("spawn_actor_with_parent")
def an_attached_actor(pair: Pair) -> None:
    """B sees the sensor that A has attached to a car go where the car is put."""
    car = pair.car()
    sensor = pair.spawn("sensor.other.imu", carla.Transform(carla.Location(z=1.0)), parent=car)
    car.set_transform(ahead(car.get_transform(), 10.0))
    pair.tick()

    assert pair.seen(sensor).parent.id == car.id
    assert pair.seen(sensor).get_location().distance(pair.seen(car).get_location()) == pytest.approx(1.0, abs=0.05)


@proves("destroy_actor")
def a_destroyed_actor(pair: Pair) -> None:
    """B no longer sees the car that A has destroyed."""
    car = pair.car()
    there = {actor.id for actor in pair.b.get_actors()}
    car.destroy()
    pair.tick()

    assert there - {actor.id for actor in pair.b.get_actors()} == {car.id}


@proves("get_actor_bounding_box")
def a_box(pair: Pair) -> None:
    """B is told the size of the car that A has spawned, and an empty box for an id that nobody has."""
    car = pair.car()
    half, owner = pair.wire.ask("get_actor_bounding_box", car.id)[1], pair.seen(car).bounding_box.extent

    assert half == pytest.approx([owner.x, owner.y, owner.z])
    assert 3.0 < 2.0 * owner.x < 5.0
    assert pair.wire.ask("get_actor_bounding_box", 60_000)[1] == [0.0, 0.0, 0.0]


@proves("set_actor_location")
def a_location(pair: Pair) -> None:
    """B sees the car 10 m further ahead, its heading as it was, after A's call."""
    car = pair.car()
    start = pair.seen(car).get_transform()
    car.set_location(ahead(start, 10.0).location)
    pair.tick()

    assert _moved(pair, car, start) == pytest.approx((10.0, 0.0), abs=0.05)
    assert pair.seen(car).get_transform().rotation.yaw == pytest.approx(start.rotation.yaw, abs=0.1)


@proves("set_actor_transform")
def a_transform(pair: Pair) -> None:
    """B sees the car 10 m further ahead, and turned by 30 degrees, after A's call."""
    car = pair.car()
    start = pair.seen(car).get_transform()
    goal = ahead(start, 10.0)
    goal.rotation.yaw += 30.0
    car.set_transform(goal)
    pair.tick()

    assert _moved(pair, car, start) == pytest.approx((10.0, 0.0), abs=0.05)
    turned = pair.seen(car).get_transform().rotation.yaw - start.rotation.yaw
    assert turned % 360.0 == pytest.approx(30.0, abs=0.1)


@proves("set_actor_target_velocity")
def a_target_velocity(pair: Pair) -> None:
    """B sees the standing car roll ahead at about 8 m/s after A's call."""
    car = pair.car()
    start = pair.seen(car).get_transform()
    car.set_target_velocity(start.get_forward_vector() * 8.0)
    pair.tick(4)

    assert pair.seen(car).get_velocity().length() == pytest.approx(8.0, abs=1.0)
    assert _moved(pair, car, start)[0] > 1.0


@proves("set_actor_target_angular_velocity")
def a_target_angular_velocity(pair: Pair) -> None:
    """B sees a body without physics turn at the 10 degrees/s that A has given it."""
    car = pair.car()
    car.set_simulate_physics(False)
    car.set_target_angular_velocity(carla.Vector3D(z=10.0))
    pair.tick()

    assert pair.seen(car).get_angular_velocity().z == pytest.approx(10.0, abs=0.01)


@proves("enable_actor_constant_velocity")
def a_constant_velocity(pair: Pair) -> None:
    """B sees the car go at 5 m/s, frame after frame, without a foot on a pedal."""
    car = pair.car()
    car.enable_constant_velocity(carla.Vector3D(5.0, 0.0, 0.0))
    speeds = []
    for _ in range(4):
        pair.tick(5)
        speeds.append(pair.seen(car).get_velocity().length())

    assert speeds == pytest.approx([5.0] * 4, abs=0.1)


@proves("disable_actor_constant_velocity")
def a_constant_velocity_ends(pair: Pair) -> None:
    """B sees the car that was held at 5 m/s come to a stop by its brake after A's call."""
    car = pair.car()
    car.enable_constant_velocity(carla.Vector3D(5.0, 0.0, 0.0))
    car.apply_control(carla.VehicleControl(brake=1.0))
    pair.tick(5)
    held = pair.seen(car).get_velocity().length()
    car.disable_constant_velocity()
    pair.tick(30)

    assert held == pytest.approx(5.0, abs=0.1)
    assert pair.seen(car).get_velocity().length() < 0.1


@proves("add_actor_impulse")
def an_impulse(pair: Pair) -> None:
    """B sees the standing car at 4 m/s after an impulse of its mass times 4 m/s."""
    car = pair.car()
    push = car.get_physics_control().mass * 4.0
    car.add_impulse(pair.seen(car).get_transform().get_forward_vector() * push)
    pair.tick()

    assert pair.seen(car).get_velocity().length() == pytest.approx(4.0, abs=0.6)


@proves("add_actor_force")
def a_force(pair: Pair) -> None:
    """B sees the standing car at about 2 m/s after one frame under a force that makes it so."""
    car = pair.car()
    push = car.get_physics_control().mass * 2.0 / 0.05
    car.add_force(pair.seen(car).get_transform().get_forward_vector() * push)
    pair.tick()

    assert pair.seen(car).get_velocity().length() == pytest.approx(2.0, abs=0.5)


@proves("add_actor_impulse_at_location")
def an_impulse_at_a_place(pair: Pair) -> None:
    """B sees the standing car slide to its right and turn to the right after a push at its nose."""
    _push_nose(pair, "add_actor_impulse_at_location", 2.0)


@proves("add_actor_force_at_location")
def a_force_at_a_place(pair: Pair) -> None:
    """B sees the standing car slide to its right and turn to the right after a frame under a force at its nose."""
    _push_nose(pair, "add_actor_force_at_location", 2.0 / 0.05)


def _push_nose(pair: Pair, call: str, per_kg: float) -> None:
    """The client has no method for these calls."""
    car = pair.car()
    pose = pair.seen(car).get_transform()
    right, nose = pose.get_right_vector(), ahead(pose, 2.0).location
    push = right * (car.get_physics_control().mass * per_kg)
    pair.wire.ask(call, car.id, [push.x, push.y, push.z], [nose.x, nose.y, nose.z])
    pair.tick()

    assert pair.seen(car).get_velocity().dot(right) > 0.5
    assert pair.seen(car).get_angular_velocity().z > 5.0


@proves("add_actor_angular_impulse")
def an_angular_impulse(pair: Pair) -> None:
    """B sees the standing car turn to the right after an impulse about the vertical."""
    car = pair.car()
    car.add_angular_impulse(carla.Vector3D(z=car.get_physics_control().mass * KG_CM2_A_KG * 30.0))
    pair.tick()

    assert 5.0 < pair.seen(car).get_angular_velocity().z < 60.0


@proves("add_actor_torque")
def a_torque(pair: Pair) -> None:
    """B sees the standing car turn to the right after one frame under a torque about the vertical.

    The client's `Actor.add_torque` sends an angular impulse; its `carla.command.ApplyTorque` sends this.
    """
    car = pair.car()
    torque = car.get_physics_control().mass * KG_CM2_A_KG * 30.0 / 0.05
    pair.wire.ask("add_actor_torque", car.id, [0.0, 0.0, torque])
    pair.tick()

    assert 5.0 < pair.seen(car).get_angular_velocity().z < 60.0


@proves("set_actor_simulate_physics")
def without_physics(pair: Pair) -> None:
    """B sees the car hang where A has lifted it, and fall once its physics is on again."""
    car = pair.car()
    car.set_simulate_physics(False)
    car.set_transform(ahead(pair.seen(car).get_transform(), 0.0, up_m=3.0))
    pair.tick(10)
    hanging = pair.seen(car).get_location().z
    car.set_simulate_physics(True)
    pair.tick(20)

    assert hanging > 2.5
    assert pair.seen(car).get_location().z < hanging - 2.0


@proves("set_actor_enable_gravity")
def without_gravity(pair: Pair) -> None:
    """B sees the car keep its height after A has lifted it and taken its weight."""
    car = pair.car()
    car.set_enable_gravity(False)
    lifted = ahead(pair.seen(car).get_transform(), 0.0, up_m=3.0)
    car.set_transform(lifted)
    pair.tick(20)

    assert pair.seen(car).get_location().z == pytest.approx(lifted.location.z, abs=0.05)


@proves("set_actor_collisions")
def without_collisions(pair: Pair) -> None:
    """B sees the car drive through another one after A has switched its contacts off."""
    car = pair.car()
    start = pair.seen(car).get_transform()
    wall = pair.spawn("vehicle.tesla.model3", ahead(start, 6.0, up_m=0.3))
    car.set_collisions(False)
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    pair.tick(30)

    assert _moved(pair, car, start)[0] == pytest.approx(15.0, abs=0.5)
    assert _moved(pair, wall, start)[0] == pytest.approx(6.0, abs=0.1)


@proves("set_actor_dead")
def a_dead_actor(pair: Pair) -> None:
    """B sees the rolling car stop, and stand still whatever A asks of its pedals afterwards: those have no effect."""
    car = pair.car()
    car.set_target_velocity(pair.seen(car).get_transform().get_forward_vector() * 8.0)
    pair.wire.ask("set_actor_dead", car.id)
    pair.tick(60)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    pair.tick(20)

    assert pair.seen(car).get_velocity().length() < 0.05
