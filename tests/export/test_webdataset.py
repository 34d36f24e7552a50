"""WebDataset: read back with the library of that name; shards that end where they shall, and tell no time."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import webdataset

from av_synth import store
from av_synth.errors import UserError
from av_synth.export import formats
from av_synth.export.splits import Splits
from av_synth.store import canonical_json
from tests.export.synthetic_run import HEIGHT, SENSORS, WIDTH


@pytest.fixture(scope="module")
def root(full_runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return formats.export("webdataset", full_runs, tmp_path_factory.mktemp("webdataset") / "out")


@pytest.fixture(scope="module")
def samples(root: Path) -> list[dict[str, Any]]:
    shards = [str(path) for path in sorted(root.glob("*.tar"))]
    return list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))


def test_there_is_one_sample_a_keyframe_with_every_sensors_data(
    samples: list[dict[str, Any]], full_runs: list[Path]
) -> None:
    assert [sample["__key__"] for sample in samples] == [
        f"{run.name}-{frame:06d}" for run in full_runs for frame in (0, 10, 20, 30)
    ]
    for sample in samples:
        run = next(path for path in full_runs if sample["__key__"].startswith(path.name))
        frame = int(sample["__key__"][-6:])
        for sensor in SENSORS:
            name = sensor.channel.lower()
            if sensor.modality == "camera":
                assert sample[f"{name}.jpg"].shape == (HEIGHT, WIDTH, 3)
                assert f"{name}_mask.png" in sample
            elif sensor.modality == "lidar":
                blob = np.fromfile(run / f"blobs/{sensor.channel}/{frame:06d}.pcd.bin", "<f4")
                assert np.array_equal(sample[f"{name}.npy"], blob.reshape(-1, 5))
            else:
                assert sample[f"{name}.npy"].shape[1] == 18
                assert np.isfinite(sample[f"{name}.npy"]).all()
        assert sample["json"]["run_id"] == run.name
        assert len(sample["json"]["boxes"]) == (11 if frame == 10 else 12)


def test_files_in_a_shard_are_the_runs_bytes(root: Path, full_runs: list[Path]) -> None:
    with tarfile.open(root / "all-000000.tar") as tar:
        key = f"{full_runs[0].name}-000010"
        for name, path in (
            ("cam_back.jpg", "blobs/CAM_BACK/000010.jpg"),
            ("cam_back_mask.png", "masks/CAM_BACK/000010.png"),
        ):
            member = tar.extractfile(f"{key}.{name}")
            assert member is not None
            assert member.read() == (full_runs[0] / path).read_bytes()


def test_masks_and_boxes_in_the_images_belong_together(samples: list[dict[str, Any]], full_runs: list[Path]) -> None:
    told = 0
    labels = samples[1]["json"]
    for channel, actors in labels["actor_by_mask_value"].items():
        mask = cv2.imread(str(full_runs[0] / f"masks/{channel}/000010.png"), cv2.IMREAD_UNCHANGED)
        for value, actor_id in actors.items():
            rows, columns = np.nonzero(mask == int(value))
            (box,) = [box for box in labels["boxes"] if box["actor_id"] == actor_id]
            ends = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box["boxes_2d_ltrb_px"][channel] == ends
            told += 1
    assert told > 10
    assert {channel for box in labels["boxes"] for channel in box["boxes_2d_ltrb_px"]} == set(
        labels["actor_by_mask_value"]
    )


def test_points_taken_through_the_calibration_are_in_the_boxes_that_count_them(samples: list[dict[str, Any]]) -> None:
    assert len(samples[:4]) == 4
    for sample in samples[:4]:
        labels = sample["json"]
        assert any(box["num_lidar_pts"] for box in labels["boxes"])
        world_from_lidar = np.array(labels["world_from_ego"]) @ labels["sensors"]["LIDAR_TOP"]["ego_from_sensor"]
        cloud = sample["lidar_top.npy"][:, :3] @ world_from_lidar[:3, :3].T + world_from_lidar[:3, 3]
        for box in labels["boxes"]:
            w, _, _, z = box["rotation_wxyz"]
            c, s = w * w - z * z, 2 * w * z
            local = (cloud - box["centre_world_m"]) @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
            inside = (np.abs(local) <= np.array(box["size_lwh_m"]) / 2).all(axis=1).sum()
            assert inside == box["num_lidar_pts"]


def test_headers_tell_no_time_and_no_owner(root: Path) -> None:
    with tarfile.open(root / "all-000000.tar") as tar:
        members = tar.getmembers()
    assert len(members) == 2 * 4 * (6 + 6 + 1 + 5 + 1)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.type) for m in members} == {
        (0, 0, 0, "", "", 0o444, tarfile.REGTYPE)
    }


def test_shards_end_before_they_are_too_large_and_are_listed(full_runs: list[Path], tmp_path: Path) -> None:
    size = 180_000
    big = tmp_path / "store"
    for run in full_runs:
        _grow(run, big, size)
    target = formats.export("webdataset", store.runs(big), tmp_path / "out", {"shard_mb": "1"})

    shards = sorted(target.glob("*.tar"))
    listed = json.loads((target / "all.json").read_text())
    assert [shard["url"] for shard in listed["shardlist"]] == [path.name for path in shards]
    assert all(path.stat().st_size <= 1_000_000 for path in shards)
    assert [shard["nsamples"] for shard in listed["shardlist"]] == [3, 3, 2]
    for shard, told in zip(shards, listed["shardlist"], strict=True):
        assert len(list(webdataset.WebDataset(str(shard), shardshuffle=False))) == told["nsamples"]
    with pytest.raises(UserError, match="--option shard_mb: got 0; want 1 or more"):
        formats.export("webdataset", full_runs, tmp_path / "none", {"shard_mb": "0"})


def _grow(run: Path, root: Path, size: int) -> None:
    """A copy of a run in which every image of the front camera has bytes behind its end, as JPEG readers allow."""
    old = store.open_run(run)
    with store.stage(root, old.run_id) as staging:
        for path in old.files:
            data = old.path(path).read_bytes()
            staging.write(path, data.ljust(size, b"\0") if path.startswith("blobs/CAM_FRONT/") else data)
        staging.commit({name: old.manifest[name] for name in store.MANIFEST_FIELDS})


def test_every_split_has_shards_of_its_own(full_runs: list[Path], tmp_path: Path) -> None:
    splits = Splits({"train": (full_runs[1].name,), "val": (full_runs[0].name,), "test": ()})
    target = formats.export("webdataset", full_runs, tmp_path / "out", splits=splits)
    assert sorted(path.name for path in target.iterdir()) == [
        *(
            "av_synth.json",
            "av_synth_files.txt",
            "test.json",
            "train-000000.tar",
            "train.json",
            "val-000000.tar",
            "val.json",
        )
    ]
    assert (target / "test.json").read_bytes() == canonical_json(
        {"wids_version": 1, "name": "av_synth-test", "shardlist": []}
    )
    keys = [sample["__key__"] for sample in webdataset.WebDataset(str(target / "val-000000.tar"), shardshuffle=False)]
    assert {key[:20] for key in keys} == {full_runs[0].name}
