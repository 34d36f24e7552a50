"""Towns out of OpenDRIVE files: what carla.Map says of a file is what the town is."""

from __future__ import annotations

import math
from pathlib import Path

import carla
import numpy as np
import pytest
import shapely
from own_map import geometry, own_map, road, section
from own_map import lanes as lanes_of

from av_synth.errors import DocumentError
from av_synth.geometry.carla import carla_from_matrix
from av_synth.geometry.transforms import Array, from_yaw
from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.scene import Tag
from av_synth.simulator.town.xodr import OpenDriveTown, build_opendrive_town
from av_synth.simulator.town.xodr.document import parse
from av_synth.simulator.town.xodr.gaps import fill_gaps
from av_synth.simulator.town.xodr.reading import read_roads
from av_synth.simulator.town.xodr.ribbons import strips
from tests.simulator.world.conftest import Stage


@pytest.fixture(scope="module", params=["RHT", "LHT"])
def place(request: pytest.FixtureRequest) -> OpenDriveTown:
    return build_opendrive_town(own_map(request.param))


@pytest.fixture(scope="module")
def client_map(place: OpenDriveTown) -> carla.Map:
    return carla.Map(place.name, place.opendrive)


def points(waypoints: list[carla.Waypoint]) -> Array:
    """(N, 3) right-handed."""
    return np.array([(w.transform.location.x, -w.transform.location.y, w.transform.location.z) for w in waypoints])


def test_the_ground_is_as_high_as_the_clients_map_says_along_every_lane(place, client_map):
    at = points(client_map.generate_waypoints(0.7))

    assert len(at) > 350
    assert np.ptp(at[:, 2]) > 0.9
    assert not np.isnan(place.surface.height_m(at[:, :2])).any()
    assert np.abs(place.ground_height_m(at[:, 0], at[:, 1]) - at[:, 2]).max() < 0.02


def test_spawn_points_lie_on_driving_lanes_and_look_along_the_traffic(place, client_map):
    assert len(place.spawn_points) > 12
    for spawn in place.spawn_points:
        (x, y, z), (_, yaw, _) = carla_from_matrix(spawn)
        waypoint = client_map.get_waypoint(carla.Location(x, y, z), project_to_road=False)

        assert waypoint is not None
        assert not waypoint.is_junction
        assert waypoint.lane_width == pytest.approx(3.5)
        assert abs(math.remainder(math.radians(yaw - waypoint.transform.rotation.yaw), 2 * math.pi)) < 0.02
        assert z == pytest.approx(waypoint.transform.location.z + 0.3, abs=0.02)


def test_the_land_is_below_every_road_and_beside_it_not_far(place):
    triangles = place.mesh.positions_m[place.mesh.triangles[place.mesh.tags[place.mesh.triangles[:, 0]] == Tag.ROADS]]
    middle = triangles.mean(axis=1).astype(np.float64)
    drop = middle[:, 2] - place.land.height_m(middle[:, :2])

    assert drop.min() > 0.0
    assert drop.max() < 0.6
    assert place.ground_height_m(-150.0, 80.0) == pytest.approx(2.0, abs=0.5)


def test_a_pavement_is_a_kerb_above_its_road_and_grass_is_no_road(place):
    x = np.array([5.0, 10.0, 15.0])

    assert place.ground_height_m(x, np.full(3, -1.75)) == pytest.approx([2.0] * 3, abs=1e-6)
    assert place.ground_height_m(x, np.full(3, -4.5)) == pytest.approx([2.12] * 3, abs=1e-6)
    assert place.ground_height_m(x, np.full(3, 5.5)) == pytest.approx([1.99] * 3, abs=1e-6)


def test_the_mesh_has_every_class_and_faces_up_where_one_walks(place):
    mesh = place.mesh
    seen = {Tag(int(tag)) for tag in np.unique(mesh.tags)}

    assert {Tag.ROADS, Tag.SIDEWALKS, Tag.ROAD_LINES, Tag.TERRAIN, Tag.TRAFFIC_SIGNS, Tag.POLES} <= seen
    assert np.isfinite(mesh.positions_m).all()
    corners = mesh.positions_m[mesh.triangles].astype(np.float64)
    up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    flat = np.isin(mesh.tags[mesh.triangles[:, 0]], [Tag.ROADS, Tag.ROAD_LINES, Tag.TERRAIN])
    assert (up[flat] > 0).all()


def test_a_light_governs_the_lane_of_its_traffic_and_belongs_to_the_junction_ahead(place, client_map):
    (light,) = place.traffic_lights
    inside = light.stop_areas[0].mean(axis=0)
    waypoint = client_map.get_waypoint(carla.Location(inside[0], -inside[1], 3.0))

    assert (light.signal_id, light.group, light.phase, len(light.stop_areas)) == ("7", 9, 0, 1)
    assert waypoint.road_id == 1
    assert (
        abs(math.remainder(light.stop_headings_rad[0] + math.radians(waypoint.transform.rotation.yaw), 2 * math.pi))
        < 0.1
    )
    assert light.world_from_actor[2, 3] == pytest.approx(3.0, abs=0.2)


def test_lights_take_turns_by_controller_in_the_files_order():
    lights = "".join(
        f'<signal id="{i}" type="1000001" s="{s}" t="{t}" orientation="{o}" dynamic="yes" zOffset="0"/>'
        for i, s, t, o in ((1, 90, -5, "+"), (2, 90, 5, "+"), (3, 10, 5, "-"))
    )
    controllers = "".join(
        f'<controller id="{i}" name="" sequence="{q}"><control signalId="{s}" type="0"/></controller>'
        for i, q, s in ((21, 2, 1), (22, 1, 2), (23, 1, 3))
    )
    text = straight(signals=lights, junction='<junction id="4" name=""/>' + controllers, ends="4")

    phases = {light.signal_id: (light.group, light.phase) for light in build_opendrive_town(text).traffic_lights}

    assert phases == {"2": (4, 0), "3": (4, 1), "1": (4, 2)}


def test_what_lanes_of_a_junction_leave_open_between_them_is_paved_but_for_the_island_in_it():
    around = ((-3.5, 0.0, 0), (5.0, -3.5, 1), (8.5, 5.0, 2), (0.0, 8.5, 3))  # a square of 5 m, on the left of each lane
    places = [(x, y, quarters * math.pi / 2, 12.0, "driving", 3.5) for x, y, quarters in around]
    places.append((2.0, 3.0, 0.0, 1.0, "sidewalk", 1.0))
    level = '<elevation s="0" a="2" b="0" c="0" d="0"/>'
    roads = "".join(
        road(
            k,
            long,
            9,
            "",
            geometry(0, x, y, to, long, "<line/>"),
            level,
            section(lanes_of("right", (-1, kind, wide, ""))),
        )
        for k, (x, y, to, long, kind, wide) in enumerate(places)
    )
    read = read_roads(parse(f'<OpenDRIVE>{roads}<junction id="9" name=""/></OpenDRIVE>'))

    (mesh,), triangles = fill_gaps([strip for each in read for side in strips(each) for strip in side])

    paved = shapely.polygons(triangles[:, :, :2])
    expected = shapely.box(0, 0, 5, 5).difference(shapely.box(2, 2, 3, 3))
    assert shapely.union_all(paved).symmetric_difference(expected).area < 1e-3
    assert shapely.area(paved).sum() == pytest.approx(24.0, abs=1e-3)
    assert triangles[:, :, 2] == pytest.approx(2.0)
    assert set(mesh.tags) == {Tag.ROADS}


def test_a_path_of_a_junction_that_has_no_width_paves_nothing():
    path = '<lane id="-1" type="driving" level="false"><width sOffset="0" a="3.5"'
    before, after = own_map().split('junction="9"', 1)
    narrow = before + 'junction="9"' + after.replace(path, path.replace("3.5", "0"), 1)

    town = build_opendrive_town(narrow)

    assert town.carriageway.geom_type in ("Polygon", "MultiPolygon")
    assert 0.0 < town.carriageway.area < build_opendrive_town(own_map()).carriageway.area


def test_the_same_text_is_the_same_town_and_another_is_not(tmp_path):
    path = tmp_path / "mine.xodr"
    path.write_text(straight(), encoding="utf-8")

    assert towns.find(str(path)).digest == build_opendrive_town(straight()).digest
    assert towns.find(str(path)).digest != build_opendrive_town(straight(length=61)).digest


def test_a_spiral_of_one_curvature_reaches_the_client_as_the_arc_that_it_is():
    shape = '<spiral curvStart="0.01" curvEnd="0.01"/>'
    place = build_opendrive_town(straight(shape=shape))
    at = points(carla.Map("mine", place.opendrive).generate_waypoints(5.0))

    from_centre = np.hypot(at[:, 0], at[:, 1] - 100.0)  # of a circle to the left of where the road begins
    assert np.abs(from_centre - 100.0) == pytest.approx(1.75, abs=0.01)
    assert not np.isnan(place.surface.height_m(at[:, :2])).any()


def test_a_car_rolls_down_a_slope_on_its_wheels_as_gravity_has_it_and_kerbs_are_no_slopes():
    slope = 0.08
    both = lanes_of("left", (1, "driving", 3.5, "")) + lanes_of(
        "right", (-1, "driving", 3.5, ""), (-2, "sidewalk", 2, "")
    )
    climbing = straight(sections=section(both)).replace('a="0" b="0"', f'a="0" b="{slope}"', 1)
    stage = Stage(build_opendrive_town(climbing), catalogue())
    relief = stage.town.relief
    y = np.array([-1.75, -4.5])
    assert stage.town.ground_height_m(np.full(2, 50.0), y) == pytest.approx([4.0, 4.12], abs=1e-6)
    assert relief.height_m(np.full(2, 50.0), y) == pytest.approx([4.0, 4.0], abs=1e-6)
    assert np.concatenate(relief.slope(np.full(2, 50.0), y)) == pytest.approx([slope, slope, 0.0, 0.0], abs=1e-6)

    car = stage.spawn("vehicle.audi.a2", {}, relief.lift_pose(from_yaw(80.0, -1.75, 0.0, math.pi)))
    stage.set_target_velocity(car.id, (-10.0, 0.0, 0.0))
    stage.step(0.05)
    for _ in range(80):
        stage.step(0.05)
        pose = car.world_from_actor
        assert pose[2, 3] == pytest.approx(pose[0, 3] * slope, abs=0.01)
        assert math.asin(pose[2, 0]) == pytest.approx(-math.atan(slope), abs=0.005)
    # rolling, the engine and the air slow it by less than the slope gives
    assert -13.0 < car.velocity_mps[0] < -10.0


def test_a_level_map_has_no_relief():
    assert build_opendrive_town(straight()).relief.is_flat


def straight(
    shape: str = "<line/>",
    length: float = 100,
    sections: str | None = None,
    signals: str = "",
    junction: str = "",
    ends: str = "",
) -> str:
    both = lanes_of("left", (1, "driving", 3.5, "")) + lanes_of("right", (-1, "driving", 3.5, ""))
    lanes = section(both) if sections is None else sections
    links = "".join(
        f'<{end} elementType="junction" elementId="{ends}"/>' for end in ("predecessor", "successor") if ends
    )
    level = '<elevation s="0" a="0" b="0" c="0" d="0"/>'
    body = road(1, length, -1, links, geometry(0, 0, 0, 0, length, shape), level, lanes, signals=signals)
    return f"<OpenDRIVE>{body}{junction}</OpenDRIVE>"


WRONG = {
    "": "not XML",
    "<html/>": "got root element <html>; want <OpenDRIVE>",
    '<!DOCTYPE a [<!ENTITY b "c">]><OpenDRIVE/>': "got a document type declaration; want none",
    "<OpenDRIVE/>": "no road has a lane of type driving",
    straight().replace(
        'length="100" junction', 'length="-1" junction'
    ): "road 1: length -1 m, 1 geometries; want a length above 0",
    straight(length=1e7): "a geometry of 1e+07 m begins at",
    straight(shape="<curve/>"): "road 1: a geometry is none of line, arc",
    straight(shape='<arc curvature="nan"/>'): "road 1: <arc> curvature = 'nan'; want a finite number",
    straight(sections=" "): "road 1: got no <laneSection>",
    straight().replace("<center>", "<c>").replace("</center>", "</c>"): "got no <center> lane",
    straight().replace('a="3.5"', 'a="0"'): "no lane for driving has a width",
    straight().replace('a="3.5"', 'a="5e3"'): "a lane reaches 5000 m from the reference line",
    straight().replace('<elevation s="0" a="0"', '<elevation s="0" a="1e9"'): "leads 1e+06 km away or up",
    straight().replace('id="-1"', 'id="1"'): "lane ids [1, 1]; want each once",
    straight().replace('<road id="1"', '<road id="A1"'): "<road> id = 'A1'; want a whole number",
    straight().replace(
        'junction="-1"', 'junction="5"'
    ): "road 1: is in junction 5; want a junction that is in the file",
    straight().replace('<laneSection s="0"', '<laneSection s="-9"'): "lane sections begin at [-9.0] m",
    own_map().replace('t="-7"', 't="1e9"'): "road 1: <signal> t = 1e+09 m; want 300 m at most",
    own_map().replace('v="-3.5"', 'v="-3e9"'): "crosswalk 1: <cornerLocal> v = -3e+09 m; want 300 m at most",
    own_map().replace('to="-1"', 'to="-4"'): "junction 9: a connection leads to lane -4 of road 2",
    own_map().replace('connectingRoad="2"', 'connectingRoad="8"'): "junction 9: a connection leads to road 8",
    own_map().replace('<road id="3"', '<road id="1"'): "road 1: two roads have this id",
}


@pytest.mark.parametrize("text", WRONG, ids=[f"{k}" for k in range(len(WRONG))])
def test_a_text_that_cannot_be_a_town_is_refused_with_place_and_reason(text):
    with pytest.raises(DocumentError) as caught:
        build_opendrive_town(text)

    assert WRONG[text] in str(caught.value)


def test_a_text_of_more_than_20_megabytes_is_refused_before_it_is_read():
    with pytest.raises(DocumentError, match="larger than 20 MB"):
        build_opendrive_town(straight() + " " * 20_000_000)


def test_a_file_that_is_no_map_is_said_with_its_path(tmp_path: Path):
    path = tmp_path / "empty.xodr"
    path.write_text("<OpenDRIVE/>", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"empty\.xodr: no road has a lane of type driving"):
        towns.find(str(path))
    with pytest.raises(DocumentError, match=r"gone\.xodr: cannot be read: No such file"):
        towns.find(str(tmp_path / "gone.xodr"))
