"""Conditions, and how often events begin, on frames of a test's own."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pytest

from av_synth.director.events.agenda import Agenda
from av_synth.director.events.triggers import watch
from av_synth.director.expectations import Judge
from av_synth.director.model import Outcome
from av_synth.errors import CastError
from av_synth.scenario.expectations import Expectation
from av_synth.scenario.model import EventSpec
from tests.director.views import EGO_ID, OTHER_ID, Placed, frame, look, scene, straight

SLOW_ID, REAR_ID = 3, 4


def event(when: dict[str, object], **more: object) -> EventSpec:
    spec = {"actor": "other", "when": when, "do": {"drive": {"speed_kmh": 1}}, **more}
    return EventSpec.model_validate_json(json.dumps(spec))


def everybody(t: float) -> dict[int, Placed]:
    """The ego drives at 10 m/s from 0 and tows something, `other` stands at 50, `slow` drives beside at 5 m/s."""
    return {
        EGO_ID: ("ego", 10.0 * t, 0.0, 0.0, 10.0),
        OTHER_ID: ("other", 50.0, 0.0, 0.0, 0.0),
        SLOW_ID: ("slow", 30.0 + 5.0 * t, 3.5, 0.0, 5.0),
        REAR_ID: ("ego_rear", 10.0 * t - 4.0, 0.0, 0.0, 10.0),
    }


def begins_s(when: dict[str, object]) -> float | None:
    """When an event of `other` begins; the ego brakes from 1.5 s on, as far as its acceleration tells."""
    stage, due = scene(straight(200.0), other=OTHER_ID, slow=SLOW_ID), watch(event(when))
    for k in range(200):
        t = k * 0.05
        if due(look(stage, frame(t, everybody(t), -3.0 if t > 1.49 else 0.0))):
            return round(t, 2)
    return None


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ({"aside_m": {"of": "slow", "max": 1.6}}, 0.0),
        ({"aside_m": {"of": "slow", "max": 1.4}}, None),
        ({"aside_m": {"of": "slow", "centres": True, "max": 3.4}}, None),
        ({"faster_kmh": {"of": "ego", "to": "slow", "min": 17.9}}, 0.0),
        ({"faster_kmh": {"of": "slow", "min": 0}}, None),
        ({"acceleration_mps2": {"of": "ego", "max": -2}}, 1.5),
        ({"travelled_m": {"of": "ego", "min": 20}}, 2.0),
        ({"travelled_m": {"of": "slow", "min": 20}}, 4.0),
        ({"gap_m": {"of": "ego", "to": "other", "max": 20}}, 2.6),
        ({"gap_m": {"of": "ego", "to": "other", "centres": True, "max": 20}}, 3.0),
        ({"gap_m": {"of": "slow", "ahead": True, "max": 10}}, 6.05),
        ({"gap_s": {"of": "ego", "to": "slow", "ahead": True, "max": 2}}, 1.2),
        ({"distance_m": {"of": "ego", "to": "other", "centres": True, "max": 20}}, 3.0),
        ({"distance_m": {"of": "other", "ahead": True, "max": 10}}, 5.05),
        ({"contact": {}}, 4.6),
        ({"contact": {"of": "ego", "to": None}}, 4.6),
        ({"contact": {"of": "slow", "to": None}}, None),
        ({"near": {"of": "ego", "at": {"x_m": 30, "y_m": 0}, "within_m": 5}}, 2.5),
        ({"near": {"of": "ego", "at": {"road_id": 1, "lane_id": -1, "s_m": 30}, "within_m": 5}}, 2.5),
        ({"lane_ends": {"of": "ego"}}, 9.85),
        ({"off_road": {"of": "slow"}}, 0.0),
        ({"off_road": {"of": "ego"}}, None),
        ({"none": [{"travelled_m": {"of": "ego", "max": 5}}]}, 0.55),
        ({"none": [{"time_s": 0}, {"off_road": {"of": "gone"}}]}, None),
        ({"none": [{"contact": {"of": "gone", "to": None}}]}, 0.0),
        ({"all": [{"none": [{"travelled_m": {"of": "gone", "min": 0}}]}, {"time_s": 1}]}, 1.0),
        ({"speed_kmh": {"of": "ego", "min": 30}, "anew": True}, None),
        ({"reaches": {"of": "ego", "ahead_m": 20}, "anew": True}, 2.0),
        ({"gap_m": {"of": "ego", "to": "slow", "max": 0}, "for_s": 0.5, "anew": True, "delay_s": 1}, 6.7),
        ({"near": {"of": "gone", "at": {"x_m": 30, "y_m": 0}, "within_m": 500}}, None),
    ],
)
def test_each_condition_holds_from_when_it_should_and_never_of_somebody_who_is_not_there(
    when: dict[str, object], wanted: float | None
) -> None:
    assert begins_s(when) == (None if wanted is None else pytest.approx(wanted, abs=0.051))


def test_what_must_last_no_longer_holds_once_it_is_broken() -> None:
    stage, due = scene(straight(200.0)), watch(event({"speed_kmh": {"of": "ego", "max": 1}, "for_s": 0.5}))
    held = [due(look(stage, frame(t, {EGO_ID: ("ego", 0, 0, 0, 5.0 if t > 1 else 0.0)}))) for t in (0, 0.5, 1, 1.5)]

    assert held == [False, True, True, False]


def test_a_place_that_the_map_has_not_is_said() -> None:
    with pytest.raises(CastError, match="no lane -7 of road 1"):
        begins_s({"near": {"of": "ego", "at": {"road_id": 1, "lane_id": -7, "s_m": 3}, "within_m": 5}})


def test_an_event_begins_again_when_it_is_over_and_its_condition_has_come_to_hold_anew() -> None:
    near = event({"distance_m": {"of": "ego", "to": "other", "max": 10}}, name="near", times=2)
    after = event({"after": {"event": "near", "done": True}}, times=5)
    agenda, stage = Agenda([near, after]), scene(straight(200.0), other=OTHER_ID)
    begun: list[tuple[float, bool]] = []
    for k in range(120):  # back and forth: nearer than 10 m from 0.5 to 1.5 s and from 2.5 to 3.5 s
        t = k * 0.05
        x = 40.3 - 8.0 * math.cos(math.pi * t)
        view = look(stage, frame(t, {EGO_ID: ("ego", x - 5.0, 0, 0, 0.0), OTHER_ID: ("other", 49, 0, 0, 0.0)}))
        if any(math.isclose(t, over) for over in (1.0, 2.8)):
            agenda.over(near, view.time_us, stage)
        for due in agenda.due(view):
            begun.append((round(t, 2), due is near))
            if due is after:
                agenda.over(after, view.time_us, stage)

    assert begun == [(0.5, True), (1.0, False), (2.5, True), (2.8, False)]


def test_whatever_somebody_does_is_over_when_they_go() -> None:
    one = event({"time_s": 0}, name="one")
    agenda, stage = Agenda([one]), scene(straight(200.0), other=OTHER_ID)
    view = look(stage, frame(0.0, everybody(0.0)))

    assert list(agenda.due(view)) == [one]
    assert "one" not in stage.over_us
    agenda.give_up("other", view)
    assert stage.over_us == {"one": 0}
    assert list(agenda.due(view)) == []


def test_what_never_began_is_told_by_its_name_and_by_what_was_to_be_done() -> None:
    agenda = Agenda([event({"time_s": 0}), event({"time_s": 99}), event({"time_s": 99}, name="late")])

    list(agenda.due(look(scene(straight(200.0), other=OTHER_ID), frame(0.0, everybody(0.0)))))

    does = f"{event({'time_s': 0}).actor}.{event({'time_s': 0}).do.kind}"  # type: ignore[union-attr]
    assert agenda.never_began() == (does, f"late ({does})")


def test_somebody_who_comes_later_and_goes_is_judged_while_they_are_there() -> None:
    expectations = [
        {
            "of": "other",
            "distance_m": {"max": 99},
            "contact": False,
            "pet_s": {"min": 0},
            "deceleration_mps2": {"max": 1},
        },
        {"of": "never", "distance_m": {"max": 99}, "contact": False, "first": "never"},
    ]
    told = tuple(Expectation.model_validate_json(json.dumps(item)) for item in expectations)
    concrete = SimpleNamespace(expectations=told, actors={"other": None, "never": None})
    judge, stage = Judge(concrete, None, None), scene(straight(200.0))  # type: ignore[arg-type]
    for k in range(60):
        t, there = k * 0.05, {20: {"other": OTHER_ID}, 40: {}}
        if k in there:
            stage.ids = {"ego": EGO_ID, **there[k]}
        placed = everybody(t)
        judge.measure(look(stage, frame(t, {key: placed[key] for key in stage.ids.values()})))
    found = {result.name: result for result in judge.outcome().expectations}

    assert found["other.distance_m"].reached == pytest.approx(50 - 19.5 - 4)
    assert found["other.distance_m"].time_us == 1_950_000
    assert (found["other.contact"].reached, found["never.contact"].held) == (False, True)
    assert (found["never.distance_m"].reached, found["never.first"].reached) == (math.inf, None)


def test_who_but_the_ego_came_to_touch_is_told_and_a_load_that_lies_on_its_truck_from_the_first_is_not() -> None:
    names = {"van": 2, "cyclist": 3, "load": 4}
    concrete = SimpleNamespace(expectations=(), actors=dict.fromkeys(names))
    judge, stage = Judge(concrete, None, None), scene(straight(200.0), **names)  # type: ignore[arg-type]
    for k in range(10):
        van = ("van", 30.0 + k, 0.0, 0.0, 20.0)
        cars = {2: van, 3: ("cyclist", 40.5, 0.0, 0.0, 0.0), 4: ("load", 27.0 + k, 0.0, 0.0, 20.0)}
        judge.measure(look(stage, frame(k * 0.05, {EGO_ID: ("ego", 0.0, 0.0, 0.0, 0.0), **cars})))
    outcome = judge.outcome()

    # cars of 4 m touch where their middles are 4 m apart
    assert [str(touched) for touched in outcome.touched] == ["van and cyclist at 0.35 s"]
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    assert "touched" not in Outcome(()).to_json()
