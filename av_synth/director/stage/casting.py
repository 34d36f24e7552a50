"""Casting: which blueprint of the simulator's library plays a category, and how large it is."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import carla
import numpy as np

from av_synth.errors import CastError, SpawnError
from av_synth.geometry.carla import transform_from_matrix
from av_synth.geometry.transforms import Array
from av_synth.log.categories import CATEGORY_ATTRIBUTE, has_rider, nuscenes_category
from av_synth.scenario.words import TRAILER, is_person, is_thing
from av_synth.session.boxes import TABLE, actor_box
from av_synth.session.commands import send

_PROBE_HEIGHT_M = 60.0  # above every roof: nothing is hit there
_TOWS, _HITCH_X = "avsynth.tows", "avsynth.hitch_x"
_TOLD_BY = (CATEGORY_ATTRIBUTE, "base_type", "special_type", "age")
_CATEGORIES = {
    "adult": "human.pedestrian.adult",
    "child": "human.pedestrian.child",
    "construction_worker": "human.pedestrian.construction_worker",
    "police_officer": "human.pedestrian.police_officer",
    "personal_mobility": "human.pedestrian.personal_mobility",
    "wheelchair": "human.pedestrian.wheelchair",
    "stroller": "human.pedestrian.stroller",
    "animal": "animal",
    "car": "vehicle.car",
    "van": "vehicle.car",
    "truck": "vehicle.truck",
    "bus": "vehicle.bus.rigid",
    "bendy_bus": "vehicle.bus.bendy",
    "motorcycle": "vehicle.motorcycle",
    "bicycle": "vehicle.bicycle",
    "police": "vehicle.emergency.police",
    "police_car": "vehicle.emergency.police",
    "ambulance": "vehicle.emergency.ambulance",
    "construction_vehicle": "vehicle.construction",
    TRAILER: "vehicle.trailer",
    "barrier": "movable_object.barrier",
    "cone": "movable_object.trafficcone",
    "debris": "movable_object.debris",
    "pushable": "movable_object.pushable_pullable",
    "bicycle_rack": "static_object.bicycle_rack",
}
# Who plays a category. What comes to a simulator's library besides them plays by its id alone: one draw is one cast, in
# every version and on every simulator that has them. Where a library has none of them, all that fit play.
# fmt: off
_PLAYERS = frozenset((
    *(
        f"vehicle.{name}"
        for name in (
            "audi.a2", "audi.tt", "avsynth.bendy_bus", "avsynth.wheel_loader", "bh.crossbike",
            "carlamotors.carlacola", "dodge.charger_police", "ford.ambulance", "mercedes.sprinter",
            "mitsubishi.fusorosa", "nissan.patrol", "tesla.model3", "yamaha.yzf",
        )
    ),
    *(
        f"walker.pedestrian.{name}"
        for name in (
            "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0012", "0014", "0030",
            "0032",
        )
    ),
    *(
        f"walker.avsynth.{name}"
        for name in (
            "construction_worker", "dog", "scooter", "stroller", "wheelchair",
        )
    ),
    *(
        f"static.prop.{name}"
        for name in (
            "avsynth_bendy_bus_rear", "avsynth_bicycle", "avsynth_motorcycle", "avsynth_trailer", "barrel",
            "bench01", "bikeparking", "box01", "dirtdebris01", "shoppingcart", "streetbarrier", "trafficcone01",
            "trashbag", "trashcan01",
        )
    ),
))
# fmt: on
_CYCLES = ("bicycle", "motorcycle")


@dataclass(frozen=True)
class Role:
    """A blueprint with the attributes it is spawned with."""

    type_id: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class Size:
    """A bounding box in the actor's frame: centre (3,) and half sizes (3,) in metres; `tail_m` is towed behind it."""

    centre_m: Array
    half_m: Array
    tail_m: float = 0.0


@dataclass(frozen=True)
class Towed:
    """What a vehicle tows: the blueprint, and how far its origin is behind the vehicle's while they are straight."""

    type_id: str
    behind_m: float


class Casting:
    """Chooses blueprints by category, deterministically, and measures them on the simulator itself."""

    def __init__(self, client: carla.Client, world: carla.World, probe_at: Array) -> None:
        """Read the library; `probe_at` (4, 4) is a place over which bodies may be tried on, high in the air."""
        self._client = client
        self._world = world
        self._library = {blueprint.id: blueprint for blueprint in world.get_blueprint_library()}
        self._probe_at = probe_at.copy()
        self._probe_at[2, 3] += _PROBE_HEIGHT_M
        self._sizes: dict[str, Size] = {}

    def role(self, body: str, pick: float, *, parked: bool = False) -> Role:
        """The blueprint and colour that `pick` in [0, 1) chooses for a category or a blueprint id.

        Args:
            body: what is asked for.
            pick: the choice.
            parked: nobody is in it or on it: two-wheelers come without a rider.

        Raises:
            CastError: if the library has none.
        """
        fitting = self.playing(body, parked=parked)
        if not fitting:
            like = difflib.get_close_matches(body, self._library, 1, 0.75) if "." in body else []
            hint = f"; did you mean {like[0]!r}?" if like else ""
            raise CastError(f"the simulator has no {_shown(body, parked)}; its library has {self._offer(body)}{hint}")
        share = pick * len(fitting)
        type_id = fitting[int(share)]
        attributes = self.colour(type_id, share - int(share))
        if body == "wheelchair" and _may_use_wheelchair(self._library[type_id]):
            attributes["use_wheelchair"] = "true"
        return Role(type_id, attributes)

    def playing(self, *bodies: str, parked: bool = False) -> list[str]:
        """Ids of the blueprints that play some categories, sorted; those that stand without a driver if `parked`."""
        found: set[str] = set()
        for body in bodies:
            fitting = {type_id for type_id, each in self._library.items() if _plays(each, body, parked)}
            found |= fitting if "." in body else fitting & _PLAYERS or fitting
        return sorted(found)

    def colour(self, type_id: str, pick: float) -> dict[str, str]:
        """The attribute that gives a blueprint the colour that `pick` in [0, 1) chooses; none if it has no choice."""
        blueprint = self._library[type_id]
        colours = blueprint.get_attribute("color").recommended_values if blueprint.has_attribute("color") else []
        return {"color": colours[int(pick * len(colours))]} if colours else {}

    def towed(self, type_id: str) -> Towed | None:
        """What a vehicle tows, None for most."""
        blueprint = self._library[type_id]
        behind = _attribute(blueprint, _TOWS)
        if behind not in self._library:
            return None
        hitches = [float(_attribute(found, _HITCH_X)) for found in (blueprint, self._library[behind])]
        return Towed(behind, hitches[1] - hitches[0])

    def size(self, type_id: str) -> Size:
        """The bounding box of a blueprint: one is spawned high above the town, measured and removed.

        Raises:
            SpawnError: if the simulator refuses even that.
            CastError: if it has no usable box, not even a corrected one.
        """
        if type_id not in self._sizes:
            centre, half = self._measure(type_id)
            towed, tail_m = self.towed(type_id), 0.0
            if towed is not None:
                rear_centre, rear_half = self._measure(towed.type_id)
                rear_end = float(rear_centre[0] - rear_half[0]) - towed.behind_m
                tail_m = float(centre[0] - half[0]) - rear_end
            self._sizes[type_id] = Size(centre, half, tail_m)
        return self._sizes[type_id]

    def _measure(self, type_id: str) -> tuple[Array, Array]:
        try:
            actor = self._world.spawn_actor(self._library[type_id], transform_from_matrix(self._probe_at))
        except RuntimeError as error:
            raise SpawnError(f"measuring {type_id} {_PROBE_HEIGHT_M:.0f} m above the road: {error}") from error
        box = actor_box(actor)
        # `actor.destroy()` looks into the last snapshot, in which this one is not, and may take it for dead already
        send(self._client, [carla.command.DestroyActor(actor)], "taking away", {actor.id: f"the {type_id} to measure"})
        if not box.usable:
            raise CastError(
                f"the simulator reports a box of {np.round(2.0 * box.half_m, 3).tolist()} m for {type_id!r}, and "
                f"{TABLE.name} has no correction of it; want another body, or a correction there"
            )
        return box.centre_m, box.half_m

    def _offer(self, body: str) -> str:
        family = "walker." if is_person(body) else "static.prop." if is_thing(body) else "vehicle."
        return ", ".join(sorted(type_id for type_id in self._library if type_id.startswith(family))) or "none"


def _shown(body: str, parked: bool) -> str:
    return f"{body!r} without a rider" if parked and body in _CYCLES else repr(body)


def _plays(blueprint: carla.ActorBlueprint, body: str, parked: bool) -> bool:
    """Whether a blueprint is of a category, or is the very one that was named."""
    if "." in body:
        return bool(blueprint.id == body)
    told = {name: _attribute(blueprint, name) for name in _TOLD_BY if blueprint.has_attribute(name)}
    if nuscenes_category(blueprint.id, told) != _CATEGORIES[body]:
        return body == "wheelchair" and _may_use_wheelchair(blueprint)
    if body in _CYCLES:
        return has_rider(blueprint.id) != parked
    if is_person(body) or is_thing(body) or body == TRAILER:
        return True
    if not blueprint.id.startswith("vehicle."):  # the rear section of a bus
        return False
    if body in ("car", "van"):
        return (told.get("base_type") == "van") == (body == "van")
    return body != "truck" or told.get("special_type") != "emergency"


def _may_use_wheelchair(blueprint: carla.ActorBlueprint) -> bool:
    """Whether CARLA's own attribute puts this walker into a wheelchair."""
    name = "can_use_wheelchair"
    return bool(blueprint.has_attribute(name) and blueprint.get_attribute(name).as_bool())


def _attribute(blueprint: carla.ActorBlueprint, name: str) -> str:
    if not blueprint.has_attribute(name):
        return ""
    return str(blueprint.get_attribute(name).as_str()).lower()
