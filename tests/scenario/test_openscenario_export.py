"""OpenSCENARIO out: a draw becomes 1.2, what has no words is told, and reading it back gives the same story."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from av_synth import documents, scenario
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.openscenario import Exported, export, import_file
from av_synth.scenario.scenario import from_document
from tests.scenario.xosc import ROAD

EXACT = """name: exact
description: places on a map
duration_s: 20
weather: {preset: cloudy_noon, rain_mm_h: 5}
road: {town: straight.xodr, length_m: 100, curve: any, pose: {x_m: 50, y_m: -1.75, yaw_deg: 0}}
ego: {speed_kmh: 36}
actors:
  other: {body: van, speed_kmh: 54, at: {pose: {x_m: 90, y_m: -5.25, yaw_deg: 0}}}
  child: {body: child, at: {pose: {x_m: 150, y_m: -8, yaw_deg: 90}}}
events:
EVENTS
"""
KEPT = [
    "{name: a, actor: other, when: {time_s: 2}, do: {drive: {speed_kmh: 18, acceleration_mps2: 3}}}",
    "{name: a, actor: other, when: {time_s: 2}, do: {drive: {speed_kmh: 18, over_s: 4}}}",
    "{name: a, actor: ego, when: {travelled_m: {of: ego, min: 20}}, do: {lane_change: {to: right, duration_s: 4}}}",
    "{name: a, actor: other, when: {gap_m: {of: other, to: ego, max: 9}, anew: true}, do: {cut_in: {duration_s: 2}}}",
    "{name: a, actor: other, when: {gap_s: {of: ego, to: other, max: 2, ahead: true}, delay_s: 1}, "
    "do: {lane_change: {lane_id: -1, duration_s: 2}}}",
    "{name: a, actor: child, when: {near: {of: ego, at: {x_m: 99.5, y_m: -1.75}, within_m: 3}}, "
    "do: {cross: {speed_kmh: 9, distance_m: 10}}}",
    "{name: a, actor: other, when: {all: [{time_s: 1}, {speed_kmh: {of: ego, max: 20}}]}, "
    "do: {match_speed: {who: ego, factor: 1.5, keeps_to_it: true, acceleration_mps2: 2}}}",
    "{name: a, actor: other, when: {any: [{time_s: 9}, {contact: {of: ego, to: other}}]}, "
    "do: {follow: {who: ego, gap_s: 2}}}",
    "{name: a, actor: other, when: {ttc_s: {of: ego, to: other, max: 2}}, "
    "do: {follow_course: {timed: [[0, 90, -5.25], [3, 130, -1.75]]}}}",
    "{name: a, actor: other, when: {time_s: 1}, do: {arrive_together: {who: ego, at: {x_m: 150, y_m: -5.25}, "
    "who_at: {x_m: 140, y_m: -1.75}, final_kmh: 30}}}",
    "{name: a, actor: other, when: {time_s: 1}, do: {lights: {on: [left]}}}",
    "{name: a, actor: other, when: {time_s: 1}, do: {vanish: {}}}",
    "{name: a, actor: other, when: {time_s: 1}, do: {reverse: {speed_kmh: 9}}}",
]


def drawn(folder: Path, *events: str) -> tuple[ConcreteScenario, Exported]:
    listed = "\n".join(f"  - {event}" for event in events)
    document = documents.parse(EXACT.replace("EVENTS", listed), str(folder / "exact.yaml"))
    found = from_document(document)
    concrete = scenario.draw(found, 0)
    return concrete, export(concrete, document)


def back(folder: Path, exported: Exported) -> ConcreteScenario:
    (folder / "straight.xodr").write_text(ROAD)
    file = folder / "written.xosc"
    file.write_text(exported.text)
    return scenario.draw(import_file(file).scenario, 0)


@pytest.mark.parametrize("event", KEPT)
def test_what_has_words_comes_back_as_it_was(tmp_path: Path, event: str) -> None:
    concrete, exported = drawn(tmp_path, event)
    again = back(tmp_path, exported)

    assert exported.report.same_story
    assert [one.model_dump(exclude_none=True) for one in again.events] == [
        one.model_dump(exclude_none=True) for one in concrete.events
    ]
    assert again.road.pose == concrete.road.pose
    assert again.duration_s == concrete.duration_s
    for name, actor in concrete.actors.items():
        assert (again.actors[name].body, again.actors[name].at, again.actors[name].speed_kmh) == (
            actor.body,
            actor.at,
            actor.speed_kmh,
        )


def test_events_that_wait_for_others_come_back(tmp_path: Path) -> None:
    events = (
        "{name: first, actor: other, when: {time_s: 2}, do: {drive: {speed_kmh: 18, acceleration_mps2: 3}}}",
        "{name: second, actor: ego, when: {after: {event: first, done: true}, delay_s: 1.5}, "
        "do: {drive: {speed_kmh: 0, acceleration_mps2: 3}}}",
    )
    concrete, exported = drawn(tmp_path, *events)

    assert [one.when for one in back(tmp_path, exported).events] == [one.when for one in concrete.events]


def test_what_has_no_words_is_told_with_its_line_and_so_is_who_waits_for_it(tmp_path: Path) -> None:
    _, exported = drawn(
        tmp_path,
        "{name: first, actor: other, when: {time_s: 2}, do: {u_turn: {}}}",
        "{name: second, actor: ego, when: {after: {event: first}}, do: {drive: {speed_kmh: 0}}}",
    )

    lost = [(entry.what, entry.where.rpartition(":")[2]) for entry in exported.report.entries if entry.changes]
    assert lost == [("events[0]", "11"), ("events[1]", "12")]
    assert ElementTree.fromstring(exported.text).findall(".//Event") == []


@pytest.mark.parametrize("name", scenario.names())
def test_built_in_scenarios_come_back_with_who_and_how_fast(tmp_path: Path, name: str) -> None:
    found = scenario.load(name)
    concrete = scenario.draw(found, 3)
    exported = export(concrete, found.document)

    again = back(tmp_path, exported)

    assert again.ego.speed_kmh == pytest.approx(concrete.ego.speed_kmh, abs=0.001)
    assert {key: actor.body for key, actor in again.actors.items()} == {
        key: actor.body for key, actor in concrete.actors.items()
    }
    kinds = [(event.actor, event.do.kind) for event in concrete.events if event.do]
    assert [(event.actor, event.do.kind) for event in again.events if event.do] == kinds
    for key, actor in concrete.actors.items():
        assert again.actors[key].speed_kmh == pytest.approx(actor.speed_kmh, abs=0.001)


def test_the_same_draw_gives_the_same_bytes() -> None:
    found = scenario.load("cut_in_wet")
    one, other = (export(scenario.draw(found, 7), found.document).text for _ in range(2))

    assert one == other
