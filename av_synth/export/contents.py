"""Which files are a dataset's own: a list beside its marker, so that replacing it takes no file of somebody else."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from av_synth.errors import UserError
from av_synth.store import replace_file, write_file

MARKER = "av_synth.json"
"""Tells a dataset of ours from anything else, and how it came about: at its root, of nuScenes beside the tables."""

CARD = ("README.md", "croissant.json")
"""At the root of a dataset: what `av-synth card` says of it."""

LIST = "av_synth_files.txt"
_NAMED = 3  # files in a message


def note(root: Path, where: Path) -> None:
    """Write the list of all files of a finished dataset, itself included: one relative path a line.

    Args:
        root: the dataset.
        where: the list, beside the marker.

    Raises:
        StoreError: if it cannot be written.
    """
    own = sorted([*_files(root), where.relative_to(root).as_posix()])
    write_file(where, os.fsencode("".join(f"{path}\n" for path in own)))


def add(where: Path, names: Collection[str]) -> None:
    """Put files at the root of a dataset into its list; nothing is done where there is no list.

    Raises:
        StoreError: if it cannot be written.
    """
    if where.is_file():
        own = {*where.read_bytes().splitlines(), *map(os.fsencode, names)}
        replace_file(where, b"".join(b"%s\n" % path for path in sorted(own)), durable=True)


def refuse_foreign(root: Path, where: Path) -> None:
    """Raise UserError if a dataset holds files that are not in its list, or has no such list."""
    try:
        own = set(os.fsdecode(where.read_bytes()).split("\n"))
    except OSError as error:
        raise UserError(
            f"{where}: cannot be read: {error.strerror or error}; without it, the files of the dataset cannot be told "
            f"from yours: move {root} away or name another place"
        ) from error
    refuse_others(str(root), _files(root), own)


def refuse_others(place: str, there: Iterable[str], own: Collection[str]) -> None:
    """Raise UserError naming what is there and is not among a dataset's own files."""
    others = sorted(path for path in there if path not in own)
    if not others:
        return
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    what, them = ("which is no part", "it") if len(others) == 1 else ("which are no part", "them")
    raise UserError(
        f"{place}: holds {', '.join(map(repr, others[:_NAMED]))}{more}, {what} of the dataset; "
        f"move {them} or name another place"
    )


def _files(root: Path) -> Iterator[str]:
    """Everything below a folder that is no folder, as relative paths; links to folders are not followed."""
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root).as_posix()
        for name in (*files, *(each for each in folders if os.path.islink(os.path.join(folder, each)))):
            yield name if below == "." else f"{below}/{name}"
