from __future__ import annotations

import numpy as np
import pytest
import shapely
from mesh_reading import CROSSWALK, ROAD, SIDEWALK, Mesh, read

from av_synth.simulator import town as towns
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.navigation import navigation_mesh
from av_synth.simulator.world.level_cars import level_cars
from tests.simulator.own_map import own_map
from tests.straight_road import straight_road

OTHERS = ("AvSynth02", "AvSynth03", "AvSynth05", "AvSynth06")


@pytest.fixture(scope="module", params=["AvSynth01", *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def town(request):
    return towns.load(request.param)


@pytest.fixture(scope="module")
def mesh(town) -> Mesh:
    return read(navigation_mesh(town, ()))


def test_the_file_is_as_long_as_it_says(mesh):
    assert mesh.rest == b""


def test_polygons_are_convex_and_counter_clockwise_with_six_corners_at_most(mesh):
    for corners in mesh.corners:
        assert 3 <= len(corners) <= 6
        edge = np.roll(corners, -1, axis=0)[:, :2] - corners[:, :2]
        after = np.roll(edge, -1, axis=0)
        turn = edge[:, 0] * after[:, 1] - edge[:, 1] * after[:, 0]
        assert (turn > -1e-3).all()  # straight on, but for a bit of float32
        assert turn.max() > 1e-5


def test_neighbours_share_an_edge_and_know_each_other(mesh):
    met = 0
    for k, (corners, beyond) in enumerate(zip(mesh.corners, mesh.neighbours, strict=True)):
        for e, n in enumerate(beyond):
            if n:
                back = mesh.neighbours[n - 1].index(k + 1)
                other = mesh.corners[n - 1]
                assert (corners[e, :2] == other[(back + 1) % len(other), :2]).all()
                assert (corners[(e + 1) % len(corners), :2] == other[back, :2]).all()
                met += 1
    assert met > 2 * len(mesh.corners)


def test_flags_tell_the_area_and_triangles_which_edges_are_the_polygons_own(mesh):
    assert (mesh.flags == 1 << mesh.areas).all()
    assert set(mesh.areas) <= {SIDEWALK, CROSSWALK, ROAD}
    for corners, triangles in zip(mesh.corners, mesh.triangles, strict=True):
        marked = {(int(t[j]), int(t[(j + 1) % 3])) for t in triangles for j in range(3) if (int(t[3]) >> (2 * j)) & 1}
        assert marked == {(k, (k + 1) % len(corners)) for k in range(len(corners))}


def test_the_tree_leads_to_every_polygon_whose_bounds_hold_a_point(mesh):
    for k in range(0, len(mesh.corners), 5):
        x, y, z = mesh.corners[k].mean(axis=0)
        cell = ((np.array([x, z, -y]) - mesh.low) * mesh.per_cell).astype(int)
        found, at = [], 0
        while at < len(mesh.nodes):
            node = mesh.nodes[at]
            inside = (node["low"] <= cell).all() and (cell <= node["high"]).all()
            if node["index"] >= 0:
                found += [int(node["index"])] if inside else []
                at += 1
            else:
                at += 1 if inside else -int(node["index"])
        assert k in found


def test_branches_of_the_tree_are_as_long_as_they_say(mesh):
    index = mesh.nodes["index"]
    size = np.where(index < 0, -index, 1)
    branches = np.flatnonzero(index < 0)
    first = branches + 1
    assert size[0] == len(index)
    assert (size[branches] == 1 + size[first] + size[first + size[first]]).all()


def test_the_mesh_lies_on_the_ground_hills_and_kerbs_included(town, mesh):
    for area, least in ((SIDEWALK, 0.99), (CROSSWALK, 0.99), (ROAD, 0.99)):
        at = np.array([mesh.corners[k].mean(axis=0) for k in mesh.of(area)]).reshape(-1, 3)
        off = np.abs(at[:, 2] - town.ground_height_m(at[:, 0], at[:, 1]))
        assert (off < 0.05).sum() >= least * len(off)
        assert off.max(initial=0.0) < 0.15


def test_nothing_that_stands_in_a_town_is_in_the_mesh(town, mesh):
    polygons = shapely.STRtree([shapely.Polygon(corners[:, :2]) for corners in mesh.corners])
    low = [foot for foot in town.footprints if foot.bottom_m < 1.0 + town.ground_height_m(*foot.polygon.mean(axis=0))]
    middle = shapely.points([foot.polygon.mean(axis=0) for foot in low])
    assert len(middle) > 100
    assert len(polygons.query(middle, predicate="intersects")[0]) == 0


def test_every_crosswalk_joins_two_pavements(town, mesh):
    crossings = shapely.union_all([shapely.Polygon(mesh.corners[k][:, :2]) for k in mesh.of(CROSSWALK)], grid_size=0.01)
    pavements = shapely.union_all([shapely.Polygon(mesh.corners[k][:, :2]) for k in mesh.of(SIDEWALK)], grid_size=0.01)
    zebras = [part for part in shapely.get_parts(crossings) if part.geom_type == "Polygon"]
    assert len(zebras) == town.opendrive.count('type="crosswalk"')
    for zebra in zebras:
        shared = shapely.line_merge(shapely.intersection(zebra.boundary, pavements.boundary, grid_size=0.01))
        sides = [side for side in shapely.get_parts(shared) if side.length > 1.0]
        assert len(sides) == 2


def test_parked_cars_are_in_the_way():
    town = towns.load("AvSynth01")
    cars = [car.footprint for car in level_cars(town, catalogue())]
    mesh = read(navigation_mesh(town, cars))
    ground = shapely.STRtree([shapely.Polygon(corners[:, :2]) for corners in mesh.corners])
    middle = shapely.points([car.polygon.mean(axis=0) for car in cars])
    assert len(middle) > 2
    assert len(ground.query(middle, predicate="intersects")[0]) == 0


@pytest.mark.long
def test_a_motorway_has_no_place_to_walk():
    assert navigation_mesh(towns.load("AvSynth04"), ()) == b""


def test_a_map_that_is_smaller_than_a_place_to_be_has_no_mesh():
    narrow = straight_road(length_m=2).replace("3.5", "0.9").replace("driving", "sidewalk", 1)

    assert navigation_mesh(towns.from_opendrive(narrow), ()) == b""


def test_a_road_that_bends_into_itself_has_a_mesh_all_the_same():
    mesh = read(navigation_mesh(towns.from_opendrive(own_map().replace('curvStart="0"', 'curvStart="-1"')), ()))

    assert mesh.of(SIDEWALK)


def test_an_opendrive_file_with_pavements_has_a_mesh_too():
    town = towns.from_opendrive(own_map())
    mesh = read(navigation_mesh(town, ()))
    assert mesh.of(SIDEWALK)
    assert mesh.of(ROAD)
    at = np.array([mesh.corners[k].mean(axis=0) for k in mesh.of(SIDEWALK)])
    assert np.abs(at[:, 2] - town.ground_height_m(at[:, 0], at[:, 1])).max() < 0.3
