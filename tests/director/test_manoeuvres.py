"""Each manoeuvre of the language on the embedded simulator, with what came of it measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import carla
import numpy as np
import pytest

from av_synth import documents, scenario
from av_synth.director import Director
from av_synth.director.footprints import footprint
from av_synth.errors import CastError
from av_synth.launch import Address
from av_synth.log.state import WorldState
from av_synth.metrics import distance_m
from av_synth.scenario.manoeuvres import Do, Walk
from av_synth.scenario.model import EventSpec
from av_synth.scenario.scenario import from_document
from av_synth.scenario.triggers import When
from av_synth.session import open_session
from tests.director.played import CROSSROADS, EGO, PAVED, STREET, TICK_US, Play, at


def test_speeds_follow_a_profile_a_brake_ends_when_told_and_who_stops_stands_with_its_front_there(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  profile: {body: car, speed_kmh: 36, at: {ahead_m: 25}}
  brakes: {body: car, speed_kmh: 36, at: {ahead_m: 10, lane: left}}
  stops: {body: car, speed_kmh: 36, at: {ahead_m: -15, lane: left}}
events:
  - {actor: profile, when: {time_s: 0}, do: {speed_profile: {points: [[0, 36], [2, 22], [4, 36]]}}}
  - {name: slow, actor: brakes, when: {time_s: 0}, do: {brake: {deceleration_mps2: 4, to_kmh: 18}}, for_s: 2}
  - {actor: brakes, when: {after: {event: slow, done: true}}, do: {lights: {on: [left, low_beam]}}}
  - {name: halt, actor: stops, when: {time_s: 0}, do: {stop: {ahead_m: 15, wait_s: 0.5}}}
""",
        6,
    )
    profile, brakes, stops = run.of("profile"), run.of("brakes"), run.of("stops")

    assert at(profile["t"], profile["v"], 2.0) == pytest.approx(22 / 3.6, abs=0.5)
    assert at(profile["t"], profile["v"], 5.0) == pytest.approx(10.0, abs=0.2)
    assert brakes["v"].min() == pytest.approx(5.0, abs=0.3)
    assert brakes["v"][-1] == pytest.approx(10.0, abs=0.5)
    assert run.begun("lights") == pytest.approx(2.0, abs=0.05)
    assert run.lamps[0][run.who("brakes")] == int(carla.VehicleLightState.LeftBlinker | carla.VehicleLightState.LowBeam)
    stood = stops["v"] < 0.05
    front = stops["s"][stood][0] + run.states[0].infos[run.who("stops")].size_lwh_m[0] / 2
    assert front == pytest.approx(15.0, abs=0.4)
    assert stood.sum() * 0.05 == pytest.approx(0.7, abs=0.3)
    assert stops["v"][-1] > 1.0


def test_lanes_are_changed_shifted_cut_into_and_left_to_their_centres(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  in: {body: car, speed_kmh: 36, at: {ahead_m: 15, lane: left}}
  out: {body: car, speed_kmh: 36, at: {ahead_m: 35}}
  shifts: {body: car, speed_kmh: 36, at: {ahead_m: 60}}
  swerves: {body: car, speed_kmh: 36, at: {ahead_m: 80}}
  drifts: {body: car, speed_kmh: 36, at: {ahead_m: 105, lane: left}}
events:
  - {actor: in, when: {time_s: 0.5}, do: {cut_in: {duration_s: 2.5, speed_kmh: 30}}}
  - {actor: out, when: {time_s: 0.5}, do: {cut_out: {to: left, duration_s: 2.5}}}
  - {actor: shifts, when: {time_s: 0.5}, do: {lane_change: {offset_m: -1, duration_s: 1.5}}, for_s: 1.5}
  - {actor: swerves, when: {time_s: 0.5}, do: {swerve: {offset_m: 1.2, duration_s: 2}}}
  - {actor: drifts, when: {time_s: 0.5}, do: {drift: {offset_m: -1.2, rate_mps: 0.6}}}
""",
    )
    cut_in, out, shifts, swerves, drifts = (run.of(name) for name in ("in", "out", "shifts", "swerves", "drifts"))

    assert cut_in["d"][[0, -1]] == pytest.approx([3.5, 0.0], abs=0.1)
    assert at(cut_in["t"], cut_in["d"], 3.0) == pytest.approx(0.0, abs=0.25)
    assert cut_in["v"][-1] == pytest.approx(30 / 3.6, abs=0.3)
    assert out["d"][[0, -1]] == pytest.approx([0.0, 3.5], abs=0.1)
    assert shifts["d"].min() == pytest.approx(-1.0, abs=0.15)
    assert shifts["d"][-1] == pytest.approx(0.0, abs=0.1)
    assert swerves["d"].max() == pytest.approx(1.2, abs=0.25)
    assert swerves["d"][-1] == pytest.approx(0.0, abs=0.1)
    assert drifts["d"][-1] == pytest.approx(2.3, abs=0.1)
    assert (np.diff(drifts["d"]) > -0.6 * 0.05 * 1.6).all()


def test_somebody_overtakes_follows_and_keeps_off_whoever_is_ahead_of_them(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  overtakes: {body: car, speed_kmh: 40, at: {ahead_m: -12}}
  follows: {body: car, speed_kmh: 50, at: {ahead_m: -45}}
  careful: {body: car, speed_kmh: 54, careful: true, at: {ahead_m: -60, lane: left}}
  slow: {body: car, speed_kmh: 18, at: {ahead_m: 60, lane: left}}
events:
  - name: past
    actor: overtakes
    when: {time_s: 0}
    do: {overtake: {speed_kmh: 60, back_gap_m: 4, duration_s: 2}}
  - {actor: follows, when: {time_s: 0}, do: {follow: {gap_s: 1.5}}}
  - {actor: overtakes, when: {after: {event: past, done: true}}, do: {drive: {speed_kmh: 70}}}
expectations:
  - {of: follows, gap_s: {min: 1.2, max: 1.7}}
  - {of: careful, to: slow, contact: false, distance_m: {min: 1.5}, first: slow}
""",
        9,
    )
    overtakes, ego = run.of("overtakes"), run.of("ego")

    assert overtakes["d"].max() == pytest.approx(3.5, abs=0.3)
    assert overtakes["d"][-1] == pytest.approx(0.0, abs=0.15)
    assert overtakes["s"][-1] > ego["s"][-1] + 8.0
    back = overtakes["t"][np.flatnonzero((overtakes["d"] > 3.0) & (overtakes["s"] > ego["s"]))[-1]]
    assert 1.5 < back < run.begun("drive") < back + 3.0
    assert run.outcome.held, run.verdicts()
    follows = run.of("follows")
    lengths = [run.states[0].infos[run.who(name)].size_lwh_m[0] / 2 for name in ("ego", "follows")]
    gap_s = (ego["s"][-1] - follows["s"][-1] - sum(lengths)) / follows["v"][-1]
    assert gap_s == pytest.approx(1.5, abs=0.2)


def test_a_vehicle_that_waits_brakes_gently_and_stands_and_one_that_is_to_walk_is_refused(play: Play) -> None:
    run = play(
        STREET
        + "ego: {speed_kmh: 0}\n"
        + """actors:
  waits: {body: car, speed_kmh: 36, at: {ahead_m: 30}}
events:
  - {name: stood, actor: waits, when: {time_s: 0.5}, do: {wait: {}}}
  - {actor: waits, when: {after: {event: stood, done: true, after_s: 1}}, do: {drive: {speed_kmh: 10}}}
""",
        7,
    )
    waits = run.of("waits")
    slowing = (at(waits["t"], waits["v"], 1.2) - at(waits["t"], waits["v"], 3.0)) / 1.8
    again = run.begun("drive")

    assert slowing == pytest.approx(3.0, abs=0.3)
    assert 4.0 < again < 5.5
    assert waits["v"][(waits["t"] > again - 0.5) & (waits["t"] <= again)].max() < 0.1
    walk = EventSpec(actor="waits", when=When(time_s=1.0), do=Do(walk=Walk()))
    with pytest.raises(CastError, match="waits: got do: walk; want a manoeuvre of a vehicle"):
        run.director._players["waits"].begin(walk, run.director._look(run.states[-1]))


def test_an_overtaking_that_is_ended_goes_back_to_the_line_and_the_speed_before(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  tries: {body: car, speed_kmh: 30, at: {ahead_m: -40}}
events:
  - {actor: tries, when: {time_s: 0}, for_s: 2.5, do: {overtake: {speed_kmh: 50, duration_s: 2}}}
""",
        7,
    )
    tries = run.of("tries")

    assert tries["d"].max() > 3.0
    assert tries["v"].max() * 3.6 > 40.0
    assert tries["d"][-1] == pytest.approx(0.0, abs=0.2)
    assert tries["v"][-1] * 3.6 == pytest.approx(30.0, abs=1.5)


def test_what_is_ended_takes_no_speed_back_that_was_told_meanwhile(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  brakes: {body: car, speed_kmh: 30, at: {ahead_m: 40}}
  changes: {body: car, speed_kmh: 30, at: {ahead_m: 80}}
events:
  - {actor: brakes, when: {time_s: 0}, for_s: 2, do: {lane_change: {to: left, duration_s: 2}}}
  - {actor: brakes, when: {time_s: 0.5}, do: {brake: {deceleration_mps2: 6}}}
  - {actor: changes, when: {time_s: 0}, for_s: 2, do: {drive: {speed_kmh: 30}}}
  - {actor: changes, when: {time_s: 0.5}, do: {lane_change: {to: left, duration_s: 2, speed_kmh: 15}}}
""",
        5,
    )

    assert run.of("brakes")["v"][-1] < 0.1
    assert run.of("changes")["v"][-1] * 3.6 == pytest.approx(15.0, abs=1.5)


def test_somebody_reverses_stalls_turns_round_loses_hold_or_a_load_and_a_rider_falls(play: Play) -> None:
    run = play(
        STREET
        + "ego: {speed_kmh: 0}\n"
        + """actors:
  reverses: {body: car, at: {ahead_m: 20}}
  stalls: {body: car, speed_kmh: 36, at: {ahead_m: 50}}
  skids: {body: car, speed_kmh: 36, at: {ahead_m: 75}}
  loses: {body: van, speed_kmh: 36, at: {ahead_m: 100}}
  back: {body: car, speed_kmh: 15, at: {ahead_m: 10, lane: left}}
  rider: {body: bicycle, speed_kmh: 18, at: {ahead_m: -20}}
events:
  - {actor: reverses, when: {time_s: 0}, do: {reverse: {speed_kmh: 10, distance_m: 6}}}
  - {actor: stalls, when: {time_s: 0}, do: {stall: {deceleration_mps2: 2.5}}}
  - {actor: skids, when: {time_s: 0}, do: {lose_control: {grip: 0.3, steer: 0.4, duration_s: 1}}}
  - {actor: loses, when: {time_s: 0.5}, do: {drop: {slides_mps2: 4}}}
  - {actor: back, when: {time_s: 0}, do: {u_turn: {speed_kmh: 12, radius_m: 3.5}}}
  - {actor: rider, when: {time_s: 0}, do: {fall: {duration_s: 0.5}}}
""",
        7,
    )
    reverses, stalls, skids, back, rider = (run.of(n) for n in ("reverses", "stalls", "skids", "back", "rider"))
    load, loses = run.of("loses_load_0"), run.of("loses")

    assert reverses["s"][0] - reverses["s"][-1] == pytest.approx(6.0, abs=0.25)
    assert abs(reverses["yaw"]).max() < 0.02
    slowing = (at(stalls["t"], stalls["v"], 1.0) - at(stalls["t"], stalls["v"], 3.0)) / 2.0
    assert slowing == pytest.approx(2.5, abs=0.3)
    assert stalls["v"][-1] < 0.1
    hazard = int(carla.VehicleLightState.LeftBlinker | carla.VehicleLightState.RightBlinker)
    assert run.lamps[0][run.who("stalls")] & hazard == hazard
    assert skids["d"].min() < -1.0
    assert skids["d"][-1] == pytest.approx(0.0, abs=0.2)
    assert math.cos(back["yaw"][-1]) == pytest.approx(-1.0, abs=0.01)
    assert back["d"][-1] == pytest.approx(10.5, abs=0.3)
    assert (loses["s"] - load["s"])[:10] == pytest.approx((loses["s"] - load["s"])[0], abs=0.05)
    assert load["v"][-1] == 0.0
    assert load["s"][-1] - at(load["t"], load["s"], 0.5) == pytest.approx(10.0**2 / (2 * 4), abs=0.6)
    assert load["z"][0] - load["z"][-1] == pytest.approx(0.5, abs=0.05)
    box = footprint(run.states[-1], run.who("rider"))
    _, width, height = run.states[0].infos[run.who("rider")].size_lwh_m
    assert rider["v"][-1] == 0.0
    assert box.half_m[1] == pytest.approx(height / 2, abs=0.02)
    assert (box.bottom_m, box.top_m) == pytest.approx((0.0, width), abs=0.03)


def test_lights_are_on_as_the_scenario_says_and_as_before_when_what_changed_them_is_over(play: Play) -> None:
    x, y, _ = play(STREET + EGO, 0.5).director.place.path.point(90.0).tolist()
    run = play(
        STREET
        + """ego: {speed_kmh: 20}
weather: {preset: clear_night}
actors:
  parked: {body: car, parked: true, lights: [left, right], at: {ahead_m: 100, lane: left}}
  dark: {body: car, parked: true, at: {ahead_m: 120, lane: left}}
  stalls: {body: car, speed_kmh: 30, at: {ahead_m: 30}}
  recovers: {body: car, speed_kmh: 30, at: {ahead_m: 45}}
  signals: {body: car, speed_kmh: 30, at: {ahead_m: 60}}
  breaks_down: {body: car, speed_kmh: 30, at: {ahead_m: 20, lane: left}}
  coughs: {body: car, speed_kmh: 30, at: {ahead_m: 45, lane: left}}
  moved: {body: car, speed_kmh: 30, lights: [fog], at: {ahead_m: 75}}
events:
  - {actor: stalls, when: {time_s: 0}, do: {stall: {}}}
  - {actor: recovers, when: {time_s: 0}, for_s: 0.5, do: {stall: {}}}
  - {actor: signals, when: {time_s: 0}, for_s: 0.5, do: {lights: {on: [left]}}}
  - {actor: breaks_down, when: {time_s: 0}, for_s: 0.5, do: {lights: {on: [left]}}}
  - {actor: breaks_down, when: {time_s: 0.3}, do: {stall: {}}}
  - {actor: coughs, when: {time_s: 0}, for_s: 0.5, do: {lights: {on: [left]}}}
  - {actor: coughs, when: {time_s: 0.3}, for_s: 0.5, do: {stall: {}}}
  - {actor: moved, when: {time_s: 0}, do: {lights: {on: [low_beam]}}}
  - {actor: moved, when: {time_s: 0.3}, do: PUT}
  - {actor: moved, when: {time_s: 0.6}, do: {stall: {}}}
""".replace("PUT", f"{{appear: {{at: {{x_m: {x}, y_m: {y}}}}}}}"),
        1.5,
    )
    lit, both = carla.VehicleLightState, carla.VehicleLightState.LeftBlinker | carla.VehicleLightState.RightBlinker
    driving = lit.Position | lit.LowBeam
    wanted = {
        "parked": both,
        "dark": lit.NONE,
        "stalls": driving | both,
        "recovers": driving,
        "signals": driving,
        "breaks_down": driving | both,
        "coughs": driving,
        "moved": lit.LowBeam | both,
    }

    assert {name: run.lamps[0][run.who(name)] for name in wanted} == {name: int(on) for name, on in wanted.items()}


def test_who_loses_hold_twice_at_once_has_it_back_and_each_door_closes(play: Play) -> None:
    run = play(
        STREET
        + """ego: {speed_kmh: 20}
actors:
  skids: {body: car, speed_kmh: 36, at: {ahead_m: 80}}
  opens: {body: car, parked: true, at: {ahead_m: 60, lane: left}}
events:
  - {actor: skids, when: {time_s: 0}, do: {lose_control: {grip: 0.3, steer: 0.0, duration_s: 1}}}
  - {actor: skids, when: {time_s: 0.5}, do: {lose_control: {grip: 0.3, steer: 0.0, duration_s: 1}}}
  - {actor: skids, when: {time_s: 2}, do: {brake: {deceleration_mps2: 7}}}
  - {actor: opens, when: {time_s: 0}, for_s: 1.5, do: {open_door: {side: left}}}
  - {actor: opens, when: {time_s: 0.5}, for_s: 1.5, do: {open_door: {side: right}}}
""",
        3,
    )
    skids = run.of("skids")
    left, right = int(carla.VehicleDoor.FL), int(carla.VehicleDoor.FR)

    assert at(skids["t"], skids["v"], 2.3) - at(skids["t"], skids["v"], 2.8) == pytest.approx(3.5, abs=0.4)
    assert [(door, opened) for (_, _, door), opened in run.doors.items()] == [
        *((left, True), (right, True)),
        *((left, False), (right, False)),
    ]


def test_a_vehicle_that_is_to_brake_or_to_change_lane_leaves_a_trajectory(play: Play) -> None:
    run = play(
        STREET
        + EGO
        + """actors:
  brakes: {body: car, speed_kmh: 36, at: {ahead_m: 20}}
  changes: {body: car, speed_kmh: 36, at: {ahead_m: 40}}
events:
  - {name: on, actor: brakes, when: {time_s: 0}, do: {follow_trajectory: {points: [[1, 30, 0], [4, 60, 0]]}}}
  - {actor: brakes, when: {time_s: 2}, do: {brake: {deceleration_mps2: 6}}}
  - {actor: changes, when: {time_s: 0}, do: {follow_trajectory: {points: [[1, 50, 0], [4, 80, 0]]}}}
  - {actor: changes, when: {time_s: 2}, do: {lane_change: {to: left, duration_s: 1.5}}}
  - {actor: ego, when: {after: {event: on, done: true}}, do: {lights: {on: [fog]}}}
""",
        5,
    )
    brakes, changes = run.of("brakes"), run.of("changes")

    assert brakes["s"][-1] == pytest.approx(48.3, abs=1.0)
    assert brakes["v"][-1] < 0.1
    assert changes["d"][-1] == pytest.approx(3.5, abs=0.2)
    assert changes["v"][-1] == pytest.approx(10.0, abs=0.3)
    assert run.begun("lights") == pytest.approx(2.05, abs=0.051)


def test_who_is_to_walk_or_wait_leaves_a_trajectory(play: Play) -> None:
    run = play(
        PAVED
        + """ego: {speed_kmh: 0}
actors:
  goes: {body: adult, at: {ahead_m: 70, lane: pavement_right, heading: left}}
  waits: {body: adult, at: {ahead_m: 50, lane: pavement_right, heading: left}}
  came: {body: adult, at: {ahead_m: 25, lane: pavement_right, heading: along}}
events:
  - {actor: goes, when: {time_s: 0}, do: {follow_trajectory: {points: [[1, 70, -6], [4, 76, -6]]}}}
  - {name: back, actor: goes, when: {time_s: 2}, do: {walk: {speed_kmh: 4, direction: against, distance_m: 1.5}}}
  - {actor: waits, when: {time_s: 0}, do: {follow_trajectory: {points: [[1, 50, -6], [4, 56, -6]]}}}
  - {actor: waits, when: {time_s: 2}, do: {wait: {}}}
  - {actor: came, when: {time_s: 0}, do: {walk: {speed_kmh: 8}}}
  - {actor: came, when: {time_s: 1}, do: {follow_trajectory: {points: [[1, 30, -6], [3, 30, -3]]}}}
  - {actor: came, when: {time_s: 3}, do: {wait: {}}}
""",
        5,
    )
    goes, waits, came = (run.of(name) for name in ("goes", "waits", "came"))

    assert goes["s"].max() == pytest.approx(72.0, abs=0.2)
    assert goes["s"][-1] == pytest.approx(70.5, abs=0.3)
    assert waits["s"][-1] == pytest.approx(52.0, abs=0.2)
    assert [came[key][-1] for key in ("s", "d", "yaw")] == pytest.approx([30.0, -4.5, math.pi / 2], abs=0.1)
    assert run.director._scene is not None
    assert run.director._scene.over_us["back"] < 5_000_000


def test_people_hesitate_turn_back_walk_fall_and_follow_trajectories(play: Play) -> None:
    person = "{body: adult, at: {ahead_m: %d, lane: pavement_right, heading: %s}}"
    run = play(
        PAVED
        + "ego: {speed_kmh: 0}\n"
        + f"""actors:
  hesitates: {person % (30, "left")}
  returns: {person % (40, "left")}
  walks: {person % (55, "along")}
  falls: {person % (60, "left")}
  goes: {person % (70, "left")}
events:
  - actor: hesitates
    when: {{time_s: 0}}
    do: {{cross: {{speed_kmh: 6, distance_m: 7, stop_after_m: 3, stop_s: 1}}}}
  - actor: returns
    when: {{time_s: 0}}
    do: {{cross: {{speed_kmh: 6, distance_m: 9, stop_after_m: 3, stop_s: 0.5, turn_back: true}}}}
  - {{actor: walks, when: {{time_s: 0}}, do: {{walk: {{speed_kmh: 5, direction: against, distance_m: 4}}}}}}
  - {{name: down, actor: falls, when: {{time_s: 1}}, do: {{fall: {{duration_s: 0.6}}}}}}
  - {{actor: goes, when: {{time_s: 0}}, do: {{follow_trajectory: {{points: [[1, 70, -3], [3, 72, -1]]}}}}}}
  - {{actor: hesitates, when: {{after: {{event: down, done: true, after_s: 5}}}}, do: {{wait: {{}}}}}}
""",
        6,
    )
    hesitates, returns, walks, goes = (run.of(name) for name in ("hesitates", "returns", "walks", "goes"))
    way = hesitates["d"] - hesitates["d"][0]

    standing = (hesitates["v"] < 0.05) & (hesitates["t"] > 1.0) & (way < 5.0)
    assert way[standing] == pytest.approx(3.2, abs=0.3)
    assert standing.sum() * 0.05 == pytest.approx(1.0, abs=0.45)
    assert way[-1] == pytest.approx(7.1, abs=0.3)
    assert (returns["d"] - returns["d"][0]).max() == pytest.approx(3.2, abs=0.3)
    assert returns["d"][-1] == pytest.approx(returns["d"][0], abs=0.45)
    assert walks["s"][0] - walks["s"][-1] == pytest.approx(4.1, abs=0.3)
    assert np.ptp(walks["d"]) < 0.1
    box = footprint(run.states[-1], run.who("falls"))
    _, width, height = run.states[0].infos[run.who("falls")].size_lwh_m
    assert max(box.half_m) == pytest.approx(height / 2, abs=0.02)
    assert box.top_m - box.bottom_m == pytest.approx(width, abs=0.03)
    assert [at(goes["t"], goes[key], 3.0) for key in ("s", "d")] == pytest.approx([72.0, -1.0], abs=0.1)
    assert at(goes["t"], goes["v"], 2.0) == pytest.approx(math.sqrt(2.0), abs=0.1)


def slippery(director: Director) -> None:
    physics = director.ego.get_physics_control()
    wheels = list(physics.wheels)
    for wheel in wheels:
        wheel.tire_friction *= 0.6
    physics.wheels = wheels
    director.ego.apply_physics_control(physics)


@pytest.mark.parametrize(
    ("arm", "ego_kmh", "ahead_m", "before_s", "change", "more"),
    [
        ("left", 30, 70, 0.5, None, ""),
        ("right", 60, 110, -0.7, None, ""),
        ("left", 60, 110, 0.3, slippery, "  - {actor: ego, when: {time_s: 2}, do: {brake: BRAKE}}\n"),
        ("right", 30, 70, 1.0, slippery, "  - {actor: ego, when: {time_s: 2}, do: {drive: {speed_kmh: 45}}}\n"),
    ],
)
def test_two_meet_in_time_whatever_the_ego_does(
    play: Play,
    arm: str,
    ego_kmh: int,
    ahead_m: int,
    before_s: float,
    change: Callable[[Director], None] | None,
    more: str,
) -> None:
    text = CROSSROADS.replace("AHEAD", str(ahead_m)) + f"ego: {{speed_kmh: {ego_kmh}}}\n"
    text += f"actors: {{a: {{body: car, speed_kmh: 30, at: {{arm: {arm}, before_m: 60}}}}}}\n"
    text += f"events:\n  - {{actor: a, when: {{time_s: 0}}, do: {{meet: {{before_ego_s: {before_s}}}}}}}\n"
    text += more.replace("BRAKE", "{deceleration_mps2: 4, to_kmh: 40}")
    run = play(text, 10.5, change)
    ego, other = run.of("ego"), run.of("a")
    front = ego["s"] + run.states[0].infos[run.who("ego")].size_lwh_m[0] / 2
    crossed = int(np.flatnonzero(np.sign(other["d"]) != np.sign(other["d"][0]))[0])
    there_s = float(
        np.interp(0.0, np.abs(other["d"][[crossed, crossed - 1]]) * [-1, 1], other["t"][[crossed, crossed - 1]])
    )
    ego_s = float(np.interp(other["s"][crossed], front, ego["t"]))

    assert ego_s - there_s == pytest.approx(before_s, abs=0.2)


def test_lights_are_stopped_show_what_is_asked_and_start_events_and_weather_changes(play: Play) -> None:
    run = play(
        CROSSROADS.replace("AHEAD", "70")
        + "ego: {speed_kmh: 20}\n"
        + """actors:
  runs: {body: car, speed_kmh: 30, at: {arm: left, before_m: 60}}
signals: {left: yellow}
events:
  - {when: {time_s: 1}, signals: {ego: red, right: green}}
  - {actor: runs, when: {signal: {state: red}, delay_s: 0.5}, do: {run_light: {speed_kmh: 40}}}
  - {when: {time_s: 0.5}, weather: {rain_mm_h: 25, over_s: 1}}
""",
        3,
    )
    changes = [k for k in range(1, len(run.lights)) if run.lights[k] != run.lights[k - 1]]
    rain = [found["precipitation"] for found in run.weather]

    assert sorted(set(run.lights[0].values())) >= ["Green"]
    assert "Yellow" in run.lights[0].values()
    assert [run.states[k].time_us for k in changes] == [1_050_000, 1_600_000]  # seen a frame after it was asked
    assert run.begun("run_light") == pytest.approx(1.55, abs=0.06)
    assert rain[0] == 0.0
    assert rain[-1] == 50.0
    assert 10.0 < rain[20] < 40.0
    assert run.of("runs")["v"][-1] > 9.5


def test_a_sun_that_is_told_from_the_egos_heading_stands_there_whatever_road_was_found(play: Play) -> None:
    run = play(
        STREET + EGO + "weather: {preset: clear_dusk, sun_bearing_deg: 3}\n"
        "events: [{when: {time_s: 0.1}, weather: {wetness: 50}}]\n",
        0.5,
    )
    heading_deg = math.degrees(footprint(run.states[0], run.who("ego")).yaw_rad)
    # CARLA counts clockwise, the house to the left
    off = [math.remainder(-found["sun_azimuth_angle"] - heading_deg, 360.0) for found in run.weather]

    assert off == pytest.approx([3.0] * len(off), abs=0.2)
    assert [run.weather[k]["wetness"] for k in (0, -1)] == [0.0, 50.0]


def test_conditions_are_joined_and_what_is_asked_of_sight_speed_and_place_holds_when_it_does(play: Play) -> None:
    when = {
        "first": "{all: [{speed_kmh: {min: 34}}, {gap_m: {max: 30}}], for_s: 0.3}",
        "second": "{then: [{reaches: {of: ego, ahead_m: 10}}, {reaches: {of: ego, ahead_m: 20}}]}",
        "third": "{any: [{time_s: 5.9}, {region: {of: ego, from_m: 25, to_m: 40}}]}",
        "fourth": "{distance_m: {of: ego, to: hidden, max: 10}}",
        "fifth": "{sees: {of: hidden}}",
        "sixth": "{ttc_s: {to: wall, max: 1.5}}",
        "seventh": "{loses_sight: {by: hidden, of: wall}}",
        "never": "{gap_s: {of: ego, to: wall, max: 2}}",
    }
    text = PAVED.replace("pavement: [right]", "parking: [right], pavement: [right]") + EGO
    text += """actors:
  a: {body: car, speed_kmh: 36, at: {ahead_m: 30}}
  wall: {body: car, parked: true, at: {ahead_m: 95}}
  van: {body: van, parked: true, at: {ahead_m: 40, lane: parking_right}}
  hidden: {body: child, at: {beyond: van, gap_m: 0.5, lane: parking_right}}
events:
"""
    for number, (name, condition) in enumerate(when.items()):
        text += f"  - {{name: {name}, actor: a, when: {condition}, do: {{drive: {{speed_kmh: {36 + number / 10}}}}}}}\n"
    text += "expectations:\n"
    text += "  - {of: hidden, seen: {distance_m: {max: 25}}, first: ego}\n"
    text += "  - {of: hidden, seen: {by: CAM_FRONT, time_s: {min: 0.5}}}\n"
    text += "  - {of: hidden, seen: {by: CAM_NOWHERE, time_s: {max: 0}}}\n"
    text += "  - {of: ego, least_kmh: {min: 29}, greatest_kmh: {max: 31}, deceleration_mps2: {max: 1}}\n"
    text += "  - {of: van, distance_m: {min: 0.3}, pet_s: {min: 99}, drac_mps2: {max: 1}}\n"
    run = play(text, 6)
    ego, begun = run.of("ego"), [e for e in run.events if e.kind == "trigger"]
    due = run.director._scene.begun_us if run.director._scene is not None else {}
    verdicts = run.verdicts()

    assert due["first"] == 300_000
    assert at(ego["t"], ego["s"], due["second"] * 1e-6) == pytest.approx(20.2, abs=0.5)
    assert at(ego["t"], ego["s"], due["third"] * 1e-6) == pytest.approx(25.2, abs=0.5)
    assert at(ego["t"], ego["s"], due["fourth"] * 1e-6) == pytest.approx(31.8, abs=1.0)
    assert due["fourth"] < min(due["fifth"], due["seventh"])
    assert due["sixth"] == pytest.approx(4.6e6, abs=0.3e6)
    assert len(due) == len(begun) == 7
    assert verdicts["hidden.seen_by_ego.distance_m"][1]
    assert verdicts["hidden.seen_by_cam_front.time_s"][1]
    unjudged = next(result for result in run.outcome.expectations if "cam_nowhere" in result.name)
    assert (unjudged.held, unjudged.judged) == (True, False)
    assert "not judged" in str(unjudged)
    assert all(verdicts[f"ego.{name}"][1] for name in ("least_kmh", "greatest_kmh", "deceleration_mps2"))
    assert all(verdicts[f"van.{name}"][1] for name in ("distance_m", "pet_s", "drac_mps2"))


def test_a_turn_is_taken_at_the_next_junction_slowly_enough(play: Play) -> None:
    run = play(
        CROSSROADS.replace("AHEAD", "70")
        + "ego: {speed_kmh: 20}\n"
        + """actors: {a: {body: car, speed_kmh: 45, at: {ahead_m: 20}}}
events: [{actor: a, when: {time_s: 0}, do: {turn: {to: right}}}]
""",
        9,
    )
    turned = run.of("a")

    assert turned["yaw"][-1] == pytest.approx(-math.pi / 2, abs=0.1)
    assert turned["d"][-1] < -8.0
    assert turned["v"].min() < 8.0


@pytest.mark.parametrize("absent", [False, True])
def test_a_door_that_the_body_has_not_is_said_before_anything_is_played(play: Play, absent: bool) -> None:
    appears = "{actor: a, when: {time_s: 1}, do: {appear: {at: {x_m: 0, y_m: 0}}}}, " if absent else ""
    with pytest.raises(CastError, match=r"door, and vehicle\.\S+ has none that open; .*vehicle\.audi\.a2, "):
        play(
            STREET
            + EGO
            + f"actors: {{a: {{body: bus, speed_kmh: 0, absent: {str(absent).lower()}, at: {{ahead_m: 30}}}}}}\n"
            + f"events: [{appears}{{actor: a, when: {{time_s: 2}}, do: {{open_door: {{}}}}}}]\n"
        )


@pytest.mark.parametrize(("side", "hit"), [("left", True), ("right", False)])
def test_a_door_that_opens_into_the_way_is_hit(play: Play, side: str, hit: bool) -> None:
    run = play(
        STREET
        + "ego: {speed_kmh: 20}\n"
        + "actors: {a: {body: car, speed_kmh: 0, at: {ahead_m: 25, offset_m: -2.2}}}\n"
        + f"events: [{{actor: a, when: {{time_s: 1}}, do: {{open_door: {{side: {side}}}}}}}]\n",
        6,
    )

    assert ("contact" in {event.kind for event in run.events}) == hit


class Slow:
    """An agent as CARLA's own are: constructed with a vehicle, driven by run_step."""

    def __init__(self, vehicle: carla.Vehicle, route: list[carla.Transform], speed_kmh: float) -> None:
        self.vehicle, self.route, self.speed_kmh = vehicle, route, speed_kmh
        assert len(route) > 20

    def run_step(self) -> carla.VehicleControl:
        return carla.VehicleControl(brake=0.5)


class Wrong(Slow):
    """One that says something else."""

    def run_step(self) -> float:  # type: ignore[override]
        return 1.0


def test_the_ego_is_driven_by_the_traffic_manager_or_an_agent_of_ones_own(play: Play) -> None:
    ego = "ego: {speed_kmh: 30, driver: '%s'}\n"
    autopilot = play(STREET + ego % "traffic_manager", 4).of("ego")
    agent = play(STREET + ego % f"{__name__}:Slow", 3).of("ego")

    assert autopilot["v"][-1] == pytest.approx(30 / 3.6, abs=1.0)
    assert abs(autopilot["d"]).max() < 0.4
    assert agent["v"][0] == pytest.approx(30 / 3.6, abs=0.2)
    assert agent["v"][-1] < 0.5
    for driver, message in (
        ("no_such_module_here:Agent", "module 'no_such_module_here' cannot be imported"),
        (f"{__name__}:Play", "no class 'Play' with a run_step"),
        (f"{__name__}:Wrong", "run_step gave float; want a carla.VehicleControl"),
    ):
        with pytest.raises(CastError, match=message):
            play(STREET + ego % driver, 1)


def test_what_the_ego_is_to_do_while_somebody_else_drives_it_is_told_as_not_done(play: Play) -> None:
    text = f"""ego: {{speed_kmh: 30, driver: '{__name__}:Slow'}}
actors: {{a: {{body: car, speed_kmh: 30, at: {{ahead_m: 30}}}}}}
events:
  - {{name: first, actor: ego, when: {{time_s: 0.5}}, do: {{brake: {{deceleration_mps2: 4}}}}}}
  - {{actor: a, when: {{after: {{event: first, done: true}}}}, do: {{drive: {{speed_kmh: 40}}}}}}
"""
    run = play(STREET + text, 1)
    told = [(event.time_us, event.kind, dict(event.detail)) for event in run.events]

    why = {"reason": f"the ego is driven by {__name__}:Slow"}
    assert told == [
        (500_000, "not_done", {"role": "ego", "do": "brake", **why}),
        (500_000, "trigger", {"role": "a", "do": "drive"}),
    ]


def test_somebody_appears_is_put_elsewhere_and_vanishes_and_others_wait_for_them(play: Play) -> None:
    path = play(STREET + EGO, 0.5).director.place.path
    x, y, _ = path.point(60.0).tolist()
    far_x, far_y, _ = path.point(120.0).tolist()
    run = play(
        STREET.replace("lanes: 2", "lanes: 2, parking: [right]")
        + EGO
        + f"""actors:
  late: {{body: car, speed_kmh: 18, absent: true, at: {{ahead_m: 30}}}}
  lamp: {{body: car, parked: true, at: {{ahead_m: 30, lane: parking_right}}}}
events:
  - {{actor: late, when: {{time_s: 0.5}}, do: {{brake: {{deceleration_mps2: 4}}}}}}
  - {{actor: late, when: {{time_s: 1}}, do: {{appear: {{at: {{x_m: {x}, y_m: {y}}}}}}}}}
  - {{name: speeds, actor: late, when: {{time_s: 1}}, do: {{drive: {{speed_kmh: 72, acceleration_mps2: 3}}}}}}
  - {{name: far, actor: late, when: {{time_s: 2.5}}, do: {{appear: {{at: {{x_m: {far_x}, y_m: {far_y}}}}}}}}}
  - {{name: gone, actor: late, when: {{time_s: 3.5}}, do: {{vanish: {{}}}}}}
  - {{name: seen, actor: lamp, when: {{speed_kmh: {{of: late, min: 1}}}}, do: {{lights: {{on: [left]}}}}}}
  - name: alone
    actor: lamp
    when: {{none: [{{travelled_m: {{of: late, min: 0}}}}], anew: true}}
    do: {{lights: {{on: [left, right]}}}}
expectations:
  - {{of: late, distance_m: {{min: 20}}, contact: false, least_kmh: {{min: 15}}}}
""",
        4,
    )
    there = [state for state in run.states if any(info.role == "late" for info in state.infos.values())]
    late = next(actor_id for actor_id, info in there[0].infos.items() if info.role == "late")
    boxes = {round(state.time_us * 1e-6, 2): footprint(state, late) for state in there}
    speeds = {time: float(np.hypot(*box.velocity_mps)) for time, box in boxes.items()}
    scene = run.director._scene
    assert scene is not None

    assert (min(boxes), max(boxes)) == (1.05, 3.5)
    assert [dict(event.detail) for event in run.events if event.kind == "not_done"] == [
        {"role": "late", "do": "brake", "reason": "it is not there"}
    ]
    assert path.project(boxes[1.05].centre_m) == pytest.approx((60.25, 0.0), abs=0.4)
    assert speeds[1.05] == pytest.approx(5.0, abs=0.4)
    assert speeds[2.5] == pytest.approx(5.0 + 3.0 * 1.4, abs=1.0)
    assert path.project(boxes[2.55].centre_m)[0] == pytest.approx(120.4, abs=0.8)
    assert speeds[2.55] == pytest.approx(speeds[2.5], abs=0.5)
    assert scene.over_us["speeds"] == scene.over_us["far"] == 2_500_000
    assert (scene.begun_us["seen"], scene.begun_us["alone"]) == (1_050_000, 3_500_000)
    both = carla.VehicleLightState.LeftBlinker | carla.VehicleLightState.RightBlinker
    assert run.lamps[0][run.who("lamp")] == int(both)
    assert run.director._players["lamp"].control(scene.of(WorldState(0, 0, {}, {})), 0.05) == []  # it looks at nothing
    assert run.outcome.held, run.verdicts()


def test_who_is_taken_out_never_comes_near_anybody_and_nothing_waits_for_them(address: Address, tmp_path: Path) -> None:
    text = (
        "name: small\ndescription: x\nduration_s: 1\n"
        + STREET
        + """ego: {speed_kmh: 30, reaction: {to: [a, b], delay_s: 0.3, deceleration_mps2: 4}}
actors:
  a: {body: car, speed_kmh: 10, at: {ahead_m: 25}}
  b: {body: car, speed_kmh: 36, at: {ahead_m: 10, lane: left}}
events:
  - {actor: b, when: {gap_m: {of: a, to: ego, max: 90}}, do: {brake: {deceleration_mps2: 4}}}
expectations:
  - {of: a, ttc_s: {max: 3}, contact: false, first: a, pet_s: {min: 1}}
  - {of: b, distance_m: {max: 20}}
"""
    )
    concrete = scenario.draw(from_document(documents.parse(text, "small.yaml")), 1, without=["a"])
    with open_session(address, "AvSynth01", TICK_US, 1, tmp_path) as session:
        director = Director(concrete, session)
        director.setup()
        state = session.tick()
        session.begin_recording(0)
        begun = []
        for _ in range(20):
            director.before_tick(state)
            state = session.tick()
            begun += [event.kind for event in director.observe(state)]
    found = {result.name: (result.reached, result.held) for result in director.outcome().expectations}

    assert "trigger" not in begun
    assert [info.role for info in state.infos.values()] == ["ego", "b"]
    assert found["a.ttc_s"] == (math.inf, False)
    assert found["a.contact"] == (False, True)
    assert found["a.first"] == (None, False)
    assert found["a.pet_s"] == (math.inf, True)
    assert found["b.distance_m"][1]


def test_crowds_stroll_up_and_down_their_stretch_and_flows_keep_off_each_other(play: Play) -> None:
    run = play(
        "road: {town: AvSynth01, length_m: 100, lanes: 2, pavement: [right]}\n"
        + "ego: {speed_kmh: 0}\n"
        + """crowds: [{side: right, from_m: 20, to_m: 26, people: 1, speed_kmh: {choice: [6]}}]
flows: [{lane: left, first_m: 40, vehicles: 3, speed_kmh: 36, every_s: {choice: [1.5]}}]
events: [{when: {time_s: 0}, weather: {fog_density: 10}}]
""",
        6,
    )
    people = [info.role for info in run.states[0].infos.values() if info.role.startswith("crowd")]
    flow = [info.role for info in run.states[0].infos.values() if info.role.startswith("flow")]

    assert len(people) == 1
    assert len(flow) == 3
    for role in people:
        walked = run.of(role)
        assert 19.0 < walked["s"].min() < walked["s"].max() < 27.0
        assert np.ptp(walked["d"]) < 0.6
        assert (np.diff(np.sign(np.diff(walked["s"]))) != 0).any()  # turned round
    assert all(run.of(role)["v"].min() > 8.0 for role in flow)


def test_people_of_a_crowd_pass_each_other_without_a_touch(play: Play) -> None:
    run = play(
        "road: {town: AvSynth01, length_m: 100, lanes: 2, pavement: [right]}\n"
        + "ego: {speed_kmh: 0}\n"
        + "crowds: [{side: right, from_m: 20, to_m: 40, people: 6, speed_kmh: {uniform: [3, 7]}}]\n",
        8,
    )
    people = [actor_id for actor_id, info in run.states[0].infos.items() if info.role.startswith("crowd")]
    boxes = [[footprint(state, actor_id) for actor_id in people] for state in run.states]
    near = [distance_m(one, other) for frame in boxes for k, one in enumerate(frame) for other in frame[:k]]

    assert len(people) >= 4
    assert min(near) > 0.0
