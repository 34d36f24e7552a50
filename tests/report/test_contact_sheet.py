"""The contact sheet shows the right boxes in the right places, for any rig, and says what it cannot draw."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth.errors import StoreError
from av_synth.report import drawing
from av_synth.report.contact_sheet import contact_sheet
from av_synth.report.lidar_from_above import BoxFromAbove, lidar_from_above


def near(picture: np.ndarray, colour: tuple[int, int, int], slack: int = 30) -> np.ndarray:
    """Where a picture has about a colour, as (N, 2) of x, y."""
    y, x = np.nonzero((np.abs(picture.astype(int) - colour) <= slack).all(axis=-1))
    return np.stack([x, y], axis=1)


def edit_json(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    path.unlink()
    path.write_text(json.dumps(change(content)))


@pytest.fixture
def editable(one_scene: Path, tmp_path: Path) -> Path:
    from synthetic_copies import link_tree

    return link_tree(one_scene, tmp_path / "copy")


def test_the_sheet_has_all_cameras_the_lidar_and_what_the_scene_is_about(editable: Path, tmp_path: Path) -> None:
    expectation = {"name": "walker.ttc_s", "asked": {"min": 0.5, "max": 1.5}, "reached": 0.9, "held": False}
    run = {"scene": "scene-0001", "scenario": "cut_in", "seed": 3}
    run["outcome"] = {"expectations": [{**expectation, "time_us": 1_400_000}]}
    edit_json(editable / "v1.0-trainval/av_synth.json", lambda content: {"schema": 1, "runs": [run]})

    out = contact_sheet(editable, tmp_path / "pictures" / "sheet.png")
    told = cv2.imread(str(out))
    last = cv2.imread(str(contact_sheet(editable, tmp_path / "last.png", 3)))
    first = cv2.imread(str(contact_sheet(editable, tmp_path / "first.png", 0)))

    # four cameras look ahead (one of them far), three back; the lidar is a square as high as two rows
    assert told.shape == (872, 2 * 24 + 4 * 648 + 728, 3)
    assert np.array_equal(told, last), "without a sample, the one at the expectation's time is drawn"
    assert not np.array_equal(told, first)
    assert len(near(told[:90], drawing.BAD)) > 100, "an expectation that was not held is red"
    assert len(near(told[:90], drawing.GOOD)) == 0


def test_a_place_in_which_no_picture_can_be_is_told(one_scene: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match=r"sheet\.png: cannot be written: "):
        contact_sheet(one_scene, tmp_path / "file" / "sheet.png", 0)


def test_boxes_are_drawn_where_the_things_are(one_scene: Path, tmp_path: Path) -> None:
    sheet = cv2.imread(str(contact_sheet(one_scene, tmp_path / "sheet.png", 0)))

    # CAM_FRONT is second from the left; the truck is 22 m ahead and 7 m to the left of it
    front = sheet[92:452, 24 + 648 : 24 + 648 + 640]
    edges = near(front, drawing.CLASS_COLOURS["truck"])
    left = 4 * (81 - 126.6 * 9 / 16.6)
    right = 4 * (81 - 126.6 * 5.5 / 24)
    assert abs(edges[:, 0].min() - left) < 40
    assert abs(edges[:, 0].max() - right) < 40
    # from above it is drawn up and to the left of the ego, 9.1 pixels a metre
    lidar = sheet[92 : 92 + 728, -24 - 728 : -24]
    above = near(lidar, drawing.CLASS_COLOURS["truck"])
    assert above.mean(axis=0) == pytest.approx([364 - 6.8 * 9.1, 364 - 22 * 9.1], abs=14)


def test_hidden_boxes_are_thinner_than_seen_ones(editable: Path, tmp_path: Path) -> None:
    seen = cv2.imread(str(contact_sheet(editable, tmp_path / "seen.png", 0)))
    edit_json(
        editable / "v1.0-trainval/sample_annotation.json",
        lambda rows: [{**row, "num_lidar_pts": 0, "num_radar_pts": 0} for row in rows],
    )

    hidden = cv2.imread(str(contact_sheet(editable, tmp_path / "hidden.png", 0)))

    colour = drawing.CLASS_COLOURS["car"]
    assert 0 < len(near(hidden[92:820], colour, 70)) < 0.7 * len(near(seen[92:820], colour, 70))


def test_a_rig_of_two_cameras_and_a_jpeg_are_drawn_too(editable: Path, tmp_path: Path) -> None:
    folder = editable / "v1.0-trainval"
    edit_json(
        folder / "sample_data.json",
        lambda rows: [r for r in rows if r["filename"].split("/")[1] in ("CAM_FRONT", "CAM_BACK", "LIDAR_TOP")],
    )
    for table in ("instance_mask", "av_synth", "box_2d", "label_image", "radar_truth"):
        (folder / f"{table}.json").unlink()

    sheet = cv2.imread(str(contact_sheet(editable, tmp_path / "sheet.jpg", 1, scene="scene-0001")))

    assert sheet.shape == (872, 2 * 24 + 648 + 728, 3)


def test_what_cannot_be_drawn_is_an_error_that_names_it(editable: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    with pytest.raises(StoreError, match="scene-0001 has samples 0 to 3, got 4"):
        contact_sheet(editable, out, 4)
    with pytest.raises(StoreError, match=r"no scene 'scene-0009'; it has \['scene-0001'\]"):
        contact_sheet(editable, out, scene="scene-0009")
    with pytest.raises(StoreError, match=r"want a path that ends in .png or .jpg"):
        contact_sheet(editable, tmp_path / "sheet.txt", 0)
    min((editable / "samples/CAM_BACK").iterdir()).unlink()
    with pytest.raises(StoreError, match=r"samples/CAM_BACK/.*: cannot be read as an image"):
        contact_sheet(editable, out, 0)
    edit_json(editable / "v1.0-trainval/sample.json", lambda rows: rows[:-1])
    with pytest.raises(StoreError, match="tables are not sound"):
        contact_sheet(editable, out, 0)


def test_a_line_to_a_point_far_outside_keeps_its_slope() -> None:
    canvas = np.zeros((100, 100, 3), np.uint8)

    drawing.line(canvas, (50.0, 50.0), (50.0 + 1e7, 50.0 + 2e7), (255, 255, 255))
    drawing.line(canvas, (-1e9, 10.0), (1e9, 10.0), (255, 255, 255))

    assert canvas[90, 70, 0] > 100
    assert canvas[10, 2:-2, 0].min() > 200
    assert canvas[95, 40].sum() == 0


def test_a_box_around_the_camera_is_drawn_without_wrapping() -> None:
    canvas = np.zeros((90, 160, 3), np.uint8)
    corners = np.array([[x, y, z] for x in (-2, 2) for y in (-1, 1.5) for z in (-3.0, 5.0)])
    intrinsic = np.array([[100.0, 0, 80], [0, 100, 45], [0, 0, 1]])

    place = drawing.camera_box(canvas, intrinsic, corners, (255, 255, 255), strong=True)

    assert place is not None
    # the face 5 m ahead spans x 40 to 120 and y 25 to 75
    lit = near(canvas, (255, 255, 255), 60)
    assert {(40, 50), (120, 50)} <= {(int(x), int(y)) for x, y in lit}
    assert drawing.camera_box(canvas, intrinsic, corners - [0, 0, 10], (255, 255, 255), strong=True) is None


def test_the_lidar_from_above_has_the_ego_in_the_middle_driving_upwards() -> None:
    pose = np.eye(4)
    pose[:2, 3] = (20.0, 10.0)
    c, s = math.cos(math.pi / 2), math.sin(math.pi / 2)
    pose[:2, :2] = [[c, -s], [s, c]]
    box = BoxFromAbove(pose, (2.0, 4.0, 1.5), (0, 0, 255), True)

    picture = lidar_from_above(np.array([[-30.0, -20.0, 3.0]]), [box], 400, 40.0)

    red = near(picture, (0, 0, 255), 90)
    assert red.mean(axis=0) == pytest.approx([200 - 10 * 5, 200 - 20 * 5], abs=4)
    assert red[:, 0].min() < 200 - 12 * 5 - 3, "the heading tick points to the left, where it drives"
    assert picture[200 + 150, 200 + 100].max() > 60, "a point behind and to the right"
    assert picture[195, 200].min() > 40, "the ego"


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("vehicle.bus.rigid", "bus"),
        ("human.pedestrian.child", "child"),
        ("human.pedestrian.police_officer", "pedestrian"),
        ("movable_object.trafficcone", "cone / barrier"),
        ("vehicle.emergency.police", "emergency"),
        ("static_object.bicycle_rack", "other"),
        ("animal", "other"),
    ],
)
def test_every_category_has_a_colour(category: str, name: str) -> None:
    assert drawing.class_of(category) == name
    assert name in drawing.CLASS_COLOURS
