"""Which of a town's things are there, and that taking some away takes nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from av_synth.geometry.transforms import Array
from av_synth.simulator import town as towns
from av_synth.simulator.scene import Tag
from av_synth.simulator.town import EnvironmentObject, Town
from av_synth.simulator.world.scenery import ALL_LAYERS, Layer, Scenery
from tests.simulator.own_map import own_map


def corners(town: Town, thing: EnvironmentObject, first: int) -> Array:
    """The corners of a thing's triangles (K, 3) in the axes of its box, from the box's centre."""
    triangles = town.mesh.triangles[first : first + thing.triangles]
    points = town.mesh.positions_m[triangles.ravel()].astype(float) - thing.centre_m
    c, s = np.cos(thing.yaw_rad), np.sin(thing.yaw_rad)
    return points @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("name", ["AvSynth01", "AvSynth04", "AvSynth05", "own"])
def test_the_last_triangles_of_a_town_are_those_of_its_things_one_after_the_other(name):
    town = towns.from_opendrive(own_map()) if name == "own" else towns.load(name)
    first = len(town.mesh.triangles) - sum(thing.triangles for thing in town.environment_objects)
    for thing in town.environment_objects:
        offset = np.abs(corners(town, thing, first))
        first += thing.triangles
        assert thing.triangles > 0
        assert (offset[:, :2] <= thing.half_m[:2] + 1e-3).all(), thing.name
        if not town.relief.hills:  # there things are sheared
            assert (offset[:, 2] <= thing.half_m[2] + 1e-3).all(), thing.name
    assert first == len(town.mesh.triangles)


def test_what_is_hidden_is_neither_seen_nor_in_the_way_and_is_listed_still():
    town = towns.load("AvSynth01")
    house = next(thing for thing in town.environment_objects if thing.tag is Tag.BUILDINGS)
    scenery = Scenery(town, ())
    scenery.show({house.id}, False)

    assert len(town.mesh.triangles) - len(scenery.mesh.triangles) == house.triangles
    assert len(scenery.footprints) == len(town.footprints) - 1
    assert all(each is not town.footprints[house.footprint] for each in scenery.footprints)
    assert house in scenery.things

    scenery.show({house.id}, True)
    assert scenery.is_whole
    assert scenery.footprints is town.footprints


@pytest.mark.parametrize(
    ("layer", "tags"),
    [
        (Layer.BUILDINGS, {Tag.BUILDINGS}),
        (Layer.FOLIAGE, {Tag.VEGETATION}),
        (Layer.WALLS, {Tag.WALLS, Tag.FENCES}),
        (Layer.PROPS, {Tag.STATIC}),
        (Layer.STREET_LIGHTS, {Tag.POLES}),
    ],
)
def test_a_layer_that_is_unloaded_takes_its_things_and_no_others(layer, tags):
    town = towns.load("AvSynth01")
    scenery = Scenery(town, ())
    scenery.load(layer, False)

    left = {thing.id for thing in scenery.things}
    gone = [thing for thing in town.environment_objects if thing.id not in left]
    assert {thing.tag for thing in gone} == tags
    assert len(town.mesh.triangles) - len(scenery.mesh.triangles) == sum(thing.triangles for thing in gone)

    scenery.load(layer, True)
    assert scenery.mesh is town.mesh


def test_without_any_layer_roads_pavements_and_signs_are_left():
    scenery = Scenery(towns.load("AvSynth01"), ())
    scenery.load(ALL_LAYERS, False)

    seen = {Tag(tag) for tag in np.unique(scenery.mesh.tags[scenery.mesh.triangles])}
    assert {Tag.ROADS, Tag.ROAD_LINES, Tag.SIDEWALKS, Tag.TRAFFIC_SIGNS} <= seen
    assert not seen & {Tag.BUILDINGS, Tag.VEGETATION, Tag.WALLS, Tag.FENCES, Tag.STATIC, Tag.TERRAIN}
    assert {thing.tag for thing in scenery.things} == {Tag.TRAFFIC_SIGNS}
