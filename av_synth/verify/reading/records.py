"""The records of sensors, each with its calibration and ego pose: what the car believes, and what was true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from av_synth.verify.lens import COEFFICIENTS
from av_synth.verify.maths import Array, pose
from av_synth.verify.reading.tables import Row, Tables


@dataclass(frozen=True)
class Calibration:
    """A calibrated sensor with its sensor's channel; `ego_from_sensor` (4, 4); `intrinsic` (3, 3) or None.

    `lens` is model and coefficients of a camera that is no pinhole, `read_out_us` how long a rolling shutter takes.
    """

    token: str
    channel: str
    modality: str
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float, float]
    intrinsic: Array | None
    lens: tuple[str, Array] | None = None
    read_out_us: int = 0

    @cached_property
    def ego_from_sensor(self) -> Array:
        """The mount as a (4, 4) matrix."""
        return pose(self.rotation, self.translation)


@dataclass(frozen=True)
class EgoPose:
    """A row of ego_pose."""

    token: str
    timestamp_us: int
    translation: tuple[float, float, float]
    rotation: tuple[float, float, float, float]

    @cached_property
    def world_from_ego(self) -> Array:
        """The pose as a (4, 4) matrix."""
        return pose(self.rotation, self.translation)


@dataclass(frozen=True)
class Data:
    """A row of sample_data with its calibration and ego pose: those that are true, where the dataset tells of others.

    `told` is the row as it stands, of what the car believes; None where that is true.
    """

    token: str
    sample_token: str
    timestamp_us: int
    fileformat: str
    is_key_frame: bool
    width: int
    height: int
    filename: str
    prev: str
    next: str
    calibration: Calibration
    ego_pose: EgoPose
    told: Data | None = None

    @property
    def as_told(self) -> Data:
        """What the car believes of it."""
        return self if self.told is None else self.told

    @property
    def channel(self) -> str:
        """The channel of its sensor."""
        return self.calibration.channel

    @property
    def world_from_sensor(self) -> Array:
        """Where the sensor was when the data was taken, (4, 4)."""
        return np.asarray(self.ego_pose.world_from_ego @ self.calibration.ego_from_sensor)


def records(tables: Tables) -> Iterator[Data]:
    """The rows of sample_data whose schema and keys are sound, in their order.

    What calibration_truth and clock_truth say takes the place of what the car believes, which stays in `told`.
    """
    calibrations = _calibrations(tables)
    poses = {
        r["token"]: EgoPose(r["token"], r["timestamp"], tuple(r["translation"]), tuple(r["rotation"]))
        for r in tables["ego_pose"]
    }
    mounts = {row["calibrated_sensor_token"]: row for row in tables.get("calibration_truth", ())}
    clocks = {row["sample_data_token"]: row for row in tables.get("clock_truth", ())}
    really = {
        token: replace(calibrations[token], translation=tuple(row["translation"]), rotation=tuple(row["rotation"]))
        for token, row in mounts.items()
    }
    for row in tables["sample_data"]:
        told = _data(row, calibrations, poses)
        mount, clock = really.get(told.calibration.token), clocks.get(told.token)
        if mount is None and clock is None:
            yield told
            continue
        true = replace(told, calibration=mount or told.calibration, told=told)
        if clock is not None:
            at, turned = tuple(clock["translation"]), tuple(clock["rotation"])
            then = EgoPose(told.ego_pose.token, clock["timestamp"], at, turned)
            true = replace(true, timestamp_us=clock["timestamp"], ego_pose=then)
        yield true


def _calibrations(tables: Tables) -> dict[str, Calibration]:
    sensors = {row["token"]: row for row in tables["sensor"]}
    lenses = {
        row["calibrated_sensor_token"]: (row["model"], np.array(row["coefficients"], dtype=np.float64))
        for row in tables.get("camera_lens", ())
        if len(row["coefficients"]) == COEFFICIENTS[row["model"]]
    }
    read_out_us = {row["calibrated_sensor_token"]: row["read_out_us"] for row in tables.get("camera_shutter", ())}
    return {
        r["token"]: Calibration(
            r["token"],
            sensors[r["sensor_token"]]["channel"],
            sensors[r["sensor_token"]]["modality"],
            tuple(r["translation"]),
            tuple(r["rotation"]),
            np.array(r["camera_intrinsic"], dtype=np.float64) if r["camera_intrinsic"] else None,
            lenses.get(r["token"]),
            read_out_us.get(r["token"], 0),
        )
        for r in tables["calibrated_sensor"]
    }


def _data(row: Row, calibrations: Mapping[str, Calibration], poses: Mapping[str, EgoPose]) -> Data:
    return Data(
        row["token"],
        row["sample_token"],
        row["timestamp"],
        row["fileformat"],
        row["is_key_frame"],
        row["width"],
        row["height"],
        row["filename"],
        row["prev"],
        row["next"],
        calibrations[row["calibrated_sensor_token"]],
        poses[row["ego_pose_token"]],
    )
