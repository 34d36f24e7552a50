"""Draws: reproducible, independent of each other, within their distributions, and open to overrides."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth import documents, scenario
from av_synth.errors import DocumentError
from av_synth.scenario.distributions import Distribution, Normal, stream
from av_synth.scenario.scenario import from_document
from av_synth.scenario.weather import PRESETS


def with_weather(weather: str) -> scenario.Scenario:
    text = f"{{name: sky, description: x, duration_s: 3, weather: {{{weather}}}, road: {{length_m: 50}}"
    return from_document(documents.parse(text + ", ego: {speed_kmh: 30}}", "s.yaml"))


def with_parameters(parameters: str, uses: str) -> scenario.Scenario:
    text = f"""name: drawn
description: "{uses}"
duration_s: 3
parameters: {{{parameters}}}
road: {{town: AvSynth01, length_m: 50}}
ego: {{speed_kmh: 30}}
"""
    return from_document(documents.parse(text, "s.yaml"))


@cache
def library() -> tuple[scenario.Scenario, ...]:
    return tuple(scenario.load(name) for name in scenario.names())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_equal_seeds_give_equal_draws_and_draws_are_plain_json(seed: int) -> None:
    for found in library():
        first, again = (json.dumps(scenario.draw(found, seed).to_json(), allow_nan=False) for _ in range(2))

        assert first == again


def test_a_draw_does_not_depend_on_the_process_that_makes_it() -> None:
    code = "from av_synth import scenario as s; import json\n"
    code += "print(json.dumps(s.draw(s.load('pedestrian_runs_out'), 5).to_json()))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"}
    )

    here = scenario.draw(scenario.load("pedestrian_runs_out"), 5).to_json()

    assert json.loads(other.stdout) == json.loads(json.dumps(here))


def test_every_draw_of_the_library_is_read_back_from_its_json() -> None:
    for found in library():
        drawn = scenario.draw(found, 3)
        told = json.loads(json.dumps(drawn.to_json(), sort_keys=True))
        again = scenario.ConcreteScenario.from_json(told)
        assert again.to_json() == drawn.to_json()
        assert list(again.actors) == list(drawn.actors)
    with pytest.raises(DocumentError, match="seed"):
        scenario.ConcreteScenario.from_json({**told, "seed": "three"})


def test_where_the_sun_is_by_the_egos_heading_is_in_draws_that_say_it_and_in_no_other() -> None:
    glare = [scenario.draw(scenario.load("camera_blinded_by_low_sun"), seed) for seed in range(20)]

    # ahead, low, and thus in the picture of a front camera
    assert all(drawn.sun_bearing_deg is not None and abs(drawn.sun_bearing_deg) <= 2.0 for drawn in glare)
    assert all(3.0 <= drawn.weather.sun_altitude_angle <= 10.0 for drawn in glare)
    said = [found.name for found in library() if "sun_bearing_deg" in scenario.draw(found, 3).to_json()]
    assert said == ["camera_blinded_by_low_sun"]


def test_no_two_people_of_a_march_look_alike_with_the_asset_packs_either() -> None:
    packs = (documents.library_root() / "configs" / "assets").glob("*.yaml")
    looks = {
        body: look["name"]
        for path in packs
        for look in documents.parse(path.read_text(), path.name).data["looks"]
        for body in look["dresses"]
    }
    march = scenario.load("march_in_lane")
    for seed in range(40):
        people = [actor.body for name, actor in scenario.draw(march, seed).actors.items() if name != "officer"]

        assert len({looks.get(body, body) for body in people}) == len(people) == 5


def test_a_sun_has_one_place() -> None:
    with pytest.raises(DocumentError, match="want one of them"):
        with_weather("sun_azimuth_angle: 20, sun_bearing_deg: 0")


def test_a_change_of_weather_and_a_touch_of_whoever_it_is_are_read_back_as_what_they_are() -> None:
    text = """name: drawn
description: x
duration_s: 3
weather: {preset: clear_night}
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 30}
events:
  - {when: {time_s: 1}, weather: {preset: clear_noon}}
  - {when: {time_s: 1}, weather: {rain_mm_h: 5}}
  - {when: {contact: {of: ego, to: null}}, weather: {rain_mm_h: 5}}
"""
    drawn = scenario.draw(from_document(documents.parse(text, "s.yaml")), 3)

    events = scenario.ConcreteScenario.from_json(json.loads(json.dumps(drawn.to_json()))).events
    weathers = [event.weather.upon(drawn.weather) for event in events if event.weather is not None]

    assert weathers[0] == PRESETS["clear_noon"]
    assert weathers[1].sun_altitude_angle == drawn.weather.sun_altitude_angle
    assert [event.when.contact.to for event in events if event.when.contact is not None] == [None]


def test_another_parameter_shifts_no_other() -> None:
    one = with_parameters("a: {uniform: [0, 1]}", "x ${a}")
    two = with_parameters("b: {choice: [x, y]}, a: {uniform: [0, 1]}", "${a} ${b}")

    assert scenario.draw(one, 3).parameters["a"] == scenario.draw(two, 3).parameters["a"]
    assert scenario.draw(one, 3).parameters["a"] != scenario.draw(one, 4).parameters["a"]


def test_a_longer_parked_row_begins_with_the_same_vehicles() -> None:
    text = """name: rows
description: x
duration_s: 3
parameters: {to_m: {uniform: [40, 80]}}
road: {town: AvSynth01, length_m: 50, parking: [right]}
ego: {speed_kmh: 30}
parked: [{side: right, from_m: 0, to_m: "${to_m}"}]
"""
    found = from_document(documents.parse(text, "s.yaml"))
    short, long = (scenario.draw(found, 1, {"to_m": to}).rows[0].slots for to in ("40", "80"))

    assert long[: len(short)] == short


def test_draws_follow_their_distributions() -> None:
    normal = Distribution(normal=Normal(mean=10, sd=2, min=7, max=12))
    drawn = np.array([normal.draw(stream("s", "x", seed)) for seed in range(2000)])

    # of the truncated normal: mean 9.66, standard deviation 1.30 (closed form)
    assert drawn.min() >= 7
    assert drawn.max() <= 12
    assert drawn.mean() == pytest.approx(9.66, abs=0.1)
    assert drawn.std() == pytest.approx(1.30, abs=0.1)
    faces = [Distribution(integer=(1, 6)).draw(stream("s", "x", seed)) for seed in range(600)]
    assert set(faces) == {1, 2, 3, 4, 5, 6}


def test_overrides_are_taken_as_drawn_and_checked_against_their_ranges() -> None:
    found = scenario.load("pedestrian_runs_out")
    drawn = scenario.draw(found, 1, {"ego_speed_kmh": "36.5", "pedestrian": "adult", "rain_mm_h": "0"})

    assert drawn.parameters["ego_speed_kmh"] == drawn.ego.speed_kmh == 36.5
    assert drawn.actors["pedestrian"].body == "adult"
    with pytest.raises(DocumentError) as caught:
        scenario.draw(found, 1, {"ego_speed": "36", "pedestrian": "adlt", "run_kmh": "50", "rain_mm_h": "wet"})
    assert str(caught.value).splitlines() == [
        "--set ego_speed: pedestrian_runs_out has no such parameter; did you mean 'ego_speed_kmh'?",
        "--set pedestrian: got 'adlt'; did you mean 'adult'?",
        "--set run_kmh: got '50'; want a number from 6.8 to 9.2",
        "--set rain_mm_h: got 'wet'; want one of 0, 2, 6",
    ]
    with pytest.raises(DocumentError, match="--seed: got -1"):
        scenario.draw(found, -1)
