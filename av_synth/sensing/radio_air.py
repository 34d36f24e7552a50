"""What the air takes of a wave at 77 GHz."""

from __future__ import annotations

from av_synth.sensing.air import CONTRAST, Air

# Rain: k and alpha of ITU-R P.838-3 (2005), equations 2 and 3 with the coefficients of tables 2 and 4, at 77 GHz and
# vertical polarisation
_RAIN_K, _RAIN_ALPHA = 1.1276, 0.7073
# Fog: dB/km for each g/m3 of water at 10 degrees Celsius, by ITU-R P.840: the double-Debye model of water
_FOG_K = 3.15
_CLEAR_DB_KM = 0.4  # oxygen and vapour at sea level: ITU-R P.676, figure 5


def attenuation_db_m(air: Air) -> float:
    """What a metre of air takes of a wave that goes one way, dB.

    Rain by ITU-R P.838-3. The water in fog follows from its visibility V in km, M = (0.024 / V)^1.54 g/m3: R. Eldridge,
    Haze and Fog Aerosol Distributions, Journal of the Atmospheric Sciences 23, 1966; what it takes by ITU-R P.840. Dust
    of grains much smaller than the 4 mm of the wave takes nothing; nor does snow here, which is dry.
    """
    rain = _RAIN_K * air.rain_mm_h**_RAIN_ALPHA if air.rain_mm_h > 0.0 else 0.0
    water_g_m3 = (0.024 / (CONTRAST / air.fog_per_m / 1000.0)) ** 1.54 if air.fog_per_m > 0.0 else 0.0
    return (_CLEAR_DB_KM + rain + _FOG_K * water_g_m3) / 1000.0
