"""Words for weather, by CARLA's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from av_synth.query import LOW_SUN_DEG, NIGHT_DEG

CLEAR_DAY = "clear day"
SIGNS = (
    ("night", "sun_altitude_angle", -90.0, NIGHT_DEG),
    ("low sun", "sun_altitude_angle", NIGHT_DEG, LOW_SUN_DEG),
    ("rain", "precipitation", 1.0, 101.0),
    ("snow", "snow_mm_h", 0.01, 101.0),
    ("fog", "fog_density", 1.0, 101.0),
    ("wet road", "wetness", 1.0, 101.0),
)
"""Word, parameter, and its range, the upper end exclusive; docs/how-to/view.md has them for people."""


def weather_words(values: Mapping[str, Any]) -> tuple[str, ...]:
    """What is true of a weather, in the order of `SIGNS`; where it rains the road is wet, which is not said again."""
    found = [name for name, key, low, high in SIGNS if low <= float(values.get(key, low - 1.0)) < high]
    return tuple(name for name in found if not (name == "wet road" and "rain" in found)) or (CLEAR_DAY,)
