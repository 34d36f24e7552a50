"""Copies of datasets, made of links, that a test may edit."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUSCENES = (
    *("sensor", "category", "attribute", "visibility", "log", "map", "scene", "sample", "calibrated_sensor"),
    *("sample_data", "ego_pose", "sample_annotation", "instance"),
)


def copied(dataset: Path, target: Path) -> Path:
    shutil.copytree(dataset, target, copy_function=os.link)
    return target


def table(dataset: Path, name: str) -> Any:
    (path,) = dataset.glob(f"v1.0-*/{name}.json")
    return json.loads(path.read_text())


def edit(dataset: Path, name: str, change: Callable[[Any], object]) -> None:
    """Change a table; its file is replaced, so that what it was linked from stays."""
    (path,) = dataset.glob(f"v1.0-*/{name}.json")
    rows = json.loads(path.read_text())
    change(rows)
    path.unlink()
    path.write_text(json.dumps(rows))


def stripped(dataset: Path) -> Path:
    """Take away all that nuScenes has not, and what most copies of it do not have."""
    for path in dataset.glob("v1.0-*/*"):
        if path.stem not in NUSCENES:
            path.unlink()
    for folder in dataset.iterdir():
        if not folder.name.startswith(("v1.0-", "samples", "sweeps", "maps")):
            shutil.rmtree(folder)
    for folder in ("expansion", "basemap", "prediction"):
        shutil.rmtree(dataset / "maps" / folder, ignore_errors=True)
    return dataset
