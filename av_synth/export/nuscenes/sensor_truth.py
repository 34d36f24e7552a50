"""calibration_truth and clock_truth: what was true of sensors that sat otherwise, or whose clocks told other times."""

from __future__ import annotations

from collections.abc import Iterator

from av_synth.errors import DataError
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.values import Offset, rotation_of, translation_of
from av_synth.export.rows import Record, Row
from av_synth.store import Run


def fold_calibration_truth(run: Run, names: RunNames) -> Iterator[Row]:
    """One row for each sensor that was not where its calibrated_sensor says."""
    for row in run.table("true_mounts").to_pylist():
        own = names.calibrated_sensor(row["channel"])
        yield {
            "token": own,
            "calibrated_sensor_token": own,
            "translation": translation_of(row),
            "rotation": rotation_of(row, f"run {run.run_id}: true mount of {row['channel']}"),
        }


def fold_clock_truth(run: Run, names: RunNames, offset_m: Offset) -> Iterator[Row]:
    """One row for each record of which a clock told another time: when it was taken, and where the ego was then.

    Raises:
        DataError: if there is no ego pose of then.
    """
    told = {(row["channel"], row["frame"]) for row in run.table("clock_times").to_pylist()}
    if not told:
        return
    poses: dict[int, Record] = {row["frame"]: row for row in run.table("ego_poses").to_pylist()}
    for channel, frame in sorted(told):
        where = f"run {run.run_id}: {channel} at frame {frame}"
        if frame not in poses:
            raise DataError(f"{where}: its clock told a time, and there is no ego pose of the frame")
        own, pose = names.sample_data(channel, frame), poses[frame]
        yield {
            "token": own,
            "sample_data_token": own,
            "timestamp": names.timestamp(pose["time_us"]),
            "translation": translation_of(pose, offset_m),
            "rotation": rotation_of(pose, where),
        }
