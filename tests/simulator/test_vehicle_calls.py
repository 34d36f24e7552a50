"""Calls about a vehicle's motion, asked by one client and seen by another."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import carla
import pytest
from server_process import ahead, connect, fresh_world

from tests.simulator.calls.observed import Wire

FRONT_LEFT, FRONT_RIGHT = carla.VehicleWheelLocation.FL_Wheel, carla.VehicleWheelLocation.FR_Wheel
REAR_LEFT = carla.VehicleWheelLocation.BL_Wheel


@dataclass
class Pair:
    """A car as the client that asks has it, and as another one sees it."""

    port: int
    world: carla.World
    car: carla.Vehicle
    seen: carla.Vehicle
    other: carla.World

    def ticks(self, count: int) -> None:
        """Frames, of which the other client has the last one too."""
        for _ in range(count):
            frame = self.world.tick()
        while self.other.get_snapshot().frame < frame:
            pass

    def call(self, name: str, *arguments: Any) -> Any:
        """The result of a call that the wheel has no method for, or does not wait for."""
        with closing(Wire(self.port)) as wire:
            return wire.response(name, *arguments)[1][0]


@pytest.fixture(scope="module")
def clients(native_port: int, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, carla.Client, carla.Client]:
    one, other = (connect(native_port, tmp_path_factory.mktemp(name)) for name in ("one", "other"))
    return native_port, one, other


@pytest.fixture
def pair(clients: tuple[int, carla.Client, carla.Client]) -> Pair:
    port, one, other = clients
    world = fresh_world(one)
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.audi.a2"), world.get_map().get_spawn_points()[0]
    )
    world.tick()
    there = other.get_world()
    pair = Pair(port, world, car, there.get_actor(car.id), there)
    pair.ticks(20)
    return pair


@pytest.mark.parametrize(("kind", "lift_m"), [("SpringArmGhost", 0.0), ("SpringArm", 0.3)])
def test_a_sensor_on_a_spring_arm_looks_back_to_the_car_from_where_it_is_mounted(pair, kind, lift_m):
    place = carla.Location(x=-4.0, y=2.0, z=3.0)
    sensor = pair.world.spawn_actor(
        pair.world.get_blueprint_library().find("sensor.other.imu"),
        carla.Transform(place, carla.Rotation(pitch=8.0)),
        attach_to=pair.car,
        attachment_type=getattr(carla.AttachmentType, kind),
    )
    pair.ticks(1)

    car, view = pair.seen.get_transform(), sensor.get_transform()
    assert view.location.distance(car.transform(place + carla.Location(z=lift_m))) < 0.02
    yaw = car.rotation.yaw + math.degrees(math.atan2(-2.0, 4.0))
    assert math.remainder(view.rotation.yaw - yaw, 360.0) == pytest.approx(0.0, abs=0.5)
    assert view.rotation.pitch == pytest.approx(8.0 - math.degrees(math.atan2(3.0, math.hypot(4.0, 2.0))), abs=0.5)
    assert view.rotation.roll == pytest.approx(0.0, abs=0.5)
    sensor.destroy()


def test_wheels_point_where_the_steering_turns_the_car(pair):
    pair.car.apply_control(carla.VehicleControl(steer=0.3))
    pair.ticks(30)
    left, right = (pair.seen.get_wheel_steer_angle(wheel) for wheel in (FRONT_LEFT, FRONT_RIGHT))
    wheels = pair.seen.get_physics_control().wheels
    base = math.hypot(
        (wheels[0].position.x - wheels[2].position.x) / 100.0, (wheels[0].position.y - wheels[2].position.y) / 100.0
    )
    track = math.hypot(
        (wheels[0].position.x - wheels[1].position.x) / 100.0, (wheels[0].position.y - wheels[1].position.y) / 100.0
    )

    # Ackermann: the wheels' cotangents are as far apart as the wheels, and the middle's is between them
    cotangents = [1.0 / math.tan(math.radians(angle)) for angle in (left, right)]
    assert (cotangents[0] - cotangents[1]) * base == pytest.approx(track, rel=0.01)
    middle = math.degrees(math.atan(2.0 / sum(cotangents)))
    assert middle == pytest.approx(0.3 * wheels[0].max_steer_angle, rel=0.01)
    assert pair.seen.get_wheel_steer_angle(REAR_LEFT) == 0.0


def test_a_wheel_rolls_as_far_as_the_car_goes(pair):
    start = pair.seen.get_wheel_pitch_angle(REAR_LEFT)
    before = pair.seen.get_location()
    pair.car.apply_control(carla.VehicleControl(throttle=0.5))
    pair.ticks(30)
    radius = pair.seen.get_physics_control().wheels[2].radius / 100.0
    rolled = math.degrees(before.distance_2d(pair.seen.get_location()) / radius)
    assert rolled > 90.0
    assert start - pair.seen.get_wheel_pitch_angle(REAR_LEFT) == pytest.approx(rolled, rel=0.01)


def test_wheels_are_set_by_hand_on_a_car_without_physics_only(pair):
    failed, [message] = pair.call("set_wheel_steer_direction", pair.car.id, int(FRONT_LEFT), 25.0)
    assert (failed, "switch it off first" in message) == (True, True)
    assert pair.seen.get_wheel_steer_angle(FRONT_LEFT) == 0.0
    pair.car.set_simulate_physics(False)
    pair.car.set_wheel_steer_direction(FRONT_LEFT, 25.0)
    pair.car.set_wheel_pitch_angle(FRONT_LEFT, -40.0)
    pair.ticks(1)
    assert pair.seen.get_wheel_steer_angle(FRONT_LEFT) == 25.0
    assert pair.seen.get_wheel_pitch_angle(FRONT_LEFT) == -40.0
    assert pair.seen.get_wheel_steer_angle(FRONT_RIGHT) == 0.0


def test_telemetry_is_of_how_the_car_moves_and_another_client_sees_it(pair):
    pair.car.apply_control(carla.VehicleControl(throttle=0.7, steer=0.1))
    pair.ticks(50)
    seen, physics = pair.seen.get_telemetry_data(), pair.seen.get_physics_control()
    speed = pair.seen.get_velocity().length()

    assert seen.speed == pytest.approx(speed, rel=0.01)
    assert (seen.throttle, seen.steer, seen.brake) == (pytest.approx(0.7), pytest.approx(0.1), 0.0)
    assert seen.gear == pair.seen.get_control().gear == 2
    ratio = physics.forward_gears[seen.gear - 1].ratio * physics.final_ratio
    turned = speed / (physics.wheels[0].radius / 100.0) * ratio * 60.0 / (2.0 * math.pi)
    assert seen.engine_rpm == pytest.approx(turned, rel=0.01)
    assert len(seen.wheels) == 4
    assert sum(wheel.tire_load for wheel in seen.wheels) == pytest.approx(physics.mass * 9.81, rel=0.01)
    assert seen.wheels[2].omega > seen.wheels[3].omega > 0.0  # to the right: the left wheel has the longer way
    assert seen.wheels[0].tire_load > seen.wheels[1].tire_load
    assert sum(wheel.lat_force for wheel in seen.wheels) > 0.0


@pytest.mark.parametrize("call", ["add_actor_impulse_at_location", "add_actor_force_at_location"])
def test_a_push_beside_the_centre_of_mass_pushes_and_turns(pair, call):
    mass = pair.seen.get_physics_control().mass
    forward, right = pair.car.get_transform().get_forward_vector(), pair.car.get_transform().get_right_vector()
    ahead = pair.car.get_location() + 1.5 * forward
    push = right * (mass * (3.0 if "impulse" in call else 3.0 / 0.05))
    pair.car.set_enable_gravity(False)
    pair.car.set_location(pair.car.get_location() + carla.Location(z=3.0))
    pair.ticks(2)
    assert pair.call(call, pair.car.id, [push.x, push.y, 0.0], [ahead.x, ahead.y, 1.0]) == [False]
    pair.ticks(1)

    moved = pair.seen.get_velocity()
    assert moved.x * right.x + moved.y * right.y == pytest.approx(3.0, abs=0.1)
    half = pair.seen.bounding_box.extent
    inertia = mass * (half.x**2 + half.y**2) / 3.0
    rate = pair.seen.get_angular_velocity().z  # degrees/s, positive to the right
    assert rate == pytest.approx(math.degrees(1.5 * mass * 3.0 / inertia), rel=0.02)


def test_torques_come_in_unreals_own_unit(pair):
    half, mass = pair.seen.bounding_box.extent, pair.seen.get_physics_control().mass
    inertia_kg_cm2 = mass * (half.x**2 + half.y**2) / 3.0 * 1e4
    pair.car.set_enable_gravity(False)
    pair.car.set_location(pair.car.get_location() + carla.Location(z=3.0))
    pair.ticks(2)
    pair.car.add_angular_impulse(carla.Vector3D(z=40.0 * inertia_kg_cm2))
    pair.ticks(1)
    assert pair.seen.get_angular_velocity().z == pytest.approx(40.0, rel=1e-3)
    # the client's own add_torque asks for an angular impulse: LibCarla, Simulator.h
    assert pair.call("add_actor_torque", pair.car.id, [0.0, 0.0, -40.0 / 0.05 * inertia_kg_cm2]) == [False]
    pair.ticks(1)
    assert pair.seen.get_angular_velocity().z == pytest.approx(0.0, abs=0.05)


def test_the_physics_control_is_read_back_as_it_was_written_and_acts(pair):
    physics = pair.car.get_physics_control()
    assert [wheel.max_steer_angle for wheel in physics.wheels] == [70.0, 70.0, 0.0, 0.0]
    physics.torque_curve = [carla.Vector2D(point.x, 0.25 * point.y) for point in physics.torque_curve]
    physics.center_of_mass = carla.Vector3D(0.25, 0.0, 0.5)
    physics.moi, physics.gear_switch_time = 2.0, 0.5
    pair.car.apply_physics_control(physics)
    pair.ticks(1)
    now = pair.seen.get_physics_control()
    assert (now.center_of_mass.x, now.moi, now.gear_switch_time) == (0.25, 2.0, 0.5)
    assert [p.y for p in now.torque_curve] == pytest.approx([p.y for p in physics.torque_curve])

    pair.car.apply_control(carla.VehicleControl(throttle=1.0))
    pair.ticks(40)
    assert pair.seen.get_velocity().length() < 2.0 * 3.1 * 0.35  # a quarter of the usual pull


@pytest.mark.parametrize("call", ["show_vehicle_debug_telemetry", "restore_physx_physics", "enable_carsim"])
def test_what_would_change_nothing_here_is_refused(pair, call):
    failed, [message] = pair.call(call, pair.car.id, True)
    assert failed
    assert message.startswith(f"{call}: not supported by the embedded simulator: it has ")


def test_a_constant_velocity_outlasts_the_brakes_and_what_is_left_of_it_is_the_cars_own(pair):
    forward = pair.car.get_transform().get_forward_vector()
    pair.car.apply_control(carla.VehicleControl(brake=1.0))
    pair.car.enable_constant_velocity(carla.Vector3D(x=6.0))
    pair.ticks(20)
    held = pair.seen.get_velocity()
    assert held.x * forward.x + held.y * forward.y == pytest.approx(6.0, abs=0.01)
    pair.car.disable_constant_velocity()
    pair.ticks(4)
    assert 3.0 < pair.seen.get_velocity().length() < 5.9
    pair.ticks(30)
    assert pair.seen.get_velocity().length() == 0.0


def test_without_gravity_a_car_hangs_and_without_physics_it_stays_where_it_is_put(pair):
    pair.car.set_enable_gravity(False)
    pair.car.set_location(pair.car.get_location() + carla.Location(z=4.0))
    pair.ticks(20)
    height = pair.seen.get_location().z
    assert height == pytest.approx(4.0, abs=0.01)
    pair.car.set_enable_gravity(True)
    pair.ticks(10)
    assert pair.seen.get_location().z == pytest.approx(height - 0.5 * 9.81 * 0.5**2, abs=0.15)
    pair.car.set_simulate_physics(False)
    pair.car.set_target_velocity(carla.Vector3D(x=3.0))
    before = pair.car.get_transform()
    pair.ticks(5)
    assert pair.seen.get_transform() == before
    assert pair.seen.get_velocity().x == 3.0
    pair.car.set_simulate_physics(True)
    pair.ticks(40)
    assert pair.seen.get_location().z == pytest.approx(0.0, abs=0.01)


@pytest.fixture
def crash(pair: Pair) -> Iterator[Callable[..., carla.CollisionEvent]]:
    """Let the car drive at something at a speed, and hear what a collision sensor on an actor tells first."""
    sensors = []

    def run(on: carla.Actor, speed: float, ticks: int = 40) -> carla.CollisionEvent:
        library = pair.world.get_blueprint_library()
        sensor = pair.world.spawn_actor(library.find("sensor.other.collision"), carla.Transform(), attach_to=on)
        sensors.append(sensor)
        got = queue.SimpleQueue()
        sensor.listen(got.put)
        pair.ticks(1)
        pair.car.set_target_velocity(speed * pair.car.get_transform().get_forward_vector())
        pair.ticks(ticks)
        return got.get(timeout=20.0)

    yield run
    for sensor in sensors:
        sensor.stop()
        sensor.destroy()


@pytest.mark.parametrize(
    ("other", "height", "gap"), [("vehicle.tesla.model3", 0.3, 8.0), ("walker.pedestrian.0001", 1.2, 6.0)]
)
def test_who_is_hit_is_pushed_and_told_of_the_other_and_the_impulse(pair, crash, other, height, gap):
    forward = pair.car.get_transform().get_forward_vector()
    pose = ahead(pair.car.get_transform(), gap, 0.0, height)
    hit = pair.world.spawn_actor(pair.world.get_blueprint_library().find(other), pose)
    pair.ticks(20)
    before = hit.get_location()
    event = crash(hit, 9.0)

    assert (event.actor.id, event.other_actor.id) == (hit.id, pair.car.id)
    along = event.normal_impulse.x * forward.x + event.normal_impulse.y * forward.y
    mass = pair.seen.get_physics_control().mass
    if other.startswith("vehicle"):
        theirs = hit.get_physics_control().mass
        # two bodies that meet squarely, with a tenth of the closing speed left between them
        assert along == pytest.approx(1.1 * 9.0 * mass * theirs / (mass + theirs), rel=0.1)
    else:
        assert 300.0 < along < 1200.0
    assert (hit.get_location() - before).length() > 1.0
    assert pair.seen.get_velocity().length() < 9.0


def test_a_wall_is_told_as_a_part_of_the_town_and_stops_the_car(pair, crash):
    pose = pair.car.get_transform()
    pose.rotation.yaw += 90.0  # across the pavement, into the houses
    pair.car.set_transform(pose)
    event = crash(pair.car, 12.0, 80)
    assert (event.actor.id, event.other_actor.id) == (pair.car.id, 0)
    assert event.other_actor.type_id.startswith("static.")
    assert event.normal_impulse.length() > 1000.0


def test_a_cycle_tells_each_of_its_two_wheels_twice_as_carlas_have_four(pair):
    cycle = pair.world.spawn_actor(
        pair.world.get_blueprint_library().find("vehicle.bh.crossbike"), pair.world.get_map().get_spawn_points()[3]
    )
    pair.ticks(5)
    physics = cycle.get_physics_control()
    wheels = list(physics.wheels)
    for wheel, friction in zip(wheels, (2.0, 2.0, 3.0, 3.0), strict=True):
        wheel.tire_friction = friction
    physics.wheels = wheels
    cycle.apply_physics_control(physics)
    pair.ticks(1)

    told = cycle.get_physics_control().wheels
    assert [wheel.tire_friction for wheel in told] == [2.0, 2.0, 3.0, 3.0]
    assert told[0].position.x == told[1].position.x != told[2].position.x
