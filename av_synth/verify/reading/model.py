"""The rows of a nuScenes dataset as typed values, and one scene at a time with what belongs to it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from av_synth.verify.maths import Array, pose
from av_synth.verify.reading.nuscenes_names import category_index
from av_synth.verify.reading.records import Calibration, Data, EgoPose, records
from av_synth.verify.reading.tables import OPTIONAL, Row, Tables

__all__ = ["Annotation", "Calibration", "Data", "Dataset", "EgoPose", "Mask", "Sample", "Scene", "build"]

_OPENED = ".open_door"  # ends the phase of sample_truth that says whose door was opened
_UPRIGHT = 0.9  # of the up axis of a box
_OF_ALL = ("semantic_class", "mix_scene")  # tables that are not of some scenes
_DOOR_M = 1.1  # how far a car's front door stands out at most


@dataclass(frozen=True)
class Annotation:
    """A row of sample_annotation with names in place of tokens; `size_wlh_m` as the table has it.

    `doors_open`: sample_truth says that a door of it was opened.
    """

    token: str
    sample_token: str
    instance_token: str
    category: str
    attributes: tuple[str, ...]
    visibility: str
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float, float]
    size_wlh_m: tuple[float, float, float]
    num_lidar_pts: int
    num_radar_pts: int
    prev: str
    next: str
    doors_open: bool = False

    @cached_property
    def world_from_box(self) -> Array:
        """The pose of the box's centre, x along its length, (4, 4)."""
        return pose(self.rotation, self.translation)

    @property
    def upright(self) -> bool:
        """Whether it stands; who has fallen lies."""
        return float(self.world_from_box[2, 2]) > _UPRIGHT

    @property
    def room_wlh_m(self) -> tuple[float, float, float]:
        """The size of a box that holds what may be seen of it: also its open doors, which its own box leaves out."""
        width, length, height = self.size_wlh_m
        return width + (2.0 * _DOOR_M if self.doors_open else 0.0), length, height


@dataclass(frozen=True)
class Sample:
    """A row of sample; `timestamp_us` is when it was, `told_us` what its row says."""

    token: str
    timestamp_us: int
    told_us: int
    scene_token: str
    prev: str
    next: str


@dataclass(frozen=True)
class Mask:
    """A row of instance_mask: the file, and the instance token of each pixel value that is tied to one."""

    token: str
    filename: str
    instances: Mapping[int, str]


@dataclass(frozen=True)
class Scene:
    """A scene and all that belongs to it, each list in time order whatever the chains say.

    Attributes:
        data: per channel, keyframes and sweeps.
        annotations: per sample token.
        tracks: per instance token, that instance's annotations with their sample's time.
    """

    token: str
    name: str
    description: str
    nbr_samples: int
    first_sample: str
    last_sample: str
    logfile: str
    location: str
    samples: tuple[Sample, ...]
    data: Mapping[str, tuple[Data, ...]]
    annotations: Mapping[str, tuple[Annotation, ...]]
    tracks: Mapping[str, tuple[tuple[int, Annotation], ...]]

    def keyframe(self, sample_token: str, channel: str) -> Data | None:
        """The keyframe of a channel in a sample; the last in time if, wrongly, there are several."""
        return self._keyframes.get((sample_token, channel))

    @cached_property
    def _keyframes(self) -> Mapping[tuple[str, str], Data]:
        return {(d.sample_token, c): d for c, rows in self.data.items() for d in rows if d.is_key_frame}

    def range_m(self, annotation: Annotation) -> float:
        """How far a box's centre is from the ego, seen from above; infinity without a lidar keyframe of its sample."""
        lidar = self.keyframe(annotation.sample_token, "LIDAR_TOP")
        return math.inf if lidar is None else math.dist(annotation.translation[:2], lidar.ego_pose.translation[:2])

    def velocity(self, annotation: Annotation) -> Array:
        """Metres per second of an instance around one of its annotations, by those before and after; 0 without any."""
        track = self.tracks[annotation.instance_token]
        at = next(k for k, (_, a) in enumerate(track) if a.sample_token == annotation.sample_token)
        (t0, before), (t1, after) = track[max(at - 1, 0)], track[min(at + 1, len(track) - 1)]
        if t1 <= t0:
            return np.zeros(3)
        return np.asarray((after.world_from_box[:3, 3] - before.world_from_box[:3, 3]) / (t1 - t0) * 1e6)

    def channels(self, modality: str) -> list[str]:
        """The scene's channels of a modality, sorted."""
        return sorted(c for c, rows in self.data.items() if rows[0].calibration.modality == modality)

    def sample_name(self, sample_token: str) -> str:
        """Such as 'scene-0001 sample 3'."""
        return f"{self.name} sample {self._places.get(sample_token, -1)}"

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {sample.token: k for k, sample in enumerate(self.samples)}


@dataclass(frozen=True)
class Dataset:
    """A whole dataset whose tables are sound.

    Attributes:
        root: the folder that file names are relative to.
        map_files: per map mask file, the logfiles recorded on it.
        masks: per sample_data token; None when the dataset has no instance_mask table.
        extras: per optional table that is there, its rows by the token of what they are about.
        categories: category names by index, as lidarseg means it; empty when rows have no index.
        surface_categories: per CityObjectLabel of semantic images, the category index of its surface; none without
            semantic_class.json.
        ours: whether the dataset, or all that it was mixed of, says that av_synth made it, which promises more than
            nuScenes does.
        last_mask: the map mask that was read last, (H, W) by file name; see `maps.masks`.
    """

    root: Path
    version: str
    scenes: tuple[Scene, ...]
    map_files: Mapping[str, tuple[str, ...]]
    masks: Mapping[str, Mask] | None
    ours: bool
    extras: Mapping[str, Mapping[str, tuple[Row, ...]]]
    categories: Mapping[int, str]
    surface_categories: Mapping[int, int]
    last_mask: dict[str, npt.NDArray[np.uint8] | None] = field(default_factory=dict, repr=False)

    def rows_about(self, table: str, token: str) -> tuple[Row, ...]:
        """The rows of an optional table about something; none when the table is not there."""
        return self.extras.get(table, {}).get(token, ())

    def has(self, name: str, scene: Scene) -> bool:
        """Whether a table, or a folder, is to have something of a scene; in a mix, as its own dataset had it."""
        return all(name in row["has"] for row in self.rows_about("mix_scene", scene.token))

    def as_of(self, scene: Scene) -> Dataset:
        """The dataset as far as it tells of a scene: in a mix, what the dataset has that the scene came from."""
        rows = self.rows_about("mix_scene", scene.token)
        if not rows:
            return self
        extras = {name: found for name, found in self.extras.items() if name in _OF_ALL or self.has(name, scene)}
        masks = self.masks if self.has("instance_mask", scene) else None
        return replace(self, ours=all(row["av_synth"] for row in rows), extras=extras, masks=masks)


def build(root: Path, version: str, tables: Tables) -> Dataset:
    """Join rows whose schema and keys are sound into scenes."""
    scene_of = {r["token"]: r["scene_token"] for r in tables["sample"]}
    data: dict[str, dict[str, list[Data]]] = defaultdict(lambda: defaultdict(list))
    off_us: dict[str, int] = {}  # of samples whose lidar had another time
    for item in records(tables):
        data[scene_of[item.sample_token]][item.channel].append(item)
        if item.is_key_frame and item.channel == "LIDAR_TOP":
            off_us[item.sample_token] = item.timestamp_us - item.as_told.timestamp_us
    samples = {
        r["token"]: Sample(
            r["token"],
            r["timestamp"] + off_us.get(r["token"], 0),
            r["timestamp"],
            r["scene_token"],
            r["prev"],
            r["next"],
        )
        for r in tables["sample"]
    }
    annotations: dict[str, list[Annotation]] = defaultdict(list)
    for item_ in _annotations(tables, _opened(tables)):
        annotations[samples[item_.sample_token].scene_token].append(item_)
    scene_samples: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples.values():
        scene_samples[sample.scene_token].append(sample)
    logs = {row["token"]: row for row in tables["log"]}
    scenes = tuple(
        _scene(r, logs[r["log_token"]], scene_samples[r["token"]], data[r["token"]], annotations[r["token"]])
        for r in sorted(tables["scene"], key=lambda r: str(r["name"]))
    )
    masks = None
    if "instance_mask" in tables:
        masks = {
            r["sample_data_token"]: Mask(r["token"], r["filename"], {int(k): v for k, v in r["instances"].items()})
            for r in tables["instance_mask"]
        }
    map_files = {r["filename"]: tuple(logs[token]["logfile"] for token in r["log_tokens"]) for r in tables["map"]}
    ours = (root / version / "av_synth.json").exists() and all(row["av_synth"] for row in tables.get("mix_scene", ()))
    indices = {r["index"]: r["name"] for r in tables["category"] if isinstance(r.get("index"), int)}
    names = {r["token"]: r["name"] for r in tables["category"]}
    surfaces = {
        r["index"]: category_index(names[r["category_token"]])
        for r in tables.get("semantic_class", ())
        if r["category_token"]
    }
    return Dataset(root, version, scenes, map_files, masks, ours, _extras(tables), indices, surfaces)


def _extras(tables: Tables) -> dict[str, dict[str, tuple[Row, ...]]]:
    extras: dict[str, dict[str, tuple[Row, ...]]] = {}
    for table, about in OPTIONAL.items():
        if table in tables and table != "instance_mask":
            grouped: dict[str, list[Row]] = defaultdict(list)
            for row in tables[table]:
                grouped[row[about]].append(row)
            extras[table] = {token: tuple(rows) for token, rows in grouped.items()}
    return extras


def _opened(tables: Tables) -> set[tuple[str, str]]:
    """(sample, instance) of whose door was opened in a sample or before, by the phases and roles of sample_truth."""
    rows = tables.get("sample_truth", ())
    scene_of = {sample["token"]: sample["scene_token"] for sample in tables["sample"]}
    instances: dict[tuple[str, str], str] = {}
    for row in rows:
        for entry in row["criticality"]:
            for role, instance in (("role", "instance_token"), ("other_role", "other_instance_token")):
                instances[scene_of.get(row["sample_token"], ""), entry.get(role, "")] = entry.get(instance, "")
    found = set()
    for row in rows:
        for phase in row["phase"]:
            if isinstance(phase, str) and phase.endswith(_OPENED):
                role = phase.removesuffix(_OPENED)
                found.add((row["sample_token"], instances.get((scene_of.get(row["sample_token"], ""), role), "")))
    return found


def _annotations(tables: Tables, opened: Collection[tuple[str, str]]) -> list[Annotation]:
    categories = {row["token"]: row["name"] for row in tables["category"]}
    instances = {row["token"]: categories[row["category_token"]] for row in tables["instance"]}
    attributes = {row["token"]: row["name"] for row in tables["attribute"]}
    return [
        Annotation(
            r["token"],
            r["sample_token"],
            r["instance_token"],
            instances[r["instance_token"]],
            tuple(attributes[token] for token in r["attribute_tokens"]),
            r["visibility_token"],
            tuple(r["translation"]),
            tuple(r["rotation"]),
            tuple(r["size"]),
            r["num_lidar_pts"],
            r["num_radar_pts"],
            r["prev"],
            r["next"],
            (r["sample_token"], r["instance_token"]) in opened,
        )
        for r in tables["sample_annotation"]
    ]


def _scene(
    row: Row, log: Row, samples: list[Sample], data: Mapping[str, list[Data]], annotations: list[Annotation]
) -> Scene:
    ordered = sorted(samples, key=lambda s: s.timestamp_us)
    times = {sample.token: sample.timestamp_us for sample in ordered}
    by_sample: dict[str, list[Annotation]] = defaultdict(list)
    tracks: dict[str, list[tuple[int, Annotation]]] = defaultdict(list)
    for annotation in sorted(annotations, key=lambda a: times[a.sample_token]):
        by_sample[annotation.sample_token].append(annotation)
        tracks[annotation.instance_token].append((times[annotation.sample_token], annotation))
    return Scene(
        token=row["token"],
        name=row["name"],
        description=row["description"],
        nbr_samples=row["nbr_samples"],
        first_sample=row["first_sample_token"],
        last_sample=row["last_sample_token"],
        logfile=log["logfile"],
        location=log["location"],
        samples=tuple(ordered),
        data={channel: tuple(sorted(rows, key=lambda d: d.timestamp_us)) for channel, rows in data.items()},
        annotations={token: tuple(found) for token, found in by_sample.items()},
        tracks={token: tuple(found) for token, found in tracks.items()},
    )
