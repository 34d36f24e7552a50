"""Casting: which blueprint of the simulator's library plays a category, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass

import carla
import numpy as np

from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import transform_from_matrix
from av_synth.geometry.transforms import Array
from av_synth.scenario.model import PEOPLE
from av_synth.session.boxes import TABLE, actor_box

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
        fitting = self.playing(body)
        if not fitting:
            raise CastError(f"the simulator has no {body!r}; its library has {self._offer(body)}")
        share = pick * len(fitting)
        type_id = fitting[int(share)]
        return Role(type_id, self.colour(type_id, share - int(share)))

    def playing(self, *bodies: str) -> list[str]:
        """Ids of the blueprints of some categories, sorted."""
        return sorted(
            type_id for type_id, found in self._library.items() if any(_plays(found, body) for body in bodies)
        )

    def colour(self, type_id: str, pick: float) -> dict[str, str]:
        """The attribute that gives a blueprint the colour that `pick` in [0, 1) chooses; none if it has no choice."""
        blueprint = self._library[type_id]
        colours = blueprint.get_attribute("color").recommended_values if blueprint.has_attribute("color") else []
        return {"color": colours[int(pick * len(colours))]} if colours else {}

    def size(self, type_id: str) -> Size:
        """The bounding box of a blueprint: one is spawned high above the town, measured and removed.

        Raises:
            SpawnError: if the simulator refuses even that.
            CastError: if it has no usable box, not even a corrected one.
        """
        if type_id not in self._sizes:
            try:
                actor = self._world.spawn_actor(self._library[type_id], transform_from_matrix(self._probe_at))
            except RuntimeError as error:
                raise SpawnError(f"measuring {type_id} {PROBE_HEIGHT_M:.0f} m above the road: {error}") from error
            box = actor_box(actor)
            actor.destroy()
            if not box.usable:
                raise CastError(
                    f"the simulator reports a box of {np.round(2.0 * box.half_m, 3).tolist()} m for {type_id!r}, and "
                    f"{TABLE.name} has no correction of it; want another body, or a correction there"
                )
            self._sizes[type_id] = Size(box.centre_m, box.half_m)
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
