"""Which nuScenes category a CARLA blueprint is.

From the attribute `avsynth.category` where the blueprint has it (docs/reference/extensions.md), else from CARLA's own
attributes (0.9.15 and later: base_type, special_type, age, use_wheelchair), else from its id. Sources: CARLA 0.9.16,
Docs/bp_library.md and its catalogues of vehicles, pedestrians and props; nuScenes, docs/instructions_nuscenes.md.
"""

from __future__ import annotations

from collections.abc import Mapping

CATEGORY_ATTRIBUTE = "avsynth.category"

_VEHICLES = {
    "car": "vehicle.car",
    "van": "vehicle.car",  # nuScenes counts vans, minibuses and SUVs as cars
    "truck": "vehicle.truck",
    "bus": "vehicle.bus.rigid",
    "motorcycle": "vehicle.motorcycle",
    "bicycle": "vehicle.bicycle",
}
# what is no car in the catalogue of 0.9.16, for servers that do not say base_type
_BY_NAME = {
    "bh.crossbike": "vehicle.bicycle",
    "diamondback.century": "vehicle.bicycle",
    "gazelle.omafiets": "vehicle.bicycle",
    "harley-davidson.low_rider": "vehicle.motorcycle",
    "kawasaki.ninja": "vehicle.motorcycle",
    "vespa.zx125": "vehicle.motorcycle",
    "yamaha.yzf": "vehicle.motorcycle",
    "carlamotors.carlacola": "vehicle.truck",
    "carlamotors.european_hgv": "vehicle.truck",
    "carlamotors.firetruck": "vehicle.truck",
    "sixwheeltruck.sixwheeltruck": "vehicle.truck",
    "tesla.cybertruck": "vehicle.truck",
    "mitsubishi.fusorosa": "vehicle.bus.rigid",
    "ford.ambulance": "vehicle.emergency.ambulance",
    "dodge.charger_police": "vehicle.emergency.police",
    "dodge.charger_police_2020": "vehicle.emergency.police",
}
_POLICE_OFFICERS = frozenset({"walker.pedestrian.0030", "walker.pedestrian.0032"})
_CHILDREN = frozenset(
    f"walker.pedestrian.{number:04d}" for number in (*range(9, 15), 48, 49)
)  # for servers without age
# CARLA's props by how their names begin, blanks left out. What is not here nuScenes does not annotate: what is fixed
# to the ground (benches, kiosks, chain barriers, bottle banks), small litter, what stands in gardens.
_PROPS = {
    "trafficcone": "movable_object.trafficcone",
    "constructioncone": "movable_object.trafficcone",
    "streetbarrier": "movable_object.barrier",
    "barrier": "movable_object.barrier",
    "bin": "movable_object.pushable_pullable",
    "container": "movable_object.pushable_pullable",
    "shoppingcart": "movable_object.pushable_pullable",
    "shoppingtrolley": "movable_object.pushable_pullable",
    "travelcase": "movable_object.pushable_pullable",
    # too large to drive over safely; nuScenes names trash bags and cans, temporary signs, what is around road works
    "dirtdebris": "movable_object.debris",
    "brokentile": "movable_object.debris",
    "ironplank": "movable_object.debris",
    "trashbag": "movable_object.debris",
    "trashcan": "movable_object.debris",
    "platformgarbage": "movable_object.debris",
    "barrel": "movable_object.debris",
    "box": "movable_object.debris",
    "trafficwarning": "movable_object.debris",
    "warningaccident": "movable_object.debris",
    "warningconstruction": "movable_object.debris",
    "bikeparking": "static_object.bicycle_rack",
}


def nuscenes_category(type_id: str, attributes: Mapping[str, str]) -> str:
    """The nuScenes category of a blueprint, or '' for what nuScenes does not annotate (lights, signs, sensors).

    Args:
        type_id: blueprint id, such as vehicle.audi.a2.
        attributes: the actor's attributes; avsynth.category, base_type, special_type, age and use_wheelchair are read.
    """
    given = attributes.get(CATEGORY_ATTRIBUTE)
    if given is not None:
        return given
    family, _, name = type_id.partition(".")
    if family == "vehicle":
        return _vehicle(name, attributes)
    if family == "walker":
        return _walker(type_id, attributes)
    if type_id.startswith("static.prop."):
        prop = type_id.removeprefix("static.prop.").replace(" ", "")
        return next((category for stem, category in _PROPS.items() if prop.startswith(stem)), "")
    return ""


def has_rider(type_id: str) -> bool:
    """Whether a two-wheeler carries somebody: CARLA's vehicles always do; what nobody rides is a prop."""
    return not type_id.startswith("static.prop.")


def _vehicle(name: str, attributes: Mapping[str, str]) -> str:
    if attributes.get("special_type", "") == "emergency":
        if "police" in name:
            return "vehicle.emergency.police"
        if "ambulance" in name:
            return "vehicle.emergency.ambulance"
        return "vehicle.truck"
    base = attributes.get("base_type", "").lower()
    if base in _VEHICLES:
        return _VEHICLES[base]
    unknown = "vehicle.motorcycle" if attributes.get("number_of_wheels") == "2" else "vehicle.car"
    return _BY_NAME.get(name, unknown)


def _walker(type_id: str, attributes: Mapping[str, str]) -> str:
    if attributes.get("use_wheelchair", "").lower() == "true":
        return "human.pedestrian.wheelchair"
    if type_id in _POLICE_OFFICERS:
        return "human.pedestrian.police_officer"
    age = attributes.get("age", "")
    child = age == "child" if age else type_id in _CHILDREN
    return "human.pedestrian.child" if child else "human.pedestrian.adult"
