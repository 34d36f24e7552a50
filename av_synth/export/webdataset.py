"""WebDataset: tar shards with one sample a keyframe, its images, point clouds, masks and one JSON with the labels.

Source: the WebDataset format specification (github.com/webdataset/webdataset): files of one sample stand together and
share all of their name up to the first dot; what follows says what they are. Headers of the tars are plain USTAR with
no time, no owner, and mode 0444, so that equal content gives equal bytes.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from av_synth.errors import UserError
from av_synth.export.scene import Box, Keyframe, Scene, Sensor, lens_told, tight_box
from av_synth.export.splits import Splits
from av_synth.geometry.transforms import quaternion_from_matrix
from av_synth.log.taxonomy import RADAR_POINT
from av_synth.store import canonical_json, write_file

_BLOCK = 512  # bytes: a tar's header, and the unit to which a file is filled up


def write(runs: Sequence[Path], root: Path, splits: Splits, *, shard_mb: int = 500) -> None:
    """Write <split>-000000.tar and so on, and <split>.json, which lists them.

    Args:
        runs: folders of committed runs.
        root: an empty folder.
        splits: shards of their own for each; `all` if there are none.
        shard_mb: a shard ends before the sample that would make it larger; at least one sample is in it.

    Raises:
        UserError: if a shard may hold nothing.
        DataError: if a run contradicts itself.
    """
    if shard_mb < 1:
        raise UserError(f"--option shard_mb: got {shard_mb}; want 1 or more")
    shards = {name: _Shards(root, name, shard_mb * 1_000_000) for name in splits.names}
    try:
        for directory in runs:
            scene = Scene(directory)
            for keyframe in scene.keyframes():
                shards[splits.of(scene.run_id)].add(
                    f"{scene.run_id}-{keyframe.frame:06d}", list(_files(scene, keyframe))
                )
    finally:
        for each in shards.values():
            each.close()
    for each in shards.values():
        listed = {"wids_version": 1, "name": f"av_synth-{each.split}", "shardlist": each.told}
        write_file(root / f"{each.split}.json", canonical_json(listed))


class _Shards:
    """The shards of one split, written one after the other."""

    def __init__(self, root: Path, split: str, most_bytes: int) -> None:
        self.split = split
        self.told: list[dict[str, object]] = []
        self._root = root
        self._most = most_bytes
        self._open: tuple[BinaryIO, tarfile.TarFile] | None = None
        self._bytes = self._samples = 0

    def add(self, key: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Append a sample, in a new shard if it does not fit in this one."""
        size = sum(_BLOCK + -(-len(data) // _BLOCK) * _BLOCK for _, data in files)
        if self._open is not None and self._bytes + size > self._most:
            self.close()
        _, tar = self._open = self._open or self._begin()
        for suffix, data in files:
            info = tarfile.TarInfo(f"{key}.{suffix}")
            info.size, info.mode = len(data), 0o444
            tar.addfile(info, io.BytesIO(data))
        self._bytes += size
        self._samples += 1
        self.told[-1]["nsamples"] = self._samples

    def _begin(self) -> tuple[BinaryIO, tarfile.TarFile]:
        name = f"{self.split}-{len(self.told):06d}.tar"
        self._bytes, self._samples = tarfile.RECORDSIZE, 0  # what ends a tar
        self.told.append({"url": name, "nsamples": 0})
        file = (self._root / name).open("xb")
        return file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)

    def close(self) -> None:
        """Complete the shard that is open, if one is."""
        if self._open is None:
            return
        file, tar = self._open
        self._open = None
        with file:
            tar.close()


def _files(scene: Scene, keyframe: Keyframe) -> Iterator[tuple[str, bytes]]:
    """The files of a sample by what follows its key, in order of name."""
    found: dict[str, bytes] = {"json": canonical_json(_labels(scene, keyframe))}
    for channel, record in keyframe.records.items():
        name = channel.lower()
        modality = scene.sensors[channel].modality
        if modality == "camera":
            found[f"{name}.jpg"] = scene.run.path(record.path).read_bytes()
            mask = scene.mask_file(channel, keyframe.frame)
            if mask is not None:
                found[f"{name}_mask.png"] = scene.run.path(mask).read_bytes()
        else:
            points = scene.lidar(record) if modality == "lidar" else _plain(scene.radar(record))
            found[f"{name}.npy"] = _npy(points)
    yield from sorted(found.items())


def _plain(returns: npt.NDArray[np.void]) -> npt.NDArray[np.float32]:
    """Radar returns (N,) as (N, 18) float32, columns in the order of `RADAR_POINT`."""
    return np.stack([returns[name].astype("<f4") for name in RADAR_POINT.names or ()], axis=1)


def _npy(array: npt.NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _labels(scene: Scene, keyframe: Keyframe) -> dict[str, object]:
    seen: dict[int, dict[str, list[int]]] = {}
    values: dict[str, dict[str, int]] = {}
    for channel in keyframe.records:
        tied = scene.tied(channel, keyframe.frame)
        if tied:
            values[channel] = {str(value): actor_id for value, actor_id in tied.items()}
        for mask in scene.masks(channel, keyframe.frame):
            if mask.actor_id and not mask.ambiguous:
                seen.setdefault(mask.actor_id, {})[channel] = list(tight_box(mask.pixels))
    return {
        "run_id": scene.run_id,
        "scenario": scene.run.manifest.get("scenario"),
        "frame": keyframe.frame,
        "timestamp_us": scene.clock.timestamp(keyframe.time_us),
        "world_from_ego": keyframe.world_from_ego.tolist(),
        "sensors": {channel: _sensor(scene.sensors[channel]) for channel in keyframe.records},
        "actor_by_mask_value": values,
        "boxes": [_box(box, seen.get(box.actor_id, {})) for box in keyframe.boxes],
    }


def _sensor(sensor: Sensor) -> dict[str, object]:
    told: dict[str, object] = {"modality": sensor.modality, "ego_from_sensor": sensor.ego_from_sensor.tolist()}
    if sensor.modality == "camera":
        told |= {"camera_matrix": sensor.camera_matrix.tolist(), "size_px": list(sensor.size_px), **lens_told(sensor)}
    return told


def _box(box: Box, seen: dict[str, list[int]]) -> dict[str, object]:
    return {
        "actor_id": box.actor_id,
        "category": box.category,
        "attribute": box.attribute,
        "visibility": box.visibility,
        "visible_fraction": box.visible_fraction,
        "centre_world_m": box.world_from_box[:3, 3].tolist(),
        "rotation_wxyz": quaternion_from_matrix(box.world_from_box).tolist(),
        "size_lwh_m": list(box.size_lwh_m),
        "velocity_world_mps": list(box.velocity_mps),
        "num_lidar_pts": box.num_lidar_pts,
        "num_radar_pts": box.num_radar_pts,
        "boxes_2d_ltrb_px": seen,
    }
