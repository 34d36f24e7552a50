"""Environments of OpenSCENARIO as our weather, and our weather as one of them."""

from __future__ import annotations

import math
import re

from av_synth.scenario.openscenario.context import Context, Words, rounded
from av_synth.scenario.openscenario.report import Report
from av_synth.scenario.openscenario.tree import Element
from av_synth.scenario.openscenario.writing import Xml, xml
from av_synth.scenario.weather import Weather
from av_synth.sensing.air import HEAVIEST_RAIN_MM_H

# share of the sky in percent: 1.0 and 1.1 by words, 1.2 and later by oktas
_CLOUDS = {"free": 0.0, "skyOff": 0.0, "cloudy": 60.0, "overcast": 90.0, "rainy": 100.0}
_OKTAS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_FAR_M = 10_000.0  # no fog from here on
_STORM_MPS = 25.0


def weather(context: Context, action: Element) -> Words:
    """The weather of an EnvironmentAction; what is left out of the file is left out here."""
    reference = action.find("CatalogReference")
    environment = context.catalogs.entry(reference) if reference is not None else action.need("Environment")
    report, found = context.report, Words()
    report.nearly(action, "weather by CARLA's own numbers for it")
    sky = environment.find("Weather")
    clock = environment.find("TimeOfDay")
    sun = sky.find("Sun") if sky is not None else None
    if sun is not None:
        found["sun_azimuth_angle"] = rounded(math.degrees(sun.number("azimuth")) % 360.0, 2)
        found["sun_altitude_angle"] = rounded(_within(math.degrees(sun.number("elevation")), -90.0, 90.0), 2)
    elif clock is not None:
        hour = re.search(r"T(\d\d):(\d\d)", clock.word("dateTime", ""))
        if hour is not None:
            time = int(hour[1]) + int(hour[2]) / 60.0
            # the sun's course on an equinox at 45 degrees of latitude
            height = math.degrees(math.asin(math.sqrt(0.5) * math.sin((time - 6.0) / 12.0 * math.pi)))
            found["sun_altitude_angle"] = rounded(height, 2)
            report.nearly(clock, "the hour tells the sun's height, as on an equinox at 45 degrees of latitude")
    if sky is not None:
        _sky(sky, found, report)
    grip = environment.find("RoadCondition")
    if grip is not None and grip.number("frictionScaleFactor", 1.0) != 1.0:
        report.lost(grip, "the road's friction follows from its wetness", changes=False)
    return found


def environment(weather: Weather) -> Xml:
    """An Environment that `weather` reads as this one, as far as it has words for it."""
    rain_mm_h = weather.precipitation / 100.0 * HEAVIEST_RAIN_MM_H
    sun = xml(
        "Sun",
        azimuth=math.radians(weather.sun_azimuth_angle),
        elevation=math.radians(weather.sun_altitude_angle),
        illuminance=max(math.sin(math.radians(weather.sun_altitude_angle)), 0.0) * 1e5,
    )
    fog = xml("Fog", visualRange=_FAR_M / 10.0 ** (3.0 * weather.fog_density / 100.0))
    kind = "rain" if rain_mm_h else "dry"
    rain = xml("Precipitation", precipitationType=kind, precipitationIntensity=rain_mm_h)
    wind = xml("Wind", direction=0.0, speed=weather.wind_intensity / 100.0 * _STORM_MPS)
    cover = f"{_OKTAS[round(weather.cloudiness / 12.5)]}Oktas"
    return xml(
        "Environment",
        xml("Weather", sun, fog, rain, wind, fractionalCloudCover=cover),
        xml("RoadCondition", frictionScaleFactor=1.0),
        name="weather",
    )


def _sky(sky: Element, found: Words, report: Report) -> None:
    state, share = sky.word("cloudState", ""), sky.word("fractionalCloudCover", "")
    if state in _CLOUDS:
        found["cloudiness"] = _CLOUDS[state]
    for number, word in enumerate(_OKTAS):
        if share.startswith(word):
            found["cloudiness"] = rounded(100.0 * number / 8.0, 1)
    if share == "nineOktas":
        found["cloudiness"] = 100.0
        report.nearly(sky, "a sky that is not to be seen as one full of clouds")
    fog, rain, wind = sky.find("Fog"), sky.find("Precipitation"), sky.find("Wind")
    if fog is not None:
        seen = max(fog.number("visualRange"), 10.0)
        # CARLA's density has no unit: 10 m of sight are 100 %, 10 km none, evenly by the logarithm
        found["fog_density"] = rounded(_within(100.0 * math.log10(_FAR_M / seen) / 3.0, 0.0, 100.0), 1)
    if rain is not None and rain.word("precipitationType", "dry") != "dry":
        if "precipitationIntensity" in rain.given:
            amount = rain.number("precipitationIntensity")
        else:
            amount = rain.number("intensity") * HEAVIEST_RAIN_MM_H  # a share from 0 to 1 in 1.0
        if rain.word("precipitationType") != "rain":
            report.lost(rain, f"{rain.word('precipitationType')} falls as rain", changes=False)
        found["rain_mm_h"] = rounded(_within(amount, 0.0, HEAVIEST_RAIN_MM_H), 2)
    if wind is not None:
        found["wind_intensity"] = rounded(_within(100.0 * wind.number("speed") / _STORM_MPS, 0.0, 100.0), 1)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
