"""Which town a run is played in, and what the run is called there: asked by who plays it and by who plans it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import carla

from av_synth.director import find_places, room_before_m
from av_synth.rig.model import Rig
from av_synth.run.spec import RunSpec
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.words import is_opendrive
from av_synth.session import TownChoice

DEFAULT_TICK_US = 50_000
_DIGITS = 16  # of a map's digest, in the name of a town out of a file


def tick_us_of(rig: Rig | None) -> int:
    """The length of a tick of a run, microseconds."""
    return rig.tick_us if rig is not None else DEFAULT_TICK_US


def town_of(scenario: ConcreteScenario, tick_us: int) -> str | TownChoice:
    """A scenario's town; for one that names none the choice of the first, from the drawn one on, with such a road."""
    if scenario.town is not None:
        return scenario.town
    return TownChoice(scenario.picks["town"], lambda town: need_road(town, scenario, tick_us))


def need_road(town: carla.Map, scenario: ConcreteScenario, tick_us: int) -> None:
    """Raise CastError, saying why, if a map has no road for a scenario."""
    next(iter(find_places(town, scenario.road, room_before_m(scenario, tick_us), scenario.picks["road"])))


def in_town(spec: RunSpec, town: str, plan: carla.Map) -> RunSpec:
    """The run in the town that it is played in: the one that was found for it, if its scenario names none.

    A map out of a file is named by what is in it, wherever the file was and whatever it was called: a run of the same
    map is the same run. The map itself is kept with the run.

    Args:
        spec: as drawn.
        town: the name of the town that is loaded.
        plan: its map.
    """
    scenario = spec.scenario
    if scenario.town is None:
        return replace(spec, scenario=replace(scenario, town=town))
    if not is_opendrive(scenario.town):
        return spec
    digest = hashlib.sha256(plan.to_opendrive().encode()).hexdigest()
    named = f"opendrive_{digest[:_DIGITS]}.xodr"
    road = scenario.road.model_copy(update={"town": named})
    return replace(spec, scenario=replace(scenario, town=named, road=road))
