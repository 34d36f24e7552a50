"""Rerun's files: read back with the library of that name."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rerun

from av_synth import store
from av_synth.errors import DataError, UserError
from av_synth.export import formats, rrd
from av_synth.export.rrd_bytes import START_BYTES, Steady
from av_synth.export.splits import Splits
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.log.taxonomy import CATEGORIES
from tests.export.synthetic_run import HEIGHT, SENSORS, TICK_US, WIDTH, Rows, build_run, points_in

Columns = dict[str, list[Any]]


@pytest.fixture(scope="module")
def recording(eventful_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    splits = Splits({"test": (eventful_run.name,)})
    target = formats.export("rrd", [eventful_run], tmp_path_factory.mktemp("rrd") / "out", splits=splits)
    return rerun.dataframe.load_recording(target / f"{eventful_run.name}.rrd")


def rows(recording: Any, entity: str, *, static: bool = False) -> Columns:
    """Components of an entity by name, and its timelines; a row is one time."""
    view = recording.view(index="frame", contents=entity)
    table = (view.select_static() if static else view.select()).read_all()
    return {name.removeprefix(f"/{entity}:"): table[name].to_pylist() for name in table.column_names}


def matrix(columns: Columns, row: int = 0) -> Array:
    (quaternion,), (translation,) = columns["RotationQuat"][row], columns["Translation3D"][row]
    return matrix_from_quaternion(np.roll(quaternion, 1), translation)


def test_every_record_of_every_sensor_is_there_at_its_time_and_at_no_other(recording: Any, eventful_run: Path) -> None:
    assert recording.recording_id() == eventful_run.name
    assert [column.name for column in recording.schema().index_columns()] == ["frame", "sim_time"], "no clock's"
    for sensor in SENSORS:
        found = rows(recording, f"world/ego/{sensor.channel}")
        assert found["frame"] == list(range(0, 31, sensor.ticks)), sensor.channel
        assert [time.value for time in found["sim_time"]] == [frame * TICK_US * 1000 for frame in found["frame"]]
    assert rows(recording, "world/ego")["frame"] == list(range(31))
    assert rows(recording, "world/boxes")["frame"] == [0, 10, 20, 30]


def test_images_points_and_classes_are_the_runs(recording: Any, eventful_run: Path) -> None:
    images = rows(recording, "world/ego/CAM_FRONT")["Blob"]
    files = sorted((eventful_run / "blobs/CAM_FRONT").iterdir())
    assert [bytes(blob) for (blob,) in images] == [path.read_bytes() for path in files]
    lidar = rows(recording, "world/ego/LIDAR_TOP")
    for row, frame in enumerate(lidar["frame"]):
        points = np.fromfile(eventful_run / f"blobs/LIDAR_TOP/{frame:06d}.pcd.bin", "<f4").reshape(-1, 5)
        assert np.array_equal(lidar["Position3D"][row], points[:, :3])
        pairs = set(zip(points[:, 3], lidar["Color"][row], strict=True))
        assert len(pairs) == len(dict(pairs)) == len({colour for _, colour in pairs}) == 50
        classes = eventful_run / f"lidarseg/LIDAR_TOP/{frame:06d}.bin"
        assert bytes(lidar["ClassId"][row]) == (classes.read_bytes() if frame % 10 == 0 else b"")
    for channel in ("RADAR_FRONT", "RADAR_BACK_LEFT"):
        places, speeds = rows(recording, f"world/ego/{channel}"), rows(recording, f"world/ego/{channel}/velocity")
        assert places["Position3D"] == speeds["Position3D"]
        assert list(map(len, places["Position3D"])) == list(map(len, speeds["Vector3D"]))


def test_points_taken_through_the_transforms_are_in_the_boxes_that_count_them(
    recording: Any, eventful_run: Path
) -> None:
    ego, lidar, boxes = (rows(recording, entity) for entity in ("world/ego", "world/ego/LIDAR_TOP", "world/boxes"))
    wanted = {(row["frame"], row["actor_id"]): row for row in store.open_run(eventful_run).table("boxes").to_pylist()}
    for row, frame in enumerate(boxes["frame"]):
        turn = lidar["frame"].index(frame)
        world_from_lidar = matrix(ego, ego["frame"].index(frame)) @ matrix(lidar, turn)
        points = np.array(lidar["Position3D"][turn]) @ world_from_lidar[:3, :3].T + world_from_lidar[:3, 3]
        parts = ("PoseTranslation3D", "PoseRotationQuat", "HalfSize3D", "Text", "ClassId")
        for centre, turned, half, label, index in zip(*(boxes[part][row] for part in parts), strict=True):
            category, actor_id = label.split()
            box = wanted.pop((frame, int(actor_id)))
            pose = matrix_from_quaternion(np.roll(turned, 1), centre)
            assert points_in(pose, tuple(2 * np.array(half)), points) == box["num_lidar_pts"]
            assert category == box["category"] == CATEGORIES[index][0]
    assert not wanted


def test_cameras_are_pinholes_whose_pixels_begin_at_the_corner_of_the_image(recording: Any) -> None:
    camera = rows(recording, "world/ego/CAM_BACK", static=True)
    columns = [80.9, 0, 0, 0, 80.9, 0, WIDTH / 2 + 0.5, HEIGHT / 2 + 0.5, 1]
    assert camera["PinholeProjection"] == [[pytest.approx(columns)]]
    assert camera["Resolution"] == [[[WIDTH, HEIGHT]]]


def test_speed_metrics_and_events_are_there_and_the_file_tells_its_run(recording: Any, eventful_run: Path) -> None:
    assert rows(recording, "metrics/speed_mps/ego")["Scalar"][0] == [pytest.approx(8.0)]
    table = store.open_run(eventful_run).table("metrics").to_pylist()
    assert rows(recording, "metrics/distance_m/1_6")["Scalar"] == [[row["value"]] for row in table]
    assert rows(recording, "events")["Text"] == [["brakes actor 2 other 0 {}"], ["passes actor 2 other 4 {}"]]
    told = rows(recording, "__properties/av_synth", static=True)
    wanted = {"run_id": eventful_run.name, "split": "test", "scenario": "synthetic", "seed": "0", "rig": "synthetic"}
    assert {name: told[name] for name in wanted} == {name: [[value]] for name, value in wanted.items()}


def test_without_the_library_or_with_another_the_message_says_what_to_install(
    eventful_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun, "__version__", "0.41.0")
    with pytest.raises(UserError, match=r"rerun-sdk 0.41.0 is installed; want 0.23.*; pip install 'av-synth\[rerun\]'"):
        formats.export("rrd", [eventful_run], tmp_path / "out")
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(UserError, match=r"format rrd: .*; pip install 'av-synth\[rerun\]'"):
        formats.export("rrd", [eventful_run], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_is_switched_off_is_an_error_and_not_an_empty_file(
    eventful_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RERUN", "off")
    with pytest.raises(UserError, match="the environment variable RERUN switches rerun-sdk off; unset it"):
        formats.export("rrd", [eventful_run], tmp_path / "out")


def test_a_run_without_a_rig_has_nothing_to_write_and_a_file_without_data_is_found(tmp_path: Path) -> None:
    def nothing(rows: Rows) -> None:
        rows["boxes"] = rows["events"] = []

    run = build_run(tmp_path / "store", 0, sensors=(), change=nothing)
    with pytest.raises(DataError, match=f"run {run.name}: no sensor has a record"):
        formats.export("rrd", [run], tmp_path / "out")
    for content in (b"", b"RRF2", b"no such file"):
        (tmp_path / "torn.rrd").write_bytes(content)
        with pytest.raises(DataError, match=r"torn\.rrd: .*the disk may be full"):
            rrd.check(tmp_path)


def test_a_layout_of_another_library_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(DataError, match="begins with b'RRF9'; want b'RRF2'"):
        Steady()(b"RRF9 and more")
    with pytest.raises(DataError, match="a message of kind 7; want 0, 1 or 2"):
        Steady()(b"RRF2".ljust(START_BYTES) + struct.pack("<QQ", 7, 0))
