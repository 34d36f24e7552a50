"""The tables of a dataset in nuScenes format, as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from av_synth.errors import StoreError, UserError

Row = Mapping[str, Any]


class Tables:
    """Those of one version of a dataset, read when they are asked for.

    Attributes:
        folder: where they are.
    """

    def __init__(self, dataset: Path, version: str | None = None) -> None:
        """Of the only version, unless one is named; raises as `version_of` does."""
        self.folder = dataset / version_of(dataset, version)

    def json(self, name: str, default: Any = None) -> Any:
        """What a file holds; `default`, where there is one, if there is no such file.

        Raises:
            StoreError: if it cannot be read.
        """
        return read_json(self.folder / f"{name}.json", default)

    def rows(self, name: str, *, optional: bool = False) -> Sequence[Row]:
        """The rows of a table; none of an `optional` one that is not there. Raises as `json` does."""
        return self.json(name, [] if optional else None)

    def by(self, name: str, key: str = "token", *, optional: bool = False) -> dict[str, Row]:
        """The rows of a table by one of their columns. Raises as `json` does."""
        return {row[key]: row for row in self.rows(name, optional=optional)}


def version_of(dataset: Path, version: str | None = None, option: str = "--version") -> str:
    """The folder of tables that is meant: the one that is named, or the only one.

    Args:
        dataset: the folder that holds v1.0-*/, samples/ and so on.
        version: what was named; None for nothing.
        option: by which users name it.

    Raises:
        UserError: if it is no dataset, there is no such version, or there are several and none is named.
    """
    if not dataset.is_dir():
        why = "is no folder" if dataset.exists() else "there is no such folder"
        raise UserError(f"{dataset}: {why}; want the folder of a nuScenes dataset, as `av-synth export` writes it")
    found = sorted(path.parent.name for path in dataset.glob("*/sample.json"))
    if not found:
        raise UserError(f"{dataset}: has no folder with a sample.json; want a dataset's root, which holds v1.0-*/")
    if version is None and len(found) > 1:
        raise UserError(f"{dataset}: has the versions {', '.join(found)}; want {option} with one of them")
    if version is not None and version not in found:
        raise UserError(f"{dataset}: has no version {version!r}; want {option} with one of {', '.join(found)}")
    return version or found[0]


def read_json(path: Path, default: Any = None) -> Any:
    """The content of a JSON file of a dataset; `default`, where there is one, if there is no such file.

    Raises:
        StoreError: if it cannot be read.
    """
    if default is not None and not path.exists():
        return default
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: not a readable table: {error}") from error


def one_of_each_sample(rows: Iterable[Row], channels: Mapping[str, str], wanted: str) -> dict[str, Row]:
    """By sample, the row of one sensor: of the wanted one, or where it has none, of the first by name.

    Args:
        rows: of `sample_data`.
        channels: names of sensors by tokens of `calibrated_sensor`.
        wanted: a channel, such as LIDAR_TOP.
    """
    found: dict[str, tuple[tuple[bool, str], Row]] = {}
    for row in rows:
        channel, sample = channels[row["calibrated_sensor_token"]], row["sample_token"]
        place = channel != wanted, channel
        if sample not in found or place < found[sample][0]:
            found[sample] = place, row
    return {sample: row for sample, (_, row) in found.items()}


@contextmanager
def joining(folder: Path) -> Iterator[None]:
    """While tables are joined: what they lack is an error of theirs.

    Args:
        folder: where they are.

    Raises:
        StoreError: if a row, or something in one, is not there.
    """
    try:
        yield
    except (KeyError, TypeError, IndexError) as error:
        message = f"{folder}: a table lacks what nuScenes has ({type(error).__name__}: {error})"
        raise StoreError(f"{message}; av-synth verify says more") from error
