"""What a verification says of true, plain and odd datasets."""

from __future__ import annotations

import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import synthetic_dataset as synthetic
from mistakes import edit_image
from synthetic_copies import Copy, link_tree

from av_synth.errors import UserError
from av_synth.verify import CHECKS, verify, write_text_report
from av_synth.verify.findings import KEPT_PER_CHECK, Findings
from av_synth.verify.maths import box_outline, clip_to_image, depth_inside, polygon_area, rotation_matrix
from av_synth.verify.reading.model import Annotation, Scene
from av_synth.verify.rows.can_truth import check_steering
from av_synth.verify.rows.motion import check_tracks


def test_a_true_dataset_has_no_findings_and_every_check_looked_at_something(tmp_path: Path) -> None:
    report = verify(synthetic.build(tmp_path))

    assert [str(problem) for problem in report.problems] == []
    # counterfactuals want scenes of replays, others sensors that are devices: tests of their own have them
    assert set(report.not_run) == {"diagnosis", "lidar_devices", "counterfactuals", "motion_sensors"}
    assert set(report.counts) == set(CHECKS) - set(report.not_run)
    assert report.version == synthetic.VERSION


def test_without_masks_the_pixel_checks_are_not_run_rather_than_passed(copy: Copy) -> None:
    for table in ("instance_mask", "av_synth", "splits"):
        copy.table_path(table).unlink()

    report = verify(copy.root)

    pixel_checks = {"masks", "mask_in_box", "box_in_mask", "missing_boxes", "lidar_on_masks", "image_on_masks"}
    assert report.ok
    rest = {"boxes_2d", "diagnosis", "lidar_devices", "counterfactuals", "motion_sensors"}
    assert set(report.not_run) == pixel_checks | rest
    assert pixel_checks.isdisjoint(report.counts)
    assert report.counts["lidar_counts"] > 0
    assert "Not run: masks, mask_in_box" in write_text_report(report)


def test_a_camera_that_sees_its_own_vehicle_where_the_lidar_sees_through_it_is_true(copy: Copy) -> None:
    masks = {row["sample_data_token"]: row["filename"] for row in copy.rows("instance_mask")}
    for row in copy.rows("label_image"):
        mask = cv2.imread(str(copy.root / masks[row["sample_data_token"]]), cv2.IMREAD_UNCHANGED)
        inside = np.zeros(mask.shape, dtype=bool)
        inside[mask.shape[0] // 5 :] = True
        inside &= mask == 0  # before all but what has a box
        edit_image(copy, row["depth"], lambda depth, inside=inside: np.where(inside, np.uint16(80), depth))
        edit_image(
            copy, masks[row["sample_data_token"]], lambda old, inside=inside: np.where(inside, np.uint16(60001), old)
        )

    assert [str(problem) for problem in verify(copy.root).problems if problem.check == "depth"] == []


@pytest.mark.parametrize(("channel", "honest"), [("CAM_FRONT_FAR", True), ("CAM_BACK_RIGHT", False)])
def test_a_camera_whose_name_is_not_of_nuscenes_may_look_down_at_the_kerb(
    copy: Copy, channel: str, honest: bool
) -> None:
    sensor = synthetic.Builder(copy.root).token(channel)
    kerb = [0.0, 0.0, -0.97629600712, 0.216439613938]  # to the right, 65 degrees down
    copy.edit_each("calibrated_sensor", lambda row: row["sensor_token"] == sensor and row.update(rotation=kerb))

    found = [str(problem) for problem in verify(copy.root).problems if problem.check == "mounts"]

    assert bool(found) is not honest, found


def test_with_broken_tables_nothing_else_is_judged(copy: Copy) -> None:
    copy.edit("sample", lambda rows: rows[0].pop("timestamp"))

    report = verify(copy.root)

    assert {problem.check for problem in report.problems} == {"schema"}
    assert "lidar_counts" in report.not_run


def test_findings_are_kept_up_to_a_cap_and_counted_beyond_it(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(num_lidar_pts=r["num_lidar_pts"] + 1000))

    report = verify(copy.root)
    text = write_text_report(report)

    assert report.found["lidar_counts"] == 32
    assert len([p for p in report.problems if p.check == "lidar_counts"]) == KEPT_PER_CHECK
    assert "FAILED lidar_counts (32 of 32 looked at)" in text
    assert "... and 27 more" in text
    assert str(report).endswith("... and 7 more")


def test_a_rig_of_two_cameras_is_true_and_its_limits_are_noted(copy: Copy) -> None:
    gone = ("CAM_BACK_RIGHT", "CAM_FRONT_FAR", "RADAR_FRONT")
    left_out = {r["token"] for r in copy.rows("sample_data") if r["filename"].split("/")[1] in gone}
    copy.edit("sensor", lambda rows: [rows.remove(r) for r in [*rows] if r["channel"] in gone])
    sensors = {r["token"] for r in copy.rows("sensor")}
    copy.edit("calibrated_sensor", lambda rows: [rows.remove(r) for r in [*rows] if r["sensor_token"] not in sensors])
    of_data = ("instance_mask", "box_2d", "label_image", "image_annotations", "radar_truth")
    for table, key in (("sample_data", "token"), ("ego_pose", "token"), *((t, "sample_data_token") for t in of_data)):
        copy.edit(table, lambda rows, key=key: [rows.remove(r) for r in [*rows] if r[key] in left_out])

    report = verify(copy.root)

    assert {problem.check for problem in report.problems} <= {"radar_counts", "visibility", "label_quality"}  # left out
    assert "no CAM_BACK_LEFT" in report.notes[0]


def test_no_dataset_or_two_versions_are_errors_that_say_what_is_there(one_scene: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no folder with a sample.json; want one nuScenes version"):
        verify(tmp_path)
    with pytest.raises(UserError, match=r"--version: got 'v1\.0-mini'; .* has v1\.0-trainval"):
        verify(one_scene, "v1.0-mini")
    copied = link_tree(one_scene, tmp_path / "two")
    with pytest.raises(UserError, match=re.escape(f"v1.0-trainval; did you mean {copied}?")):
        verify(tmp_path)
    link_tree(copied / synthetic.VERSION, copied / "v1.0-mini")
    with pytest.raises(UserError, match=r"has v1\.0-mini, v1\.0-trainval; want one of them as --version"):
        verify(copied)
    assert verify(copied, "v1.0-mini").version == "v1.0-mini"


def test_garbage_of_any_kind_is_found_and_never_raises(copy: Copy) -> None:
    rng = np.random.default_rng(11)
    paths = [copy.files(channel)[2] for channel in ("CAM_BACK", "LIDAR_TOP", "RADAR_FRONT")]
    paths += [copy.rows("instance_mask")[3]["filename"], copy.rows("map")[0]["filename"]]
    for k, path in enumerate(paths):
        copy.write(path, rng.bytes(400) if k % 2 else b"")
    copy.edit("calibrated_sensor", lambda rows: rows[2].update(camera_intrinsic=[[0, 0, 0], [0, 0, 0], [0, 0, 0]]))
    copy.edit("sample_annotation", lambda rows: rows[9].update(rotation=[0, 0, 0, 0]))
    copy.edit("sample_data", lambda rows: rows[30].update(timestamp=10**18))

    found = {problem.check for problem in verify(copy.root).problems}

    assert found >= {"images", "lidar_files", "radar_files", "masks", "map_masks"}
    assert found >= {"intrinsics", "quaternions", "timestamps"}


def scene_of(places: list[tuple[float, float]], yaws: list[float]) -> Scene:
    """A scene with one car, seen at 2 Hz; it is stopped where it will not move any more."""
    track = tuple(
        (
            synthetic.START_US + 500_000 * k,
            Annotation(
                f"a{k}",
                f"s{k}",
                "i",
                "vehicle.car",
                ("vehicle.stopped" if (x, y) == places[-1] else "vehicle.moving",),
                "4",
                (x, y, 0.8),
                (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)),
                (1.8, 4.5, 1.6),
                1,
                0,
                "",
                "",
            ),
        )
        for k, ((x, y), yaw) in enumerate(zip(places, yaws, strict=True))
    )
    return Scene("t", "scene-0001", "", len(track), "s0", "s9", "log", "plane", (), {}, {}, {"i": track})


@pytest.mark.parametrize(
    ("event", "places", "yaws"),
    [
        ("reverses out of a parking bay", [(10, 0.8 * k) for k in range(8)], [-1.57] * 8),
        ("is thrown back by a crash", [(20, 0), (15, 0), (12, 0), (14, 0), (15.5, 0)], [math.pi] * 5),
        ("spins on ice", [(10 + 5 * k, 0) for k in range(6)], [0, 0, 1.9, 3.9, 5.8, 7.6]),
        ("is pushed aside by a truck", [(10, 0), (10, 0.5), (10, 2), (10, 3), (10, 3.3)], [0, 0, 0.6, 1.0, 1.0]),
        ("stops from 15 m/s at a wall", [(0, 0), (7.5, 0), (12, 0), (12, 0), (12, 0)], [0.0] * 5),
    ],
)
def test_rare_but_true_motion_raises_no_alarm(event: str, places: list[tuple[float, float]], yaws: list[float]) -> None:
    findings = Findings()

    check_tracks(scene_of(places, yaws), True, findings)

    assert [str(problem) for problem in findings.report("d", "v").problems] == []


@pytest.mark.parametrize(
    ("factor", "says"), [(1.0, ""), (-1.0, "its sign is turned"), (math.degrees(1.0), "degrees"), (1.3, "")]
)
def test_the_steering_wheel_is_turned_as_speed_and_yaw_rate_need_it(factor: float, says: str) -> None:
    pose = [{"utime": 20_000 * k, "vel": [5.0, 0.0, 0.0], "rotation_rate": [0.0, 0.0, 0.2]} for k in range(100)]
    angle = 16.0 * math.atan(2.6 * 0.2 / 5.0)
    rows = [{"utime": 20_000 * k, "value": factor * angle} for k in range(100)]
    findings = Findings()

    check_steering("steeranglefeedback", rows, pose, findings)

    found = [str(problem) for problem in findings.report("d", "v").problems]
    assert len(found) == bool(says)
    assert all(says in text for text in found)


def test_a_box_through_the_camera_is_cut_at_the_near_plane() -> None:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (0.5, 1.5) for z in (-4.0, 6.0)])
    intrinsic = np.array([[100.0, 0, 80], [0, 100, 45], [0, 0, 1]])

    outline = box_outline(intrinsic, corners)

    assert outline is not None
    inside = clip_to_image(outline, 160, 90)
    # the road-like box fills the image below its far upper edge, 0.5 m down at 6 m
    assert inside[:, 1].min() == pytest.approx(45 + 100 * 0.5 / 6, abs=0.01)
    assert polygon_area(inside) == pytest.approx(3781, abs=1)
    assert depth_inside(outline, np.array([[80.0, 80.0]]))[0] > 10
    assert depth_inside(outline, np.array([[80.0, 40.0]]))[0] < -10
    assert box_outline(intrinsic, corners - [0, 0, 10]) is None


def test_rotations_agree_with_the_axis_and_angle_they_are_made_of() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        axis, angle = rng.normal(size=3), rng.uniform(0, math.pi)
        axis /= np.linalg.norm(axis)
        matrix = rotation_matrix([math.cos(angle / 2), *(math.sin(angle / 2) * axis)])

        assert matrix @ axis == pytest.approx(axis)
        assert np.trace(matrix) == pytest.approx(1 + 2 * math.cos(angle))
        assert matrix @ matrix.T == pytest.approx(np.eye(3))
        skew = (matrix - matrix.T) / 2
        assert np.array([skew[2, 1], skew[0, 2], skew[1, 0]]) == pytest.approx(math.sin(angle) * axis)
