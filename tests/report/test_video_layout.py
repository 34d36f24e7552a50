"""Where cameras and the view from above are in a video, and how its file comes about."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from av_synth import rig
from av_synth.errors import UserError
from av_synth.report.contact_sheet import rows_of_cameras
from av_synth.report.video import Area, arrange
from av_synth.report.video_cameras import Camera
from av_synth.report.video_file import refuse_target, video_file


def cameras(*aspects: float) -> list[Camera]:
    return [
        Camera(f"{id(aspects)} {k}", np.eye(4), np.eye(3), (round(900 * a), 900), (), (), ())
        for k, a in enumerate(aspects)
    ]


def test_the_nuscenes_cameras_stand_as_in_its_own_pictures():
    mounts = {camera.channel: camera.mount.ego_from_sensor for camera in rig.load("nuscenes").cameras}

    assert rows_of_cameras(mounts) == [
        ["CAM_FRONT_LEFT", "CAM_FRONT", "CAM_FRONT_RIGHT"],
        ["CAM_BACK_LEFT", "CAM_BACK", "CAM_BACK_RIGHT"],
    ]


@pytest.mark.parametrize("width", [640, 1001, 1920])
@pytest.mark.parametrize("rows", [(), (1,), (2,), (5,), (1, 1), (3, 1), (3, 3), (2, 6)])
def test_everything_has_a_place_of_its_own_and_its_shape(rows, width):
    arranged = [cameras(*[16 / 9, 4 / 3, 1.0, 2.0, 16 / 9, 16 / 9][:count]) for count in rows]
    found = arrange(arranged, width)

    areas = [found.above, found.line, *found.cameras.values()]
    assert found.size_px[0] in (width, width - 1)
    assert all(side % 2 == 0 for side in found.size_px)
    assert all(a.x >= 0 and a.y >= 0 for a in areas)
    assert all(a.x + a.width <= found.size_px[0] and a.y + a.height <= found.size_px[1] for a in areas)
    assert not [pair for pair in combinations(areas, 2) if meet(*pair)]
    assert found.above.height >= 0.14 * width
    for camera in (camera for row in arranged for camera in row):
        area = found.cameras[camera.channel]
        assert area.width / area.height == pytest.approx(camera.size_px[0] / camera.size_px[1], abs=2.5 / area.height)


def meet(a: Area, b: Area) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def test_six_cameras_fill_a_screen():
    found = arrange([cameras(*[16 / 9] * 3), cameras(*[16 / 9] * 3)], 1920)

    assert found.size_px == (1920, 1080)


def test_two_cameras_stand_side_by_side_over_a_view_from_above_as_wide_as_both():
    ahead, back = cameras(16 / 9, 16 / 9)
    found = arrange([[ahead], [back]], 1920)

    assert found.size_px == (1920, 1080)
    assert [area.y for area in found.cameras.values()] == [0, 0]
    assert found.above.width == 1920


@pytest.mark.parametrize("ending", [".mp4", ".webp"])
def test_a_video_that_fails_halfway_leaves_the_one_before_and_nothing_else(ending, tmp_path):
    out, picture = tmp_path / f"video{ending}", np.full((48, 64, 3), 90, dtype=np.uint8)

    def make(last):
        with video_file(out, (64, 48), 10.0) as file:
            for value in (picture, last):
                file.add(np.asarray(value))

    make(picture)
    before = out.read_bytes()
    with pytest.raises((cv2.error, ValueError)):
        make("no picture")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == before
    refuse_target(out, force=False)


def test_a_single_picture_is_no_video(tmp_path):
    picture = tmp_path / "logo.webp"
    cv2.imwrite(str(picture), np.zeros((8, 8, 3), dtype=np.uint8))

    with pytest.raises(UserError, match="no video"):
        refuse_target(picture, force=False)
    refuse_target(picture, force=True)
