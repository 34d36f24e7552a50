"""MCAP: read back with the format's own reader."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

from av_synth import store
from av_synth.errors import DataError, UserError
from av_synth.export import formats
from av_synth.export.splits import Splits
from tests.export.synthetic_run import HEIGHT, RADAR_RECORD, SENSORS, WIDTH, Rows, build_run


@pytest.fixture(scope="module")
def path(eventful_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    splits = Splits({"test": (eventful_run.name,)})
    target = formats.export("mcap", [eventful_run], tmp_path_factory.mktemp("mcap") / "out", splits=splits)
    return target / f"{eventful_run.name}.mcap"


@pytest.fixture(scope="module")
def messages(path: Path) -> list[tuple[str, int, Any]]:
    """Topic, time and decoded message, in the order of the file."""
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        return [
            (channel.topic, message.log_time, decoded)
            for _, channel, message, decoded in reader.iter_decoded_messages(log_time_order=False)
        ]


def of(messages: list[tuple[str, int, Any]], topic: str) -> list[Any]:
    return [decoded for found, _, decoded in messages if found == topic]


def test_every_record_of_every_sensor_is_there_and_the_file_is_in_time_order(
    messages: list[tuple[str, int, Any]], path: Path
) -> None:
    counts = Counter(topic for topic, _, _ in messages)
    wanted = {"/ego/pose": 19, "/tf": 19, "/labels/boxes": 4, "/events": 2}
    for sensor in SENSORS:
        frames = 16 if sensor.modality == "lidar" else 7
        for part in ("image", "calibration") if sensor.modality == "camera" else ("points",):
            wanted[f"/{sensor.channel}/{part}"] = frames
    assert counts == wanted
    times = [time for _, time, _ in messages]
    assert times == sorted(times)
    assert times[-1] - times[0] == 1_500_000_000
    for _, time, decoded in messages:
        if hasattr(decoded, "timestamp"):
            assert decoded.timestamp.ToNanoseconds() == time
    with path.open("rb") as file:
        schemas = make_reader(file).get_summary().schemas.values()
    assert {schema.name for schema in schemas} == {
        f"foxglove.{name}"
        for name in (
            *("CameraCalibration", "CompressedImage", "FrameTransforms", "Log"),
            *("PointCloud", "PoseInFrame", "SceneUpdate"),
        )
    }


def test_images_and_points_are_the_runs_bytes(messages: list[tuple[str, int, Any]], eventful_run: Path) -> None:
    images = of(messages, "/CAM_FRONT/image")
    assert [image.data for image in images] == [
        path.read_bytes() for path in sorted((eventful_run / "blobs/CAM_FRONT").iterdir())
    ]
    assert {(image.format, image.frame_id) for image in images} == {("jpeg", "CAM_FRONT")}
    clouds = of(messages, "/LIDAR_TOP/points")
    assert [cloud.data for cloud in clouds] == [
        path.read_bytes() for path in sorted((eventful_run / "blobs/LIDAR_TOP").iterdir())
    ]
    assert [(field.name, field.offset, field.type) for field in clouds[0].fields] == [
        (name, 4 * index, 7) for index, name in enumerate(("x", "y", "z", "intensity", "ring"))
    ]
    assert (clouds[0].point_stride, clouds[0].pose.orientation.w) == (20, 1.0)


def test_radar_returns_have_all_their_fields_and_an_empty_scan_has_none(
    messages: list[tuple[str, int, Any]], eventful_run: Path
) -> None:
    for channel in ("RADAR_FRONT", "RADAR_BACK_LEFT"):
        files = sorted((eventful_run / "blobs" / channel).iterdir())
        for cloud, path in zip(of(messages, f"/{channel}/points"), files, strict=True):
            assert [(f.name, f.offset) for f in cloud.fields] == [
                (name, RADAR_RECORD.fields[name][1]) for name in RADAR_RECORD.names
            ]
            body = path.read_bytes().partition(b"DATA binary\n")[2][:-1]
            wanted = np.frombuffer(body, RADAR_RECORD)
            assert cloud.data == wanted[np.isfinite(wanted["x"])].tobytes()
    assert any(
        not cloud.data
        for sensor in SENSORS
        if sensor.modality == "radar"
        for cloud in of(messages, f"/{sensor.channel}/points")
    )


def matrix(translation: Any, rotation: Any) -> np.ndarray:
    w, x, y, z = rotation.w, rotation.x, rotation.y, rotation.z
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.block([[turn, np.array([[translation.x], [translation.y], [translation.z]])], [np.zeros((1, 3)), 1.0]])


def test_points_taken_through_the_transforms_are_in_the_boxes_that_count_them(
    messages: list[tuple[str, int, Any]],
) -> None:
    told = 0
    for update in of(messages, "/labels/boxes"):
        assert [deletion.type for deletion in update.deletions] == [1], "all boxes of the keyframe before go"
        now = update.deletions[0].timestamp.ToNanoseconds()
        at = {topic: decoded for topic, time, decoded in messages if time == now}
        links = {link.child_frame_id: link for link in at["/tf"].transforms}
        assert set(links) == {"ego", *(sensor.channel for sensor in SENSORS)}
        assert links["ego"].parent_frame_id == "world"
        assert links["LIDAR_TOP"].parent_frame_id == "ego"
        world_from_ego = matrix(links["ego"].translation, links["ego"].rotation)
        assert np.allclose(world_from_ego, matrix(at["/ego/pose"].pose.position, at["/ego/pose"].pose.orientation))
        world_from_lidar = world_from_ego @ matrix(links["LIDAR_TOP"].translation, links["LIDAR_TOP"].rotation)
        cloud = np.frombuffer(at["/LIDAR_TOP/points"].data, "<f4").reshape(-1, 5)[:, :3]
        world = np.column_stack([cloud, np.ones(len(cloud))]) @ world_from_lidar.T
        for entity in update.entities:
            (cube,) = entity.cubes
            box_from_world = np.linalg.inv(matrix(cube.pose.position, cube.pose.orientation))
            half = np.array([cube.size.x, cube.size.y, cube.size.z]) / 2
            inside = (np.abs((world @ box_from_world.T)[:, :3]) <= half).all(axis=1).sum()
            metadata = {pair.key: pair.value for pair in entity.metadata}
            assert int(metadata["num_lidar_pts"]) == inside
            assert entity.frame_id == "world"
            told += 1
    assert told == 4 * 12 - 1


def test_calibrations_are_of_opencvs_pinhole(messages: list[tuple[str, int, Any]]) -> None:
    calibration = of(messages, "/CAM_BACK/calibration")[0]
    assert (calibration.width, calibration.height) == (WIDTH, HEIGHT)
    assert list(calibration.K) == [80.9, 0, WIDTH / 2, 0, 80.9, HEIGHT / 2, 0, 0, 1]
    assert list(calibration.P) == [80.9, 0, WIDTH / 2, 0, 0, 80.9, HEIGHT / 2, 0, 0, 0, 1, 0]


def test_events_are_log_messages_and_the_file_tells_its_run(
    messages: list[tuple[str, int, Any]], path: Path, eventful_run: Path
) -> None:
    assert [(log.name, log.level, log.message) for log in of(messages, "/events")] == [
        ("brakes", 2, "brakes actor 2 other 0 {}"),
        ("passes", 2, "passes actor 2 other 4 {}"),
    ]
    with path.open("rb") as file:
        (metadata,) = make_reader(file).iter_metadata()
    assert metadata.metadata == {
        "run_id": eventful_run.name,
        "scenario": "synthetic",
        "seed": "0",
        "rig": "synthetic",
        "split": "test",
    }


def test_without_the_extra_packages_the_message_says_what_to_install(
    eventful_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcap_protobuf.writer", None)
    with pytest.raises(UserError, match=r"format mcap: .*; pip install 'av-synth\[mcap\]'"):
        formats.export("mcap", [eventful_run], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    assert formats.load("mcap").summary.startswith("MCAP, one file a run")


def test_a_run_without_a_rig_has_nothing_to_write(tmp_path: Path) -> None:
    def nothing(rows: Rows) -> None:
        rows["boxes"] = rows["events"] = []

    run = build_run(tmp_path / "store", 0, sensors=(), change=nothing)
    assert store.open_run(run).table("sensor_frames").num_rows == 0
    with pytest.raises(DataError, match=f"run {run.name}: no sensor has a record"):
        formats.export("mcap", [run], tmp_path / "out")
