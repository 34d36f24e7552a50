"""The published JSON Schema: it is the models', the built-in scenarios keep to it, and it knows what loading does."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from av_synth import documents, scenario
from av_synth.errors import DocumentError
from av_synth.scenario.scenario import KIND, from_document
from av_synth.scenario.schema import json_schema, schema_text

PUBLISHED = documents.library_root() / KIND / "scenario.schema.json"
VALIDATOR = Draft202012Validator(json_schema())
TEXT = """name: own
description: mine
duration_s: 8
parameters:
  v_kmh: {uniform: [30, 40]}
  who: {discrete: {child: 3, adult: 1}}
  gap_m: 5 m
derived: {v_mps: "${v_kmh / 3.6}"}
constraints: ["${gap_m < v_mps}"]
weather: {preset: clear_noon, rain_mm_h: 2}
road: {length_m: 90, lanes: 2, pavement: [right], parking: [right]}
ego: {speed_kmh: "${v_kmh}", reaction: {to: kid, delay_s: 250 ms, deceleration_mps2: 0.5 g}}
actors:
  kid: {body: "${who}", at: {ahead_m: 0.05 km, lane: pavement_right, heading: left}}
  van: {body: van, speed_kmh: 10 m/s, route: left, at: {ahead_m: "${gap_m * 4}"}}
parked:
  - {from_m: 0, to_m: 40, gap_m: 2}
flows:
  - {lane: left, speed_kmh: 40, every_s: {uniform: [2 s, 5]}}
events:
  - {actor: kid, when: {all: [{gap_m: {of: ego, to: van, min: 3}}, {ttc_s: 3}]}, do: {cross: {speed_kmh: 8}}}
  - {when: {time_s: 2, delay_s: 1}, weather: {wetness: 50, over_s: 2}}
expectations:
  - {of: kid, contact: false}
"""


def found_by_both(text: str) -> tuple[bool, bool]:
    """Whether the schema, and whether the loader, finds a mistake."""
    document = documents.parse(text, "own.yaml")
    try:
        from_document(document)
    except DocumentError:
        return not VALIDATOR.is_valid(document.data), True
    return not VALIDATOR.is_valid(document.data), False


def test_the_published_schema_is_that_of_the_models():
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", scenario.names())
def test_built_in_scenarios_keep_to_the_schema_and_tell_editors_where_it_is(name):
    path = documents.find(KIND, name)
    first = path.read_text(encoding="utf-8").splitlines()[0]

    assert [error.message for error in VALIDATOR.iter_errors(documents.read(path).data)] == []
    assert first.startswith("# yaml-language-server: $schema=")
    assert (path.parent / first.partition("=")[2]).resolve() == PUBLISHED.resolve()


def test_short_forms_units_and_references_keep_to_the_schema():
    assert found_by_both(TEXT) == (False, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("duration_s: 8\n", ""),
        ("duration_s: 8", "duration_s: 8000"),
        ("duration_s: 8", "duration: 8"),
        ("name: own", "name: My Own"),
        ("uniform: [30, 40]", "unifrom: [30, 40]"),
        ("uniform: [30, 40]", "uniform: [30]"),
        ("uniform: [30, 40]", "uniform: [30, 40], choice: [1]"),
        ("child: 3", "child: -3"),
        ("preset: clear_noon", "preset: clear_non"),
        ("lanes: 2", "lanes: two"),
        ("lanes: 2", "lanes: 2, crest: {ahead_m: 9}, tunnel: {ahead_m: 9}"),
        ("250 ms", "250 m"),
        ("10 m/s", "10 m/h"),
        ("to: kid", "to: 3"),
        ("parking: [right]", "parking: [rigth]"),
        ("ahead_m: 0.05 km, ", ""),
        ("ahead_m: 0.05 km", "ahead_m: 5, beyond: van"),
        ("every_s: {uniform: [2 s, 5]}", "every_s: {uniform: [2 m, 5]}"),
        ("{time_s: 2, delay_s: 1}", "{time_s: 2, ego_gap_m: 1}"),
        ("{time_s: 2, delay_s: 1}", "{delay_s: 1}"),
        ("{cross: {speed_kmh: 8}}", "{cross: {speed_kmh: 8}, wait: {}}"),
        ("{cross: {speed_kmh: 8}}", "{cros: {speed_kmh: 8}}"),
        ("{cross: {speed_kmh: 8}}", "{cross: {}}"),
        ("weather: {wetness: 50, over_s: 2}", "wether: {wetness: 50}"),
        ("contact: false", "contact: none"),
        (", contact: false", ""),
        ("{all: [", "{all: [3, "),
    ],
)
def test_mistakes_in_the_form_of_a_file_are_found_by_editors_too(old, new):
    assert old in TEXT
    assert found_by_both(TEXT.replace(old, new, 1)) == (True, True)
