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
MORE
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


ALIKE = {"brake": "drive", "cut_out": "lane_change", "walk": "cross"}  # OpenSCENARIO has one word for both


def drawn(folder: Path, *events: str, more: str = "") -> tuple[ConcreteScenario, Exported]:
    listed = "\n".join(f"  - {event}" for event in events)
    document = documents.parse(EXACT.replace("EVENTS", listed).replace("MORE", more), str(folder / "exact.yaml"))
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
        "{name: third, actor: child, when: {after: {event: second}}, do: {wait: {}}}",
        "{name: second, actor: ego, when: {after: {event: first}}, do: {drive: {speed_kmh: 0}}}",
    )

    lost = [(entry.what, entry.where.rpartition(":")[2]) for entry in exported.report.entries if entry.changes]
    assert lost == [("events[0]", "12"), ("events[2]", "14"), ("events[1]", "13")]
    assert ElementTree.fromstring(exported.text).findall(".//Event") == []


def test_who_is_not_there_at_first_comes_back_so(tmp_path: Path) -> None:
    concrete, exported = drawn(
        tmp_path,
        "{name: a, actor: late, when: {time_s: 2}, do: {appear: {at: {x_m: 120, y_m: -1.75, yaw_deg: 0}}}}",
        "{name: b, actor: other, when: {after: {event: a}}, do: {vanish: {}}}",
        more="  late: {body: car, absent: true, at: {pose: {x_m: 90, y_m: -1.75, yaw_deg: 0}}}",
    )
    again = back(tmp_path, exported)

    assert exported.report.same_story
    assert [(name, actor.absent) for name, actor in again.actors.items()] == [
        ("other", False),
        ("child", False),
        ("late", True),
    ]
    assert [(one.actor, one.do) for one in again.events] == [(one.actor, one.do) for one in concrete.events]


def test_a_headway_to_whoever_is_ahead_is_told_both_ways(tmp_path: Path) -> None:
    event = "{actor: other, when: {gap_s: {of: other, to: ego, max: 2}}, do: {brake: {deceleration_mps2: 5}}}"
    (one,) = back(tmp_path, drawn(tmp_path, event)[1]).events

    assert one.when.any is not None
    gaps = [each.gap_s for each in one.when.any if each.gap_s]
    assert [(gap.of, gap.to, gap.max, gap.ahead) for gap in gaps] == [
        ("other", "ego", 2, True),
        ("ego", "other", 2, True),
    ]


def test_where_the_ego_comes_to_is_told_by_its_way(tmp_path: Path) -> None:
    event = "{actor: other, when: {reaches: {of: ego, ahead_m: 40}}, do: {brake: {deceleration_mps2: 5}}}"
    (one,) = back(tmp_path, drawn(tmp_path, event)[1]).events

    assert one.when.travelled_m is not None
    assert (one.when.travelled_m.of, one.when.travelled_m.min) == ("ego", 40)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("when: {speed_kmh: {of: ego, max: 20}, for_s: 2}, do: {brake: {deceleration_mps2: 5}}", "must hold"),
        ("when: {all: [{time_s: 1}, {gap_m: 5}], anew: true}, do: {brake: {deceleration_mps2: 5}}", "anew"),
        ("when: {reaches: {ahead_m: 90}}, do: {brake: {deceleration_mps2: 5}}", "a station"),
        ("when: {time_s: 1}, do: {brake: {deceleration_mps2: 5}}, for_s: 2", "instead of ending"),
    ],
)
def test_what_would_mean_something_else_is_lost_instead(tmp_path: Path, event: str, why: str) -> None:
    _, exported = drawn(tmp_path, f"{{actor: other, {event}}}")

    (entry,) = (entry for entry in exported.report.entries if entry.changes)
    assert why in entry.why


def test_the_map_is_named_from_where_the_file_goes(tmp_path: Path) -> None:
    document = documents.parse(EXACT.partition("MORE")[0], str(tmp_path / "exact.yaml"))
    concrete = scenario.draw(from_document(document), 0)

    written = export(concrete, document, tmp_path / "out" / "exact.xosc").text

    assert '<LogicFile filepath="../straight.xodr"' in written


def comes_back_as_its_report_says(folder: Path, name: str) -> None:
    """Export a draw, import it again, and hold both against what the export said that it lost."""
    found = scenario.load(name)
    concrete = scenario.draw(found, 3)
    exported = export(concrete, found.document)
    lost = {entry.what for entry in exported.report.of("lost")}

    again = back(folder, exported)

    actors = {key: actor for key, actor in concrete.actors.items() if f"actors.{key}.at" not in lost}
    events = [event for index, event in enumerate(concrete.events) if f"events[{index}]" not in lost and event.do]
    assert again.ego.speed_kmh == pytest.approx(concrete.ego.speed_kmh, abs=0.001), name
    assert {key: actor.body for key, actor in again.actors.items()} == {
        key: actor.body for key, actor in actors.items()
    }, name
    speeds = {key: actor.speed_kmh for key, actor in actors.items()}
    assert {key: actor.speed_kmh for key, actor in again.actors.items()} == pytest.approx(speeds, abs=0.002), name
    assert [(event.actor, event.do.kind) for event in again.events if event.do] == [
        (event.actor, ALIKE.get(event.do.kind, event.do.kind)) for event in events if event.do
    ], name
    left_out = {
        "flows": concrete.flows,
        "crowds": concrete.crowds,
        "parked": concrete.rows,
        "traffic": concrete.traffic.bodies,
        "signals": concrete.signals,
        "expectations": concrete.expectations,
        "ego.reaction": concrete.ego.reaction,
        **{f"actors.{key}.route": actor.route for key, actor in actors.items()},
        **{f"actors.{key}.careful": actor.careful for key, actor in actors.items()},
    }
    assert {key for key, there in left_out.items() if there} <= lost, name


@pytest.mark.parametrize(
    "name", ["control_loss", "crossing_bicycle_flow", "cut_in_wet", "march_in_lane", "police_car_with_blue_lights"]
)
def test_built_in_scenarios_come_back_but_for_what_their_report_says(tmp_path: Path, name: str) -> None:
    comes_back_as_its_report_says(tmp_path, name)


@pytest.mark.long
def test_every_built_in_scenario_comes_back_but_for_what_its_report_says(tmp_path: Path) -> None:
    for name in scenario.names():
        comes_back_as_its_report_says(tmp_path, name)


def test_the_same_draw_gives_the_same_bytes() -> None:
    found = scenario.load("cut_in_wet")
    one, other = (export(scenario.draw(found, 7), found.document).text for _ in range(2))

    assert one == other
