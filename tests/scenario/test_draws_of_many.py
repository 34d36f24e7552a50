"""Draws of flows and crowds, actors taken out, and another town: each item from its own random stream."""

from __future__ import annotations

import json

import pytest

from av_synth import documents, scenario
from av_synth.errors import DocumentError
from av_synth.scenario.scenario import from_document

TEXT = """name: busy
description: many people
duration_s: 3
road: {length_m: 50, pavement: [right], junction: {ahead_m: 40}}
ego: {speed_kmh: 30, reaction: {to: van, delay_s: 1, deceleration_mps2: 5}}
actors:
  van: {body: van, at: {ahead_m: 40}}
  child: {body: child, at: {beyond: van, lane: pavement_right}}
flows:
  - {arm: left, lane: same, route: right, first_m: 20, every_s: {uniform: [1, 3]}, vehicles: 4, speed_kmh: 30}
crowds:
  - {from_m: 5, to_m: 45, people: 8}
signals: {ego: green}
events:
  - {actor: child, when: {time_s: 1}, do: {cross: {speed_kmh: 5}}}
  - {actor: van, when: {time_s: 2}, do: {stall: {}}}
expectations:
  - {of: child, contact: false}
"""


def busy(*changes: tuple[str, str]) -> scenario.Scenario:
    text = TEXT.replace(", junction: {ahead_m: 40}", ", junction: {ahead_m: 40, control: signals}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return from_document(documents.parse(text, "busy.yaml"))


def test_a_flow_is_drawn_vehicle_by_vehicle_and_a_crowd_person_by_person():
    drawn = scenario.draw(busy(), 3)
    (flow,), (crowd,) = drawn.flows, drawn.crowds

    assert (flow.arm, flow.lane, flow.route, flow.first_m, len(flow.vehicles)) == ("left", "same", ("right",), 20, 4)
    assert all(1 <= each.gap_s <= 3 and 0 <= each.pick < 1 for each in flow.vehicles)
    assert len({each.gap_s for each in flow.vehicles}) == 4
    assert len(crowd.people) == 8
    assert all(5 <= each.at_m <= 45 and abs(each.offset_m) <= 0.5 for each in crowd.people)
    assert all(3.5 <= each.speed_kmh <= 5.5 for each in crowd.people)
    assert {each.direction for each in crowd.people} == {"along", "against"}
    assert json.loads(json.dumps(drawn.to_json())) == drawn.to_json()


def test_a_longer_flow_and_a_larger_crowd_begin_with_the_same_ones():
    few = scenario.draw(busy(), 3)
    many = scenario.draw(busy(("vehicles: 4", "vehicles: 6"), ("people: 8", "people: 9")), 3)

    assert many.flows[0].vehicles[:4] == few.flows[0].vehicles
    assert many.crowds[0].people[:8] == few.crowds[0].people


def test_an_actor_that_is_taken_out_leaves_the_others_draws_alone_and_makes_another_run():
    whole, less = scenario.draw(busy(), 3), scenario.draw(busy(), 3, without=["van"])

    assert (whole.without, less.without) == ((), ("van",))
    assert [event.actor for event in less.events] == ["child"]
    assert less.picks == whole.picks
    assert less.actors == whole.actors  # the child stands beyond where the van would be
    assert less.to_json() != whole.to_json()
    with pytest.raises(DocumentError, match="--without: busy has no actor 'vam'; did you mean 'van'"):
        scenario.draw(busy(), 3, without=["vam"])


def test_a_town_given_by_hand_wins_over_none_and_over_the_scenarios_own():
    assert scenario.draw(busy(), 3).town is None
    assert scenario.draw(busy(), 3, town="Town05").road.town == "Town05"
    assert scenario.draw(scenario.load("cut_in_wet"), 3, town="Town05").town == "Town05"


def test_an_exact_pose_stays_in_its_town():
    found = busy(
        ("junction: {ahead_m: 40, control: signals}", "town: Town01, pose: {x_m: 1, y_m: 2}"),
        ("arm: left, lane: same, ", ""),
        ("signals: {ego: green}\n", ""),
    )

    assert scenario.draw(found, 0).town == "Town01"
    with pytest.raises(DocumentError, match=r"--town: got 'Town02'; want Town01, where road\.pose is"):
        scenario.draw(found, 0, town="Town02")
