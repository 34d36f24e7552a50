"""One look at a scenario tells every mistake that stands by itself, and none that only follows from another."""

from __future__ import annotations

import re

import pytest

from av_synth import documents
from av_synth.errors import DocumentError
from av_synth.scenario.scenario import ScenarioDocument, from_document

HEAD = """name: wrong
description: what is wrong in it
duration_s: 8
"""
SOUND = "road: {length_m: 100}\nego: {speed_kmh: 30}\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        from_document(documents.parse(HEAD + text, "s.yaml"))
    return [line.removeprefix("s.yaml:") for line in str(caught.value).splitlines()]


def test_mistakes_in_the_same_part_and_in_parts_that_hang_on_it_are_told_in_one_look() -> None:
    found = mistakes(
        """parameters: {v_kmh: {unifrom: [30, 40]}, spare_m: {uniform: [1, 2]}}
road: {length_m: 100, lanes: {min: 1, max: 20}, parkign: [right]}
ego: {velocity: 30, speed_kmh: "${v_kmh * 9}"}
actors:
  van: {body: van, at: {ahead_m: 4000, lane: lefft}}
  child: {body: chidl, speed: 3, at: {behind: vam}}
  bus: {body: bus, at: {ahead_m: 70, beyond: van}, colour: red}
parked:
  - {side: right, from_m: 0, to_m: 30}
  - {side: left, from_m: 0, to_m: 30}
events:
  - {actor: van, when: {time_s: -1}, do: {cross: {speed_kmh: 5}}}
  - {actor: bos, when: {tiem_s: 9}, do: {walk: {}}}
expectations:
  - {of: chilld, contact: false}
"""
    )

    assert [line.partition("; want one of")[0] for line in found] == [
        "4: parameters.spare_m: is never used; want ${spare_m} somewhere, or no parameter",
        "4: parameters.v_kmh.unifrom: unknown key; did you mean 'uniform'?",
        "5: road.parkign: unknown key; did you mean 'parking'?",
        "6: ego.speed_kmh: got 315.0; want 0 to 200",
        "6: ego.velocity: unknown key",
        "8: actors.van.at.ahead_m: got 4000; want -1000 to 1000",
        "8: actors.van.at.lane: got 'lefft'; did you mean 'left'?",
        "9: actors.child.body: got 'chidl'; want a category, or a blueprint of vehicle, walker or prop; "
        "did you mean 'child'?",
        "9: actors.child.at.behind: there is no actor 'vam'; did you mean 'van'?",
        "9: actors.child.speed: unknown key; did you mean 'speed_kmh'?",
        "10: actors.bus.at: got ahead_m, beyond; want exactly one of ahead_m, ahead_s, beyond, behind, arm, pose",
        "10: actors.bus.colour: unknown key",
        "13: parked[1].side: got 'left'; want a side with a parking lane: add it to road.parking",
        "15: events[0].do.cross: van is 'van'; want drive, cut_in or brake of a vehicle, "
        "or another of its 31 manoeuvres (docs/reference/scenarios.md)",
        "15: events[0].when.time_s: got -1; want 0 to 3600",
        "16: events[1].actor: there is no actor 'bos'; did you mean 'bus'?",
        "16: events[1].when.time_s: got 9; want less than duration_s = 8",
        "16: events[1].when.tiem_s: unknown key; did you mean 'time_s'?",
        "18: expectations[0].of: there is no actor 'chilld'; did you mean 'child'?",
    ]


EVENTS = """events:
  - {actor: van, when: {time_s: 1}, do: {brake: {deceleration_mps2: 3}}}
  - {actor: van, when: {gap_m: {to: van_2, max: 9}}, do: {follow: {who: van_2}}}
expectations: [{of: van, contact: false}]
"""
VANS = "  van: {body: van, at: {ahead_m: 40}}\n  van_2: {body: van, at: {behind: van}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{SOUND}actor:\n{VANS}{EVENTS}", "6: actor: unknown key; did you mean 'actors'?"),
        (
            f"{SOUND}actors:\n{VANS.replace('  van', '  - van')}{EVENTS}",
            "6: actors: got a list of 2; want a mapping of keys to values",
        ),
        (
            f"{SOUND}actors:\n{VANS}{EVENTS}".replace("{body: van, at: {ahead_m: 40}}", ""),
            "7: actors.van: got nothing; want a mapping of keys to values",
        ),
        (
            f"{SOUND}actors:\n{VANS}{EVENTS}".replace(
                "{body: van, at: {ahead", "{body: vann, speed_kmh: 3, at: {ahead"
            ),
            "7: actors.van.body: got 'vann'; want a category, or a blueprint of vehicle, walker or prop; "
            "did you mean 'van'?",
        ),
        (
            f"{SOUND}actors:\n{VANS}{EVENTS}".replace("van_2", "Van"),
            "8: actors.Van: got 'Van'; want lower-case letters, digits and _, beginning with a letter",
        ),
        (
            f"{SOUND}events:\n  - {{name: A b, when: {{time_s: 1}}, weather: {{wetness: 1}}}}\n"
            "  - {when: {after: {event: A b}}, weather: {wetness: 2}}\n",
            "7: events[0].name: got 'A b'; want lower-case letters, digits and _, beginning with a letter",
        ),
        (
            f"{SOUND}events:\n  - {{nmae: first, when: {{time_s: 1}}, weather: {{wetness: 1}}}}\n"
            "  - {when: {after: {event: first}}, weather: {wetness: 2}}\n",
            "7: events[0].nmae: unknown key; did you mean 'name'?",
        ),
        (
            "params: {v_kmh: {uniform: [3, 4]}}\n" + SOUND.replace("30", '"${v_kmh}"'),
            "4: params: unknown key; did you mean 'parameters'?",
        ),
        (
            "parameters: {v_kmh: {uniform: [3, 4]}}\n" + SOUND.replace("30", '30, velocity: "${v_kmh}"'),
            "6: ego.velocity: unknown key; want one of body, driver, reaction, speed_kmh",
        ),
        (SOUND.replace("speed_kmh", "speed"), "5: ego.speed: unknown key; did you mean 'speed_kmh'?"),
        (
            f"{SOUND}events: [{{when: {{time_s: 1}}, do: {{juggle: {{}}}}, actor: ego}}]\n",
            "6: events[0].do.juggle: unknown key; there is none like it",
        ),
        (
            f"{SOUND}parked: [{{from_m: 10, to_m: -4000}}]\n".replace("100", "100, parking: [right]"),
            "6: parked[0].to_m: got -4000; want -1000 to 1000",
        ),
        (
            f"{SOUND}parked: [{{from_m: 10, to_m: 40}}]\n".replace("100", "100, parking: 5"),
            "4: road.parking: got 5; want a list",
        ),
    ],
)
def test_one_mistake_is_told_once_whatever_hangs_on_it(text: str, told: str) -> None:
    assert mistakes(text) == [told]


def test_a_key_that_is_there_is_not_overwritten_by_one_that_may_mean_it() -> None:
    found = mistakes("road: {length_m: 100}\nego: {speed_kmg: 999, speed_kmh: 30, speed_km: 998}\n")

    assert found == [f"5: ego.{key}: unknown key; did you mean 'speed_kmh'?" for key in ("speed_kmg", "speed_km")]


def test_a_key_that_is_called_as_the_checker_marks_keys_is_an_unknown_key() -> None:
    assert "5: ego" in mistakes("road: {length_m: 100}\nego: {speed_kmh: 30, '[key]': 3}\n")[0]


@pytest.mark.parametrize(("count", "told"), [(60, 120), (101, 303)])
def test_more_slips_than_anybody_reads_are_told_as_they_stand_and_not_read_over(count: int, told: int) -> None:
    actors = "".join(f"  a{n}: {{bdy: car, at: {{ahed_m: {n}}}}}\n" for n in range(count))

    assert len(mistakes(f"{SOUND}actors:\n{actors}")) == told  # with a body that is missing for each, if not read over


def test_a_reaction_to_nobody_is_told_beside_what_else_is_wrong_with_the_ego() -> None:
    found = mistakes(
        "road: {length_m: 100}\n"
        "ego: {speed_kmh: 30, reaction: {to: [ridder, 5], delay_s: 0.7}}\n"
        "actors: {rider: {body: bicycle, speed_kmh: 10, at: {ahead_m: 20}}}\n"
    )

    assert found == [
        "5: ego.reaction.to[1]: got 5; want text",
        "5: ego.reaction.deceleration_mps2: is missing; want braking at least this hard; harder if it must",
        "5: ego.reaction.to: there is no actor 'ridder'; did you mean 'rider'?",
    ]


def test_a_name_is_short_for_a_list_of_one_wherever_names_are_listed() -> None:
    short = (
        "road: {length_m: 100, parking: right, pavement: left, shoulder: right}\n"
        "ego: {speed_kmh: 30, reaction: {to: van, delay_s: 1, deceleration_mps2: 5}}\n"
        "actors: {van: {body: van, speed_kmh: 30, lights: fog, route: left, at: {ahead_m: 30}}}\n"
        "parked: [{side: right, from_m: 10, to_m: 40, bodies: van}]\n"
        "flows: [{lane: oncoming, speed_kmh: 30, bodies: car}]\n"
        "crowds: [{from_m: 0, to_m: 40, people: 3, bodies: child}]\n"
        "events: [{actor: van, when: {time_s: 1}, do: {lights: {on: left}}}]\n"
    )
    keys = "parking|pavement|shoulder|to|lights|route|bodies|on"
    long = re.sub(rf"\b({keys}): ([a-z]+)\b", r"\1: [\2]", short)

    meant = [
        documents.validate(documents.parse(HEAD + text, "s.yaml"), ScenarioDocument).model_dump()
        for text in (short, long)
    ]

    assert long.count("[") == 10 + 4
    assert meant[0] == meant[1]
