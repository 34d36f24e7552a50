"""The motorway, the country roads and the town with hills: the client's map reader, the mesh and the town agree."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import carla
import numpy as np
import pytest
import shapely
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from av_synth.geometry.carla import carla_from_matrix
from av_synth.simulator import town
from av_synth.simulator.scene import Material, Tag
from av_synth.simulator.town import Town
from tests.simulator.town.reading import location, pose, turned

NAMES = ("AvSynth04", "AvSynth05", "AvSynth06")
SIGNS = {"205": "yield", "206": "stop", "274": "speed limit"}
CREST = (981.75, 555.0)


@pytest.fixture(scope="module")
def towns() -> dict[str, Town]:
    return {name: town.load(name) for name in NAMES}


@pytest.fixture(scope="module")
def maps(towns: dict[str, Town]) -> dict[str, carla.Map]:
    return {name: carla.Map(name, place.opendrive) for name, place in towns.items()}


@pytest.fixture(params=NAMES)
def place(request: pytest.FixtureRequest, towns: dict[str, Town]) -> Town:
    return towns[request.param]


@pytest.fixture
def roads(place: Town, maps: dict[str, carla.Map]) -> carla.Map:
    return maps[place.name]


def rays_down(place: Town, xy: np.ndarray, from_m: np.ndarray) -> np.ndarray:
    """Heights (N,) of what rays straight down from points (N, 2) at heights (N,) meet; -inf where it is nothing.

    They go through plants: nobody is stopped by tufts of grass.
    """
    scene = rtcore_scene.EmbreeScene()
    first = place.mesh.triangles[:, 0]
    TriangleMesh(scene, place.mesh.positions_m[place.mesh.triangles[place.mesh.tags[first] != Tag.VEGETATION]])
    origins = np.column_stack([xy, from_m]).astype(np.float32)
    hits = scene.run(origins, np.tile(np.float32([0, 0, -1]), (len(xy), 1)), query="INTERSECT", output=True)
    return np.where(hits["primID"] >= 0, origins[:, 2] - hits["tfar"], -np.inf)


def test_lanes_go_on_for_ever_without_gap_or_kink(roads: carla.Map) -> None:
    step, sharpest_radius = 0.25, 5.2
    waypoints = roads.generate_waypoints(3.0)
    for waypoint in waypoints:
        following = waypoint.next(step)
        assert following, f"road {waypoint.road_id} lane {waypoint.lane_id} ends at {waypoint.s}"
        x, y, heading = pose(waypoint)
        for ahead in following:
            x2, y2, heading2 = pose(ahead)
            # steps are measured on the reference line, which on a slope is shorter than the lane, in a bend longer
            assert abs(math.hypot(x2 - x, y2 - y) - step) < 0.05
            assert turned(heading, heading2) < step / sharpest_radius + math.radians(0.1)
            assert abs(-(x2 - x) * math.sin(heading) + (y2 - y) * math.cos(heading)) < 0.02
    topology = roads.get_topology()
    begins = {(a.road_id, a.section_id, a.lane_id) for a, _ in topology}
    assert {(b.road_id, b.section_id, b.lane_id) for _, b in topology} <= begins


def test_any_choice_of_turns_leads_three_kilometres_on(place: Town, roads: carla.Map) -> None:
    rng = np.random.default_rng(7)
    for spawn in place.spawn_points[::40]:
        waypoint = roads.get_waypoint(location(*spawn[:3, 3]))
        for _ in range(600):
            choices = waypoint.next(5.0)
            waypoint = choices[rng.integers(len(choices))]


def test_lanes_of_the_map_are_the_carriageway_of_the_mesh_to_two_centimetres(place: Town, roads: carla.Map) -> None:
    inner, outer = place.carriageway.buffer(0.02), place.carriageway.buffer(-0.02)
    for area in (inner, outer):
        shapely.prepare(area)
    checked = 0
    for waypoint in roads.generate_waypoints(4.0):
        x, y, heading = pose(waypoint)
        if waypoint.lane_id < -1:  # widths are measured across the road, also where a lane slants
            heading = pose(roads.get_waypoint_xodr(waypoint.road_id, -1, waypoint.s))[2]
        half = waypoint.lane_width / 2
        sideways = np.array([-half, half])
        edges = x - np.sin(heading) * sideways, y + np.cos(heading) * sideways
        assert shapely.contains_xy(inner, *edges).all(), f"road {waypoint.road_id} lane {waypoint.lane_id}"
        right = waypoint.get_right_lane()
        if not waypoint.is_junction and (right is None or right.lane_type.name in ("Border", "NONE", "Sidewalk")):
            # what lies beyond the outermost lane is no carriageway
            assert not shapely.contains_xy(outer, edges[0][:1], edges[1][:1]).any()
            checked += 1
    assert checked > 100 or place.name == "AvSynth04"  # where a hard shoulder is beyond


def test_heights_of_the_map_the_mesh_and_the_town_agree_to_a_centimetre(place: Town, roads: carla.Map) -> None:
    ways = roads.generate_waypoints(3.0)
    xyz = np.array([(*pose(w)[:2], w.transform.location.z) for w in ways])
    ground = place.ground_height_m(xyz[:, 0], xyz[:, 1])
    assert np.abs(xyz[:, 2] - ground).max() < 1e-3
    assert np.abs(rays_down(place, xyz[:, :2], ground + 2.0) - ground).max() < 0.01
    for waypoint in ways[:: max(1, len(ways) // 400)]:
        x, y, heading = pose(waypoint)
        ahead = place.ground_height_m(x + 0.5 * math.cos(heading), y + 0.5 * math.sin(heading))
        behind = place.ground_height_m(x - 0.5 * math.cos(heading), y - 0.5 * math.sin(heading))
        pitch = math.degrees(math.atan(ahead - behind))
        assert math.remainder(waypoint.transform.rotation.pitch - pitch, 360.0) == pytest.approx(0.0, abs=0.1)


def test_ground_height_is_the_height_of_the_mesh_from_above(place: Town) -> None:
    rng = np.random.default_rng(3)
    x0, y0, x1, y1 = place.bounds_m
    xy = rng.uniform([x0, y0], [x1, y1], (12_000, 2))
    expected = place.ground_height_m(xy[:, 0], xy[:, 1])
    height = rays_down(place, xy, expected + 1.0)
    standing = shapely.union_all([shapely.Polygon(f.polygon) for f in place.footprints]).buffer(0.6)
    shapely.prepare(standing)
    kerb = np.abs(shapely.distance(shapely.points(xy), place.carriageway.boundary)) < 0.01
    open_ground = ~shapely.contains_xy(standing, xy[:, 0], xy[:, 1]) & ~kerb

    assert open_ground.sum() > 10_000
    assert np.abs(height - expected)[open_ground].max() < 0.012


def test_barriers_are_closed_at_their_ends_alone_and_by_no_more_than_their_profile(towns: dict[str, Town]) -> None:
    place, profile_m2 = towns["AvSynth04"], 0.2488
    closed = []
    at = len(place.mesh.triangles) - sum(thing.triangles for thing in place.environment_objects)
    for thing in place.environment_objects:
        own, at = place.mesh.triangles[at : at + thing.triangles], at + thing.triangles
        if thing.name.startswith("ConcreteBarrier_"):
            corners = place.mesh.positions_m[own].astype(np.float64)
            double = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            across = np.abs(double @ [math.cos(thing.yaw_rad), math.sin(thing.yaw_rad), 0.0])
            closed.append(across[across > 0.9 * np.linalg.norm(double, axis=1)].sum() / 2)

    ends = [area for area in closed if area > 0.0]
    assert 2 <= len(ends) <= 8 < len(closed)
    assert ends == pytest.approx([2 * profile_m2] * len(ends), rel=0.01)


def test_triangles_are_sound_and_wind_the_way_their_normals_look(place: Town) -> None:
    mesh = place.mesh
    corners = mesh.positions_m.astype(np.float64)[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(faces, axis=1) / 2
    first = mesh.triangles[:, 0]
    grass = (mesh.materials[first] == Material.GRASS) & (mesh.tags[first] == Tag.VEGETATION)  # lit as the ground is
    solid = (mesh.materials[first] != Material.FOLIAGE) & ~grass

    assert len(mesh.triangles) < 350_000
    assert np.isfinite(corners).all()
    assert area.min() > 1e-7
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-5)
    agreement = np.einsum("tj,tkj->tk", faces / (2 * area[:, None]), mesh.normals[mesh.triangles].astype(np.float64))
    assert agreement[solid].min() > 0.98
    for values in (mesh.materials, mesh.tags):
        assert (np.ptp(values[mesh.triangles].astype(int), axis=1) == 0).all()


def test_spawn_points_lie_on_lanes_along_the_ground_and_clear_of_everything(place: Town, roads: carla.Map) -> None:
    standing = shapely.STRtree([shapely.Polygon(f.polygon) for f in place.footprints])
    assert len(place.spawn_points) > 150
    for spawn in place.spawn_points:
        (x, y, z), (pitch, yaw, roll) = carla_from_matrix(spawn)
        waypoint = roads.get_waypoint(carla.Location(x, y, z), project_to_road=False)
        assert waypoint is not None
        assert waypoint.lane_type == carla.LaneType.Driving
        there = waypoint.transform
        dx, dy, heading = there.location.x - x, there.location.y - y, math.radians(there.rotation.yaw)
        assert abs(dy * math.cos(heading) - dx * math.sin(heading)) < 0.02
        # on arcs and where lanes part carla's search along the lane is good to some decimetres
        assert abs(dx * math.cos(heading) + dy * math.sin(heading)) < 0.3
        assert turned(math.radians(there.rotation.yaw), math.radians(yaw)) < 0.005
        assert math.remainder(there.rotation.pitch - pitch, 360.0) == pytest.approx(0.0, abs=0.1)
        assert z - place.ground_height_m(x, -y) == pytest.approx(0.3)
        assert roll == pytest.approx(0.0, abs=1e-9)
        assert not len(standing.query(shapely.Point(x, -y).buffer(1.5), predicate="intersects"))


def test_signs_stand_where_the_map_has_them_off_the_carriageway(place: Town, roads: carla.Map) -> None:
    landmarks = [mark for kind in SIGNS for mark in roads.get_all_landmarks_of_type(kind)]
    kinds = {mark.type for mark in landmarks}
    assert kinds == ({"274"} if place.name == "AvSynth04" else set(SIGNS))
    poles = [f.polygon.mean(axis=0) for f in place.footprints if f.tag == Tag.TRAFFIC_SIGNS]
    for mark in landmarks:
        where = mark.transform.location
        assert (
            min(np.hypot(*(pole - [where.x, -where.y])) for pole in poles) < 0.8
        )  # the reader moves signs out of lanes, borders too
        assert not shapely.contains_xy(place.carriageway.buffer(0.3), where.x, -where.y)
        assert where.z == pytest.approx(place.ground_height_m(where.x, -where.y), abs=0.01)


def test_nothing_stands_on_the_carriageway_nor_hangs_low_over_it(place: Town) -> None:
    for footprint in place.footprints:
        assert not place.carriageway.intersects(shapely.Polygon(footprint.polygon).buffer(0.3))
    mesh = place.mesh
    x, y, z = mesh.positions_m.T.astype(np.float64)
    above = z - place.ground_height_m(x, y)
    low = (above > 0.3) & (above < 4.5)
    assert not shapely.contains_xy(place.carriageway.buffer(-0.4), x[low], y[low]).any()


# -- the motorway ---------------------------------------------------------------------------------------------------


@pytest.fixture
def motorway(maps: dict[str, carla.Map]) -> carla.Map:
    return maps["AvSynth04"]


def test_lanes_of_the_motorway_may_be_changed_but_not_its_edges_crossed(motorway: carla.Map) -> None:
    for road in (12, 22):
        left, middle, right = (motorway.get_waypoint_xodr(road, lane, 200.0) for lane in (-1, -2, -3))
        assert left.lane_change == carla.LaneChange.Right
        assert middle.lane_change == carla.LaneChange.Both
        assert right.lane_change == carla.LaneChange.Left
        assert right.get_right_lane().lane_type == carla.LaneType.Shoulder
        assert right.get_right_lane().lane_width == pytest.approx(2.5)
        assert left.get_left_lane().lane_type == carla.LaneType.Shoulder


@pytest.mark.parametrize("road", [10, 20])
def test_the_exit_is_reached_from_the_right_lane_and_the_entry_may_be_left_before_it_ends(
    motorway: carla.Map, road: int
) -> None:
    slow = motorway.get_waypoint_xodr(road, -3, 100.0)
    assert slow.lane_change == carla.LaneChange.Both
    way = slow.get_right_lane()
    assert way.lane_type == carla.LaneType.Driving
    apart, entry, travelled = False, 0.0, 0.0
    while not (ahead := way.next(2.0)[0]).is_junction:
        way = ahead
        travelled += 2.0
        beside = way.get_left_lane()
        if beside.lane_type == carla.LaneType.Driving and beside.road_id == road and apart:
            assert way.lane_change == carla.LaneChange.Left
            entry += 2.0
        apart |= beside.lane_type.name == "NONE"
    assert apart
    assert entry >= 150.0
    assert travelled > 450.0
    way = way.next(80.0)[0]
    assert (way.road_id, way.lane_id) == (road + 1, -3)
    decelerating = [motorway.get_waypoint_xodr(road, -3, s).get_right_lane() for s in np.arange(92.0, 238.0, 4.0)]
    assert {(w.lane_type, w.lane_id) for w in decelerating} == {(carla.LaneType.Driving, -4)}


def test_long_straights_and_a_long_bend(towns: dict[str, Town]) -> None:
    document = ElementTree.fromstring(towns["AvSynth04"].opendrive)
    pieces = {
        (
            road.get("name"),
            float(g.get("length")),
            None if (arc := g.find("arc")) is None else float(arc.get("curvature")),
        )
        for road in document.iter("road")
        for g in road.iter("geometry")
    }
    straights = {name.split()[1] for name, length, curvature in pieces if curvature is None and length >= 500.0}
    assert straights == {"South", "North"}
    radii = sorted({round(1 / abs(c) / 10) * 10 for name, length, c in pieces if c and length > 300.0})
    assert radii == [300, 310, 320, 1000]


def test_the_tunnel_covers_all_lanes_where_the_map_says_so_and_only_there(
    towns: dict[str, Town], motorway: carla.Map
) -> None:
    place = towns["AvSynth04"]
    document = ElementTree.fromstring(place.opendrive)
    bores = [(int(road.get("id")), tunnel) for road in document.iter("road") for tunnel in road.iter("tunnel")]
    assert [motorway.get_waypoint_xodr(road, -1, 1.0).road_id for road, _ in bores] == [13, 22]
    for road, bore in bores:
        begins, length = float(bore.get("s")), float(bore.get("length"))
        assert length >= 150.0
        for lane in (-1, -2, -3):
            stations = np.concatenate(
                [np.arange(begins + 1.0, begins + length, 5.0), [begins - 6.0, begins + length + 6.0]]
            )
            ways = [motorway.get_waypoint_xodr(road, lane, float(s)) for s in stations]
            xy = np.array([pose(way)[:2] for way in ways])
            top = rays_down(place, xy, np.full(len(xy), 30.0))
            assert (top[:-2] > 5.5).all()
            assert np.abs(top[-2:]).max() < 0.02


def test_the_rest_areas_have_a_limit_of_their_own(towns: dict[str, Town], motorway: carla.Map) -> None:
    place = towns["AvSynth04"]
    for road in (10, 20):
        for lane, limit in ((-6, 60.0), (-3, 130.0)):
            x, y, _ = pose(motorway.get_waypoint_xodr(road, lane, 340.0))
            assert place.speed_limit_kmh(x, y) == limit


# -- the country roads ----------------------------------------------------------------------------------------------


def test_the_crest_hides_a_car_and_leads_back_to_the_plain(towns: dict[str, Town]) -> None:
    place = towns["AvSynth05"]
    x, crest_y = CREST
    assert place.ground_height_m(x, crest_y) == pytest.approx(6.0)
    assert [place.ground_height_m(x, crest_y + d) for d in (-116.0, 116.0)] == [0.0, 0.0]
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, place.mesh.positions_m[place.mesh.triangles])
    for sign in (1.0, -1.0):
        for apart, hidden in ((30.0, False), (90.0, True)):
            eye, top = (np.array([x, crest_y + sign * d]) for d in (-apart / 2, apart / 2))
            eye, top = (np.append(p, place.ground_height_m(*p) + 1.45) for p in (eye, top))
            way = ((top - eye) / np.linalg.norm(top - eye)).astype(np.float32)
            met = scene.run(eye.astype(np.float32)[None], way[None], query="DISTANCE")[0]
            assert (met < np.linalg.norm(top - eye)) == hidden


def test_north_and_south_stop_at_the_crossroads_and_the_track_gives_way(maps: dict[str, carla.Map]) -> None:
    roads = maps["AvSynth05"]
    for road, lane, kinds in (
        (12, -1, {"206"}),
        (16, -1, {"206"}),
        (13, 1, set()),
        (14, -1, {"205"}),
        (14, 1, {"205"}),
        (17, -1, {"205"}),
    ):
        way = roads.get_waypoint_xodr(road, lane, 60.0)
        while not (ahead := way.next(5.0)[0]).is_junction:
            way = ahead
        seen = {mark.type for mark in way.get_landmarks(40.0) if mark.type in ("205", "206")}
        back = way.previous(30.0)[0]
        seen |= {mark.type for mark in back.get_landmarks(40.0) if mark.type in ("205", "206")}
        assert seen == kinds, f"road {road} lane {lane}"


def test_the_centre_line_may_be_crossed_on_straights_and_not_on_the_crest(maps: dict[str, carla.Map]) -> None:
    roads = maps["AvSynth05"]
    straight, crest = roads.get_waypoint_xodr(10, -1, 150.0), roads.get_waypoint(location(*CREST, 6.0))
    assert straight.lane_change == carla.LaneChange.Left
    assert straight.get_left_lane().lane_id == 1
    assert crest.lane_change == carla.LaneChange.NONE
