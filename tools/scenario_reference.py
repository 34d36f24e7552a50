"""Writes what is made from the models: reference in docs/reference/scenarios.md, scenarios/scenario.schema.json.

`make docs` runs it, after a change to the models, with all other pages that are made (`tools/docs.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from av_synth.documents import Strict
from av_synth.farm.planning import document as campaigns
from av_synth.rig import camera_optics, motion_sensors
from av_synth.rig import loader as rigs
from av_synth.rig.lidar_device import LidarDeviceEntry
from av_synth.rig.radar_device import RadarDeviceEntry, RadarModeEntry
from av_synth.scenario import (
    chance,
    distributions,
    exact,
    expectations,
    faults,
    manoeuvres,
    model,
    road,
    signals,
    triggers,
)
from av_synth.scenario.scenario import ScenarioDocument
from av_synth.scenario.schema import schema_text
from av_synth.scenario.units import unit_of
from av_synth.scenario.weather import StartingWeather
from av_synth.scenario.words import Range

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "scenarios.md"
SCHEMA = ROOT / "scenarios" / "scenario.schema.json"
BEGIN = "<!-- from here on made by tools/scenario_reference.py -->\n"

SECTIONS: tuple[tuple[str, type[Strict]], ...] = (
    ("The file", ScenarioDocument),
    ("`parameters`, and other distributions", distributions.Distribution),
    ("`normal`", distributions.Normal),
    ("`lognormal`", distributions.LogNormal),
    ("`discrete`, as a list", distributions.Weighted),
    ("`derived`", chance.Derived),
    ("`correlations`", chance.Correlation),
    ("`weather`", StartingWeather),
    ("`road`", road.Road),
    ("`road.junction`", road.Junction),
    ("`road.roundabout`", road.Roundabout),
    ("`road.crossing`, `crest`, `tunnel`, `entry`, `exit`", road.Feature),
    ("`pose` and other exact places", exact.Pose),
    ("`ego`", model.Ego),
    ("`ego.reaction`", model.Reaction),
    ("`actors`", model.Actor),
    ("`at`", road.Placement),
    ("`parked`", model.ParkedRow),
    ("`traffic`", model.Traffic),
    ("`flows`", model.Flow),
    ("`crowds`", model.Crowd),
    ("`signals`", signals.SignalPlan),
    ("`events`", model.EventSpec),
    ("`events[].weather`", model.WeatherChange),
    ("`events[].fault`", faults.Fault),
    ("`when`", triggers.When),
    ("`gap_m`, `gap_s`, `distance_m` and `aside_m` in `when`", triggers.Gap),
    ("`ttc_s` and `faster_kmh` in `when`", triggers.Between),
    ("`speed_kmh` in `when`", triggers.Speed),
    ("`acceleration_mps2` and `travelled_m` in `when`", triggers.Own),
    ("`contact`", triggers.Touch),
    ("`near`", exact.Near),
    ("`lane_ends` and `off_road`", triggers.Whose),
    ("`reaches`", triggers.Reaches),
    ("`region`", triggers.Region),
    ("`sees` and `loses_sight`", triggers.Sight),
    ("`signal`", triggers.SignalState),
    ("`after`", triggers.Progress),
    ("`do`", manoeuvres.Do),
    ("`do.drive`", manoeuvres.Drive),
    ("`do.match_speed`", manoeuvres.MatchSpeed),
    ("`do.speed_profile`", manoeuvres.SpeedProfile),
    ("`do.follow`", manoeuvres.Follow),
    ("`do.brake`", manoeuvres.Brake),
    ("`do.stop`", manoeuvres.Stop),
    ("`do.lane_change` and `do.cut_out`", manoeuvres.LaneChange),
    ("`do.cut_in`", manoeuvres.CutIn),
    ("`do.merge`", manoeuvres.Merge),
    ("`do.overtake`", manoeuvres.Overtake),
    ("`do.swerve`", manoeuvres.Swerve),
    ("`do.drift`", manoeuvres.Drift),
    ("`do.reverse`", manoeuvres.Reverse),
    ("`do.turn`", manoeuvres.TurnAt),
    ("`do.u_turn`", manoeuvres.UTurn),
    ("`do.run_light`", manoeuvres.RunLight),
    ("`do.open_door`", manoeuvres.OpenDoor),
    ("`do.meet`", manoeuvres.Meet),
    ("`do.lose_control`", manoeuvres.LoseControl),
    ("`do.stall`", manoeuvres.Stall),
    ("`do.drop`", manoeuvres.Drop),
    ("`do.lights`", manoeuvres.Lamps),
    ("`do.follow_trajectory`", manoeuvres.Trajectory),
    ("`do.follow_course`", exact.Course),
    ("`do.take_route`", exact.TakeRoute),
    ("`do.arrive_together`", exact.ArriveTogether),
    ("`do.appear`", exact.Appear),
    ("`do.vanish`", exact.Vanish),
    ("`do.cross`", manoeuvres.Cross),
    ("`do.walk`", manoeuvres.Walk),
    ("`do.wait`", manoeuvres.Wait),
    ("`do.fall`", manoeuvres.Fall),
    ("`expectations`", expectations.Expectation),
    ("`expectations[].seen`", expectations.Seen),
    ("A range", Range),
)
RIG: tuple[tuple[str, type[Strict]], ...] = (
    ("The file", rigs.RigDocument),
    ("`cameras`", rigs.CameraEntry),
    ("`lidars`", rigs.LidarEntry),
    ("`device` of lidars", LidarDeviceEntry),
    ("`radars`", rigs.RadarEntry),
    ("`radars.device`", RadarDeviceEntry),
    ("`near` and `far`", RadarModeEntry),
    ("`rotation`", rigs.Rotation),
    ("`lens`", camera_optics.LensEntry),
    ("`exposure`", camera_optics.ExposureEntry),
    ("`noise`", camera_optics.NoiseEntry),
    ("`imu`", motion_sensors.ImuEntry),
    ("`imu.accelerometer`", motion_sensors.AccelerometerEntry),
    ("`imu.gyroscope`", motion_sensors.GyroscopeEntry),
    ("`gnss`", motion_sensors.GnssEntry),
    ("`gnss.horizontal`, `gnss.vertical`", motion_sensors.FixEntry),
    ("`gnss.outages`", motion_sensors.OutagesEntry),
)
CAMPAIGN: tuple[tuple[str, type[Strict]], ...] = (
    ("The file", campaigns.CampaignDocument),
    ("`runs`", campaigns.Entry),
    ("`runs[].design`", campaigns.Design),
    ("`runs[].search`", campaigns.Search),
    ("`budget`", campaigns.Budget),
    ("`recycle`", campaigns.Recycle),
)
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
_PLAIN = {"boolean": "true or false"}


def reference(sections: Iterable[tuple[str, type[Strict]]] = SECTIONS, level: int = 3) -> str:
    """The tables: every key of every model, with what it wants and what it means; headings of a level."""
    return "\n".join(_section(f"{'#' * level} {title}", kind) for title, kind in sections)


def _section(title: str, kind: type[Strict]) -> str:
    schema = kind.model_json_schema(mode="validation")
    if "$ref" in schema:  # a model that may hold itself
        schema = schema["$defs"][kind.__name__]
    told = " ".join((kind.__doc__ or "").split())
    lines = [title, "", told, ""]
    rows = list(_rows(schema))
    if rows:
        lines += ["| key | wants | if left out | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _rows(schema: dict[str, Any]) -> Iterator[str]:
    for key, value in schema.get("properties", {}).items():
        default = "**needed**" if key in schema.get("required", ()) else _default(value.get("default"))
        yield f"| `{key}` | {_wants(key, value, schema)} | {default} | {value.get('description', '')} |"


def _default(value: object) -> str:
    plain = isinstance(value, str | float | int) and not isinstance(value, bool)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if plain or isinstance(value, bool) else ""


def _wants(key: str, value: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a value must be, in words."""
    if "$ref" in value:
        return _named(value["$ref"])
    if "allOf" in value:
        return _wants(key, value["allOf"][0], schema)
    if "anyOf" in value:
        found = [_wants(key, each, schema) for each in value["anyOf"] if each.get("type") != "null"]
        return "a number or text" if "true or false" in found[1:] else " or ".join(dict.fromkeys(found))
    if "enum" in value or "const" in value:
        return ", ".join(f"`{each}`" for each in value.get("enum", [value.get("const")]))
    kind = value.get("type")
    if kind in ("number", "integer"):
        return _number(key, value)
    if kind == "array":
        return _list(key, value, schema)
    if kind == "object":
        inner = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
        return f"name: {_wants('', inner, schema)}" if isinstance(inner, dict) else "a mapping"
    if isinstance(kind, list):
        return "a number or text"
    if kind is None:
        return "see there"
    return _PLAIN.get(str(kind), "a name" if "pattern" in value else "text")


def _number(key: str, value: dict[str, Any]) -> str:
    unit = unit_of(key)
    low, high = value.get("minimum"), value.get("maximum")
    words = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    if not words:
        words = " and ".join(f"{said} {value[bound]:g}" for bound, said in _BOUNDS.items() if bound in value)
    kind = "a number" if value["type"] == "number" else "a whole number"
    return f"{words or f'{kind} in'} {unit}" if unit else words or kind


def _list(key: str, value: dict[str, Any], schema: dict[str, Any]) -> str:
    if "prefixItems" in value:
        kinds = ("number" if each.get("type") in ("number", "integer") else "name" for each in value["prefixItems"])
        return f"[{', '.join(kinds)}]"
    of = _wants(key, value.get("items", {}), schema)
    return f"a list: {of}"


def _named(ref: str) -> str:
    name = ref.rpartition("/")[2]
    kinds = (*SECTIONS, *RIG, *CAMPAIGN)
    same = [title for title, kind in kinds if kind.__name__ == name]
    finer = [title for title, kind in kinds if any(each.__name__ == name for each in kind.__mro__)]
    title = [*same, *finer, name][0]
    return "a range" if name in ("Range", "Speed") else f"see {title}"


def main() -> None:
    """Rewrite both files."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.partition(BEGIN)[0] + BEGIN + "\n" + reference(), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
