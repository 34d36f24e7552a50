"""What a dataset says about its samples and everything in them, joined from its own tables, one sample at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from av_synth.metrics import METRICS
from av_synth.query.conditions import Value
from av_synth.query.tables import Row, Tables, joining, one_of_each_sample

Values = dict[str, Value]

_OF_SAMPLES: Mapping[str, str] = {
    "scene": "name of the scene",
    "dataset": "of a mix, which of its datasets it came from",
    "scenario": "name of the scenario",
    "town": "where it happens",
    "location": "what the dataset calls that place",
    "rig": "name of the rig",
    "seed": "of the draw",
    "held": "everything came as the scenario expects",
    "never_began": "events of the scenario that did not",
    "time_s": "since the scene's first sample",
    "phase": "what has begun so far, such as pedestrian.cross",
    "fault": "sensor faults that its data have, such as CAM_FRONT.blackout",
    "weather.night": "the sun is below the horizon",
    "weather.rain": "it rains",
    "weather.snow": "it snows",
    "weather.fog": "there is fog",
    "weather.wet": "the road is wet",
}
_OF_THINGS: Mapping[str, str] = {
    "category": "nuScenes category",
    "attribute": "nuScenes attribute",
    "visibility": "nuScenes level, 1 (0 to 40 % visible) to 4 (80 to 100 %)",
    "num_lidar_pts": "lidar points in its box",
    "num_radar_pts": "radar points in its box",
    "range_m": "of its centre from the ego, over the ground",
    "bearing_deg": "where its centre is seen from the ego, 0 ahead, positive to the left",
    "heading_deg": "which way it points, as the ego sees it, 0 the same way, positive to the left",
    "length_m": "of its box",
    "width_m": "of its box",
    "height_m": "of its box",
    "speed_mps": "true speed",
    "role": "the scenario's name for it",
    "type_id": "blueprint",
    "parked": "put there to stay",
    **dict.fromkeys(METRICS, "of the ego and it, now"),
}
FIELDS: Mapping[str, str] = {**_OF_SAMPLES, **_OF_THINGS}
"""Fields with a name of their own. Beside them: weather.* (CARLA's parameters) and parameters.* (the scenario's) of a
sample; quality.* (columns of label_quality) and run.* (figures of the ego and it over the whole run) of a thing."""
_SAMPLE_PREFIXES = ("weather.", "parameters.")
_SIGNS = {
    "weather.night": ("sun_altitude_angle", -1.0),
    "weather.rain": ("precipitation", 1.0),
    "weather.snow": ("snow_mm_h", 1.0),
    "weather.fog": ("fog_density", 1.0),
    "weather.wet": ("wetness", 1.0),
}


def is_of_sample(field: str) -> bool:
    """Whether a field is said of a sample as a whole, not of a thing in it."""
    return field in _OF_SAMPLES or field.startswith(_SAMPLE_PREFIXES)


@dataclass(frozen=True)
class Thing:
    """Somebody or something in a sample; `annotation_token` is '' for whom the ego is measured against unannotated."""

    annotation_token: str
    instance_token: str
    values: Values


@dataclass(frozen=True)
class SampleFacts:
    """A sample: `time_s` since the scene's first, `file` of its front camera (else of any; '' for none), what is so."""

    scene: str
    sample_token: str
    time_s: float
    file: str
    values: Values
    things: tuple[Thing, ...]


def read(dataset: Path, version: str | None = None) -> Iterator[SampleFacts]:
    """Every sample of a dataset in nuScenes format, by scene and time.

    Raises:
        UserError: if there is no such dataset or version.
        StoreError: if it is no dataset, or a table cannot be read or lacks what the format has.
    """
    tables = _Tables(dataset, version)
    with joining(tables.folder):
        yield from tables.samples()


class _Tables(Tables):
    def samples(self) -> Iterator[SampleFacts]:
        """Join the tables."""
        self._truth = self.by("sample_truth", "sample_token", optional=True)
        self._velocities = self.by("annotation_truth", "sample_annotation_token", optional=True)
        self._quality = self.by("label_quality", "sample_annotation_token", optional=True)
        self._actors = self.by("instance_actor", "instance_token", optional=True)
        self._instances, self._categories = self.by("instance"), self.by("category")
        self._attributes = self.by("attribute")
        (files, poses), logs = self._keyframes(), self.by("log")
        runs: dict[str, Row] = {run["scene_token"]: run for run in self.json("av_synth", {}).get("runs", [])}
        came_from = self.by("mix_scene", "scene_token", optional=True)
        annotations: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows("sample_annotation"):
            annotations[row["sample_token"]].append(row)
        scenes: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows("sample"):
            scenes[row["scene_token"]].append(row)
        for scene in sorted(self.rows("scene"), key=lambda row: str(row["name"])):
            run = runs.get(scene["token"], {})
            samples = sorted(scenes[scene["token"]], key=lambda row: int(row["timestamp"]))
            for row in samples:
                time_s = (row["timestamp"] - samples[0]["timestamp"]) * 1e-6
                truth = self._truth.get(row["token"], {})
                values = {"location": logs[scene["log_token"]]["location"], **_scene_values(scene["name"], run)}
                values |= {"dataset": came_from[scene["token"]]["dataset"]} if scene["token"] in came_from else {}
                values |= {"time_s": time_s, "phase": tuple(truth.get("phase", ()))}
                values |= {"fault": _faults(truth["faults"])} if "faults" in truth else {}
                values |= weather_values(truth.get("weather") or run.get("weather") or {})
                things = tuple(self._things(annotations[row["token"]], poses.get(row["token"]), truth, run))
                yield SampleFacts(scene["name"], row["token"], time_s, files.get(row["token"], ""), values, things)

    def _keyframes(self) -> tuple[dict[str, str], dict[str, Row]]:
        """By sample: the file of its front camera, and the ego's pose when its lidar looked, or its first sensor."""
        sensors, poses = self.by("sensor"), self.by("ego_pose")
        sensor_of = {row["token"]: sensors[row["sensor_token"]] for row in self.rows("calibrated_sensor")}
        channels = {token: sensor["channel"] for token, sensor in sensor_of.items()}
        rows = [row for row in self.rows("sample_data") if row["is_key_frame"]]
        images = [row for row in rows if sensor_of[row["calibrated_sensor_token"]]["modality"] == "camera"]
        files = one_of_each_sample(images, channels, "CAM_FRONT")
        looked = one_of_each_sample(rows, channels, "LIDAR_TOP")
        named = {token: str(row["filename"]) for token, row in files.items()}
        return named, {token: poses[row["ego_pose_token"]] for token, row in looked.items()}

    def _things(self, annotations: list[Row], ego_pose: Row | None, truth: Row, run: Row) -> Iterator[Thing]:
        metrics: dict[tuple[str, str], Values] = defaultdict(dict)
        for entry in truth.get("criticality", ()):
            of_ego = not entry["instance_token"] and entry.get("role", "ego") == "ego"
            if of_ego and entry["value"] is not None:
                metrics[_who(entry["other_instance_token"], entry.get("other_role"))][entry["metric"]] = entry["value"]
        over_run = {
            _who(pair["instance_token"], pair["role"]): {f"run.{name}": x for name, x in pair["figures"].items()}
            for pair in run.get("criticality", ())
        }
        for row in annotations:
            who = _who(row["instance_token"], None)
            values = self._annotated(row) | (_seen_from(ego_pose, row) if ego_pose else {})
            values |= metrics.pop(who, {}) | over_run.get(who, {})
            yield Thing(row["token"], row["instance_token"], values)
        for who, found in metrics.items():
            role: Values = {"role": who[1]} if who[1] else {}
            yield Thing("", who[0], role | found | over_run.get(who, {}))

    def _annotated(self, row: Row) -> Values:
        category = self._categories[self._instances[row["instance_token"]]["category_token"]]["name"]
        values: Values = {"category": category, **{name: row[name] for name in ("num_lidar_pts", "num_radar_pts")}}
        values["attribute"] = tuple(self._attributes[token]["name"] for token in row["attribute_tokens"])
        if row["visibility_token"]:
            values["visibility"] = int(row["visibility_token"])
        actor = self._actors.get(row["instance_token"], {})
        values |= {name: actor[name] for name in ("role", "type_id", "parked") if name in actor}
        if row["token"] in self._velocities:
            values["speed_mps"] = math.hypot(*self._velocities[row["token"]]["velocity"])
        quality = self._quality.get(row["token"], {}).items()
        told = {f"quality.{name}": value for name, value in quality if isinstance(value, float | int | str)}
        return values | {name: told[name] for name in told if not name.endswith("token")}


def _seen_from(ego_pose: Row, annotation: Row) -> Values:
    """Where somebody is and how large, from the ego's own place; both rows hold what is in the world."""
    (x_m, y_m), yaw_rad = ego_pose["translation"][:2], _yaw_rad(ego_pose)
    east_m, north_m = annotation["translation"][0] - x_m, annotation["translation"][1] - y_m
    width_m, length_m, height_m = annotation["size"]
    return {
        "range_m": math.hypot(east_m, north_m),
        "bearing_deg": _turn_deg(math.atan2(north_m, east_m) - yaw_rad),
        "heading_deg": _turn_deg(_yaw_rad(annotation) - yaw_rad),
        "length_m": float(length_m),
        "width_m": float(width_m),
        "height_m": float(height_m),
    }


def _yaw_rad(row: Row) -> float:
    w, x, y, z = row["rotation"]
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def _turn_deg(angle_rad: float) -> float:
    """The same angle from -180 to 180 degrees."""
    return math.degrees(math.remainder(angle_rad, 2.0 * math.pi))


def _who(instance_token: str, role: str | None) -> tuple[str, str]:
    """What tells parties apart: the instance, where there is one."""
    return (instance_token, "") if instance_token else ("", role or "")


def _faults(told: list[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{fault['channel']}.{fault['kind']}" for fault in told))


def _scene_values(name: str, run: Row) -> Values:
    values: Values = {"scene": name}
    values |= {key: run[key] for key in ("scenario", "town", "rig", "seed") if isinstance(run.get(key), str | int)}
    held = run.get("outcome", {}).get("held")
    if isinstance(held, bool):
        values["held"] = held
    if never_began := run.get("outcome", {}).get("never_began"):
        values["never_began"] = tuple(never_began)
    parameters = run.get("parameters", {}).items()
    return values | {f"parameters.{key}": value for key, value in parameters if isinstance(value, float | int | str)}


def weather_values(told: Row) -> Values:
    """What is so of a sample in a weather: CARLA's parameters and snow by their names, and what words say of them."""
    values: Values = {f"weather.{name}": value for name, value in told.items() if isinstance(value, float | int)}
    return values | {name: sign * told[key] > 0.0 for name, (key, sign) in _SIGNS.items() if key in told}
