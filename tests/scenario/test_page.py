"""docs/reference/scenarios.md: every example in it loads, and its reference has every key of every model."""

from __future__ import annotations

import re

import pytest

from av_synth import documents
from av_synth.scenario.scenario import ScenarioDocument, from_document
from tools.scenario_reference import BEGIN, PAGE, SECTIONS, reference

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
REST = {
    "name": "page",
    "duration_s": 8,
    "parameters": {"ego_speed_kmh": {"uniform": [30, 40]}, "pedestrian": {"choice": ["child", "adult"]}},
    "road": {
        "length_m": 90,
        "parking": ["right"],
        "pavement": ["right"],
        "junction": {"ahead_m": 60, "control": "signals"},
    },
    "ego": {"speed_kmh": 30},
    "actors": {"lead": {"body": "car", "speed_kmh": 30, "at": {"ahead_m": 30}}},
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_page_loads(example):
    document = documents.parse(example, "docs/reference/scenarios.md")
    assert isinstance(document.data, dict)
    if "name" not in document.data:  # a part: the rest, and something that uses what it has
        whole = {**REST, **document.data}
        names = [name for key in ("parameters", "derived") for name in whole.get(key, {})]
        whole["description"] = " ".join(f"${{{name}}}" for name in names)
        document = documents.Document(document.where, whole, document.lines)

    from_document(document)


def test_the_page_has_examples_and_its_first_one_is_the_smallest_scenario():
    assert len(EXAMPLES) >= 10
    assert list(documents.parse(EXAMPLES[0], "x").data) == ["name", "description", "duration_s", "road", "ego"]


def test_the_reference_on_the_page_is_that_of_the_models():
    assert TEXT.partition(BEGIN)[2] == "\n" + reference()


def test_the_reference_has_every_model_and_every_key_has_a_meaning():
    models = ScenarioDocument.model_json_schema()["$defs"]
    told = {kind.__name__: kind for _, kind in SECTIONS}

    assert models.keys() <= told.keys()
    assert [
        (name, key)
        for name, kind in told.items()
        for key, field in kind.model_fields.items()
        if not field.description or f"| `{key}` |" not in TEXT
    ] == []
