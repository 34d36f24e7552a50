"""Which returns of radars that are devices are of whom, and which are ghosts or clutter: a table and its files."""

from __future__ import annotations

from av_synth.export.nuscenes.fold import Fold
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import Blob, SensorRows
from av_synth.store import Run

TABLE = "radar_truth"


def add_radar_truth(run: Run, names: RunNames, sensor_rows: SensorRows, fold: Fold) -> None:
    """Rows and files of the table radar_truth: one for each scan, keyframe or not, of a radar that is a device."""
    radars = {channel for channel, modality in sensor_rows.channels.items() if modality == "radar"}
    for row in run.table("sensor_frames").to_pylist():
        channel, frame = row["channel"], row["frame"]
        source = f"{TABLE}/{channel}/{frame:06d}.bin"
        if channel not in radars or source not in run.files:
            continue
        target = names.filename(TABLE, channel, row["time_us"], ".bin")
        own = names.sample_data(channel, frame)
        fold.add(TABLE, {"token": own, "sample_data_token": own, "filename": target})
        fold.files.append(Blob(source, target))
