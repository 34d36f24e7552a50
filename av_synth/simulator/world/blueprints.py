"""The blueprint library: what can be spawned, with CARLA 0.9.16's attributes, types, defaults and recommended values.

Source: CARLA, ActorBlueprintFunctionLibrary.cpp and Docs/bp_library.md. Ids of bodies come from the catalogue, so
what is in the library can be seen, hit and labelled.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from av_synth import __version__
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.profile import NATIVE, Profile
from av_synth.simulator.world.errors import SpawnRefused
from av_synth.simulator.world.model import ActorKind, Attribute, AttributeType, Definition
from av_synth.simulator.world.sensor_blueprints import SENSOR_IDS, SENSOR_ROLES, sensor_attributes
from av_synth.simulator.world.snow import SNOW_ATTRIBUTES, SNOW_ID
from av_synth.simulator.world.triggers import FRICTION_TRIGGER_ID

_SIMULATOR_ID = "avsynth.simulator.facts"
SPECTATOR_ID = "spectator"
_WALKER_CONTROLLER_ID = "controller.ai.walker"
TRAFFIC_LIGHT_ID = "traffic.traffic_light"

_BOOL, _INT, _FLOAT = AttributeType.BOOL, AttributeType.INT, AttributeType.FLOAT
_STRING, _COLOR = AttributeType.STRING, AttributeType.RGB_COLOR

_VEHICLE_FIXED = {
    "object_type": (_STRING, ""),
    "base_type": (_STRING, "car"),
    "special_type": (_STRING, ""),
    "number_of_wheels": (_INT, "4"),
    "generation": (_INT, "1"),
    "has_dynamic_doors": (_BOOL, "false"),
    "has_lights": (_BOOL, "true"),
}
_WALKER_FIXED = {
    "gender": (_STRING, "other"),
    "generation": (_INT, "1"),
    "age": (_STRING, "adult"),
    "can_use_wheelchair": (_BOOL, "false"),
}
_WALKER_SPEEDS = ("0.0", "1.4", "2.8")
_PATTERNS = {
    AttributeType.BOOL: re.compile(r"(?i)true|false|1|0"),
    AttributeType.INT: re.compile(r"[+-]?\d{1,18}(\.0*)?"),  # an example of CARLA's has 64.0 channels
    AttributeType.FLOAT: re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?f?"),
    AttributeType.RGB_COLOR: re.compile(r"\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*"),
}


def blueprint_library(
    catalogue: Mapping[str, Body],
    facts: Mapping[str, str],
    sensors: Collection[str] = SENSOR_IDS,
    profile: Profile = NATIVE,
) -> tuple[Definition, ...]:
    """Every blueprint, sorted by id.

    Args:
        catalogue: bodies by blueprint id.
        facts: fixed attributes of `avsynth.simulator.facts` besides its version.
        sensors: ids of the sensors to offer, out of `SENSOR_IDS`.
        profile: says what is left out.
    """
    attributes: dict[str, tuple[Attribute, ...]] = {
        _SIMULATOR_ID: tuple(
            Attribute(name, _STRING, value, modifiable=False)
            for name, value in {"version": __version__, **facts}.items()
        ),
        SPECTATOR_ID: _common("default"),
        _WALKER_CONTROLLER_ID: _common("default"),
        FRICTION_TRIGGER_ID: (
            *_common("default"),
            Attribute("friction", _FLOAT, "3.5f", ("3.5f",)),
            *(Attribute(f"extent_{axis}", _FLOAT, "1.0f", ("1.0f",)) for axis in "xyz"),
        ),
        SNOW_ID: (*_common("default"), *SNOW_ATTRIBUTES),
        **{sensor: _common(*SENSOR_ROLES) + sensor_attributes(sensor) for sensor in SENSOR_IDS if sensor in sensors},
        **{
            body.blueprint_id: tuple(_body_attributes(body))
            for body in catalogue.values()
            if body.kind != "traffic_light"
        },
    }
    return tuple(
        Definition(uid, blueprint_id, blueprint_id.replace(".", ","), _offered(attributes[blueprint_id], profile))
        for uid, blueprint_id in enumerate(sorted(filter(profile.offers, attributes)), start=1)
    )


def _offered(attributes: tuple[Attribute, ...], profile: Profile) -> tuple[Attribute, ...]:
    return tuple(a for a in attributes if not (profile.stock_library and a.id.startswith("avsynth.")))


def kind_of(definition: Definition, catalogue: Mapping[str, Body]) -> ActorKind | None:
    """What kind of actor a blueprint makes; None for what cannot be spawned."""
    body = catalogue.get(definition.id)
    if body is not None:
        return body.kind
    if definition.id == SPECTATOR_ID:
        return "spectator"
    if definition.id == _WALKER_CONTROLLER_ID:
        return "controller"
    if definition.id == FRICTION_TRIGGER_ID:
        return "trigger"
    if definition.id == SNOW_ID:
        return "weather"
    return "sensor" if definition.id in SENSOR_IDS else None


def complete_attributes(definition: Definition, given: Mapping[str, str]) -> dict[str, str]:
    """Every attribute of `definition`, with the values `given` where they may be changed.

    Raises:
        SpawnRefused: for an attribute that the blueprint lacks, or a value that is not of its type or not allowed.
    """
    known = {attribute.id: attribute for attribute in definition.attributes}
    for name, value in given.items():
        attribute = known.get(name)
        if attribute is None:
            raise SpawnRefused(f"{_INVALID}: {definition.id} has no attribute '{name}'; it has {', '.join(known)}")
        _check(definition.id, attribute, value)
    return {a.id: given.get(a.id, a.value) if a.modifiable else a.value for a in definition.attributes}


def parse_colour(text: str) -> tuple[int, int, int]:
    """An 'r,g,b' attribute as numbers 0 to 255."""
    red, green, blue = (min(int(part), 255) for part in text.split(","))
    return red, green, blue


_INVALID = "Spawn failed because of invalid actor description"


def _check(blueprint_id: str, attribute: Attribute, value: str) -> None:
    where = f"{_INVALID}: {blueprint_id}: {attribute.id} = '{value}'"
    if not attribute.modifiable:
        if value != attribute.value:
            raise SpawnRefused(f"{where}; it is fixed to '{attribute.value}'")
        return
    pattern = _PATTERNS.get(attribute.type)
    if pattern is not None and not pattern.fullmatch(value):
        raise SpawnRefused(f"{where}; want {attribute.type.name.lower()}, such as '{attribute.value}'")
    if attribute.restrict_to_recommended and value not in attribute.recommended:
        raise SpawnRefused(f"{where}; want one of {', '.join(attribute.recommended)}")


def _common(*roles: str) -> tuple[Attribute, ...]:
    return (Attribute("role_name", _STRING, roles[0], roles), Attribute("ros_name", _STRING, "", ("",)))


def _body_attributes(body: Body) -> Iterator[Attribute]:
    if body.kind == "vehicle":
        yield from _common("autopilot", "scenario", "ego_vehicle")
        if body.colours:
            paints = tuple(f"{r},{g},{b}" for r, g, b in body.colours)
            yield Attribute("color", _COLOR, paints[0], paints)
        yield Attribute("sticky_control", _BOOL, "true", ("true",))
        yield Attribute("terramechanics", _BOOL, "false", ("false",), restrict_to_recommended=True)
        yield from _fixed(body, _VEHICLE_FIXED)
    elif body.kind == "walker":
        yield from _common("pedestrian")
        speeds = tuple(s.strip() for s in body.attributes.get("speed", "").split(",") if s.strip()) or _WALKER_SPEEDS
        yield Attribute("speed", _FLOAT, speeds[0], speeds)
        yield Attribute("is_invincible", _BOOL, "true", ("true",))
        yield Attribute("use_wheelchair", _BOOL, "false", ("false",), restrict_to_recommended=True)
        yield from _fixed(body, _WALKER_FIXED)
    else:
        yield from _common("prop")
        yield from _fixed(body, {"size": (_STRING, "unknown")})


def _fixed(body: Body, defaults: Mapping[str, tuple[AttributeType, str]]) -> Iterator[Attribute]:
    for name, (kind, value) in defaults.items():
        yield Attribute(name, kind, body.attributes.get(name, value), modifiable=False)
    for name, value in body.attributes.items():
        if name not in defaults and not (body.kind == "walker" and name == "speed"):
            yield Attribute(name, _STRING, value, modifiable=False)
