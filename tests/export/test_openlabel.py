"""OpenLABEL: valid by the standard's schema, and true when a reader follows its coordinate systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from vcd.schema import openlabel_schema

from av_synth.errors import DataError
from av_synth.export import contents, formats
from av_synth.export.openlabel import intervals
from av_synth.export.splits import Splits
from tests.export.synthetic_run import HEIGHT, SENSORS, THINGS, WIDTH, Rows, build_run


@pytest.fixture(scope="module")
def root(eventful_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    splits = Splits({"val": (eventful_run.name,)})
    return formats.export("openlabel", [eventful_run], tmp_path_factory.mktemp("openlabel") / "out", splits=splits)


@pytest.fixture(scope="module")
def content(root: Path) -> Any:
    (path,) = (path for path in root.glob("*.json") if path.name != contents.MARKER)
    return json.loads(path.read_text(), parse_constant=pytest.fail)


def test_the_file_is_valid_by_the_schema_of_the_standard(content: Any) -> None:
    validator = jsonschema.validators.validator_for(openlabel_schema)(openlabel_schema)
    assert [error.message for error in validator.iter_errors(content)] == []
    content["openlabel"]["frames"]["0"]["objects"]["2"]["object_data"]["cuboid"][0]["val"].append(1.0)
    assert list(validator.iter_errors(content)), "the schema looks at cuboids"
    content["openlabel"]["frames"]["0"]["objects"]["2"]["object_data"]["cuboid"][0]["val"].pop()


def test_objects_are_in_the_frames_that_their_intervals_say(content: Any) -> None:
    label = content["openlabel"]
    assert label["frame_intervals"] == [{"frame_start": 0, "frame_end": 3}]
    assert list(label["frames"]) == ["0", "1", "2", "3"]
    assert {uid: element["type"] for uid, element in label["objects"].items()} == {
        str(thing.actor_id): thing.category for thing in THINGS
    }
    assert label["objects"]["7"]["frame_intervals"] == [
        {"frame_start": 0, "frame_end": 0},
        {"frame_start": 2, "frame_end": 3},
    ]
    for uid, element in label["objects"].items():
        for name, pointer in element["object_data_pointers"].items():
            told = {
                number
                for interval in pointer["frame_intervals"]
                for number in range(interval["frame_start"], interval["frame_end"] + 1)
            }
            there = {
                int(number)
                for number, frame in label["frames"].items()
                for data in frame["objects"].get(uid, {"object_data": {}})["object_data"].get(pointer["type"], [])
                if data["name"] == name
            }
            assert told == there


def rotation(x: float, y: float, z: float, w: float) -> np.ndarray:
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_cuboids_taken_through_the_coordinate_systems_cover_their_2d_boxes(content: Any) -> None:
    label = content["openlabel"]
    systems = label["coordinate_systems"]
    assert {child for system in systems.values() for child in system["children"]} == set(systems) - {"world"}
    told = 0
    for frame in label["frames"].values():
        transform = frame["frame_properties"]["transforms"]["ego_to_world"]
        assert (transform["src"], transform["dst"]) == ("ego", "world")
        world_from_ego = np.array(transform["transform_src_to_dst"]["matrix4x4"]).reshape(4, 4)
        for element in frame["objects"].values():
            (cuboid,) = element["object_data"]["cuboid"]
            centre, turn, size = np.split(np.array(cuboid["val"]), [3, 7])
            signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
            corners = (signs * size / 2) @ rotation(*turn).T + centre
            for box in element["object_data"].get("bbox", []):
                channel = box["coordinate_system"]
                ego_from_camera = np.array(systems[channel]["pose_wrt_parent"]["matrix4x4"]).reshape(4, 4)
                camera_from_world = np.linalg.inv(world_from_ego @ ego_from_camera)
                inner = np.column_stack([corners, np.ones(8)]) @ camera_from_world.T
                intrinsics = label["streams"][channel]["stream_properties"]["intrinsics_pinhole"]
                pixels = inner @ np.array(intrinsics["camera_matrix"]).reshape(3, 4).T
                pixels = pixels[:, :2] / pixels[:, 2:]
                low = np.clip(pixels.min(axis=0), 0, (WIDTH - 1, HEIGHT - 1))
                high = np.clip(pixels.max(axis=0), 0, (WIDTH - 1, HEIGHT - 1))
                middle, extent = np.array(box["val"][:2]), np.array(box["val"][2:])
                assert np.all(low - 1.0 <= middle - (extent - 1) / 2)
                assert np.all(middle + (extent - 1) / 2 <= high + 1.0)
                told += 1
    assert told > 40


def test_streams_name_the_runs_files_and_how_the_cameras_see(content: Any, root: Path, eventful_run: Path) -> None:
    label = content["openlabel"]
    assert {name: stream["type"] for name, stream in label["streams"].items()} == {
        sensor.channel: sensor.modality for sensor in SENSORS
    }
    intrinsics = label["streams"]["CAM_FRONT"]["stream_properties"]["intrinsics_pinhole"]
    assert (intrinsics["width_px"], intrinsics["height_px"]) == (WIDTH, HEIGHT)
    for number, frame in label["frames"].items():
        for channel, stream in frame["frame_properties"]["streams"].items():
            name = stream["uri"].rpartition("/")[2]
            assert name.startswith(f"{int(number) * 10:06d}.")
            assert (root / stream["uri"]).samefile(eventful_run / "blobs" / channel / name)
            assert stream["stream_properties"]["sync"]["timestamp"] == frame["frame_properties"]["timestamp"]
    times = [frame["frame_properties"]["timestamp"] for frame in label["frames"].values()]
    assert np.allclose(np.diff(times), 0.5, atol=1e-6)


def test_boxes_in_the_images_are_those_of_the_instance_masks(content: Any, eventful_run: Path) -> None:
    mask = cv2.imread(str(eventful_run / "masks/CAM_FRONT/000000.png"), cv2.IMREAD_UNCHANGED)
    rows, columns = np.nonzero(mask == 4)
    boxes = content["openlabel"]["frames"]["0"]["objects"]["4"]["object_data"]["bbox"]
    (front,) = [box["val"] for box in boxes if box["name"] == "bbox_CAM_FRONT"]
    ends = [(columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2, np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert front == ends


def test_events_split_and_scenario_are_told(content: Any) -> None:
    label = content["openlabel"]
    assert [(event["type"], event["frame_intervals"]) for event in label["events"].values()] == [
        ("brakes", [{"frame_start": 1, "frame_end": 1}]),
        ("passes", [{"frame_start": 3, "frame_end": 3}]),
    ]
    first = label["frames"]["0"]["frame_properties"]["timestamp"]
    assert [round(event["event_data"]["num"][0]["val"] - first, 6) for event in label["events"].values()] == [0.7, 1.5]
    assert (label["metadata"]["scenario"], label["metadata"]["split"]) == ("synthetic", "val")


def test_a_run_without_keyframes_is_refused(tmp_path: Path) -> None:
    def blind(rows: Rows) -> None:
        rows["boxes"], rows["masks"] = [], []
        for row in rows["sensor_frames"]:
            row["is_keyframe"] = False

    run = build_run(tmp_path / "store", 0, sensors=SENSORS[:1], change=blind)
    with pytest.raises(DataError, match=f"run {run.name}: no keyframe"):
        formats.export("openlabel", [run], tmp_path / "out")


def test_intervals_are_closed_and_as_long_as_they_can_be() -> None:
    assert [(each["frame_start"], each["frame_end"]) for each in intervals([0, 1, 2, 5, 7, 8])] == [
        (0, 2),
        (5, 5),
        (7, 8),
    ]
