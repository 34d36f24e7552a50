"""A scenario of half a second, a straight road of one's own, and campaigns of them."""

from __future__ import annotations

from pathlib import Path

from tests.straight_road import straight_road

SHORT = """name: short
description: A car drives ahead.
duration_s: 0.5
parameters:
  speed_kmh: {uniform: [20, 30]}
  gap_m: {uniform: [10, 20]}
  ahead: {choice: [car, van]}
road: {length_m: 60}
ego: {speed_kmh: "${speed_kmh}"}
actors:
  ahead: {body: "${ahead}", speed_kmh: "${speed_kmh}", at: {ahead_m: "${gap_m}"}}
"""
MANY = """  - {scenario: short.yaml, rig: none, seeds: [0], weather: [clear_night, cloudy_noon]}
  - {scenario: short.yaml, rig: tiny, seeds: [0], set: {gap_m: 12}, towns: [AvSynth01]}
  - {scenario: own_road.yaml, rig: none, seeds: [0], set: {gap_m: 12, ahead: van, speed_kmh: 25}}
  - {scenario: own_road.yaml, rig: none, towns: [straight.xodr],
     design: {grid: {gap_m: [12], ahead: [van], speed_kmh: [25]}}}
"""


def campaign(folder: Path, runs: str, more: str = "", scenario: str = SHORT) -> Path:
    """A campaign in a folder, beside the scenario `short.yaml`, another of the same on its own map, and that map."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "short.yaml").write_text(scenario)
    own = SHORT.replace("name: short", "name: own_road").replace("{length_m: 60", "{town: straight.xodr, length_m: 60")
    (folder / "own_road.yaml").write_text(own)
    (folder / "straight.xodr").write_text(straight_road())
    path = folder / "few.yaml"
    path.write_text(f"name: few\ndescription: A few short runs.\n{more}runs:\n{runs}")
    return path
