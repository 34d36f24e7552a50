"""Reads the JSON tables and checks what can be said of rows one by one: fields, types, tokens, foreign keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from av_synth.verify.findings import Findings
from av_synth.verify.lens import COEFFICIENTS
from av_synth.verify.reading.values import LARGEST, are_numbers, is_integer, is_number, is_strings, read_json, short

Row = dict[str, Any]
Tables = dict[str, list[Row]]

_LARGEST_TIME = 2**60  # differences of times stay within 64 bits
_LARGEST_MASK_VALUE = 65535  # masks are 16 bit
_MOTIONS = ("none", "raw", "compensated")


def _is_intrinsic(value: object) -> bool:
    return value == [] or (isinstance(value, list) and len(value) == 3 and all(are_numbers(row, 3) for row in value))


def _is_mask_instances(value: object) -> bool:
    return isinstance(value, dict) and all(_is_mask_value(k) and isinstance(v, str) and v for k, v in value.items())


def _is_mask_value(key: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", key) is not None and int(key) <= _LARGEST_MASK_VALUE


def _is_box(value: object) -> bool:
    return value == [] or are_numbers(value, 4)


def _is_coefficients(value: object) -> bool:
    return any(are_numbers(value, count) for count in COEFFICIENTS.values())


def _is_share(value: object) -> bool:
    return value is None or (is_number(value) and 0 <= value <= 1)  # type: ignore[operator]


def _is_counterparts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(token, str) and token != "" for token in value.values())


def _is_criticality(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(v, dict)
        and isinstance(v.get("metric"), str)
        and (v.get("value") is None or is_number(v["value"]))
        and all(isinstance(v.get(name), str) for name in ("instance_token", "other_instance_token"))
        and all(isinstance(v.get(name, ""), str) for name in ("role", "other_role"))
        for v in value
    )


def _is_ascending(value: object) -> bool:
    return isinstance(value, list) and bool(value) and are_numbers(value, len(value)) and sorted(value) == value


_KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "token": ("a non-empty string", lambda v: isinstance(v, str) and v != ""),
    "reference": ("a string, '' for none", lambda v: isinstance(v, str)),
    "text": ("a string", lambda v: isinstance(v, str)),
    "time": ("an integer of microseconds", lambda v: is_integer(v, -_LARGEST_TIME, _LARGEST_TIME)),
    "count": ("an integer from 0 to 1e8", lambda v: is_integer(v, 0, LARGEST)),
    "bool": ("true or false, not a string or number", lambda v: isinstance(v, bool)),
    "vector": ("3 finite numbers", lambda v: are_numbers(v, 3)),
    "quaternion": ("4 finite numbers w, x, y, z", lambda v: are_numbers(v, 4)),
    "size": (
        "3 finite numbers > 0: width, length, height",
        lambda v: are_numbers(v, 3) and all(x > 0 for x in v),  # type: ignore[attr-defined]
    ),
    "intrinsic": ("[] or 3x3 finite numbers", _is_intrinsic),
    "lens_model": (f"one of {', '.join(COEFFICIENTS)}", lambda v: isinstance(v, str) and v in COEFFICIENTS),
    "coefficients": (f"a list of {' or '.join(map(str, COEFFICIENTS.values()))} finite numbers", _is_coefficients),
    "strings": ("a list of strings", is_strings),
    "instances": ("an object of pixel value (0 to 65535) to instance token", _is_mask_instances),
    "box": ("[left, top, right, bottom] in pixels, or [] for none", _is_box),
    "share": ("a finite number from 0 to 1, or null", _is_share),
    "criticality": ("a list of {metric, value, instance_token, other_instance_token}", _is_criticality),
    "numbers": ("a list of finite numbers", lambda v: isinstance(v, list) and are_numbers(v, len(v))),
    "ascending": ("a list of finite numbers, none of them below the one before", _is_ascending),
    "at_least_0": ("a finite number of at least 0", lambda v: is_number(v) and v >= 0),  # type: ignore[operator]
    "positive": ("a finite number > 0", lambda v: is_number(v) and v > 0),  # type: ignore[operator]
    "motion": (f"one of {', '.join(_MOTIONS)}", lambda v: v in _MOTIONS),
    "list": ("a list", lambda v: isinstance(v, list)),
    "counterparts": ("an object of token to token", _is_counterparts),
}

_FIELDS: Mapping[str, Mapping[str, str]] = {
    "sensor": {"channel": "token", "modality": "token"},
    "calibrated_sensor": {
        "sensor_token": "token",
        "translation": "vector",
        "rotation": "quaternion",
        "camera_intrinsic": "intrinsic",
    },
    "ego_pose": {"timestamp": "time", "rotation": "quaternion", "translation": "vector"},
    "log": {"logfile": "token", "vehicle": "text", "date_captured": "text", "location": "token"},
    "map": {"category": "text", "filename": "token", "log_tokens": "strings"},
    "scene": {
        "name": "token",
        "description": "text",
        "log_token": "token",
        "nbr_samples": "count",
        "first_sample_token": "token",
        "last_sample_token": "token",
    },
    "sample": {"timestamp": "time", "scene_token": "token", "prev": "reference", "next": "reference"},
    "sample_data": {
        "sample_token": "token",
        "ego_pose_token": "token",
        "calibrated_sensor_token": "token",
        "timestamp": "time",
        "fileformat": "token",
        "is_key_frame": "bool",
        "height": "count",
        "width": "count",
        "filename": "token",
        "prev": "reference",
        "next": "reference",
    },
    "category": {"name": "token", "description": "text"},
    "attribute": {"name": "token", "description": "text"},
    "visibility": {"level": "token", "description": "text"},
    "instance": {
        "category_token": "token",
        "nbr_annotations": "count",
        "first_annotation_token": "token",
        "last_annotation_token": "token",
    },
    "sample_annotation": {
        "sample_token": "token",
        "instance_token": "token",
        "attribute_tokens": "strings",
        "visibility_token": "reference",
        "translation": "vector",
        "size": "size",
        "rotation": "quaternion",
        "num_lidar_pts": "count",
        "num_radar_pts": "count",
        "prev": "reference",
        "next": "reference",
    },
    "instance_mask": {"sample_data_token": "token", "filename": "token", "instances": "instances"},
    "lidarseg": {"sample_data_token": "token", "filename": "token"},
    "panoptic": {"sample_data_token": "token", "filename": "token"},
    "box_2d": {
        "sample_data_token": "token",
        "sample_annotation_token": "token",
        "visible_box": "box",
        "visible_pixels": "count",
        "amodal_box": "box",
        "amodal_pixels": "count",
        "method": "text",
    },
    "label_image": {"sample_data_token": "token", "semantic": "text", "depth": "text", "flow": "text"},
    "semantic_class": {"index": "count", "name": "token", "category_token": "reference"},
    "annotation_truth": {"sample_annotation_token": "token", "velocity": "vector", "acceleration": "vector"},
    "sample_truth": {"sample_token": "token", "criticality": "criticality", "phase": "list", "faults": "list"},
    "label_quality": {
        "sample_annotation_token": "token",
        "visibility_method": "text",
        "visible_fraction": "share",
        "mask_pixels": "count",
        "ambiguous": "bool",
    },
    "camera_lens": {"calibrated_sensor_token": "token", "model": "lens_model", "coefficients": "coefficients"},
    "camera_shutter": {"calibrated_sensor_token": "token", "exposure_us": "count", "read_out_us": "count"},
    "motion_sensor": {"scene_token": "token", "message": "token", "translation_m": "vector", "rate_hz": "count"},
    "calibration_truth": {"calibrated_sensor_token": "token", "translation": "vector", "rotation": "quaternion"},
    "clock_truth": {
        "sample_data_token": "token",
        "timestamp": "time",
        "translation": "vector",
        "rotation": "quaternion",
    },
    "lidar_instance": {"sample_data_token": "token", "filename": "token"},
    "lidar_time": {"sample_data_token": "token", "filename": "token"},
    "lidar_device": {
        "calibrated_sensor_token": "token",
        "elevations_deg": "ascending",
        "azimuths_deg": "numbers",
        "horizontal_fov_deg": "positive",
        "min_range_m": "at_least_0",
        "range_m": "positive",
        "echoes": "count",
        "motion": "motion",
        "turn_us": "count",
    },
    "radar_truth": {"sample_data_token": "token", "filename": "token"},
    "instance_actor": {"instance_token": "token", "actor_id": "count"},
    "counterfactuals": {
        "scene_token": "token",
        "counterpart_scene_token": "token",
        "samples": "counterparts",
        "instances": "counterparts",
    },
    "mix_scene": {"scene_token": "token", "dataset": "token", "av_synth": "text", "has": "strings"},
}
"""Fields of each table beside `token`, and their kinds; other fields are ignored, as the devkit does."""

OPTIONAL: Mapping[str, str] = {
    "instance_mask": "sample_data_token",
    "lidarseg": "sample_data_token",
    "panoptic": "sample_data_token",
    "box_2d": "sample_data_token",
    "label_image": "sample_data_token",
    "semantic_class": "token",
    "annotation_truth": "sample_annotation_token",
    "sample_truth": "sample_token",
    "label_quality": "sample_annotation_token",
    "lidar_instance": "sample_data_token",
    "radar_truth": "sample_data_token",
    "instance_actor": "instance_token",
    "counterfactuals": "scene_token",
    "camera_lens": "calibrated_sensor_token",
    "camera_shutter": "calibrated_sensor_token",
    "motion_sensor": "scene_token",
    "calibration_truth": "calibrated_sensor_token",
    "clock_truth": "sample_data_token",
    "lidar_device": "calibrated_sensor_token",
    "lidar_time": "sample_data_token",
    "mix_scene": "scene_token",
}
"""Tables beyond the 13, which may be absent, and what their rows are about."""

MANDATORY = tuple(table for table in _FIELDS if table not in OPTIONAL)
_MAY_BE_EMPTY = frozenset({"attribute", "instance", "sample_annotation", *OPTIONAL})

_KEYS: tuple[tuple[str, str, str], ...] = (
    ("calibrated_sensor", "sensor_token", "sensor"),
    ("map", "log_tokens", "log"),
    ("scene", "log_token", "log"),
    ("scene", "first_sample_token", "sample"),
    ("scene", "last_sample_token", "sample"),
    ("sample", "scene_token", "scene"),
    ("sample", "prev", "sample"),
    ("sample", "next", "sample"),
    ("sample_data", "sample_token", "sample"),
    ("sample_data", "ego_pose_token", "ego_pose"),
    ("sample_data", "calibrated_sensor_token", "calibrated_sensor"),
    ("sample_data", "prev", "sample_data"),
    ("sample_data", "next", "sample_data"),
    ("instance", "category_token", "category"),
    ("instance", "first_annotation_token", "sample_annotation"),
    ("instance", "last_annotation_token", "sample_annotation"),
    ("sample_annotation", "sample_token", "sample"),
    ("sample_annotation", "instance_token", "instance"),
    ("sample_annotation", "attribute_tokens", "attribute"),
    ("sample_annotation", "visibility_token", "visibility"),
    ("sample_annotation", "prev", "sample_annotation"),
    ("sample_annotation", "next", "sample_annotation"),
    ("instance_mask", "sample_data_token", "sample_data"),
    ("instance_mask", "instances", "instance"),
    ("lidarseg", "sample_data_token", "sample_data"),
    ("panoptic", "sample_data_token", "sample_data"),
    ("box_2d", "sample_data_token", "sample_data"),
    ("box_2d", "sample_annotation_token", "sample_annotation"),
    ("label_image", "sample_data_token", "sample_data"),
    ("semantic_class", "category_token", "category"),
    ("annotation_truth", "sample_annotation_token", "sample_annotation"),
    ("sample_truth", "sample_token", "sample"),
    ("label_quality", "sample_annotation_token", "sample_annotation"),
    ("lidar_instance", "sample_data_token", "sample_data"),
    ("radar_truth", "sample_data_token", "sample_data"),
    ("instance_actor", "instance_token", "instance"),
    ("camera_lens", "calibrated_sensor_token", "calibrated_sensor"),
    ("camera_shutter", "calibrated_sensor_token", "calibrated_sensor"),
    ("motion_sensor", "scene_token", "scene"),
    ("calibration_truth", "calibrated_sensor_token", "calibrated_sensor"),
    ("clock_truth", "sample_data_token", "sample_data"),
    ("lidar_device", "calibrated_sensor_token", "calibrated_sensor"),
    ("lidar_time", "sample_data_token", "sample_data"),
    ("counterfactuals", "scene_token", "scene"),
    ("counterfactuals", "counterpart_scene_token", "scene"),
    ("counterfactuals", "samples", "sample"),
    ("counterfactuals", "instances", "instance"),
    ("mix_scene", "scene_token", "scene"),
)
"""Foreign keys: table, field (a string, a list, or an object's values), and the table pointed at."""


def read_tables(version_dir: Path, findings: Findings) -> tuple[Tables, set[str]]:
    """Read every table, checking files, fields and types; those of `OPTIONAL` are there only if their files are.

    Args:
        version_dir: the folder with the JSON tables.
        findings: takes what is wrong, under "schema".

    Returns:
        The sound rows, and the tables that have others.
    """
    tables: Tables = {}
    unsound: set[str] = set()
    for table, fields in _FIELDS.items():
        path = version_dir / f"{table}.json"
        if table in OPTIONAL and not path.exists():
            continue
        rows = _read_array(path, findings)
        tables[table] = [row for k, row in enumerate(rows or ()) if _is_sound(table, fields, k, row, findings)]
        findings.checked("schema", len(tables[table]))
        if rows is None or len(tables[table]) < len(rows):
            unsound.add(table)
        elif not rows and table not in _MAY_BE_EMPTY:
            findings.add("schema", path.name, "the table is empty; readers need at least one row")
            unsound.add(table)
    return tables, unsound


def _read_array(path: Path, findings: Findings) -> list[Any] | None:
    if not path.exists():
        findings.add("schema", path.name, "the file is missing; it is one of the 13 mandatory tables")
        return None
    content = read_json(path, "schema", findings)
    if content is not None and not isinstance(content, list):
        findings.add("schema", path.name, f"is a JSON {type(content).__name__}; want one array of objects")
    return content if isinstance(content, list) else None


def _is_sound(table: str, fields: Mapping[str, str], place: int, row: object, findings: Findings) -> bool:
    if not isinstance(row, dict):
        findings.add("schema", f"{table}.json row {place}", f"is a {type(row).__name__}; want an object")
        return False
    problems = []
    for name, kind in {"token": "token", **fields}.items():
        wanted, accepts = _KINDS[kind]
        if name not in row:
            problems.append(f"field {name} is missing; want {wanted}")
        elif not accepts(row[name]):
            problems.append(f"{name} = {short(row[name])}; want {wanted}")
    for problem in problems:
        findings.add("schema", f"{table}.json row {place} token={short(row.get('token'))}", problem)
    return not problems


def check_tokens(tables: Tables, findings: Findings) -> set[str]:
    """Tokens are unique in their table; returns the tables in which they are not."""
    unsound: set[str] = set()
    for table, rows in tables.items():
        first: dict[str, int] = {}
        for place, row in enumerate(rows):
            before = first.setdefault(row["token"], place)
            if before != place:
                where = f"{table}.json token={row['token']}"
                findings.add("tokens", where, f"duplicate token: rows {before} and {place} share it")
                unsound.add(table)
        findings.checked("tokens", len(rows))
    return unsound


def check_keys(tables: Tables, findings: Findings) -> set[str]:
    """Foreign keys are closed, and every log is in the log_tokens of a map (readers fail at load otherwise).

    Returns:
        The tables whose keys are not.
    """
    unsound: set[str] = set()
    tokens = {table: {row["token"] for row in rows} for table, rows in tables.items()}
    for table, name, target in _KEYS:
        for row in tables.get(table, ()):
            value = row[name]
            references = [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else value
            for reference in references:
                findings.checked("keys")
                if reference not in tokens[target] and not (reference == "" and isinstance(value, str)):
                    where = f"{table}.json token={row['token']}"
                    findings.add("keys", where, f"{name} = {reference!r}; {target}.json has no such token")
                    unsound.add(table)
    mapped = {token for row in tables["map"] for token in row["log_tokens"]}
    for row in tables["log"]:
        if row["token"] not in mapped:
            where = f"log.json token={row['token']}"
            findings.add("keys", where, f"log {row['logfile']} is in no map's log_tokens; the devkit cannot load it")
            unsound.add("log")
    return unsound
