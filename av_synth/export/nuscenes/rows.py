"""Rows of nuScenes tables and what they are folded from: poses checked and shifted, tables written as streams."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from av_synth.errors import DataError, StoreError

Row = dict[str, object]
"""One row of a table, its keys in the order of the format's description."""

Record = Mapping[str, Any]
"""One row of a run's table; the store has checked its columns and types."""

Offset = tuple[float, float]
"""Metres added to x and y so that no map coordinate is negative."""


_SORTED = json.JSONEncoder(allow_nan=False, ensure_ascii=False, sort_keys=True).encode
_ENCODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


class JsonTable:
    """A JSON array written row by row, so that a table of millions of rows never exists in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._file.write("[")
        self._rows = 0

    def add(self, row: Row) -> None:
        """Append one row; raises DataError if it holds NaN, infinity or anything that JSON has not."""
        try:
            text = _ENCODE(row)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self._path.name}: row {self._rows}: {error}: {row}") from error
        self._file.write(",\n" if self._rows else "\n")
        self._file.write(text)
        self._rows += 1

    def __enter__(self) -> JsonTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write("\n]\n")


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
