"""Scenario documents: the built-in ones load and teach; mistakes are told all at once, with the nearest key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth import documents, scenario
from av_synth.errors import DocumentError
from av_synth.scenario import Scenario
from av_synth.scenario.expressions import ExpressionError, evaluate
from av_synth.scenario.scenario import from_document
from av_synth.scenario.weather import PRESETS, Weather, WeatherSpec, changed_weather, with_rain

MINIMAL = """name: quiet
description: nothing happens
duration_s: 3
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 30}
"""


def loaded(text: str) -> Scenario:
    return from_document(documents.parse(text, "s.yaml"))


def mistakes(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        loaded(text)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("name", scenario.names())
def test_built_in_scenarios_load_and_are_named_like_their_files(name: str) -> None:
    found = scenario.load(name)

    assert found.name == name
    assert bool(found.parameters) == (name != "every_class")
    assert scenario.draw(found, 0).expectations


def test_the_smallest_scenario_needs_five_keys() -> None:
    drawn = scenario.draw(loaded(MINIMAL), 0)

    assert (drawn.town, drawn.duration_s, drawn.actors, drawn.events) == ("AvSynth01", 3.0, {}, ())


def test_all_mistakes_of_a_scenario_are_told_at_once() -> None:
    text = """name: Wrong Name
description: x
duration_s: 8
parameters:
  speed_kmh: {unifrom: [30, 40]}
  gap_m: {uniform: [40, 30]}
  start_m: {normal: {mean: 5, sd: 0, min: 1, max: 2}}
weather: {preset: clear_non, rain_mm_h: -3}
road: {town: AvSynth01, length_m: 100}
ego: {speed_kmh: "${sped_kmh}", reaction: {to: vann, delay_s: 0.5, deceleration_mps2: 20}}
actors:
  van: {body: lorry, at: {ahead_m: 40, beyond: van}}
  child: {body: child, speed_kmh: 5, at: {ahead_m: "${gap_m +}"}}
"""
    assert mistakes(text) == [
        "s.yaml:1: name: got 'Wrong Name'; "
        "want lower-case letters, digits, _ and -, at most 64, beginning with a letter or digit",
        "s.yaml:5: parameters.speed_kmh.unifrom: unknown key; did you mean 'uniform'?",
        "s.yaml:6: parameters.gap_m.uniform: got [40.0, 30.0]; want [low, high]",
        "s.yaml:7: parameters.start_m.normal.sd: got 0; want more than 0",
        "s.yaml:8: weather.preset: got 'clear_non'; did you mean 'clear_noon'?",
        "s.yaml:8: weather.rain_mm_h: got -3; want 0 to 50",
        "s.yaml:10: ego.speed_kmh: got '${sped_kmh}': there is no parameter 'sped_kmh'; did you mean 'speed_kmh'?",
        "s.yaml:10: ego.reaction.to: there is no actor 'vann'; did you mean 'van'?",
        "s.yaml:10: ego.reaction.deceleration_mps2: got 20; want more than 0 and at most 10",
        "s.yaml:12: actors.van.at: got ahead_m, beyond; want exactly one of ahead_m, ahead_s, beyond, behind, "
        "arm, pose",
        "s.yaml:13: actors.child.at.ahead_m: got '${gap_m +}': is not an expression; "
        "want names, numbers, 'text', + - * / ** ( ), comparisons, and, or, not, if else, or functions such as min",
    ]


def test_rules_between_the_parts_are_checked() -> None:
    text = (
        MINIMAL
        + """actors:
  van: {body: lorry, at: {beyond: bus}}
  bus: {body: bus, at: {beyond: van}}
  child: {body: child, at: {ahead_m: 30}}
  wreck: {body: car, parked: true, speed_kmh: 5, at: {ahead_m: 50}}
  row: {body: barier, at: {ahead_m: 51}}
  works: {body: cone, speed_kmh: 5, at: {ahead_m: 52}}
  hung: {body: trailer, at: {ahead_m: 60}}
parked:
  - {side: right, from_m: 0, to_m: 40, bodies: [car, bicycle, trailer, adult]}
traffic: {vehicles: 2, bodies: [car, trailer, cone]}
events:
  - {actor: bus, when: {time_s: 5}, do: {cross: {speed_kmh: 5}}}
  - {actor: wreck, when: {time_s: 1}, do: {brake: {deceleration_mps2: 3}}}
  - {actor: hung, when: {time_s: 1}, do: {drive: {speed_kmh: 3}}}
  - {actor: bos, when: {crosses_before_ego_s: 1}, do: {drive: {speed_kmh: 3}}}
expectations:
  - {of: childe, contact: false}
"""
    )
    found = "\n".join(mistakes(text))

    for wanted in (
        "expectations[0].of: there is no actor 'childe'; did you mean 'child'?",
        "events[3].actor: there is no actor 'bos'; did you mean 'bus'?",
        "actors.van.body: got 'lorry'; want a category, or a blueprint of vehicle, walker or prop; want one of adult",
        "actors.row.body: got 'barier'; want a category, or a blueprint of vehicle, walker or prop; "
        "did you mean 'barrier'?",
        "actors.van.at.beyond: stands beyond itself: van -> bus -> van",
        "actors.wreck.speed_kmh: got 5; want 0 for something parked",
        "actors.works.speed_kmh: got 5; want 0 for what never moves",
        "parked[0].bodies[3]: got 'adult'; want a category or blueprint of vehicle",
        "traffic.bodies[1]: got 'trailer'; want a category or blueprint of vehicle; nobody drives one",
        "traffic.bodies[2]: got 'cone'; want a category or blueprint of vehicle; want one of ambulance",
        "events[0].do.cross: bus is 'bus'; want drive, cut_in or brake of a vehicle",
        "events[0].when.time_s: got 5; want less than duration_s = 3",
        "events[1].do: wreck is parked",
        "events[2].do: hung is 'trailer', which stands; want an actor that can move",
        "parked[0].side: got 'right'; want a side with a parking lane: add it to road.parking",
    ):
        assert wanted in found
    assert "parked[0].bodies[1]" not in found  # parked bicycles come without a rider
    assert "parked[0].bodies[2]" not in found


def test_a_mistake_at_the_end_of_a_range_is_found_before_any_draw() -> None:
    text = MINIMAL.replace("speed_kmh: 30", 'speed_kmh: "${v_kmh * 4}"') + "parameters: {v_kmh: {uniform: [10, 60]}}\n"

    assert mistakes(text) == ["s.yaml:5: ego.speed_kmh: with v_kmh = 60.0: got 240.0; want 0 to 200"]


def test_a_parameter_that_nothing_uses_is_a_mistake() -> None:
    assert "is never used" in mistakes(MINIMAL + "parameters: {v_kmh: {uniform: [10, 60]}}\n")[0]


VALUES: dict[str, float | int | str | bool] = {"a_m": 3.0, "n": 2, "body": "car", "parked": True}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a_m / 2 + n * (1 - -4)", 11.5),
        ("min(a_m, n) + max(1, 2, 3) + round(2.6)", 8),
        ("body", "car"),
        ("n ** 3", 8),
        ("2 ** -1 + round(2.345, 1)", 2.8),
        ("8 if body == 'car' and not n > 2 else 12", 8),
        ("1 / (n - 2) if n != 2 else 0", 0),
        ("1 < n <= 2 or 1 / 0 > 1", True),
        ("parked == true", True),
        ("clamp(a_m, 0, 1) + abs(-2) + floor(1.9) + ceil(0.1)", 5),
        ("sin(30) + cos(60) + tan(45)", pytest.approx(2)),
        ("sqrt(9) + exp(0) + log(1) + pi", pytest.approx(7.1415926536)),
    ],
)
def test_expressions_calculate_compare_and_choose(expression: str, value: object) -> None:
    found = evaluate(expression, VALUES)

    assert found == value
    assert isinstance(found, int) or "**" not in expression or "-1" in expression


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("__import__('os')", "there is no function '__import__'"),
        ("mx(1, 2)", "there is no function 'mx'; did you mean 'max'?"),
        ("a_m.real", "and nothing else"),
        ("[1]", "and nothing else"),
        ("(lambda: 1)()", "and nothing else"),
        ("b'x'", "got b'x'; want"),
        ("min(*body)", "and nothing else"),
        ("sqrt(1, 2)", "sqrt has the wrong arguments; want 1"),
        ("round(1, 2.5)", "want 0 to 9 decimals"),
        ("clamp(1, 3, 2)", "want the lower end first"),
        ("body + 1", "calculates with 'car'; want a number"),
        ("parked + 1", "calculates with true; want a number"),
        ("body > 'bus'", "compares 'car' with 'bus'; want two numbers"),
        ("body == 3", "compares 'car' with 3"),
        ("1 if n else 2", "takes 2 for true or false; want a comparison"),
        ("a_m ** 9", "has the exponent 9; want -8 to 8"),
        ("(-8) ** 0.5", "has no real value"),
        ("sqrt(-1)", "sqrt of -1 has no value"),
        ("exp(1000)", "has no finite value"),
        ("((((9 ** 8) ** 8) ** 8) ** 8) ** 8", "has no finite value"),
        ("1 / (n - 2)", "divides by zero"),
        ("0 if true else c", "there is no parameter 'c'"),
        ("", "is not an expression"),
        ("\0", "is not an expression"),
        ("(" * 2001, "is 2001 characters long; want at most 200"),
    ],
)
def test_what_is_no_expression_or_has_no_value_is_refused_in_words(expression: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, VALUES)

    assert said in str(caught.value)


@given(st.text(alphabet="an_mbody12.+-*/() <>=!'\"ifelsorctpq,[]:\\", max_size=40))
def test_any_text_has_a_plain_value_or_is_refused(text: str) -> None:
    try:
        value = evaluate(text, VALUES)
    except ExpressionError:
        return
    assert type(value) in (int, float, str, bool)
    assert value == value


def test_weather_is_a_preset_then_physical_names_then_carlas_own() -> None:
    rainy = WeatherSpec(preset="clear_dusk", rain_mm_h=10.0, cloudiness=20.0).resolve()

    assert rainy.sun_altitude_angle == PRESETS["clear_dusk"].sun_altitude_angle
    assert rainy.precipitation == 20.0
    assert rainy.cloudiness == 20.0
    assert rainy.wetness > 0
    assert with_rain(rainy, 0.0).wetness == 0.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("night+day", "--weather: night and day contradict each other; leave one out"),
        ("rain_mm_h=5+rain", "--weather: rain_mm_h=5 and rain contradict each other; leave one out"),
        ("wetness=20+rain", "--weather: wetness=20 and rain contradict each other; leave one out"),
        ("fog+clear_night", "--weather: clear_night is all of the weather; want it first, and no other beside it"),
    ],
)
def test_changes_of_the_weather_that_contradict_each_other_are_refused(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        changed_weather(text, Weather())
    assert str(caught.value) == told


def test_a_key_says_more_exactly_what_a_word_before_it_says() -> None:
    found = changed_weather("clear_night+fog+fog_distance=30", Weather())
    assert (found.sun_altitude_angle, found.fog_density, found.fog_distance) == (-30.0, 40.0, 30.0)


def test_snow_is_taken_back_by_a_word_and_never_falls_by_itself() -> None:
    snow = changed_weather("snow+snow_mm_h=4", Weather())
    assert (snow.snow_mm_h, snow.snow_cover, snow.cloudiness) == (4.0, 70.0, 100.0)
    bare = changed_weather("no_snow", snow)
    assert (bare.snow_mm_h, bare.snow_cover, bare.cloudiness) == (0.0, 0.0, 100.0)
    assert not any(preset.snow_mm_h or preset.snow_cover for preset in PRESETS.values())
