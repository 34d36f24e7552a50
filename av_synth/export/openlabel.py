"""ASAM OpenLABEL 1.0: one JSON file a run with cuboids, 2D boxes, coordinate systems, streams and events, and its data.

Source: ASAM OpenLABEL 1.0.0, its JSON schema and its sections on coordinate systems, streams and frame intervals.
Frames are the keyframes, counted from 0. Coordinate systems: `world` is the town's; `ego` stands on the ground under
the rear axle; each sensor has one, by its channel. A sensor's pose in the ego is constant; the ego's pose in the world
is a transform of each frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av_synth
from av_synth.errors import DataError
from av_synth.export.scene import Box, Keyframe, Scene, Sensor, refuse_lenses, tight_box
from av_synth.export.splits import Splits
from av_synth.geometry.lens import PLAIN
from av_synth.geometry.transforms import Array, quaternion_from_matrix
from av_synth.store import canonical_json, link_or_copy, write_file

Json = dict[str, Any]
_WORLD, _EGO, _CUBOID = "world", "ego", "cuboid"


def write(runs: Sequence[Path], root: Path, splits: Splits) -> None:
    """Write <run id>.json and the sensor data that it names, data/<run id>/<CHANNEL>/.

    Raises:
        UserError: if a camera has a fisheye's lens.
        DataError: if a run contradicts itself.
    """
    for directory in runs:
        scene = Scene(directory)
        refuse_lenses(scene, scene.sensors, "OpenLABEL's pinhole", PLAIN)
        content = {"openlabel": _openlabel(scene, splits.of(scene.run_id), root)}
        write_file(root / f"{scene.run_id}.json", canonical_json(content))


def _openlabel(scene: Scene, split: str, root: Path) -> Json:
    frames: Json = {}
    objects: dict[int, _Track] = {}
    keyframes = list(scene.keyframes())
    if not keyframes:
        raise DataError(f"run {scene.run_id}: no keyframe, so there is nothing to label")
    for number, keyframe in enumerate(keyframes):
        frames[str(number)] = _frame(scene, keyframe, root)
        for box in keyframe.boxes:
            track = objects.setdefault(box.actor_id, _Track(box.category))
            for name in (_CUBOID, *_seen_by(frames[str(number)], box.actor_id)):
                track.frames.setdefault(name, []).append(number)
    told = scene.run.json("scenario.json")
    return {
        "metadata": {
            "schema_version": "1.0.0",
            "name": scene.run_id,
            "annotator": f"av_synth {av_synth.__version__}",
            "comment": " ".join(str(told.get("description", "")).split()),
            "scenario": scene.run.manifest.get("scenario"),
            "split": split,
        },
        "ontologies": {"0": "https://www.nuscenes.org/nuscenes"},
        "coordinate_systems": _coordinate_systems(scene.sensors.values()),
        "streams": {sensor.channel: _stream(scene, sensor) for sensor in scene.sensors.values()},
        "objects": {str(actor_id): track.element(actor_id) for actor_id, track in sorted(objects.items())},
        "events": dict(_events(scene, keyframes)),
        "frames": frames,
        "frame_intervals": [{"frame_start": 0, "frame_end": len(keyframes) - 1}],
    }


class _Track:
    """An object over time: in which frames it has which data."""

    def __init__(self, category: str) -> None:
        self.category = category
        self.frames: dict[str, list[int]] = {}

    def element(self, actor_id: int) -> Json:
        return {
            "name": f"{self.category.rpartition('.')[2]}-{actor_id}",
            "type": self.category,
            "ontology_uid": "0",
            "frame_intervals": intervals(self.frames[_CUBOID]),
            "object_data_pointers": {
                name: {"type": name.partition("_")[0], "frame_intervals": intervals(numbers)}
                for name, numbers in sorted(self.frames.items())
            },
        }


def intervals(numbers: Sequence[int]) -> list[Json]:
    """Rising frame numbers as closed intervals."""
    found: list[Json] = []
    for number in numbers:
        if found and found[-1]["frame_end"] == number - 1:
            found[-1]["frame_end"] = number
        else:
            found.append({"frame_start": number, "frame_end": number})
    return found


def _coordinate_systems(sensors: Iterable[Sensor]) -> Json:
    mounted = {
        sensor.channel: {
            "type": "sensor_cs",
            "parent": _EGO,
            "children": [],
            "pose_wrt_parent": _pose(sensor.ego_from_sensor),
        }
        for sensor in sensors
    }
    return {
        _WORLD: {"type": "scene_cs", "parent": "", "children": [_EGO]},
        _EGO: {"type": "local_cs", "parent": _WORLD, "children": list(mounted)},
        **mounted,
    }


def _stream(scene: Scene, sensor: Sensor) -> Json:
    stream: Json = {"type": sensor.modality, "uri": f"data/{scene.run_id}/{sensor.channel}/"}
    if sensor.modality == "camera":
        rows = [[*map(float, row), 0.0] for row in sensor.camera_matrix]
        stream["stream_properties"] = {
            "intrinsics_pinhole": {
                "width_px": sensor.size_px[0],
                "height_px": sensor.size_px[1],
                "camera_matrix": [value for row in rows for value in row],
                "distortion_coeffs": [0.0] * 5 if sensor.lens is None else list(sensor.lens.coefficients),
            }
        }
    return stream


def _frame(scene: Scene, keyframe: Keyframe, root: Path) -> Json:
    streams = {}
    for channel, record in keyframe.records.items():
        target = root / "data" / scene.run_id / channel / Path(record.path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(scene.run.path(record.path), target)
        sync = {"timestamp": _seconds(scene, record.time_us)}
        streams[channel] = {"uri": str(target.relative_to(root)), "stream_properties": {"sync": sync}}
    data: dict[str, Json] = {str(box.actor_id): {"object_data": _cuboid(box)} for box in keyframe.boxes}
    for channel in streams:
        for mask in scene.masks(channel, keyframe.frame):
            if str(mask.actor_id) in data and not mask.ambiguous:
                left, top, right, bottom = tight_box(mask.pixels)
                centre = [(left + right - 1) / 2, (top + bottom - 1) / 2]  # whole numbers are pixel centres
                bbox: Json = {"name": f"bbox_{channel}", "coordinate_system": channel}
                bbox["val"] = [*centre, right - left, bottom - top]
                data[str(mask.actor_id)]["object_data"].setdefault("bbox", []).append(bbox)
    ego = {"src": _EGO, "dst": _WORLD, "transform_src_to_dst": _pose(keyframe.world_from_ego)}
    return {
        "frame_properties": {
            "timestamp": _seconds(scene, keyframe.time_us),
            "streams": streams,
            "transforms": {f"{_EGO}_to_{_WORLD}": ego},
        },
        "objects": data,
    }


def _seen_by(frame: Mapping[str, Any], actor_id: int) -> list[str]:
    return [box["name"] for box in frame["objects"][str(actor_id)]["object_data"].get("bbox", [])]


def _cuboid(box: Box) -> Json:
    x, y, z = map(float, box.world_from_box[:3, 3])
    w, i, j, k = map(float, quaternion_from_matrix(box.world_from_box))
    attributes = {
        "num": [
            {"name": "visible_fraction", "val": box.visible_fraction},
            {"name": "num_lidar_pts", "val": box.num_lidar_pts},
            {"name": "num_radar_pts", "val": box.num_radar_pts},
        ],
        "vec": [{"name": "velocity_mps", "val": list(box.velocity_mps)}],
        "text": [{"name": "attribute", "val": box.attribute}],
    }
    cuboid = {
        "name": _CUBOID,
        "coordinate_system": _WORLD,
        "val": [x, y, z, i, j, k, w, *box.size_lwh_m],
        "attributes": attributes,
    }
    return {"cuboid": [cuboid]}


def _events(scene: Scene, keyframes: Sequence[Keyframe]) -> Iterable[tuple[str, Json]]:
    """What happened, each in the last keyframe that is not after it; the exact time is among its data."""
    times_us = [keyframe.time_us for keyframe in keyframes]
    for uid, row in enumerate(scene.run.table("events").to_pylist()):
        at = max(bisect_right(times_us, row["time_us"]) - 1, 0)
        yield (
            str(uid),
            {
                "name": row["kind"],
                "type": row["kind"],
                "frame_intervals": [{"frame_start": at, "frame_end": at}],
                "event_data": {
                    "num": [
                        {"name": "timestamp", "val": _seconds(scene, row["time_us"])},
                        {"name": "actor_id", "val": row["actor_id"]},
                        {"name": "other_id", "val": row["other_id"]},
                    ],
                    "text": [{"name": "detail", "val": row["detail"]}],
                },
            },
        )


def _seconds(scene: Scene, time_us: int) -> float:
    return scene.clock.timestamp(time_us) / 1e6


def _pose(parent_from_child: Array) -> Json:
    return {"matrix4x4": [float(value) for value in parent_from_child.ravel()]}
