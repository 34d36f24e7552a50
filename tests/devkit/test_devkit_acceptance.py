"""The official nuscenes-devkit accepts what the exporter writes, and finds in it what the run really was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from av_synth import store
from av_synth.export.nuscenes import RunNames
from av_synth.geometry.transforms import Array
from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import (
    KEYFRAME_TICKS,
    LAST_FRAME,
    SENSORS,
    THINGS,
    SyntheticTown,
    build_run,
    velocity,
    world_from_box,
)

TOWNS = (SyntheticTown(), SyntheticTown("BelowZero", (-50.0, -30.0)))
CLASSES = {"car", "truck", "bus", "trailer", "construction_vehicle", "pedestrian", "motorcycle", "bicycle"}


@pytest.fixture(scope="module")
def run_dirs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("store")
    return [build_run(root, seed, town) for seed, town in enumerate(TOWNS)]


@pytest.fixture(scope="module")
def nusc(run_dirs: list[Path]) -> Any:
    return oracles.load(export(run_dirs, run_dirs[0].parents[1] / "dataset"))


def test_perfect_predictions_score_one_in_every_class_with_no_error(nusc: Any, tmp_path: Path) -> None:
    report = oracles.detection(nusc, tmp_path)
    assert report.ap == pytest.approx(dict.fromkeys({*CLASSES, "traffic_cone", "barrier"}, 1.0))
    assert min(report.boxes.values()) >= 5
    assert all(error == pytest.approx(0.0, abs=1e-9) for row in report.errors.values() for error in row.values())
    assert all({"vel_err", "orient_err", "attr_err"} <= set(report.errors[name]) for name in CLASSES)


def test_a_prediction_moved_by_a_metre_and_a_half_does_not_score_one(nusc: Any, tmp_path: Path) -> None:
    predictions = oracles.perfect_predictions(nusc, "synthetic")
    for boxes in predictions["results"].values():  # type: ignore[attr-defined]
        for box in boxes:
            box["translation"] = [box["translation"][0] + 1.5, *box["translation"][1:]]
    report = oracles.detection(nusc, tmp_path, "synthetic", predictions)
    assert max(report.ap.values()) < 0.6


def test_perfect_tracks_score_one_in_every_class_and_tracks_with_new_names_do_not(nusc: Any, tmp_path: Path) -> None:
    scores = oracles.tracking(nusc, tmp_path / "perfect")
    assert set(scores) == CLASSES - {"construction_vehicle"}
    assert all(row == pytest.approx({"amota": 1.0, "motar": 1.0, "recall": 1.0, "ids": 0}) for row in scores.values())

    tracks = oracles.perfect_tracks(nusc)
    for boxes in list(tracks["results"].values())[1::2]:
        for box in boxes:
            box["tracking_id"] += "again"
    renamed = oracles.tracking(nusc, tmp_path / "renamed", tracks=tracks)
    assert all(row["ids"] > 0 for row in renamed.values())


def test_every_point_count_is_what_the_devkit_counts(nusc: Any) -> None:
    assert oracles.recount_points(nusc) == []
    assert all(row["num_lidar_pts"] > 0 for row in nusc.sample_annotation)
    assert sum(row["num_radar_pts"] for row in nusc.sample_annotation) > 20


def test_a_count_that_is_wrong_by_one_is_found(nusc: Any) -> None:
    row = nusc.sample_annotation[3]
    row["num_lidar_pts"] += 1
    try:
        assert len(oracles.recount_points(nusc, [nusc.get("sample", row["sample_token"])])) == 1
    finally:
        row["num_lidar_pts"] -= 1


def test_velocities_derived_from_the_boxes_are_the_simulators(nusc: Any, run_dirs: list[Path]) -> None:
    errors = oracles.velocity_errors(nusc, run_dirs)
    assert len(errors) == len(nusc.sample_annotation)
    assert max(errors.values()) < 1e-6


def test_the_devkit_reads_every_file_and_joins_sweeps(nusc: Any) -> None:
    ticks = {s.channel: s.ticks for s in SENSORS}
    assert oracles.load_blobs(nusc) == {c: len(TOWNS) * (LAST_FRAME // t + 1) for c, t in ticks.items()}
    sample = nusc.get("sample", nusc.scene[0]["last_sample_token"])
    one, _ = oracles.LidarPointCloud.from_file_multisweep(nusc, sample, "LIDAR_TOP", "LIDAR_TOP", nsweeps=1)
    ten, times = oracles.LidarPointCloud.from_file_multisweep(nusc, sample, "LIDAR_TOP", "LIDAR_TOP", nsweeps=10)
    assert ten.nbr_points() > 9 * one.nbr_points()
    assert times.max() == pytest.approx(0.9, abs=1e-6)


def test_the_ego_is_on_the_map_and_the_grass_is_not(nusc: Any) -> None:
    assert oracles.ego_on_map(nusc) == {"scene-0001": 1.0, "scene-0002": 1.0}
    for scene in nusc.scene:
        log = nusc.get("log", scene["log_token"])
        town = next(town for town in TOWNS if town.name == log["location"])
        shift = (70.0, 60.0) if town.origin_m[0] < 0 else (0.0, 0.0)
        x, y = np.array(town.origin_m) + shift
        mask = nusc.get("map", log["map_token"])["mask"]
        inside, outside = [y + 9.8, y - 9.8], [y + 10.3, y - 10.3]
        assert mask.is_on_mask([x + 20.0] * 4, [*inside, *outside]).tolist() == [True, True, False, False]
        assert mask.is_on_mask([x + 149.8, x + 150.3, x + 0.2, x - 0.3], [y] * 4).tolist() == [True, False, True, False]


def test_no_coordinate_is_negative(nusc: Any) -> None:
    for rows in (nusc.ego_pose, nusc.sample_annotation):
        assert min(min(row["translation"][:2]) for row in rows) > 0


def test_mask_pixels_lie_in_the_projected_box_of_their_instance(nusc: Any) -> None:
    leaks = oracles.mask_leaks(nusc)
    assert len(leaks) > 40
    assert max(leaks.values()) < 0.005


def test_boxes_between_keyframes_are_where_the_actors_were(nusc: Any, run_dirs: list[Path]) -> None:
    """The devkit interpolates between a sweep's sample and the one before: right only if that is the following one."""
    for directory, town in zip(run_dirs, TOWNS, strict=True):
        names = RunNames(store.open_run(directory).run_id)
        shift = np.array((70.0, 60.0, 0.0) if town.origin_m[0] < 0 else (0.0, 0.0, 0.0))
        for frame in (2, 14, 28):
            boxes = {box.token: box.center for box in nusc.get_boxes(names.sample_data("LIDAR_TOP", frame))}
            after = -(-frame // KEYFRAME_TICKS) * KEYFRAME_TICKS
            for thing in THINGS:
                token = names.annotation(after, thing.actor_id)
                if thing.speed_mps:
                    assert boxes[token] == pytest.approx(_centre(town, thing, frame) + shift, abs=1e-3)


def _centre(town: SyntheticTown, thing: Any, frame: int) -> Array:
    return world_from_box(town, thing, frame)[:3, 3]


def test_a_chain_bridges_the_keyframe_in_which_its_actor_was_not_annotated(nusc: Any, run_dirs: list[Path]) -> None:
    names = RunNames(store.open_run(run_dirs[0]).run_id)
    first = nusc.get("sample_annotation", names.annotation(0, 7))
    assert first["next"] == names.annotation(2 * KEYFRAME_TICKS, 7)
    assert nusc.get("instance", names.instance(7))["nbr_annotations"] == 3
    assert np.allclose(nusc.box_velocity(first["token"]), velocity(THINGS[5]))


def test_lidar_sits_as_in_nuscenes_with_forward_along_its_y_axis(nusc: Any) -> None:
    token = nusc.sample[0]["data"]["LIDAR_TOP"]
    _, boxes, _ = nusc.get_sample_data(token)
    ahead = next(box for box in boxes if box.name == "vehicle.truck")
    assert ahead.center[1] > 20
    assert abs(ahead.center[0]) < 1
