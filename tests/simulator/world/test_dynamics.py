from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.transforms import yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.profile import DETUNED, NATIVE
from av_synth.simulator.scene import Weather
from av_synth.simulator.town import load
from av_synth.simulator.world import AckermannControl, Gear, NotSupported, VehicleControl, World


def speed(actor):
    return float(np.linalg.norm(actor.velocity_mps[:2]))


def test_a_car_lands_on_its_wheels_and_then_rests_bit_for_bit(world, street):
    car = world.spawn("vehicle.audi.a2", {}, street.at(200.0, z_m=0.3))
    world.run(2.0)
    before = car.world_from_actor.copy()
    world.run(2.0)

    assert before[2, 3] == 0.0
    assert (car.world_from_actor == before).all()
    assert not car.velocity_mps.any()
    assert not car.acceleration_mps2.any()
    assert not car.angular_velocity_radps.any()


def test_a_car_reaches_50_km_h_in_about_five_seconds(world):
    car = world.car(190.0)
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0))
    ticks = 0
    while speed(car) < 50.0 / 3.6:
        world.step(0.05)
        ticks += 1

    assert 4.0 < ticks * 0.05 < 6.0
    assert car.vehicle.gear >= 3


@pytest.mark.parametrize(("weather", "low", "high"), [(Weather(), 7.4, 8.5), (Weather(wetness=100.0), 6.3, 7.6)])
def test_full_braking_takes_what_the_road_gives(world, weather, low, high):
    world.weather = weather
    car = world.car(200.0)
    world.set_target_velocity(car.id, (15.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(brake=1.0))
    start = car.world_from_actor[0, 3]
    world.run(6.0)

    assert speed(car) == 0.0
    assert low < 15.0**2 / 2.0 / (car.world_from_actor[0, 3] - start) < high
    before = car.world_from_actor.copy()
    world.run(1.0)
    assert (car.world_from_actor == before).all()


def test_without_throttle_a_car_rolls_out_slowly_and_stops_for_good(world):
    car = world.car(190.0)
    world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
    world.run(3.0)
    assert 7.0 < speed(car) < 9.0
    world.run(15.0)
    assert speed(car) == 0.0


def test_reverse_and_hand_brake(world):
    car = world.car(220.0)
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.5, reverse=True))
    world.run(2.0)
    assert car.velocity_mps[0] < -1.0
    assert car.vehicle.gear == -1
    world.apply_vehicle_control(car.id, VehicleControl(hand_brake=True))
    world.run(2.0)
    assert speed(car) == 0.0


@pytest.mark.parametrize("steer", [-1.0, 0.3, 1.0])
def test_the_rear_axle_turns_about_the_circle_that_wheelbase_and_wheel_angle_give(world, steer):
    car = world.car(160.0, 180.0)  # the junction: room to turn
    wheels = [wheel.position_m for wheel in car.vehicle.physics.wheels]
    rear, base = min(w[0] for w in wheels), max(w[0] for w in wheels) - min(w[0] for w in wheels)
    world.enable_constant_velocity(car.id, (2.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(steer=steer))
    world.run(1.5)
    rate = float(car.angular_velocity_radps[2])
    share = 1.0 + (0.9 - 1.0) * 7.2 / 20.0  # the steering curve at 7.2 km/h, between its knots at 0 and 20 km/h

    assert rate == pytest.approx(-2.0 * math.tan(steer * share * math.radians(70.0)) / base, rel=0.02)
    # the origin, ahead of the axle, moves sideways too
    left = car.world_from_actor[:3, 1]
    assert float(car.velocity_mps @ left) == pytest.approx(-rate * rear, rel=0.03)


def test_a_fast_car_cannot_corner_beyond_its_grip(world):
    car = world.car(190.0)
    world.set_collisions(car.id, False)
    world.set_target_velocity(car.id, (20.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.3, steer=1.0))
    pulls = []
    for _ in range(40):
        world.step(0.05)
        pulls.append(speed(car) * abs(car.angular_velocity_radps[2]))
    assert 0.75 * 9.81 < max(pulls) < 0.9 * 9.81 * 1.05


def test_velocity_is_the_derivative_of_place_and_acceleration_of_velocity(world, rng):
    car = world.car(190.0)
    last_v, last_p = car.velocity_mps.copy(), car.world_from_actor[:3, 3].copy()
    last_yaw = last_rate = 0.0
    for k in range(120):
        if k % 10 == 0:
            throttle, steer = rng.uniform(0.2, 0.8), rng.uniform(-0.05, 0.05)
            world.apply_vehicle_control(car.id, VehicleControl(throttle=throttle, steer=steer))
        world.step(0.05)
        v, p = car.velocity_mps.copy(), car.world_from_actor[:3, 3].copy()
        assert car.acceleration_mps2 == pytest.approx((v - last_v) / 0.05, abs=2e-5)
        assert (p - last_p) / 0.05 == pytest.approx(0.5 * (v + last_v), abs=0.02)
        rate = float(car.angular_velocity_radps[2])
        assert (yaw(car.world_from_actor) - last_yaw) / 0.05 == pytest.approx(0.5 * (rate + last_rate), abs=1e-9)
        last_v, last_p, last_yaw, last_rate = v, p, yaw(car.world_from_actor), rate
    assert speed(car) > 5.0


def test_a_car_climbs_the_kerb_and_stays_upright(world, street):
    car = world.spawn("vehicle.audi.a2", {}, street.at(206.0, 57.0, math.radians(-20.0)))
    world.set_collisions(car.id, False)
    world.enable_constant_velocity(car.id, (5.0, 0.0, 0.0))
    heights = []
    for _ in range(60):
        world.step(0.05)
        heights.append(car.world_from_actor[2, 3])
        assert car.world_from_actor[2, 2] > math.cos(math.radians(12.0))
        assert np.allclose(car.world_from_actor[:3, :3] @ car.world_from_actor[:3, :3].T, np.eye(3), atol=1e-12)
    assert heights[8] == pytest.approx(0.0, abs=0.005)
    assert heights[-1] == pytest.approx(0.12, abs=0.01)


def test_random_controls_never_make_a_number_that_is_not_finite(world, rng):
    cars = [
        world.spawn(f"vehicle.{m}", {}, world.town.spawn_points[20 * k])
        for k, m in enumerate(("audi.a2", "mitsubishi.fusorosa", "carlamotors.carlacola", "tesla.model3"))
    ]
    for _ in range(150):
        for car in cars:
            throttle, steer, brake = rng.uniform(0, 1), rng.uniform(-1, 1), rng.uniform(0, 1) * (rng.uniform() < 0.3)
            control = VehicleControl(throttle, steer, brake, bool(rng.integers(8) == 0), bool(rng.integers(5) == 0))
            world.apply_vehicle_control(car.id, control)
        world.step(float(rng.choice([0.01, 0.05, 0.2])))
    for car in cars:
        assert np.isfinite(car.world_from_actor).all()
        assert np.isfinite(car.velocity_mps).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_are_refused_at_the_door(world, bad):
    car = world.car(200.0)
    with pytest.raises(DataError, match="apply_control_to_vehicle"):
        world.apply_vehicle_control(car.id, VehicleControl(throttle=bad))
    with pytest.raises(DataError, match="set_actor_target_velocity"):
        world.set_target_velocity(car.id, (bad, 0.0, 0.0))
    with pytest.raises(DataError, match="delta_s"):
        world.step(bad)


def test_physics_control_changes_what_it_says_it_changes(world):
    plain, strong = world.car(200.0), world.car(240.0)
    physics = strong.vehicle.physics
    assert physics.mass_kg == plain.body.mass_kg
    assert [w.max_steer_deg for w in physics.wheels] == [70.0, 70.0, 0.0, 0.0]

    wheels = tuple(replace(w, max_steer_deg=w.max_steer_deg / 2.0) for w in physics.wheels)
    world.apply_physics_control(strong.id, replace(physics, mass_kg=physics.mass_kg / 2.0, wheels=wheels))
    for car in (plain, strong):
        world.apply_vehicle_control(car.id, VehicleControl(throttle=0.4))
    world.run(1.5)
    assert strong.velocity_mps[0] == pytest.approx(2.0 * plain.velocity_mps[0], rel=0.35)
    assert strong.velocity_mps[0] > 1.6 * plain.velocity_mps[0]

    with pytest.raises(DataError, match="mass = 0"):
        world.apply_physics_control(strong.id, replace(physics, mass_kg=0.0))
    slow = replace(
        physics, max_rpm=physics.max_rpm / 25.0, forward_gears=(Gear(physics.forward_gears[-1].ratio, 0.5, 0.65),)
    )
    world.apply_physics_control(plain.id, slow)
    world.apply_vehicle_control(plain.id, VehicleControl(throttle=1.0))
    world.run(10.0)
    assert speed(plain) < 2.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mass_kg": 1e-12}, r"mass = 1e-12; want 1 to 1e\+06 kg"),
        ({"max_rpm": 0.0}, r"max_rpm = 0; want 1 to 100000 rpm"),
        ({"drag_coefficient": -1.0}, r"drag_coefficient = -1; want 0 to 100$"),
        ({"forward_gears": (Gear(1e9, 0.5, 0.65),)}, r"forward_gears.ratio = 1e\+09; want 0.01 to 100$"),
        ({"forward_gears": ()}, r"torque_curve or forward_gears is empty"),
        ({"steering_curve": ((math.nan, 1.0),)}, r"steering_curve.x = nan; want 0 to 10000 km/h"),
        ({"radius_m": 1e-9}, r"wheels.radius = 1e-07; want 1 to 1000 cm"),
        ({"tire_friction": 1e6}, r"wheels.tire_friction = 1e\+06; want 0 to 100$"),
    ],
)
def test_physics_that_no_vehicle_has_is_refused_with_its_range_and_changes_nothing(world, change, message):
    car = world.car(200.0)
    before = car.vehicle.physics
    if change.keys() & {"radius_m", "tire_friction"}:
        change = {"wheels": tuple(replace(wheel, **change) for wheel in before.wheels)}
    physics = replace(before, **change)
    with pytest.raises(DataError, match=message):
        world.apply_physics_control(car.id, physics)
    assert car.vehicle.physics is before


def test_tyres_without_friction_take_nothing_from_a_cars_speed(world):
    car = world.car(200.0)
    physics = car.vehicle.physics
    wheels = tuple(replace(wheel, tire_friction=0.0) for wheel in physics.wheels)
    world.apply_physics_control(car.id, replace(physics, wheels=wheels, drag_coefficient=0.0))
    world.set_target_velocity(car.id, (20.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(brake=1.0, hand_brake=True))
    world.run(2.0)

    assert speed(car) == pytest.approx(20.0, abs=1e-9)


def test_wheels_that_may_suddenly_turn_less_are_at_their_end_and_not_beyond(world):
    car = world.car(200.0)
    world.apply_ackermann_control(car.id, AckermannControl(steer_rad=0.5, steer_speed_radps=0.5, speed_mps=3.0))
    world.run(1.0)
    wheels = tuple(replace(wheel, max_steer_deg=1e-9 * wheel.max_steer_deg) for wheel in car.vehicle.physics.wheels)
    world.apply_physics_control(car.id, replace(car.vehicle.physics, wheels=wheels))
    world.step(0.05)
    assert car.vehicle.control.steer == 1.0


def test_the_ackermann_controller_reaches_speed_and_wheel_angle_and_stops(world):
    car = world.car(190.0)
    world.apply_ackermann_control(car.id, AckermannControl(speed_mps=8.0, acceleration_mps2=2.0))
    world.run(1.5)
    assert 0.5 < speed(car) < 3.2
    world.run(6.0)
    assert speed(car) == pytest.approx(8.0, abs=0.4)
    world.apply_ackermann_control(car.id, AckermannControl(speed_mps=0.0, acceleration_mps2=4.0))
    world.run(5.0)
    assert speed(car) == 0.0
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.3))
    assert car.vehicle.ackermann is None


def test_impulses_and_forces_move_by_mass_and_the_impossible_is_named(world):
    car = world.car(200.0)
    mass = car.vehicle.physics.mass_kg
    world.add_impulse(car.id, (mass * 3.0, 0.0, 0.0))
    assert car.velocity_mps[0] == pytest.approx(3.0)
    world.step(0.05)
    other = world.car(240.0)
    world.add_force(other.id, (mass * 20.0, 0.0, 0.0))
    world.step(0.05)
    assert other.velocity_mps[0] == pytest.approx(1.0)
    world.add_angular_impulse(other.id, (0.0, 0.0, 1000.0))
    assert other.angular_velocity_radps[2] > 0.0
    world.add_impulse(car.id, (0.0, 0.0, mass * 4.0))
    world.step(0.05)
    assert car.world_from_actor[2, 3] > 0.1

    with pytest.raises(NotSupported, match="add_actor_torque"):
        world.add_torque(car.id, (5.0, 0.0, 0.0))
    with pytest.raises(NotSupported, match="add_actor_force"):
        world.add_force(car.id, (0.0, 0.0, 5.0))


def test_without_gravity_a_car_keeps_its_height_and_falls_when_it_returns(world, street):
    car = world.spawn("vehicle.audi.a2", {}, street.at(200.0, z_m=3.0))
    world.set_enable_gravity(car.id, False)
    world.run(1.0)
    assert car.world_from_actor[2, 3] == 3.0
    world.set_enable_gravity(car.id, True)
    world.run(0.5)
    assert car.velocity_mps[2] == pytest.approx(-4.9, abs=0.3)
    world.run(1.0)
    assert car.world_from_actor[2, 3] == 0.0


def test_a_parked_car_stays_where_it_is_put_and_keeps_the_velocity_it_is_given(world, street):
    car = world.car(200.0)
    world.set_simulate_physics(car.id, False)
    world.set_transform(car.id, street.at(210.0, z_m=1.5))
    world.set_target_velocity(car.id, (4.0, 0.0, 0.0))
    world.run(0.5)
    assert (car.world_from_actor == street.at(210.0, z_m=1.5)).all()
    assert car.velocity_mps.tolist() == [4.0, 0.0, 0.0]


def test_a_dead_vehicle_stops_and_no_longer_listens(world):
    car = world.car(200.0)
    world.set_target_velocity(car.id, (6.0, 0.0, 0.0))
    world.set_dead(car.id)
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0))
    world.run(4.0)
    assert speed(car) == 0.0


@pytest.mark.parametrize(("profile", "sticky"), [(NATIVE, "false"), (DETUNED, "true")])
def test_a_dead_vehicle_keeps_its_hand_brake_on_whatever_was_asked_before_it_died(street, profile, sticky):
    world = World(load("AvSynth01"), catalogue(), [], profile)
    car = world.spawn("vehicle.audi.a2", {"sticky_control": sticky}, street.at(200.0))
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0))
    world.set_dead(car.id)
    world.step(0.05)
    at = car.world_from_actor[0, 3]
    world.set_target_velocity(car.id, [10.0, 0.0, 0.0])
    for _ in range(100):
        world.step(0.05)

    assert car.velocity_mps[0] == 0.0
    assert 8.0 < car.world_from_actor[0, 3] - at < 20.0


def test_control_that_does_not_stick_is_gone_after_one_step(world, street):
    car = world.spawn("vehicle.audi.a2", {"sticky_control": "false"}, street.at(200.0))
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0))
    world.step(0.05)
    assert car.vehicle.control == VehicleControl()
