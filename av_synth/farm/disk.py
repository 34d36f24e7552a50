"""Is there room? Asked before an attempt starts: a run that fills the disk takes the others with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Usage(Protocol):
    """What `shutil.disk_usage` tells, as far as it is used."""

    @property
    def free(self) -> int:
        """Bytes that may still be written."""


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
