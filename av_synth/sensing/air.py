"""What is in the air, in physical units: read from CARLA's weather once, for whatever looks or measures through it.

Extinction is per metre of path: of a beam, exp(-extinction x metres) is left. Where it is even, things are visible up
to 3.9 / extinction: Koschmieder's law, for what keeps 2 % of its contrast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

CONTRAST = 3.912
"""The optical depth to which things are visible, -ln 0.02."""
HEAVIEST_RAIN_MM_H = 50.0
"""What CARLA's 100 % of precipitation means."""
HEAVIEST_SNOW_MM_H = 10.0
"""More than that is no more: 128 m of visibility, as water."""
_RAYLEIGH_GREEN = 0.41  # of its blue, by (440 / 550 nm)^4
_MIE_EXTINCTION = 1.11  # what aerosols take for each part that they scatter
_RAIN = 1.076 / 4.343  # 1 / km at 1 mm/h; 4.343 dB make an optical depth of 1
_SNOW = 5.526 / 4.343  # likewise
_FASTEST_WIND_MPS = 20.0  # Beaufort 8: from there on twigs break
_THICKEST_FOG, _HAZE = 0.07, 0.006  # extinction per metre: 50 m of visibility with all of both
_THICKEST_DUST, _DUST_HAZE = 0.03, 0.002
_FALLOFF_PER_M = 0.1  # a fog_falloff of 1 reaches normal buildings, says CARLA's documentation


@dataclass(frozen=True)
class Air:
    """What a weather has in the air near the ground.

    Attributes:
        rain_mm_h, snow_mm_h: rate of rain; of snow, as water.
        clear_per_m, rain_per_m, snow_per_m, dust_per_m: extinction of visible light by air itself, by rain, by snow and
            by dust.
        fog_per_m: extinction by fog at the ground, from `fog_start_m` from the eye on; it falls with height by
            exp(-`fog_falloff_per_m` x metres).
        wind_mps: (x, y), world axes.
        wetness: share of roads that is under a layer of water.
        snow_cover: 0 to 1, how much snow lies on the ground.
    """

    rain_mm_h: float
    snow_mm_h: float
    clear_per_m: float
    rain_per_m: float
    snow_per_m: float
    dust_per_m: float
    fog_per_m: float
    fog_start_m: float
    fog_falloff_per_m: float
    wind_mps: tuple[float, float]
    wetness: float
    snow_cover: float

    @property
    def visibility_m(self) -> float:
        """How far things are visible at the ground, inside the fog."""
        return CONTRAST / (self.clear_per_m + self.rain_per_m + self.snow_per_m + self.dust_per_m + self.fog_per_m)


def air(weather: Mapping[str, float]) -> Air:
    """What a weather has in the air; continuous in all its parameters.

    Args:
        weather: CARLA's WeatherParameters by their names; those of them that are in the air have to be there. CARLA has
            no snow: without `snow_mm_h` none falls, without `snow_cover` none lies.

    Rain takes 1.076 R^0.67 dB of visible light per kilometre with R in mm/h (T. Carbonneau and D. Wisely, Opportunities
    and Challenges for Optical Wireless, SPIE 3232, 1998), dry snow 5.526 S^1.38 at 550 nm (ITU-R P.1817-1, 4.2). Fog
    and dust have no physical unit in CARLA: what their percents mean is set here.
    """
    snow_mm_h = min(max(weather.get("snow_mm_h", 0.0), 0.0), HEAVIEST_SNOW_MM_H)
    fog, dust = share(weather["fog_density"]), share(weather["dust_storm"])
    rayleigh, mie = max(weather["rayleigh_scattering_scale"], 0.0), max(weather["mie_scattering_scale"], 0.0)
    wind = _FASTEST_WIND_MPS * share(weather["wind_intensity"])
    rain = share(weather["precipitation"])
    rain_mm_h = HEAVIEST_RAIN_MM_H * rain
    return Air(
        rain_mm_h=rain_mm_h,
        snow_mm_h=snow_mm_h,
        clear_per_m=(_RAYLEIGH_GREEN * rayleigh + _MIE_EXTINCTION * mie) / 1000.0 + 1e-6,
        rain_per_m=_RAIN * rain_mm_h**0.67 / 1000.0,
        snow_per_m=_SNOW * snow_mm_h**1.38 / 1000.0,
        dust_per_m=_THICKEST_DUST * dust * dust + _DUST_HAZE * dust,
        fog_per_m=_THICKEST_FOG * fog * fog + _HAZE * fog,
        fog_start_m=min(max(weather["fog_distance"], 0.0), 1000.0),
        fog_falloff_per_m=_FALLOFF_PER_M * min(max(weather["fog_falloff"], 0.0), 10.0),
        wind_mps=(wind * math.cos(0.6), wind * math.sin(0.6)),
        wetness=max(share(weather["wetness"]), min(1.0, rain * 1.5), share(weather["precipitation_deposits"]) * 0.9),
        snow_cover=share(weather.get("snow_cover", 0.0)),
    )


def share(percent: float) -> float:
    """Percent as 0..1; what lies outside counts as its end."""
    return min(max(percent / 100.0, 0.0), 1.0)
