"""Rows of tables: those of a run, which every format is folded from, and those of JSON, written as streams."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from av_synth.errors import DataError
from av_synth.geometry.lens import COEFFICIENTS, Lens
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.store import Run

Row = dict[str, object]
"""One row of a table that is written, its keys in the order of the format's description."""

Record = Mapping[str, Any]
"""One row of a run's table; the store has checked its columns and types."""

_ENCODE = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


class JsonTable:
    """A JSON array written row by row, so that a table of millions of rows never exists in memory."""

    def __init__(self, path: Path, *, empty: bool = True) -> None:
        """Of a file that is to be written; one that must not be `empty` is there only if it has rows."""
        self._path = path
        self._file: TextIO = path.open("w", encoding="utf-8", newline="\n") if empty else io.StringIO()
        self._file.write("[")
        self._rows = 0

    def add(self, row: Row) -> None:
        """Append one row; raises DataError if it holds NaN, infinity or anything that JSON has not."""
        try:
            text = _ENCODE(row)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self._path.name}: row {self._rows}: {error}: {row}") from error
        if isinstance(self._file, io.StringIO):
            self._file = self._path.open("w", encoding="utf-8", newline="\n")
            self._file.write("[")
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


def sides_px(row: Record, kind: str = "") -> list[Any]:
    """Columns <kind>left_px, <kind>top_px, <kind>right_px and <kind>bottom_px of a run's table, in this order."""
    return [row[f"{kind}{side}_px"] for side in ("left", "top", "right", "bottom")]


def pose_of(row: Record) -> Array:
    """Columns x_m, y_m, z_m, qw, qx, qy, qz of a run's table as a transform (4, 4).

    Raises:
        ValueError: if the quaternion is zero or not finite.
    """
    return matrix_from_quaternion([row[key] for key in ("qw", "qx", "qy", "qz")], [row[f"{axis}_m"] for axis in "xyz"])


def lenses_of(run: Run) -> dict[str, Lens]:
    """Lenses by channel of the cameras of a run that are no pinholes."""
    rows = run.table("lenses").to_pylist()
    return {row["channel"]: Lens(row["model"], tuple(row[name] for name in COEFFICIENTS[row["model"]])) for row in rows}


def true_mounts_of(run: Run) -> dict[str, Array]:
    """`ego_from_sensor` (4, 4) by channel, of the sensors that are not where the run's table `sensors` has them."""
    return {row["channel"]: pose_of(row) for row in run.table("true_mounts").to_pylist()}
