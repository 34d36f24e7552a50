"""Values of nuScenes' tables out of a run's: poses checked and shifted, texts that must be there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from av_synth.errors import DataError, StoreError
from av_synth.export.rows import Record

Offset = tuple[float, float]
"""Metres added to x and y so that no map coordinate is negative."""


_SORTED = json.JSONEncoder(allow_nan=False, ensure_ascii=False, sort_keys=True).encode


def compact_json(value: object) -> str:
    """One line of JSON, keys sorted; raises DataError for anything that JSON has not."""
    try:
        return _SORTED(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"not plain JSON: {error}") from error


def translation_of(row: Record, offset_m: Offset = (0.0, 0.0)) -> list[float]:
    """Columns x_m, y_m, z_m of a run's table as a translation, shifted into the map."""
    return [row["x_m"] + offset_m[0], row["y_m"] + offset_m[1], row["z_m"]]


def rotation_of(row: Record, where: str) -> list[float]:
    """Columns qw, qx, qy, qz of a run's table as a rotation.

    Raises:
        DataError: if it is not of unit length.
    """
    rotation = [row["qw"], row["qx"], row["qy"], row["qz"]]
    norm = math.sqrt(sum(part * part for part in rotation))
    if abs(norm - 1.0) > 1e-6:
        raise DataError(f"{where}: quaternion {rotation} has length {norm}; want 1")
    return rotation


def text_of(values: Mapping[str, object], key: str, where: str) -> str:
    """A non-empty string in a JSON object.

    Raises:
        StoreError: if it is missing, empty or of another type.
    """
    value = values.get(key)
    if not isinstance(value, str) or not value:
        raise StoreError(f"{where}: {key} = {value!r}; want a non-empty string")
    return value
