"""Weather that changes while a scenario is played."""

from __future__ import annotations

import math
from dataclasses import replace

from av_synth.director.model import Stage
from av_synth.director.roads.places import Place
from av_synth.scenario.concrete import ConcreteScenario
from av_synth.scenario.model import WeatherChange
from av_synth.scenario.weather import Weather

_AZIMUTH = "sun_azimuth_angle"


def starting_weather(concrete: ConcreteScenario, place: Place) -> Weather:
    """The weather that a scenario begins with; where the sun is told from the ego's heading, it follows its road."""
    if concrete.sun_bearing_deg is None:
        return concrete.weather
    heading_deg = math.degrees(place.path.heading_rad(0.0) + place.turn_rad)
    # CARLA counts azimuths clockwise from its x; the remainder of what is just below 0 may be 360
    azimuth = round(-(heading_deg + concrete.sun_bearing_deg), 3) % 360.0
    return replace(concrete.weather, sun_azimuth_angle=azimuth)


class ChangingWeather:
    """The weather, and where it is going."""

    def __init__(self, stage: Stage, weather: Weather) -> None:
        self._stage = stage
        self._now = self._from = self._to = weather
        self._began_us, self._over_us = 0, 0

    def begin(self, change: WeatherChange, time_us: int) -> None:
        """Head for another weather from this frame on."""
        self._from, self._to = self._now, change.upon(self._now)
        self._began_us, self._over_us = time_us, round(change.over_s * 1e6)

    def step(self, time_us: int) -> None:
        """Send the weather of the next frame, if it changes."""
        if self._now == self._to:
            return
        share = 1.0 if self._over_us == 0 else min((time_us - self._began_us) / self._over_us, 1.0)
        begin, end = self._from.to_json(), self._to.to_json()
        now = {name: begin[name] + (end[name] - begin[name]) * share for name in end}
        turned_deg = end[_AZIMUTH] - begin[_AZIMUTH]
        if abs(turned_deg) > 180.0:  # that is the long way round
            now[_AZIMUTH] = (begin[_AZIMUTH] + math.remainder(turned_deg, 360.0) * share) % 360.0
        self._now = Weather(**now)
        if share == 1.0:
            self._now = self._to
        self._stage.set_weather(self._now)
