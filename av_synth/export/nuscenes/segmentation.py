"""Labels of lidar points: nuScenes' lidarseg and panoptic, and the actor of each point.

The run has them as files in the dataset's own encoding, in the order of the points; here they get names and rows.
"""

from __future__ import annotations

from av_synth.errors import DataError
from av_synth.export.nuscenes.fold import Fold
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.nuscenes.sample_data import LIDAR, POINT_BYTES, Blob, SensorRows
from av_synth.export.rows import Row
from av_synth.store import Run


def fold_segmentation(run: Run, names: RunNames, sensor_rows: SensorRows, version: str) -> Fold:
    """Rows and files of tables lidarseg, panoptic and lidar_instance.

    The devkit wants one lidarseg file a sample, of LIDAR_TOP, and as many files in its folder as rows in its table.
    The actors of the points are there for every lidar.

    Args:
        run: the run.
        names: its tokens.
        sensor_rows: its sensor rows.
        version: the folder of tables, part of the files' names.

    Raises:
        DataError: if a keyframe has no labels, or not one for each point.
    """
    fold = Fold()
    for frame, time_us in sensor_rows.keyframes.items():
        token = names.sample_data(LIDAR, frame)
        for kind, suffix in (("lidarseg", "bin"), ("panoptic", "npz")):
            blob = Blob(f"{kind}/{LIDAR}/{frame:06d}.{suffix}", f"{kind}/{version}/{token}_{kind}.{suffix}")
            fold.add(kind, _row(token, blob.target))
            fold.files.append(blob)
        _check_counts(run, LIDAR, frame, "lidarseg", 1)
        for channel, modality in sensor_rows.channels.items():
            if modality == "lidar":
                _check_counts(run, channel, frame, "lidar_actors", 4)
                target = names.filename("lidar_instances", channel, time_us, ".bin")
                fold.add("lidar_instance", _row(names.sample_data(channel, frame), target))
                fold.files.append(Blob(f"lidar_actors/{channel}/{frame:06d}.bin", target))
    return fold


def _row(token: str, filename: str) -> Row:
    return {"token": token, "sample_data_token": token, "filename": filename}


def _check_counts(run: Run, channel: str, frame: int, kind: str, label_bytes: int) -> None:
    """Sizes tell, so that no file need be read."""
    path = f"{kind}/{channel}/{frame:06d}.bin"
    if path not in run.files:
        raise DataError(f"run {run.run_id}: keyframe {frame} of {channel} has no '{path}'; make the run again")
    points = run.files[f"blobs/{channel}/{frame:06d}.pcd.bin"].bytes // POINT_BYTES
    labels = run.files[path].bytes // label_bytes
    if points != labels:
        raise DataError(f"run {run.run_id}: '{path}' labels {labels} points of {points}; make the run again")
