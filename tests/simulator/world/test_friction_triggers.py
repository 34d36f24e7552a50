"""Friction triggers: vehicles in them grip otherwise, and nobody else does."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.world.model import VehicleControl
from av_synth.simulator.world.triggers import FRICTION_TRIGGER_ID

SLIPPERY = {"friction": "0.35", "extent_x": "2000.0", "extent_y": "700.0", "extent_z": "700.0"}


def braking(stage, metres_away: float | None) -> list[float]:
    """Places along the street of a car that brakes from 15 m/s, with a trigger so far beside it, or none."""
    stage.reset()
    car = stage.car(205.0)
    if metres_away is not None:
        place = car.world_from_actor[:3, 3]
        stage.spawn(FRICTION_TRIGGER_ID, SLIPPERY, from_yaw(place[0] + 12.0, place[1] + metres_away, 0.0, 0.3))
    for _ in range(4):
        stage.step(0.05)
    stage.set_target_velocity(car.id, [15.0, 0.0, 0.0])
    stage.apply_vehicle_control(car.id, VehicleControl(brake=1.0))
    places = []
    for _ in range(60):
        stage.step(0.05)
        places.append(float(car.world_from_actor[0, 3]))
    return places


def frictions(car) -> set[float]:
    return {wheel.tire_friction for wheel in car.vehicle.physics.wheels}


def test_who_brakes_in_a_slippery_box_goes_farther_and_who_is_beside_it_stops_as_without_it(world):
    without, beside, within = (braking(world, away) for away in (None, 60.0, 0.0))

    assert beside == without
    assert within[-1] - within[0] > 1.5 * (without[-1] - without[0])


def test_tyres_are_as_before_when_their_vehicle_has_left_the_box_or_the_box_is_gone(world):
    car = world.car(205.0)
    place = car.world_from_actor[:3, 3].copy()
    before = frictions(car)
    trigger = world.spawn(FRICTION_TRIGGER_ID, SLIPPERY, from_yaw(place[0], place[1], 0.0, 0.0))
    world.step(0.05)
    assert frictions(car) == {0.35}
    away = car.world_from_actor.copy()
    away[0, 3] += 40.0
    world.set_transform(car.id, away)
    world.step(0.05)
    assert frictions(car) == before
    away[0, 3] -= 40.0
    world.set_transform(car.id, away)
    world.step(0.05)
    assert frictions(car) == {0.35}
    world.destroy(trigger.id)
    world.step(0.05)
    assert frictions(car) == before


def test_a_trigger_shifts_no_body_id_and_goes_with_its_vehicle(world):
    car = world.car(205.0)
    place = car.world_from_actor[:3, 3]
    trigger = world.spawn(FRICTION_TRIGGER_ID, SLIPPERY, from_yaw(place[0], place[1], 0.0, 0.0))
    other = world.car(150.0)
    world.step(0.05)
    world.destroy(car.id)
    world.step(0.05)

    assert trigger.id > 1_000_000
    assert other.id == car.id + 1
    assert frictions(other) == {3.5}


@pytest.mark.parametrize("height_m", [-20.0, 20.0])
def test_a_box_over_or_under_a_vehicle_does_not_concern_it(world, height_m):
    car = world.car(205.0)
    place = car.world_from_actor[:3, 3]
    world.spawn(FRICTION_TRIGGER_ID, SLIPPERY, from_yaw(place[0], place[1], height_m, 0.0))
    world.step(0.05)

    assert frictions(car) == {3.5}
    assert np.isfinite(car.world_from_actor).all()
