"""Rigs: the built-in ones are nuScenes' and mistakes in a user's own are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from av_synth import documents, rig
from av_synth.errors import DocumentError
from av_synth.geometry.transforms import rotate

CAMERAS = {"CAM_FRONT", "CAM_FRONT_LEFT", "CAM_FRONT_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT"}


def test_the_nuscenes_rig_has_the_channels_of_nuscenes_on_its_clock() -> None:
    found = rig.load("nuscenes")

    assert {camera.channel for camera in found.cameras} == CAMERAS
    assert [lidar.channel for lidar in found.lidars] == ["LIDAR_TOP"]
    assert len(found.radars) == 5
    assert (found.tick_us, found.keyframe_ticks) == (50_000, 10)
    assert {camera.every_ticks for camera in found.cameras} == {2}


def test_every_camera_looks_the_way_its_name_says() -> None:
    wanted_deg = {"FRONT": 0, "FRONT_LEFT": 55, "FRONT_RIGHT": -55, "BACK": 180, "BACK_LEFT": 110, "BACK_RIGHT": -110}
    for camera in rig.load("nuscenes").cameras:
        axis = rotate(camera.mount.ego_from_sensor, [0.0, 0.0, 1.0])
        yaw_deg = np.degrees(np.arctan2(axis[1], axis[0]))
        wanted = wanted_deg[camera.channel.removeprefix("CAM_")]

        assert abs((yaw_deg - wanted + 180) % 360 - 180) < 3, camera.channel
        assert abs(axis[2]) < 0.03


def test_the_tiny_rig_sees_what_the_full_one_sees_at_a_fifth_of_the_size() -> None:
    full = {camera.channel: camera for camera in rig.load("nuscenes").cameras}
    for small in rig.load("tiny").cameras:
        large = full[small.channel]

        assert small.mount == large.mount
        assert small.fx_px / small.width_px == pytest.approx(large.fx_px / large.width_px, rel=1e-6)
        assert (small.cx_px + 0.5) / small.width_px == pytest.approx((large.cx_px + 0.5) / large.width_px, rel=1e-6)


def test_all_mistakes_in_a_rig_are_told_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    path.write_text(
        """name: own
description: mine
lidars:
  TOP:
    translation_m: [0, 0, 2]
    rotation_wxyz: [1, 0, 0, 0]
    every_ticks: 3
    beams: 16
    columns: 500
    upper_deg: 10
    lower_deg: -30
    range_m: 100
cameras:
  CAM_FRONT:
    translation_m: [0, 0, 200]
    rotation_wxyz: [2, 0, 0, 0]
"""
    )
    with pytest.raises(DocumentError) as caught:
        rig.load(str(path))
    shapes = str(caught.value)
    assert "translation_m[2]: got 200; want -20 to 20" in shapes
    assert f"{path}:16: cameras.CAM_FRONT.rotation_wxyz: got a quaternion of length 2.0000; want length 1" in shapes

    path.write_text(path.read_text().partition("cameras:")[0])
    with pytest.raises(DocumentError) as caught:
        rig.load(str(path))
    assert {problem.path for problem in caught.value.problems} == {
        "lidars.TOP",
        "lidars.TOP.every_ticks",
        "lidars",
        "cameras",
    }


def test_a_rig_whose_keyframes_nuscenes_readers_refuse_is_refused_before_it_is_driven(tmp_path: Path) -> None:
    path = tmp_path / "rig.yaml"
    tiny = documents.find("sensors", "tiny").read_text()
    path.write_text(tiny.replace("keyframe_ticks: 10", "keyframe_ticks: 20").replace("range_m: 100", "range_m: 450"))

    with pytest.raises(DocumentError, match="range_m: got 450; want more than 0 and at most 400"):
        rig.load(str(path))
    path.write_text(path.read_text().replace("range_m: 450", "range_m: 100"))
    with pytest.raises(DocumentError, match=r"keyframe_ticks: got 1 keyframes a second; want 2"):
        rig.load(str(path))
