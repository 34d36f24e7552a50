"""Weather turned into light: CARLA's 14 numbers as the colours, directions and densities that the shaders take.

Colours are linear RGB (3,), scaled so that what should come out about white is about 1: the exposure is in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Weather

# By the sun's altitude in degrees: what a clear sky and its sun look like, from night over dusk to noon.
_ALTITUDES = (-12.0, -6.0, -1.0, 3.0, 10.0, 25.0, 60.0)
_SUN = (
    (0, 0, 0),
    (0, 0, 0),
    (0.50, 0.17, 0.05),
    (1.35, 0.62, 0.26),
    (2.0, 1.35, 0.8),
    (2.45, 2.1, 1.62),
    (2.6, 2.4, 2.05),
)
_ZENITH = (
    (0.006, 0.009, 0.02),
    (0.018, 0.026, 0.06),
    (0.10, 0.13, 0.26),
    (0.16, 0.22, 0.40),
    (0.16, 0.29, 0.56),
    (0.14, 0.31, 0.68),
    (0.12, 0.30, 0.72),
)
_HORIZON = (
    (0.020, 0.021, 0.030),
    (0.06, 0.055, 0.075),
    (0.42, 0.26, 0.20),
    (0.66, 0.47, 0.34),
    (0.78, 0.70, 0.62),
    (0.72, 0.79, 0.86),
    (0.68, 0.80, 0.93),
)
_HALO = (
    (0, 0, 0),
    (0.02, 0.01, 0),
    (0.55, 0.22, 0.06),
    (0.75, 0.38, 0.14),
    (0.6, 0.42, 0.25),
    (0.4, 0.36, 0.3),
    (0.3, 0.3, 0.28),
)
_AMBIENT = (
    (0.022, 0.025, 0.040),
    (0.045, 0.05, 0.075),
    (0.23, 0.24, 0.33),
    (0.36, 0.37, 0.46),
    (0.46, 0.51, 0.62),
    (0.52, 0.61, 0.76),
    (0.54, 0.65, 0.82),
)
_GREY = np.array([0.93, 0.97, 1.02])
_NIGHT_FROM, _WET_FROM = 0.35, 0.15


@dataclass(frozen=True)
class Lighting:
    """What one weather looks like.

    Attributes:
        key_direction: (3,) unit, world, to the light that casts shadows: the sun, or the zenith under a closed sky.
        key_colour: (3,) of that light on a surface that faces it.
        sharp: whether its shadows have an edge (the sun's) or none to speak of.
        sun_direction: (3,) unit, where the sun stands, below the horizon at night.
        sky_light, ground_light: (3,), light from above and from below.
        zenith, horizon, halo: (3,), of the sky; the last is added around the sun.
        cloud_light, cloud_shade: (3,), the two sides of clouds.
        cloudiness: 0..1, share of the sky that clouds cover.
        haze: (3,), what the air adds.
        haze_per_m: extinction, and `haze_start_m` where it begins, `haze_falloff_per_m` its decrease with height.
        night: 0..1, how much lamps and lit windows matter.
        wetness: 0..1, how dark and glossy the ground is; `puddles`: 0..1, share under water.
        rain: 0..1.
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
    cloud_light: Array
    cloud_shade: Array
    cloudiness: float
    haze: Array
    haze_per_m: float
    haze_start_m: float
    haze_falloff_per_m: float
    night: float
    wetness: float
    puddles: float
    rain: float

    @property
    def is_night(self) -> bool:
        """Whether lamps light the ground instead of the sun."""
        return self.night > _NIGHT_FROM

    @property
    def is_wet(self) -> bool:
        """Whether roads mirror what is above them."""
        return self.wetness > _WET_FROM


def lighting(weather: Weather) -> Lighting:
    """What `weather` looks like; a pure function."""
    altitude = weather.sun_altitude_angle
    sun = _direction(weather.sun_azimuth_angle, altitude)
    rain = _unit(weather.precipitation)
    clouds = max(_unit(weather.cloudiness), 0.9 * min(1.0, rain * 2.0))
    closed = _smooth(0.35, 0.95, clouds)  # how far the sky is one grey lid
    fog = _unit(weather.fog_density)
    murk = max(closed, _smooth(0.3, 0.8, fog))

    ambient, zenith, horizon = _at(altitude, _AMBIENT), _at(altitude, _ZENITH), _at(altitude, _HORIZON)
    direct = _at(altitude, _SUN) * (1.0 - closed) * (1.0 - 0.97 * _smooth(0.15, 0.7, fog))
    grey_light = float(ambient @ [0.3, 0.5, 0.2])
    lid = grey_light * _GREY * (1.18 - 0.35 * rain)
    sky_light = _mix(ambient, lid, murk)
    night = 1.0 - _smooth(-7.0, 6.0, altitude)
    night = max(night, 0.35 * closed * (1.0 - _smooth(6.0, 20.0, altitude)))

    sharp = bool(direct.max() > 0.55 * sky_light.max())
    if not sharp:
        # no sun to speak of: part of the sky's light comes straight down and is what bodies keep off the ground
        direct = direct + 0.45 * sky_light
        sky_light = 0.8 * sky_light
    key = sun if sharp else np.array([0.0, 0.0, 1.0])
    ground_light = 0.24 * (sky_light + direct * max(float(key[2]), 0.0)) * np.array([1.0, 0.96, 0.90])
    haze = _mix(horizon, lid * 1.05, murk)
    dust = _unit(weather.dust_storm)
    haze = _mix(haze, grey_light * np.array([1.15, 0.85, 0.55]), dust)
    return Lighting(
        key_direction=key,
        key_colour=direct,
        sharp=sharp,
        sun_direction=sun,
        sky_light=sky_light,
        ground_light=ground_light,
        zenith=_mix(zenith, lid * 0.92, closed),
        horizon=_mix(horizon, lid * 1.04, closed),
        halo=_at(altitude, _HALO) * (1.0 - closed),
        cloud_light=_mix(_mix(horizon, _at(altitude, _SUN) * 0.42, 0.6), lid * 1.1, closed),
        cloud_shade=_mix(_mix(zenith, horizon, 0.55) * 0.85, lid * 0.72, closed),
        cloudiness=clouds,
        haze=haze,
        haze_per_m=0.00035 + 0.0012 * rain + 0.07 * fog * fog + 0.006 * fog + 0.03 * dust * dust,
        haze_start_m=min(max(weather.fog_distance, 0.0), 300.0) * (1.0 - fog) if fog > 0 else 0.0,
        haze_falloff_per_m=0.1 * min(max(weather.fog_falloff, 0.0), 5.0),
        night=night,
        wetness=max(_unit(weather.wetness), min(1.0, rain * 1.5), _unit(weather.precipitation_deposits) * 0.9),
        puddles=_unit(weather.precipitation_deposits),
        rain=rain,
    )


def _direction(azimuth_deg: float, altitude_deg: float) -> Array:
    """Unit vector (3,) to the sun; azimuth is clockwise from +x, seen from above."""
    a, e = math.radians(azimuth_deg), math.radians(altitude_deg)
    return np.array([math.cos(a) * math.cos(e), -math.sin(a) * math.cos(e), math.sin(e)])


def _at(altitude_deg: float, table: tuple[tuple[float, ...], ...]) -> Array:
    """A row (3,) of one of the tables above, between rows where the sun stands between two altitudes."""
    return np.array([np.interp(altitude_deg, _ALTITUDES, [row[k] for row in table]) for k in range(3)])


def _mix(a: Array, b: Array, share_of_b: float) -> Array:
    return a + (b - a) * share_of_b


def _unit(percent: float) -> float:
    return min(max(percent / 100.0, 0.0), 1.0)


def _smooth(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
