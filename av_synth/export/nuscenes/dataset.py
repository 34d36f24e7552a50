"""Many runs folded into one dataset, in order of run id, or into parts of one; `export.formats` does the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av_synth
from av_synth.errors import DataError, UserError
from av_synth.export import contents
from av_synth.export.attribution import write_attribution
from av_synth.export.nuscenes import extras, official
from av_synth.export.nuscenes.annotations import Annotations, fold_annotations
from av_synth.export.nuscenes.can_bus import can_files
from av_synth.export.nuscenes.counterfactuals import Counterfactuals
from av_synth.export.nuscenes.names import RunNames, attribute, category, sensor
from av_synth.export.nuscenes.places import Place, Town, read_towns
from av_synth.export.nuscenes.prediction import FILE as PREDICTION
from av_synth.export.nuscenes.prediction import prediction_tokens
from av_synth.export.nuscenes.profiles import Part, named_parts
from av_synth.export.nuscenes.sample_data import Blob, SensorRows, fold_sensor_rows
from av_synth.export.nuscenes.sources import VERSIONS, Source, TownKey, read_source
from av_synth.export.nuscenes.values import compact_json
from av_synth.export.rows import JsonTable, Row
from av_synth.export.splits import Splits
from av_synth.log import taxonomy
from av_synth.store import Run, canonical_json, link_or_copy, open_run, write_file

_EXTRA_SCHEMA = 1
"""Version of av_synth.json's layout."""

_NO_LIST = official.PREDEFINED_SPLITS | {"all"}  # a scenario of such a name has no list of its own in splits.json

TABLES = (
    *("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor", "ego_pose", "log", "scene"),
    *("sample", "sample_data", "sample_annotation", "map", "instance_mask"),
    *extras.TABLES,
)


def write(runs: Sequence[Path], root: Path, splits: Splits, *, profile: str = "native", version: str = "") -> None:
    """The writer of the format `nuscenes` (see `export.formats`): fill an empty folder with a dataset, one scene a run.

    Blobs are hard links into the runs where the file system allows it. If the runs are more than the profile has scene
    names for, the folder gets several datasets, part-00 and so on (see `parts`), each complete by itself.

    Args:
        runs: folders of committed runs, in order of run id, each once.
        root: the folder.
        splits: which run is in which split.
        profile: one of `PROFILES`.
        version: one of `sources.VERSIONS`; empty for what fits the profile.

    Raises:
        UserError: if profile or version is unknown, or splits.json cannot tell two splits apart.
        DataError: if a run contradicts itself.
        StoreError: if files cannot be read, linked or written.
    """
    if version and version not in VERSIONS:
        raise UserError(f"version '{version}': want one of {', '.join(VERSIONS)}")
    sources = [read_source(directory) for directory in runs]
    _refuse_splits(splits, {source.scenario for source in sources})
    named = named_parts(sources, profile, version or None, splits)
    towns = read_towns(sources)
    for part in named:
        _write(part, towns, root / part.folder, profile, splits)


def _write(part: Part, towns: Mapping[TownKey, Town], root: Path, profile: str, by_hand: Splits) -> None:
    tables_dir = root / part.version
    tables_dir.mkdir(parents=True)
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(JsonTable(tables_dir / f"{name}.json", empty=name not in extras.NOT_EMPTY))
            for name in TABLES
        }
        _add_fixed(tables)
        scenes = _Scenes(part, towns, root, tables)
        for source, scene in part.scenes:
            scenes.add(source, scene)
        towns_told = scenes.close()
    write_attribution(tables_dir, (open_run(source.folder, files=False) for source, _ in part.scenes))
    write_file(root / PREDICTION, canonical_json(scenes.predicted))
    write_file(tables_dir / "splits.json", canonical_json(_lists(part.scenes, by_hand)))
    extra = {"schema": str(_EXTRA_SCHEMA), "av_synth": f'"{av_synth.__version__}"', "profile": f'"{profile}"'}
    extra |= {name: "[\n" + ",\n".join(rows) + "\n]" for name, rows in (("runs", scenes.told), ("towns", towns_told))}
    text = ",\n".join(f'"{key}": {value}' for key, value in extra.items())
    write_file(tables_dir / contents.MARKER, f"{{{text}}}\n".encode())
    contents.note(root, tables_dir / contents.LIST)


class _Scenes:
    """The scenes of one dataset, written one after the other, and what is gathered meanwhile.

    Attributes:
        told: what av_synth.json says of each run, a line of JSON each.
        predicted: tokens of prediction by scene.
    """

    def __init__(self, part: Part, towns: Mapping[TownKey, Town], root: Path, tables: Mapping[str, JsonTable]) -> None:
        self.told: list[str] = []
        self.predicted: dict[str, list[str]] = {}
        self._version, self._root, self._tables = part.version, root, tables
        self._places = {key: Place(towns[key], locations) for key, locations in part.locations.items()}
        self._counterfactuals = Counterfactuals(source for source, _ in part.scenes)
        self._channels: dict[str, str] = {}

    def add(self, source: Source, scene: str) -> None:
        """Write the rows and files of a run, which is called `scene`."""
        run, place = open_run(source.folder), self._places[source.town_key]
        offset_m = place.town.map.offset_m
        names = self._counterfactuals.names(source)
        sensor_rows = fold_sensor_rows(run, names, offset_m)
        annotations = fold_annotations(run, names, sensor_rows, offset_m)
        self._counterfactuals.add(source, sensor_rows, annotations)
        place.add_log(names.log(), sensor_rows.reach_m)
        self._merge_channels(run.run_id, sensor_rows.channels)
        more = extras.fold_extras(run, names, sensor_rows, annotations, self._version, offset_m)
        for rows in (_rows(run, names, scene, place.location, sensor_rows, annotations), more.rows):
            for name, group in rows.items():
                for row in group:
                    self._tables[name].add(row)
        _place_files(run, self._root, (*sensor_rows.blobs, *annotations.mask_files, *more.files))
        for path, content in can_files(run, names, scene, offset_m, place.town.roads):
            write_file(self._root / path, content)
        self.predicted[scene] = prediction_tokens(
            names, sensor_rows.keyframes, annotations.instances, annotations.annotations
        )
        self.told.append(compact_json(_tell(run, names, scene, source.scenario, place, annotations)))

    def close(self) -> list[str]:
        """Write what all scenes share; returns what av_synth.json says of each town, a line of JSON each."""
        for row in self._counterfactuals.rows():
            self._tables["counterfactuals"].add(row)
        for channel in sorted(self._channels, key=taxonomy.channel_order):
            row = {"token": sensor(channel), "channel": channel, "modality": self._channels[channel]}
            self._tables["sensor"].add(row)
        told = []
        for _, place in sorted(self._places.items()):
            row, town_told = place.write(self._root)
            self._tables["map"].add(row)
            told.append(compact_json(town_told))
        return told

    def _merge_channels(self, run_id: str, channels: Mapping[str, str]) -> None:
        for channel, modality in channels.items():
            known = self._channels.setdefault(channel, modality)
            if known != modality:
                raise DataError(f"run {run_id}: {channel} is a {modality}, in another run a {known}")


def _lists(scenes: Iterable[tuple[Source, str]], by_hand: Splits) -> Mapping[str, Sequence[str]]:
    """The lists of scenes of splits.json: all, those of each scenario, and those of the user's splits."""
    found: dict[str, list[str]] = {"all": []}
    for source, scene in scenes:
        found["all"].append(scene)
        if source.scenario not in _NO_LIST:
            found.setdefault(source.scenario, []).append(scene)
        if by_hand.runs:
            found.setdefault(official.listed(by_hand.of(source.run_id)), []).append(scene)
    return found


def _refuse_splits(by_hand: Splits, scenarios: Collection[str]) -> None:
    """Raise UserError if two lists of splits.json, the user's splits, the scenarios and `all`, would have one name."""
    taken: dict[str, str] = {name: f"scenario {name}" for name in scenarios if name not in _NO_LIST}
    taken["all"] = "all scenes"
    for name in by_hand.runs:
        final = official.listed(name)
        if final in taken:
            raise UserError(
                f"split '{name}': splits.json calls it '{final}', which is its name for {taken[final]} too; rename it"
            )
        taken[final] = f"split '{name}'"


def _add_fixed(tables: Mapping[str, JsonTable]) -> None:
    for index, (name, description) in enumerate(taxonomy.CATEGORIES):
        tables["category"].add({"token": category(name), "name": name, "description": description, "index": index})
    for name, description in taxonomy.ATTRIBUTES:
        tables["attribute"].add({"token": attribute(name), "name": name, "description": description})
    for row in extras.semantic_classes():
        tables["semantic_class"].add(row)
    for level_token, level, description in taxonomy.VISIBILITY:
        tables["visibility"].add({"token": level_token, "level": level, "description": description})


def _rows(
    run: Run, names: RunNames, scene: str, location: str, sensor_rows: SensorRows, annotations: Annotations
) -> Mapping[str, Iterable[Row]]:
    """The rows of a run in nuScenes' own tables, and in that of masks."""
    frames = list(sensor_rows.keyframes)
    log: Row = {
        "token": names.log(),
        "logfile": names.logfile,
        "vehicle": "av_synth",
        "date_captured": f"{names.start:%Y-%m-%d}",
        "location": location,
    }
    scene_row: Row = {
        "token": names.scene(),
        "log_token": names.log(),
        "nbr_samples": len(frames),
        "first_sample_token": names.sample(frames[0]),
        "last_sample_token": names.sample(frames[-1]),
        "name": scene,
        "description": " ".join(str(run.json("scenario.json").get("description", "")).split()),
    }
    return {
        "log": (log,),
        "scene": (scene_row,),
        "calibrated_sensor": sensor_rows.calibrated_sensors,
        "sample": sensor_rows.samples,
        "sample_data": sensor_rows.sample_data,
        "ego_pose": sensor_rows.ego_poses,
        "instance": annotations.instances,
        "sample_annotation": annotations.annotations,
        "instance_mask": annotations.instance_masks,
    }


def _place_files(run: Run, root: Path, blobs: Iterable[Blob]) -> None:
    folders: set[str] = set()
    for blob in blobs:
        folder = blob.target.rpartition("/")[0]
        if folder not in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            folders.add(folder)
        link_or_copy(run.path(blob.source), root / blob.target)


def _tell(run: Run, names: RunNames, scene: str, scenario: str, place: Place, annotations: Annotations) -> object:
    """What av_synth.json says about a run: all that nuScenes has no place for."""
    concrete = run.json("scenario.json")
    provenance = run.manifest.get("provenance")
    return {
        "run_id": run.run_id,
        "scene": scene,
        "scene_token": names.scene(),
        "scenario": scenario,
        "description": concrete.get("description", ""),
        "parameters": concrete.get("parameters", {}),
        "weather": concrete.get("weather", {}),
        "seed": run.manifest.get("seed"),
        "rig": run.manifest.get("rig"),
        "town": place.town.name,
        "location": place.location,
        "outcome": run.json("outcome.json"),
        "criticality": _criticality(run, names, annotations),
        "renderer": provenance.get("renderer", "") if isinstance(provenance, dict) else "",
        "identity": run.manifest.get("identity"),
        "provenance": provenance,
        "visibility_methods": list(annotations.visibility_methods),
    }


def _criticality(run: Run, names: RunNames, annotations: Annotations) -> list[Row]:
    """The run's figures of the ego and each other, with the instance where the other is annotated; none of old runs."""
    if "criticality.json" not in run.files:
        return []
    annotated = {box["actor_id"] for box in annotations.boxes}
    pairs: Any = run.json("criticality.json").get("pairs", [])
    return [
        {**pair, "instance_token": names.instance(pair["actor_id"]) if pair["actor_id"] in annotated else ""}
        for pair in pairs
    ]
