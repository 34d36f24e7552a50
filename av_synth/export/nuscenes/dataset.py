"""Many runs folded into one dataset, in order of run id, staged beside its place and swapped in when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import av_synth
from av_synth.errors import DataError, UserError
from av_synth.export.nuscenes import taxonomy
from av_synth.export.nuscenes.annotations import Annotations, fold_annotations
from av_synth.export.nuscenes.can_bus import can_files
from av_synth.export.nuscenes.names import RunNames, attribute, category, sensor, token
from av_synth.export.nuscenes.recordings import Blob, Recordings, fold_recordings
from av_synth.export.nuscenes.route import Roads
from av_synth.export.nuscenes.rows import JsonTable, Row, text_of
from av_synth.export.nuscenes.sources import MARKER, OPENDRIVE, Source, distinct, refuse
from av_synth.export.nuscenes.town_map import TownMap, read_town_map
from av_synth.store import Run, canonical_json, link_or_copy, open_run, replace_directory, scratch, sweep_scratch
from av_synth.store.files import write_durable

EXTRA_SCHEMA = 1
"""Version of av_synth.json's layout."""

TABLES = (
    *("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor", "ego_pose", "log", "scene"),
    *("sample", "sample_data", "sample_annotation", "map", "instance_mask"),
)


@dataclass
class _Place:
    """A town as the dataset has it, and what gathers while its runs are folded."""

    location: str
    town: str
    opendrive_sha256: str
    map: TownMap
    roads: Roads
    logs: list[str] = field(default_factory=list)
    reach_m: tuple[float, float] = (0.0, 0.0)


def export(
    run_dirs: Sequence[Path],
    dataset: Path,
    version: str = "v1.0-trainval",
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Write committed runs as a nuScenes dataset, one scene a run, numbered in order of run id.

    The dataset appears whole or not at all; one of ours that was there is replaced. Blobs are hard links into the runs
    where the file system allows it.

    Args:
        run_dirs: directories of committed runs, in any order; one named twice counts once.
        dataset: where the dataset shall be.
        version: one of `sources.VERSIONS`.
        check: called with the staged dataset; if it raises, nothing is changed.

    Returns:
        `dataset`, resolved.

    Raises:
        UserError: if there is no run, the version is unknown, or something else than a dataset of ours is in the way.
        DataError: if a run contradicts itself.
        StoreError: if files cannot be read, linked or written.
    """
    dataset = Path(dataset).resolve()
    sources = distinct(run_dirs)
    refuse(sources, dataset, version)
    stem = f".{dataset.name}.staging"
    sweep_scratch(dataset.parent, stem)
    with scratch(dataset.parent, stem) as staging:
        _write(sources, staging, version)
        if check is not None:
            check(staging)
        replace_directory(staging, dataset)
    return dataset


def _write(sources: Sequence[Source], root: Path, version: str) -> None:
    tables_dir = root / version
    tables_dir.mkdir()
    places = _places(sources)
    scenes: list[str] = []
    splits: dict[str, list[str]] = {"all": scenes}
    told: list[object] = []
    channels: dict[str, str] = {}
    with ExitStack() as stack:
        tables = {name: stack.enter_context(JsonTable(tables_dir / f"{name}.json")) for name in TABLES}
        _add_fixed(tables)
        for source, number in zip(sources, _numbers(len(sources)), strict=True):
            run = open_run(source.directory)
            place = places[source.town, source.opendrive_sha256]
            recordings = fold_recordings(run, place.map.offset_m)
            annotations = fold_annotations(run, recordings, place.map.offset_m)
            scene = f"scene-{number:04d}"
            scenario = text_of(run.manifest, "scenario", f"run {run.run_id}: manifest")
            scenes.append(scene)
            if scenario not in taxonomy.PREDEFINED_SPLITS | {"all"}:
                splits.setdefault(scenario, []).append(scene)
            _add_run(tables, run, scene, place, recordings, annotations)
            _merge_channels(run.run_id, channels, recordings.channels)
            _place_files(run, root, (*recordings.blobs, *annotations.mask_files))
            for path, content in can_files(run, scene, place.map.offset_m, place.roads):
                write_durable(root / path, content)
            told.append(_tell(run, scene, scenario, place, annotations))
        for channel in sorted(channels, key=taxonomy.channel_order):
            tables["sensor"].add({"token": sensor(channel), "channel": channel, "modality": channels[channel]})
        towns = [_add_map(tables["map"], place, root) for _, place in sorted(places.items())]
    write_durable(tables_dir / "splits.json", canonical_json(splits))
    extra = {"schema": EXTRA_SCHEMA, "av_synth": av_synth.__version__, "runs": told, "towns": towns}
    write_durable(tables_dir / MARKER, canonical_json(extra))


def _numbers(count: int) -> list[int]:
    numbers = [number for number, _ in zip(taxonomy.scene_numbers(), range(count), strict=False)]
    if len(numbers) < count:
        raise UserError(f"{count} runs: one dataset has scene names for {len(numbers)}; export them in parts")
    return numbers


def _places(sources: Iterable[Source]) -> dict[tuple[str, str], _Place]:
    """Towns by name and content; two contents of one name get names of their own."""
    texts: dict[tuple[str, str], Path] = {}
    for source in sources:
        texts.setdefault((source.town, source.opendrive_sha256), source.directory / OPENDRIVE)
    places = {}
    for (town, digest), path in sorted(texts.items()):
        alone = sum(name == town for name, _ in texts) == 1
        location = town if alone else f"{town}-{digest[:8]}"
        text = path.read_text(encoding="utf-8")
        town_map = read_town_map(town, text)
        places[town, digest] = _Place(location, town, digest, town_map, Roads(town, text, town_map.offset_m))
    return places


def _add_fixed(tables: Mapping[str, JsonTable]) -> None:
    for index, (name, description) in enumerate(taxonomy.CATEGORIES):
        tables["category"].add({"token": category(name), "name": name, "description": description, "index": index})
    for name, description in taxonomy.ATTRIBUTES:
        tables["attribute"].add({"token": attribute(name), "name": name, "description": description})
    for level_token, level, description in taxonomy.VISIBILITY:
        tables["visibility"].add({"token": level_token, "level": level, "description": description})


def _add_run(
    tables: Mapping[str, JsonTable],
    run: Run,
    scene: str,
    place: _Place,
    recordings: Recordings,
    annotations: Annotations,
) -> None:
    names = RunNames(run.run_id)
    frames = list(recordings.keyframes)
    description = " ".join(str(run.json("scenario.json").get("description", "")).split())
    log: Row = {
        "token": names.log(),
        "logfile": names.logfile,
        "vehicle": "av_synth",
        "date_captured": f"{names.start:%Y-%m-%d}",
        "location": place.location,
    }
    scene_row: Row = {
        "token": names.scene(),
        "log_token": names.log(),
        "nbr_samples": len(frames),
        "first_sample_token": names.sample(frames[0]),
        "last_sample_token": names.sample(frames[-1]),
        "name": scene,
        "description": description,
    }
    rows: dict[str, Iterable[Row]] = {
        "log": (log,),
        "scene": (scene_row,),
        "calibrated_sensor": recordings.calibrated_sensors,
        "sample": recordings.samples,
        "sample_data": recordings.sample_data,
        "ego_pose": recordings.ego_poses,
        "instance": annotations.instances,
        "sample_annotation": annotations.annotations,
        "instance_mask": annotations.instance_masks,
    }
    for name, group in rows.items():
        for row in group:
            tables[name].add(row)
    place.logs.append(names.log())
    place.reach_m = (
        max(place.reach_m[0], recordings.reach_m[0]),
        max(place.reach_m[1], recordings.reach_m[1]),
    )


def _merge_channels(run_id: str, channels: dict[str, str], more: Mapping[str, str]) -> None:
    for channel, modality in more.items():
        if channels.setdefault(channel, modality) != modality:
            raise DataError(f"run {run_id}: {channel} is a {modality}, in another run a {channels[channel]}")


def _place_files(run: Run, root: Path, blobs: Iterable[Blob]) -> None:
    for blob in blobs:
        target = root / blob.target
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(run.path(blob.source), target)


def _add_map(table: JsonTable, place: _Place, root: Path) -> object:
    """Write the town's picture and its row; returns what av_synth.json says about the town."""
    png = place.map.mask_png(place.reach_m)
    filename = f"maps/{hashlib.sha256(png).hexdigest()[:32]}.png"
    if not (root / filename).exists():  # two towns may look the same
        write_durable(root / filename, png)
    table.add(
        {
            "category": "semantic_prior",
            "token": token("map", place.town, place.opendrive_sha256),
            "filename": filename,
            "log_tokens": place.logs,
        }
    )
    return {
        "location": place.location,
        "town": place.town,
        "opendrive_sha256": place.opendrive_sha256,
        "offset_m": list(place.map.offset_m),
        "mask": filename,
    }


def _tell(run: Run, scene: str, scenario: str, place: _Place, annotations: Annotations) -> object:
    """What av_synth.json says about a run: all that nuScenes has no place for."""
    concrete = run.json("scenario.json")
    provenance = run.manifest.get("provenance")
    return {
        "run_id": run.run_id,
        "scene": scene,
        "scene_token": RunNames(run.run_id).scene(),
        "scenario": scenario,
        "description": concrete.get("description", ""),
        "parameters": concrete.get("parameters", {}),
        "weather": concrete.get("weather", {}),
        "seed": run.manifest.get("seed"),
        "rig": run.manifest.get("rig"),
        "town": place.town,
        "location": place.location,
        "outcome": run.json("outcome.json"),
        "renderer": provenance.get("renderer", "") if isinstance(provenance, dict) else "",
        "identity": run.manifest.get("identity"),
        "provenance": provenance,
        "visibility_methods": list(annotations.visibility_methods),
    }
