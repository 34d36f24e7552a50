"""Rigs: the built-in ones are nuScenes' and mistakes in a user's own are told."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from av_synth import documents, messages, rig
from av_synth.errors import DocumentError
from av_synth.geometry.transforms import rotate
from av_synth.rig import Mount, Rig

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
    assert f"{path}:7: lidars.TOP.every_ticks: got 3; want it to divide keyframe_ticks = 10" in shapes
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


ANGLES = {name: st.floats(-180, 180) for name in ("yaw_deg", "pitch_deg", "roll_deg")}
TINY = documents.find("sensors", "tiny")


def turned(folder: Path, rotation: str) -> Rig:
    """The tiny rig with a sensor of each kind, ..._OWN, turned so; the rotation as its line in the file."""
    text = TINY.read_text().replace("CAM_BACK:", "CAM_OWN:").replace("RADAR_FRONT:", "RADAR_OWN:")
    lidar = text[text.index("  LIDAR_TOP:") : text.index("radars:")]
    text = text.replace("radars:", lidar.replace("_TOP", "_OWN") + "radars:")
    path = folder / "turned.yaml"
    path.write_text(re.sub(r"(_OWN:\n.*\n    )rotation_wxyz: .*", lambda found: found[1] + rotation, text))
    return rig.load(str(path))


def mounts(found: Rig) -> dict[str, Mount]:
    return {sensor.channel: sensor.mount for sensor in (*found.cameras, *found.lidars, *found.radars)}


@given(st.fixed_dictionaries(ANGLES))
def test_angles_and_the_quaternion_made_of_them_are_the_same_rig(
    tmp_path_factory: pytest.TempPathFactory, angles: dict[str, float]
) -> None:
    folder = tmp_path_factory.mktemp("turned")
    by_angles = turned(folder, f"rotation: {json.dumps(angles)}")

    for channel, mount in mounts(by_angles).items():
        if not channel.endswith("_OWN"):
            continue
        by_quaternion = turned(folder, f"rotation_wxyz: {list(mount.rotation_wxyz)}")

        assert mounts(by_quaternion)[channel] == mount


@given(st.fixed_dictionaries(ANGLES))
def test_angles_turn_to_the_left_then_up_then_to_the_right(
    tmp_path_factory: pytest.TempPathFactory, angles: dict[str, float]
) -> None:
    # scipy's angles are about z, y and x of right-handed axes: there the nose goes down for a positive angle about y
    wanted = Rotation.from_euler(
        "ZYX", [angles["yaw_deg"], -angles["pitch_deg"], angles["roll_deg"]], degrees=True
    ).as_matrix()
    found = mounts(turned(tmp_path_factory.mktemp("turned"), f"rotation: {json.dumps(angles)}"))

    # columns: how the axes ahead, left and up of a sensor are called in its own
    own = {
        "CAM_OWN": [[0, -1, 0], [0, 0, -1], [1, 0, 0]],
        "LIDAR_OWN": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
        "RADAR_OWN": np.eye(3),
    }
    for channel, axes in own.items():
        matrix = found[channel].ego_from_sensor[:3, :3] @ np.array(axes)
        np.testing.assert_allclose(matrix, wanted, atol=1e-9)


def test_no_angles_look_straight_ahead_and_signs_are_as_told(tmp_path: Path) -> None:
    ahead = mounts(turned(tmp_path, "rotation: {}"))

    assert ahead["CAM_OWN"].rotation_wxyz == (0.5, -0.5, 0.5, -0.5)
    assert ahead["RADAR_OWN"].rotation_wxyz == (1, 0, 0, 0)
    assert ahead["LIDAR_OWN"].rotation_wxyz == pytest.approx((0.5**0.5, 0, 0, -(0.5**0.5)))
    for angles, axis, wanted in (
        ("yaw_deg: 90", [0, 0, 1], [0, 1, 0]),  # looks to the left
        ("pitch_deg: 90", [0, 0, 1], [0, 0, 1]),  # looks up
        ("roll_deg: 90", [1, 0, 0], [0, 0, -1]),  # what was its right is down
    ):
        camera = mounts(turned(tmp_path, f"rotation: {{{angles}}}"))["CAM_OWN"]
        np.testing.assert_allclose(rotate(camera.ego_from_sensor, axis), wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        ("# none", "got neither; want one of rotation: {yaw_deg, pitch_deg, roll_deg} and rotation_wxyz"),
        ("rotation: {}\n    rotation_wxyz: [1, 0, 0, 0]", "got both; want one of rotation"),
        ("rotation: {yaw: 90}", "rotation.yaw: unknown key; did you mean 'yaw_deg'?"),
        ("rotation: {yaw_deg: 270}", "rotation.yaw_deg: got 270; want -180 to 180"),
        (
            "rotation: [90, 0, 0]",
            "rotation: got a list of 3; want a mapping of keys to values: yaw_deg, pit",
        ),
    ],
)
def test_a_rotation_that_is_none_is_refused_in_words(tmp_path: Path, rotation: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        turned(tmp_path, rotation)

    assert f"cameras.CAM_OWN{'' if said.startswith('got') else '.'}" in str(caught.value)
    assert said in str(caught.value)


def test_what_is_said_of_the_built_in_rigs_is_what_it_was() -> None:
    """They are part of the id of every run that was made with them."""
    digests = {name: sha256(json.dumps(rig.load(name).to_json()).encode()).hexdigest()[:12] for name in rig.names()}

    assert digests == {
        "fisheye_front": "f941be957956",
        "lidar128": "7df5fc34620a",
        "lidar16": "ee339538f8c1",
        "lidar64": "d0f301e40f11",
        "nuscenes": "604b5b4b957b",
        "solid_state": "fda18cbfd166",
        "tiny": "ed185d870560",
    }


@pytest.mark.parametrize(
    ("channel", "was", "becomes", "said"),
    [
        ("CAM_BACK", "rotation_wxyz: .*", "rotation: {yaw_deg: 50}", r"CAM_BACK.rotation: got one that looks 50 deg"),
        (
            "CAM_BACK",
            "rotation_wxyz: .*",
            "rotation: {yaw_deg: 180, pitch_deg: -60}",
            "CAM_BACK.rotation: got one that is",
        ),
        ("CAM_FRONT", "rotation_wxyz: .*", "rotation: {yaw_deg: 31}", r"CAM_FRONT.rotation: .*about 0.*; turn it$"),
        (
            "LIDAR_TOP",
            "rotation_wxyz: .*",
            "rotation_wxyz: [1, 0, 0, 0]",
            "rotation_wxyz: .* looks 90 degrees to the",
        ),
        ("RADAR_FRONT", "rotation_wxyz: .*", "rotation: {yaw_deg: -90}", "; turn it, or rename it, as other names may"),
        ("RADAR_FRONT", "0.5]", "-0.5]", "RADAR_FRONT.translation_m: got z = -0.5, which is under the road"),
        ("LIDAR_TOP", r"\[0.943713", "[19", "LIDAR_TOP.translation_m: got a place 19.1 m from the rear axle; want 12"),
        (
            "CAM_BACK",
            "fx_px: .*",
            "fx_px: 18",
            "got fx_px = 18 over 320 pixels, a view of 167 deg",
        ),
        (
            "CAM_BACK",
            "cx_px: .*",
            "cx_px: 60",
            "cx_px = 60 of 320 pixels; want it near the middle",
        ),
    ],
)
def test_what_would_be_found_untrue_after_a_run_is_refused_before_it(
    tmp_path: Path, channel: str, was: str, becomes: str, said: str
) -> None:
    path = tmp_path / "rig.yaml"
    before, name, after = TINY.read_text().partition(f"{channel}:")
    path.write_text(before + name + re.sub(was, becomes, after, count=1))

    with pytest.raises(DocumentError) as caught:
        rig.load(str(path))

    (problem,) = caught.value.problems
    assert re.search(said, str(problem)), str(problem)
    assert re.match(rf"{path}:\d+$", problem.where)


def test_a_sensor_whose_name_is_not_of_nuscenes_looks_anywhere(tmp_path: Path) -> None:
    down = turned(tmp_path, "rotation: {yaw_deg: -90, pitch_deg: -55}")

    assert [camera.channel for camera in down.cameras] == ["CAM_FRONT", "CAM_OWN"]


def test_a_key_without_its_unit_and_a_name_whose_letters_changed_places_find_what_was_meant() -> None:
    assert messages.nearest("fx", ("fov_deg", "fx_px", "fy_px", "lens")) == "did you mean 'fx_px'?"
    assert messages.nearest("tyni", ("nuscenes", "tiny", "waymo")) == "did you mean 'tiny'?"
