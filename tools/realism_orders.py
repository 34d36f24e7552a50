"""What is to be photographed: draws of library scenarios by a seed, over towns, weathers and times of day."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import carla
import numpy as np

from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth.errors import CastError, DocumentError
from av_synth.run.towns import need_road
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.weather import PRESETS, Weather, with_rain
from av_synth.scenario.words import is_person
from av_synth.simulator import town as towns

RIG = "nuscenes"
STRATA: Mapping[str, int] = {
    "clear day": 33,
    "overcast": 12,
    "rain by day": 12,
    "dusk": 9,
    "clear night": 9,
    "wet night": 21,
}
"""Frames of each kind among 96."""
_SHOTS = 2  # of one draw
_TRIES = 60
_NOT_AGAIN = 12  # draws of the same stratum
_FULL = 6  # bodies


@dataclass(frozen=True)
class Order:
    """What is to be drawn: a stratum, a town, a scenario's draw in that stratum's weather, and how many pictures."""

    stratum: str
    scenario: ConcreteScenario
    shots: int
    seed: int
    people: bool


def orders(frames: int, seed: int) -> Iterator[tuple[str, Iterator[Order]]]:
    """By stratum, without end, what may be drawn for it: towns in turn, scenarios with and without people in turn."""
    for at, (stratum, wanted) in enumerate(shares(frames).items()):
        yield stratum, _orders(stratum, wanted, np.random.default_rng([seed, at]))


def shares(frames: int) -> dict[str, int]:
    """How many frames of each stratum, by the largest remainders."""
    whole = sum(STRATA.values())
    exact = {name: frames * part / whole for name, part in STRATA.items()}
    counts = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[: frames - sum(counts.values())]:
        counts[name] += 1
    return counts


def _weather(stratum: str, random: np.random.Generator) -> Weather:
    """Weather of a kind, at a time of day of its kind."""
    azimuth = round(float(random.uniform(0.0, 360.0)), 1)
    high, low = round(float(random.uniform(22.0, 68.0)), 1), round(float(random.uniform(2.0, 8.0)), 1)
    cloud, rain = float(random.uniform(0.0, 1.0)), round(float(random.uniform(2.0, 12.0)), 1)
    day = replace(PRESETS["clear_noon"], sun_azimuth_angle=azimuth, sun_altitude_angle=high)
    night = replace(PRESETS["clear_night"], sun_azimuth_angle=azimuth)
    grey = replace(day, cloudiness=round(80.0 + 20.0 * cloud))
    return {
        "clear day": replace(day, cloudiness=round(25.0 * cloud)),
        "overcast": grey,
        "rain by day": with_rain(grey, rain),
        "dusk": replace(day, sun_altitude_angle=low, cloudiness=round(60.0 * cloud)),
        "clear night": night,
        "wet night": with_rain(night, rain),
    }[stratum]


def _orders(stratum: str, wanted: int, random: np.random.Generator) -> Iterator[Order]:
    pools = _pools()
    names, left = list(random.permutation(towns.names())), wanted
    played: deque[str] = deque(maxlen=_NOT_AGAIN)
    at = 0
    while True:
        people = (at + at // len(names)) % 2 == 0
        town, pool = str(names[at % len(names)]), pools[0 if people else 1]
        at += 1
        for _ in range(_TRIES):
            seed = int(random.integers(1_000_000))
            name = str(random.choice(pool.names, p=pool.chances))
            drawn = None if name in played else _drawn(name, seed, town)
            if drawn is not None:
                played.append(name)
                shots = max(1, min(_SHOTS, left))
                left -= shots
                yield Order(stratum, replace(drawn, weather=_weather(stratum, random)), shots, seed, people)
                break


@dataclass(frozen=True)
class _Pool:
    """Scenarios, and how likely each is: fuller ones show more in a picture."""

    names: tuple[str, ...]
    chances: tuple[float, ...]

    @staticmethod
    def of(bodies: Mapping[str, int]) -> _Pool:
        weights = {name: min(count, _FULL) for name, count in bodies.items()}
        return _Pool(tuple(weights), tuple(weight / sum(weights.values()) for weight in weights.values()))


@cache
def _pools() -> tuple[_Pool, _Pool]:
    """Scenarios with people in them, and all others; none in which weather changes."""
    people: dict[str, int] = {}
    others: dict[str, int] = {}
    for name in scenarios.names():
        drawn = scenarios.draw(scenarios.load(name), 0)
        if any(event.weather is not None for event in drawn.events):
            continue
        crowded = drawn.crowds or any(is_person(actor.body) for actor in drawn.actors.values())
        bodies = len(drawn.actors) + sum(len(each.people) for each in drawn.crowds)
        bodies += sum(len(each.slots) for each in drawn.rows) + sum(len(each.vehicles) for each in drawn.flows)
        (people if crowded else others)[name] = max(1, bodies)
    return _Pool.of(people), _Pool.of(others)


@cache
def _map(town: str) -> carla.Map:
    return carla.Map(town, towns.load(town).opendrive)


def _drawn(name: str, seed: int, town: str) -> ConcreteScenario | None:
    """A draw in a town; None if the town has no such road."""
    try:
        drawn = scenarios.draw(scenarios.load(name), seed, town=town)
        need_road(_map(town), drawn, rigs.load(RIG).tick_us)
    except (CastError, DocumentError):
        return None
    return drawn
