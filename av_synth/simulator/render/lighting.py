"""Weather turned into light: CARLA's 14 numbers as the colours, directions and densities that the shaders take.

Colours are linear RGB (3,), scaled so that what should come out about white is about 1: the exposure is in them, and
most of a white balance. All of it is continuous in every parameter, so that weather that changes shows no jump: where
another way of drawing begins, what it adds begins at 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.sensing.air import Air, air, share
from av_synth.simulator.render.atmosphere import ClearSky, ShownSky, clear_sky, shown
from av_synth.simulator.scene import Weather

_LUMA = np.array([0.3, 0.5, 0.2])
_DAYLIGHT = np.array([0.92, 0.83, 0.73])  # of sun and sky at 45 degrees, which comes out white
_ADAPTED = 0.25  # how far the white balance follows the light's colour from there
_NOON, _NOON_SHOWN, _COMPRESSION = 0.8, 2.5, 0.45  # the exposure lets dusk be darker, but not as it is
_DARKEST = 3e-4  # of daylight for which the exposure is lengthened
_GREY = np.array([0.95, 0.98, 1.02])
_LID = 0.42  # of clear daylight comes through a closed sky
_SAND = np.array([0.98, 0.66, 0.37])
_NIGHT_LIGHT = np.array([0.029, 0.031, 0.044])  # of moon and town, on the ground
_NIGHT_ZENITH, _NIGHT_HORIZON = np.array([0.006, 0.009, 0.020]), np.array([0.030, 0.029, 0.034])
_TOWN_ON_CLOUDS = np.array([0.026, 0.023, 0.022])
_NIGHT_FROM_DEG = -1.0
_SUN_FROM = 0.12  # share of the sun's light below which its shadows are gone
_CLOUD_TEXTURE_M, _CALM_MPS = 9000.0, np.array([2.5, 2.0])
_CLOUDED_MM_H = 0.5  # of snow, which falls out of a closed sky from there on
_SNOW_EXPOSURE = 0.3
_DUST_HEIGHT_M, _RAIN_HEIGHT_M, _FOG_TOP_M = 300.0, 800.0, 500.0


@dataclass(frozen=True)
class Lighting:
    """What one weather looks like.

    Attributes:
        key_direction: (3,) unit, world, to the light that casts shadows: the sun, or the zenith under a closed sky.
        key_colour: (3,) of that light on a surface that faces it; 0 where one takes over from the other.
        sharp: whether its shadows have an edge (the sun's) or none to speak of.
        sun_direction: (3,) unit, where the sun stands, below the horizon at night.
        sky_light, ground_light: (3,), light from above and from below.
        zenith, horizon, halo: (3,), of the clear sky as mirrors show it; the last is added around the sun.
        sky_terms: (10, 3), weights of the functions that the sky itself is a sum of.
        sun_disc: (3,), the sun as the camera sees it through the clear part of the sky.
        cloud_light, cloud_shade: (3,), the two sides of clouds.
        cloudiness: 0..1, share of the sky that clouds cover.
        haze, haze_glow: (3,), what the air adds, everywhere and towards the sun.
        haze_per_m: extinction from the eye on; `fog_per_m` is fog's own, from `fog_start_m` on, at the ground, and
            `fog_falloff_per_m` its decrease with height.
        veil: what rain and dust keep of the sky straight above, as an optical depth.
        fog_share: 0..1, how much fog glows around lamps; `scattering`: CARLA's factor of it.
        night: 0..1, how much lit windows matter; `lamps`: 0..1, how much lamps do on the ground.
        wetness: 0..1, how dark and glossy the ground is; `puddles`: 0..1, share under water.
        rain: 0..1; `wind_mps`: (2,), world axes.
        snow_mm_h: how much snow falls, as water; `snow_cover`: 0..1, how much of the ground it lies on.
    """

    key_direction: Array
    key_colour: Array
    sharp: bool
    sun_direction: Array
    sky_light: Array
    ground_light: Array
    zenith: Array
    horizon: Array
    halo: Array
    sky_terms: Array
    sun_disc: Array
    cloud_light: Array
    cloud_shade: Array
    cloudiness: float
    haze: Array
    haze_glow: Array
    haze_per_m: float
    fog_per_m: float
    fog_start_m: float
    fog_falloff_per_m: float
    veil: float
    fog_share: float
    scattering: float
    night: float
    lamps: float
    wetness: float
    puddles: float
    rain: float
    wind_mps: tuple[float, float]
    snow_mm_h: float
    snow_cover: float

    @property
    def is_night(self) -> bool:
        """Whether lamps light the ground instead of the sun."""
        return self.lamps > 0.0

    @property
    def is_wet(self) -> bool:
        """Whether roads mirror what is above them."""
        return self.wetness > 0.0

    @property
    def is_white(self) -> bool:
        """Whether snow lies on what looks up."""
        return self.snow_cover > 0.0


@dataclass(frozen=True)
class _Daylight:
    """Light at the ground before any exposure: of the sun and the sky, how much of it is the sun's, and the lid's."""

    sky: ClearSky
    direct: Array
    from_sun: float
    closed: float
    lid: Array
    spread: Array
    gain: Array


@lru_cache(maxsize=64)
def lighting(weather: Weather) -> Lighting:
    """What `weather` looks like; a pure function."""
    rain, wet_air = share(weather.precipitation), air(vars(weather))
    lying = share(weather.snow_cover)
    altitude = min(max(weather.sun_altitude_angle, -90.0), 90.0)
    sun = _direction(weather.sun_azimuth_angle, altitude)
    falling = min(1.0, wet_air.snow_mm_h / _CLOUDED_MM_H)
    clouds = max(share(weather.cloudiness), 0.9 * min(1.0, rain * 2.0), 0.95 * falling)
    day = _daylight(weather, wet_air, altitude, clouds, rain, lying)
    closed, lid = day.closed, day.lid * day.gain
    dark = 1.0 - smooth_step(-9.0, 1.0, altitude)

    direct, sky_light = day.direct * day.gain, day.spread * day.gain
    # shadows fade before the light that casts them changes its place: from the sun to the zenith
    sharp = day.from_sun > _SUN_FROM
    casting = day.from_sun * smooth_step(_SUN_FROM, 0.3, day.from_sun)
    key_colour = direct * casting
    sky_light = sky_light + direct * ((day.from_sun - casting) * max(float(sun[2]), 0.0))
    if not sharp:
        above = (1.0 - smooth_step(0.0, _SUN_FROM, day.from_sun)) * smooth_step(_NIGHT_FROM_DEG, 8.0, altitude)
        key_colour = 0.45 * above * sky_light
        sky_light = (1.0 - 0.2 * above) * sky_light
    key = sun if sharp else np.array([0.0, 0.0, 1.0])
    sky_light = sky_light + _NIGHT_LIGHT * (dark * (1.0 + 0.9 * closed))
    ground_light = (
        (0.24 + 0.4 * lying) * (sky_light + key_colour * max(float(key[2]), 0.0)) * np.array([1.0, 0.96, 0.90])
    )

    sky, town = shown(day.sky, day.gain), _TOWN_ON_CLOUDS * dark
    zenith = _mix(sky.zenith + _NIGHT_ZENITH * dark, lid * 1.2 + town, closed)
    horizon = _mix(sky.horizon + _NIGHT_HORIZON * dark, lid * 0.75 + town, closed)
    clear_light = day.sky.light * day.gain
    clear_sun = day.sky.sun * day.gain * smooth_step(-4.0, 0.5, altitude)  # it sets later up there
    # lamps light less of a fog than of the streets in it
    around = sky_light - 0.7 * _NIGHT_LIGHT * (dark * (1.0 + 0.9 * closed))
    haze, glow = _haze(weather, wet_air, horizon, around, direct * day.from_sun, rain)
    return Lighting(
        key_direction=key,
        key_colour=key_colour,
        sharp=sharp,
        sun_direction=sun,
        sky_light=sky_light,
        ground_light=ground_light,
        zenith=zenith,
        horizon=horizon,
        halo=sky.halo * (1.0 - closed),
        sky_terms=_sky_terms(sky, day.closed, lid, dark, town),
        sun_disc=clear_sun * (1.0 - closed) * 12.0,
        cloud_light=_mix(clear_sun * 0.42 + clear_light * 1.1, lid * 1.32, closed) + town * 1.1,
        cloud_shade=_mix(clear_sun * 0.10 + clear_light * 1.25, lid * 0.86, closed) + town * 0.8,
        cloudiness=clouds,
        haze=haze,
        haze_glow=glow,
        haze_per_m=wet_air.clear_per_m + wet_air.rain_per_m + wet_air.snow_per_m + wet_air.dust_per_m,
        fog_per_m=wet_air.fog_per_m,
        fog_start_m=wet_air.fog_start_m,
        fog_falloff_per_m=wet_air.fog_falloff_per_m,
        # faint below clouds
        veil=wet_air.dust_per_m * _DUST_HEIGHT_M
        + (wet_air.rain_per_m * rain + wet_air.snow_per_m * falling) * _RAIN_HEIGHT_M,
        fog_share=share(weather.fog_density) * _scattering(weather),
        scattering=_scattering(weather),
        night=max(1.0 - smooth_step(-7.0, 6.0, altitude), 0.35 * closed * (1.0 - smooth_step(6.0, 20.0, altitude))),
        lamps=smooth_step(_NIGHT_FROM_DEG, -6.0, altitude),
        wetness=wet_air.wetness,
        puddles=share(weather.precipitation_deposits),
        rain=rain,
        wind_mps=wet_air.wind_mps,
        snow_mm_h=wet_air.snow_mm_h,
        snow_cover=lying,
    )


def cloud_drift(light: Lighting, elapsed_s: float) -> Array:
    """How far (2,) wind has pushed the clouds, in sides of their texture; up there it is faster."""
    return np.asarray((_CALM_MPS + 2.0 * np.array(light.wind_mps)) * (elapsed_s / _CLOUD_TEXTURE_M) % 1.0)


def _daylight(weather: Weather, wet_air: Air, altitude: float, clouds: float, rain: float, lying: float) -> _Daylight:
    sky = clear_sky(
        altitude,
        min(max(weather.rayleigh_scattering_scale, 0.0), 2.0),
        min(max(weather.mie_scattering_scale, 0.0), 5.0),
    )
    rise = max(math.sin(math.radians(altitude)), 0.0)
    closed = smooth_step(0.35, 0.98, clouds)
    falloff = wet_air.fog_falloff_per_m
    fog_height = -math.expm1(-falloff * _FOG_TOP_M) / falloff if falloff > 1e-6 else _FOG_TOP_M
    depth = wet_air.fog_per_m * fog_height + wet_air.dust_per_m * _DUST_HEIGHT_M
    through = math.exp(-depth / max(rise, 0.1))
    from_sun = (1.0 - closed) * through * smooth_step(_NIGHT_FROM_DEG, 2.0, altitude)
    on_ground = sky.sun * rise + sky.light
    lid = float(on_ground @ _LUMA) * _LID * (1.0 - 0.35 * rain) * _GREY * _DAYLIGHT
    # what fog and dust take from the beam reaches the ground from everywhere, and lit streets light their shadows
    spread = _mix(sky.light + sky.sun * (rise * 0.6 * (1.0 - through)), lid, closed)
    spread = spread + sky.sun * (from_sun * (0.05 + 0.06 * rise))
    seen = sky.sun * (from_sun * (0.25 + 0.75 * rise)) + spread
    balanced = seen / _DAYLIGHT
    brightness = max(float(balanced @ _LUMA), 1e-12)
    tint = (balanced + 1e-12) / brightness
    metered = max(brightness, _DARKEST)
    exposure = _NOON_SHOWN * (metered / _NOON) ** _COMPRESSION / metered
    exposure *= 1.0 - _SNOW_EXPOSURE * lying  # the meter sees the ground too
    return _Daylight(sky, sky.sun, from_sun, closed, lid, spread, exposure / _DAYLIGHT * tint**-_ADAPTED)


def _sky_terms(sky: ShownSky, closed: float, lid: Array, dark: float, town: Array) -> Array:
    """Clear sky, and over it the lid of clouds by the CIE's overcast sky: three times as bright above as at the rim."""
    clear, grey = sky.terms.copy(), np.zeros_like(sky.terms)
    grey[0], grey[1] = lid * 1.29 + town, -lid * 0.86
    clear[0] += _NIGHT_ZENITH * dark
    clear[2] += (_NIGHT_HORIZON - _NIGHT_ZENITH) * dark
    return _mix(clear, grey, closed)


def _scattering(weather: Weather) -> float:
    """How much fog scatters, as a factor of what is usual."""
    return min(max(weather.scattering_intensity, 0.0), 4.0)


def _haze(
    weather: Weather, wet_air: Air, horizon: Array, sky_light: Array, direct: Array, rain: float
) -> tuple[Array, Array]:
    """What the air adds to what is seen through it: each part by its extinction; everywhere, and towards the sun."""
    scattering = _scattering(weather)
    grey, sunny = float(sky_light @ _LUMA) * _GREY, direct * 0.12
    parts = (
        (wet_air.clear_per_m, horizon, 0.0),
        (wet_air.rain_per_m, grey * (1.0 - 0.15 * rain), 0.0),
        (wet_air.snow_per_m, grey, 0.0),
        (wet_air.fog_per_m, grey * (0.45 + 0.5 * scattering) + sunny * scattering, scattering),
        (wet_air.dust_per_m, (grey + sunny) * _SAND, 0.5),
    )
    total = sum(per_m for per_m, _, _ in parts)
    haze = sum((colour * (per_m / total) for per_m, colour, _ in parts), np.zeros(3))
    forward = sum(per_m * ahead for per_m, _, ahead in parts) / total
    return np.asarray(haze), direct * (0.35 * forward)


def _direction(azimuth_deg: float, altitude_deg: float) -> Array:
    """Unit vector (3,) to the sun; azimuth is clockwise from +x, seen from above."""
    a, e = math.radians(azimuth_deg), math.radians(altitude_deg)
    return np.array([math.cos(a) * math.cos(e), -math.sin(a) * math.cos(e), math.sin(e)])


def _mix(a: Array, b: Array, share_of_b: float) -> Array:
    return a + (b - a) * share_of_b


def smooth_step(low: float, high: float, x: float) -> float:
    """0 at `low` and before it, 1 at `high` and beyond, smooth between; `low` may be the greater one."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
