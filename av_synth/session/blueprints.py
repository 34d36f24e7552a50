"""Blueprints by their ids, and what the embedded simulator says of itself in one of them."""

from __future__ import annotations

from collections.abc import Mapping

import carla

FACTS = "avsynth.simulator.facts"


def find(library: carla.BlueprintLibrary, type_id: str) -> carla.ActorBlueprint | None:
    """A copy of the blueprint with just this id, to be changed; None if there is none."""
    return next((blueprint for blueprint in library.filter(type_id) if blueprint.id == type_id), None)


def facts_of(world: carla.World) -> Mapping[str, str]:
    """What the embedded simulator says of itself, its renderer from the first camera on; empty on any other."""
    found = find(world.get_blueprint_library(), FACTS)
    return {} if found is None else {attribute.id: attribute.as_str() for attribute in found}
