"""Scenes that are committed runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from av_synth import store
from av_synth.errors import AvSynthError, DataError
from av_synth.export.nuscenes.annotations import annotated
from av_synth.export.rows import sides_px
from av_synth.export.scene import Box as RunBox
from av_synth.export.scene import Keyframe, Scene
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.replay import state_log
from av_synth.report.browse.model import (
    THUMBNAIL_PX,
    Box,
    Card,
    Detail,
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
from av_synth.report.drawing import class_of
from av_synth.report.event_words import NOTED, event_words, expectation_words
from av_synth.report.page_lens import PageLens
from av_synth.report.run_from_above import RunFromAbove, roads_of
from av_synth.report.thumbnails import as_jpeg, moment_us, thumbnail
from av_synth.report.weather_words import weather_words
from av_synth.rig.model import MAIN_LIDAR
from av_synth.store import Run

_ABOVE_PX = (640, 360)  # of the picture of a run without a camera, which its page shows large
_WRONG = (KeyError, TypeError, ValueError, IndexError)  # what a foreign or torn file makes of reading it


class RunsSource(Source):
    """Runs of a store, or one alone."""

    def __init__(self, title: str, kind: str, directories: Mapping[str, Path]) -> None:
        """Take runs by their ids."""
        self.title, self.kind = title, kind
        self._directories = directories

    def ids(self) -> Sequence[str]:
        """Run ids, sorted."""
        return list(self._directories)

    def card(self, scene: str) -> Card:
        """See `Source`."""
        try:
            return _read_card(store.open_run(self._directories[scene], files=False), scene)
        except AvSynthError as error:
            return Card(scene, name=scene, problem=str(error))
        except _WRONG as error:
            return Card(scene, name=scene, problem=f"run {scene}: not as this av_synth writes runs: {error!r}")

    def open(self, scene: str) -> Opened:
        """See `Source`."""
        try:
            return _OpenedRun(self._directories[scene], self.card(scene))
        except _WRONG as error:
            raise DataError(f"run {scene}: not as this av_synth writes runs: {error!r}") from error

    def thumbnail(self, scene: str) -> bytes | None:
        """See `Source`."""
        directory = self._directories[scene]
        run = store.open_run(directory, files=False)
        expectations: Any = run.json("outcome.json").get("expectations", [])
        moment = moment_us(expectations)
        return thumbnail(directory, moment, THUMBNAIL_PX) or _from_above(run, moment)

    def run_folder(self, scene: str) -> Path | None:
        """See `Source`."""
        return self._directories[scene]


def _read_card(run: Run, scene: str) -> Card:
    """What the list says of a run.

    Raises:
        StoreError: if it cannot be read.
    """
    scenario: Mapping[str, Any] = run.json("scenario.json")
    outcome: Mapping[str, Any] = run.json("outcome.json")
    expectations = outcome.get("expectations", [])
    frames = run.table("sensor_frames", ("time_us", "is_keyframe"))
    ticks = run.table("ticks", ("time_us",)).column("time_us")
    columns = ("frame", "actor_id", "category", "visibility", "num_lidar_pts", "num_radar_pts")
    boxes = annotated(run, run.table("boxes", columns).to_pylist())
    values = run.table("metrics", ("metric", "value"))
    ttc_s, distance_m, drac_mps2 = (
        _extreme(values, *which) for which in (("ttc_s", "min"), ("distance_m", "min"), ("drac_mps2", "max"))
    )
    seed = run.manifest.get("seed")
    return Card(
        id=scene,
        name=str(run.manifest.get("scenario", "")),
        description=" ".join(str(scenario.get("description", "")).split()),
        scenario=str(run.manifest.get("scenario", "")),
        seed=seed if isinstance(seed, int) else None,
        rig=str(run.manifest.get("rig") or "no sensors"),
        town=str(scenario.get("town", "")) or str(scenario.get("road", {}).get("town", "")),
        weather=weather_words(scenario.get("weather", {})),
        duration_s=(pc.max(ticks).as_py() or 0) * 1e-6,
        keyframes=len(pc.unique(frames.filter(frames.column("is_keyframe")).column("time_us"))),
        cameras=pc.sum(pc.equal(run.table("sensors", ("modality",)).column("modality"), "camera")).as_py() or 0,
        classes=dict(
            Counter(kind for _, kind in sorted({(box["actor_id"], class_of(box["category"])) for box in boxes}))
        ),
        visibility=levels(box["visibility"] for box in boxes),
        ttc_s=rounded(ttc_s),
        distance_m=rounded(distance_m),
        drac_mps2=rounded(drac_mps2),
        contact=distance_m == 0.0,
        held=sum(bool(one["held"]) for one in expectations),
        asked=len(expectations),
        never_began=tuple(outcome.get("never_began", ())),
        viewer=True,
    )


def _extreme(values: Any, metric: str, which: str) -> float | None:
    """The least or greatest of a metric in a table of metric and value."""
    found = values.filter(pc.equal(values.column("metric"), metric)).column("value")
    return getattr(pc, which)(found).as_py() if len(found) else None


class _OpenedRun(Opened):
    """A run, by the checks that exports read it with."""

    def __init__(self, directory: Path, card: Card) -> None:
        self._scene = Scene(directory)
        self._keyframes = tuple(self._scene.keyframes())
        run = self._scene.run
        actors = {row["actor_id"]: row for row in run.table("actors").to_pylist()}
        scenario: Mapping[str, Any] = run.json("scenario.json")
        expectations: Any = run.json("outcome.json").get("expectations", [])
        shown = {box.actor_id for keyframe in self._keyframes for box in keyframe.boxes}
        parameters: Mapping[str, Any] = scenario.get("parameters", {})
        self.detail = Detail(
            card=card,
            frames=tuple(map(self._frame, self._keyframes)),
            things={
                str(actor_id): Thing.of(
                    row["category"],
                    row["role"],
                    {"actor": actor_id, "blueprint": row["type_id"], "parked": row["parked"]},
                )
                for actor_id, row in actors.items()
                if actor_id in shown
            },
            events=tuple(_events(run, {actor_id: row["role"] for actor_id, row in actors.items()})),
            expectations=tuple((bool(one["held"]), expectation_words(one)) for one in expectations),
            ttc=_least_ttc(run),
            facts={"run": run.run_id, **{name: parameters[name] for name in sorted(parameters)}},
        )

    def picture(self, frame: int, channel: str) -> Path | None:
        """See `Opened`."""
        record = self._keyframes[frame].records.get(channel)
        if record is None or self._scene.sensors[channel].modality != "camera":
            return None
        return self._scene.run.path(record.path)

    def points_ego(self, frame: int) -> npt.NDArray[np.float32] | None:
        """See `Opened`."""
        channel = self._lidar
        record = self._keyframes[frame].records.get(channel)
        if record is None:
            return None
        points = self._scene.lidar(record)
        xyz = apply(self._scene.sensors[channel].ego_from_sensor, points[:, :3])
        return np.column_stack([xyz, points[:, 3]]).astype(np.float32)

    @cached_property
    def _lidar(self) -> str:
        channels = [name for name, sensor in self._scene.sensors.items() if sensor.modality == "lidar"]
        return MAIN_LIDAR if MAIN_LIDAR in channels else min(channels, default="")

    @cached_property
    def _evidence(self) -> Mapping[tuple[int, int], Mapping[str, Any]]:
        rows = self._scene.run.table("quality").to_pylist()
        return {(row.pop("frame"), row.pop("actor_id")): row for row in rows}

    @cached_property
    def _flat(self) -> Mapping[tuple[int, int], Mapping[str, Flat]]:
        found: dict[tuple[int, int], dict[str, Flat]] = {}
        for (channel, frame, actor_id), row in self._scene.boxes_2d.items():
            seen = tuple(sides_px(row)) if row["visible_px"] else ()
            whole = tuple(sides_px(row, "amodal_")) if row["amodal_px"] else ()
            found.setdefault((frame, actor_id), {})[channel] = Flat(seen, whole)
        return found

    def _frame(self, keyframe: Keyframe) -> Frame:
        ego_from_world = invert(keyframe.world_from_ego)
        views = []
        for channel in keyframe.records:
            sensor = self._scene.sensors[channel]
            if sensor.modality == "camera":
                camera_from_world = invert(keyframe.world_from_ego @ sensor.ego_from_sensor)
                lens, pose = PageLens.of(sensor.lens), pose_rows(camera_from_world)
                views.append(View(channel, pose, sensor.size_px, sensor.intrinsics_px, lens))
        return Frame(
            time_s=round(keyframe.time_us * 1e-6, 6),
            ego_from_world=pose_rows(ego_from_world),
            views=tuple(views),
            points=self._lidar in keyframe.records,
            boxes=tuple(self._box(keyframe.frame, box, ego_from_world) for box in keyframe.boxes),
        )

    def _box(self, frame: int, box: RunBox, ego_from_world: Array) -> Box:
        key = frame, box.actor_id
        return Box(
            thing=str(box.actor_id),
            world_from_box=pose_rows(box.world_from_box),
            size_lwh_m=tuple(round(side, 3) for side in box.size_lwh_m),  # type: ignore[arg-type]
            level=box.visibility,
            fraction=rounded(box.visible_fraction),
            attribute=box.attribute,
            lidar_points=box.num_lidar_pts,
            radar_points=box.num_radar_pts,
            speed_mps=rounded(float(np.linalg.norm(box.velocity_mps)), 2),
            distance_m=round(float(np.hypot(*apply(ego_from_world, box.world_from_box[:3, 3])[:2])), 2),
            flat=self._flat.get(key, {}),
            evidence=self._evidence.get(key, {}),
        )


def _from_above(run: Run, moment_us: int | None) -> bytes:
    """A run from above at a moment, its middle if None, as a JPEG."""
    log = state_log.of_run(run)
    named: Any = run.json("scenario.json").get("actors") or {}
    names = {actor: info.role for actor, info in log.actors.items() if info.role in named}
    wanted_us = log.time_us(len(log.frames) // 2) if moment_us is None else moment_us
    frame = min(log.frames, key=lambda frame: abs(log.time_us(frame) - wanted_us))
    return as_jpeg(RunFromAbove(log, roads_of(run, log), names, (), _ABOVE_PX).picture(frame))


def _least_ttc(run: Run) -> tuple[tuple[float, float], ...]:
    rows = run.table("metrics", ("metric", "time_us", "value")).to_pylist()
    least: dict[int, float] = {}
    for row in rows:
        if row["metric"] == "ttc_s":
            least[row["time_us"]] = min(row["value"], least.get(row["time_us"], row["value"]))
    return tuple((time_us * 1e-6, round(value, 3)) for time_us, value in sorted(least.items()))


def _events(run: Run, names: Mapping[int, str]) -> Iterator[tuple[float, str]]:
    for row in run.table("events").to_pylist():
        if row["kind"] in NOTED:
            detail = json.loads(row["detail"])
            words = event_words(names, row["kind"], row["actor_id"], row["other_id"], detail)
            yield row["time_us"] * 1e-6, words
