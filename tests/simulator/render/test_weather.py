"""What weather, sun and lamps do to the picture."""

from __future__ import annotations

from dataclasses import replace

import carla
import numpy as np
import pytest

from av_synth.scenario.weather import CARLA_FIELDS
from av_synth.simulator.render import Renderer
from av_synth.simulator.render.lighting import Lighting, lighting
from av_synth.simulator.scene import RGB, Instance, Weather
from tests.simulator.render.conftest import at, camera, scene

NIGHT = Weather(sun_altitude_angle=-30)


def picture(renderer: Renderer, *instances: Instance, weather: Weather, **where: float) -> np.ndarray:
    rgb = renderer.render(scene(*instances, weather=weather), camera(**where), frozenset({RGB})).rgb
    assert rgb is not None
    return rgb[..., 2::-1].astype(float)


def test_pictures_get_darker_from_noon_over_dusk_to_night(renderer: Renderer) -> None:
    means = [picture(renderer, weather=Weather(sun_altitude_angle=a), x_m=20.0).mean() for a in (60, 20, 2, -4, -30)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 100
    assert means[-1] < 60


@pytest.mark.parametrize(("azimuth_deg", "side"), [(90.0, 1.0), (270.0, -1.0)])
def test_shadows_fall_away_from_the_sun_whose_azimuth_is_clockwise(
    renderer: Renderer, azimuth_deg: float, side: float
) -> None:
    weather = Weather(cloudiness=0, sun_azimuth_angle=azimuth_deg, sun_altitude_angle=40)
    lit = picture(renderer, weather=weather, z_m=4.0)
    shaded = picture(renderer, at(3, "car", 14.0), weather=weather, z_m=4.0)
    darker = (shaded.sum(axis=2) < 0.8 * lit.sum(axis=2))[120:]  # the ground near the car
    columns = np.nonzero(darker)[1] - camera().cx_px
    assert len(columns) > 50
    assert np.sign(columns.mean()) == -side  # +y is on the left


def test_fog_takes_contrast_with_distance(renderer: Renderer) -> None:
    def contrast(x_m: float, fog: float) -> float:
        weather = Weather(cloudiness=100, fog_density=fog, fog_distance=0)
        image = picture(renderer, at(3, "car", x_m + 8.0, colour=(10, 10, 10)), weather=weather, x_m=x_m)
        return float(image[60:140, 100:220].max() - image[60:140, 100:220].min())

    clear, thin, thick = (contrast(0.0, fog) for fog in (0.0, 50.0, 100.0))
    assert clear > 1.05 * thin > 1.05 * 1.05 * thick


def test_a_wet_road_mirrors_what_stands_on_it(renderer: Renderer) -> None:
    red = at(3, "car", 9.0, colour=(230, 10, 10))
    for wetness, mirrored in ((0.0, False), (100.0, True)):
        weather = Weather(cloudiness=100, wetness=wetness, precipitation_deposits=wetness)
        with_car = picture(renderer, red, weather=weather)
        without = picture(renderer, weather=weather)
        change = with_car - without
        below = change[150:175, 140:190]  # in front of the car, which ends above row 145
        assert bool((below[..., 0] - below[..., 2]).max() > 12) == mirrored


def test_a_lamp_is_mirrored_as_far_below_the_road_as_it_is_above_it(renderer: Renderer) -> None:
    weather = Weather(cloudiness=100, wetness=100, precipitation_deposits=100)
    image = picture(renderer, at(3, "car", 12.0), weather=weather)
    view, back_m, lamp_m, eye_m = camera(), 9.9, 0.8, 1.5
    first = round(view.cy_px + view.fy_px * (eye_m + 0.2) / back_m)  # where the car's body is mirrored
    red = (image[..., 0] - image[..., 2])[first:].max(axis=1)
    red = np.where(red > 0.5 * red.max(), red, 0.0)
    row = first + np.average(np.arange(len(red)), weights=red)
    assert row == pytest.approx(view.cy_px + view.fy_px * (eye_m + lamp_m) / back_m, abs=3.0)


def test_brake_lamps_shine_when_their_bit_is_set(renderer: Renderer) -> None:
    dark, braking = (picture(renderer, at(3, "car", 9.0, lights=bits), weather=NIGHT) for bits in (0, 8))
    brighter = braking - dark
    assert brighter[..., 0].max() > 100
    assert brighter[..., 0].sum() > 2 * brighter[..., 2].sum()


def test_headlights_light_the_road_ahead_at_night(renderer: Renderer) -> None:
    ego = at(3, "car", -3.0)
    dark, beams = (picture(renderer, replace(ego, lights=bits), weather=NIGHT) for bits in (0, 3))
    road = slice(130, 175)
    assert beams[road, 120:200].mean() > 1.5 * dark[road, 120:200].mean()


def test_rain_falls_elsewhere_in_the_next_frame(renderer: Renderer) -> None:
    rain = Weather(precipitation=80, cloudiness=100)
    first, again, later = (
        renderer.render(scene(weather=rain, frame=frame), camera(), frozenset({RGB})).rgb for frame in (7, 7, 8)
    )
    assert first is not None
    assert again is not None
    assert later is not None
    assert np.array_equal(first, again)
    assert 0.001 < (first != later).any(axis=2).mean() < 0.2


def test_light_is_finite_and_not_negative_in_any_weather() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        percent = random.uniform(-20, 120, 11)
        weather = Weather(*percent[:4], random.uniform(0, 360), random.uniform(-90, 90), *percent[4:])
        light = lighting(weather)
        for name, value in vars(light).items():
            array = np.asarray(value, dtype=float)
            assert np.isfinite(array).all(), name
            assert name in {"key_direction", "sun_direction", "sky_terms", "wind_mps"} or (array >= 0).all(), name


def named() -> dict[str, Lighting]:
    """What CARLA's presets look like, by their names."""
    presets = {name: value for name, value in vars(carla.WeatherParameters).items() if name[0].isupper()}
    return {
        name: lighting(Weather(*[float(getattr(preset, field)) for field in CARLA_FIELDS]))
        for name, preset in presets.items()
        if name != "Default"
    }


def test_presets_of_carla_look_like_their_names() -> None:
    looks = named()
    assert len(looks) == 22
    noon = looks["ClearNoon"].key_colour
    for name, look in looks.items():
        assert look.is_night == ("Night" in name), name
        assert look.is_wet == ("Wet" in name or "Rain" in name), name
        assert (look.rain > 0.0) == ("Rain" in name), name
        heavy = "HardRain" in name or name in {"MidRainSunset", "MidRainyNoon", "DustStorm"}
        assert look.sharp == ("Night" not in name and not heavy), name
        if look.sharp and "Sunset" in name:
            assert look.key_colour[0] / look.key_colour[2] > 1.3 * noon[0] / noon[2], name
    dust, fog = looks["DustStorm"].haze, looks["HardRainNoon"].haze
    assert dust[0] / dust[2] > 2.0 > 1.1 > fog[0] / fog[2]
    assert looks["CloudyNoon"].key_colour.sum() < noon.sum()
    assert looks["WetNight"].puddles > 0.0


def test_the_sky_is_blue_above_and_warm_around_a_low_sun(renderer: Renderer) -> None:
    clear = Weather(cloudiness=0.0, sun_azimuth_angle=0.0)
    noon, low = (picture(renderer, weather=replace(clear, sun_altitude_angle=a), z_m=12.0)[:60] for a in (60.0, 6.0))
    assert noon[..., 2].mean() > 1.15 * noon[..., 0].mean()
    beside, aside = (low[40:, columns].mean(axis=(0, 1)) for columns in (slice(60, 90), slice(0, 30)))
    assert beside[0] > 1.04 * beside[2]
    assert beside.sum() > 1.02 * aside.sum()
