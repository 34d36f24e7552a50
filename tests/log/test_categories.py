from __future__ import annotations

import pytest

from av_synth.log.categories import nuscenes_category
from av_synth.simulator.bodies import catalogue
from av_synth.verify.names import CATEGORIES

OF_THE_LIBRARY = {
    "vehicle.audi.a2": "vehicle.car",
    "vehicle.audi.tt": "vehicle.car",
    "vehicle.bh.crossbike": "vehicle.bicycle",
    "vehicle.carlamotors.carlacola": "vehicle.truck",
    "vehicle.dodge.charger_police": "vehicle.emergency.police",
    "vehicle.ford.ambulance": "vehicle.emergency.ambulance",
    "vehicle.mercedes.sprinter": "vehicle.car",
    "vehicle.mitsubishi.fusorosa": "vehicle.bus.rigid",
    "vehicle.nissan.patrol": "vehicle.car",
    "vehicle.tesla.model3": "vehicle.car",
    "vehicle.yamaha.yzf": "vehicle.motorcycle",
    "static.prop.trafficcone01": "movable_object.trafficcone",
    "static.prop.streetbarrier": "movable_object.barrier",
    "static.prop.trashcan01": "movable_object.pushable_pullable",
    "static.prop.barrel": "",
    "static.prop.bench01": "",
    "static.prop.box01": "",
    "traffic.traffic_light": "",
}


@pytest.mark.parametrize("body", catalogue().values(), ids=catalogue())
def test_every_body_of_the_library_is_of_a_category_that_nuscenes_has_or_of_none(body):
    category = nuscenes_category(body.blueprint_id, body.attributes)

    assert category == "" or category in CATEGORIES
    if body.kind == "walker":
        who = "child" if body.attributes["age"] == "child" else "adult"
        assert category == f"human.pedestrian.{who}"
    else:
        assert category == OF_THE_LIBRARY[body.blueprint_id]


@pytest.mark.parametrize(
    ("type_id", "attributes", "category"),
    [
        ("vehicle.carlamotors.firetruck", {"base_type": "truck", "special_type": "emergency"}, "vehicle.truck"),
        ("vehicle.carlamotors.european_hgv", {"base_type": "truck", "special_type": ""}, "vehicle.truck"),
        ("vehicle.volkswagen.t2", {"base_type": "van", "special_type": ""}, "vehicle.car"),
        ("vehicle.micro.microlino", {"base_type": "car", "special_type": "electric"}, "vehicle.car"),
        ("vehicle.ford.crown", {"base_type": "car", "special_type": "taxi"}, "vehicle.car"),
        ("vehicle.mitsubishi.fusorosa", {"base_type": "Bus"}, "vehicle.bus.rigid"),
        ("vehicle.vespa.zx125", {"number_of_wheels": "2"}, "vehicle.motorcycle"),
        ("vehicle.unheard.of", {}, "vehicle.car"),
        ("walker.pedestrian.0048", {"age": "elderly"}, "human.pedestrian.adult"),
        ("walker.pedestrian.0049", {"age": "child"}, "human.pedestrian.child"),
        ("walker.pedestrian.0001", {}, "human.pedestrian.adult"),
        ("static.prop.constructioncone", {}, "movable_object.trafficcone"),
        ("static.prop.shoppingtrolley", {}, "movable_object.pushable_pullable"),
        ("static.prop.dirtdebris02", {}, "movable_object.debris"),
        ("static.prop.vendingmachine", {}, ""),
    ],
)
def test_other_blueprints_of_carla_are_told_by_their_attributes_else_by_their_id(type_id, attributes, category):
    assert nuscenes_category(type_id, attributes) == category


@pytest.mark.parametrize(
    "type_id", ["sensor.camera.rgb", "traffic.stop", "spectator", "controller.ai.walker", "static.trigger.friction", ""]
)
def test_what_nuscenes_does_not_annotate_has_no_category(type_id):
    assert nuscenes_category(type_id, {"base_type": "car", "age": "child"}) == ""
