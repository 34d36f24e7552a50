"""Casting: which blueprint of the simulator's library plays a category, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

import carla
import numpy as np

from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import transform_from_matrix, vector_from_carla
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import PEOPLE

PROBE_HEIGHT_M = 60.0  # above every roof: nothing is hit there


@dataclass(frozen=True)
class Role:
    """A blueprint with the attributes it is spawned with."""

    type_id: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class Size:
    """A bounding box in the actor's frame: centre (3,) and half sizes (3,) in metres."""

    centre_m: Array
    half_m: Array


class Casting:
    """Chooses blueprints by category, deterministically, and measures them on the simulator itself."""

    def __init__(self, world: carla.World, probe_at: Array) -> None:
        """Read the library; `probe_at` (4, 4) is a place over which bodies may be tried on, high in the air."""
        self._world = world
        self._library = {blueprint.id: blueprint for blueprint in world.get_blueprint_library()}
        self._probe_at = probe_at.copy()
        self._probe_at[2, 3] += PROBE_HEIGHT_M
        self._sizes: dict[str, Size] = {}

    def role(self, body: str, pick: float) -> Role:
        """The blueprint and colour that `pick` in [0, 1) chooses for a category or a blueprint id.

        Raises:
            CastError: if the library has none.
        """
        fitting = sorted(type_id for type_id, found in self._library.items() if _plays(found, body))
        if not fitting:
            raise CastError(f"the simulator has no {body!r}; its library has {self._offer(body)}")
        share = pick * len(fitting)
        blueprint = self._library[fitting[int(share)]]
        attributes: dict[str, str] = {}
        if blueprint.has_attribute("color"):
            colours = blueprint.get_attribute("color").recommended_values
            if colours:
                attributes["color"] = colours[int((share - int(share)) * len(colours))]
        return Role(blueprint.id, attributes)

    def size(self, type_id: str) -> Size:
        """The bounding box of a blueprint: one is spawned high above the town, measured and removed.

        Raises:
            SpawnError: if the simulator refuses even that.
        """
        if type_id not in self._sizes:
            try:
                actor = self._world.spawn_actor(self._library[type_id], transform_from_matrix(self._probe_at))
            except RuntimeError as error:
                raise SpawnError(f"measuring {type_id} {PROBE_HEIGHT_M:.0f} m above the road: {error}") from error
            box = actor.bounding_box
            half = np.array([box.extent.x, box.extent.y, box.extent.z])
            self._sizes[type_id] = Size(vector_from_carla(box.location), half)
            actor.destroy()
        return self._sizes[type_id]

    def _offer(self, body: str) -> str:
        family = "walker." if body in PEOPLE or body.startswith("walker.") else "vehicle."
        return ", ".join(sorted(type_id for type_id in self._library if type_id.startswith(family))) or "none"


def _plays(blueprint: carla.ActorBlueprint, body: str) -> bool:
    """Whether a blueprint is of a category, or is the very one that was named."""
    if "." in body:
        return bool(blueprint.id == body)
    age, base, special = (_attribute(blueprint, name) for name in ("age", "base_type", "special_type"))
    if body in PEOPLE:
        return blueprint.id.startswith("walker.pedestrian.") and (age == "child") == (body == "child")
    if not blueprint.id.startswith("vehicle."):
        return False
    if body in ("police", "ambulance"):
        return special == "emergency" and body in blueprint.id
    return base == body and special != "emergency"


def _attribute(blueprint: carla.ActorBlueprint, name: str) -> str:
    if not blueprint.has_attribute(name):
        return ""
    return str(blueprint.get_attribute(name).as_str()).lower()
