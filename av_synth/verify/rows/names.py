"""Names that readers know: sensors, categories, attributes, visibility levels, scenes, splits, logs and files."""

from __future__ import annotations

import re
from pathlib import Path

from av_synth.verify.findings import Findings
from av_synth.verify.reading import nuscenes_names
from av_synth.verify.reading.model import Data, Dataset
from av_synth.verify.reading.tables import Row, Tables
from av_synth.verify.reading.values import read_json, short

_SCENE_NAME = re.compile(r"scene-([0-9]{4})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_names(tables: Tables, findings: Findings) -> None:
    """Enumerated names of every table are those that readers know."""
    for table in ("sensor", "category", "attribute", "visibility", "scene", "log", "map"):
        findings.checked("names", len(tables[table]))
        for row in tables[table]:
            message = _WANTED[table](row)
            if message:
                findings.add("names", f"{table}.json token={row['token']}", message)
    for table, field in (("sensor", "channel"), ("category", "name"), ("attribute", "name"), ("scene", "name")):
        _check_unique(table, field, tables[table], findings)
    _check_unique("log", "logfile", tables["log"], findings)
    channels = {row["channel"] for row in tables["sensor"]}
    for channel in ("LIDAR_TOP", "CAM_FRONT"):
        if channel not in channels:
            findings.add("names", "sensor.json", f"no {channel}; every detection or tracking reader needs it")
    missing = sorted(set(nuscenes_names.NUSCENES_CAMERAS) - channels)
    if missing:
        findings.note(f"mmdetection3d, BEVFormer and StreamPETR need six cameras; this rig has no {', '.join(missing)}")


def _check_unique(table: str, field: str, rows: list[Row], findings: Findings) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        other = seen.setdefault(row[field], row["token"])
        if other != row["token"]:
            where = f"{table}.json token={row['token']}"
            findings.add("names", where, f"{field} = {row[field]!r} is also that of token={other}; want it once")


def _sensor(row: Row) -> str:
    wanted = nuscenes_names.MODALITY_BY_PREFIX.get(row["channel"].split("_")[0])
    if wanted is None:
        return f"channel = {row['channel']!r}; want CAM_, LIDAR_ or RADAR_ in front"
    return "" if row["modality"] == wanted else f"modality = {row['modality']!r} of {row['channel']}; want {wanted!r}"


def _category(row: Row) -> str:
    if row["name"] not in nuscenes_names.CATEGORIES:
        return f"name = {row['name']!r} is not one of nuScenes' 32 categories; readers fail or ignore it"
    wanted = nuscenes_names.CATEGORIES.index(row["name"])
    if "index" in row and row["index"] != wanted:
        return f"index = {short(row['index'])} of {row['name']}; want {wanted}"
    return ""


def _attribute(row: Row) -> str:
    known = row["name"] in nuscenes_names.ATTRIBUTES
    return "" if known else f"name = {row['name']!r} is not one of nuScenes' 8 attributes; evaluation refuses it"


def _visibility(row: Row) -> str:
    wanted = nuscenes_names.VISIBILITY_LEVELS.get(row["token"])
    return "" if row["level"] == wanted else f"level = {row['level']!r}; want {wanted!r}, and tokens '1' to '4'"


def _scene(row: Row) -> str:
    match = _SCENE_NAME.fullmatch(row["name"])
    if match is None:
        return f"name = {row['name']!r}; want scene- and four digits, or the devkit's CAN bus reader fails"
    if int(match[1]) in nuscenes_names.NO_CAN_DATA:
        return f"name = {row['name']!r} is one of those that the devkit's CAN bus reader refuses; take another number"
    return ""


def _log(row: Row) -> str:
    dated = _DATE.fullmatch(row["date_captured"]) is not None
    return "" if dated else f"date_captured = {row['date_captured']!r}; want YYYY-MM-DD"


def _map(row: Row) -> str:
    if row["category"] != "semantic_prior":
        return f"category = {row['category']!r}; want 'semantic_prior'"
    named = re.fullmatch(r"maps/[^/\\]+\.png", row["filename"]) is not None
    return "" if named else f"filename = {row['filename']!r}; want maps/<name>.png"


_WANTED = {
    "sensor": _sensor,
    "category": _category,
    "attribute": _attribute,
    "visibility": _visibility,
    "scene": _scene,
    "log": _log,
    "map": _map,
}


def check_splits(version_dir: Path, tables: Tables, findings: Findings) -> None:
    """Every split of splits.json, where there is one, names scenes of this dataset."""
    path = version_dir / "splits.json"
    if not path.exists():
        return
    findings.checked("names")
    splits = read_json(path, "names", findings)
    if not isinstance(splits, dict) or not all(isinstance(scenes, list) for scenes in splits.values()):
        findings.add("names", path.name, "want an object of split name to a list of scene names")
        return
    known = {row["name"] for row in tables["scene"]}
    for split, scenes in splits.items():
        for name in scenes:
            if not isinstance(name, str) or name not in known:
                message = f"split {short(split)} has {short(name)}, which is not a scene of this dataset"
                findings.add("names", path.name, message)


def check_file_names(dataset: Dataset, findings: Findings) -> None:
    """Each sample_data's fileformat, size fields and file name follow nuScenes' scheme."""
    for scene in dataset.scenes:
        for rows in scene.data.values():
            for data in rows:
                findings.checked("names")
                message = _file_name_problem(data.as_told, scene.logfile)
                if message:
                    findings.add("names", f"sample_data.json token={data.token} ({scene.name})", message)


def _file_name_problem(data: Data, logfile: str) -> str:
    form, suffix = nuscenes_names.FILE_FORMATS.get(data.calibration.modality, ("", ""))
    folder = "samples" if data.is_key_frame else "sweeps"
    wanted = f"{folder}/{data.channel}/{logfile}__{data.channel}__{data.timestamp_us}{suffix}"
    if data.filename != wanted:
        return f"filename = {data.filename!r}; want {wanted!r}"
    if data.fileformat != form:
        return f"fileformat = {data.fileformat!r} of {data.channel}; want {form!r}"
    is_camera = data.calibration.modality == "camera"
    if is_camera != (data.width > 0 and data.height > 0) or (not is_camera and data.width + data.height > 0):
        return f"width x height = {data.width} x {data.height} of {data.channel}; want pixels, and 0 x 0 for points"
    return ""
