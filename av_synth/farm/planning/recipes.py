"""From a recipe to the run that it draws, of nothing but the files in a plan's folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth.errors import DocumentError
from av_synth.farm.model import Recipe
from av_synth.rig.model import Rig
from av_synth.run import RunSpec
from av_synth.run.sensors import missing_sensors
from av_synth.scenario.weather import WeatherSpec
from av_synth.scenario.words import is_opendrive

SCENARIOS, RIGS, MAPS, SEARCHES = "scenarios", "rigs", "maps", "searches"


class Desk:
    """Draws runs of the files in a folder; each scenario and rig is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scenarios: dict[str, scenarios.Scenario] = {}
        self._rigs: dict[str, Rig] = {}

    def run(self, recipe: Recipe) -> RunSpec:
        """Draw a run.

        Raises:
            DocumentError: if it cannot be drawn, or its scenario names sensors that its rig has not.
        """
        scenario, rig = self._scenario(recipe.scenario), self.rig(recipe.rig)
        town = recipe.town
        if town is not None and is_opendrive(town):
            town = str(self._folder / MAPS / town)
        ticks: tuple[str, ...] = ()
        if recipe.ticks:
            from av_synth.search.campaign import concrete, ticks_of

            drawn, ticks = concrete(scenario, recipe.seed, dict(recipe.values), town), ticks_of(recipe.ticks)
        else:
            drawn = scenarios.draw(
                scenario, recipe.seed, recipe.overrides, recipe.values, without=recipe.without, town=town
            )
        if town is None and drawn.road.town is not None and is_opendrive(drawn.road.town):
            drawn = replace(drawn, town=str(self._folder / MAPS / map_of(recipe.scenario, drawn.road.town)))
        scenarios.need_map(scenario, drawn)
        if recipe.weather is not None:
            weather = WeatherSpec.model_validate(recipe.weather).resolve()
            drawn = replace(drawn, weather=weather, sun_bearing_deg=None)
        missing = missing_sensors(scenario, drawn, rig)
        if missing:
            raise DocumentError(missing)
        return RunSpec(drawn, rig, ticks)

    def _scenario(self, name: str) -> scenarios.Scenario:
        if name not in self._scenarios:
            self._scenarios[name] = scenarios.load(str(self._folder / SCENARIOS / name))
        return self._scenarios[name]

    def rig(self, name: str | None) -> Rig | None:
        """A rig of the folder; raises DocumentError if it is none."""
        if name is None:
            return None
        if name not in self._rigs:
            self._rigs[name] = rigs.load(str(self._folder / RIGS / name))
        return self._rigs[name]


def map_of(scenario: str, written: str) -> str:
    """What the OpenDRIVE file that a scenario names is called in a plan, however long its path is."""
    return f"{Path(scenario).stem}_{hashlib.sha256(written.encode()).hexdigest()[:8]}.xodr"


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain JSON values; most of what is empty is left out."""
    return {name: value for name, value in vars(recipe).items() if name in ("seed", "rig") or value}


def key_of(recipe: Recipe) -> str:
    """Equal for recipes that draw the same run for certain."""
    return json.dumps(to_json(recipe), sort_keys=True)
