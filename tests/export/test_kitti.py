"""KITTI: read back as the readme of its development kit says, by code that shares none with the writer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from av_synth import store
from av_synth.errors import UserError
from av_synth.export import formats
from av_synth.export.splits import Splits
from tests.export.synthetic_run import HEIGHT, SENSORS, THINGS, TINY, WIDTH, Rows, build_run
from tests.export.true_boxes import add


@dataclass(frozen=True)
class Label:
    """A line of label_2, in the readme's order of columns."""

    type: str
    truncated: float
    occluded: int
    alpha: float
    bbox: np.ndarray
    hwl: np.ndarray
    location: np.ndarray
    rotation_y: float

    def corners(self) -> np.ndarray:
        """(8, 3) in rectified camera coordinates, the bottom face first."""
        h, w, length = self.hwl
        x = np.array([1, 1, -1, -1, 1, 1, -1, -1]) * length / 2
        z = np.array([1, -1, -1, 1, 1, -1, -1, 1]) * w / 2
        y = np.array([0, 0, 0, 0, -h, -h, -h, -h])
        c, s = math.cos(self.rotation_y), math.sin(self.rotation_y)
        return (np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.stack([x, y, z])).T + self.location


def read_labels(path: Path) -> list[Label]:
    found = []
    for line in path.read_text().splitlines():
        kind, *texts = line.split(" ")
        v = np.array(texts, dtype=float)
        assert len(v) == 14
        found.append(Label(kind, v[0], int(v[1]), v[2], v[3:7], v[7:10], v[10:13], v[13]))
    return found


def read_calibration(path: Path) -> dict[str, np.ndarray]:
    rows = (line.split(": ") for line in path.read_text().splitlines())
    found = {name: np.array(text.split(), dtype=float) for name, text in rows}
    assert list(found) == ["P0", "P1", "P2", "P3", "R0_rect", "Tr_velo_to_cam", "Tr_imu_to_velo"]
    return {name: row.reshape(3, -1) for name, row in found.items()}


def homogeneous(points: np.ndarray) -> np.ndarray:
    return np.column_stack([points, np.ones(len(points))])


@pytest.fixture(scope="module")
def kitti(full_runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return formats.export("kitti", full_runs, tmp_path_factory.mktemp("kitti") / "kitti", {"min_pixels": "1"})


def test_every_index_has_its_four_files_in_the_devkits_layout(kitti: Path, full_runs: list[Path]) -> None:
    wanted = [f"{number:06d}" for number in range(8)]
    for folder, suffix in (("image_2", "png"), ("velodyne", "bin"), ("label_2", "txt"), ("calib", "txt")):
        assert sorted(path.name for path in (kitti / "training" / folder).iterdir()) == [
            f"{name}.{suffix}" for name in wanted
        ]
    assert {path.name: path.read_text().split() for path in (kitti / "ImageSets").iterdir()} == {
        "trainval.txt": wanted,
        "train.txt": wanted,
    }
    mapping = [line.split() for line in (kitti / "mapping.txt").read_text().splitlines()]
    assert mapping == [
        [f"{4 * run + key:06d}", full_runs[run].name, str(10 * key)] for run in range(2) for key in range(4)
    ]


def test_the_images_are_true_png_files_with_the_runs_pixels(kitti: Path, full_runs: list[Path]) -> None:
    png = kitti / "training/image_2/000001.png"
    assert png.read_bytes()[:4] == b"\x89PNG"
    assert np.array_equal(cv2.imread(str(png)), cv2.imread(str(full_runs[0] / "blobs/CAM_FRONT/000010.jpg")))


def test_points_fall_on_the_pixels_of_the_actors_that_they_are_in(kitti: Path, full_runs: list[Path]) -> None:
    """Calibration and velodyne axes: points in a box, projected, are on that actor's pixels in the instance mask."""
    run = store.open_run(full_runs[0])
    hits = misses = 0
    for key in range(4):
        calibration = read_calibration(kitti / f"training/calib/{key:06d}.txt")
        cloud = np.fromfile(kitti / f"training/velodyne/{key:06d}.bin", "<f4").reshape(-1, 4)
        assert cloud[:, 3].max() == pytest.approx(59 / 255)
        assert cloud[:, 3].min() == pytest.approx(10 / 255)
        velo_from_imu = calibration["Tr_imu_to_velo"]
        imu = (cloud[:, :3] - velo_from_imu[:, 3]) @ velo_from_imu[:, :3]
        assert abs(np.median(imu[:, 2])) < 0.02, "most points are on the ground, where the IMU's origin is"
        camera = homogeneous(cloud[:, :3]) @ calibration["Tr_velo_to_cam"].T @ calibration["R0_rect"].T
        mask = cv2.imread(str(run.path(f"masks/CAM_FRONT/{10 * key:06d}.png")), cv2.IMREAD_UNCHANGED)
        for label in read_labels(kitti / f"training/label_2/{key:06d}.txt"):
            if label.type == "DontCare" or label.occluded or label.truncated:
                continue
            c, s = math.cos(label.rotation_y), math.sin(label.rotation_y)
            local = (camera - label.location) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
            h, w, length = label.hwl
            inside = (np.abs(local[:, 0]) < length / 2) & (np.abs(local[:, 2]) < w / 2)
            inside &= (local[:, 1] < 0.0) & (local[:, 1] > -h)
            pixels = homogeneous(camera[inside]) @ calibration["P2"].T
            columns, rows = np.round(pixels[:, :2] / pixels[:, 2:]).astype(int).T
            assert inside.sum() > 3
            values = mask[rows.clip(0, HEIGHT - 1), columns.clip(0, WIDTH - 1)]
            hits += int((values > 0).sum())
            misses += int((values == 0).sum())
    assert hits > 200
    assert misses < 0.05 * hits


def test_boxes_are_where_the_run_says_and_their_images_hold_the_pixels(kitti: Path, full_runs: list[Path]) -> None:
    run = store.open_run(full_runs[0])
    sizes = {np.round(thing.lwh_m, 2)[[2, 1, 0]].tobytes(): thing for thing in THINGS}
    told = 0
    for key in range(4):
        calibration = read_calibration(kitti / f"training/calib/{key:06d}.txt")
        boxes = {row["actor_id"]: row for row in run.table("boxes").to_pylist() if row["frame"] == 10 * key}
        poses = {row["frame"]: row for row in run.table("ego_poses").to_pylist()}
        mask = cv2.imread(str(run.path(f"masks/CAM_FRONT/{10 * key:06d}.png")), cv2.IMREAD_UNCHANGED)
        for label in read_labels(kitti / f"training/label_2/{key:06d}.txt"):
            if label.type == "DontCare":
                continue
            thing = sizes[np.round(label.hwl, 2).tobytes()]
            box, ego = boxes[thing.actor_id], poses[10 * key]
            # the flat distance from the rear axle to the box is the same in every frame
            camera_from_imu = calibration["Tr_velo_to_cam"] @ np.vstack([calibration["Tr_imu_to_velo"], [0, 0, 0, 1]])
            in_ego = (label.location - camera_from_imu[:, 3]) @ camera_from_imu[:, :3]
            flat = math.hypot(box["x_m"] - ego["x_m"], box["y_m"] - ego["y_m"])
            assert math.hypot(*in_ego[:2]) == pytest.approx(flat, abs=0.02)
            assert in_ego[2] == pytest.approx(box["z_m"] - box["height_m"] / 2, abs=0.02)
            heading = math.atan2(2 * ego["qw"] * ego["qz"], 1 - 2 * ego["qz"] ** 2)
            turn = np.array([math.cos(label.rotation_y), 0, -math.sin(label.rotation_y)]) @ camera_from_imu[:, :3]
            wanted = 2 * math.atan2(box["qz"], box["qw"]) - heading
            assert math.cos(math.atan2(turn[1], turn[0]) - wanted) > 0.9999
            seen = math.atan2(label.location[0], label.location[2])
            assert math.cos(label.alpha - (label.rotation_y - seen)) > 0.9998
            assert -math.pi - 0.01 <= label.alpha <= math.pi + 0.01

            left, top, right, bottom = label.bbox
            assert 0 <= left <= right <= WIDTH - 1
            assert 0 <= top <= bottom <= HEIGHT - 1
            rows, columns = np.nonzero(mask == thing.actor_id)
            assert left - 1 <= columns.min() <= columns.max() <= right + 1
            assert top - 1 <= rows.min() <= rows.max() <= bottom + 1
            corners = label.corners()
            if corners[:, 2].min() > 0.5:
                pixels = homogeneous(corners) @ calibration["P2"].T
                low, high = (pixels[:, :2] / pixels[:, 2:]).min(axis=0), (pixels[:, :2] / pixels[:, 2:]).max(axis=0)
                first, last = np.clip(low, 0, (WIDTH - 1, HEIGHT - 1)), np.clip(high, 0, (WIDTH - 1, HEIGHT - 1))
                inner = np.concatenate([(left, top) - first, last - (right, bottom)])
                # what is drawn alone and cut by the edge may be smaller than the cut box around its corners
                leaves = low.min() < 0 or (high > (WIDTH - 1, HEIGHT - 1)).any()
                assert inner.min() > -2.0
                assert leaves or inner.max() < 2.0
                assert (label.truncated > 0.0) or (low.min() > -2 and (high < (WIDTH + 2, HEIGHT + 2)).all())
            told += 1
    assert told > 15


def test_types_are_kittis_and_what_it_does_not_label_is_left_out(kitti: Path) -> None:
    types = {label.type for path in (kitti / "training/label_2").iterdir() for label in read_labels(path)}
    assert types <= {"Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Misc", "DontCare"}
    assert {"Car", "Truck", "Pedestrian", "Misc"} <= types


def test_what_the_lidar_does_not_reach_or_shows_few_pixels_is_dont_care(tmp_path: Path) -> None:
    def far(rows: Rows) -> None:
        for row in rows["boxes"]:
            row["num_lidar_pts"] = 0 if row["category"] == "vehicle.truck" else row["num_lidar_pts"]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=far)
    target = formats.export("kitti", [run], tmp_path / "kitti", {"image": "jpg", "min_pixels": "20"})

    labels = read_labels(target / "training/label_2/000000.txt")
    ignored = [label for label in labels if label.type == "DontCare"]
    mask = cv2.imread(str(run / "masks/CAM_FRONT/000000.png"), cv2.IMREAD_UNCHANGED)
    rows, columns = np.nonzero(mask == 4)
    assert [columns.min(), rows.min(), columns.max(), rows.max()] in [label.bbox.tolist() for label in ignored]
    assert all((label.truncated, label.occluded, label.alpha) == (-1, -1, -10) for label in ignored)
    assert all([*label.hwl, *label.location, label.rotation_y] == [-1] * 3 + [-1000] * 3 + [-10] for label in ignored)
    assert "Truck" not in {label.type for label in labels}
    areas = [(mask == thing.actor_id).sum() for thing in THINGS]
    assert any(0 < area < 20 for area in areas)
    jpeg = target / "training/image_2/000000.jpg"
    assert jpeg.samefile(run / "blobs/CAM_FRONT/000000.jpg")


def test_what_is_behind_the_camera_by_its_box_is_dont_care(tmp_path: Path) -> None:
    def turn(rows: Rows) -> None:
        rows["boxes_2d"] = []
        for row in rows["boxes"]:
            row["x_m"] -= 100.0 if row["actor_id"] == 4 else 0.0

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=turn)
    target = formats.export("kitti", [run], tmp_path / "kitti", {"image": "jpg", "min_pixels": "1"})
    labels = read_labels(target / "training/label_2/000000.txt")
    rows, columns = np.nonzero(cv2.imread(str(run / "masks/CAM_FRONT/000000.png"), cv2.IMREAD_UNCHANGED) == 4)
    truck = [columns.min(), rows.min(), columns.max(), rows.max()]
    assert truck in [label.bbox.tolist() for label in labels if label.type == "DontCare"]
    assert {"Car", "Truck"} & {label.type for label in labels} == {"Car"}
    assert all(label.location[2] > 0 for label in labels if label.type != "DontCare")


@pytest.mark.parametrize("nobody", [True, False])
def test_each_piece_that_may_be_of_several_actors_is_dont_care(nobody: bool, tmp_path: Path) -> None:
    def blur(rows: Rows) -> None:
        for row in rows["masks"]:
            if row["actor_id"] in (3, 4, 10):
                row["ambiguous"] = True
                row["actor_id"] = 0 if nobody else row["actor_id"]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=blur)
    target = formats.export("kitti", [run], tmp_path / "kitti", {"image": "jpg", "min_pixels": "1"})
    labels = read_labels(target / "training/label_2/000000.txt")
    mask = cv2.imread(str(run / "masks/CAM_FRONT/000000.png"), cv2.IMREAD_UNCHANGED)
    ignored = [label.bbox.astype(int).tolist() for label in labels if label.type == "DontCare"]
    assert len(ignored) >= 2
    assert "Truck" not in {label.type for label in labels}
    covered = np.zeros(mask.shape, bool)
    for left, top, right, bottom in ignored:
        inside = np.zeros(mask.shape, bool)
        inside[top : bottom + 1, left : right + 1] = True
        assert np.isin(mask[inside], (3, 4, 10)).any()
        covered |= inside
    assert covered[np.isin(mask, (3, 4))].all()
    assert covered[mask == 10].all() == nobody, "a cone is nothing that KITTI labels"
    assert covered.mean() < 0.5, "and not one box around all of them"


def test_splits_are_image_sets(full_runs: list[Path], tmp_path: Path) -> None:
    splits = Splits({"train": (full_runs[1].name,), "val": (full_runs[0].name,), "test": ()})
    target = formats.export("kitti", full_runs, tmp_path / "kitti", {"image": "jpg"}, splits)
    sets = {path.stem: path.read_text().split() for path in (target / "ImageSets").iterdir()}
    names = [f"{number:06d}" for number in range(8)]
    assert sets == {"trainval": names, "train": names[4:], "val": names[:4], "test": []}


def test_no_split_may_have_the_name_of_the_set_of_everything(full_runs: list[Path], tmp_path: Path) -> None:
    splits = Splits({"trainval": (full_runs[1].name,), "val": (full_runs[0].name,)})
    with pytest.raises(UserError, match="KITTI: a split cannot be called trainval, which is everything; rename it"):
        formats.export("kitti", full_runs, tmp_path / "kitti", {"image": "jpg"}, splits)
    assert not (tmp_path / "kitti").exists()


def test_a_run_with_true_2d_boxes_has_them_in_place_of_projected_ones(tmp_path: Path) -> None:
    run = build_run(tmp_path / "store", 0, sensors=TINY, change=add)
    target = formats.export("kitti", [run], tmp_path / "kitti", {"image": "jpg"})
    (truck,) = [label for label in read_labels(target / "training/label_2/000000.txt") if label.type == "Truck"]
    assert truck.bbox.tolist() == [6, 12, 23, 29]
    assert truck.occluded == 2


@pytest.mark.parametrize("channel", ["CAM_FRONT", "LIDAR_TOP"])
def test_a_rig_without_the_sensors_is_refused(channel: str, tmp_path: Path) -> None:
    sensors = tuple(s for s in SENSORS if s.channel in {"CAM_FRONT", "LIDAR_TOP", "CAM_BACK"} - {channel})
    run = build_run(tmp_path / "store", 0, sensors=sensors)
    with pytest.raises(UserError, match=f"run {run.name}: its rig has no {channel}, and KITTI cannot be written"):
        formats.export("kitti", [run], tmp_path / "kitti")
    with pytest.raises(UserError, match="--option image: got 'bmp'; want png or jpg"):
        formats.export("kitti", [run], tmp_path / "kitti", {"image": "bmp"})
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
