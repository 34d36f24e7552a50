"""Lidars that are devices: what each is, and when and how each of its points was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from av_synth.errors import DataError
from av_synth.export.nuscenes.fold import Fold
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import POINT_BYTES, Blob
from av_synth.export.rows import Record, Row
from av_synth.log.taxonomy import LIDAR_TIME
from av_synth.store import Run


def add_lidar_devices(run: Run, names: RunNames, fold: Fold) -> None:
    """Add the rows of tables lidar_device and lidar_time, and a file for each turn of a device; none without devices.

    Raises:
        DataError: if a turn has no such file, or not a record for each point.
    """
    devices = run.table("lidar_devices").to_pylist()
    if not devices:
        return
    fold.extend("lidar_device", _rows(run, names, devices))
    channels = {device["channel"] for device in devices}
    for frame in run.table("sensor_frames").to_pylist():
        channel = frame["channel"]
        if channel in channels:
            source = f"lidar_times/{channel}/{frame['frame']:06d}.bin"
            points = run.files[frame["path"]].bytes // POINT_BYTES
            if source not in run.files:
                raise DataError(f"run {run.run_id}: has no '{source}'; make the run again")
            told = run.files[source].bytes // LIDAR_TIME.itemsize
            if told != points:
                raise DataError(f"run {run.run_id}: '{source}' tells of {told} points of {points}; make the run again")
            target = names.filename("lidar_times", channel, frame["time_us"], ".bin")
            own = names.sample_data(channel, frame["frame"])
            fold.add("lidar_time", {"token": own, "sample_data_token": own, "filename": target})
            fold.files.append(Blob(source, target))


def _rows(run: Run, names: RunNames, devices: Sequence[Record]) -> Iterator[Row]:
    beams: dict[str, list[Record]] = {device["channel"]: [] for device in devices}
    for beam in run.table("lidar_beams").to_pylist():
        beams[beam["channel"]].append(beam)
    for device in devices:
        own, lowest_first = names.calibrated_sensor(device["channel"]), beams[device["channel"]]
        yield {
            "token": own,
            "calibrated_sensor_token": own,
            **{name: value for name, value in device.items() if name != "channel"},
            "elevations_deg": [beam["elevation_deg"] for beam in lowest_first],
            "azimuths_deg": [beam["azimuth_deg"] for beam in lowest_first],
            "firing_us": [beam["firing_us"] for beam in lowest_first],
        }
