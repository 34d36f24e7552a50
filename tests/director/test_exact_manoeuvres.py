"""Manoeuvres that are told by exact places and by somebody else's speed or lane, on the embedded simulator."""

from __future__ import annotations

import math

import numpy as np
import pytest

from av_synth.director.roads.routes import path_along
from av_synth.errors import CastError
from av_synth.geometry.transforms import Array
from tests.director.played import EGO, Play, Run, at

X_M, Y_M = 250.5, 174.75  # where the ego starts; the road runs along x, its second lane is to the left
STREET = f"road: {{town: AvSynth01, length_m: 150, pose: {{x_m: {X_M}, y_m: {Y_M}, yaw_deg: 0}}}}\n"


def test_speeds_are_reached_in_time_over_a_way_or_as_somebody_elses_and_a_free_length_is_kept(play: Play) -> None:
    run = play(
        STREET
        + """ego: {speed_kmh: 30}
actors:
  in_time: {body: car, speed_kmh: 36, at: {ahead_m: 45}}
  over_way: {body: car, speed_kmh: 36, at: {ahead_m: 90, lane: left}}
  once: {body: car, speed_kmh: 30, at: {ahead_m: 10, lane: left}}
  keeps: {body: car, speed_kmh: 30, at: {ahead_m: 40, lane: left}}
  follows: {body: car, speed_kmh: 54, at: {ahead_m: -20, lane: left}}
  backs: {body: car, at: {ahead_m: -15}}
events:
  - {actor: in_time, when: {time_s: 0}, do: {drive: {speed_kmh: 54, over_s: 4}}}
  - {actor: over_way, when: {time_s: 0}, do: {drive: {speed_kmh: 18, over_m: 30}}}
  - {actor: once, when: {time_s: 0}, do: {match_speed: {factor: 0.5, faster_kmh: 21}}}
  - {actor: keeps, when: {time_s: 0}, do: {match_speed: {who: ego, keeps_to_it: true}}}
  - {actor: follows, when: {time_s: 0}, do: {follow: {who: once, gap_m: 8}}}
  - {actor: backs, when: {time_s: 0}, do: {reverse: {speed_kmh: 9}}}
  - {actor: ego, when: {time_s: 2}, do: {drive: {speed_kmh: 45}}}
""",
        9,
    )
    in_time, over_way, once, keeps = (run.of(name) for name in ("in_time", "over_way", "once", "keeps"))

    assert [at(in_time["t"], in_time["v"], time) for time in (2.0, 4.0)] == pytest.approx([12.5, 15.0], abs=0.3)
    slowed = int(np.flatnonzero(over_way["s"] >= over_way["s"][0] + 30.0)[0])
    assert over_way["v"][slowed] == pytest.approx(5.0, abs=0.4)
    assert at(over_way["t"], over_way["v"], 2.0) == pytest.approx(7.5, abs=0.4)
    assert once["v"][-1] == pytest.approx((0.5 * 30 + 21) / 3.6, abs=0.2)
    assert [at(keeps["t"], keeps["v"], time) for time in (1.9, 8.0)] == pytest.approx([30 / 3.6, 12.5], abs=0.4)
    assert free_m(run, "follows", "once") == pytest.approx(8.0, abs=0.8)
    backs = run.of("backs")
    assert backs["s"][0] - backs["s"][-1] > 18.0
    assert backs["v"][-1] == pytest.approx(2.5, abs=0.2)


def test_a_step_of_speed_is_there_at_once_whatever_the_engine_can_do(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  step: {body: truck, at: {ahead_m: 30}}
  like: {body: car, at: {ahead_m: 10, lane: left}}
events:
  - {actor: step, when: {time_s: 0.5}, do: {drive: {speed_kmh: 54, at_once: true}}}
  - {actor: like, when: {time_s: 0.5}, do: {match_speed: {factor: 2, at_once: true}}}
""",
        2,
    )
    for name, speed in (("step", 15.0), ("like", 60 / 3.6)):
        there = run.of(name)
        assert at(there["t"], there["v"], 0.45) == pytest.approx(0.0, abs=0.1)
        assert [at(there["t"], there["v"], time) for time in (0.65, 1.9)] == pytest.approx([speed, speed], abs=0.5)


def free_m(run: Run, behind: str, ahead: str) -> float:
    halves = sum(run.states[0].infos[run.who(name)].size_lwh_m[0] / 2 for name in (behind, ahead))
    return float(run.of(ahead)["s"][-1] - run.of(behind)["s"][-1] - halves)


def test_lanes_are_told_by_their_number_by_somebody_in_them_or_by_how_many_they_are_away(play: Play) -> None:
    run = play(
        STREET
        + """ego: {speed_kmh: 30}
actors:
  two: {body: car, speed_kmh: 36, at: {ahead_m: 20}}
  there: {body: car, speed_kmh: 36, at: {ahead_m: 40, lane: left}}
  into: {body: car, speed_kmh: 36, at: {ahead_m: 60}}
  beside: {body: car, speed_kmh: 36, at: {ahead_m: 15, lane: left}}
  numbered: {body: car, speed_kmh: 36, at: {ahead_m: 80}}
events:
  - {actor: two, when: {time_s: 0}, do: {lane_change: {to: left, lanes: 2, duration_s: 3}}}
  - {actor: into, when: {time_s: 0}, do: {lane_change: {into: there, duration_s: 2}}}
  - {actor: beside, when: {time_s: 0}, do: {lane_change: {into: there, aside: -1, duration_s: 2}}}
  - {actor: numbered, when: {time_s: 0}, do: {lane_change: {lane_id: -1, duration_s: 2}}}
""",
        4.5,
    )

    assert run.of("two")["d"][-1] == pytest.approx(7.0, abs=0.2)
    assert run.of("into")["d"][-1] == pytest.approx(3.5, abs=0.1)
    assert run.of("beside")["d"][-1] == pytest.approx(0.0, abs=0.1)
    assert run.of("numbered")["d"][-1] == pytest.approx(3.5, abs=0.1)
    with pytest.raises(CastError, match=r"a: lane_change: no lane -7 of road 17 is here; want one of .*-2, -1, 1, 2"):
        play(
            STREET
            + "ego: {speed_kmh: 0}\nactors: {a: {body: car, speed_kmh: 20, at: {ahead_m: 30}}}\n"
            + "events: [{actor: a, when: {time_s: 0}, do: {lane_change: {lane_id: -7}}}]\n",
            0.5,
        )


def test_courses_are_kept_to_in_time_or_at_ones_own_speed_and_left_with_a_true_one(play: Play) -> None:
    timed = [[0, 20, 0], [1, 28, 0], [2.5, 40, 5], [3, 44, 5]]
    told = ", ".join(f"[{time}, {X_M + s}, {Y_M + d}]" for time, s, d in timed)
    line = ", ".join(f"[{X_M + s}, {Y_M + d}]" for s, d in ((60, 0), (80, 0), (90, 3.5), (100, 3.5)))
    run = play(
        STREET
        + f"""ego: {{speed_kmh: 0}}
actors:
  timed: {{body: car, speed_kmh: 28.8, at: {{ahead_m: 20}}}}
  drives: {{body: car, speed_kmh: 36, at: {{ahead_m: 58, offset_m: 0.4}}}}
  leaves: {{body: car, speed_kmh: 18, at: {{ahead_m: 105, lane: left}}}}
  walks: {{body: adult, at: {{ahead_m: 130, lane: pavement_right, heading: left}}}}
  hurries: {{body: adult, at: {{ahead_m: 140, lane: pavement_right, heading: left}}}}
events:
  - {{name: course, actor: timed, when: {{time_s: 0}}, do: {{follow_course: {{timed: [{told}]}}}}}}
  - {{actor: drives, when: {{time_s: 0}}, do: {{follow_course: {{line: [{line}]}}}}}}
  - {{actor: drives, when: {{time_s: 1}}, do: {{drive: {{speed_kmh: 18, acceleration_mps2: 5}}}}}}
  - {{actor: leaves, when: {{time_s: 0}}, do: {{follow_course: {{line: [[0, 0], [6, 6]], frame: own}}}}}}
  - {{actor: walks, when: {{time_s: 0}}, do: {{follow_course: {{timed: [[1, 0, 0], [3, 3, 1]], frame: own}}}}}}
  - {{actor: hurries, when: {{time_s: 0}}, do: {{follow_course: {{line: [[0, 0], [2, 0], [2, 9]], frame: own}}}}}}
  - {{actor: hurries, when: {{time_s: 1}}, do: {{walk: {{speed_kmh: 7.2}}}}}}
  - {{actor: ego, when: {{after: {{event: course, done: true}}}}, do: {{lights: {{on: [high_beam]}}}}}}
""",
        6,
    )
    on_time, drives, leaves, walks, hurries = (
        run.of(name) for name in ("timed", "drives", "leaves", "walks", "hurries")
    )

    for time, station, offset in timed[1:]:
        assert [at(on_time["t"], on_time[key], time) for key in ("s", "d")] == pytest.approx(
            [station, offset], abs=0.02
        )
    assert at(on_time["t"], on_time["yaw"], 1.8) == pytest.approx(math.atan2(5, 12), abs=0.01)
    true_speeds(on_time, 0.2, 2.9)
    assert run.begun("lights") == pytest.approx(3.0, abs=0.06)
    assert at(on_time["t"], on_time["v"], 3.2) == pytest.approx(8.0, abs=0.3)
    assert abs(on_time["z"]).max() < 0.05
    near = drives["s"] > 64.0
    wanted = np.interp(drives["s"], [80.0, 90.0], [0.0, 3.5])
    assert (drives["d"] - wanted)[near & (drives["s"] < 100.0)] == pytest.approx(0.0, abs=0.02)
    assert at(drives["t"], drives["v"], 0.9) == pytest.approx(10.0, abs=0.05)
    assert drives["v"][-1] == pytest.approx(5.0, abs=0.2)
    true_speeds(drives, 0.2, 3.0)
    # it comes off the road: on as it faces, and to a stop
    assert np.ptp(leaves["yaw"][leaves["t"] > 0.5]) < 0.1
    assert leaves["v"][-1] < 0.1
    walked = [at(walks["t"], walks[key], 3.0) - walks[key][0] for key in ("s", "d")]
    assert walked == pytest.approx([-1.0, 3.0], abs=0.03)
    assert walks["v"][-1] == 0.0
    assert at(hurries["t"], hurries["v"], 0.9) == 0.0
    assert at(hurries["t"], hurries["v"], 3.0) == pytest.approx(2.0, abs=0.05)
    assert hurries["s"][-1] - hurries["s"][0] == pytest.approx(-7.6, abs=0.5)


def true_speeds(of: dict[str, Array], from_s: float, to_s: float) -> None:
    steps = np.hypot(np.diff(of["s"]), np.diff(of["d"])) / np.diff(of["t"])
    inside = (of["t"][1:] > from_s) & (of["t"][1:] < to_s)
    assert of["v"][1:][inside] == pytest.approx(steps[inside], abs=0.02)


def test_a_course_ends_when_told_or_when_another_way_is_taken_and_who_is_told_to_wait_stands(play: Play) -> None:
    line = ", ".join(f"[{X_M + s}, {Y_M + d}]" for s, d in ((10, 0), (30, 3.5), (140, 3.5)))
    run = play(
        STREET
        + f"""ego: {{speed_kmh: 0}}
actors:
  told: {{body: car, speed_kmh: 36, at: {{ahead_m: 10}}}}
  changes: {{body: car, speed_kmh: 36, at: {{ahead_m: 60}}}}
  backs: {{body: car, at: {{ahead_m: 120}}}}
  waits: {{body: adult, at: {{ahead_m: 130, lane: pavement_right}}}}
events:
  - {{actor: told, when: {{time_s: 0}}, do: {{follow_course: {{line: [{line}]}}}}, for_s: 2.5}}
  - {{actor: changes, when: {{time_s: 0}}, do: {{follow_course: {{line: [[0, 0], [80, 0]], frame: own}}}}}}
  - {{actor: changes, when: {{time_s: 1}}, do: {{lane_change: {{to: left, duration_s: 2}}}}}}
  - {{name: back, actor: backs, when: {{time_s: 0}}, do: {{reverse: {{speed_kmh: 18}}}}}}
  - {{actor: backs, when: {{time_s: 0}}, do: {{follow_course: {{line: [[0, 0], [-10, 0]], frame: own}}}}}}
  - {{actor: waits, when: {{after: {{event: back, done: true}}}}, do: {{walk: {{speed_kmh: 6, direction: against}}}}}}
  - {{actor: waits, when: {{time_s: 3.2}}, do: {{wait: {{}}}}}}
""",
        4.5,
    )

    assert run.of("told")["d"][-1] == pytest.approx(3.5, abs=0.1)
    assert run.of("told")["v"][-1] == pytest.approx(10.0, abs=0.3)
    assert run.of("changes")["d"][-1] == pytest.approx(3.5, abs=0.15)
    waits, backs = run.of("waits"), run.of("backs")
    assert backs["s"][0] - backs["s"][-1] > 13.0
    assert backs["d"] == pytest.approx(0.0, abs=0.05)
    assert backs["yaw"] == pytest.approx(0.0, abs=0.02)
    assert at(waits["t"], waits["v"], 3.1) == pytest.approx(6 / 3.6, abs=0.1)
    assert waits["v"][waits["t"] > 3.8].max() < 0.02


def test_another_way_is_taken_through_places(play: Play) -> None:
    run = play(
        "road: {town: AvSynth01, length_m: 110, pose: {x_m: 240.6, y_m: 185.25, yaw_deg: 180}}\n"
        + """ego: {speed_kmh: 20}
actors:
  a: {body: car, speed_kmh: 36, at: {ahead_m: 30}}
events:
  - {actor: a, when: {time_s: 0}, do: {take_route: {through: [{x_m: 161.75, y_m: 250}]}}}
""",
        9,
    )
    turned = run.of("a")

    assert run.states[-1].actors[run.who("a")].world_from_actor[0, 3] == pytest.approx(161.75, abs=0.3)
    assert turned["yaw"][-1] == pytest.approx(-math.pi / 2, abs=0.05)


def test_two_arrive_together_whatever_the_other_does_and_at_the_speed_that_was_asked_for(play: Play) -> None:
    places = "at: {x_m: 350.5, y_m: 178.25}, who_at: {x_m: 300.5, y_m: 174.75}"
    run = play(
        STREET
        + f"""ego: {{speed_kmh: 36}}
actors:
  car: {{body: car, speed_kmh: 36, at: {{ahead_m: 30, lane: left}}}}
  adult: {{body: adult, at: {{ahead_m: 40, lane: pavement_right, heading: left}}}}
  late: {{body: car, speed_kmh: 20, at: {{ahead_m: 12, lane: left}}}}
events:
  - {{actor: car, when: {{time_s: 0}}, do: {{arrive_together: {{{places}, final_kmh: 50}}}}}}
  - {{actor: ego, when: {{time_s: 1.5}}, do: {{drive: {{speed_kmh: 27}}}}}}
  - {{actor: adult, when: {{time_s: 0}}, do: {{follow_trajectory: {{points: [[5, 40, -7], [9, 40, -6]]}}}}}}
  - actor: adult
    when: {{time_s: 1}}
    do: {{arrive_together: {{who: car, who_at: {{x_m: 350.5, y_m: 178.25}}, at: {{x_m: 290.5, y_m: 174.75}}}}}}
  - {{actor: late, when: {{reaches: {{of: ego, ahead_m: 52}}}}, do: {{arrive_together: {{{places}}}}}}}
""",
        7.5,
    )
    ego, car, adult, late = (run.of(name) for name in ("ego", "car", "adult", "late"))
    ego_s, car_s = (float(np.interp(s, of["s"], of["t"])) for of, s in ((ego, 50.0), (car, 100.0)))

    assert ego_s > 5.5
    assert car_s == pytest.approx(ego_s, abs=0.2)
    assert at(car["t"], car["v"], car_s) == pytest.approx(50 / 3.6, abs=0.5)
    assert at(adult["t"], adult["d"], car_s) == pytest.approx(0.0, abs=0.3)
    assert late["v"].max() < 6.0


def test_who_comes_up_an_acceleration_lane_is_in_the_next_one_before_it_ends(play: Play) -> None:
    run = play(
        """road: {town: AvSynth04, length_m: 150, curve: any, ego_lane: entry, entry: {ahead_m: 100}}
ego: {speed_kmh: 72}
events:
  - {actor: ego, when: {reaches: {ahead_m: -60, anchor: entry}}, do: {merge: {duration_s: 2.5, speed_kmh: 80}}}
""",
        5.5,
        town="AvSynth04",
    )
    ego, place = run.of("ego"), run.director.place
    ends_m = place.anchors["entry"]
    lane = place.lane_offset_m("left", ends_m - 30.0)

    assert lane > 2.5
    assert at(ego["s"], ego["d"], ends_m - 62.0) == pytest.approx(0.0, abs=0.1)
    assert at(ego["s"], ego["d"], ends_m - 5.0) == pytest.approx(lane, abs=0.5)
    assert ego["v"][-1] == pytest.approx(80 / 3.6, abs=0.5)
    centre = path_along(place.waypoint(ends_m - 30.0).get_left_lane(), 0.0, 120.0)
    middle = run.states[-1].actors[run.who("ego")].world_from_actor[:3, 3]
    assert centre.project(middle)[1] == pytest.approx(0.0, abs=0.3)
