"""The mesh and the things of the towns."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh

from av_synth.errors import UserError
from av_synth.simulator import town
from av_synth.simulator.scene import Material, Tag
from av_synth.simulator.town import KERB_HEIGHT_M, Town

LEVEL_TOWNS = ("AvSynth01", pytest.param("AvSynth02", marks=pytest.mark.long), "AvSynth03")


@pytest.fixture(scope="module", params=LEVEL_TOWNS)
def place(request: pytest.FixtureRequest) -> Town:
    return town.load(request.param)


@pytest.fixture(scope="module")
def first() -> Town:
    return town.load("AvSynth01")


def test_unknown_town_names_those_there_are() -> None:
    with pytest.raises(UserError, match="AvSynth01"):
        town.load("Town10HD")


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("AvSynth01", "AvSynth03") else pytest.param(name, marks=pytest.mark.long)
        for name in town.names()
    ],
)
def test_another_process_builds_the_same_town(name: str, tmp_path: Path) -> None:
    script = "from av_synth.simulator.town import load, map_hash; import sys; "
    script += "print(load(sys.argv[1]).digest, map_hash(sys.argv[1]))"
    nothing_kept = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", script, name]
    other = subprocess.run(command, capture_output=True, text=True, check=True, env=nothing_kept)

    assert other.stdout.split() == [town.load(name).digest, town.map_hash(name)]


def test_the_hash_in_a_maps_name_is_that_of_its_text_and_builds_no_town(
    first: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    town._map_hashes.cache_clear()
    assert town.map_hash("AvSynth01") == hashlib.sha256(first.opendrive.encode()).hexdigest()

    def build(_plan: object) -> Town:
        raise AssertionError("a town was built for its name")

    monkeypatch.setattr(town, "build_town", build)
    town._map_hashes.cache_clear()
    assert len({town.map_hash(name) for name in town.names()}) == len(town.names())


def test_triangles_are_sound_and_wind_the_way_their_normals_look(place: Town) -> None:
    mesh = place.mesh
    corners = mesh.positions_m.astype(np.float64)[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(faces, axis=1) / 2

    assert len(mesh.triangles) < 225_000
    assert np.isfinite(corners).all()
    assert area.min() > 1e-7
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-5)
    agreement = np.einsum("tj,tkj->tk", faces / (2 * area[:, None]), mesh.normals[mesh.triangles].astype(np.float64))
    leaves = mesh.materials[mesh.triangles[:, 0]] == Material.FOLIAGE  # their normals are smoothed over lumps
    assert agreement[~leaves].min() > 0.98
    assert agreement[leaves].min() > 0.0
    for values in (mesh.materials, mesh.tags):
        assert (np.ptp(values[mesh.triangles].astype(int), axis=1) == 0).all()


def test_road_triangles_are_short_enough_for_values_at_corners(place: Town) -> None:
    mesh = place.mesh
    road = mesh.triangles[mesh.tags[mesh.triangles[:, 0]] == Tag.ROADS]
    corners = mesh.positions_m[road]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)

    assert edges.max() <= 10.0


def test_every_class_of_a_street_is_there(place: Town) -> None:
    tags = {Tag(int(tag)) for tag in np.unique(place.mesh.tags)}

    assert tags >= {
        Tag.ROADS,
        Tag.SIDEWALKS,
        Tag.BUILDINGS,
        Tag.WALLS,
        Tag.FENCES,
        Tag.POLES,
        Tag.TRAFFIC_SIGNS,
        Tag.VEGETATION,
        Tag.TERRAIN,
        Tag.STATIC,
        Tag.ROAD_LINES,
    }
    assert Tag.TRAFFIC_LIGHT not in tags  # lights are bodies


def test_faces_of_signs_are_retroreflecting_and_their_backs_and_posts_are_not(first: Town) -> None:
    mesh = first.mesh
    triangles = mesh.triangles[:, 0]
    signs, retro = mesh.tags[triangles] == Tag.TRAFFIC_SIGNS, mesh.materials[triangles] == Material.RETRO

    assert retro.sum() > 100
    assert signs[retro].all()
    assert {Material.METAL, Material.MATTE} <= set(mesh.materials[triangles[signs]])


def test_ground_height_is_the_height_of_the_mesh_from_above(place: Town) -> None:
    mesh = place.mesh
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, mesh.positions_m[mesh.triangles])
    rng = np.random.default_rng(3)
    x0, y0, x1, y1 = place.bounds_m
    xy = rng.uniform([x0, y0], [x1, y1], (40_000, 2))
    # down from below the tree crowns; what is met below must be the ground, or something with a footprint
    origins = np.column_stack([xy, np.full(len(xy), 1.0)]).astype(np.float32)
    hits = scene.run(origins, np.tile(np.float32([0, 0, -1]), (len(xy), 1)), query="INTERSECT", output=True)
    standing = shapely.union_all([shapely.Polygon(f.polygon) for f in place.footprints]).buffer(0.6)
    shapely.prepare(standing)
    kerb = np.abs(shapely.distance(shapely.points(xy), place.carriageway.boundary)) < 0.01
    open_ground = ~shapely.contains_xy(standing, xy[:, 0], xy[:, 1]) & ~kerb

    assert open_ground.sum() > 25_000
    # neighbours are snapped to the millimetre: a ray in 10,000 may find the gap
    holes = hits["primID"][open_ground] < 0
    assert holes.mean() < 1e-4, f"there are holes in the ground, at {xy[open_ground][holes]}"
    height = 1.0 - hits["tfar"][open_ground][~holes]
    expected = place.ground_height_m(*xy[open_ground][~holes].T)
    assert np.abs(height - expected).max() < 0.01


def test_ground_height_takes_numbers_and_arrays(first: Town) -> None:
    assert first.ground_height_m(300.0, 58.0) == 0.0
    assert first.ground_height_m(300.0, 52.0) == KERB_HEIGHT_M
    assert first.ground_height_m(-50.0, 58.0) == 0.0
    grid = first.ground_height_m(np.full((2, 3), 300.0), np.array([[58.0, 52.0, 70.0]] * 2))
    assert grid.tolist() == [[0.0, KERB_HEIGHT_M, KERB_HEIGHT_M]] * 2


def test_nothing_stands_on_the_carriageway_and_poles_leave_room_for_lorries(place: Town) -> None:
    for footprint in place.footprints:
        assert not place.carriageway.intersects(shapely.Polygon(footprint.polygon).buffer(0.3))
    mesh = place.mesh
    low = (mesh.positions_m[:, 2] > 0.3) & (mesh.positions_m[:, 2] < 4.2)
    x, y = mesh.positions_m[low, 0].astype(float), mesh.positions_m[low, 1].astype(float)
    assert not shapely.contains_xy(place.carriageway.buffer(-0.45), x, y).any()


def test_footprints_are_convex_and_counter_clockwise(place: Town) -> None:
    for footprint in place.footprints:
        edges = np.roll(footprint.polygon, -1, axis=0) - footprint.polygon
        following = np.roll(edges, -1, axis=0)
        assert (edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0] > 0).all()
        assert footprint.bottom_m < footprint.top_m


def test_a_child_can_run_out_between_the_parked_cars(first: Town) -> None:
    """On the parking street, most of the pavement's kerb side is open to the road."""
    standing = shapely.union_all([shapely.Polygon(f.polygon) for f in first.footprints])
    ways = [shapely.LineString([(x, 60.0 - 8.0), (x, 60.0)]).buffer(0.35) for x in np.arange(195.0, 405.0, 1.0)]

    assert np.mean([standing.intersects(way) for way in ways]) < 0.35


def test_objects_have_unique_ids_and_boxes_around_their_footprints(place: Town) -> None:
    ids = [thing.id for thing in place.environment_objects]

    assert len(set(ids)) == len(ids) > 500
    assert all(0 < i < 2**64 for i in ids)
    kinds = {thing.name.rsplit("_", 1)[0] for thing in place.environment_objects}
    only = {
        "AvSynth01": {"House"},
        "AvSynth02": {"Tower", "StopSign"},
        "AvSynth03": {"House", "School", "ChildrenSign", "CrosswalkSign", "Railing"},
    }[place.name]
    assert kinds >= {"Shops", "Apartments", "Tree", "StreetLamp", "Bench", "Hydrant", "GiveWaySign"} | only
    heights = [2 * thing.half_m[2] for thing in place.environment_objects if thing.tag == Tag.BUILDINGS]
    assert len({round(h / 3) for h in heights}) >= 5, "buildings of several heights"
