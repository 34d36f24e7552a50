"""Slices of a dataset: what a sample or somebody in it is put under when figures are told apart.

A slice is a name by which data are told apart (range) and has values in an order (0..10 m, 10..20 m ...). Whoever
counts or grades by slices takes them from here, so that one word means the same in every table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from av_synth.errors import UserError
from av_synth.query.conditions import Value, as_number
from av_synth.query.facts import SampleFacts, Thing

UNKNOWN = "unknown"
"""The value of what the dataset does not tell, such as the weather of a recording."""
NIGHT_DEG, LOW_SUN_DEG = 0.0, 10.0
"""Altitudes of the sun below which it is night, and below which it is low."""

_Reader = Callable[[SampleFacts, "Thing | None"], str]


@dataclass(frozen=True)
class Slice:
    """One way to tell data apart.

    Attributes:
        name: as users write it, such as range.
        about: one line of what it is.
        of_sample: whether it is said of a sample as a whole, not of somebody in it.
        values: those it may have, in order; empty where they are the dataset's own words, such as names of scenarios.
        value: what it is of a sample and, unless `of_sample`, of somebody in it; UNKNOWN where nothing is told.
    """

    name: str
    about: str
    of_sample: bool
    values: tuple[str, ...]
    value: _Reader


def sliced(names: str | Sequence[str]) -> tuple[Slice, ...]:
    """Slices by their names, a text with commas or a list.

    Raises:
        UserError: if there is none of a name.
    """
    wanted = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for name in wanted:
        if name not in SLICES:
            raise UserError(f"no slice {name!r}; want some of {', '.join(SLICES)}")
    return tuple(SLICES[name] for name in dict.fromkeys(wanted))


def _binned(name: str, about: str, field: str, edges: Sequence[float], unit: str, beyond: str = "") -> Slice:
    """Of things by a number; `beyond` is the value where none is told, such as of whom the ego will not meet."""
    words = tuple(f"{low:g}..{high:g} {unit}" for low, high in zip((0.0, *edges[:-1]), edges, strict=True))
    values = (*words, f"over {edges[-1]:g} {unit}")

    def value(_: SampleFacts, thing: Thing | None) -> str:
        number = as_number(thing.values.get(field)) if thing else None
        return values[bisect_right(edges, max(number, 0.0))] if number is not None else beyond or UNKNOWN

    return Slice(name, about, False, (*values, beyond) if beyond else values, value)


def _of_thing(name: str, about: str, field: str, words: Mapping[Value, str]) -> Slice:
    def value(_: SampleFacts, thing: Thing | None) -> str:
        found = thing.values.get(field) if thing else None
        return UNKNOWN if found is None else words.get(found, str(found))

    return Slice(name, about, False, tuple(words.values()), value)


def _of_sample(name: str, about: str) -> Slice:
    return Slice(name, about, True, (), lambda sample, _: str(sample.values.get(name, UNKNOWN)))


def _town(sample: SampleFacts, _: Thing | None) -> str:
    return str(sample.values.get("town", sample.values.get("location", UNKNOWN)))


def _weather(sample: SampleFacts, _: Thing | None) -> str:
    if "weather.rain" not in sample.values:
        return UNKNOWN
    words = ("snow", "fog", "rain")
    return next((word for word in words if sample.values.get(f"weather.{word}")), "dry")


def _light(sample: SampleFacts, _: Thing | None) -> str:
    altitude_deg = as_number(sample.values.get("weather.sun_altitude_angle"))
    if altitude_deg is None:
        return UNKNOWN
    return "night" if altitude_deg < NIGHT_DEG else "low sun" if altitude_deg < LOW_SUN_DEG else "day"


def _turned(name: str, about: str, field: str, words: Sequence[str]) -> Slice:
    """Of things by an angle: within 45 degrees of straight, beside it to the left or right, or the other way."""
    ahead, left, right, back = words

    def value(_: SampleFacts, thing: Thing | None) -> str:
        angle_deg = as_number(thing.values.get(field)) if thing else None
        if angle_deg is None:
            return UNKNOWN
        beside = left if angle_deg > 0.0 else right
        return ahead if abs(angle_deg) <= 45.0 else back if abs(angle_deg) >= 135.0 else beside

    return Slice(name, about, False, tuple(dict.fromkeys(words)), value)


_VISIBILITY: Mapping[Value, str] = {1: "0..40 %", 2: "40..60 %", 3: "60..80 %", 4: "80..100 %"}
_ALL = (
    _of_sample("scenario", "the scenario"),
    _of_sample("scene", "the scene"),
    Slice("town", "the town; of other datasets the location", True, (), _town),
    _of_sample("dataset", "of a mix, the dataset that it came from"),
    Slice("weather", "what falls or hangs in the air", True, ("dry", "rain", "fog", "snow"), _weather),
    Slice("light", f"where the sun is: below the horizon, up to {LOW_SUN_DEG:g} degrees above it, higher", True,
          ("day", "low sun", "night"), _light),
    _of_thing("class", "the nuScenes category", "category", {}),
    _binned("range", "distance from the ego over the ground", "range_m", (10.0, 20.0, 30.0, 40.0, 50.0), "m"),
    _turned("bearing", "where the ego sees it, by quarters", "bearing_deg", ("ahead", "left", "right", "behind")),
    _turned("heading", "which way it points, seen from the ego, by quarters", "heading_deg",
            ("same way", "crossing", "crossing", "oncoming")),
    _of_thing("visibility", "how much of it is visible in the cameras", "visibility", _VISIBILITY),
    _binned("ttc", "time to collision with the ego, now", "ttc_s", (1.0, 2.0, 4.0), "s", "no collision course"),
    _binned("speed", "its true speed", "speed_mps", (0.5, 3.0, 8.0, 15.0), "m/s"),
    _binned("height", "of its box", "height_m", (1.0, 1.5, 2.0, 3.0), "m"),
)  # fmt: skip
SLICES: Mapping[str, Slice] = {each.name: each for each in _ALL}
"""By name, in the order in which they are told."""
