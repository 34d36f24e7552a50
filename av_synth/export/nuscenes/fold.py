"""What is made of one run beyond nuScenes' mandatory tables: gathered table by table, written by `dataset`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from av_synth.export.nuscenes.sample_data import Blob
from av_synth.export.rows import Row


@dataclass(frozen=True)
class Fold:
    """Rows by table, and files."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    files: list[Blob] = field(default_factory=list)

    def add(self, table: str, row: Row) -> None:
        """Append a row to a table."""
        self.rows.setdefault(table, []).append(row)

    def extend(self, table: str, rows: Iterable[Row]) -> None:
        """Append rows to a table."""
        self.rows.setdefault(table, []).extend(rows)
