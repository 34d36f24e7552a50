"""Copies of the synthetic dataset made of hard links, which a test may edit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import synthetic_dataset as synthetic


class Copy:
    """A copy of the dataset whose files are links; edits replace files, so that the original stays as it is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def rows(self, table: str) -> list[dict[str, Any]]:
        return json.loads(self.table_path(table).read_text())

    def table_path(self, table: str) -> Path:
        return self.root / synthetic.VERSION / f"{table}.json"

    def edit(self, table: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
        rows = self.rows(table)
        change(rows)
        self.write(self.table_path(table), json.dumps(rows).encode())

    def edit_each(self, table: str, change: Callable[[dict[str, Any]], object]) -> None:
        self.edit(table, lambda rows: [change(row) for row in rows])

    def write(self, path: Path | str, content: bytes) -> None:
        path = self.root / path
        path.unlink()
        path.write_bytes(content)

    def change(self, path: str, edit: Callable[[bytes], bytes]) -> None:
        self.write(path, edit((self.root / path).read_bytes()))

    def files(self, channel: str, scene: int = 0, *, keyframes: bool | None = None) -> list[str]:
        """File names of a channel in one scene, in time order."""
        rows = [r for r in self.rows("sample_data") if f"/{channel}/synthetic-{scene}__" in r["filename"]]
        rows = [r for r in rows if keyframes is None or r["is_key_frame"] == keyframes]
        return [r["filename"] for r in sorted(rows, key=lambda r: r["timestamp"])]

    def annotations(self, name: str, scene: int = 0) -> list[str]:
        """Annotation tokens of a thing, in time order."""
        instance = synthetic.Builder(self.root).token(scene, name)
        return [r["token"] for r in self.rows("sample_annotation") if r["instance_token"] == instance]

    def edit_annotations(self, tokens: list[str], change: Callable[[dict[str, Any]], object]) -> None:
        self.edit_each("sample_annotation", lambda row: row["token"] in tokens and change(row))


def link_tree(source: Path, target: Path) -> Path:
    for folder, _, files in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True)
        for name in files:
            os.link(Path(folder) / name, here / name)
    return target
