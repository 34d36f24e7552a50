"""Is a committed run still what was committed? A look that is cheap enough for ten thousand runs, and a thorough one.

The cheap one reads the manifest and the names of the files: a run has hundreds of sensor files, and to ask the disk for
the size of each takes longer than all the rest. Whoever uses a file compares its hash before (`Run.path`).
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from av_synth.errors import StoreError
from av_synth.store.runs import MANIFEST, SCHEMA_EPOCH, open_run

_SIZED = ("", "tables", "map")  # the folders of tables and documents


def check_intact(path: Path, *, deep: bool = False) -> int:
    """Raise unless a run is what was committed.

    Args:
        path: the folder of the run.
        deep: read every file and compare its hash, and look for files that do not belong there. Else: that the manifest
            is there and is of this run, that no file is missing, and that tables and documents have their size; what
            is flipped, cut short within a sensor's file, or added is not noticed.

    Returns:
        Its bytes, by its manifest.

    Raises:
        OtherEpochError: if it was written by another version of av_synth.
        StoreError: if it is not whole; says what is wrong.
    """
    if not deep and (size := _glance(str(path))) is not None:
        return size
    run = open_run(path, deep=deep)
    if run.run_id != path.name:
        raise StoreError(f"{path}: is run {run.run_id} by its manifest; move it away")
    if deep:
        listed = {f"{path}/{name}" for name in (*run.files, MANIFEST)}
        extra = sorted({f"{folder}/{name}" for folder, _, names in os.walk(path) for name in names} - listed)
        if extra:
            raise StoreError(f"{extra[0]}: is in the run and was not committed; move it away")
    return sum(entry.bytes for entry in run.files.values())


def what_is_wrong(error: StoreError, then: str = "") -> str:
    """What is wrong with a run that is damaged, and `then` in place of the advice to move it away by hand.

    A campaign sets such runs aside and makes them again itself.
    """
    what, away, _ = str(error).partition("; move ")
    return f"{what}{then}" if away else what


def _glance(path: str) -> int | None:
    """The bytes of a run; None if anything is odd, and `open_run` is to tell what."""
    try:
        with open(f"{path}/{MANIFEST}", "rb") as file:
            manifest: Any = from_json(file.read())
        if (manifest["schema_epoch"], manifest["run_id"]) != (SCHEMA_EPOCH, path.rpartition("/")[2]):
            return None
        total, wanted = 0, defaultdict[str, dict[str, int]](dict)
        for row in manifest["files"]:
            folder, _, name = row["path"].rpartition("/")
            wanted[folder][name] = row["bytes"]
            total += row["bytes"]
        for folder, sizes in wanted.items():
            if not sizes.keys() <= set(os.listdir(f"{path}/{folder}")):
                return None
            if folder in _SIZED and any(os.stat(f"{path}/{folder}/{name}").st_size != sizes[name] for name in sizes):
                return None
        return total
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
