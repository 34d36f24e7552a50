"""Snow, which CARLA's weather has not: an actor brings as much as its attributes say, while it is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from av_synth.simulator.scene import Weather
from av_synth.simulator.world.model import Actor, Attribute, AttributeType

SNOW_ID = "avsynth.weather.snow"
SNOW_ATTRIBUTES = (
    Attribute("avsynth.snow_mm_h", AttributeType.FLOAT, "2.0"),
    Attribute("avsynth.snow_cover", AttributeType.FLOAT, "0.0"),
)


def with_snow(weather: Weather, actors: Iterable[Actor]) -> Weather:
    """CARLA's weather, and the snow of the actor of `SNOW_ID` that was spawned last, if there is one."""
    bringers = [actor for actor in actors if actor.kind == "weather"]
    if not bringers:
        return weather
    told = {
        name: float(bringers[-1].attributes[f"avsynth.{name}"].rstrip("fF")) for name in ("snow_mm_h", "snow_cover")
    }
    return replace(weather, **told)
