"""The folder of looks that a machine has, which bodies they dress, and whose they are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from av_synth.errors import DataError, UserError
from av_synth.simulator.assets.look import Look, packed, unpacked
from av_synth.simulator.cache import user_cache

_VARIABLE = "AV_SYNTH_ASSETS"
"""Environment variable: the folder of looks, or `none` for procedural bodies; a folder of the user's cache if unset."""
_ATTRIBUTION = "ATTRIBUTION"
"""Name of the file that says whose the looks are, in the folder and in datasets."""

_NONE = "none"
_WORN = "dresses.json"


def in_use() -> Wardrobe | None:
    """The looks that bodies of this process are dressed in; None if there are to be none, or there is no folder.

    Raises:
        UserError: AV_SYNTH_ASSETS names a folder that is not there.
    """
    told = os.environ.get(_VARIABLE, "")
    if told == _NONE:
        return None
    wardrobe = kept()
    if told and not wardrobe.folder.is_dir():
        raise UserError(f"{_VARIABLE}={told}: there is no such folder; want a folder of looks, or {_NONE}")
    return wardrobe if wardrobe.worn else None


def kept() -> Wardrobe:
    """Where looks are kept, whether there are any or not.

    Raises:
        UserError: there are to be none.
    """
    told = os.environ.get(_VARIABLE, "")
    if told == _NONE:
        raise UserError(f"{_VARIABLE}={_NONE}: there is no folder for looks; unset it, or name a folder")
    return Wardrobe(Path(told) if told else user_cache() / "assets")


@dataclass(frozen=True)
class Wardrobe:
    """A folder of looks."""

    folder: Path

    @property
    def worn(self) -> dict[str, str]:
        """The look of each blueprint that is dressed, in the order of blueprints.

        Raises:
            DataError: the list is damaged.
        """
        path = self.folder / _WORN
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read: {error}; import the looks again") from error
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise DataError(f"{path}: is not a list of who wears what; import the looks again")
        return dict(sorted(found.items()))

    def digest(self) -> str:
        """SHA-256 (hex) of who wears what, and of the looks themselves."""
        digest = hashlib.sha256()
        for blueprint_id, name in self.worn.items():
            digest.update(f"{blueprint_id} {name}\n".encode())
        for name in self.names():
            digest.update(self._content(name))
        return digest.hexdigest()

    def names(self) -> tuple[str, ...]:
        """Names of the looks that are worn."""
        return tuple(sorted(set(self.worn.values())))

    def look(self, name: str) -> Look:
        """One look.

        Raises:
            DataError: there is none of this name, or its file is damaged.
        """
        return unpacked(self._content(name), str(self._path(name)))

    def put(self, looks: Mapping[str, tuple[Look, Iterable[str]]]) -> None:
        """Keep looks, each with the blueprints that it dresses from now on, whatever did before.

        Looks that cannot be read any more, because another version wrote them, go, and so do all if their list cannot.

        Raises:
            UserError: the folder cannot be written.
        """
        try:
            worn = {each: name for each, name in self.worn.items() if self._readable(name)}
        except DataError:
            worn = {}
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, (look, blueprint_ids) in looks.items():
                _write(self._path(name), packed(look))
                worn = {each: old for each, old in worn.items() if old != name}
                worn |= dict.fromkeys(blueprint_ids, name)
            self._keep(worn)

    def remove(self, names: Iterable[str]) -> None:
        """Take looks away; what they dressed is procedural again.

        Raises:
            UserError: there is no such look, or the folder cannot be written.
        """
        gone = set(names)
        for name in sorted(gone):
            if name not in self.names():
                raise UserError(f"no look {name!r} in {self.folder}; `av-synth assets list` shows those there are")
        if gone:  # else there may be no folder
            with self._writing():
                self._keep({each: name for each, name in self.worn.items() if name not in gone})

    def attribution(self) -> str:
        """Whose the looks are, as their licences ask."""
        lines = [
            "Meshes that bodies of this simulator show, decimated, repainted and stretched to the bodies' sizes:",
            "",
        ]
        for name in self.names():
            credit = self.look(name).credit
            lines.append(
                f'* "{credit.title}" by {credit.author}; {credit.licence} ({credit.licence_url}); {credit.source}'
            )
        return "\n".join(lines) + "\n"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"{self.folder}: cannot be written: {reason}; set {_VARIABLE} to another folder") from error

    def _keep(self, worn: Mapping[str, str]) -> None:
        """Write who wears what and whose that is; looks that nobody wears go."""
        _write(self.folder / _WORN, json.dumps(dict(sorted(worn.items())), indent=1).encode() + b"\n")
        used = {self._path(name) for name in worn.values()}
        for path in self.folder.glob("*.look"):
            if path not in used:
                path.unlink(missing_ok=True)
        _write(self.folder / _ATTRIBUTION, self.attribution().encode())

    def _readable(self, name: str) -> bool:
        try:
            self.look(name)
        except DataError:
            return False
        return True

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.look"

    def _content(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise DataError(f"{self._path(name)}: cannot be read: {error.strerror}; import the look again") from error


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(content)
    os.replace(scratch, path)
