"""AvSynth06: a place for each thing that a street or an expressway may have."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
import shapely

from av_synth.simulator import town
from av_synth.simulator.town import Town
from tests.simulator.town.reading import location, pose, turned

NAME = "AvSynth06"
CREST = (475.0, 430.0)
ZEBRA_X_M, HIGH_Y_M = 760.5, 300.0


@pytest.fixture(scope="module")
def place() -> Town:
    return town.load(NAME)


@pytest.fixture(scope="module")
def roads(place: Town) -> carla.Map:
    return carla.Map(NAME, place.opendrive)


def straight_ahead(roads: carla.Map, x: float, y: float, metres: float) -> list[carla.Waypoint]:
    """Waypoints every 2 m for so far along the lane at a place, which does not bend and meets no junction there."""
    way = roads.get_waypoint(location(x, y))
    found, heading = [way], pose(way)[2]
    while len(found) * 2.0 <= metres:
        (way,) = way.next(2.0)
        assert not way.is_junction
        assert turned(pose(way)[2], heading) < 1e-6
        found.append(way)
    return found


@pytest.mark.parametrize("road", [10, 20])
def test_the_expressway_has_two_lanes_an_exit_and_an_entry_each_way(place: Town, roads: carla.Map, road: int) -> None:
    left, right, hard = (roads.get_waypoint_xodr(road, lane, 20.0) for lane in (-1, -2, -3))
    assert left.lane_change == carla.LaneChange.Right
    assert right.get_right_lane().lane_id == hard.lane_id
    assert hard.lane_type == carla.LaneType.Shoulder
    assert place.speed_limit_kmh(*pose(right)[:2]) == 100.0
    exit_lane = roads.get_waypoint_xodr(road, -2, 120.0).get_right_lane()
    assert exit_lane.lane_type == carla.LaneType.Driving
    assert roads.get_waypoint_xodr(road, -2, 120.0).lane_change == carla.LaneChange.Both
    entry = roads.get_waypoint_xodr(road, -3, 470.0)
    assert entry.lane_change == carla.LaneChange.Left
    assert place.speed_limit_kmh(*pose(roads.get_waypoint_xodr(road, -5, 345.0))[:2]) == 60.0
    merged = entry.next(250.0)[0]
    assert (merged.road_id, merged.lane_id) == (road + 1, -2)


def test_the_tunnel_stands_over_a_hundred_and_fifty_metres_of_both_carriageways(place: Town, roads: carla.Map) -> None:
    roofs = [thing for thing in place.environment_objects if thing.name.startswith("TunnelRoof")]
    west = min(thing.centre_m[0] - thing.half_m[0] for thing in roofs)
    east = max(thing.centre_m[0] + thing.half_m[0] for thing in roofs)

    assert east - west == pytest.approx(150.0, abs=0.1)
    for x in (west + 1.0, east - 1.0):
        for aside in (-2.5, 2.5):
            way = roads.get_waypoint(location(x, 524.0 + aside))
            assert way.lane_type == carla.LaneType.Driving
            assert min(abs(thing.centre_m[0] - x) - thing.half_m[0] for thing in roofs) < 0.0


def test_the_crest_is_on_a_straight_of_an_ordinary_street(place: Town, roads: carla.Map) -> None:
    assert place.ground_height_m(CREST[0], CREST[1] - 1.75) == pytest.approx(6.0)
    along = straight_ahead(roads, CREST[0] - 116.0, CREST[1] - 1.75, 232.0)
    assert max(way.transform.rotation.pitch for way in along) > 4.0
    assert [place.ground_height_m(CREST[0] + d, CREST[1] - 1.75) for d in (-116.0, 116.0)] == [0.0, 0.0]


def test_parking_is_on_the_right_of_two_hundred_straight_metres_that_lead_to_the_roundabout(roads: carla.Map) -> None:
    along = straight_ahead(roads, 585.0, HIGH_Y_M + 1.75, 200.0)
    bays = [way.get_right_lane() for way in along]
    assert {bay.lane_type for bay in bays} == {carla.LaneType.Parking}
    assert {bay.get_right_lane().lane_type for bay in bays} == {carla.LaneType.Sidewalk}
    way = along[-1]
    while not way.is_junction:
        (way,) = way.next(2.0)
    assert way.get_junction().id == 91


def test_a_zebra_without_lights_lies_far_from_any_junction(place: Town, roads: carla.Map) -> None:
    for y, sign in ((HIGH_Y_M - 1.75, 1.0), (HIGH_Y_M + 1.75, -1.0)):
        straight_ahead(roads, ZEBRA_X_M - sign * 110.0, y, 110.0 + 80.0)
    corners = np.array([(c.x, -c.y) for c in roads.get_crosswalks()]).reshape(-1, 5, 2)
    zebras = [shapely.Polygon(ring) for ring in corners]
    (zebra,) = [z for z in zebras if z.distance(shapely.Point(ZEBRA_X_M, HIGH_Y_M)) < 0.1]
    assert place.carriageway.buffer(0.002).contains(zebra)
    assert not place.carriageway.contains(zebra.buffer(0.3))  # it ends at the kerbs
    assert len(zebras) == 1 + 4 + 4  # and at the roundabout and the lights


def test_streets_bend_to_the_left_and_to_the_right_as_gently_as_asked(roads: carla.Map) -> None:
    radii = set()
    for road in (44, 45, 46, 47):
        for s in np.arange(5.0, 200.0, 5.0):
            way = roads.get_waypoint_xodr(road, -1, float(s))
            beyond = None if way is None else roads.get_waypoint_xodr(road, -1, float(s) + 1.0)
            if beyond is not None and turned(pose(way)[2], pose(beyond)[2]) > 1e-3:
                radii.add(round(1.0 / math.remainder(pose(beyond)[2] - pose(way)[2], math.tau)))
    assert {radius for radius in radii if 80 <= abs(radius) <= 150} >= {100, -110, -90}


def test_one_crossing_has_lights_and_one_stops_two_of_its_arms(place: Town, roads: carla.Map) -> None:
    assert {light.group for light in place.traffic_lights} == {4}
    assert sorted(light.phase for light in place.traffic_lights) == [0, 1, 2, 3]
    for light in place.traffic_lights:
        x, y = light.stop_areas[0].mean(axis=0)
        assert [mark.id for mark in roads.get_waypoint(location(x, y)).get_landmarks_of_type(60.0, "1000001")] == [
            light.signal_id
        ]
    met = []
    for x, y in ((621.75, 275.0), (618.25, 325.0), (590.0, 298.25), (650.0, 301.75)):
        met.append({mark.type for mark in roads.get_waypoint(location(x, y)).get_landmarks(25.0)})
    assert met == [{"206"}, {"206"}, set(), set()]


def test_the_roundabout_gives_way_at_four_arms(roads: carla.Map) -> None:
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        way = roads.get_waypoint(location(330.0 + 34.0 * dx - 1.75 * dy, HIGH_Y_M + 34.0 * dy + 1.75 * dx))
        assert [mark.type for mark in way.get_landmarks(20.0)] == ["205"]
        assert way.next(14.0)[0].is_junction
