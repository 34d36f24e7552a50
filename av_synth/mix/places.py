"""Logs and maps of a mix: one location has one map, whatever its datasets call theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

from av_synth.export.nuscenes import official
from av_synth.mix.files import Files
from av_synth.mix.ingredients import Ingredient, Row
from av_synth.mix.names import Tokens, beside

_MAPS = {"expansion": ".json", "basemap": ".png"}


class Places:
    """Gathers the logs and maps of datasets, one after the other.

    Attributes:
        logs: rows of `log`, by token.
        maps: rows of `map`.
    """

    def __init__(self, files: Files) -> None:
        """With nothing yet."""
        self._files = files
        self._maps_of: dict[str, tuple[bool, tuple[str, ...]]] = {}
        self.logs: dict[str, Row] = {}
        self.maps: list[Row] = []

    def locations(self, ingredient: Ingredient, logs: Sequence[Row]) -> dict[str, str]:
        """What the locations of some logs of a dataset are called in the mix.

        A location that an earlier dataset has too is the same one if its vector map and basemap are, else it gets a
        name of its own. Where one has no map, they are the same if both or neither are av_synth's.
        """
        found = {}
        for location in dict.fromkeys(row["location"] for row in logs):
            own = bool(ingredient.made_by), tuple(_digest(path) for path in _map_files(ingredient, location))
            name = location
            if not _alike(self._maps_of.setdefault(name, own), own):
                name = beside(location, ingredient.name, self._maps_of)
                self._maps_of[name] = own
            found[location] = name
        return found

    def shared(self, logs: Sequence[Row]) -> set[str]:
        """Tokens of logs that are in the mix already, of the same drive; `logs` with their locations there."""
        return {row["token"] for row in logs if self.logs.get(row["token"]) == row}

    def add_logs(self, ingredient: Ingredient, logs: Sequence[Row], tokens: Tokens) -> dict[str, str]:
        """Take the logs of a dataset, with their locations in the mix.

        Returns:
            Names of log files that have others in the mix, by those that they had.
        """
        taken = {row["logfile"] for row in self.logs.values()}
        changed = {}
        for row in logs:
            if tokens.is_shared(row["token"]):
                continue
            if row["logfile"] in taken:
                changed[row["logfile"]] = beside(row["logfile"], ingredient.name, taken)
            logfile = changed.get(row["logfile"], row["logfile"])
            taken.add(logfile)
            self.logs[tokens(row["token"])] = {**row, "token": tokens(row["token"]), "logfile": logfile}
        return changed

    def add_maps(
        self, ingredient: Ingredient, logs: Collection[str], locations: dict[str, str], tokens: Tokens
    ) -> None:
        """Take the maps of some logs (tokens in the dataset) and the files of their locations.

        Raises:
            DataError: if a file of one is not there.
        """
        for row in ingredient.rows("map"):
            own = [tokens(token) for token in row["log_tokens"] if token in logs]
            if not own:
                continue
            filename = self._files.place_picture(ingredient.root / row["filename"], row["filename"])
            known = next(
                (one for one in self.maps if (one["token"], one["filename"]) == (row["token"], filename)), None
            )
            if known is None:
                self.maps.append({**row, "token": tokens(row["token"]), "filename": filename, "log_tokens": own})
            else:
                known["log_tokens"] += [token for token in own if token not in known["log_tokens"]]
        for location, name in locations.items():
            for source in _map_files(ingredient, location):
                if source.is_file():
                    self._files.place(source, f"maps/{source.parent.name}/{name}{source.suffix}")

    def add_spare(self, ingredient: Ingredient) -> None:
        """Take maps of nuScenes' own four locations that no log is of: readers load them all."""
        for location, stem in official.LOCATIONS.items():
            for source in (*_map_files(ingredient, location), ingredient.root / "maps" / f"{stem}.png"):
                target = source.relative_to(ingredient.root).as_posix()
                if source.is_file() and target not in self._files:
                    self._files.place(source, target)


def _map_files(ingredient: Ingredient, location: str) -> list[Path]:
    return [ingredient.root / "maps" / folder / f"{location}{suffix}" for folder, suffix in _MAPS.items()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _alike(one: tuple[bool, tuple[str, ...]], other: tuple[bool, tuple[str, ...]]) -> bool:
    if one[1] == other[1]:
        return True
    if one[0] != other[0]:
        return False
    return all(first == second or not first or not second for first, second in zip(one[1], other[1], strict=True))
