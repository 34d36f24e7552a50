"""JSON as it comes: reading a file without trusting it, and what its values are."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path, PurePosixPath
from typing import Any

from av_synth.verify.findings import Findings

LARGEST = 1e8
"""Metres, pixels or the like: beyond it arithmetic drowns in rounding."""


def has_file(path: Path) -> bool:
    """Whether there is such a file; there is none of a name that the file system cannot have."""
    try:
        return path.is_file()
    except OSError:
        return False


def leads_out(filename: str) -> bool:
    """Whether a file name of a table is none of a file inside the dataset, whatever is there."""
    relative = PurePosixPath(filename)
    return relative.is_absolute() or ".." in relative.parts or "\\" in filename


def inside(root: Path, filename: str) -> Path | None:
    """The readable file inside a dataset that a table names; None when there is none."""
    path = root / filename
    return path if not leads_out(filename) and has_file(path) and os.access(path, os.R_OK) else None


def is_number(value: object) -> bool:
    """Whether a value is a finite number of bearable size."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST < value < LARGEST


def are_numbers(value: object, n: int) -> bool:
    """Whether a value is a list of n numbers."""
    return isinstance(value, list) and len(value) == n and all(is_number(v) for v in value)


def is_integer(value: object, low: float, high: float) -> bool:
    """Whether a value is an integer from low to high."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_strings(value: object) -> bool:
    """Whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def json_of(path: Path) -> Any:
    """What a JSON file holds that may be anything, or not be there; None when it cannot be read."""
    return read_json(path, "schema", Findings()) if has_file(path) else None


def read_json(path: Path, check: str, findings: Findings) -> Any:
    """Read a JSON file; None, with a finding, when it cannot be read or has numbers that are not JSON's."""
    non_finite: list[str] = []

    def keep_constant(text: str) -> float:
        non_finite.append(text)
        return math.nan

    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=keep_constant)
    except (OSError, ValueError, RecursionError) as error:  # a ValueError: not UTF-8, not JSON, thousands of digits
        findings.add(check, path.name, f"cannot be read as UTF-8 JSON: {error}")
        return None
    if content is None:
        findings.add(check, path.name, "is null")
    if non_finite:
        findings.add(check, path.name, f"has {len(non_finite)} x {non_finite[0]}, which is not JSON; want finite")
    return content


def short(value: object) -> str:
    """A JSON value as text of at most 80 characters."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"a {type(value).__name__} nested too deeply to show"
    return text if len(text) <= 80 else text[:77] + "..."
