"""The official nuscenes-devkit reads, draws and scores the labels of lidar points, and derives the same ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nuscenes.scripts import export_2d_annotations_as_json as script

from av_synth import store
from av_synth.export.nuscenes import RunNames
from tests.devkit import oracles, point_oracles
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import HEIGHT, WIDTH, SyntheticTown, build_run

CLASSES = {"car", "truck", "bus", "trailer", "construction_vehicle", "pedestrian", "motorcycle", "bicycle"}
CLASSES |= {"traffic_cone", "barrier", "terrain"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    runs = [build_run(root, 0), build_run(root, 1, SyntheticTown("BelowZero", (-50.0, -30.0)))]
    return export(runs, root / "dataset")


@pytest.fixture(scope="module")
def nusc(dataset: Path) -> Any:
    return oracles.load(dataset)


def test_every_point_has_a_label(nusc: Any) -> None:
    assert len(nusc.lidarseg) == len(nusc.panoptic) == len(nusc.sample) == 8
    for token, lidarseg, panoptic in point_oracles.point_labels(nusc):
        points = oracles.LidarPointCloud.from_file(nusc.get_sample_data_path(token))
        assert len(lidarseg) == len(panoptic) == points.nbr_points() > 500


def test_panoptic_labels_are_those_that_the_devkit_derives(nusc: Any, tmp_path: Path) -> None:
    assert point_oracles.panoptic_differences(nusc, tmp_path) == []
    numbers = [set((labels[labels > 0] % 1000).tolist()) for _, _, labels in point_oracles.point_labels(nusc)]
    assert len(set.union(*numbers)) > 10


def test_the_devkits_own_labels_differ_if_one_point_is_of_another_class(nusc: Any, tmp_path: Path) -> None:
    path = Path(nusc.dataroot) / nusc.lidarseg[2]["filename"]
    labels = np.fromfile(path, np.uint8)
    thing = int(np.flatnonzero((labels > 0) & (labels < 24))[0])
    changed = labels.copy()
    changed[thing] = 24
    path.unlink()  # the run has the same file
    try:
        changed.tofile(path)
        assert point_oracles.panoptic_differences(nusc, tmp_path) == [nusc.lidarseg[2]["token"]]
    finally:
        labels.tofile(path)


def test_perfect_segmentation_scores_one_in_every_class(nusc: Any, tmp_path: Path) -> None:
    assert point_oracles.lidarseg_iou(nusc, tmp_path) == dict.fromkeys(CLASSES, 1.0)


def test_segmentation_that_takes_cars_for_trucks_does_not(nusc: Any, tmp_path: Path) -> None:
    def spoil(labels: np.ndarray) -> None:
        labels[labels == 4] = 10

    found = point_oracles.lidarseg_iou(nusc, tmp_path, spoil)
    assert found["car"] == 0.0
    assert found["truck"] < 0.8
    assert found["bus"] == 1.0


def test_perfect_panoptic_labels_score_one_in_every_class_and_over_time(nusc: Any, tmp_path: Path) -> None:
    found = point_oracles.panoptic_scores(nusc, tmp_path)
    assert set(found) == CLASSES
    for name, scores in found.items():
        assert scores == pytest.approx(dict.fromkeys(scores, 1.0), abs=1e-6), name


def test_panoptic_labels_that_number_every_turn_anew_do_not(nusc: Any, tmp_path: Path) -> None:
    turn = iter(range(100))

    def spoil(labels: np.ndarray) -> None:
        labels[labels % 1000 > 0] += np.uint16(20 * next(turn))

    found = point_oracles.panoptic_scores(nusc, tmp_path, spoil)
    assert found["bus"]["PQ"] == pytest.approx(1.0, abs=1e-6)
    assert found["bus"]["PTQ"] < 0.9


def test_statistics_and_instances_are_listed(nusc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    nusc.get_sample_lidarseg_stats(nusc.sample[0]["token"])
    nusc.get_sample_lidarseg_stats(nusc.sample[0]["token"], gt_from="panoptic")
    nusc.list_lidarseg_categories()
    nusc.list_panoptic_instances()
    told = capsys.readouterr().out
    assert "vehicle.emergency.police" in told
    assert "flat.terrain" in told


@pytest.mark.parametrize("show", ["show_lidarseg", "show_panoptic"])
def test_points_are_drawn_in_the_colours_of_their_labels(nusc: Any, tmp_path: Path, show: str) -> None:
    sample = nusc.sample[1]
    nusc.render_sample_data(
        sample["data"]["LIDAR_TOP"], out_path=str(tmp_path / "a.png"), verbose=False, **{show: True}
    )
    nusc.render_pointcloud_in_image(sample["token"], out_path=str(tmp_path / "b.png"), verbose=False, **{show: True})
    plt.close("all")
    assert min((tmp_path / name).stat().st_size for name in ("a.png", "b.png")) > 5000


def test_image_annotations_are_those_of_the_devkits_script(
    nusc: Any, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "nusc", nusc, raising=False)
    # the script takes every image for one of 1600 x 900
    monkeypatch.setattr(script.post_process_coords, "__defaults__", ((WIDTH, HEIGHT),))
    cameras = [row["token"] for row in nusc.sample_data if row["sensor_modality"] == "camera" and row["is_key_frame"]]
    theirs = [row for token in cameras for row in script.get_2d_boxes(token, ["", "1", "2", "3", "4"])]
    assert len(theirs) > 60
    assert len(nusc.image_annotations) == len(theirs)
    for ours, other in zip(nusc.image_annotations, json.loads(json.dumps(theirs)), strict=True):
        assert ours.pop("bbox_corners") == pytest.approx(other.pop("bbox_corners"), abs=1e-6)
        assert ours == other


def test_points_know_their_instance_also_where_no_box_holds_them(nusc: Any, dataset: Path) -> None:
    """Against the devkit's panoptic labels, which know it by boxes only."""
    tables = {
        name: json.loads((dataset / nusc.version / f"{name}.json").read_text())
        for name in ("lidar_instance", "instance_actor")
    }
    files = {row["token"]: dataset / row["filename"] for row in tables["lidar_instance"]}
    instances = {row["token"]: row["actor_id"] for row in tables["instance_actor"]}
    assert set(instances) == {row["token"] for row in nusc.instance}
    compared = 0
    for token, _, panoptic in point_oracles.point_labels(nusc):
        actor = np.fromfile(files[token], "<u4")
        by_number = [set(actor[panoptic % 1000 == number].tolist()) for number in set((panoptic % 1000).tolist()) - {0}]
        assert all(len(ids) == 1 for ids in by_number)
        annotated = {
            nusc.get("sample_annotation", t)["instance_token"]
            for t in nusc.get("sample", nusc.get("sample_data", token)["sample_token"])["anns"]
        }
        assert {ids.pop() for ids in by_number} <= {instances[instance] for instance in annotated}
        compared += len(by_number)
    assert compared > 40


def test_tokens_of_segmentation_are_those_of_the_lidar_keyframes(nusc: Any, dataset: Path) -> None:
    run_ids = sorted(path.name for path in store.runs(dataset.parent))
    wanted = {RunNames(run_id).sample_data("LIDAR_TOP", frame) for run_id in run_ids for frame in (0, 10, 20, 30)}
    assert {row["token"] for row in nusc.lidarseg} == {row["sample_data_token"] for row in nusc.panoptic} == wanted
