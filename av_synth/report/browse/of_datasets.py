"""Scenes of a dataset in nuScenes format: ours, whose tables say more, or anybody's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.errors import StoreError
from av_synth.geometry.lens import Lens
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.report.browse.model import (
    THUMBNAIL_PX,
    Box,
    Card,
    Detail,
    Facts,
    Flat,
    Frame,
    Opened,
    Source,
    Thing,
    View,
    levels,
    pose_rows,
    rounded,
)
from av_synth.report.dataset_files import file_of, read_points
from av_synth.report.drawing import class_of
from av_synth.report.event_words import expectation_words
from av_synth.report.page_lens import PageLens
from av_synth.report.thumbnails import front_camera, moment_us, small_jpeg
from av_synth.report.weather_words import weather_words
from av_synth.rig.model import MAIN_LIDAR
from av_synth.verify import open_dataset
from av_synth.verify.reading.model import Annotation, Data, Dataset, Sample, Scene

Row = Mapping[str, Any]
_SAID = (("night", "night"), ("rain", "rain"))
"""How nuScenes itself says weather: words of the scene's description."""
_EVIDENCE = ("mask_pixels", "amodal_pixels", "cameras", "ambiguous", "clear_looks")
_EVIDENCE_POINTS = ("lidar_points_own", "lidar_points_outside", "lidar_points_ground", "lidar_points_foreign")


class DatasetSource(Source):
    """A dataset whose tables are sound; they stay in memory."""

    kind = "dataset"

    def __init__(self, root: Path, version: str | None = None) -> None:
        """Read the tables.

        Raises:
            UserError: if there is no such folder or version, or several and none is named.
            StoreError: if it is no dataset, or its tables are not sound.
        """
        self._dataset = open_dataset(root, version)
        self.title = f"{root.resolve().name} {self._dataset.version}"
        self._scenes = {scene.token: scene for scene in self._dataset.scenes}
        self._told = _told(self._dataset)

    def ids(self) -> Sequence[str]:
        """Tokens of scenes, by their names."""
        return list(self._scenes)

    def card(self, scene: str) -> Card:
        """See `Source`."""
        return self._card(self._scenes[scene])

    def open(self, scene: str) -> Opened:
        """See `Source`."""
        found = self._scenes[scene]
        return _OpenedScene(self._dataset, found, self._card(found), self._told.get(scene, {}))

    def thumbnail(self, scene: str) -> bytes | None:
        """See `Source`."""
        found, told = self._scenes[scene], self._told.get(scene, {})
        about_us = moment_us(told.get("outcome", {}).get("expectations", []))
        cameras = found.channels("camera")
        if not cameras or not found.samples:
            return None
        channel = front_camera(cameras)
        middle_us = found.samples[len(found.samples) // 2].timestamp_us
        wanted_us = middle_us if about_us is None else found.samples[0].timestamp_us + about_us
        image = min(found.data[channel], key=lambda data: abs(data.timestamp_us - wanted_us))
        return small_jpeg(file_of(self._dataset.root, image.filename), THUMBNAIL_PX)

    def _card(self, scene: Scene) -> Card:
        told = self._told.get(scene.token, {})
        outcome = told.get("outcome", {})
        expectations = outcome.get("expectations", [])
        found = [annotation for sample in scene.samples for annotation in scene.annotations.get(sample.token, ())]
        things = {(annotation.instance_token, class_of(annotation.category)) for annotation in found}
        times_us = [data.timestamp_us for rows in scene.data.values() for data in (rows[0], rows[-1])]
        entries = [entry for sample in scene.samples for entry in _of_ego(self._dataset, sample)]
        distance_m = _extreme(told, entries, "distance_m", least=True)
        return Card(
            id=scene.token,
            name=str(told.get("scenario") or scene.name),
            scene=scene.name,
            description=" ".join(scene.description.split()),
            scenario=str(told.get("scenario", "")),
            seed=told.get("seed"),
            rig=str(told.get("rig", "")),
            town=str(told.get("town") or scene.location),
            weather=weather_words(told["weather"]) if told.get("weather") else _said(scene.description),
            duration_s=round((max(times_us) - min(times_us)) * 1e-6, 3) if times_us else 0.0,
            keyframes=len(scene.samples),
            cameras=len(scene.channels("camera")),
            classes=dict(Counter(kind for _, kind in sorted(things))),
            visibility=levels(_level(annotation) for annotation in found),
            ttc_s=rounded(_extreme(told, entries, "ttc_s", least=True)),
            distance_m=rounded(distance_m),
            drac_mps2=rounded(_extreme(told, entries, "drac_mps2", least=False)),
            contact=None if distance_m is None else distance_m == 0.0,
            held=sum(bool(one["held"]) for one in expectations),
            asked=len(expectations),
            never_began=tuple(outcome.get("never_began", ())),
        )


class _OpenedScene(Opened):
    """A scene of a dataset."""

    def __init__(self, dataset: Dataset, scene: Scene, card: Card, told: Row) -> None:
        self._dataset, self._scene = dataset, scene
        self._start_us = scene.samples[0].timestamp_us if scene.samples else 0
        parameters = told.get("parameters", {})
        run = {"run": told["run_id"]} if "run_id" in told else {}
        self.detail = Detail(
            card=card,
            frames=tuple(map(self._frame, scene.samples)),
            things={token: self._thing(token, rows[0][1]) for token, rows in scene.tracks.items()},
            events=tuple(self._phases()),
            expectations=tuple(
                (bool(one["held"]), expectation_words(one)) for one in told.get("outcome", {}).get("expectations", [])
            ),
            ttc=tuple(self._ttc()),
            facts={"scene": scene.name, "log": scene.logfile, "location": scene.location, **run, **parameters},
        )

    def picture(self, frame: int, channel: str) -> Path | None:
        """See `Opened`."""
        data = self._scene.keyframe(self._scene.samples[frame].token, channel)
        if data is None or data.calibration.modality != "camera":
            return None
        return file_of(self._dataset.root, data.filename)

    def points_ego(self, frame: int) -> npt.NDArray[np.float32] | None:
        """See `Opened`."""
        data = self._lidar(self._scene.samples[frame])
        if data is None:
            return None
        points = read_points(file_of(self._dataset.root, data.filename))
        xyz = apply(data.calibration.ego_from_sensor, points[:, :3])
        return np.column_stack([xyz, points[:, 3]]).astype(np.float32)

    def _lidar(self, sample: Sample) -> Data | None:
        channels = self._scene.channels("lidar")
        channel = MAIN_LIDAR if MAIN_LIDAR in channels else min(channels, default="")
        return self._scene.keyframe(sample.token, channel)

    def _thing(self, token: str, annotation: Annotation) -> Thing:
        actor = next(iter(self._dataset.rows_about("instance_actor", token)), {})
        facts: Facts = {"actor": actor["actor_id"], "blueprint": actor.get("type_id", "")} if actor else {}
        return Thing.of(annotation.category, str(actor.get("role", "")), {**facts, "instance": token})

    def _frame(self, sample: Sample) -> Frame:
        views = []
        for channel in self._scene.channels("camera"):
            data = self._scene.keyframe(sample.token, channel)
            if data is not None and data.calibration.intrinsic is not None:
                (fx, _, cx), (_, fy, cy), _ = data.calibration.intrinsic.tolist()
                pose = pose_rows(invert(data.world_from_sensor))
                views.append(View(channel, pose, (data.width, data.height), (fx, fy, cx, cy), _lens(data)))
        lidar = self._lidar(sample)
        seen_from = lidar or next(self._data(sample), None)
        ego_from_world = np.eye(4) if seen_from is None else invert(seen_from.ego_pose.world_from_ego)
        flat = self._flat(sample)
        found = self._scene.annotations.get(sample.token, ())
        return Frame(
            time_s=round((sample.timestamp_us - self._start_us) * 1e-6, 6),
            ego_from_world=pose_rows(ego_from_world),
            views=tuple(views),
            points=lidar is not None,
            boxes=tuple(self._box(annotation, flat.get(annotation.token, {}), ego_from_world) for annotation in found),
        )

    def _data(self, sample: Sample) -> Iterator[Data]:
        for channel in self._scene.data:
            data = self._scene.keyframe(sample.token, channel)
            if data is not None:
                yield data

    def _box(self, annotation: Annotation, flat: Mapping[str, Flat], ego_from_world: Array) -> Box:
        quality = next(iter(self._dataset.rows_about("label_quality", annotation.token)), {})
        truth = next(iter(self._dataset.rows_about("annotation_truth", annotation.token)), None)
        velocity = self._scene.velocity(annotation) if truth is None else truth["velocity"]
        width, length, height = annotation.size_wlh_m
        return Box(
            thing=annotation.instance_token,
            world_from_box=pose_rows(annotation.world_from_box),
            size_lwh_m=(round(length, 3), round(width, 3), round(height, 3)),
            level=_level(annotation),
            fraction=rounded(quality.get("visible_fraction")),
            attribute=", ".join(annotation.attributes),
            lidar_points=annotation.num_lidar_pts,
            radar_points=annotation.num_radar_pts,
            speed_mps=rounded(float(np.linalg.norm(velocity)), 2),
            distance_m=round(float(np.hypot(*apply(ego_from_world, annotation.translation)[:2])), 2),
            flat=flat,
            evidence={name: quality[name] for name in (*_EVIDENCE, *_EVIDENCE_POINTS) if name in quality}
            | {"annotation": annotation.token},
        )

    def _flat(self, sample: Sample) -> Mapping[str, Mapping[str, Flat]]:
        found: dict[str, dict[str, Flat]] = {}
        for data in self._data(sample):
            for row in self._dataset.rows_about("box_2d", data.token):
                flat = Flat(tuple(row["visible_box"]), tuple(row["amodal_box"]))
                found.setdefault(row["sample_annotation_token"], {})[data.channel] = flat
        return found

    def _ttc(self) -> Iterator[tuple[float, float]]:
        for sample in self._scene.samples:
            values = [e["value"] for e in _of_ego(self._dataset, sample) if e["metric"] == "ttc_s"]
            if values:
                yield round((sample.timestamp_us - self._start_us) * 1e-6, 3), round(min(values), 3)

    def _phases(self) -> Iterator[tuple[float, str]]:
        """The sample at which each phase of the scenario is first on."""
        before: set[str] = set()
        for sample in self._scene.samples:
            row = next(iter(self._dataset.rows_about("sample_truth", sample.token)), {})
            for phase in row.get("phase", ()):
                if phase not in before:
                    before.add(phase)
                    words = str(phase).replace(".", ": ").replace("_", " ")
                    yield (sample.timestamp_us - self._start_us) * 1e-6, words


def _lens(data: Data) -> PageLens | None:
    """That of the camera; None for a pinhole."""
    told = data.calibration.lens
    return None if told is None else PageLens.of(Lens(told[0], tuple(told[1].tolist())))


def _told(dataset: Dataset) -> Mapping[str, Row]:
    """What av_synth.json says of each scene, by token; nothing of a dataset that is not ours."""
    path = dataset.root / dataset.version / "av_synth.json"
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(run["scene_token"]): run for run in content["runs"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path}: cannot be read: {error!r}; av-synth verify says more") from error


def _said(description: str) -> tuple[str, ...]:
    words = description.lower()
    return tuple(word for word, sign in _SAID if sign in words)


def _level(annotation: Annotation) -> int:
    return int(annotation.visibility) if annotation.visibility.isdigit() else 0


def _of_ego(dataset: Dataset, sample: Sample) -> Iterator[Row]:
    """What is measured of the ego and another at a sample."""
    for row in dataset.rows_about("sample_truth", sample.token):
        for entry in row["criticality"]:
            if not entry["instance_token"] and entry.get("role", "ego") == "ego" and entry["value"] is not None:
                yield entry


def _extreme(told: Row, entries: Sequence[Row], metric: str, *, least: bool) -> float | None:
    """Of the whole run where the dataset says it, else of its samples."""
    figure = f"least_{metric}" if least else f"greatest_{metric}"
    found = [pair["figures"][figure] for pair in told.get("criticality", ()) if figure in pair["figures"]]
    found = found or [entry["value"] for entry in entries if entry["metric"] == metric]
    return (min if least else max)(found, default=None)
