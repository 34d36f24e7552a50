"""What makes streets look lived in, and that it is in nobody's way."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import shapely

from av_synth.simulator import town
from av_synth.simulator.scene import Tag
from av_synth.simulator.town import EnvironmentObject, Town
from tests.simulator.own_map import own_map

STANDING = {
    *("CafeTable", "Planter", "AdvertisingBoard", "AdvertisingColumn", "PostBox", "ElectricityCabinet"),
    *("BicycleRack", "WheeledBin", "MarketStand", "TicketMachine"),
}
HANGING = {"FlowerBasket", "LampBin", "StreetNameSign", "ParkingSign"}
PAVEMENT_M = 4.0


@pytest.fixture(scope="module")
def first() -> Town:
    return town.load("AvSynth01")


def kind(thing: EnvironmentObject) -> str:
    return thing.name.rsplit("_", 1)[0]


def test_streets_have_things_of_all_kinds(first: Town) -> None:
    kinds = Counter(kind(thing) for thing in first.environment_objects)

    assert kinds.keys() >= STANDING | HANGING | {"TreePit", "GardenPath", "GardenFence", "Wood"}
    assert sum(kinds[name] for name in STANDING) > 80


def test_solid_things_leave_most_of_the_pavement_to_walkers(first: Town) -> None:
    solid = [thing for thing in first.environment_objects if kind(thing) in STANDING]
    feet = [shapely.Polygon(first.footprints[thing.footprint].polygon) for thing in solid]

    away = shapely.distance(np.array(feet), first.carriageway)
    assert away.min() > PAVEMENT_M / 2
    assert not any(thing.footprint >= 0 for thing in first.environment_objects if kind(thing) in HANGING)


def test_hardly_two_fronts_in_a_row_are_alike(first: Town) -> None:
    shops = [thing.triangles for thing in first.environment_objects if kind(thing) in ("Shops", "Apartments", "House")]

    alike = np.mean(np.array(shops[1:]) == np.array(shops[:-1]))
    assert alike < 0.1


def test_woods_stand_all_around_far_out(first: Town) -> None:
    x0, y0, x1, y1 = first.bounds_m
    woods = np.array([thing.centre_m[:2] for thing in first.environment_objects if kind(thing) == "Wood"])
    angles = np.sort(np.arctan2(woods[:, 1] - (y0 + y1) / 2, woods[:, 0] - (x0 + x1) / 2))

    assert np.diff(angles, append=angles[0] + 2 * math.pi).max() < math.radians(15.0)
    assert not shapely.contains_xy(shapely.box(*first.bounds_m), woods[:, 0], woods[:, 1]).any()


def test_roads_of_an_opendrive_file_are_lined_where_there_is_a_pavement_and_room() -> None:
    place = town.from_opendrive(own_map())
    kinds = {kind(thing) for thing in place.environment_objects}

    assert kinds >= {"Wood", "Tree"}
    for thing in place.environment_objects:
        if thing.footprint >= 0 and thing.tag is not Tag.TRAFFIC_SIGNS:
            foot = place.footprints[thing.footprint]
            assert not place.carriageway.intersects(shapely.Polygon(foot.polygon).buffer(0.3))
            ground = [place.ground_height_m(float(x), float(y)) for x, y in foot.polygon]
            assert min(ground) - 0.3 < foot.bottom_m < max(ground) + 0.3
