"""What a run's IMU and GNSS receiver measured, as messages; the truth of each; and what the devices are like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from av_synth.errors import DataError
from av_synth.export.nuscenes.can_messages import Columns
from av_synth.export.nuscenes.names import RunNames, token
from av_synth.export.nuscenes.values import Offset
from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array
from av_synth.log.motion import Times
from av_synth.store import Run

TRUTH = "can_bus_truth"
"""The folder of what was true when messages of `can_bus` were measured, by their names."""

_DIGITS = 6  # of a metre, a second and so on, as of all messages
_TRUE_DIGITS = 9  # of the truth, whose errors take smaller steps
_ACCELERATION, _TURNING = ("ax_mps2", "ay_mps2", "az_mps2"), ("wx_radps", "wy_radps", "wz_radps")
_QUATERNION = ("qw", "qx", "qy", "qz")
_POSITION, _VELOCITY = ("x_m", "y_m", "z_m"), ("vx_mps", "vy_mps", "vz_mps")
_SCALES = {"linear_accel": ("scale_ax", "scale_ay", "scale_az"), "rotation_rate": ("scale_wx", "scale_wy", "scale_wz")}


@dataclass(frozen=True)
class Measured:
    """Messages by name, each as columns and times (N,), microseconds since the first recorded frame.

    Attributes:
        said: in place of those that are made from the log.
        extra: that nuScenes has not.
        truth: what was true of either.
    """

    said: dict[str, tuple[Columns, Times]] = field(default_factory=dict)
    extra: dict[str, tuple[Columns, Times]] = field(default_factory=dict)
    truth: dict[str, tuple[Columns, Times]] = field(default_factory=dict)


def fold_measured(run: Run, offset_m: Offset) -> Measured:
    """What the run's tables say was measured; positions are shifted into the map.

    Raises:
        DataError: if there are measurements without their truth.
    """
    found = Measured()
    said, truth = (run.table(name) for name in ("imu", "imu_truth"))
    if said.num_rows != truth.num_rows:
        raise DataError(
            f"run {run.run_id}: table imu has {said.num_rows} rows, imu_truth {truth.num_rows}; want as many"
        )
    if said.num_rows:
        felt: dict[str, Sequence[str]] = {"linear_accel": _ACCELERATION, "rotation_rate": _TURNING}
        found.said["ms_imu"] = _columns(said, felt)
        errors: dict[str, Sequence[str]] = {
            f"{key}_{error}": _prefixed(error, names) for key, names in felt.items() for error in ("bias", "noise")
        }
        found.truth["ms_imu"] = _columns(truth, felt | errors, _TRUE_DIGITS)
        for columns, table in ((found.said, said), (found.truth, truth)):
            columns["ms_imu"][0]["q"] = np.round(_stacked(table, _QUATERNION), 12) + 0.0
    said, truth = (run.table(name) for name in ("gnss", "gnss_truth"))
    lost = truth.column("lost").to_numpy(zero_copy_only=False)
    if said.num_rows != (~lost).sum():
        raise DataError(
            f"run {run.run_id}: table gnss has {said.num_rows} rows, gnss_truth {(~lost).sum()} that are not lost; "
            "want as many"
        )
    if truth.num_rows:
        moved: dict[str, Sequence[str]] = {"pos": _POSITION, "vel": _VELOCITY}
        found.extra["gnss"] = _columns(said, moved)
        errors = {f"pos_{error}": _prefixed(error, _POSITION) for error in ("bias", "noise")}
        found.truth["gnss"] = _columns(
            truth, moved | errors | {"vel_noise": _prefixed("noise", _VELOCITY)}, _TRUE_DIGITS
        )
        found.truth["gnss"][0]["lost"] = lost
        for columns in (found.extra, found.truth):
            columns["gnss"][0]["pos"] = np.round(columns["gnss"][0]["pos"] + np.array([*offset_m, 0.0]), _TRUE_DIGITS)
    return found


def fold_motion_sensors(run: Run, names: RunNames) -> Iterator[Row]:
    """One row of `motion_sensor` for each device of the run: what it is like, by the keys of the rig's JSON.

    Raises:
        DataError: if the run's rig has no such device.
    """
    for message, name in (("ms_imu", "imu"), ("gnss", "gnss")):
        truth = run.table(f"{name}_truth")
        if not truth.num_rows:
            continue
        device = run.json("rig.json").get(name)
        if not isinstance(device, dict):
            raise DataError(f"run {run.run_id}: table {name}_truth has rows, but rig.json has no {name}")
        row: Row = {"token": token("motion_sensor", run.run_id, message), "scene_token": names.scene()}
        row |= {"message": message, **device}
        if name == "imu":
            row["scale_errors"] = {
                key: _stacked(truth.slice(0, 1), columns)[0].tolist() for key, columns in _SCALES.items()
            }
        yield row


def _columns(table: pa.Table, keys: Mapping[str, Sequence[str]], digits: int = _DIGITS) -> tuple[Columns, Times]:
    columns: Columns = {key: np.round(_stacked(table, names), digits) + 0.0 for key, names in keys.items()}
    return columns, table.column("time_us").to_numpy().astype(np.int64)


def _stacked(table: pa.Table, names: Sequence[str]) -> Array:
    return np.stack([table.column(name).to_numpy() for name in names], axis=1)


def _prefixed(error: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{error}_{name}" for name in names)
