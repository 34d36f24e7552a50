"""Can something be written to a place? Asked before any work is done, and of all places in one way."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from av_synth.errors import UserError


def need_place(option: str, place: Path, *, folder: bool = False) -> None:
    """Refuse a place that cannot be written to. Nothing is left there.

    What a folder's mode says is not believed: who is root may write everywhere, but not to /proc, nor to a disk that is
    read-only. A file without a name is made instead.

    Args:
        option: what the user named it with; empty if it was not.
        place: of a file, or
        folder: of a folder; what is above it need not be there yet.

    Raises:
        UserError: naming the option, what is in the way, and what is wanted.
    """
    path = place.absolute()
    there = next(each for each in (path, *path.parents)[0 if folder else 1 :] if os.path.lexists(each))
    head = f"{option}: {place}" if option else f"{place}"
    want = f"want {'a folder that can be made' if folder else 'a place in a folder that can be made'} and written to"
    named = "" if there == path else f"{there} "
    if not there.is_dir():
        raise UserError(f"{head}: {named}is a file; {want}")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        # what /proc says of itself, 'No such file or directory', helps nobody
        why = "" if error.errno == errno.ENOENT else f" ({error.strerror})"
        raise UserError(f"{head}: {named}cannot be written to{why}; {want}") from error


def refuse_strangers(
    option: str,
    file: Path | None,
    what: str,
    is_such: Callable[[Path], bool],
    instead: str = "move it, or name another file",
) -> None:
    """Refuse a place that a file cannot go to, or where somebody's file would be lost, before any work is done.

    Args:
        option: what the user named it with.
        file: where to; None if nobody wants it.
        what: is to be written there, such as 'picture'.
        is_such: whether a file that is there may be replaced; an OSError is told. An empty one is nobody's loss.
        instead: what to do about one that may not.

    Raises:
        UserError: naming the option and what is there.
    """
    if file is None:
        return
    if not file.exists():
        need_place(option, file)
        return
    if file.is_dir():
        raise UserError(f"{option}: {file}: is a folder; want the name of a file")
    try:
        # of a device there may be no end
        may_go = file.is_file() and (file.stat().st_size == 0 or is_such(file))
    except OSError as error:
        raise UserError(f"{option}: {file}: cannot be read: {error.strerror}; name another file") from error
    if not may_go:
        raise UserError(f"{option}: {file}: is there already and is no {what}; {instead}")
    need_place(option, file)
