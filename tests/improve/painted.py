"""Runs of campaigns that are painted, not played: boxes on a road, in the weather and by the seed that are asked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import yaml

from av_synth import scenario as scenarios
from av_synth.export.dataset import DATASET
from av_synth.farm.dispatch.driver import DONE, Ended
from av_synth.improve.space import Space, load
from av_synth.scenario.weather import Weather, WeatherSpec
from tests.export.as_nuscenes import export as as_dataset
from tests.export.synthetic_run import TINY, Rows, build_run

_LAST_FRAME = 20  # three keyframes
SCENARIO = """name: {name}
description: A car drives ahead.
duration_s: 0.5
parameters:
  gap_m: {{uniform: [10, 40]}}
  who: {{choice: [car, van]}}
road: {{length_m: 60}}
ego: {{speed_kmh: 30}}
actors:
  ahead: {{body: "${{who}}", speed_kmh: 30, at: {{ahead_m: "${{gap_m}}"}}}}
"""
SPACE = """name: painted
description: Two scenarios by day and by night.
rig: tiny
scenarios:
  - {scenario: often.yaml, share: 9}
  - {scenario: seldom.yaml}
weathers:
  - {weather: clear_noon, share: 3}
  - {weather: clear_night}
"""


def space(folder: Path, text: str = SPACE) -> Space:
    """A space of two scenarios in two weathers, in files of a folder."""
    for name in ("often", "seldom"):
        (folder / f"{name}.yaml").write_text(SCENARIO.format(name=name))
    (folder / "painted.yaml").write_text(text)
    return load(str(folder / "painted.yaml"))


def _shine(rows: Rows, weather: Weather) -> None:
    for row in rows["weather"]:
        row.update(weather.to_json())


def paint(campaign: Path, store: Path, export: bool) -> Ended:
    """Make the runs of a campaign that are not there yet, as `Play` does."""
    asked = yaml.safe_load(campaign.read_text())
    runs = []
    for number, entry in enumerate(asked["runs"]):
        weather = WeatherSpec.model_validate(entry["weather"][0]).resolve()
        scenario = scenarios.load(entry["scenario"])
        for seed in entry["seeds"]:
            told = {
                "name": scenario.name,
                "description": "Painted.",
                "town": "SynthTown",
                "seed": seed,
                "parameters": scenario.chance.draw(seed, {}),
                "weather": weather.to_json(),
            }
            run_id_seed = seed * 1000 + number  # one seed may be asked for in several weathers

            runs.append(
                build_run(
                    store,
                    run_id_seed,
                    sensors=TINY,
                    change=partial(_shine, weather=weather),
                    scenario=told,
                    last_frame=_LAST_FRAME,
                )
            )
    if export:
        as_dataset(runs, store / DATASET)
    return Ended(DONE, "", len(runs), 0, 0)
