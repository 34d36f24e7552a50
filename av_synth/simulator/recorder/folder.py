"""Where recordings are: clients give names, and nothing outside one folder is ever written or read for them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from av_synth.errors import LogError, UserError
from av_synth.recording import format as layout
from av_synth.recording.write import encode_header

_LONGEST_NAME = 255
_BEGINNING = encode_header("", 0)[: layout.HEADER.size + layout.COUNT.size + len(layout.MAGIC)]


def user_recordings() -> Path:
    """Where recordings go if nobody says otherwise: under `$XDG_STATE_HOME`, else `~/.local/state`."""
    home = os.path.expanduser("~")  # which, other than Path.home, does not fail where there is none
    return Path(os.environ.get("XDG_STATE_HOME") or Path(home, ".local", "state"), "av_synth", "recordings")


class Folder:
    """The folder of a simulator's recordings; it is made when the first of them is written, or by `make`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Make the folder now, for who names one wants to know that it will do.

        Raises:
            UserError: if it cannot be a folder that recordings are written to.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            if not os.access(self._path, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise UserError(
                f"--recordings: {self._path}: {error.strerror}; want a folder that can be written"
            ) from error

    def path_of(self, name: str) -> Path:
        """The file of that name, whether it is there or not.

        Args:
            name: relative to the folder, or an absolute path in it. Links are followed before it is looked where it is.

        Raises:
            LogError: if that is outside the folder, or no file's name.
        """
        folder = self._path.resolve()
        try:
            found = (folder / name).resolve()
            if any(len(os.fsencode(part)) > _LONGEST_NAME for part in found.parts):
                raise ValueError(f"a part of more than {_LONGEST_NAME} bytes")
        except (ValueError, OSError, RuntimeError) as error:  # a zero byte, a name too long, links in a circle
            raise LogError(f"recorder file {name[:200]!r}: {error}; want a file's name, such as test1.log") from error
        if found == folder or not found.is_relative_to(folder):
            raise LogError(
                f"recorder file {name[:200]!r}: is not in the folder of recordings; want a name such as test1.log or "
                f"a path in {folder}, which `av-synth simulator --recordings FOLDER` changes"
            )
        return found

    def create(self, name: str) -> tuple[Path, int]:
        """Open a file to write, empty; returns it and its descriptor.

        Raises:
            LogError: as `path_of`; or if it cannot be written, or something that is no recording has that name.
        """
        path = self.path_of(name)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            if path.exists():
                _need_recording(path)
            return path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        except OSError as error:
            raise LogError(f"{path}: cannot be written: {error.strerror}") from error


def _need_recording(path: Path) -> None:
    """Clients may write over recordings, and over nothing else."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_BEGINNING)) in (b"", _BEGINNING):
                return
    raise LogError(f"{path}: is there and no recording; want another name")
