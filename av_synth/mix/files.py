"""Files of a mix: links to those of its datasets, each at a place of its own."""

from __future__ import annotations

import filecmp
import hashlib
from collections.abc import Mapping
from pathlib import Path

from av_synth.errors import DataError, StoreError
from av_synth.mix.ingredients import Ingredient
from av_synth.mix.names import Tokens
from av_synth.store import link_or_copy
from av_synth.store.files import check_relative

_LABELS_BY_VERSION = ("lidarseg", "panoptic")  # folders in which readers want a folder of the version's name


class Files:
    """What has been put where in a new folder."""

    def __init__(self, root: Path) -> None:
        """Of an empty folder."""
        self._root = root
        self._placed: dict[str, Path] = {}
        self._folders: set[Path] = set()

    def __contains__(self, target: str) -> bool:
        return target in self._placed

    def holds(self, source: Path, target: str) -> bool:
        """Whether this very content is at a place already."""
        return target in self._placed and filecmp.cmp(self._placed[target], source, shallow=False)

    def place(self, source: Path, target: str) -> str:
        """Link or copy a file, unless its content is there already; returns the place.

        Raises:
            DataError: if there is no such file, something else is at its place, or the place is none in the folder.
            StoreError: if it can be neither linked nor copied.
        """
        try:
            check_relative(target)
        except StoreError as error:
            raise DataError(f"{source}: {error}") from error
        if self._placed.get(target) == source:  # several rows may name one file
            return target
        if not source.is_file():
            raise DataError(f"{source}: is not there, and a row names it; want all files of the scenes that are mixed")
        if target in self._placed:
            if not self.holds(source, target):
                told = f"{source} and {self._placed[target]} differ, and both would be {target}"
                raise DataError(f"{told}; want one log name for one drive")
            return target
        path = self._root / target
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        link_or_copy(source.resolve(), path)
        self._placed[target] = source
        return target

    def place_picture(self, source: Path, target: str) -> str:
        """The same of a picture of a map, which gets a name by its content where something else has its own."""
        if target in self._placed and source.is_file() and not self.holds(source, target):
            digest = hashlib.sha256(source.read_bytes()).hexdigest()[:32]
            target = f"{target.rpartition('/')[0]}/{digest}.png"
        return self.place(source, target)


def renamed_file(path: str, ingredient: Ingredient, version: str, logfiles: Mapping[str, str], tokens: Tokens) -> str:
    """What a file of a dataset is called in a mix: logs, tokens and versions that have other names there change it.

    Args:
        path: relative to the dataset.
        ingredient: the dataset.
        version: folder of tables of the mix.
        logfiles: new names of logs by those that they had, of those that have others.
        tokens: of the dataset.
    """
    *folders, name = path.split("/")
    log, dashes, rest = name.partition("__")
    if dashes and log in logfiles:
        name = f"{logfiles[log]}{dashes}{rest}"
    else:
        for mark in ("_", "."):
            token, found, rest = name.partition(mark)
            if found and tokens(token) != token:
                name = f"{tokens(token)}{found}{rest}"
                break
    if len(folders) == 2 and folders[0] in _LABELS_BY_VERSION and folders[1] == ingredient.version:
        folders[1] = version
    return "/".join((*folders, name))
