"""Exposure by hand: CARLA's exposure_mode manual with shutter_speed, iso and fstop, against the light there is."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.simulator.scene import Weather
from av_synth.simulator.sensors.development import Development
from av_synth.simulator.sensors.metering import metered_ev100
from av_synth.simulator.sensors.spec import CameraSpec, make_sensor

GREY = np.full((1, 1, 4), 90, dtype=np.uint8)


def development(**attributes: str) -> Development:
    spec = make_sensor("sensor.camera.rgb", attributes, None, 1, 0, 1, (0, 0.0)).spec
    assert isinstance(spec, CameraSpec)
    return spec.development


def brightness(weather: Weather, **attributes: str) -> int:
    return int(development(**attributes).develop(GREY, metered_ev100(weather))[0, 0, 0])


def test_three_numbers_are_an_exposure_value() -> None:
    """Sunny 16: f/16 and one over the ISO number are EV 15."""
    sunny = development(exposure_mode="manual", shutter_speed="125", iso="100", fstop="16")
    fast = development(exposure_mode="manual", shutter_speed="1000", iso="800", fstop="16")

    assert sunny.ev100 == pytest.approx(15.0, abs=0.05)
    assert fast.ev100 == pytest.approx(sunny.ev100)
    assert development(shutter_speed="125").ev100 is None


def test_what_the_meter_has_changes_nothing_and_a_stop_is_a_stop_of_compensation() -> None:
    noon = Weather(cloudiness=0.0, sun_altitude_angle=60.0)
    by_hand = {"exposure_mode": "manual", "iso": "100", "fstop": "16"}
    metered = 2.0 ** metered_ev100(noon) / 256.0

    assert brightness(noon, **by_hand, shutter_speed=str(metered)) == 90
    assert brightness(noon, **by_hand, shutter_speed=str(metered / 2)) == brightness(noon, exposure_compensation="1")
    assert brightness(noon, **by_hand, shutter_speed=str(metered * 4)) == brightness(noon, exposure_compensation="-2")


def test_a_cameras_daylight_exposure_is_dark_under_clouds_and_black_at_night() -> None:
    sunny = {"exposure_mode": "manual", "shutter_speed": "125", "iso": "100", "fstop": "16"}
    weathers = [
        Weather(0.0, sun_altitude_angle=50.0),
        Weather(100.0, sun_altitude_angle=50.0),
        Weather(0.0, sun_altitude_angle=0.0),
    ]
    bright = [brightness(weather, **sunny) for weather in weathers]

    assert bright == sorted(bright, reverse=True)
    assert bright[0] == pytest.approx(90, abs=6)
    assert brightness(Weather(0.0, sun_altitude_angle=-20.0), **sunny) < 8
    # clouds take nothing from street lamps
    nights = [metered_ev100(Weather(cloudiness, sun_altitude_angle=-20.0)) for cloudiness in (0.0, 100.0)]
    assert nights[0] == nights[1]
