"""How much light there is, as a photographer's meter has it: what a manual exposure is held against."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.scene import Weather

# Exposure values at ISO 100 of streets, by the sun's altitude in degrees under a clear sky. Source: the scene table of
# exposure guides (ANSI PH2.7-1986): 15 in bright sun, 12 at sunset, 9 to 11 just after it, 5 for lit streets at night.
_ALTITUDE_DEG = (-12.0, -6.0, -2.0, 0.0, 5.0, 15.0, 30.0, 60.0)
_EV100 = (5.0, 6.5, 9.5, 11.5, 12.7, 14.0, 14.7, 15.2)
_OVERCAST_EV, _DAY_DEG = 2.7, (0.0, 10.0)  # heavy cloud takes 12.3 to 15; at night it takes nothing from lamps


def metered_ev100(weather: Weather) -> float:
    """The exposure value at ISO 100 that the automatic exposure stands for."""
    clear = float(np.interp(weather.sun_altitude_angle, _ALTITUDE_DEG, _EV100))
    cloud = min(max((weather.cloudiness - 30.0) / 70.0, 0.0), 1.0)
    return clear - _OVERCAST_EV * cloud * float(np.interp(weather.sun_altitude_angle, _DAY_DEG, (0.0, 1.0)))
