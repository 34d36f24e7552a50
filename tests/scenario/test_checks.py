"""Rules between the parts of a scenario: every broken one is told in one pass, whatever else is wrong in the file."""

from __future__ import annotations

import pytest

from av_synth import documents
from av_synth.errors import DocumentError
from av_synth.scenario.checks_of_events import circles
from av_synth.scenario.scenario import from_document

HEAD = """name: rules
description: rules between the parts
duration_s: 6
"""
PLAIN = "road: {length_m: 90, lanes: 2}\nego: {speed_kmh: 30}\n"


def mistakes(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        from_document(documents.parse(HEAD + text, "s.yaml"))
    return [line.partition(": ")[2] for line in str(caught.value).splitlines()]


def loads(text: str) -> None:
    from_document(documents.parse(HEAD + text, "s.yaml"))


EXACT = "is a place of a named map; want road.town"
ACTORS = """actors:
  van: {body: van, at: {ahead_m: 20}}
  bike: {body: bicycle, at: {ahead_m: 30}}
  kid: {body: child, at: {ahead_m: 40}}
  wreck: {body: car, parked: true, at: {ahead_m: 50}}
  cone: {body: cone, at: {ahead_m: 60}}
"""


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            "{actor: ego, when: {time_s: 1}, do: {cut_in: {}}}",
            "events[0].do.cut_in: the ego cannot; did you mean 'cut_out'",
        ),
        ("{actor: ego, when: {time_s: 1}, do: {follow: {}}}", "follow.who: 'ego' is itself; want one of bike, cone"),
        ("{actor: van, when: {time_s: 1}, do: {overtake: {who: bik, speed_kmh: 40}}}", "did you mean 'bike'?"),
        (
            "{actor: kid, when: {time_s: 1}, do: {reverse: {speed_kmh: 5, distance_m: 5}}}",
            "kid is 'child'; want cross, ",
        ),
        (
            "{actor: van, when: {time_s: 1}, do: {walk: {}}}",
            "van is 'van'; want drive, cut_in or brake of a vehicle, or another of its 31 manoeuvres (docs/reference/",
        ),
        ("{actor: van, when: {time_s: 1}, do: {fall: {}}}", "van is 'van', which cannot fall"),
        ("{actor: bike, when: {time_s: 1}, do: {open_door: {}}}", "bike is 'bicycle', which has no doors"),
        ("{actor: wreck, when: {time_s: 1}, do: {drive: {speed_kmh: 5}}}", "wreck is parked; want open_door or lights"),
        ("{actor: cone, when: {time_s: 1}, do: {drive: {speed_kmh: 5}}}", "cone is 'cone', which stands"),
        (
            "{actor: van, when: {time_s: 1}, do: {run_light: {}}}",
            "there are no traffic lights; want road.junction with",
        ),
        ("{actor: van, when: {time_s: 1}, do: {merge: {}}}", "there is no acceleration lane; want road.entry"),
        ("{actor: van, when: {time_s: 1}, do: {turn: {to: left}}}", "there is no junction; want one in road.junction"),
        ("{actor: van, when: {time_s: 1}, do: {drop: {body: car}}}", "drop.body: got 'car'; want a thing"),
        (
            "{actor: van, when: {time_s: 1}, do: {stop: {ahead_m: 3, of: junction}}}",
            "the road has no junction; want road.",
        ),
        (
            "{actor: van, when: {time_s: 1}, do: {stop: {ahead_m: 3, of: startt}}}",
            "no actor 'startt'; did you mean 'start'",
        ),
        (
            "{actor: van, when: {time_s: 1}, do: {meet: {before_ego_s: 1, min_kmh: 9, max_kmh: 8}}}",
            "want it below max_kmh",
        ),
        ("{when: {time_s: 1}, signals: {ego: red}}", "events[0].signals: there are no traffic lights"),
        ("{actor: van, when: {signal: {state: red}}, do: {stall: {}}}", "when.signal: there are no traffic lights"),
        (
            "{actor: van, when: {gap_m: {to: bikee, max: 5}}, do: {stall: {}}}",
            "gap_m.to: there is no actor 'bikee'; did",
        ),
        ("{actor: van, when: {ttc_s: {of: van, to: van, max: 5}}, do: {stall: {}}}", "is between van and itself"),
        ("{actor: ego, when: {distance_m: 5}, do: {stall: {}}}", "is between ego and itself"),
        ("{when: {distance_m: 5}, weather: {wetness: 5}}", "of whom? The event has no actor; want `of`"),
        ("{when: {loses_sight: {by: ego, of: ego}}, weather: {wetness: 5}}", "is between ego and itself"),
        ("{actor: ego, when: {ego_gap_m: 5}, do: {stall: {}}}", "is about the event's own actor and the ego; want"),
        ("{actor: van, when: {reaches: {ahead_m: 5, anchor: crest}}, do: {stall: {}}}", "the road has no crest; want"),
        ("{actor: van, when: {region: {from_m: 5, to_m: 4}}, do: {stall: {}}}", "want from_m below to_m, and right_m"),
        (
            "{actor: van, when: {any: [{time_s: 7}, {gap_m: 4}]}, do: {stall: {}}}",
            "when.any[0].time_s: got 7; want less",
        ),
        (
            "{actor: van, when: {all: [{crosses_before_ego_s: 1}]}, do: {stall: {}}}",
            "goes with cross only, not with stall",
        ),
        ("{actor: van, when: {after: {event: brake}}, do: {stall: {}}}", "no event has the name 'brake'"),
        ("{name: a, actor: van, when: {after: {event: a}}, do: {stall: {}}}", "can only come after itself: a -> a"),
        (
            "{actor: van, when: {time_s: 1}, do: {match_speed: {who: bik}}}",
            "match_speed.who: 'bik' is nobody; did you mean 'bike'?",
        ),
        ("{actor: ego, when: {time_s: 1}, do: {match_speed: {}}}", "match_speed.who: 'ego' is itself; want one of"),
        ("{actor: van, when: {time_s: 1}, do: {lane_change: {into: bik}}}", "lane_change.into: 'bik' is nobody; did"),
        ("{actor: van, when: {time_s: 1}, do: {cut_out: {into: van}}}", "cut_out.into: 'van' is itself; want one of"),
        ("{actor: van, when: {time_s: 1}, do: {lane_change: {lane_id: -1}}}", f"lane_change.lane_id: {EXACT}"),
        ("{actor: van, when: {time_s: 1}, do: {take_route: {through: [{x_m: 1, y_m: 2}]}}}", f"through: {EXACT}"),
        ("{actor: cone, when: {time_s: 1}, do: {appear: {at: {x_m: 1, y_m: 2}}}}", f"appear.at: {EXACT}"),
        ("{actor: kid, when: {time_s: 1}, do: {follow_course: {line: [[1, 2], [3, 4]]}}}", f"course.line: {EXACT}"),
        ("{actor: van, when: {near: {at: {x_m: 1, y_m: 2}, within_m: 2}}, do: {stall: {}}}", f"near.at: {EXACT}"),
        ("{actor: ego, when: {time_s: 1}, do: {vanish: {}}}", "do.vanish: the ego cannot; "),
        ("{actor: kid, when: {time_s: 1}, do: {match_speed: {who: van}}}", "kid is 'child'; want cross, "),
        ("{actor: van, when: {contact: {of: van, to: bik}}, do: {stall: {}}}", "contact.to: there is no actor 'bik'"),
        ("{actor: ego, when: {contact: {}}, do: {stall: {}}}", "contact: is between ego and itself"),
        ("{actor: ego, when: {faster_kmh: 5}, do: {stall: {}}}", "faster_kmh: is between ego and itself"),
        ("{actor: van, when: {aside_m: {to: eggo, max: 1}}, do: {stall: {}}}", "aside_m.to: there is no actor 'eggo'"),
        ("{actor: van, when: {lane_ends: {of: vann}}, do: {stall: {}}}", "lane_ends.of: there is no actor 'vann'; did"),
        (
            "{actor: van, when: {none: [{gap_m: {of: vann, max: 9}}]}, do: {stall: {}}}",
            "when.none[0].gap_m.of: there is no actor 'vann'; did you mean 'van'?",
        ),
        ("{actor: van, when: {none: [{after: {event: x}}]}, do: {stall: {}}}", "none[0].after.event: no event has"),
    ],
)
def test_an_event_that_cannot_be_is_refused_in_words(event, said):
    found = mistakes(f"{PLAIN}{ACTORS}events:\n  - {event}\n")

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "event",
    [
        "{actor: wreck, when: {ego_arrives_in_s: 2}, do: {open_door: {}}}",
        "{actor: bike, when: {sees: {of: kid}}, do: {fall: {}}}",
        "{actor: kid, when: {reaches: {of: ego, ahead_m: -5, anchor: van}}, do: {follow_trajectory: "
        "{points: [[0, 1, 2], [1, 2, 3]]}}}",
        "{name: a, actor: van, when: {any: [{after: {event: a}}, {time_s: 1}]}, do: {swerve: {offset_m: 1}}}",
        "{actor: ego, when: {ttc_s: {to: van, max: 3}}, do: {lane_change: {to: left}}, for_s: 2}",
        "{actor: cone, when: {time_s: 1}, do: {vanish: {}}}",
        "{actor: wreck, when: {contact: {to: null}}, do: {vanish: {}}}",
        "{actor: kid, when: {time_s: 1}, do: {follow_course: {frame: own, timed: [[0, 0, 0], [2, 3, 0]]}}}",
        "{name: a, actor: van, when: {none: [{after: {event: a}}]}, do: {swerve: {offset_m: 1}}}",
        "{actor: van, when: {time_s: 1}, do: {cut_out: {into: ego, aside: 1}}}",
    ],
)
def test_an_event_that_can_be_loads(event):
    loads(f"{PLAIN}{ACTORS}events:\n  - {event}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actors: {a: {body: car, at: {beyond: b}}}", "actors.a.at.beyond: there is no actor 'b'"),
        ("actors: {a: {body: car, at: {behind: b}}}", "actors.a.at.behind: there is no actor 'b'"),
        (
            "actors: {a: {body: car, at: {ahead_m: 2, of: crossing}}}",
            "at.of: the road has no crossing; want road.crossing",
        ),
        (
            "actors: {a: {body: car, at: {arm: left, before_m: 9}}}",
            "at.arm: there is no junction; want one in road.junc",
        ),
        ("actors: {a: {body: car, at: {ahead_m: 2, lane: parking_left}}}", "want road.parking to ask for one: [left]"),
        (
            "actors: {a: {body: car, at: {ahead_m: 2, lane: left_2}}}",
            "want a lane that is there: the ego's is the right",
        ),
        (
            "actors: {a: {body: car, at: {ahead_m: 2, lane: right}}}",
            "want a lane that is there: the ego's is the right",
        ),
        ("actors: {ego: {body: car, at: {ahead_m: 2}}}", "actors.ego: is the ego's own name; want another"),
        ("actors: {crest: {body: car, at: {ahead_m: 2}}}", "actors.crest: is the name of a place on the road; want"),
        ("actors: {a: {body: adult, route: left, at: {ahead_m: 2}}}", "actors.a.route: is nothing for a pedestrian"),
        ("actors: {a: {body: adult, parked: true, at: {ahead_m: 2}}}", "actors.a.parked: is for vehicles"),
        ("actors: {a: {body: adult, lights: [fog], at: {ahead_m: 2}}}", "actors.a.lights: adult has none"),
        (
            "actors: {a: {body: car, at: {pose: {x_m: 1, y_m: 2}}}}",
            "actors.a.at.pose: goes with an exact place of the ego only; want road.pose and road.town",
        ),
        ("actors: {a: {body: car, through: [{x_m: 1, y_m: 2}], at: {ahead_m: 2}}}", f"actors.a.through: {EXACT}"),
        (
            "actors: {a: {body: adult, through: [{x_m: 1, y_m: 2}], at: {ahead_m: 2}}}",
            "actors.a.through: is nothing for a pedestrian",
        ),
        ("actors: {a: {body: car, absent: true, at: {ahead_m: 2}}}", "actors.a.absent: no event lets a appear; want"),
        ("flows: [{arm: left, speed_kmh: 30}]", "flows[0].arm: there is no junction"),
        (
            "flows: [{speed_kmh: 30, bodies: [cone]}]",
            "flows[0].bodies[0]: got 'cone'; want a category or blueprint of veh",
        ),
        ("flows: [{speed_kmh: 30, every_s: 0}]", "flows[0]: every_s: want numbers from 0.3 to 600"),
        (
            "crowds: [{from_m: 0, to_m: 9, people: 3}]",
            "crowds[0].side: got 'right'; want a side with a pavement: add it to",
        ),
        (
            "crowds: [{from_m: 0, to_m: 9, people: 3, speed_kmh: fast}]",
            "crowds[0]: speed_kmh: want numbers from 0.1 to 40",
        ),
        ("signals: {ego: red}", "signals: there are no traffic lights; want road.junction with control: signals"),
        (
            "expectations: [{of: eg, least_kmh: {max: 3}}]",
            "expectations[0].of: there is no actor 'eg'; did you mean 'ego'",
        ),
        ("expectations: [{of: ego, to: vam, contact: false}]", "expectations[0].to: there is no actor 'vam'"),
    ],
)
def test_a_part_that_another_part_forbids_is_refused_in_words(text, said):
    assert any(said in line for line in mistakes(f"{PLAIN}{text}\n"))


def test_rules_between_sound_parts_are_told_although_other_parts_are_not_sound():
    found = mistakes(
        """road: {length_m: 90, lanez: 2}
ego: {speed_kmh: 300}
actors:
  van: {body: van, at: {ahead_m: 20}}
  car: {body: car, at: {ahead_m: 20, lain: left}}
events:
  - {actor: vann, when: {time_s: 9}, do: {stall: {}}}
  - {actor: car, when: {time_s: -1}, do: {stall: {}}}
  - {actor: van, when: {after: {event: x}}, do: {stall: {}}}
"""
    )

    assert found == [
        "road.lanez: unknown key; did you mean 'lanes'?",
        "ego.speed_kmh: got 300; want 0 to 200",
        "actors.car.at.lain: unknown key; did you mean 'lane'?",
        "events[0].actor: there is no actor 'vann'; did you mean 'van'?",
        "events[0].when.time_s: got 9; want less than duration_s = 6",
        "events[1].when.time_s: got -1; want 0 to 3600",
        "events[2].when.after.event: no event has the name 'x'; there is none like it",
    ]


def test_what_a_road_with_a_feature_allows_is_not_refused():
    loads(
        """road: {length_m: 90, junction: {ahead_m: 40, control: signals}, pavement: [left], oncoming: true}
ego: {speed_kmh: 30}
signals: {ego: red, left: green}
flows: [{arm: left, lane: same, speed_kmh: 30}, {lane: oncoming, speed_kmh: 30}]
crowds: [{side: left, from_m: 0, to_m: 30, people: 3}]
actors:
  a: {body: car, speed_kmh: 20, route: [left, straight], at: {arm: right, before_m: 30}}
  b: {body: car, speed_kmh: 20, at: {ahead_m: -5, of: junction}}
  c: {body: car, at: {behind: b, gap_m: 3}}
events:
  - {actor: a, when: {signal: {state: green}}, do: {run_light: {}}}
  - {actor: b, when: {reaches: {of: ego, ahead_m: -10, anchor: junction_exit}}, do: {turn: {to: left}}}
  - {when: {all: [{signal: {arm: left, state: red}}, {speed_kmh: {of: ego, max: 3}}]}, signals: {ego: green}}
expectations:
  - {of: ego, to: a, pet_s: {max: 2}, first: a}
"""
    )


def test_every_circle_is_told_once_and_long_chains_cost_one_look_each():
    many = 20_000
    chain = {str(number): [str(number + 1)] for number in range(many)} | {str(many): ["7"], "x": ["9"], "y": ["y"]}

    found = list(circles(chain))

    assert [(circle[0], len(circle), circle[-1]) for circle in found] == [("7", many - 5, "7"), ("y", 2, "y")]


def test_lists_have_an_end():
    actors = "".join(f"  a{number}: {{body: car, at: {{ahead_m: {number}}}}}\n" for number in range(201))

    assert "actors: got a mapping with a0, a1" in mistakes(f"{PLAIN}actors:\n{actors}")[0]
    assert "want at most 200 items" in mistakes(f"{PLAIN}actors:\n{actors}")[0]


NAMED = """road: {town: AvSynth01, length_m: 90, curve: any, pose: {x_m: 1, y_m: 2}}
ego: {speed_kmh: 30}
actors:
  van: {body: van, speed_kmh: 30, at: {ahead_m: 20}, through: [{x_m: 3, y_m: 4}]}
  late: {body: cone, absent: true, at: {pose: {x_m: 5, y_m: 6}}}
  kid: {body: child, at: {ahead_m: 9}}
"""


def test_a_named_map_has_places_and_who_vanished_may_still_be_told_what_to_do():
    loads(
        NAMED
        + """events:
  - {actor: late, when: {near: {of: ego, at: {x_m: 9, y_m: 9}, within_m: 3}}, do: {appear: {at: {x_m: 9, y_m: 9}}}}
  - {actor: late, when: {time_s: 4}, do: {vanish: {}}}
  - {actor: van, when: {time_s: 1}, do: {vanish: {}}}
  - {actor: van, when: {time_s: 2}, do: {take_route: {through: [{x_m: 9, y_m: 9}]}}}
  - {actor: van, when: {time_s: 3}, do: {lane_change: {lane_id: -2}}}
  - {actor: kid, when: {time_s: 3}, do: {follow_course: {line: [[1, 2], [3, 4]]}}}
  - {actor: kid, when: {time_s: 5}, do: {arrive_together: {at: {x_m: 1, y_m: 1}, who_at: {x_m: 2, y_m: 2}}}}
"""
    )


def test_who_is_absent_is_not_missed_where_an_event_is_not_sound():
    found = mistakes(f"{NAMED}events:\n  - {{actor: late, when: {{time_s: 1}}, do: {{appear: {{}}}}}}\n")

    assert found == ["events[0].do.appear.at: is missing; want the place"]


def test_somebody_absent_has_no_load_to_lose() -> None:
    text = """road: {town: AvSynth01, length_m: 90, lanes: 2}
ego: {speed_kmh: 30}
actors:
  late: {body: truck, absent: true, at: {ahead_m: 70}}
events:
  - {actor: late, when: {time_s: 1}, do: {appear: {at: {x_m: 1, y_m: 2}}}}
  - {actor: late, when: {time_s: 2}, do: {drop: {}}}
"""

    assert mistakes(text) == [
        "events[1].do.drop: late is absent at the start, and has no load; want an actor that is there from the start"
    ]


def test_every_mistake_in_very_many_events_is_told():
    wrong = (
        "{actor: vam, when: {none: [{near: {of: kit, at: {x_m: 1, y_m: 2}, within_m: 1}}]}, do: {cut_out: {into: eg}}}"
    )
    found = mistakes(f"{PLAIN}{ACTORS}events:\n" + f"  - {wrong}\n" * 300)

    assert len(found) == 300 * 4
