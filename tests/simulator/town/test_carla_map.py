"""The towns as the carla client's own map reader sees them."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest
import shapely

from av_synth.geometry import transforms
from av_synth.geometry.carla import carla_from_matrix
from av_synth.simulator import town
from av_synth.simulator.scene import Tag
from av_synth.simulator.town import KERB_HEIGHT_M, Town
from tests.simulator.town.reading import every, location, pose, turned

LIGHTS, GIVE_WAY, STOP, CHILDREN, CROSSWALK_SIGN = "1000001", "205", "206", "136", "350"
LEVEL_TOWNS = ("AvSynth01", "AvSynth02", "AvSynth03")


def read(place: Town) -> carla.Map:
    return carla.Map(place.name, place.opendrive)


@pytest.fixture(scope="module", params=LEVEL_TOWNS)
def place(request: pytest.FixtureRequest) -> Town:
    return town.load(request.param)


@pytest.fixture(scope="module")
def roads(place: Town) -> carla.Map:
    return read(place)


@pytest.fixture(scope="module")
def first() -> Town:
    return town.load("AvSynth01")


@pytest.fixture(scope="module")
def first_roads(first: Town) -> carla.Map:
    return read(first)


@pytest.fixture(scope="module")
def downtown() -> Town:
    return town.load("AvSynth02")


@pytest.fixture(scope="module")
def suburb() -> Town:
    return town.load("AvSynth03")


@pytest.fixture(scope="module")
def suburb_roads(suburb: Town) -> carla.Map:
    return read(suburb)


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


def test_avenue_lanes_can_be_changed_and_the_centre_line_cannot_be_crossed(first_roads: carla.Map) -> None:
    inner, outer = (first_roads.get_waypoint(location(300.0, 180.0 - t)) for t in (1.75, 5.25))

    assert inner.lane_change == carla.LaneChange.Right
    assert outer.lane_change == carla.LaneChange.Left
    assert inner.get_right_lane().lane_id == outer.lane_id
    assert first_roads.get_waypoint(location(300.0, 58.25)).lane_change == carla.LaneChange.NONE


def test_long_straights_for_the_cut_in_and_the_run_out(first_roads: carla.Map) -> None:
    for x_from, x_to, y in ((171.0, 439.0, 174.75), (171.0, 424.0, 58.25)):
        way = first_roads.get_waypoint(location(x_from, y))
        while pose(way)[0] < x_to:
            assert abs(pose(way)[1] - y) < 1e-3
            assert not way.is_junction
            (way,) = way.next(2.0)
    parked = first_roads.get_waypoint(location(300.0, 60.0 - 4.65), lane_type=carla.LaneType.Parking)
    assert parked.lane_width == pytest.approx(2.3)
    assert abs(pose(parked)[1] - 55.35) < 1e-3
    nearest = [first_roads.get_waypoint(location(300.0, y), lane_type=carla.LaneType.Any) for y in (57.0, 55.0, 53.0)]
    assert [w.lane_type.name for w in nearest] == ["Driving", "Parking", "Sidewalk"]


def test_crosswalks_cross_all_four_arms_of_the_lit_crossing(first: Town, first_roads: carla.Map) -> None:
    corners = np.array([(c.x, -c.y) for c in first_roads.get_crosswalks()]).reshape(-1, 5, 2)

    assert len(corners) == 4
    for ring in corners:
        assert np.allclose(ring[0], ring[-1])
        zebra = shapely.Polygon(ring)
        assert first.carriageway.buffer(0.002).contains(zebra)
        assert not first.carriageway.contains(zebra.buffer(0.3))  # it ends at the kerbs
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
    groups = {light.group for light in place.traffic_lights}
    assert len(groups) == {"AvSynth01": 1, "AvSynth02": 7, "AvSynth03": 6}[place.name]
    for group in groups:
        phases = sorted(light.phase for light in place.traffic_lights if light.group == group)
        assert phases in ([0, 1, 2], [0, 1, 2, 3])


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


def test_speed_limits_are_those_of_the_road_descriptions(first: Town) -> None:
    assert first.speed_limit_kmh(300.0, 58.0) == 50.0
    assert first.speed_limit_kmh(58.0, 230.0) == 30.0
    assert first.speed_limit_kmh(300.0, 120.0) is None


def test_downtown_has_a_crosswalk_on_every_arm_from_kerb_to_kerb(downtown: Town) -> None:
    corners = np.array([(c.x, -c.y) for c in read(downtown).get_crosswalks()]).reshape(-1, 5, 2)

    assert len(corners) == 6 * 4 + 10 * 3 + 1  # and one in mid-block
    for ring in corners:
        zebra = shapely.Polygon(ring)
        assert downtown.carriageway.buffer(0.002).contains(zebra)
        assert not downtown.carriageway.contains(zebra.buffer(0.3))


def test_downtown_stops_at_signs_on_minor_arms_and_nothing_tells_who_waits_at_one_crossing(downtown: Town) -> None:
    def met(*approaches: tuple[float, float, float]) -> list[list[str]]:
        """Types of what stands in the way of the last 25 m before a crossing."""
        roads = read(downtown)
        found = []
        for x, y, heading in approaches:
            waypoint = roads.get_waypoint(location(x, y))
            assert turned(pose(waypoint)[2], heading) < 0.01
            found.append(sorted(mark.type for mark in waypoint.get_landmarks(25.0)))
        return found

    east, north, west, south = 0.0, math.pi / 2, math.pi, -math.pi / 2
    court = [(481.75, 110.0, north), (478.25, 170.0, south), (450.0, 138.25, east), (510.0, 141.75, west)]
    assert met(*court) == [[STOP], [STOP], [], []]
    market = [(481.75, 220.0, north), (478.25, 280.0, south), (450.0, 248.25, east), (510.0, 251.75, west)]
    assert met(*market) == [[], [], [], []]
    tees = [(391.75, 310.0, north), (78.0, 251.75, west), (481.75, 310.0, north), (388.25, 80.0, south)]
    assert met(*tees) == [[STOP], [STOP], [GIVE_WAY], [LIGHTS]]


def test_tall_buildings_stand_close_to_both_pavements_of_main_avenue(downtown: Town) -> None:
    tall = [f for f in downtown.footprints if f.tag == Tag.BUILDINGS and f.top_m > 25.0]
    for side in (1, -1):
        looks = [shapely.LineString([(x, 140.0), (x, 140.0 + side * 15.0)]) for x in np.arange(180.0, 375.0, 3.0)]
        met = [any(look.intersects(shapely.Polygon(f.polygon)) for f in tall) for look in looks]
        assert np.mean(met) > 0.8


def test_linden_street_is_straight_for_two_hundred_metres_with_parking_on_both_sides(suburb_roads: carla.Map) -> None:
    for y, wanted in ((46.0 - 4.65, 0.0), (46.0 + 4.65, math.pi)):
        along = [
            suburb_roads.get_waypoint(location(x, y), lane_type=carla.LaneType.Parking) for x in range(266, 468, 2)
        ]
        assert all(abs(pose(bay)[1] - y) < 1e-3 for bay in along)
        assert all(bay.lane_width == pytest.approx(2.3) for bay in along)
        driving = suburb_roads.get_waypoint(location(300.0, y))
        assert turned(pose(driving)[2], wanted) < 1e-6


def test_the_school_street_has_a_zebra_in_mid_block_with_signs_and_no_lights(
    suburb: Town, suburb_roads: carla.Map
) -> None:
    corners = np.array([(c.x, -c.y) for c in suburb_roads.get_crosswalks()]).reshape(-1, 5, 2)
    zebras = [shapely.Polygon(ring) for ring in corners]
    (school,) = [thing for thing in suburb.environment_objects if thing.name.startswith("School")]
    before_school = [zebra for zebra in zebras if zebra.distance(shapely.Point(*school.centre_m[:2])) < 30.0]

    assert len(zebras) == 5 + 6 * 3  # and one on each arm of the roundabout and of six T's
    assert len(before_school) == 1
    middle = before_school[0].centroid
    assert all(suburb_roads.get_waypoint(location(middle.x + d, middle.y)).junction_id == -1 for d in (-109.0, 60.0))
    assert min(math.dist(middle.coords[0], light.world_from_actor[:2, 3]) for light in suburb.traffic_lights) > 100.0
    for x, y in ((middle.x - 70.0, 163.25), (middle.x + 60.0, 166.75)):
        waypoint = suburb_roads.get_waypoint(location(x, y))
        seen = [mark.type for mark in waypoint.get_landmarks(80.0)]
        assert seen.count(CHILDREN) == seen.count(CROSSWALK_SIGN) == 1
        assert suburb.speed_limit_kmh(x, y) == 30.0


def test_every_arm_of_the_roundabout_leads_to_every_arm_and_gives_way(suburb: Town, suburb_roads: carla.Map) -> None:
    middle, reach = np.array([240.0, 165.0]), 32.0
    out = {arm: np.array(way) for arm, way in {"E": (1, 0), "N": (0, 1), "W": (-1, 0), "S": (0, -1)}.items()}

    def mouth(arm: str, sign: float) -> carla.Waypoint:
        """The lane into (-1) or out of (1) the roundabout."""
        right = sign * np.array([out[arm][1], -out[arm][0]]) * 1.75
        waypoint = suburb_roads.get_waypoint(location(*(middle + out[arm] * reach + right)))
        assert turned(pose(waypoint)[2], math.atan2(*(sign * out[arm])[::-1])) < 0.01
        return waypoint

    leaves = {(mouth(arm, 1.0).road_id, mouth(arm, 1.0).lane_id): arm for arm in out}
    for arm in out:
        ways, reached = [mouth(arm, -1.0)], {}
        assert [mark.type for mark in ways[0].get_landmarks(20.0)] == [GIVE_WAY]
        for metres in range(140):
            ways = [ahead for way in ways for ahead in way.next(1.0)]
            for way in ways:
                x, y, heading = pose(way)
                from_middle = np.array([x, y]) - middle
                distance = np.hypot(*from_middle)
                assert distance > 14.0  # off the island
                if distance < 17.0:  # counter-clockwise
                    assert turned(heading, math.atan2(from_middle[1], from_middle[0]) + math.pi / 2) < 0.6
                if (way.road_id, way.lane_id) in leaves and metres > 10:
                    reached.setdefault(leaves[(way.road_id, way.lane_id)], metres)
            unique = {(way.road_id, way.lane_id, round(way.s)): way for way in ways}
            ways = [way for key, way in unique.items() if key[:2] not in leaves or metres < 10]
        # the arm itself, after a whole turn, is the furthest
        assert set(reached) == set(out)
        assert max(reached, key=reached.__getitem__) == arm


def test_four_streets_of_the_suburb_bend_gently(suburb_roads: carla.Map) -> None:
    radii = set()
    for waypoint in suburb_roads.generate_waypoints(4.0):
        if not waypoint.is_junction and not 96 <= waypoint.road_id <= 99:
            ahead = waypoint.next(2.0)[0]
            (x, y, heading), (x2, y2, heading2) = pose(waypoint), pose(ahead)
            if ahead.road_id == waypoint.road_id and turned(heading, heading2) > 0.01:
                radii.add((waypoint.road_id, round(math.hypot(x2 - x, y2 - y) / turned(heading, heading2))))
    gentle = {road for road, radius in radii if 58 <= radius <= 105}
    assert len(gentle) == 4
