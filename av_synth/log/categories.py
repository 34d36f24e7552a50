"""Which nuScenes category a CARLA blueprint is.

From the blueprint's own attributes where the server has them (0.9.15 and later: base_type, special_type, age), else
from its id. Source: CARLA 0.9.16, Docs/bp_library.md; nuScenes taxonomy, docs/instructions_nuscenes.md.
"""

from __future__ import annotations

from collections.abc import Mapping

_VEHICLES = {
    "car": "vehicle.car",
    "van": "vehicle.car",  # nuScenes counts vans, minibuses and SUVs as cars
    "truck": "vehicle.truck",
    "bus": "vehicle.bus.rigid",
    "motorcycle": "vehicle.motorcycle",
    "bicycle": "vehicle.bicycle",
}
_PROPS = {
    "trafficcone": "movable_object.trafficcone",
    "constructioncone": "movable_object.trafficcone",
    "streetbarrier": "movable_object.barrier",
    "barrier": "movable_object.barrier",
    "trashcan": "movable_object.pushable_pullable",
    "bin": "movable_object.pushable_pullable",
    "container": "movable_object.pushable_pullable",
    "shoppingcart": "movable_object.pushable_pullable",
    "shoppingtrolley": "movable_object.pushable_pullable",
    "dirtdebris": "movable_object.debris",
    "brokentile": "movable_object.debris",
}


def nuscenes_category(type_id: str, attributes: Mapping[str, str]) -> str:
    """The nuScenes category of a blueprint, or '' for what nuScenes does not annotate (lights, signs, sensors).

    Args:
        type_id: blueprint id, such as vehicle.audi.a2.
        attributes: the actor's attributes; base_type, special_type and age are read.
    """
    family, _, name = type_id.partition(".")
    if family == "vehicle":
        special = attributes.get("special_type", "")
        if special == "emergency":
            if "police" in name:
                return "vehicle.emergency.police"
            if "ambulance" in name:
                return "vehicle.emergency.ambulance"
            return "vehicle.truck"
        base = attributes.get("base_type", "").lower()
        if not base and attributes.get("number_of_wheels") == "2":
            base = "motorcycle"
        return _VEHICLES.get(base, "vehicle.car")
    if family == "walker":
        return "human.pedestrian.child" if attributes.get("age") == "child" else "human.pedestrian.adult"
    if type_id.startswith("static.prop."):
        prop = type_id.removeprefix("static.prop.")
        return next((category for stem, category in _PROPS.items() if prop.startswith(stem)), "")
    return ""
