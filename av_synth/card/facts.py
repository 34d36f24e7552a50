"""What a dataset card tells: counted from the tables of a dataset, and read of what made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av_synth import query
from av_synth.export.attribution import FILE

Row = Mapping[str, Any]

NOT_TOLD = "not told"
"""What a card has in place of what nobody says."""

_OF_SAMPLES = ("scenario", "town", "weather", "light")
_OF_THINGS = ("class", "range", "visibility", "speed", "ttc")


@dataclass(frozen=True)
class Sensor:
    """A channel: what it is, the sizes of its images ('' for what is no camera), keyframes and all of its data."""

    channel: str
    modality: str
    sizes: str
    keyframes: int
    records: int


@dataclass(frozen=True)
class Facts:
    """A dataset in figures.

    Attributes:
        root, version: the folder and its folder of tables.
        rows: how many rows each table has, by its name; splits.json and the like are no tables.
        duration_s: of all scenes, from their first samples to their last.
        sensors: its channels.
        samples_by: how many samples have which value, by slice (see `query.SLICES`) and value.
        things_by: how many annotations.
        made_by: av_synth.json; empty of a dataset that av_synth did not make.
        origins: rows of mix_scene.json, each with the `name` of its scene; none of what is no mix.
        splits: how many scenes are in each split.
        attribution: whose the looks of bodies are; '' where nobody has to be named.
        faults: how many samples have which sensor fault.
    """

    root: Path
    version: str
    rows: Mapping[str, int]
    duration_s: float
    sensors: tuple[Sensor, ...]
    samples_by: Mapping[str, Mapping[str, int]]
    things_by: Mapping[str, Mapping[str, int]]
    made_by: Row
    origins: tuple[Row, ...]
    splits: Mapping[str, int]
    attribution: str
    faults: Mapping[str, int]

    @property
    def runs(self) -> tuple[Row, ...]:
        """What av_synth.json says of each run."""
        return tuple(self.made_by.get("runs", ()))

    @property
    def samples(self) -> int:
        """How many samples, the labelled moments, there are."""
        return self.rows["sample"]

    @property
    def simulators(self) -> tuple[str, ...]:
        """What its runs were played on."""
        return tuple(sorted({str((run.get("identity") or {}).get("simulator") or NOT_TOLD) for run in self.runs}))

    @property
    def other_simulators(self) -> tuple[str, ...]:
        """Those that are not the embedded one, whose bodies have looks of their own."""
        return tuple(name for name in self.simulators if not name.startswith("av_synth "))

    @property
    def foreign_scenes(self) -> int:
        """How many scenes av_synth did not make: nobody here knows what is in them."""
        return self.rows["scene"] - len(self.runs)


def facts_of(dataset: Path, version: str | None = None) -> Facts:
    """Count what is in a dataset in nuScenes format.

    Raises:
        UserError: if there is no such folder or version, or several and none is named.
        StoreError: if it is no dataset, or a table cannot be read or lacks what the format has.
    """
    samples_by: dict[str, Counter[str]] = {name: Counter() for name in _OF_SAMPLES}
    things_by: dict[str, Counter[str]] = {name: Counter() for name in _OF_THINGS}
    faults: Counter[str] = Counter()
    for sample in query.read(dataset, version):
        for name in _OF_SAMPLES:
            samples_by[name][query.SLICES[name].value(sample, None)] += 1
        for thing in sample.things:
            if thing.annotation_token:
                for name in _OF_THINGS:
                    things_by[name][query.SLICES[name].value(sample, thing)] += 1
        told = sample.values.get("fault", ())
        faults.update(told if isinstance(told, tuple) else ())
    tables = query.Tables(dataset, version)
    with query.joining(tables.folder):
        return _facts(dataset, tables, samples_by, things_by, faults)


def _facts(
    dataset: Path,
    tables: query.Tables,
    samples_by: Mapping[str, Counter[str]],
    things_by: Mapping[str, Counter[str]],
    faults: Counter[str],
) -> Facts:
    rows = {}
    for path in sorted(tables.folder.glob("*.json")):
        content = tables.json(path.stem)
        if isinstance(content, list):
            rows[path.stem] = len(content)
    attribution = tables.folder / FILE
    called = {row["token"]: row["name"] for row in tables.rows("scene")}
    origins = tables.rows("mix_scene", optional=True)
    return Facts(
        dataset,
        tables.folder.name,
        rows,
        _duration_s(tables.rows("sample")),
        tuple(_sensors(tables)),
        {name: _ordered(name, found) for name, found in samples_by.items()},
        {name: _ordered(name, found) for name, found in things_by.items()},
        tables.json("av_synth", {}),
        tuple({**row, "name": called.get(row["scene_token"], "")} for row in origins),
        {name: len(scenes) for name, scenes in tables.json("splits", {}).items()},
        attribution.read_text(encoding="utf-8").strip() if attribution.is_file() else "",
        dict(sorted(faults.items())),
    )


def _ordered(name: str, found: Mapping[str, int]) -> dict[str, int]:
    """In the order of the slice's own values; others by their number."""
    own = [value for value in query.SLICES[name].values if value in found]
    others = sorted(set(found) - set(own), key=lambda value: (value == query.UNKNOWN, -found[value], value))
    return {value: found[value] for value in (*own, *others)}


def _duration_s(samples: Iterable[Row]) -> float:
    ends: dict[str, tuple[int, int]] = {}
    for row in samples:
        first, last = ends.get(row["scene_token"], (row["timestamp"], row["timestamp"]))
        ends[row["scene_token"]] = min(first, row["timestamp"]), max(last, row["timestamp"])
    return sum(last - first for first, last in ends.values()) * 1e-6


def _sensors(tables: query.Tables) -> Iterable[Sensor]:
    sensors = tables.by("sensor")
    mounts = {row["token"]: row["sensor_token"] for row in tables.rows("calibrated_sensor")}
    records: Counter[str] = Counter()
    keyframes: Counter[str] = Counter()
    sizes: dict[str, set[tuple[int, int]]] = {}
    for row in tables.rows("sample_data"):
        channel = sensors[mounts[row["calibrated_sensor_token"]]]["channel"]
        records[channel] += 1
        keyframes[channel] += bool(row["is_key_frame"])
        if row["width"]:
            sizes.setdefault(channel, set()).add((row["width"], row["height"]))
    for row in sorted(sensors.values(), key=lambda row: (row["modality"], row["channel"])):
        channel = row["channel"]
        told = ", ".join(f"{width} x {height}" for width, height in sorted(sizes.get(channel, ())))
        yield Sensor(channel, row["modality"], told, keyframes[channel], records[channel])
