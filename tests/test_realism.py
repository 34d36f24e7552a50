"""How tools/bench_realism.py counts; no detector, no simulator."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.rig.model import Camera, Mount
from tools import realism_frames as frames
from tools import realism_judge as judge
from tools import realism_orders as orders
from tools import realism_score as score
from tools import realism_sheet as sheet
from tools import realism_truth as truth

ROOT = Path(__file__).resolve().parent.parent
ROAD = frozenset({"car", "truck", "bus"})


def car(left: float, **changes: Any) -> Any:
    """A car 100 px wide and 50 high, at 15 m."""
    accepts = changes.pop("accepts", frozenset({"car"}))
    known = {"box": (left, 0.0, left + 100.0, 50.0), "visible": 1.0, "distance_m": 15.0, "body": "vehicle.audi.a2"}
    return score.Truth(changes.pop("group", "car"), accepts, ROAD, **{**known, **changes})


def found(left: float, chance: float, label: str = "car", tall: float = 50.0, far_m: float = 15.0) -> Any:
    return score.Found(label, chance, (left, 0.0, left + 100.0, tall), far_m)


def result(truths: list[Any], detections: list[Any], **changes: Any) -> Any:
    question = score.Question(frozenset({"car"}), frozenset({"car"}), **changes)
    return score.match(score.Picture(tuple(truths), tuple(detections)), question)


def test_a_detection_takes_the_object_it_overlaps_most_and_a_second_one_of_it_is_a_false_alarm() -> None:
    matches = result([car(0), car(40)], [found(30, 0.9), found(35, 0.8)])
    assert matches.hits == ((0, 1),)
    assert matches.missed == (0,)
    assert matches.false == (1,)


def test_an_overlap_of_a_half_is_enough_and_of_less_is_not() -> None:
    third = 100.0 / 3.0
    assert result([car(0)], [found(third - 0.01, 0.9)]).hits == ((0, 0),)
    assert result([car(0)], [found(third + 0.01, 0.9)]).missed == (0,)


@pytest.mark.parametrize(
    "changes",
    [{"visible": 0.59}, {"box": (0.0, 0.0, 100.0, 39.9)}, {"counts": False}],
    ids=["hidden", "small", "no class"],
)
def test_what_does_not_count_is_neither_missed_nor_a_false_alarm_when_it_is_found(changes: dict[str, Any]) -> None:
    ignored = car(0, **changes)
    for detections in ([], [found(0, 0.9)]):
        matches = result([ignored], detections)
        assert (matches.hits, matches.missed, matches.false) == ((), (), ())
    assert result([car(0)], [found(200, 0.9)]).false == (0,)


def test_a_detection_inside_what_does_not_count_is_no_false_alarm_and_one_of_another_class_is() -> None:
    wide = car(0, box=(0.0, 0.0, 1000.0, 300.0), visible=0.3)
    assert result([wide], [found(400, 0.9)]).false == ()
    person = car(0, group="person", accepts=frozenset({"person"}))
    assert result([person], [found(0, 0.9)]).false == (0,)


def test_detections_that_are_too_small_to_count_are_no_false_alarms() -> None:
    assert result([], [found(0, 0.9, tall=39.0), found(0, 0.9, tall=40.0)]).false == (1,)


def test_a_wrong_class_is_a_miss_unless_the_body_has_both_names_or_the_question_is_lenient() -> None:
    truck = [found(0, 0.9, "truck")]
    assert result([car(0)], truck).missed == (0,)
    assert result([car(0, accepts=ROAD)], truck).hits == ((0, 0),)
    assert result([car(0)], truck, lenient=True).hits == ((0, 0),)


def test_a_car_seen_in_a_truck_is_a_false_alarm_only_where_the_question_is_strict() -> None:
    truck = car(0, group="large", accepts=frozenset({"truck"}))
    assert result([truck], [found(0, 0.9)]).false == (0,)
    assert result([truck], [found(0, 0.9)], lenient=True).false == ()


def test_a_second_name_of_what_was_found_is_no_false_alarm() -> None:
    van = car(0, accepts=ROAD)
    matches = result([van], [found(0, 0.9, "truck"), found(0, 0.8), found(2, 0.7, "truck")])
    assert matches.hits == ((0, 0),)
    assert matches.false == ()
    assert result([van], [found(0, 0.9), found(2, 0.7)]).false == (1,)


def test_a_range_asks_only_for_what_is_there_and_minds_only_false_alarms_there() -> None:
    near, far = car(0, distance_m=5.0), car(300, distance_m=25.0)
    alarms = [found(600, 0.9, far_m=5.0), found(900, 0.9, far_m=25.0)]
    matches = result([near, far], [found(300, 0.9), *alarms], near_m=20.0, far_m=30.0)
    assert matches.hits == ((0, 1),)
    assert matches.missed == ()
    assert matches.false == (2,)


def test_average_precision_recall_and_precision_are_those_worked_out_by_hand() -> None:
    truths = tuple(car(left) for left in (0, 200, 400, 600))
    seen = [found(0, 0.9), found(900, 0.8), found(200, 0.7), found(400, 0.2)]
    question = score.Question(frozenset({"car"}), frozenset({"car"}))
    total = score.tally([score.Picture(truths, tuple(seen))], question)
    assert total.recall(0.3) == 0.5
    assert total.precision(0.3) == pytest.approx(2 / 3)
    # precision 1 up to a recall of 1/4 (26 of 101 points), then 3/4 up to 3/4 (50 of them), then nothing
    assert total.average_precision() == pytest.approx((26 * 1.0 + 50 * 0.75) / 101)


def test_nothing_wanted_has_no_recall_and_nothing_found_no_precision() -> None:
    question = score.Question(frozenset({"car"}), frozenset({"car"}))
    empty = score.tally([score.Picture((), (found(0, 0.9),))], question)
    assert (empty.recall(0.0), empty.precision(0.0), empty.average_precision()) == (None, 0.0, None)
    blind = score.tally([score.Picture((car(0),), ())], question)
    assert (blind.recall(0.0), blind.precision(0.0), blind.average_precision()) == (0.0, None, 0.0)


def test_each_body_has_its_own_recall_and_the_worst_comes_first() -> None:
    truths = (car(0), car(200), car(400, body="vehicle.audi.tt"))
    seen = (found(0, 0.9), found(200, 0.9, "truck"), found(400, 0.29))
    told = score.by_body([score.Picture(truths, seen)])
    assert list(told) == ["car"]
    assert list(told["car"].items()) == [
        ("vehicle.audi.tt", {"objects": 1, "recall": 0.0, "lenient": 0.0}),
        ("vehicle.audi.a2", {"objects": 2, "recall": 0.5, "lenient": 1.0}),
    ]


def shot(category: str, tag: np.ndarray, **attributes: str) -> Any:
    """A body 2 m wide and 1 m high 10 m before a camera of 200 x 100 pixels, in a grey picture; the ego is 1."""
    camera = Camera("CAM", Mount((0, 0, 0), (1, 0, 0, 0)), 1, 200, 100, 100.0, 100.0, 99.5, 49.5)
    size = np.array([4.0, 1.0, 2.0])
    pose = from_yaw(0.0, 0.0, 0.0, 0.0)
    pose[:3, 3] = (0.0, 0.0, 10.0)  # the camera's axes are the world's here
    state = ActorState(pose, np.zeros(3), np.zeros(3), np.zeros(3))
    info = ActorInfo(7, "vehicle.test", "it", category, np.zeros(3), size, attributes=attributes)
    instance = np.where(tag > 0, 7, 0).astype(np.uint16)
    extent = SimpleNamespace(alone_px=int((tag > 0).sum()), visible_px=int((tag > 0).sum()), alone_box=(0, 0, 1, 1))
    label = SimpleNamespace(
        tag=tag, instance=instance, depth_m=np.full((100, 200), 50.0, np.float32), extent_px={7: extent}
    )
    world = WorldState(0, 0, {7: state}, {7: info})
    grey = np.full((100, 200, 3), 100, np.uint8)
    return frames.Shot("clear day", ("", "", ""), "", grey, label, world, camera, np.eye(4), 1)


def seen_in(taken: Any, scale: float = 1.0) -> Any:
    """What a shot shows, as it was taken."""
    return truth.truths(taken, scale, taken.label.instance)


def test_a_rider_and_what_they_ride_are_two_objects() -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[20:40, 90:110], tag[40:70, 80:120] = 13, 19
    rider, cycle = seen_in(shot("vehicle.bicycle", tag), 2.0)
    assert (rider.group, rider.accepts, rider.box) == ("rider", {"person"}, (180.0, 40.0, 220.0, 80.0))
    assert (cycle.group, cycle.accepts, cycle.box) == ("cycle", {"bicycle"}, (160.0, 80.0, 240.0, 140.0))


@pytest.mark.parametrize(
    ("width_m", "group", "box"),
    [(0.6, "person", (60.0, 20.0, 140.0, 81.0)), (1.04, "person with things", (80.0, 23.0, 120.0, 81.0))],
)
def test_a_person_under_an_umbrella_is_told_apart_from_it_and_does_not_count_as_a_person(
    width_m: float, group: str, box: tuple[float, ...]
) -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[20:23, 60:140], tag[23:81, 80:120] = 12, 12  # a canopy, and who walks below it; 0.1 m a pixel
    taken = shot("human.pedestrian.adult", tag)
    taken.state.infos[7].size_lwh_m[:] = (width_m, width_m, 6.0)
    taken.state.actors[7].world_from_actor[:3, :3] = [[0, -1, 0], [0, 0, -1], [1, 0, 0]]  # it stands
    taken.label.depth_m[:] = 10.0
    (seen,) = seen_in(taken)
    assert (seen.group, seen.box) == (group, box)
    matches = score.match(score.Picture((seen,), (score.Found("person", 0.9, box),)), score.QUESTIONS["person"])
    assert matches.false == ()
    assert len(matches.hits) == (group == "person")


def test_who_sits_in_a_wheelchair_is_the_person_and_a_stroller_is_nothing_to_be_found() -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[20:60, 90:110], tag[60:80, 80:120] = 12, 21
    person, chair = seen_in(shot("human.pedestrian.wheelchair", tag))
    assert (person.group, person.accepts, person.box) == ("person with things", {"person"}, (90.0, 20.0, 110.0, 60.0))
    (stroller,) = seen_in(shot("human.pedestrian.stroller", tag))
    assert not chair.counts
    assert not stroller.counts
    picture = score.Picture((stroller,), (score.Found("person", 0.9, stroller.box),))
    assert score.match(picture, score.QUESTIONS["person"]).false == ()


@pytest.mark.parametrize(("kind", "names"), [("car", {"car"}), ("van", {"car", "truck", "bus"})])
def test_a_van_may_be_called_a_truck_and_a_car_may_not(kind: str, names: set[str]) -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[40:60, 80:120] = 14
    (seen,) = seen_in(shot("vehicle.car", tag, base_type=kind))
    assert (seen.group, seen.accepts) == ("car", names)
    assert seen.visible == pytest.approx(1.0)
    assert seen.distance_m == pytest.approx(10.0)


@pytest.mark.parametrize(("high_m", "names"), [(2.0, {"car", "truck"}), (2.6, {"truck"})])
def test_a_pickup_may_be_called_a_car_and_a_lorry_may_not(high_m: float, names: set[str]) -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[40:60, 80:120] = 15
    taken = shot("vehicle.truck", tag)
    taken.state.infos[7].size_lwh_m[2] = high_m
    (seen,) = seen_in(taken)
    assert (seen.group, seen.accepts) == ("large", names)


def test_the_control_has_a_shaded_box_where_the_body_was_and_nothing_behind_what_hides_it() -> None:
    tag = np.zeros((100, 200), np.uint8)
    tag[45:55, 85:115] = 14
    taken = shot("vehicle.car", tag)
    taken.label.depth_m[:, :100] = 3.0
    boxes, instance = truth.with_boxes(taken)
    assert not (instance[:, :85] == 7).any()
    assert (instance[45:55, 100:115] == 7).all()
    assert (instance == 7).sum() > (tag > 0).sum()
    assert len(np.unique(boxes[instance == 7], axis=0)) <= 3  # no more faces than a box shows
    assert (boxes[:, :85] == 100).all()


def test_without_a_judge_the_bench_says_what_it_wants(tmp_path: Path) -> None:
    for wrong in ("", str(tmp_path / "none.onnx")):
        command = [sys.executable, "-m", "tools.bench_realism", "--judge", wrong, "--out", str(tmp_path / "out")]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert told.returncode == 2
        assert f"got {wrong!r}" in told.stderr
        assert "JUDGE=/path/to/yolox_nano_coco.onnx" in told.stderr
    assert not (tmp_path / "out").exists()


def test_a_picture_is_laid_into_the_top_left_corner_of_the_judges() -> None:
    canvas, scale = judge.fitted(np.full((900, 1600, 3), 7, np.uint8))
    assert (canvas.shape, scale) == ((736, 1280, 3), 0.8)
    assert (canvas[:720] == 7).all()
    assert (canvas[720:] == 114).all()


def test_the_share_of_each_stratum_adds_up() -> None:
    for wanted in (6, 24, 96, 97):
        assert sum(orders.shares(wanted).values()) == wanted
    assert orders.shares(96) == dict(orders.STRATA)


def test_equal_seeds_order_equal_pictures_and_others_other_ones() -> None:

    def first(seed: int) -> list[Any]:
        return [next(stream) for _, stream in list(orders.orders(6, seed))[:1]]

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_a_stratum_has_towns_in_turn_people_in_every_other_and_no_scenario_twice_in_a_row() -> None:
    drawn = list(islice(dict(orders.orders(24, 1))["wet night"], 6))
    assert len({each.scenario.town for each in drawn}) == 6
    assert len({each.scenario.name for each in drawn}) == 6
    assert [each.people for each in drawn] == [True, False] * 3
    assert all(each.scenario.weather.wetness > 0 > each.scenario.weather.sun_altitude_angle for each in drawn)


def test_a_sheet_holds_every_picture(tmp_path: Path) -> None:
    picture = score.Picture((car(0),), ())
    small = sheet.thumbnail(np.zeros((736, 1280, 3), np.uint8), "it", picture, [])
    sheet.write_sheet([small] * 5, tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (2 * small.shape[0], 4 * small.shape[1], 3)
