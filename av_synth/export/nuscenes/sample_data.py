"""What the sensors of one run recorded, as rows: calibrations, samples, sample_data and ego poses.

All of it is what the car believes: the mounts that it knows, the times that its clocks told, and where it was at those
times. What is known better is in tables of its own (`sensor_truth`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from av_synth.errors import DataError, UserError
from av_synth.export.nuscenes.ego import EgoAt
from av_synth.export.nuscenes.names import RunNames, sensor
from av_synth.export.nuscenes.values import Offset, rotation_of, translation_of
from av_synth.export.rows import Record, Row
from av_synth.log.taxonomy import channel_order
from av_synth.store import Run

LIDAR = "LIDAR_TOP"
POINT_BYTES = 20
"""Of a lidar's point in a file: five float32."""

_SUFFIXES = {"camera": ".jpg", "lidar": ".pcd.bin", "radar": ".pcd"}


@dataclass(frozen=True)
class Blob:
    """A file of the run (`source`, relative to it) and its name in the dataset (`target`)."""

    source: str
    target: str


@dataclass(frozen=True)
class SensorRows:
    """Rows of one scene, and what its annotations need to know.

    Attributes:
        channels: modality by channel, in the order of the rows.
        keyframes: microseconds since the first recorded frame, by keyframe, in time order.
        keyframe_files: file name in the dataset by (channel, keyframe), cameras only.
        told_us: microseconds since the first recorded frame by (channel, frame), as the sensor's clock told them.
        reach_m: greatest x and y of the ego, in map coordinates.
    """

    channels: Mapping[str, str]
    keyframes: Mapping[int, int]
    keyframe_files: Mapping[tuple[str, int], str]
    told_us: Mapping[tuple[str, int], int]
    reach_m: tuple[float, float]
    calibrated_sensors: tuple[Row, ...]
    samples: tuple[Row, ...]
    sample_data: tuple[Row, ...]
    ego_poses: tuple[Row, ...]
    blobs: tuple[Blob, ...]


def fold_sensor_rows(run: Run, names: RunNames, offset_m: Offset) -> SensorRows:
    """Turn a run's sensor tables into rows.

    Args:
        run: the run.
        names: its tokens.
        offset_m: what is added to world coordinates.

    Raises:
        DataError: if the run has no lidar keyframe, a channel lacks or adds a keyframe, a record has no ego pose or
            another time than it, or a file is of another kind than its sensor.
    """
    sensors = sorted(run.table("sensors").to_pylist(), key=lambda row: channel_order(row["channel"]))
    frames = _frames_by_channel(run, sensors)
    keyframes = _keyframes(run.run_id, frames)
    poses: dict[int, Record] = {row["frame"]: row for row in run.table("ego_poses").to_pylist()}
    told_us = {(channel, row["frame"]): row["told_us"] for channel, rows in frames.items() for row in rows}
    elsewhere = EgoAt(run, offset_m)
    sample_data: list[Row] = []
    ego_poses: list[Row] = []
    blobs: list[Blob] = []
    keyframe_files: dict[tuple[str, int], str] = {}
    for sensor_row in sensors:
        channel, modality = sensor_row["channel"], sensor_row["modality"]
        files = [_blob(run.run_id, names, modality, frame) for frame in frames[channel]]
        blobs += files
        sample_data += _sample_data(names, sensor_row, frames[channel], files, list(keyframes))
        for frame, blob in zip(frames[channel], files, strict=True):
            ego_poses.append(_ego_pose(run.run_id, names, frame, poses, elsewhere))
            if modality == "camera" and frame["is_keyframe"]:
                keyframe_files[channel, frame["frame"]] = blob.target
    x_m, y_m = (max(pose[f"{axis}_m"] for pose in poses.values()) for axis in "xy")
    return SensorRows(
        {row["channel"]: row["modality"] for row in sensors},
        keyframes,
        keyframe_files,
        told_us,
        (x_m + offset_m[0], y_m + offset_m[1]),
        tuple(_calibration(run.run_id, names, row) for row in sensors),
        tuple(_samples(names, {frame: told_us[LIDAR, frame] for frame in keyframes})),
        tuple(sample_data),
        tuple(ego_poses),
        tuple(blobs),
    )


def _frames_by_channel(run: Run, sensors: list[Record]) -> dict[str, list[Record]]:
    """The records of each channel in time order (the store sorts them), each with the time that was told."""
    clocks = {(row["channel"], row["frame"]): row["told_us"] for row in run.table("clock_times").to_pylist()}
    frames: dict[str, list[Record]] = {row["channel"]: [] for row in sensors}
    for row in run.table("sensor_frames").to_pylist():
        if row["channel"] not in frames:
            raise DataError(f"run {run.run_id}: table sensor_frames has {row['channel']}, which table sensors has not")
        told_us = clocks.get((row["channel"], row["frame"]), row["time_us"])
        frames[row["channel"]].append({**row, "told_us": told_us})
    return frames


def _keyframes(run_id: str, frames: Mapping[str, list[Record]]) -> dict[int, int]:
    """Time in microseconds by keyframe; every channel must have the lidar's keyframes, at the lidar's times."""
    keyframes = {row["frame"]: row["time_us"] for row in frames.get(LIDAR, ()) if row["is_keyframe"]}
    if LIDAR not in frames:
        have = f"has only {', '.join(frames)}" if frames else "has no sensors"
        again = f"`av-synth replay RUN --rig nuscenes --out OTHER` looks again, --leave-out {run_id} goes without it"
        raise UserError(f"run {run_id}: {have}, and a nuScenes scene wants {LIDAR}; {again}")
    if not keyframes:
        raise DataError(f"run {run_id}: no keyframe of {LIDAR}; a nuScenes scene cannot be made without")
    for channel, rows in frames.items():
        own = {row["frame"]: row["time_us"] for row in rows if row["is_keyframe"]}
        if own != keyframes:
            differ = sorted(set(own.items()) ^ set(keyframes.items()))
            raise DataError(f"run {run_id}: keyframes of {channel} and {LIDAR} differ at (frame, time) {differ[0]}")
    return keyframes


def _blob(run_id: str, names: RunNames, modality: str, frame: Record) -> Blob:
    suffix = _SUFFIXES.get(modality)
    if suffix is None or not frame["path"].endswith(suffix):
        raise DataError(f"run {run_id}: '{frame['path']}' of a {modality}; want {_SUFFIXES}")
    folder = "samples" if frame["is_keyframe"] else "sweeps"
    return Blob(frame["path"], names.filename(folder, frame["channel"], frame["told_us"], suffix))


def _sample_data(
    names: RunNames, sensor_row: Record, frames: Sequence[Record], files: Sequence[Blob], keyframes: Sequence[int]
) -> Iterator[Row]:
    """The rows of one channel, chained in time order."""
    channel, is_camera = sensor_row["channel"], sensor_row["modality"] == "camera"
    calibrated_sensor = names.calibrated_sensor(channel)
    samples = [names.sample(frame) for frame in keyframes]
    tokens = ["", *(names.sample_data(channel, frame["frame"]) for frame in frames), ""]
    for index, (frame, blob) in enumerate(zip(frames, files, strict=True)):
        yield {
            "token": tokens[index + 1],
            # a sweep belongs to the keyframe after it; behind the last one there is only the last
            "sample_token": samples[min(bisect_left(keyframes, frame["frame"]), len(samples) - 1)],
            "ego_pose_token": tokens[index + 1],
            "calibrated_sensor_token": calibrated_sensor,
            "timestamp": names.timestamp(frame["told_us"]),
            "fileformat": "jpg" if is_camera else "pcd",
            "is_key_frame": frame["is_keyframe"],
            "height": frame["height_px"] if is_camera else 0,
            "width": frame["width_px"] if is_camera else 0,
            "filename": blob.target,
            "prev": tokens[index],
            "next": tokens[index + 2],
        }


def _ego_pose(run_id: str, names: RunNames, frame: Record, poses: Mapping[int, Record], elsewhere: EgoAt) -> Row:
    """The row of one record, which has the record's token: where the ego was at the time that is told of it."""
    pose = poses.get(frame["frame"])
    where = f"run {run_id}: {frame['channel']} at frame {frame['frame']}"
    if pose is None or pose["time_us"] != frame["time_us"]:
        raise DataError(f"{where}: no ego pose of that frame and time ({frame['time_us']} us)")
    true = frame["told_us"] == frame["time_us"]
    rotation, translation = (
        (rotation_of(pose, where), translation_of(pose, elsewhere.offset_m)) if true else elsewhere(frame["told_us"])
    )
    return {
        "token": names.sample_data(frame["channel"], frame["frame"]),
        "timestamp": names.timestamp(frame["told_us"]),
        "rotation": rotation,
        "translation": translation,
    }


def _calibration(run_id: str, names: RunNames, row: Record) -> Row:
    intrinsic = [[row["fx_px"], 0.0, row["cx_px"]], [0.0, row["fy_px"], row["cy_px"]], [0.0, 0.0, 1.0]]
    return {
        "token": names.calibrated_sensor(row["channel"]),
        "sensor_token": sensor(row["channel"]),
        "translation": translation_of(row),
        "rotation": rotation_of(row, f"run {run_id}: sensor {row['channel']}"),
        "camera_intrinsic": intrinsic if row["modality"] == "camera" else [],
    }


def _samples(names: RunNames, keyframes: Mapping[int, int]) -> Iterator[Row]:
    """One row for each keyframe, at the time that the lidar's clock told."""
    tokens = ["", *(names.sample(frame) for frame in keyframes), ""]
    for index, time_us in enumerate(keyframes.values()):
        yield {
            "token": tokens[index + 1],
            "timestamp": names.timestamp(time_us),
            "scene_token": names.scene(),
            "prev": tokens[index],
            "next": tokens[index + 2],
        }
