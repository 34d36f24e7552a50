"""A folder that appears whole or not at all: staged beside its place, checked, swapped in, for every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from av_synth.store import clear_scratch, replace_directory, scratch


def publish(target: Path, write: Callable[[Path], None], refuse: Callable[[Path], None]) -> None:
    """Fill an empty folder and put it at `target` in one step, in place of what was there.

    Args:
        target: an absolute path.
        write: fills the folder that it is given, and checks it; if it raises, nothing is changed.
        refuse: raises if what is at `target` may not go. Whoever calls has asked it once, so that nobody waits for
            nothing; here it is asked again, because writing takes long enough for something to come there.

    Raises:
        UserError: if `refuse` says so.
        StoreError: if the folder cannot be made or swapped in.
    """
    stem = f".{target.name}.staging"
    clear_scratch(target.parent, stem)
    with scratch(target.parent, stem) as staging:
        write(staging)
        refuse(target)
        replace_directory(staging, target)
