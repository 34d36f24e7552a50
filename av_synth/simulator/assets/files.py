"""The files that a model is made of: beside each other in a folder, or in a zip archive."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path
from typing import Protocol

from av_synth.errors import DataError

_MAX_BYTES = 200_000_000
"""Of one file of a model; what unpacks to more is none."""


class Files(Protocol):
    """Where the files of a model are read from."""

    def read(self, name: str) -> bytes:
        """Content of a file; `name` has slashes and is relative to where all of them lie.

        Raises:
            DataError: there is none, or it is too large.
        """

    def has(self, name: str) -> bool:
        """Whether there is such a file."""


class Folder:
    """Files under a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        """See `Files.read`."""
        path = self._path / name
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise DataError(f"{path}: {path.stat().st_size} bytes; want at most {_MAX_BYTES}")
            return path.read_bytes()
        except (OSError, ValueError) as error:  # a name may have a null in it
            raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error

    def has(self, name: str) -> bool:
        """See `Files.has`."""
        return (self._path / name).is_file()


class Archive:
    """Files in a zip archive."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path}: is not a zip archive that can be read: {error}") from error

    def read(self, name: str) -> bytes:
        """See `Files.read`."""
        try:
            entry = self._archive.getinfo(name)
            if entry.file_size > _MAX_BYTES:
                raise DataError(f"{self._path}: {name}: {entry.file_size} bytes; want at most {_MAX_BYTES}")
            return self._archive.read(entry)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{self._path}: {name}: cannot be read from the archive: {error}") from error

    def has(self, name: str) -> bool:
        """See `Files.has`."""
        return name in self._archive.NameToInfo


def beside(name: str, other: str) -> str:
    """The name of a file that another one names, relative to itself."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other.replace("\\", "/")))
