"""The actor that brings snow."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.scene import Weather
from av_synth.simulator.world.snow import SNOW_ID


def test_the_snow_of_the_last_actor_is_in_the_scene_and_goes_with_it(world):
    world.weather = Weather(cloudiness=70.0)
    assert world.scene().weather == world.weather

    first = world.spawn(SNOW_ID, {"avsynth.snow_cover": "30"}, np.eye(4))
    last = world.spawn(SNOW_ID, {"avsynth.snow_mm_h": "1e30", "avsynth.snow_cover": "80.0f"}, np.eye(4))
    assert world.scene().weather == Weather(cloudiness=70.0, snow_mm_h=1e30, snow_cover=80.0)
    world.destroy(last.id)
    assert world.scene().weather == Weather(cloudiness=70.0, snow_mm_h=2.0, snow_cover=30.0)
    world.destroy(first.id)
    assert world.scene().weather == world.weather == Weather(cloudiness=70.0)


def test_snow_shifts_no_id_of_a_body(world, street):
    world.spawn(SNOW_ID, {}, np.eye(4))
    car = world.car(205.0)
    world.reset()

    assert world.car(205.0).id == car.id
