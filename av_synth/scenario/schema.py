"""The JSON Schema of scenario files, made from their models, so that editors complete keys and underline mistakes.

It says what a file looks like as it is written: any scalar may be a `${...}`, a number may have a unit that fits its
key, and short forms stand beside what they are short for. What rules between the parts say, only loading tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from av_synth.scenario.distributions import KINDS
from av_synth.scenario.expectations import OWN_METRICS, PAIR_METRICS
from av_synth.scenario.manoeuvres import Do
from av_synth.scenario.model import WHAT
from av_synth.scenario.reading import SECTIONS, unit_name
from av_synth.scenario.road import FEATURES, STATIONS
from av_synth.scenario.scenario import ScenarioDocument
from av_synth.scenario.triggers import MODIFIERS, When
from av_synth.scenario.units import patterns, unit_of

_Schema = dict[str, Any]
_EXACTLY_ONE: Mapping[str, Iterable[str]] = {
    "Do": Do.model_fields,
    "When": [name for name in When.model_fields if name not in MODIFIERS],
    "Placement": STATIONS,
    "EventSpec": WHAT,
    "Distribution": KINDS,
}
_SCALARS = ("number", "integer", "boolean", "string")
_KEPT = {
    "object": ("required", "minProperties", "maxProperties"),
    "array": ("minItems", "maxItems"),
}


def json_schema() -> _Schema:
    """The schema of a whole scenario file, draft 2020-12."""
    raw = ScenarioDocument.model_json_schema(mode="validation")
    writer = _Writer(raw.pop("$defs"))
    body = writer.node(raw, None, filled=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of av_synth",
        **body,
        "$defs": dict(sorted(writer.written.items())),
    }


def schema_text() -> str:
    """The schema as `scenarios/scenario.schema.json` has it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


class _Writer:
    """Turns the schema of the models into that of what is written for them."""

    def __init__(self, models: Mapping[str, _Schema]) -> None:
        self._models = models
        self.written: dict[str, _Schema] = {
            "expression": {"type": "string", "pattern": r"\$\{", "description": "such as ${ego_speed_kmh / 3.6 * 2}"}
        }
        for what, pattern in patterns().items():
            text = {"type": "string", "pattern": f"^\\s*{pattern}\\s*$", "description": f"a {what} with its unit"}
            self.written[_as_text(what)] = text

    def node(self, schema: _Schema, name: str | None, *, filled: bool) -> _Schema:
        """What may be written for one node.

        Args:
            schema: of the model.
            name: the key whose unit its numbers have.
            filled: whether references are filled in here.
        """
        told = {key: schema[key] for key in ("description", "default") if schema.get(key) is not None}
        if isinstance(told.get("default"), dict | list):
            del told["default"]
        if "$ref" in schema:
            return {"$ref": self._model(schema["$ref"].rpartition("/")[2], name, filled), **told}
        if "allOf" in schema:  # how older pydantic describes what it refers to
            return {**self.node(schema["allOf"][0], name, filled=filled), **told}
        if "anyOf" in schema:
            return {"anyOf": self._alternatives(schema["anyOf"], name, filled), **told}
        kind = schema.get("type")
        if kind == "object":
            return {**self._mapping(schema, name, filled), **told}
        if kind == "array":
            return {**self._list(schema, name, filled), **told}
        bare = {key: value for key, value in schema.items() if key not in ("title", "default", "description")}
        texts = self._texts(bare, name, filled)
        return {"anyOf": [bare, *texts], **told} if texts else {**bare, **told}

    def _alternatives(self, all_: Iterable[_Schema], name: str | None, filled: bool) -> list[_Schema]:
        found: list[_Schema] = []
        for each in all_:
            one = self.node(each, name, filled=filled)
            found += [alternative for alternative in one.get("anyOf", [one]) if alternative not in found]
        if {"type": "string"} in found:  # any text is allowed as it is
            found = [one for one in found if not one.get("$ref", "").endswith(("expression", "_as_text"))]
        return found

    def _texts(self, schema: _Schema, name: str | None, filled: bool) -> list[_Schema]:
        """What may be written instead of a scalar."""
        kind = schema.get("type")
        any_text = kind == "string" and not {"enum", "const", "pattern"} & set(schema)
        if kind not in _SCALARS or any_text:
            return []
        found = [{"$ref": "#/$defs/expression"}] if filled else []
        if kind in ("number", "integer"):
            # in the parameters, each one's own name says its unit
            fitting = {} if name is None and filled else patterns(name and unit_of(name))
            found += [{"$ref": f"#/$defs/{_as_text(what)}"} for what in fitting]
        return found

    def _mapping(self, schema: _Schema, name: str | None, filled: bool) -> _Schema:
        def inside(key: str, value: _Schema) -> _Schema:
            return self.node(value, unit_name(key, name), filled=filled and key not in SECTIONS)

        found: _Schema = {"type": "object", "additionalProperties": False}
        if "properties" in schema:
            found["properties"] = {key: inside(key, value) for key, value in schema["properties"].items()}
        if "patternProperties" in schema:
            values = schema["patternProperties"].items()
            found["patternProperties"] = {key: self.node(value, name, filled=filled) for key, value in values}
        elif isinstance(schema.get("additionalProperties"), dict):
            found["additionalProperties"] = self.node(schema["additionalProperties"], name, filled=filled)
        return {**found, **{key: schema[key] for key in _KEPT["object"] if key in schema}}

    def _list(self, schema: _Schema, name: str | None, filled: bool) -> _Schema:
        found: _Schema = {"type": "array", **{key: schema[key] for key in _KEPT["array"] if key in schema}}
        if "prefixItems" in schema:
            found["prefixItems"] = [self.node(each, name, filled=filled) for each in schema["prefixItems"]]
        if isinstance(schema.get("items"), dict):
            found["items"] = self.node(schema["items"], name, filled=filled)
        return found

    def _model(self, model: str, name: str | None, filled: bool) -> str:
        """The place of a model, as it is written below a key with some unit."""
        unit = unit_of(name) if name is not None else None
        key = model + ("" if unit is None else f"_in_{unit.replace('/', '_per_')}") + ("" if filled else "_unfilled")
        if key not in self.written:
            self.written[key] = {}  # it may hold itself
            self.written[key] = {**self.node(self._models[model], name, filled=filled), **_rules(model)}
        return f"#/$defs/{key}"


def _rules(model: str) -> _Schema:
    """What a model's own validator says of its keys."""
    if model in _EXACTLY_ONE:
        return {"oneOf": [{"required": [key]} for key in _EXACTLY_ONE[model]]}
    if model == "Expectation":
        return {"anyOf": [{"required": [key]} for key in (*PAIR_METRICS, *OWN_METRICS)]}
    if model == "Road":
        pairs = [(one, other) for number, one in enumerate(FEATURES) for other in FEATURES[number + 1 :]]
        return {"not": {"anyOf": [{"required": [one, other]} for one, other in pairs]}}
    return {}


def _as_text(what: str) -> str:
    return f"{what.replace(' ', '_')}_as_text"
