"""May a store be written to, and is there room? A run that fills the disk takes the others with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from av_synth.errors import UserError
from av_synth.farm.records import quarantine
from av_synth.store import need_place
from av_synth.store.runs import RUNS, STAGING


class Usage(Protocol):
    """What `shutil.disk_usage` tells, as far as it is used."""

    @property
    def free(self) -> int:
        """Bytes that may still be written."""


def need_folder(store: Path) -> None:
    """Refuse a store that cannot be made or written to, before anything is begun.

    Raises:
        UserError: saying which file or folder is in the way.
    """
    path = Path(store).absolute()
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    wanted = "want a folder that can be made and written to"
    if not there.is_dir():
        raise UserError(f"{store}: {_named(there, path)}is a file; {wanted}")
    for folder in (there, *(path / name for name in (RUNS, STAGING, quarantine.FOLDER, "journal", "logs"))):
        if os.path.lexists(folder) and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise UserError(f"{store}: {_named(folder, path)}cannot be written to; {wanted}")
    need_place("", store, folder=True)


def _named(folder: Path, store: Path) -> str:
    return "" if folder == store else f"{folder} "


def reserve_bytes(largest_run_bytes: int, workers: int) -> int:
    """What has to stay free: every worker may be at the largest run, twice over for what dies half-made."""
    return 2 * largest_run_bytes * workers


def why_full(store: Path, need_bytes: int, usage: Callable[[Path], Usage] = shutil.disk_usage) -> str | None:
    """Why nothing may be started now, in a sentence; None if there is room.

    Args:
        store: a folder on the disk in question.
        need_bytes: what has to be free.
        usage: asks the disk.
    """
    try:
        free = usage(store).free
    except OSError as error:
        return f"{store}: cannot tell how much is free: {error.strerror or error}"
    if free >= need_bytes:
        return None
    return (
        f"{store}: {free / 1e9:.2f} GB free on its disk, want {need_bytes / 1e9:.2f} GB so that what runs can end; "
        "make room"
    )
