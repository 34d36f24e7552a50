"""A scenario of half a second, a straight road of one's own, and campaigns of them."""

from __future__ import annotations

from pathlib import Path

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
LANE = '<lane id="{}" type="driving" level="false"><link/><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'
STRAIGHT = f"""<?xml version="1.0"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="4" name="straight" version="1.00" north="0" south="0" east="0" west="0">
    <geoReference><![CDATA[+proj=tmerc]]></geoReference>
  </header>
  <road name="straight" length="400" id="7" junction="-1">
    <link/>
    <planView><geometry s="0" x="0" y="0" hdg="0" length="400"><line/></geometry></planView>
    <elevationProfile/><lateralProfile/>
    <lanes><laneSection s="0">
      <left>{LANE.format(1)}</left>
      <center><lane id="0" type="none" level="false"><link/></lane></center>
      <right>{LANE.format(-1)}</right>
    </laneSection></lanes>
  </road>
</OpenDRIVE>
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
    (folder / "straight.xodr").write_text(STRAIGHT)
    path = folder / "few.yaml"
    path.write_text(f"name: few\ndescription: A few short runs.\n{more}runs:\n{runs}")
    return path
