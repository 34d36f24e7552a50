"""The catalogue: every body is what CARLA's blueprint of that id promises, and its box is tight in every pose."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from av_synth.simulator.bodies import Body, catalogue
from av_synth.simulator.scene import Material, Mesh, Tag

EVERY = sorted(catalogue())
PEDESTRIANS = [name for name in EVERY if name.startswith("walker.") and catalogue()[name].tag == Tag.PEDESTRIANS]
WALKERS = [name for name in PEDESTRIANS if catalogue()[name].stride_m > 0]  # the others roll
VEHICLES = [name for name in EVERY if name.startswith("vehicle.")]

# length, width, height in metres, from CARLA 0.9.16's bounding boxes; the ego after the car of the nuScenes rig
SIZES = {
    "vehicle.audi.a2": (4.08, 1.79, 1.56),
    "vehicle.tesla.model3": (4.79, 2.16, 1.49),
    "vehicle.audi.tt": (4.18, 1.99, 1.39),
    "vehicle.nissan.patrol": (4.60, 1.93, 1.86),
    "vehicle.dodge.charger_police": (4.97, 2.04, 1.54),
    "vehicle.mercedes.sprinter": (5.92, 1.99, 2.56),
    "vehicle.carlamotors.carlacola": (5.20, 2.63, 2.47),
    "vehicle.ford.ambulance": (6.37, 2.35, 2.43),
    "vehicle.yamaha.yzf": (2.19, 0.87, 1.53),
}
# of what CARLA has not, or has no box of: usual sizes (bus: an 18 m articulated one; wheelchair: ISO 7176-5)
USUAL = {
    "vehicle.avsynth.bendy_bus": ((9.5, 11.0), (2.5, 2.95), (2.9, 3.3)),
    "static.prop.avsynth_bendy_bus_rear": ((6.5, 8.0), (2.5, 2.6), (2.9, 3.3)),
    "vehicle.avsynth.wheel_loader": ((6.5, 8.0), (2.4, 2.7), (3.1, 3.5)),
    "static.prop.avsynth_trailer": ((8.0, 13.6), (2.45, 2.6), (3.5, 4.0)),
    "static.prop.avsynth_bicycle": ((1.6, 1.85), (0.55, 0.7), (0.95, 1.15)),
    "static.prop.avsynth_motorcycle": ((2.0, 2.25), (0.7, 0.9), (1.1, 1.3)),
    "static.prop.bikeparking": ((1.6, 1.9), (2.5, 3.2), (0.9, 1.15)),
    "static.prop.dirtdebris01": ((1.2, 1.6), (0.9, 1.3), (0.3, 0.5)),
    "static.prop.trashbag": ((0.5, 0.7), (0.5, 0.7), (0.5, 0.7)),
    "static.prop.shoppingcart": ((0.85, 1.1), (0.5, 0.65), (0.95, 1.1)),
    "walker.avsynth.wheelchair": ((0.95, 1.2), (0.6, 0.75), (1.25, 1.5)),
    "walker.avsynth.scooter": ((0.95, 1.2), (0.5, 0.75), (1.7, 1.95)),
    "walker.avsynth.stroller": ((0.85, 1.1), (0.5, 0.65), (0.95, 1.1)),
    "walker.avsynth.construction_worker": ((0.5, 0.75), (0.5, 0.65), (1.7, 1.9)),
    "walker.pedestrian.0030": ((0.5, 0.75), (0.5, 0.65), (1.7, 1.9)),
    "walker.avsynth.dog": ((0.9, 1.25), (0.2, 0.35), (0.6, 0.85)),
}


def corners(mesh: Mesh) -> np.ndarray:
    return mesh.positions_m[mesh.triangles].astype(np.float64)


@pytest.mark.parametrize("name", EVERY)
def test_each_face_of_the_box_is_within_two_centimetres_of_every_pose(name: str) -> None:
    body = catalogue()[name]
    for mesh in body.meshes:
        low, high = mesh.positions_m.min(axis=0), mesh.positions_m.max(axis=0)
        assert np.abs(low - (body.box_centre_m - body.box_half_m)).max() < 0.02
        assert np.abs(high - (body.box_centre_m + body.box_half_m)).max() < 0.02


@pytest.mark.parametrize("name", EVERY)
def test_meshes_are_sound(name: str) -> None:
    body = catalogue()[name]
    for mesh in body.meshes:
        count = len(mesh.positions_m)
        assert 12 <= len(mesh.triangles) <= 5000
        assert mesh.triangles.max() < count
        assert mesh.positions_m.dtype == mesh.normals.dtype == np.float32
        assert mesh.colours.dtype == mesh.materials.dtype == mesh.tags.dtype == np.uint8
        assert mesh.triangles.dtype == np.uint32
        assert np.isfinite(mesh.positions_m).all()
        np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-3)
        for attribute in (mesh.materials, mesh.tags):
            of_corner = attribute[mesh.triangles]
            assert (of_corner == of_corner[:, :1]).all()


@pytest.mark.parametrize("name", EVERY)
def test_triangles_face_the_way_their_normals_point(name: str) -> None:
    mesh = catalogue()[name].meshes[0]
    points = corners(mesh)
    flat = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])
    agree = np.einsum("tj,tj->t", flat, mesh.normals[mesh.triangles].sum(axis=1)) > 0
    assert agree.mean() > 0.995


@pytest.mark.parametrize("name", sorted(SIZES))
def test_vehicles_have_about_the_size_of_carlas(name: str) -> None:
    np.testing.assert_allclose(2 * catalogue()[name].box_half_m, SIZES[name], atol=0.035)


@pytest.mark.parametrize("name", sorted(USUAL))
def test_what_carla_has_not_is_of_a_usual_size(name: str) -> None:
    for length, (least, most) in zip(2 * catalogue()[name].box_half_m, USUAL[name], strict=True):
        assert least <= length <= most


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_stand_on_the_ground_under_the_middle_of_their_box(name: str) -> None:
    body = catalogue()[name]
    np.testing.assert_allclose(body.box_centre_m[:2], 0.0, atol=1e-3)
    assert abs(body.box_centre_m[2] - body.box_half_m[2]) < 2e-3
    assert len(body.wheels) == int(body.attributes["number_of_wheels"])
    for wheel in body.wheels:
        assert wheel.position_m[2] == pytest.approx(wheel.radius_m)
        assert wheel.steered == (wheel.position_m[0] > 0)


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicles_show_lamps_where_drivers_expect_them(name: str) -> None:
    mesh = catalogue()[name].meshes[0]
    middle = {
        material: mesh.positions_m[mesh.materials == material].mean(axis=0)
        for material in (Material.LAMP_FRONT, Material.LAMP_BRAKE, Material.LAMP_LEFT, Material.LAMP_RIGHT)
        if (mesh.materials == material).any()
    }
    assert middle[Material.LAMP_FRONT][0] > 0 > middle[Material.LAMP_BRAKE][0]
    if catalogue()[name].tag is not Tag.BICYCLE:
        assert middle[Material.LAMP_LEFT][1] > 0.05
        assert middle[Material.LAMP_RIGHT][1] < -0.05


def test_plates_are_retroreflecting_in_front_and_behind_and_bands_of_vests_all_around() -> None:
    def middles(name: str) -> np.ndarray:
        mesh = catalogue()[name].meshes[0]
        corners = mesh.positions_m[mesh.triangles[mesh.materials[mesh.triangles[:, 0]] == Material.RETRO]]
        return corners.mean(axis=1)

    plates, bands = middles("vehicle.audi.tt"), middles("walker.avsynth.construction_worker")
    assert set(np.sign(plates[:, 0])) == {-1.0, 1.0}
    assert np.abs(plates[:, 0]).min() > 1.5
    assert (np.abs(plates[:, 1]) < 0.3).all()
    assert {(x, y) for x, y in np.sign(bands[:, :2])} >= {(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)}
    assert not len(middles("walker.pedestrian.0002"))


@pytest.mark.parametrize("name", ["audi.a2", "tesla.model3", "nissan.patrol", "volkswagen.t2", "mercedes.sprinter"])
def test_cars_and_vans_have_red_reflectors_on_both_sides_of_their_rear(name: str) -> None:
    mesh = catalogue()[f"vehicle.{name}"].meshes[0]
    red = (mesh.materials == Material.RETRO) & (mesh.colours[:, 0] > 2 * mesh.colours[:, 1].astype(int))
    assert set(np.sign(mesh.positions_m[red, 1])) == {-1.0, 1.0}
    assert (mesh.positions_m[red, 0] < 0.8 * mesh.positions_m[:, 0].min()).all()


def test_riders_are_tagged_apart_from_what_they_ride() -> None:
    for name, tag in (("vehicle.yamaha.yzf", Tag.MOTORCYCLE), ("vehicle.bh.crossbike", Tag.BICYCLE)):
        mesh = catalogue()[name].meshes[0]
        assert set(np.unique(mesh.tags)) == {tag, Tag.RIDER}
        assert mesh.positions_m[mesh.tags == Tag.RIDER, 2].mean() > mesh.positions_m[mesh.tags == tag, 2].mean()


def feet(body: Body, step: int) -> np.ndarray:
    """Forward place of the lowest centimetre of each foot, left and right; nan while it is in the air."""
    points = body.meshes[step].positions_m
    ground = points[:, 2] < points[:, 2].min() + 0.012 * body.box_half_m[2]
    sides = [points[ground & (points[:, 1] > 0), 0], points[ground & (points[:, 1] < 0), 0]]
    return np.array([side.mean() if len(side) else np.nan for side in sides])


@pytest.mark.parametrize("name", WALKERS)
def test_walkers_alternate_their_feet_and_always_stand_on_one(name: str) -> None:
    body = catalogue()[name]
    assert len(body.meshes) == 16
    track = np.array([feet(body, step) for step in range(16)])
    down = np.isfinite(track)
    assert down.any(axis=1).all()
    assert 6 <= down[:, 0].sum() <= 12
    assert (down[:, 0] == np.roll(down[:, 1], 8)).all()


@pytest.mark.parametrize("name", ["walker.pedestrian.0001", "walker.pedestrian.0012"])
def test_a_planted_foot_does_not_slide_when_the_walker_moves_by_its_stride(name: str) -> None:
    body = catalogue()[name]
    planted = [feet(body, step)[0] + step / 16 * body.stride_m for step in (2, 3, 4, 5)]
    assert np.ptp(planted) < 0.02


def test_a_dog_always_stands_on_two_diagonal_paws_at_least() -> None:
    body = catalogue()["walker.avsynth.dog"]
    for mesh in body.meshes:
        low = mesh.positions_m[mesh.positions_m[:, 2] < -body.box_half_m[2] + 0.012]
        down = {(bool(x > 0), bool(y > 0)) for x, y in low[:, :2]}
        assert {(True, True), (False, False)} <= down or {(True, False), (False, True)} <= down


def test_what_nobody_drives_is_no_vehicle() -> None:
    bodies = catalogue()
    for name in ("avsynth_trailer", "avsynth_bicycle", "avsynth_motorcycle", "avsynth_bendy_bus_rear", "bikeparking"):
        assert bodies[f"static.prop.{name}"].kind == "prop"
        assert Tag.RIDER not in bodies[f"static.prop.{name}"].meshes[0].tags


def test_the_sections_of_a_bendy_bus_meet_at_their_hitches_without_overlapping() -> None:
    front = catalogue()["vehicle.avsynth.bendy_bus"]
    rear = catalogue()[front.attributes["avsynth.tows"]]
    rear_origin = float(front.attributes["avsynth.hitch_x"]) - float(rear.attributes["avsynth.hitch_x"])
    gap = (front.box_centre_m - front.box_half_m)[0] - rear_origin - (rear.box_centre_m + rear.box_half_m)[0]
    assert 0.005 < gap < 0.05
    assert rear.wheels
    assert all(wheel.position_m[0] < float(rear.attributes["avsynth.hitch_x"]) for wheel in rear.wheels)


def test_there_are_adults_and_children_of_different_sizes() -> None:
    people = [catalogue()[name] for name in PEDESTRIANS if ".pedestrian." in name]
    adults = [p for p in people if p.attributes["age"] == "adult"]
    children = [p for p in people if p.attributes["age"] == "child"]
    assert len(adults) >= 6
    assert len(children) >= 3
    assert max(p.box_half_m[2] for p in children) < 0.7 < min(p.box_half_m[2] for p in adults)
    assert all(len(p.attributes["speed"].split(",")) == 3 for p in people)


def test_a_traffic_light_glows_in_one_colour_per_pose() -> None:
    red, yellow, green, off = catalogue()["traffic.traffic_light"].meshes
    colours = [np.unique(m.colours[m.materials == Material.GLOW], axis=0) for m in (red, yellow, green)]
    assert [len(c) for c in colours] == [1, 1, 1]
    assert [int(np.argmax(c[0])) for c in (colours[0], colours[2])] == [0, 1]
    assert not (off.materials == Material.GLOW).any()
    heights = [m.positions_m[m.materials == Material.GLOW, 2].mean() for m in (red, yellow, green)]
    assert heights == sorted(heights, reverse=True)


def test_another_process_builds_bodies_of_the_same_digest(tmp_path: Path) -> None:
    code = "from av_synth.simulator.bodies import catalogue; import sys; sys.stdout.write(catalogue().digest)"
    nothing_kept = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONHASHSEED": "77"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=nothing_kept)
    assert other.stdout == catalogue().digest
