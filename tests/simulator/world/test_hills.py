"""Bodies on the crest of the country roads: x = 981.75 m northwards, feet at y = 440 and 670 m, crest at 555 m."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.town import load
from av_synth.simulator.world import VehicleControl, WalkerControl
from tests.simulator.world.conftest import Stage

LANE_X_M, NORTH = 981.75, math.pi / 2
STEEP_Y_M = 503.6  # where the road climbs most


@pytest.fixture
def hill() -> Stage:
    return Stage(load("AvSynth05"), catalogue())


def on_the_road(hill: Stage, y_m: float) -> Array:
    return hill.town.relief.lift_pose(from_yaw(LANE_X_M, y_m, 0.0, NORTH))


def climb(hill: Stage, y_m: float) -> float:
    return float(hill.town.relief.slope(np.float64(LANE_X_M), np.float64(y_m))[1])


def test_a_car_goes_over_the_crest_on_its_wheels_with_its_nose_along_the_slope(hill: Stage) -> None:
    car = hill.spawn("vehicle.audi.a2", {}, on_the_road(hill, 430.0))
    hill.set_target_velocity(car.id, (0.0, 25.0, 0.0))
    hill.apply_vehicle_control(car.id, VehicleControl(throttle=0.45))
    heights = []
    while (y := car.world_from_actor[1, 3]) < 690.0:
        hill.step(0.05)
        pose, velocity = car.world_from_actor, car.velocity_mps
        rear = pose @ np.array([-1.3, 0.0, 0.0, 1.0])
        front = pose @ np.array([1.3, 0.0, 0.0, 1.0])
        for point in (rear, front):
            assert point[2] == pytest.approx(hill.town.ground_height_m(point[0], point[1]), abs=0.02)
        assert math.asin(pose[2, 0]) == pytest.approx(math.atan(climb(hill, pose[1, 3])), abs=0.01)
        assert velocity[2] == pytest.approx(velocity[1] * climb(hill, (y + pose[1, 3]) / 2), abs=0.12)
        heights.append(pose[2, 3])
    assert max(heights) == pytest.approx(6.0, abs=0.02)
    assert heights[-1] == pytest.approx(0.0, abs=1e-3)


def test_a_car_in_the_air_keeps_its_tilt_and_lies_on_the_slope_when_it_has_landed(hill: Stage) -> None:
    level = from_yaw(LANE_X_M, STEEP_Y_M, hill.town.ground_height_m(LANE_X_M, STEEP_Y_M) + 0.6, NORTH)
    car = hill.spawn("vehicle.audi.a2", {}, level)
    for _ in range(3):
        hill.step(0.05)
        assert car.world_from_actor[2, 0] == 0.0
        assert car.angular_velocity_radps[:2] == pytest.approx([0.0, 0.0])
    for _ in range(60):
        hill.step(0.05)
    assert math.asin(car.world_from_actor[2, 0]) == pytest.approx(math.atan(climb(hill, STEEP_Y_M)), abs=0.005)


def test_a_slope_takes_and_gives_what_gravity_does(hill: Stage) -> None:
    def change(y_m: float) -> float:
        car = hill.spawn("vehicle.audi.a2", {}, on_the_road(hill, y_m))
        hill.set_target_velocity(car.id, (0.0, 10.0, 0.0))
        hill.step(0.05)
        before = car.velocity_mps[1]
        hill.step(0.05)
        hill.destroy(car.id)
        return (car.velocity_mps[1] - before) / 0.05

    level, up, down = change(425.0), change(STEEP_Y_M), change(1110.0 - STEEP_Y_M)
    slope = climb(hill, STEEP_Y_M)
    assert slope == pytest.approx(0.0895, abs=0.001)
    assert up - level == pytest.approx(-9.81 * slope / (1 + slope**2), abs=0.02)
    assert down - level == pytest.approx(9.81 * slope / (1 + slope**2), abs=0.02)


def test_brakes_hold_a_car_on_the_slope_and_without_them_it_rolls_down(hill: Stage) -> None:
    car = hill.spawn("vehicle.audi.a2", {}, on_the_road(hill, STEEP_Y_M))
    hill.apply_vehicle_control(car.id, VehicleControl(brake=1.0))
    hill.run(1.0)
    before = car.world_from_actor.copy()
    hill.run(2.0)
    assert (car.world_from_actor == before).all()
    assert not car.velocity_mps.any()

    hill.apply_vehicle_control(car.id, VehicleControl())
    hill.run(4.0)
    assert car.world_from_actor[1, 3] < STEEP_Y_M - 0.5


def test_walkers_and_props_stand_on_the_slope(hill: Stage) -> None:
    walker = hill.spawn("walker.pedestrian.0001", {}, from_yaw(LANE_X_M, 480.0, 6.0, NORTH))
    cone = hill.spawn("static.prop.trafficcone01", {}, from_yaw(LANE_X_M + 2.0, 520.0, 5.0, 0.0))
    hill.set_simulate_physics(cone.id, True)
    hill.run(3.0)
    hill.apply_walker_control(walker.id, WalkerControl((0.0, 1.0, 0.0), 2.5))
    low = catalogue()["walker.pedestrian.0001"]
    foot = low.box_half_m[2] - low.box_centre_m[2]
    for _ in range(60):
        hill.step(0.05)
        x, y, z = walker.world_from_actor[:3, 3]
        assert z - foot == pytest.approx(hill.town.ground_height_m(x, y), abs=2e-3)
    assert y > 486.0
    x, y, z = cone.world_from_actor[:3, 3]
    low = catalogue()["static.prop.trafficcone01"]
    assert z + low.box_centre_m[2] - low.box_half_m[2] == pytest.approx(hill.town.ground_height_m(x, y), abs=2e-3)
