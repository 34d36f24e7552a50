"""Detections in nuScenes' format are graded as the devkit does it, and by slices."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import few_tables
import matplotlib
import pytest

from av_synth.errors import StoreError, UserError
from av_synth.grade import Grades, SliceGrade, grade
from av_synth.query import read

matplotlib.use("Agg")  # the devkit's evaluation imports pyplot

from nuscenes import NuScenes
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.detection.evaluate import DetectionEval


def by_values(grades: Grades) -> dict[tuple[str, ...], SliceGrade]:
    return {(*each.slice_values.values(), *filter(None, [each.class_name])): each for each in grades.slices}


@pytest.mark.parametrize("split", ["all", "two", "train"])
def test_a_whole_dataset_is_graded_as_the_devkit_does_it(dataset: Path, tmp_path: Path, split: str) -> None:
    sent = few_tables.submission(dataset)
    sent["results"] = dict(reversed(sent["results"].items()))  # of equal scores some come first
    if split == "train":  # one of the official names, whose scenes are 1, 2, 4 and on; the devkit wants no others
        official = {f"s{k - 1}.{n}" for k in (1, 2, 4, 5, 6, 7, 8, 9, 10) for n in range(few_tables.SAMPLES)}
        sent["results"] = {token: rows for token, rows in sent["results"].items() if token in official}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(sent))
    nusc = NuScenes(few_tables.VERSION, str(dataset), verbose=False)
    config = config_factory("detection_cvpr_2019")
    theirs, _ = DetectionEval(nusc, config, str(path), split, str(tmp_path / "devkit"), verbose=False).evaluate()
    ours = grade(dataset, path, split=split, draws=2).metrics
    assert ours is not None
    assert 0.1 < theirs.mean_ap < 0.9
    assert ours.mean_ap == pytest.approx(theirs.mean_ap, abs=1e-12)
    assert ours.nds == pytest.approx(theirs.nd_score, abs=1e-12)
    assert ours.errors == pytest.approx(theirs.tp_errors, abs=1e-12)
    for name, metrics in ours.classes.items():
        for distance_m, ap in metrics.ap.items():
            assert ap == pytest.approx(theirs.get_label_ap(name, distance_m), abs=1e-12), (name, distance_m)
        for error, value in metrics.errors.items():
            other = theirs.get_label_tp(name, error)
            assert (value is None and math.isnan(other)) or value == pytest.approx(other, abs=1e-12), (name, error)


def test_who_is_missed_in_fog_is_missed_in_the_slice_of_fog_alone(dataset: Path) -> None:
    in_fog = {facts.sample_token for facts in read(dataset) if facts.values["weather.fog"]}
    sent = few_tables.submission(dataset, missed=lambda row: row["sample_token"] in in_fog)
    grades = grade(dataset, sent, "weather,ttc", score=0.0)
    told = by_values(grades)
    fog, dry = told["fog",], told["dry",]
    assert grades.slices[0] is fog
    assert (fog.found, fog.recall, fog.ap) == (0, 0.0, 0.0)
    assert fog.scenes == dry.scenes == 5
    assert fog.recall_high is not None
    assert dry.recall_low is not None
    assert 0.0 < fog.recall_high < 0.5 < dry.recall_low <= dry.recall  # type: ignore[operator]
    assert fog.objects + dry.objects == grades.overall.objects
    assert dry.found == grades.overall.found
    assert told["0..1 s",].objects == sum(
        row["instance_token"].endswith(".0") and bool(row["num_lidar_pts"] + row["num_radar_pts"])
        for row in few_tables.rows(dataset, "sample_annotation")
    )


def test_a_detection_of_nobody_is_wrong_where_its_sample_or_its_box_says_and_nowhere_else(dataset: Path) -> None:
    nothing: dict[str, Any] = {row["token"]: [] for row in few_tables.rows(dataset, "sample")}
    sent = {"results": nothing}
    (ego,) = (row["translation"] for row in few_tables.rows(dataset, "ego_pose") if row["token"] == "s1.2.LIDAR_TOP")
    ghost = {"translation": [ego[0] - 1.0, ego[1] + 39.0, 0.0], "size": [2.0, 4.0, 2.5], "rotation": [1, 0, 0, 0]}
    named = {"detection_name": "bus", "detection_score": 0.5, "attribute_name": "", "velocity": [math.nan] * 2}
    nothing["s1.2"] = [{"sample_token": "s1.2", **ghost, **named}]
    by = ["weather", "range", "weather+range", "height", "ttc", "weather+ttc"]
    told = by_values(grade(dataset, sent, by, score=0.0))
    assert {key for key, each in told.items() if each.wrong} == {
        ("fog",),
        ("30..40 m",),
        ("fog", "30..40 m"),
        ("2..3 m",),
    }
    assert told["fog", "0..1 s"].objects > 0
    assert told["fog", "0..1 s"].wrong is None
    assert told["0..1 s",].wrong is told["0..1 s",].precision is told["0..1 s",].ap is None
    assert told["fog",].precision == 0.0
    assert told["dry",].precision is None


def test_a_right_detection_is_in_the_slice_of_its_object_whatever_it_says_itself(dataset: Path) -> None:
    sent = few_tables.submission(dataset, missed=lambda row: False)
    for box in (box for listed in sent["results"].values() for box in listed):
        box["size"][2] += 7.0
    told = grade(dataset, sent, "height", score=0.0, draws=20).slices
    assert len(told) > 3
    assert all((each.wrong, each.ap) == (0, pytest.approx(1.0)) for each in told if each.objects)


def test_figures_of_classes_add_up_and_average_to_those_of_all(dataset: Path) -> None:
    grades = grade(dataset, few_tables.submission(dataset), per_class=True, draws=50)
    of_classes = {each.class_name: each for each in grades.slices}
    assert len(of_classes) == 10
    for key in ("objects", "found", "wrong"):
        assert sum(getattr(each, key) for each in grades.slices) == getattr(grades.overall, key)
    assert grades.metrics is not None
    for name, each in of_classes.items():
        assert each.ap == pytest.approx(sum(grades.metrics.classes[name].ap.values()) / 4)
    assert grades.overall.ap == pytest.approx(grades.metrics.mean_ap)
    inside = grade(dataset, few_tables.submission(dataset), "weather", per_class=True, draws=50)
    fog = [each for each in inside.slices if each.slice_values == {"weather": "fog"}]
    assert sum(each.found for each in fog if each.class_name) == by_values(inside)["fog",].found


def test_the_score_that_counts_is_that_of_the_best_f1(dataset: Path) -> None:
    sent = few_tables.submission(dataset)
    scores = grade(dataset, sent, draws=2).scores

    def f1(score: float) -> float:
        (car,) = (x for x in grade(dataset, sent, per_class=True, score=score, draws=2).slices if x.class_name == "car")
        return 2 * car.found / (car.found + (car.wrong or 0) + car.objects)

    assert f1(scores["car"]) == max(f1(k / 10) for k in range(11))


def test_slices_with_few_objects_or_scenes_are_marked_and_come_last(dataset: Path) -> None:
    grades = grade(dataset, few_tables.submission(dataset), "scene,range", draws=50)
    small = [each.too_small for each in grades.slices]
    assert small == sorted(small)
    assert all(each.too_small == (each.objects < 20 or each.scenes < 5) for each in grades.slices)
    assert {each.too_small for each in grades.slices if "scene" in each.slice_values} == {True}
    ranked = [each.recall for each in grades.slices if not each.too_small]
    assert len(ranked) > 3
    assert ranked == sorted(ranked, key=lambda recall: recall or 0.0)


def test_of_real_nuscenes_what_is_not_told_is_unknown(tmp_path: Path) -> None:
    plain = few_tables.build(tmp_path / "plain", scenes=5, extras=False)
    told = by_values(grade(plain, few_tables.submission(plain), "weather,speed,class", draws=20))
    assert told["unknown",].objects > 20
    assert told["vehicle.bus.rigid",].objects > 0


def test_equal_seeds_give_equal_figures_and_others_other_intervals(dataset: Path) -> None:
    sent = few_tables.submission(dataset)
    one, again, other = (json.dumps(grade(dataset, sent, "range", seed=seed).to_json()) for seed in (0, 0, 1))
    assert one == again != other
    assert json.loads(one)["overall"]["recall"] == json.loads(other)["overall"]["recall"]


SPOILED = {
    "velocity": ({"velocity": [1.0]}, r"detection 0: velocity: got \[1.0\], want 2 numbers"),
    "size": ({"size": [0, 1, 1]}, "size: got .*, want three numbers above 0"),
    "nan": ({"translation": [math.nan, 0, 0]}, "translation: got .*, want 3 numbers"),
    "huge": ({"translation": [10**400, 0, 0]}, "translation: got .*, want 3 numbers"),
    "infinite velocity": ({"velocity": [math.inf, 0]}, r"velocity: got \[inf, 0\], want 2 numbers"),
    "rotation": ({"rotation": [0, 0, 0, 0]}, "want a quaternion that is not 0"),
    "class": ({"detection_name": "van"}, "detection_name: got 'van', want one of car, truck"),
    "score": ({"detection_score": "high"}, "detection_score: got 'high', want a number"),
    "attribute": ({"attribute_name": "moving"}, "attribute_name: got 'moving', want '' or one of pedestrian.moving"),
    "sample": ({"sample_token": "other"}, "sample_token: got 'other', want that of the list it is in"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_detections_that_are_not_in_the_format_are_refused_with_their_place(dataset: Path, case: str) -> None:
    change, message = SPOILED[case]
    sent = copy.deepcopy(few_tables.submission(dataset))
    token, listed = next((token, listed) for token, listed in sent["results"].items() if listed)
    listed[0].update(change)
    with pytest.raises(UserError, match=f"results: sample {token}: .*{message}"):
        grade(dataset, sent)


def test_results_of_other_samples_and_slices_and_splits_that_are_none_are_refused(
    dataset: Path, tmp_path: Path
) -> None:
    sent = few_tables.submission(dataset)
    with pytest.raises(UserError, match=r"slices 'weather,,range': one has no name"):
        grade(dataset, sent, "weather,,range")
    with pytest.raises(UserError, match=r"no slice 'rang'; want some of scenario"):
        grade(dataset, sent, "weather+rang")
    with pytest.raises(UserError, match=r"no split 'three'; want one of all, two, train"):
        grade(dataset, sent, split="three")
    with pytest.raises(UserError, match="no scene of the split 'mini_val' is in this dataset"):
        grade(dataset, sent, split="mini_val")
    with pytest.raises(UserError, match=r"want at most 500"):
        grade(dataset, {"results": {**sent["results"], "s0.0": [{}] * 501}})
    with pytest.raises(UserError, match=r"results: sample 'x' is not in this dataset; want results of it"):
        grade(dataset, {"results": {**sent["results"], "x": []}})
    with pytest.raises(UserError, match="results: no sample is in it"):
        grade(dataset, {"results": {}})
    del sent["results"]["s1.0"]
    with pytest.raises(UserError, match=r"sample 's1.0' of the split 'two' is not in it; want a list for each"):
        grade(dataset, sent, split="two")
    with pytest.raises(UserError, match="want an object with 'results'"):
        grade(dataset, {"boxes": {}})
    with pytest.raises(UserError, match=r"none\.json: there is no such file; want detections"):
        grade(dataset, tmp_path / "none.json")
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(UserError, match=r"half\.json: cannot be read as JSON"):
        grade(dataset, tmp_path / "half.json")
    with pytest.raises(UserError, match="there is no such folder"):
        grade(tmp_path / "no", sent)


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    broken = few_tables.build(tmp_path / "broken", scenes=1)
    sent = few_tables.submission(broken)
    few_tables.write(broken, "attribute", [])
    with pytest.raises(StoreError, match=r"a table lacks what nuScenes has .*; av-synth verify says more"):
        grade(broken, sent)


def test_samples_without_a_scene_and_versions_that_are_not_there_are_named(tmp_path: Path) -> None:
    broken = few_tables.build(tmp_path / "broken", scenes=1)
    sent = few_tables.submission(broken)
    with pytest.raises(UserError, match=r"broken: has no version 'v2'; want --version with one of v1.0-trainval"):
        grade(broken, sent, version="v2")
    few_tables.write(broken, "scene", [])
    with pytest.raises(StoreError, match=r"v1.0-trainval: sample 's0.0' is of no scene, nor are 2 others"):
        grade(broken, sent)
