"""Weather that changes a little changes the picture a little, everywhere in it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import RGB, Weather
from tests.simulator.render.conftest import at, camera, scene

DAY = Weather(sun_altitude_angle=30.0, sun_azimuth_angle=80.0)
RAIN = Weather(cloudiness=80, precipitation=50, precipitation_deposits=50, wetness=60, sun_altitude_angle=30)
SWEEPS = [
    ("cloudiness", DAY, 0.0, 100.0),
    ("precipitation", DAY, 0.0, 100.0),
    ("precipitation_deposits", DAY, 0.0, 100.0),
    ("wind_intensity", RAIN, 0.0, 100.0),
    ("sun_azimuth_angle", DAY, 0.0, 60.0),
    ("sun_altitude_angle", DAY, -14.0, 14.0),
    ("sun_altitude_angle", RAIN, -14.0, 14.0),
    ("fog_density", DAY, 0.0, 100.0),
    ("fog_distance", replace(DAY, fog_density=40.0), 0.0, 60.0),
    ("fog_falloff", replace(DAY, fog_density=40.0), 0.0, 2.0),
    ("wetness", DAY, 0.0, 100.0),
    ("wetness", replace(DAY, sun_altitude_angle=-3.0), 0.0, 30.0),
    ("scattering_intensity", replace(DAY, fog_density=40.0), 0.0, 2.0),
    ("mie_scattering_scale", DAY, 0.0, 1.0),
    ("rayleigh_scattering_scale", DAY, 0.0, 0.2),
    ("dust_storm", DAY, 0.0, 100.0),
    ("snow_mm_h", DAY, 0.0, 10.0),
    ("snow_cover", DAY, 0.0, 100.0),
]
ROUNDS, STEPS = 4, 7


def blocks(renderer: Renderer, weather: Weather) -> np.ndarray:
    """Mean colours (9, 16, 3) of 20 x 20 pixels."""
    car = at(3, "car", 9.0, 1.5, lights=3)
    rgb = renderer.render(scene(car, weather=weather), camera(), frozenset({RGB})).rgb
    assert rgb is not None
    return np.asarray(cv2.resize(rgb[..., :3].astype(np.float32), (16, 9), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize(("name", "weather", "low", "high"), SWEEPS)
def test_the_steepest_place_of_a_sweep_is_no_jump(
    renderer: Renderer, name: str, weather: Weather, low: float, high: float
) -> None:
    steepest = 0.0
    for _ in range(ROUNDS):  # a slope gets smaller with the step, a jump does not
        values = np.linspace(low, high, STEPS + 1).tolist()
        seen = np.stack([blocks(renderer, replace(weather, **{name: value})) for value in values])
        steps = np.abs(np.diff(seen, axis=0)).max(axis=(1, 2, 3))
        steepest = float(steps.max())
        assert steepest > 0.0, f"{name} does nothing between {low} and {high}"
        low, high = values[int(steps.argmax())], values[int(steps.argmax()) + 1]
    # shadows of upright edges lie along the texels of the shadow map, and move by a whole one, 4 cm, as the sun turns
    limit = 10.0 if name == "sun_azimuth_angle" else 6.0
    assert steepest < limit, f"{name} jumps between {low} and {high}"
