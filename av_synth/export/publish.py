"""A folder that appears whole or not at all: staged beside its place, checked, swapped in, for every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from av_synth.store import replace_directory, scratch, sweep_scratch


def publish(target: Path, write: Callable[[Path], None]) -> None:
    """Fill an empty folder and put it at `target` in one step, in place of what was there.

    Args:
        target: an absolute path; whoever calls has made sure that what is there may go.
        write: fills the folder that it is given, and checks it; if it raises, nothing is changed.

    Raises:
        StoreError: if the folder cannot be made or swapped in.
    """
    stem = f".{target.name}.staging"
    sweep_scratch(target.parent, stem)
    with scratch(target.parent, stem) as staging:
        write(staging)
        replace_directory(staging, target)
