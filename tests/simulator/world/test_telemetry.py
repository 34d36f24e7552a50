"""What is read off a vehicle, and what its physics control changes of how it drives."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.world import Gear, NotSupported, VehicleControl, WrongActorKind
from av_synth.simulator.world.physics import default_physics
from av_synth.simulator.world.wheels import show_wheel

FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT = range(4)


def speed(actor):
    return float(np.linalg.norm(actor.velocity_mps[:2]))


def steer_deg(world, car, wheel):
    return world.wheel_angles("get_wheel_steer_angle", car.id, wheel).steer_deg


@pytest.mark.parametrize("steer", [0.2, -0.6, 1.0])
def test_all_wheels_go_round_the_point_that_the_car_turns_about(world, steer):
    car = world.car(160.0, 180.0)
    world.enable_constant_velocity(car.id, (2.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(steer=steer))
    world.run(1.5)
    round_m = 2.0 / float(car.angular_velocity_radps[2])  # to the left of the rear axle's middle

    rear_x = min(wheel.position_m[0] for wheel in car.vehicle.physics.wheels)
    for index in (FRONT_LEFT, FRONT_RIGHT):
        x, y, _ = car.vehicle.physics.wheels[index].position_m
        left = math.copysign(1.0, round_m) * math.atan2(x - rear_x, abs(round_m) - math.copysign(1.0, round_m) * y)
        assert steer_deg(world, car, index) == pytest.approx(-math.degrees(left), rel=0.02)
    assert steer_deg(world, car, REAR_LEFT) == steer_deg(world, car, REAR_RIGHT) == 0.0
    inner = FRONT_RIGHT if steer > 0.0 else FRONT_LEFT
    outer = FRONT_LEFT if steer > 0.0 else FRONT_RIGHT
    assert abs(steer_deg(world, car, inner)) > abs(steer_deg(world, car, outer)) + 0.5


def test_wheels_are_counted_as_in_carla_front_left_first():
    for body in catalogue().values():
        if body.kind == "vehicle":
            places = [wheel.position_m for wheel in default_physics(body).wheels]
            assert places[0][0] > places[-1][0]
            if len(places) == 4:
                assert [place[1] > 0.0 for place in places] == [True, False, True, False]
                assert places[1][0] > places[2][0]


def test_wheels_roll_as_far_as_the_car_goes_and_begin_anew_after_ten_half_turns(world):
    car = world.car(190.0)
    radius = car.vehicle.physics.wheels[0].radius_m
    world.enable_constant_velocity(car.id, (8.0, 0.0, 0.0))
    start = car.world_from_actor[0, 3]
    for _ in range(40):
        world.step(0.05)
        rolled = math.degrees((car.world_from_actor[0, 3] - start) / radius)
        seen = world.wheel_angles("get_wheel_pitch_angle", car.id, REAR_LEFT).pitch_deg
        assert seen == pytest.approx(-math.fmod(rolled, 1800.0), abs=0.01)
    assert rolled > 1800.0


def test_a_wheel_is_turned_by_hand_only_without_physics_and_forgets_it_with_physics(world, street):
    car, walker = world.car(200.0), world.spawn("walker.pedestrian.0001", {}, street.at(260.0, street.pavement_y_m))
    with pytest.raises(NotSupported, match=r"set_wheel_steer_direction: .*switch it off first"):
        show_wheel(car, FRONT_LEFT, "set_wheel_steer_direction", steer_deg=20.0)
    world.set_simulate_physics(car.id, False)
    show_wheel(car, FRONT_LEFT, "set_wheel_steer_direction", steer_deg=20.0)
    show_wheel(car, FRONT_LEFT, "set_wheel_pitch_angle", pitch_deg=75.0)
    world.step(0.05)
    angles = world.wheel_angles("get_wheel_steer_angle", car.id, FRONT_LEFT)
    assert (angles.steer_deg, angles.pitch_deg) == (20.0, 75.0)
    assert steer_deg(world, car, FRONT_RIGHT) == 0.0

    with pytest.raises(DataError, match=r"got wheel 4; vehicle.audi.a2 has wheels 0 to 3"):
        show_wheel(car, 4, "set_wheel_steer_direction", steer_deg=20.0)
    with pytest.raises(WrongActorKind):
        world.wheel_angles("get_wheel_steer_angle", walker.id, 0)
    world.set_simulate_physics(car.id, True)
    world.set_simulate_physics(car.id, False)
    assert steer_deg(world, car, FRONT_LEFT) == 0.0


def test_at_rest_the_wheels_carry_the_car_and_nothing_turns(world):
    car = world.car(200.0)
    world.step(0.05)
    seen = world.telemetry(car.id)
    assert (seen.speed_mps, seen.engine_rpm, seen.drag_n) == (0.0, 0.0, 0.0)
    assert sum(wheel.load_n for wheel in seen.wheels) == pytest.approx(car.body.mass_kg * 9.81)
    assert all(wheel.normalized_load == pytest.approx(1.0) for wheel in seen.wheels)
    assert not any(wheel.omega_radps or wheel.long_force_n or wheel.lat_force_n for wheel in seen.wheels)
    base = car.vehicle.physics.wheels[0].position_m[0] - car.vehicle.physics.wheels[2].position_m[0]
    to_front = car.vehicle.physics.wheels[0].position_m[0]
    rear = (seen.wheels[REAR_LEFT].load_n + seen.wheels[REAR_RIGHT].load_n) / (car.body.mass_kg * 9.81)
    assert rear == pytest.approx(to_front / base, abs=0.001)


def test_engine_gear_drag_and_forces_are_those_of_how_the_car_moves(world):
    car = world.car(190.0)
    physics = car.vehicle.physics
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.8))
    gears = []
    for _ in range(100):
        world.step(0.05)
        seen = world.telemetry(car.id)
        gears.append(seen.gear)
        gear = physics.forward_gears[seen.gear - 1].ratio * physics.final_ratio
        turned = seen.speed_mps / physics.wheels[0].radius_m * gear * 60.0 / (2.0 * math.pi)
        assert seen.gear == car.vehicle.gear
        if seen.gear > 1:
            assert seen.engine_rpm == pytest.approx(turned, rel=1e-6)
        else:
            assert turned - 1e-6 <= seen.engine_rpm <= physics.max_rpm
        assert seen.wheels[0].omega_radps == pytest.approx(seen.speed_mps / physics.wheels[0].radius_m, rel=1e-3)
        pushed = sum(wheel.long_force_n for wheel in seen.wheels) - seen.drag_n
        along = float(car.acceleration_mps2 @ car.world_from_actor[:3, 0])
        assert pushed == pytest.approx(car.body.mass_kg * along, abs=60.0)
    assert gears == sorted(gears)
    assert gears[-1] >= 3
    area = 0.85 * 4.0 * car.body.box_half_m[1] * car.body.box_half_m[2]
    assert seen.drag_n == pytest.approx(0.5 * 1.2 * physics.drag_coefficient * area * seen.speed_mps**2, rel=1e-3)
    rear = sum(seen.wheels[k].normalized_load for k in (REAR_LEFT, REAR_RIGHT)) / 2.0
    assert rear > 1.0 + 1e-3  # the load goes back as it speeds up
    assert (seen.throttle, seen.brake, seen.steer) == (0.8, 0.0, 0.0)


def test_in_a_left_bend_the_right_wheels_carry_more_and_the_tyres_pull_to_the_left(world):
    car = world.car(160.0, 180.0)
    world.enable_constant_velocity(car.id, (6.0, 0.0, 0.0))
    world.apply_vehicle_control(car.id, VehicleControl(steer=-0.15))
    world.run(1.0)
    seen = world.telemetry(car.id)
    left = sum(seen.wheels[k].load_n for k in (FRONT_LEFT, REAR_LEFT))
    right = sum(seen.wheels[k].load_n for k in (FRONT_RIGHT, REAR_RIGHT))
    assert right > 1.05 * left
    across = -sum(wheel.lat_force_n for wheel in seen.wheels)
    assert across == pytest.approx(car.body.mass_kg * 6.0 * float(car.angular_velocity_radps[2]), rel=0.1)
    assert seen.wheels[FRONT_RIGHT].omega_radps > seen.wheels[REAR_LEFT].omega_radps


def _seconds_to(world, car, mps, throttle=1.0):
    world.apply_vehicle_control(car.id, VehicleControl(throttle=throttle))
    ticks = 0
    while speed(car) < mps and ticks < 400:
        world.step(0.05)
        ticks += 1
    return ticks * 0.05


def _with(world, **changes):
    car = world.car(190.0)
    world.set_collisions(car.id, False)
    world.apply_physics_control(car.id, replace(car.vehicle.physics, **changes))
    return car


def _curve(physics, low, high):
    return tuple((x, (low if x < 0.3 * physics.max_rpm else high) * y) for x, y in physics.torque_curve)


def test_what_the_physics_control_says_of_engine_and_gears_acts_where_it_should(world):
    plain = _with(world)
    physics = plain.vehicle.physics
    usual = _seconds_to(world, plain, 12.0)
    assert _seconds_to(world, _with(world, torque_curve=_curve(physics, 2.0, 2.0)), 12.0) < 0.75 * usual
    assert _seconds_to(world, _with(world, torque_curve=_curve(physics, 1.0, 0.3)), 12.0) > 1.2 * usual
    assert _seconds_to(world, _with(world, mass_kg=2.0 * physics.mass_kg), 12.0) > 1.8 * usual
    assert _seconds_to(world, _with(world, moi=10.0), 12.0) > usual + 0.5
    tall = _with(world, forward_gears=(Gear(0.75, 0.5, 0.65),))
    assert _seconds_to(world, tall, 12.0) > 1.5 * usual
    slow = _with(world, gear_switch_time_s=1.0)
    assert _seconds_to(world, slow, 12.0) > usual + 1.5
    assert slow.vehicle.gear == 2


def test_a_gear_that_is_held_has_its_own_top_speed_and_pull(world):
    car = _with(world)
    physics = car.vehicle.physics
    first_top = physics.max_rpm / 60.0 * 2.0 * math.pi / (physics.forward_gears[0].ratio * physics.final_ratio)
    first_top *= physics.wheels[0].radius_m
    world.apply_vehicle_control(car.id, VehicleControl(throttle=1.0, manual_gear_shift=True, gear=1))
    world.run(14.0)
    assert speed(car) == pytest.approx(first_top, rel=0.08)
    assert world.telemetry(car.id).engine_rpm == pytest.approx(physics.max_rpm, rel=0.08)

    stuck = _with(world, use_gear_autobox=False)
    world.apply_vehicle_control(stuck.id, VehicleControl(throttle=1.0))
    world.run(14.0)
    assert speed(stuck) < 1.05 * first_top
    assert stuck.vehicle.gear == 1

    fifth = _with(world)
    world.apply_vehicle_control(fifth.id, VehicleControl(throttle=1.0, manual_gear_shift=True, gear=5))
    world.run(2.0)
    assert speed(fifth) < 0.5 * 2.0 * 3.1


def test_engine_braking_and_the_height_of_the_centre_of_mass_act(world):
    def rolled(**changes):
        car = _with(world, **changes)
        world.set_target_velocity(car.id, (10.0, 0.0, 0.0))
        world.run(2.0)
        return speed(car)

    assert rolled(damping_rate_zero_throttle_clutch_engaged=8.0) < rolled() - 1.0

    def dive(**changes):
        car = _with(world, **changes)
        world.set_target_velocity(car.id, (15.0, 0.0, 0.0))
        world.apply_vehicle_control(car.id, VehicleControl(brake=1.0))
        world.run(0.6)
        return -math.asin(car.world_from_actor[2, 0])

    x, y, z = world.car(250.0).vehicle.physics.center_of_mass_m
    assert dive(center_of_mass_m=(x, y, 2.0 * z)) == pytest.approx(2.0 * dive(), rel=0.1)


@pytest.mark.parametrize("ahead_m", [0.0, 0.8])
def test_a_blow_off_the_centre_of_mass_pushes_and_turns_the_body_about_it(world, ahead_m):
    car = _with(world, center_of_mass_m=(ahead_m, 0.0, 0.5))
    mass, inertia = car.body.mass_kg, world._arrays.inertia[world._arrays.row(car.id)]
    x, y = car.world_from_actor[:2, 3]
    world.add_impulse_at(car.id, (0.0, 3000.0, 0.0), (x + 1.5, y, 0.5))
    rate = 3000.0 * (1.5 - ahead_m) / inertia
    assert car.angular_velocity_radps[2] == pytest.approx(rate)
    centre = car.velocity_mps[1] + car.angular_velocity_radps[2] * ahead_m
    assert centre == pytest.approx(3000.0 / mass)

    pushed = _with(world, center_of_mass_m=(ahead_m, 0.0, 0.5))
    world.set_transform(pushed.id, car.world_from_actor.copy())
    _in_the_air(world, pushed)
    world.add_force_at(pushed.id, (0.0, 3000.0 / 0.05, 0.0), (x + 1.5, y, 5.5))
    world.step(0.05)
    assert pushed.angular_velocity_radps[2] == pytest.approx(rate, rel=1e-6)
    forward = pushed.world_from_actor[:2, 0]
    spun = rate * np.array([-forward[1], forward[0]])
    assert pushed.velocity_mps[:2] + spun * ahead_m == pytest.approx([0.0, 3000.0 / mass], abs=0.1)

    with pytest.raises(NotSupported, match=r"add_actor_impulse_at_location: .*tip over"):
        world.add_impulse_at(car.id, (0.0, 0.0, 10.0), (x, y, 0.0))


def test_blows_from_afar_are_refused_and_the_world_goes_on(world):
    car = _with(world, mass_kg=1.0, center_of_mass_m=(10.0, 10.0, 0.5))
    for _ in range(20):  # each from further away than the last one, if the car were carried off by them
        for _ in range(200):
            with pytest.raises(DataError, match=r"_at_location: got a place at .* m away; want one on actor"):
                world.add_impulse_at(car.id, (1e7, -1e7, 0.0), (1e7, 1e7, 0.0))
        world.step(0.05)

    with pytest.raises(DataError, match=r"add_actor_force_at_location: .* 1000 m away at most"):
        world.add_force_at(car.id, (1e7, -1e7, 0.0), (1e7, 1e7, 0.0))


def _in_the_air(world, car):
    pose = car.world_from_actor.copy()
    pose[:3, :3] = np.eye(3)
    pose[2, 3] = 5.0
    world.set_transform(car.id, pose)
    world.set_target_velocity(car.id, (0.0, 0.0, 0.0))
    world.step(0.05)  # from the next step on it knows that it falls


def test_a_vehicle_is_held_at_level_speeds_only(world):
    car = world.car(200.0)
    with pytest.raises(NotSupported, match=r"enable_actor_constant_velocity: .*got z = 1.0 m/s"):
        world.enable_constant_velocity(car.id, (0.0, 0.0, 1.0))
