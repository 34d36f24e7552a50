"""Wheels as sensors see them: rolled by the way, steered as the driver asks, inside the box, and alike in a replay."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.geometry.transforms import apply
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.bodies.model import shown
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Mesh
from av_synth.simulator.wheel_parts import hull, parted, wheels
from av_synth.simulator.world import VehicleControl
from av_synth.simulator.world.wheels import show_wheel

VEHICLES = {name: body for name, body in catalogue().items() if body.kind == "vehicle"}


def seen(world, actor):
    (instance,) = [each for each in world.scene().instances if each.actor_id == actor.id]
    return instance


def steer_deg(instance):
    """To the right, by wheel."""
    return np.degrees(np.arcsin(instance.wheels[:, 0, 1]))


def corners(mesh: Mesh):
    points = np.round(mesh.positions_m[mesh.triangles].reshape(len(mesh.triangles), 9), 4)
    return points[np.lexsort(points.T)]


def test_hull_and_wheels_are_the_body_of_every_vehicle_and_the_wheels_are_round():
    for name, body in VEHICLES.items():
        rolling = body.rolling
        assert rolling is not None, name
        placed = [
            Mesh(mesh.positions_m + hub.astype(np.float32), *list(vars(mesh).values())[1:])
            for mesh, hub in zip(rolling.wheels, rolling.hubs_m, strict=True)
        ]

        np.testing.assert_allclose(
            corners(Mesh.merge([rolling.hull, *placed])), corners(body.meshes[0]), atol=2e-4, err_msg=name
        )
        for mesh, radius_m in zip(rolling.wheels[: len(body.wheels)], rolling.radii_m, strict=False):
            np.testing.assert_allclose(np.ptp(mesh.positions_m[:, [0, 2]], axis=0), 2 * radius_m, rtol=0.06)


def test_a_car_that_never_moved_is_one_mesh_and_one_that_drives_rolls_as_far_as_it_goes(world):
    car = world.car(205.0)
    world.step(0.05)
    assert seen(world, car).wheels is None
    start_m = car.world_from_actor[0, 3]
    world.apply_vehicle_control(car.id, VehicleControl(throttle=0.4))
    world.run(2.0)
    first = seen(world, car)
    world.step(0.05)
    then = seen(world, car)
    turned = [math.atan2(pose[0, 2], pose[2, 2]) for pose in then.wheels]
    way_m = car.world_from_actor[0, 3] - start_m
    wanted = way_m / car.body.rolling.radii_m

    assert way_m > 1.0
    np.testing.assert_array_equal(then.last_wheels, first.wheels)
    np.testing.assert_allclose(np.exp(1j * np.array(turned)), np.exp(1j * wanted), atol=0.02)
    assert world.wheel_angles("test", car.id, 0).pitch_deg == pytest.approx(-math.degrees(wanted[2]), abs=2.0)


def test_front_wheels_point_where_the_simulator_tells_clients(world):
    car = world.car(205.0, model="tesla.model3")
    world.apply_vehicle_control(car.id, VehicleControl(steer=0.4, brake=1.0))
    world.run(1.0)
    told = [world.wheel_angles("test", car.id, k).steer_deg for k in (2, 3, 0, 1)]  # from the rear, as bodies have them

    assert min(told[2:]) > 20.0
    np.testing.assert_allclose(steer_deg(seen(world, car)), told, atol=0.01)
    world.apply_vehicle_control(car.id, VehicleControl(brake=1.0))
    world.run(1.0)
    assert seen(world, car).wheels is None


def test_wheels_of_vehicles_without_physics_are_as_clients_turn_them(world):
    car = world.car(205.0)
    world.set_simulate_physics(car.id, enabled=False)
    show_wheel(car, 0, "test", steer_deg=-20.0)
    show_wheel(car, 3, "test", pitch_deg=-90.0)
    world.step(0.05)

    np.testing.assert_allclose(steer_deg(seen(world, car)), [0.0, 0.0, -20.0, 0.0], atol=0.01)
    np.testing.assert_allclose(seen(world, car).wheels[1][:3, 0], [0.0, 0.0, -1.0], atol=1e-9)  # rear right
    np.testing.assert_allclose(seen(world, car).wheels[2][:3, 2], [0.0, 0.0, 1.0], atol=1e-9)


def test_whoever_is_put_where_a_driven_car_was_has_the_wheels_it_had_to_the_bit(world):
    controls = [VehicleControl(throttle=0.5, steer=0.12 if k < 25 else 0.0) for k in range(40)]
    driven, shown_then, told = world.car(150.0), [], []
    for control in controls:
        world.apply_vehicle_control(driven.id, control)
        world.step(0.05)
        shown_then.append(seen(world, driven))
        told.append(driven.world_from_actor.copy())
    world.destroy(driven.id)
    put = world.car(150.0)
    world.set_simulate_physics(put.id, enabled=False)
    for control, pose, then in zip(controls, told, shown_then, strict=True):
        world.apply_vehicle_control(put.id, control)
        world.set_transform(put.id, pose)
        world.step(0.05)
        now = seen(world, put)
        assert (now.wheels.tobytes(), now.last_wheels.tobytes()) == (then.wheels.tobytes(), then.last_wheels.tobytes())
    assert np.abs(steer_deg(shown_then[20])).max() > 3.0


def test_steered_wheels_stay_in_the_box_of_every_vehicle(world, street):
    for name, body in VEHICLES.items():
        car = world.spawn(name, {}, street.at(160.0))
        world.set_simulate_physics(car.id, enabled=False)
        for index in range(len(body.wheels)):
            show_wheel(car, index, "test", steer_deg=35.0 if index % 2 else -35.0, pitch_deg=-20.0)
        world.step(0.05)
        for mesh, pose in zip(body.rolling.wheels, seen(world, car).wheels, strict=True):
            off = np.abs(apply(pose, mesh.positions_m.astype(np.float64)) - body.box_centre_m) - body.box_half_m
            assert off[:, 1].max() <= 2e-3, name
            assert off.max() <= 0.02, name
        world.destroy(car.id)


@pytest.mark.parametrize("name", [name for name, body in VEHICLES.items() if len(body.wheels) == 2])
def test_a_two_wheelers_front_wheel_steers_about_its_fork_and_takes_the_mudguard_along(world, street, name):
    bike = world.spawn(name, {}, street.at(160.0))
    rolling = bike.body.rolling
    world.set_simulate_physics(bike.id, enabled=False)
    show_wheel(bike, 0, "test", steer_deg=-20.0, pitch_deg=-50.0)
    world.step(0.05)
    poses = seen(world, bike).wheels

    axis = np.array([-math.sin(rolling.rake_rad), 0.0, math.cos(rolling.rake_rad)])
    assert 0.25 < rolling.rake_rad < 0.5
    axle = poses[1][:3, 1]
    assert axle @ axis == pytest.approx(0.0, abs=1e-9)  # it stays square to the fork
    assert math.degrees(math.acos(axle[1])) == pytest.approx(20.0, abs=1e-6)
    np.testing.assert_allclose(poses[1][:3, 3], rolling.hubs_m[1])
    np.testing.assert_allclose(poses[0][:3, :3] @ [0, 1.0, 0], [0, 1.0, 0], atol=1e-12)
    for guard in poses[2:]:
        np.testing.assert_allclose(guard[:3, 1], axle)
        np.testing.assert_allclose(guard[:3, :3] @ axis, axis, atol=1e-9)  # steered, and not rolled
    assert (len(poses) == 3) == (name not in ("vehicle.yamaha.yzf", "vehicle.kawasaki.ninja"))  # bare wheels


def test_a_motorcycle_that_is_steered_points_its_front_wheel_along_the_curve(world, street):
    bike = world.spawn("vehicle.yamaha.yzf", {}, street.at(160.0))
    world.apply_vehicle_control(bike.id, VehicleControl(steer=0.3, brake=1.0))
    world.run(1.0)
    shown_ = seen(world, bike).wheels[1]
    track = np.cross(shown_[:3, 1], [0.0, 0.0, 1.0])  # where its plane meets the road
    told = world.wheel_angles("test", bike.id, 0).steer_deg

    assert told > 5.0
    assert -math.degrees(math.atan2(track[1], track[0])) == pytest.approx(told, abs=0.05)


def test_rays_meet_a_steered_wheel_where_it_is_and_sensors_take_it_for_its_vehicle(world):
    car = world.car(205.0, model="tesla.model3")
    rays = RayScene(world.town.mesh, shown(catalogue()))
    front = apply(car.world_from_actor, (car.body.wheels[3].position_m - np.array([0.30, 0.0, 0.0]))[None])[0]
    # at the rear end of the right front wheel, from the side
    origin, left = [front[0], front[1] - 4.0, front[2]], [[0.0, 1.0, 0.0]]
    straight = rays.trace(world.scene(), origin, left, 10.0)
    world.apply_vehicle_control(car.id, VehicleControl(steer=-0.4, brake=1.0))
    world.run(1.0)
    steered = rays.trace(world.scene(), origin, left, 10.0)

    assert (straight.actor_id[0], steered.actor_id[0]) == (car.id, car.id)
    assert 0.04 < straight.range_m[0] - steered.range_m[0] < 0.3
    assert [part.body for part in parted(seen(world, car))] == [hull(car.blueprint_id), *[wheels(car.blueprint_id)] * 4]
