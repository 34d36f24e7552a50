"""A dataset as Croissant 1.1 has it: JSON-LD with its files, its tables as records, and what is to be known of it.

Source: the Croissant format specification 1.1 and its vocabulary for responsible AI (RAI) 1.0, mlcommons.org/croissant.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from av_synth import __version__
from av_synth.card.about import About
from av_synth.card.facts import Facts
from av_synth.errors import StoreError

Json = dict[str, Any]

_CONTEXT: Mapping[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The terms that readers of Croissant 1.1 know."""

_TEXT, _WHOLE, _NUMBER, _TRUTH = "sc:Text", "sc:Integer", "sc:Float", "sc:Boolean"
_RECORDS: Mapping[str, Mapping[str, str]] = {
    "scene": {"token": _TEXT, "name": _TEXT, "description": _TEXT, "log_token": _TEXT, "nbr_samples": _WHOLE},
    "sample": {"token": _TEXT, "timestamp": _WHOLE, "scene_token": _TEXT},
    "sample_data": {
        "token": _TEXT,
        "sample_token": _TEXT,
        "calibrated_sensor_token": _TEXT,
        "ego_pose_token": _TEXT,
        "timestamp": _WHOLE,
        "is_key_frame": _TRUTH,
        "filename": _TEXT,
    },
    "sample_annotation": {
        "token": _TEXT,
        "sample_token": _TEXT,
        "instance_token": _TEXT,
        "visibility_token": _TEXT,
        "translation": f"{_NUMBER} 3",
        "size": f"{_NUMBER} 3",
        "rotation": f"{_NUMBER} 4",
        "num_lidar_pts": _WHOLE,
        "num_radar_pts": _WHOLE,
    },
    "instance": {"token": _TEXT, "category_token": _TEXT, "nbr_annotations": _WHOLE},
    "category": {"token": _TEXT, "name": _TEXT, "description": _TEXT},
    "ego_pose": {"token": _TEXT, "timestamp": _WHOLE, "translation": f"{_NUMBER} 3", "rotation": f"{_NUMBER} 4"},
    "calibrated_sensor": {
        "token": _TEXT,
        "sensor_token": _TEXT,
        "translation": f"{_NUMBER} 3",
        "rotation": f"{_NUMBER} 4",
    },
    "sensor": {"token": _TEXT, "channel": _TEXT, "modality": _TEXT},
    "log": {"token": _TEXT, "logfile": _TEXT, "location": _TEXT},
    "mix_scene": {"token": _TEXT, "scene_token": _TEXT, "dataset": _TEXT, "licence": _TEXT, "split": _TEXT},
}
"""Fields of the main tables; with a number behind the type, arrays of so many."""

_ABOUT: Mapping[str, str] = {
    "scene": "a drive: a run of the simulator, where it is av_synth's",
    "sample": "a labelled moment, two a second; microseconds",
    "sample_data": "a measurement of one sensor, and its file",
    "sample_annotation": "a 3D box: centre and size (width, length, height) in metres, rotation w, x, y, z",
    "instance": "somebody or something through a scene",
    "category": "nuScenes' categories",
    "ego_pose": "where the ego was",
    "calibrated_sensor": "where a sensor sits on the ego",
    "sensor": "the channels",
    "log": "where and when a scene was driven",
    "mix_scene": "which dataset each scene of this mix came from",
}
_SUFFIXES = {"camera": ("jpg", "image/jpeg"), "lidar": ("pcd.bin", "application/octet-stream")}
_OTHER = ("pcd", "application/octet-stream")


def croissant(facts: Facts, about: About, folder: Path, told: Mapping[str, Sequence[str]]) -> Json:
    """The document of a dataset.

    Args:
        facts: the dataset.
        about: what its publisher says.
        folder: where the document will be: addresses of files are relative to it.
        told: sentences by RAI's names of what they are about (see `words.responsible`).

    Raises:
        StoreError: if a table cannot be read.
    """
    there = os.path.relpath(facts.root.resolve(), folder.resolve())
    prefix = "" if there == "." else f"{Path(there).as_posix()}/"
    tables = [name for name in _RECORDS if name in facts.rows]
    document: Json = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": about.name,
        "description": " ".join(told["description"]),
        "version": f"{__version__}",
        "keywords": ["autonomous driving", "nuScenes", "synthetic data", "simulation", "3D object detection"],
    }
    if about.licence:
        document["license"] = about.licence
    if about.creator:
        document["creator"] = {"@type": "sc:Organization", "name": about.creator}
        document["citeAs"] = f"{about.creator}: {about.name}, made with av_synth {__version__}"
    if about.url:
        document["url"] = about.url
    if about.date:
        document["datePublished"] = about.date
    document |= {f"rai:{name}": list(lines) for name, lines in told.items() if name != "description" and lines}
    document["distribution"] = [*(_file(facts, name, prefix) for name in tables), *_file_sets(facts, prefix)]
    document["recordSet"] = [_records(name, tables) for name in tables]
    return document


def _file(facts: Facts, table: str, prefix: str) -> Json:
    path = facts.root / facts.version / f"{table}.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error
    return {
        "@type": "cr:FileObject",
        "@id": f"{table}.json",
        "name": f"{table}.json",
        "contentUrl": f"{prefix}{facts.version}/{table}.json",
        "contentSize": f"{len(content)} B",
        "encodingFormat": "application/json",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _file_sets(facts: Facts, prefix: str) -> Iterator[Json]:
    for sensor in facts.sensors:
        suffix, kind = _SUFFIXES.get(sensor.modality, _OTHER)
        yield {
            "@type": "cr:FileSet",
            "@id": sensor.channel,
            "name": sensor.channel,
            "description": f"{sensor.records} files of a {sensor.modality}; {sensor.keyframes} are of samples",
            "encodingFormat": kind,
            "includes": [f"{prefix}{folder}/{sensor.channel}/*.{suffix}" for folder in ("samples", "sweeps")],
        }


def _records(table: str, tables: Sequence[str]) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "description": _ABOUT[table],
        "key": {"@id": f"{table}/token"},
        "field": [_field(table, name, kind, tables) for name, kind in _RECORDS[table].items()],
    }


def _field(table: str, name: str, kind: str, tables: Sequence[str]) -> Json:
    data_type, _, shape = kind.partition(" ")
    field: Json = {
        "@type": "cr:Field",
        "@id": f"{table}/{name}",
        "name": name,
        "dataType": data_type,
        "source": {"fileObject": {"@id": f"{table}.json"}, "extract": {"jsonPath": f"$[*].{name}"}},
    }
    if shape:
        field |= {"isArray": True, "arrayShape": shape}
    target = name.removesuffix("_token")
    if target != name and target in tables:
        field["references"] = {"field": {"@id": f"{target}/token"}}
    return field
