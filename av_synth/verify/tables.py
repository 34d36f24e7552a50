"""Reads the JSON tables and checks what can be said of rows one by one: fields, types, tokens, foreign keys."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from av_synth.verify.findings import Findings

Row = dict[str, Any]
Tables = dict[str, list[Row]]


_LARGEST = 1e8  # metres, pixels or the like: beyond it arithmetic drowns in rounding
_LARGEST_TIME = 2**63 - 1
_LARGEST_MASK_VALUE = 65535  # masks are 16 bit


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _numbers(value: object, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(_number(v) for v in value)


def _integer(value: object, low: float, high: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_intrinsic(value: object) -> bool:
    return value == [] or (isinstance(value, list) and len(value) == 3 and all(_numbers(row, 3) for row in value))


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_mask_instances(value: object) -> bool:
    return isinstance(value, dict) and all(_is_mask_value(k) and isinstance(v, str) and v for k, v in value.items())


def _is_mask_value(key: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", key) is not None and int(key) <= _LARGEST_MASK_VALUE


_KINDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "token": ("a non-empty string", lambda v: isinstance(v, str) and v != ""),
    "reference": ("a string, '' for none", lambda v: isinstance(v, str)),
    "text": ("a string", lambda v: isinstance(v, str)),
    "time": ("an integer of microseconds", lambda v: _integer(v, -_LARGEST_TIME, _LARGEST_TIME)),
    "count": ("an integer from 0 to 1e8", lambda v: _integer(v, 0, _LARGEST)),
    "bool": ("true or false, not a string or number", lambda v: isinstance(v, bool)),
    "vector": ("3 finite numbers", lambda v: _numbers(v, 3)),
    "quaternion": ("4 finite numbers w, x, y, z", lambda v: _numbers(v, 4)),
    "size": (
        "3 finite numbers > 0: width, length, height",
        lambda v: _numbers(v, 3) and all(x > 0 for x in v),  # type: ignore[attr-defined]
    ),
    "intrinsic": ("[] or 3x3 finite numbers", _is_intrinsic),
    "strings": ("a list of strings", _is_strings),
    "instances": ("an object of pixel value (0 to 65535) to instance token", _is_mask_instances),
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
}
"""Fields of each table beside `token`, and their kinds; other fields are ignored, as the devkit does."""

MANDATORY = tuple(table for table in _FIELDS if table != "instance_mask")
MAY_BE_EMPTY = frozenset({"attribute", "instance", "sample_annotation", "instance_mask"})

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
)
"""Foreign keys: table, field (a string, a list, or an object's values), and the table pointed at."""


def read_tables(version_dir: Path, findings: Findings) -> Tables:
    """Read every table, checking files, fields and types; `instance_mask` is there only if its file is.

    Args:
        version_dir: the folder with the JSON tables.
        findings: takes what is wrong, under "schema".
    """
    tables: Tables = {}
    for table, fields in _FIELDS.items():
        path = version_dir / f"{table}.json"
        if table == "instance_mask" and not path.exists():
            continue
        rows = _read_array(path, findings)
        tables[table] = [row for k, row in enumerate(rows) if _is_sound(table, fields, k, row, findings)]
        findings.checked("schema", len(rows))
        if not rows and table not in MAY_BE_EMPTY:
            findings.add("schema", path.name, "the table is empty or unreadable; readers need at least one row")
    return tables


def _read_array(path: Path, findings: Findings) -> list[Any]:
    non_finite: list[str] = []

    def keep_constant(text: str) -> float:
        non_finite.append(text)
        return math.nan

    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=keep_constant)
    except FileNotFoundError:
        findings.add("schema", path.name, "the file is missing; it is one of the 13 mandatory tables")
        return []
    except (OSError, ValueError, RecursionError) as error:  # a ValueError: not UTF-8, not JSON, thousands of digits
        findings.add("schema", path.name, f"cannot be read as UTF-8 JSON: {error}")
        return []
    if non_finite:
        findings.add("schema", path.name, f"has {len(non_finite)} x {non_finite[0]}, which is not JSON; want finite")
    if not isinstance(content, list):
        findings.add("schema", path.name, f"is a JSON {type(content).__name__}; want one array of objects")
        return []
    return content


def _is_sound(table: str, fields: Mapping[str, str], place: int, row: object, findings: Findings) -> bool:
    if not isinstance(row, dict):
        findings.add("schema", f"{table}.json row {place}", f"is a {type(row).__name__}; want an object")
        return False
    sound = True
    for name, kind in {"token": "token", **fields}.items():
        wanted, accepts = _KINDS[kind]
        where = f"{table}.json row {place} token={short(row.get('token'))}"
        if name not in row:
            findings.add("schema", where, f"field {name} is missing; want {wanted}")
            sound = False
        elif not accepts(row[name]):
            findings.add("schema", where, f"{name} = {short(row[name])}; want {wanted}")
            sound = False
    return sound


def short(value: object) -> str:
    """A JSON value as text of at most 80 characters."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} nested too deeply to show"
    return text if len(text) <= 80 else text[:77] + "..."


def check_tokens(tables: Tables, findings: Findings) -> None:
    """Tokens are unique in their table."""
    for table, rows in tables.items():
        first: dict[str, int] = {}
        for place, row in enumerate(rows):
            before = first.setdefault(row["token"], place)
            if before != place:
                findings.add("tokens", f"{table}.json token={row['token']}", f"rows {before} and {place} share it")
        findings.checked("tokens", len(rows))


def check_keys(tables: Tables, findings: Findings) -> None:
    """Foreign keys are closed, and every log is in the log_tokens of a map (readers fail at load otherwise)."""
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
    mapped = {token for row in tables["map"] for token in row["log_tokens"]}
    for row in tables["log"]:
        if row["token"] not in mapped:
            where = f"log.json token={row['token']}"
            findings.add("keys", where, f"log {row['logfile']} is in no map's log_tokens; the devkit cannot load it")
