"""The director's parts that need no simulator: the path, the controllers, the triggers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth import rig, scenario
from av_synth.director.events.conditions import arrival_s
from av_synth.director.events.triggers import watch
from av_synth.director.manoeuvres.control import SpeedControl, Steering, pure_pursuit_rad
from av_synth.director.manoeuvres.meetings import meeting_point
from av_synth.director.manoeuvres.paces import SpeedPlan, following
from av_synth.director.model import ExpectationResult, Outcome, ranged
from av_synth.director.roads.courses import COMFORT_LATERAL_MPS2, Line, smooth_step
from av_synth.director.roads.map_facts import facts
from av_synth.director.roads.path import Path
from av_synth.director.roads.places import Place
from av_synth.director.sighting import Sighting
from av_synth.director.stage.staging import need_lights
from av_synth.director.view import Along, Scene, View, along
from av_synth.director.weather import ChangingWeather, starting_weather
from av_synth.metrics import Footprint, Footprints, arrivals_s
from av_synth.scenario.expectations import Seen
from av_synth.scenario.model import EventSpec, WeatherChange
from av_synth.scenario.weather import PRESETS, Weather
from av_synth.scenario.words import Range
from tests.director.views import EGO_ID, OTHER_ID, frame, look, scene, straight

ANGLES = np.linspace(0.0, 0.5, 60)
BEND = Path(np.column_stack([200 * np.sin(ANGLES), 200 * (1 - np.cos(ANGLES)), np.linspace(0, 2, 60)]), 20)


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 64), st.floats(-8, 8))
def test_projecting_a_point_of_the_path_gives_its_station_and_offset_back(s_m: float, d_m: float) -> None:
    station, offset = BEND.project(BEND.point(s_m, d_m))

    assert station == pytest.approx(s_m, abs=0.05)
    assert offset == pytest.approx(d_m, abs=0.02)


def test_a_path_goes_straight_on_beyond_its_ends_and_turns_actors_with_it() -> None:
    pose = BEND.pose(BEND.end_m + 50.0, 2.0, math.pi)

    assert BEND.project(pose[:3, 3]) == pytest.approx((BEND.end_m + 50.0, 2.0), abs=1e-6)
    assert pose[:3, 0] @ BEND.pose(BEND.end_m)[:3, 0] == pytest.approx(-1.0, abs=1e-6)
    with pytest.raises(ValueError, match="two finite points"):
        Path(np.zeros((1, 3)), 0)


@pytest.mark.parametrize(("pull", "brakes", "drag"), [(3.4, 8.0, 0.3), (1.8, 6.0, 0.6), (6.0, 10.0, 0.15)])
def test_speed_control_holds_a_speed_and_brakes_as_asked_on_very_different_vehicles(
    pull: float, brakes: float, drag: float
) -> None:
    control, speed, dt = SpeedControl(12.0), 12.0, 0.05
    speeds, pedals = [], np.zeros(2)

    def drive(target: float, seconds: float) -> None:
        nonlocal speed, pedals
        for _ in range(round(seconds / dt)):
            asked = np.array(control.pedals(speed, target, 2.0, 4.0, dt))
            pedals = pedals + (asked - pedals) * 0.5  # the actuators' lag
            speed = max(speed + (pedals[0] * pull - pedals[1] * brakes - drag) * dt, 0.0)
            speeds.append(speed)

    drive(12.0, 10.0)
    assert np.abs(np.array(speeds[-40:]) - 12.0).max() < 0.1

    speeds.clear()
    drive(0.0, 2.0)
    assert (speeds[9] - speeds[29]) / 1.0 == pytest.approx(4.0, abs=0.8)
    drive(0.0, 3.0)
    assert speed == 0.0


def test_steering_is_towards_the_aim_with_carlas_sign_and_share() -> None:
    steering = Steering(2.6, math.radians(70), ((0.0, 1.0), (100.0, 0.5)))

    assert pure_pursuit_rad(10.0, 1.0, 2.6) > 0
    assert steering.command(math.radians(7), 0.0) == pytest.approx(-0.1)
    assert steering.command(math.radians(7), 100 / 3.6) == pytest.approx(-0.2)
    assert steering.command(9.0, 0.0) == -1.0
    assert [smooth_step(t) for t in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_gaps_and_arrivals_along_the_path() -> None:
    ego, ahead, beside = Along(0, 4, 0, 10), Along(24, 26, -3, 0), Along(2, 6, 3.5, 9)

    assert ahead.gap_m(ego) == ego.gap_m(ahead) == 20
    assert beside.gap_m(ego) < 0
    assert arrival_s(ego, ahead) == pytest.approx(2.1)
    assert arrival_s(Along(0, 4, 0, 0), ahead) == math.inf


def test_bends_are_driven_as_fast_as_they_allow_and_braked_for_before() -> None:
    turn = np.linspace(0.0, math.pi / 2, 20)
    before = np.column_stack([np.arange(-100.0, 0.0), np.zeros(100), np.zeros(100)])
    bend = np.column_stack([10 * np.sin(turn), 10 * (1 - np.cos(turn)), np.zeros(20)])
    after = np.column_stack([np.full(40, 10.0), 10.0 + np.arange(1.0, 41.0), np.zeros(40)])
    line = Line(Path(np.vstack([before, bend, after]), 100))

    in_bend = line.limit_mps(8.0)
    assert in_bend == pytest.approx(math.sqrt(COMFORT_LATERAL_MPS2 * 10.0), rel=0.1)
    assert line.limit_mps(-40.0) == pytest.approx(math.sqrt(in_bend**2 + 2 * 2.5 * 40.0), rel=0.06)
    assert line.limit_mps(50.0) > 30.0
    assert line.travel_s(-100.0, -60.0, 10.0) == pytest.approx(4.0, abs=0.01)
    assert line.travel_s(0.0, 16.0, 20.0) == pytest.approx(16.0 / in_bend, rel=0.15)


def test_ways_meet_where_they_cross_or_where_they_begin_to_run_together_and_else_nowhere() -> None:
    ego = Line(straight(100.0))
    crossing = Line(straight(60.0, yaw_rad=math.pi / 3, through=(30.0, 0.0)))
    joining = Line(straight(60.0, yaw_rad=math.radians(8.0), through=(20.0, 0.0)))

    assert meeting_point(crossing, -50.0, ego, 2.0) == pytest.approx((0.0, 30.0), abs=0.1)
    found = meeting_point(joining, -50.0, ego, 2.0)
    assert found is not None
    assert found[0] == pytest.approx(-2.0 / math.sin(math.radians(8.0)), abs=0.6)
    assert meeting_point(Line(straight(60.0), 3.5), -50.0, ego, 2.0) is None
    assert meeting_point(Line(straight(60.0)), -50.0, ego, 2.0) is None


@pytest.mark.parametrize("lead_mps", [0.0, 6.0, 12.0])
def test_who_follows_ends_up_at_the_time_gap_or_stands_behind(lead_mps: float) -> None:
    gap, speed, dt, nearest = 60.0, 14.0, 0.05, math.inf
    for _ in range(1600):
        plan = following(speed, SpeedPlan(100.0), gap, lead_mps, 1.5)
        step = min(max(plan.target_mps - speed, -plan.deceleration_mps2 * dt), plan.acceleration_mps2 * dt)
        speed = max(speed + step, 0.0)
        gap += (lead_mps - speed) * dt
        nearest = min(nearest, gap)

    assert speed == pytest.approx(lead_mps, abs=0.1)
    assert gap == pytest.approx(max(1.5 * lead_mps, 2.5), abs=1.0)
    assert nearest > 1.5


class Frame:
    """A view of one frame in which everybody is where the test says, along a straight path."""

    def __init__(self, time_s: float, scene: Scene, places: dict[int, tuple[float, float, float]]) -> None:
        self.time_us, self.scene = round(time_s * 1e6), scene
        self._boxes = {
            actor_id: Footprint(np.array([x, y]), 0.0, np.array([2.0, 1.0]), 0.0, 1.5, np.array([v, 0.0]))
            for actor_id, (x, y, v) in places.items()
        }

    def box(self, actor_id: int) -> Footprint:
        return self._boxes[actor_id]

    def along(self, actor_id: int) -> Along:
        return along(self._boxes[actor_id], self.scene.path)

    def anchor_m(self, name: str) -> float | None:
        return View.anchor_m(self, name)  # type: ignore[arg-type]

    def sees(self, by: int, of: int) -> bool:
        return self._boxes[of].centre_m[1] < 5.0 and by != of


LIGHTS: dict[str | None, str] = {None: "green", "left": "red"}


def begins_s(when: dict[str, object], begun_us: dict[str, int] | None = None) -> float | None:
    """When an event of `other` begins: the ego drives at 10 m/s from 0, `other` stands at 50 and comes into view."""
    scene = Scene(straight(200.0), {"ego": 1, "other": 2}, {"start": 0.0, "crossing": 40.0}, None, LIGHTS.get)  # type: ignore[arg-type]
    scene.begun_us = scene.over_us = begun_us or {}
    event = EventSpec.model_validate_json(
        json.dumps({"actor": "other", "when": when, "do": {"drive": {"speed_kmh": 1}}})
    )
    due = watch(event)
    for k in range(200):
        t = k * 0.05
        other = (50.0, 8.0 if t < 2.0 or t > 3.0 else 0.0, 0.0)
        if due(Frame(t, scene, {1: (10.0 * t, 0.0, 10.0), 2: other})):  # type: ignore[arg-type]
            return round(t, 2)
    return None


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ({"time_s": 1.2}, 1.2),
        ({"time_s": 1, "delay_s": 0.5}, 1.5),
        ({"ego_gap_m": 20}, 2.6),
        ({"gap_m": 20}, 2.6),
        ({"gap_m": {"min": 100}}, None),
        ({"gap_s": 2.0}, 2.6),
        ({"ego_arrives_in_s": 2}, 2.8),
        ({"distance_m": 11.0}, 3.7),
        ({"speed_kmh": {"of": "ego", "min": 30}}, 0.0),
        ({"reaches": {"of": "ego", "ahead_m": -10, "anchor": "crossing"}}, 3.0),
        ({"reaches": {"of": "ego", "ahead_m": -15, "anchor": "other"}}, 3.5),
        ({"region": {"from_m": 45, "to_m": 55}}, 2.0),
        ({"sees": {}}, 2.0),
        ({"sees": {}, "for_s": 0.5}, 2.5),
        ({"sees": {}, "for_s": 2}, None),
        ({"loses_sight": {}}, 3.05),
        ({"signal": {"arm": "left", "state": "red"}}, 0.0),
        ({"signal": {"state": "red"}}, None),
        ({"after": {"event": "one", "after_s": 0.5}}, 1.5),
        ({"after": {"event": "two"}}, None),
        ({"all": [{"sees": {}}, {"time_s": 2.4}]}, 2.4),
        ({"any": [{"sees": {}}, {"time_s": 1.5}]}, 1.5),
        ({"then": [{"sees": {}}, {"loses_sight": {}}, {"time_s": 0}]}, 3.1),
        ({"ttc_s": {"of": "gone", "max": 9}}, None),
    ],
)
def test_an_event_begins_when_its_condition_has_held_for_so_long(when: dict[str, object], wanted: float | None) -> None:
    assert begins_s(when, {"one": 1_000_000}) == (None if wanted is None else pytest.approx(wanted, abs=0.051))


def test_weather_changes_only_what_the_change_names() -> None:
    rain = WeatherChange(rain_mm_h=25.0).upon(PRESETS["clear_night"])
    fog = WeatherChange(fog_density=30.0, over_s=2.0).upon(rain)

    assert (rain.precipitation, rain.sun_altitude_angle) == (50.0, -30.0)
    assert (fog.fog_density, fog.precipitation) == (30.0, 50.0)
    assert WeatherChange(preset="clear_noon").upon(rain) == PRESETS["clear_noon"]


@pytest.mark.parametrize(("ahead", "bearing_deg", "azimuth"), [((0, 1), 0, 270), ((0, 1), 30, 240), ((1, 0), -20, 20)])
def test_a_sun_by_the_egos_heading_follows_its_road(ahead: tuple[int, int], bearing_deg: float, azimuth: float) -> None:
    place = Place(Path(np.outer(np.arange(30.0), [*ahead, 0.0])), (), {})
    drawn = replace(scenario.draw(scenario.load("cut_in_wet"), 0), sun_bearing_deg=bearing_deg)

    assert starting_weather(drawn, place) == replace(drawn.weather, sun_azimuth_angle=azimuth)
    assert starting_weather(replace(drawn, sun_bearing_deg=None), place) is drawn.weather


def test_drivers_have_their_lights_on_in_the_dark_and_where_something_falls_or_hides() -> None:
    day = PRESETS["clear_noon"]
    lit = [{"sun_altitude_angle": 3.0}, {"precipitation": 5.0}, {"snow_mm_h": 0.5}, {"fog_density": 40.0}]

    assert [need_lights(replace(day, **each)) for each in lit] == [True] * 4
    assert not any(need_lights(each) for each in (day, replace(day, snow_cover=80.0)))


def test_who_comes_first_to_shared_ground_is_told_by_their_tracks() -> None:
    times = np.arange(0.0, 6.0, 0.1)
    one, other = (
        Footprints.of([Footprint(np.array(p(t)), yaw, np.array([2.0, 1.0]), 0.0, 1.5, np.zeros(2)) for t in times])
        for p, yaw in ((lambda t: (-20 + 10 * t, 0.0), 0.0), (lambda t: (0.0, -30 + 10 * t), math.pi / 2))
    )
    found = arrivals_s(one, other, times)

    assert found == pytest.approx((1.7, 2.7), abs=0.11)
    assert arrivals_s(one[:10], other[:10], times[:10]) is None


def test_a_verdict_says_what_was_asked_and_reached_and_by_how_much() -> None:
    held = ranged("a.ttc_s", Range(min=0.5, max=1.5), 1.2, 3_000_000)
    missed = ranged("a.ttc_s", Range(min=0.5), 0.2, 3_000_000)
    unjudged = ranged("a.seen", Range(max=1.0), math.inf, -1, judged=False)

    assert (held.held, held.margin) == (True, pytest.approx(0.3))
    assert str(held) == "a.ttc_s: 1.20 at 3.00 s (asked: 0.5 to 1.5): held, by 0.30"
    assert str(missed) == "a.ttc_s: 0.20 at 3.00 s (asked: at least 0.5): NOT HELD, by 0.30"
    clear = ExpectationResult("a.contact", False, False, held=True, time_us=1_000_000, margin=2.0)
    assert str(clear) == "a.contact: no at 1.00 s (asked: no): held, by 2.00 m"
    assert unjudged.held
    assert "not judged" in str(unjudged)
    assert Outcome((unjudged,)).to_json()["expectations"] == [
        {
            "name": "a.seen",
            "asked": {"max": 1.0},
            "reached": None,
            "held": True,
            "time_us": -1,
            "margin": None,
            "judged": False,
        }
    ]


@pytest.mark.parametrize(("turn_deg", "seen"), [(None, True), (100.0, True), (60.0, False)])
def test_a_lidar_sees_nobody_outside_its_turn(turn_deg: float | None, seen: bool, monkeypatch) -> None:
    monkeypatch.setattr("av_synth.director.sighting.actor_from_ego", lambda _: np.eye(4))
    tiny = rig.load("tiny")
    narrow = replace(tiny.lidars[0], horizontal_fov_deg=turn_deg)
    sighting = Sighting(
        Seen(by="LIDAR_TOP", time_s=Range(max=1.0)),
        "van",
        replace(tiny, lidars=(narrow,)),
        SimpleNamespace(id=EGO_ID),  # nothing else is asked of it
    )

    # 40 degrees to the left of straight ahead
    at = 20.0 * math.cos(math.radians(40.0)), 20.0 * math.sin(math.radians(40.0))
    stage = scene(straight(50.0), van=OTHER_ID)
    sighting.look(look(stage, frame(0.0, {EGO_ID: ("ego", 0, 0, 0, 5.0), OTHER_ID: ("van", *at, 0, 0.0)})))
    (result,) = sighting.results("van", Seen(by="LIDAR_TOP", time_s=Range(max=1.0)))

    assert (result.judged, result.held) == (True, seen)


@pytest.mark.parametrize(("begin", "end", "halfway"), [(350.0, 10.0, 0.0), (40.0, 300.0, 350.0), (10.0, 100.0, 55.0)])
def test_the_sun_goes_the_short_way_round_while_the_weather_changes(begin, end, halfway) -> None:
    shown: list[Weather] = []
    weather = ChangingWeather(SimpleNamespace(set_weather=shown.append), Weather(sun_azimuth_angle=begin))
    weather.begin(WeatherChange(sun_azimuth_angle=end, over_s=2.0), 0)
    for time_us in (1_000_000, 2_000_000, 3_000_000):
        weather.step(time_us)

    assert [found.sun_azimuth_angle for found in shown] == [pytest.approx(halfway), end]


@pytest.mark.parametrize(
    ("speed", "limit"),
    [
        ('<speed max="50" unit="km/h"/>', 50.0),
        ('<speed max="10"/>', 36.0),  # OpenDRIVE's own unit is m/s
        ('<speed max="no limit"/>', None),
        ('<speed max="fifty" unit="km/h"/>', None),
        ('<speed max="nan" unit="km/h"/>', None),
        ('<speed max="50" unit="knots"/>', None),
        ('<speed max="0" unit="km/h"/>', None),
        ("<speed/>", None),
        ("", None),
    ],
)
def test_a_map_has_a_speed_limit_where_it_says_a_number_in_a_unit_that_is_known(speed, limit) -> None:
    before = '<type s="0" type="rural"><speed max="100" unit="km/h"/></type>'
    road = f'<OpenDRIVE><road id="7">{before}<type s="20" type="town">{speed}</type></road></OpenDRIVE>'

    found = [facts(road).limit_kmh(SimpleNamespace(road_id=7, s=s)) for s in (0.0, 19.0, 20.0, 90.0)]
    assert found == [100.0, 100.0, limit, limit]
