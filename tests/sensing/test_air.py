"""What is in the air, in physical units."""

from __future__ import annotations

import pytest

from av_synth.scenario.weather import CARLA_FIELDS, Weather
from av_synth.sensing.air import air


def test_the_clear_air_of_an_untouched_world_lets_one_see_for_tens_of_kilometres() -> None:
    assert 50_000.0 < air(Weather().to_json()).visibility_m < 120_000.0


def test_the_thickest_fog_leaves_fifty_metres_and_the_wmo_would_call_a_tenth_of_it_mist() -> None:
    thickest, tenth = (air(Weather(fog_density=percent).to_json()).visibility_m for percent in (100.0, 10.0))
    assert 45.0 < thickest < 60.0
    assert 1_000.0 < tenth < 5_000.0  # fog is below a kilometre, mist below five


def test_rain_takes_light_by_the_law_that_was_measured() -> None:
    moderate = air(Weather(precipitation=20.0).to_json())  # 10 mm/h
    assert moderate.rain_mm_h == pytest.approx(10.0)
    assert moderate.rain_per_m == pytest.approx(0.00116, rel=0.01)


def test_snow_takes_more_light_than_as_much_rain() -> None:
    snow, rain = air(Weather(snow_mm_h=5.0).to_json()), air(Weather(precipitation=10.0).to_json())
    assert snow.snow_per_m == pytest.approx(0.01173, rel=0.01)
    assert snow.visibility_m < 0.2 * rain.visibility_m
    assert air(dict.fromkeys(CARLA_FIELDS, 0.0)).snow_mm_h == 0.0  # CARLA's own weather has none


def test_percents_outside_their_range_count_as_its_end() -> None:
    wild, tame = Weather(precipitation=140.0, dust_storm=-3.0), Weather(precipitation=100.0, dust_storm=0.0)
    assert air(wild.to_json()) == air(tame.to_json())
