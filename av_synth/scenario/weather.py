"""Weather in a scenario: a preset, physical names on top of it, and CARLA's own fields on top of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from av_synth.documents import Document, Strict, problems
from av_synth.errors import DocumentError, Problem
from av_synth.messages import nearest
from av_synth.sensing.air import HEAVIEST_RAIN_MM_H, HEAVIEST_SNOW_MM_H


@dataclass(frozen=True)
class Weather:
    """Weather by CARLA's 14 names: percent (0 to 100) where not said otherwise, sun angles in degrees; and snow.

    Source: CARLA 0.9.16, carla.WeatherParameters in Docs/python_api.md. CARLA has no snow: `snow_mm_h` is what falls,
    as water, `snow_cover` how much of the ground it lies on, percent.
    """

    cloudiness: float = 5.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    wind_intensity: float = 10.0
    sun_azimuth_angle: float = 30.0
    sun_altitude_angle: float = 45.0
    fog_density: float = 0.0
    fog_distance: float = 75.0
    fog_falloff: float = 0.2
    wetness: float = 0.0
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331
    dust_storm: float = 0.0
    snow_mm_h: float = 0.0
    snow_cover: float = 0.0

    def to_json(self) -> dict[str, float]:
        """The fields as plain numbers, in CARLA's order, snow last."""
        return asdict(self)


SNOW_FIELDS = ("snow_mm_h", "snow_cover")
CARLA_FIELDS = tuple(field.name for field in fields(Weather) if field.name not in SNOW_FIELDS)

Preset = Literal["clear_noon", "cloudy_noon", "clear_dusk", "cloudy_dusk", "clear_night", "foggy_morning"]
PRESETS: Mapping[str, Weather] = {
    "clear_noon": Weather(sun_altitude_angle=60.0),
    "cloudy_noon": Weather(cloudiness=80.0, sun_altitude_angle=50.0, wind_intensity=30.0),
    "clear_dusk": Weather(cloudiness=15.0, sun_altitude_angle=8.0, sun_azimuth_angle=250.0),
    "cloudy_dusk": Weather(cloudiness=75.0, sun_altitude_angle=6.0, sun_azimuth_angle=250.0, wind_intensity=30.0),
    "clear_night": Weather(sun_altitude_angle=-30.0),
    "foggy_morning": Weather(
        cloudiness=60.0, sun_altitude_angle=15.0, sun_azimuth_angle=100.0, fog_density=40.0, fog_distance=10.0
    ),
}
if set(PRESETS) != set(get_args(Preset)):
    raise TypeError("Preset and PRESETS name different presets")

Percent = Annotated[float, Field(ge=0, le=100)]
NonNegative = Annotated[float, Field(ge=0)]


class WeatherSpec(Strict):
    """Weather; every key may be left out."""

    preset: Preset = Field(default="clear_noon", description="where to begin")
    rain_mm_h: Annotated[float, Field(ge=0, le=HEAVIEST_RAIN_MM_H)] | None = Field(default=None, description="rainfall")
    cloudiness: Percent | None = Field(default=None, description="share of the sky, percent")
    precipitation: Percent | None = Field(default=None, description="rain, percent of the heaviest")
    precipitation_deposits: Percent | None = Field(default=None, description="puddles, percent")
    wind_intensity: Percent | None = Field(default=None, description="percent")
    sun_azimuth_angle: Annotated[float, Field(ge=0, le=360)] | None = Field(default=None, description="degrees")
    sun_altitude_angle: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        default=None, description="degrees above the horizon; below 0 it is night"
    )
    fog_density: Percent | None = Field(default=None, description="percent; nearer than `fog_distance` there is none")
    fog_distance: NonNegative | None = Field(
        default=None, description="metres from the camera to where fog begins; 75 in the presets without fog"
    )
    fog_falloff: NonNegative | None = Field(default=None, description="how fast fog thins out with height")
    wetness: Percent | None = Field(default=None, description="of the road, percent")
    scattering_intensity: NonNegative | None = Field(default=None, description="of light in fog")
    mie_scattering_scale: NonNegative | None = Field(default=None, description="haze by large particles")
    rayleigh_scattering_scale: NonNegative | None = Field(default=None, description="blue of the sky")
    dust_storm: Percent | None = Field(default=None, description="percent")
    snow_mm_h: Annotated[float, Field(ge=0, le=HEAVIEST_SNOW_MM_H)] | None = Field(
        default=None, description="snowfall, as water; on the embedded simulator alone"
    )
    snow_cover: Percent | None = Field(
        default=None, description="of the ground that snow lies on, percent; on the embedded simulator alone"
    )

    def resolve(self) -> Weather:
        """The weather it describes."""
        return self.upon(PRESETS[self.preset])

    def upon(self, before: Weather) -> Weather:
        """The weather that comes of one before it: a preset is all of it, what is not named stays as it is."""
        weather = PRESETS[self.preset] if "preset" in self.model_fields_set else before
        if self.rain_mm_h is not None:
            weather = with_rain(weather, self.rain_mm_h)
        return replace(weather, **self.model_dump(include=set(Weather.__dataclass_fields__), exclude_none=True))


class StartingWeather(WeatherSpec):
    """The weather of a scenario; every key may be left out."""

    sun_bearing_deg: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None,
        description="instead of `sun_azimuth_angle`: from where the ego heads at the start, to the left; 0 is ahead",
    )

    @model_validator(mode="after")
    def _one_place(self) -> StartingWeather:
        if self.sun_bearing_deg is not None and self.sun_azimuth_angle is not None:
            raise ValueError("has both sun_azimuth_angle and sun_bearing_deg; want one of them")
        return self


def with_rain(weather: Weather, rain_mm_h: float) -> Weather:
    """The weather with steady rain of so many millimetres an hour (2 is light, 8 moderate, 50 violent).

    CARLA has no physical unit of rain: `precipitation` is taken as linear up to 50 mm/h; a road is wet all over from
    light rain on, and puddles grow with it. Clouds are at least what such rain needs.
    """
    share = rain_mm_h / HEAVIEST_RAIN_MM_H
    if rain_mm_h == 0:
        return replace(weather, precipitation=0.0, precipitation_deposits=0.0, wetness=0.0)
    return replace(
        weather,
        precipitation=round(100.0 * share, 3),
        precipitation_deposits=round(min(100.0, 20.0 + 160.0 * share), 3),
        wetness=round(min(100.0, 50.0 + 250.0 * share), 3),
        cloudiness=max(weather.cloudiness, round(min(100.0, 60.0 + 200.0 * share), 3)),
    )


_CHANGES: Mapping[str, Mapping[str, float]] = {
    "day": {"sun_altitude_angle": 60.0},
    "dusk": {"sun_altitude_angle": 8.0, "sun_azimuth_angle": 250.0},
    "night": {"sun_altitude_angle": -30.0},
    "overcast": {"cloudiness": 80.0},
    "rain": {"rain_mm_h": 10.0},
    "heavy_rain": {"rain_mm_h": 40.0},
    "dry": {"rain_mm_h": 0.0},
    "fog": {"fog_density": 40.0, "fog_distance": 10.0},
    "no_fog": {"fog_density": 0.0},
    "snow": {"snow_mm_h": 2.0, "snow_cover": 70.0, "cloudiness": 100.0},
    "no_snow": {"snow_mm_h": 0.0, "snow_cover": 0.0},
}
"""Words for a change of one thing about the weather; all else stays as it was."""


_WET = ("precipitation", "precipitation_deposits", "wetness")  # what rain_mm_h says too
_FIELDS = tuple(name for name in WeatherSpec.model_fields if name != "preset")


def changed_weather(text: str, before: Weather) -> Weather:
    """The weather that somebody asks for: a preset, or changes of what it was, joined by +.

    Args:
        text: such as `clear_dusk`, `night`, `night+rain`, `sun_altitude_angle=3+fog_density=20`.
        before: what it was.

    Raises:
        DocumentError: with everything in it that is no weather, or that contradicts what is before it.
    """
    weather, wrong = before, []
    said: dict[str, str] = {}  # by which part what is said
    for part in (piece.strip() for piece in text.split("+")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        changes: Mapping[str, float] = {}
        try:
            if part in PRESETS:
                if said:
                    wrong.append(f"{part} is all of the weather; want it first, and no other beside it")
                weather, said[part] = PRESETS[part], part
            elif part in _CHANGES or (equals and name in _FIELDS):
                changes = _CHANGES[part] if part in _CHANGES else {name: _number(value)}
                weather = WeatherSpec.model_validate(dict(changes)).upon(weather)
            else:
                known = [*PRESETS, *_CHANGES, *_FIELDS]
                wrong.append(f"got {part!r}; {nearest(name, known)}")
        except ValidationError as error:
            wrong += [f"{each.path}: {each.message}" for each in problems(Document("", {}), WeatherSpec, error)]
        except ValueError:
            wrong.append(f"{name}: got {value!r}; want a number")
        wrong += [f"{one} and {part} contradict each other; leave one out" for one in _taken_back(part, changes, said)]
        said.update(dict.fromkeys(changes, part))
    if wrong:
        raise DocumentError([Problem("", "--weather", each) for each in wrong])
    return weather


def _taken_back(part: str, changes: Mapping[str, float], said: Mapping[str, str]) -> list[str]:
    """The parts before this one that it would undo. A key may say a word more exactly, as in fog+fog_distance=30."""
    changed = {*changes, *(_WET if "rain_mm_h" in changes else ())}
    before = [one for key, one in said.items() if key in changed and one != part]
    return [one for one in dict.fromkeys(before) if part in _CHANGES or "=" in one]


def _number(text: str) -> float:
    """A number, whole if it is written so: messages quote it."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)
