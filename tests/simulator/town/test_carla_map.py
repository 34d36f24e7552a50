"""The town as the carla client's own map reader sees it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import carla
import numpy as np
import pytest
import shapely

from av_synth.geometry import transforms
from av_synth.geometry.carla import carla_from_matrix
from av_synth.simulator import town
from av_synth.simulator.town import KERB_HEIGHT_M, Town

LIGHTS = "1000001"


@pytest.fixture(scope="module")
def place() -> Town:
    return town.load("AvSynth01")


@pytest.fixture(scope="module")
def roads(place: Town) -> carla.Map:
    return carla.Map(place.name, place.opendrive)


def location(x: float, y: float, z: float = 0.0) -> carla.Location:
    return carla.Location(x, -y, z)


def pose(waypoint: carla.Waypoint) -> tuple[float, float, float]:
    """(x, y, heading) in the world frame."""
    transform = waypoint.transform
    return transform.location.x, -transform.location.y, -math.radians(transform.rotation.yaw)


def turned(a: float, b: float) -> float:
    return abs(math.remainder(a - b, 2 * math.pi))


def every(roads: carla.Map, step_m: float, kind: carla.LaneType) -> Iterator[tuple[carla.Waypoint, float]]:
    """Waypoints of a lane type on all roads, with the road's heading, found sideways from the driving lanes."""
    for waypoint in roads.generate_waypoints(step_m):
        heading = pose(waypoint)[2]
        while waypoint is not None and waypoint.lane_type != kind:
            outer = waypoint.get_right_lane()
            waypoint = outer if outer is not None and abs(outer.lane_id) > abs(waypoint.lane_id) else None
        if waypoint is not None:
            yield waypoint, heading


def test_spawn_points_lie_on_driving_lanes_and_look_along_them(place: Town, roads: carla.Map) -> None:
    assert len(place.spawn_points) > 150
    for spawn in place.spawn_points:
        (x, y, z), (pitch, yaw, roll) = carla_from_matrix(spawn)
        waypoint = roads.get_waypoint(carla.Location(x, y, z), project_to_road=False)

        assert waypoint is not None
        assert waypoint.lane_type == carla.LaneType.Driving
        assert not waypoint.is_junction
        cx, cy, heading = pose(waypoint)
        dx, dy = cx - x, cy + y
        assert abs(-dx * math.sin(heading) + dy * math.cos(heading)) < 0.005
        # on arcs carla's search along the lane is good to some centimetres
        assert math.hypot(dx, dy) < 0.1
        assert turned(heading, -math.radians(yaw)) < 0.005
        assert z == pytest.approx(0.3)
        assert (pitch, roll) == (0.0, 0.0)


def test_lanes_go_on_for_ever_without_gap_or_kink(roads: carla.Map) -> None:
    step, sharpest_radius = 0.25, 5.2
    for waypoint in roads.generate_waypoints(1.0):
        following = waypoint.next(step)
        assert following, f"road {waypoint.road_id} lane {waypoint.lane_id} ends"
        x, y, heading = pose(waypoint)
        for ahead in following:
            x2, y2, heading2 = pose(ahead)
            # the step is measured on the reference line, up to 1.75 m to the side of the lane
            assert abs(math.hypot(x2 - x, y2 - y) - step) < 0.05
            assert turned(heading, heading2) < step / sharpest_radius + math.radians(0.1)
            sideways = -(x2 - x) * math.sin(heading) + (y2 - y) * math.cos(heading)
            assert abs(sideways) < 0.02


def test_any_choice_of_turns_leads_three_kilometres_on_and_every_road_is_reached(place: Town, roads: carla.Map) -> None:
    rng = np.random.default_rng(7)
    seen = set()
    for spawn in place.spawn_points[::4]:
        waypoint = roads.get_waypoint(location(spawn[0, 3], spawn[1, 3]))
        for _ in range(600):
            choices = waypoint.next(5.0)
            waypoint = choices[rng.integers(len(choices))]
            seen.add((waypoint.road_id, waypoint.lane_id))

    drivable = {(w.road_id, w.lane_id) for w in roads.generate_waypoints(2.0)}
    assert seen == drivable


def test_topology_is_closed(roads: carla.Map) -> None:
    topology = roads.get_topology()
    begins = {(a.road_id, a.section_id, a.lane_id) for a, _ in topology}
    ends = {(b.road_id, b.section_id, b.lane_id) for _, b in topology}

    assert ends <= begins


def test_avenue_lanes_can_be_changed_and_the_centre_line_cannot_be_crossed(roads: carla.Map) -> None:
    inner, outer = (roads.get_waypoint(location(300.0, 180.0 - t)) for t in (1.75, 5.25))

    assert inner.lane_change == carla.LaneChange.Right
    assert outer.lane_change == carla.LaneChange.Left
    assert inner.get_right_lane().lane_id == outer.lane_id
    assert roads.get_waypoint(location(300.0, 58.25)).lane_change == carla.LaneChange.NONE


def test_long_straights_for_the_cut_in_and_the_run_out(roads: carla.Map) -> None:
    for x_from, x_to, y in ((171.0, 439.0, 174.75), (171.0, 424.0, 58.25)):
        way = roads.get_waypoint(location(x_from, y))
        while pose(way)[0] < x_to:
            assert abs(pose(way)[1] - y) < 1e-3
            assert not way.is_junction
            (way,) = way.next(2.0)
    parked = roads.get_waypoint(location(300.0, 60.0 - 4.65), lane_type=carla.LaneType.Parking)
    assert parked.lane_width == pytest.approx(2.3)
    assert abs(pose(parked)[1] - 55.35) < 1e-3
    nearest = [roads.get_waypoint(location(300.0, y), lane_type=carla.LaneType.Any) for y in (57.0, 55.0, 53.0)]
    assert [w.lane_type.name for w in nearest] == ["Driving", "Parking", "Sidewalk"]


def test_crosswalks_cross_all_four_arms_of_the_lit_crossing(place: Town, roads: carla.Map) -> None:
    corners = np.array([(c.x, -c.y) for c in roads.get_crosswalks()]).reshape(-1, 5, 2)

    assert len(corners) == 4
    for ring in corners:
        assert np.allclose(ring[0], ring[-1])
        zebra = shapely.Polygon(ring)
        assert place.carriageway.buffer(0.002).contains(zebra)
        assert not place.carriageway.contains(zebra.buffer(0.3))  # it ends at the kerbs
        assert zebra.distance(shapely.Point(160.0, 180.0)) < 18.0


def test_each_lane_meets_its_own_light_at_the_stop_line_and_no_other(place: Town, roads: carla.Map) -> None:
    found = {landmark.id for landmark in roads.get_all_landmarks_of_type(LIGHTS)}
    assert found == {light.signal_id for light in place.traffic_lights}

    for light in place.traffic_lights:
        assert roads.get_waypoint(location(*light.world_from_actor[:2, 3]), project_to_road=False) is None
        for area, heading in zip(light.stop_areas, light.stop_headings_rad, strict=True):
            x, y = area.mean(axis=0)
            waypoint = roads.get_waypoint(location(x, y))
            assert turned(pose(waypoint)[2], heading) < 1e-3
            seen = waypoint.get_landmarks_of_type(60.0, LIGHTS)
            assert [landmark.id for landmark in seen] == [light.signal_id]
            assert seen[0].distance == pytest.approx(4.0, abs=0.1)  # from the middle of an 8 m area
            # the light looks back at the traffic that it governs
            assert turned(transforms.yaw(light.world_from_actor), heading + math.pi) < 1e-6


def test_lights_of_one_phase_let_no_two_approaches_go(place: Town) -> None:
    assert sorted(light.phase for light in place.traffic_lights) == [0, 1, 2, 3]
    assert {light.group for light in place.traffic_lights} == {1}


@pytest.mark.parametrize("kind", [carla.LaneType.Driving, carla.LaneType.Parking, carla.LaneType.Sidewalk])
def test_kerbs_of_the_ground_and_of_the_map_agree_to_two_centimetres(
    place: Town, roads: carla.Map, kind: carla.LaneType
) -> None:
    checked = 0
    for waypoint, heading in every(roads, 3.0, kind):  # in a taper a lane's own heading leaves the road's
        x, y, _ = pose(waypoint)
        half = waypoint.lane_width / 2
        if half < 0.1:
            continue  # where a bay begins
        sideways = np.array([-half + 0.02, 0.0, half - 0.02])
        heights = place.ground_height_m(x - np.sin(heading) * sideways, y + np.cos(heading) * sideways)
        wanted = KERB_HEIGHT_M if kind == carla.LaneType.Sidewalk else 0.0
        assert np.all(heights == wanted), f"road {waypoint.road_id} lane {waypoint.lane_id} s {waypoint.s:.2f}"
        checked += 1
        if kind == carla.LaneType.Sidewalk:
            # on one side of the pavement the carriageway begins at once
            beyond = np.array([-half - 0.02, half + 0.02])
            edges = place.ground_height_m(x - np.sin(heading) * beyond, y + np.cos(heading) * beyond)
            assert 0.0 in edges
    assert checked > 100


def test_speed_limits_are_those_of_the_road_descriptions(place: Town) -> None:
    assert place.speed_limit_kmh(300.0, 58.0) == 50.0
    assert place.speed_limit_kmh(58.0, 230.0) == 30.0
    assert place.speed_limit_kmh(300.0, 120.0) is None
