"""From a model to a dressed body: what is seen, what fills the box, what lamps and wheels are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from av_synth.errors import DataError
from av_synth.simulator.assets.decimation import simplified
from av_synth.simulator.assets.files import Folder
from av_synth.simulator.assets.look import Look, packed, unpacked
from av_synth.simulator.assets.making import make
from av_synth.simulator.assets.model import Model, Substance
from av_synth.simulator.assets.recipe import AssetsFile
from av_synth.simulator.bodies import procedural
from av_synth.simulator.bodies.dressing import dressed
from av_synth.simulator.bodies.model import bounds
from av_synth.simulator.raycast.trace import RayScene
from av_synth.simulator.scene import Instance, Material, Mesh, Scene, Tag, Weather
from tests.simulator.assets.models import write_car

FINISHES = {"body": "paint", "pane": "glass", "rubber": "tyre", "lamp": "head_lamp"}


def told(**changes: Any) -> AssetsFile:
    look = {"name": "boxy", "title": "A car", "file": "car.obj", "dresses": ["vehicle.audi.a2"], "finishes": FINISHES}
    document = {"author": "A. Maker", "licence": "CC0-1.0", "licence_url": "https://x.org", "source": "here"}
    return AssetsFile.model_validate_json(json.dumps({**document, "looks": [{**look, **changes}]}))


def made(folder: Path, **changes: Any) -> Look:
    write_car(folder)
    document = told(**changes)
    return make(document.looks[0], document, Folder(folder))


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Look:
    return made(tmp_path_factory.mktemp("car"))


def of(look: Look, material: Material) -> np.ndarray:
    return np.isin(look.triangles[:, 0], np.flatnonzero(look.materials == int(material)))


def test_what_is_inside_and_cannot_be_seen_is_left_out(look):
    assert len(look.triangles) < 12 * 6 + 4 * 44
    seats = np.all(look.colours == (128, 102, 76), axis=1)
    assert not seats.any()


def test_finishes_become_materials_and_the_outer_part_of_a_lamp_its_indicator(look):
    kinds = {Material(int(each)) for each in np.unique(look.materials)}
    assert kinds >= {Material.PAINT, Material.GLASS, Material.MATTE, Material.LAMP_FRONT, Material.TEXTURED}
    left = look.points_m[look.triangles[of(look, Material.LAMP_LEFT)]]
    right = look.points_m[look.triangles[of(look, Material.LAMP_RIGHT)]]
    assert left[..., 1].min() > 0
    assert right[..., 1].max() < 0


def test_the_picture_is_where_the_model_has_it(look):
    assert look.texture.shape == (512, 512, 3)
    textured = of(look, Material.TEXTURED)
    # the side of the sticker that looks out, whose picture is blue above and green below
    corner = np.unique(look.triangles[textured][np.abs(look.normals[look.triangles[textured], 1]).min(axis=1) > 0.9])
    above = look.points_m[corner, 2] > 0.6
    at = (look.uvs[corner] * 512).astype(int).clip(0, 511)
    blue = look.texture[at[:, 1], at[:, 0], 2] > look.texture[at[:, 1], at[:, 0], 1]
    assert set(above) == {False, True}
    assert (blue == above).all()


def test_faces_that_were_inside_out_face_outwards(tmp_path):
    write_car(tmp_path)
    text = (tmp_path / "car.obj").read_text()
    turned = "\n".join(
        " ".join(["f", *reversed(line.split()[1:])]) if line.startswith("f ") else line for line in text.splitlines()
    )
    (tmp_path / "car.obj").write_text(turned + "\n")
    document = told()
    look = make(document.looks[0], document, Folder(tmp_path))
    roof = look.points_m[:, 2] > 1.49
    upwards = look.normals[roof, 2] > 0.9
    assert upwards.any()
    assert not (look.normals[roof, 2] < -0.9).any()


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("vt 0 0", "vt nan 0", "car.obj: a point, or its place in a picture, is not finite"),
        ("v -0.8 0.2 -2.0", "v inf 0.2 -2.0", "car.obj: a point, or its place in a picture, is not finite"),
        (r"(?m)^v .*", "v 0 0 0", "car.obj: no triangle of it has an area"),
    ],
)
def test_a_model_that_nothing_can_be_made_of_is_refused(before, after, wanted, tmp_path):
    write_car(tmp_path)
    (tmp_path / "car.obj").write_text(re.sub(before, after, (tmp_path / "car.obj").read_text()))
    document = told()
    with pytest.raises(DataError, match=wanted):
        make(document.looks[0], document, Folder(tmp_path))


def test_a_recipe_that_names_what_the_model_is_not_made_of_is_refused(tmp_path):
    region = {"finish": "tail_lamp", "low": (0.0, 0.0, 0.0), "high": (1.0, 1.0, 1.0), "of": ["bod*"]}
    with pytest.raises(DataError, match=r"car.obj: has no material 'rub', 'bod\*'; want of 'body', 'pane', 'seats'"):
        made(tmp_path, finishes={"*an*": "glass", "rub": "tyre"}, regions=[region])


def test_a_dressed_body_fills_its_box_and_its_wheels_stay_round(look):
    body = procedural()["vehicle.audi.a2"]
    worn = dressed(body, replace(look, stretch=0.3))
    low, high = bounds(worn.meshes)
    assert low == pytest.approx(body.box_centre_m - body.box_half_m, abs=0.02)
    assert high == pytest.approx(body.box_centre_m + body.box_half_m, abs=0.02)
    wheel = worn.meshes[0].positions_m[: len(look.points_m)][look.wheel == 0]
    assert np.ptp(wheel[:, 0]) == pytest.approx(np.ptp(wheel[:, 2]), rel=0.02)
    assert (worn.mass_kg, worn.wheels, worn.attributes) == (body.mass_kg, body.wheels, body.attributes)


def test_a_look_without_rear_lamps_has_those_of_the_body_laid_on(look):
    body = procedural()["vehicle.audi.a2"]
    worn = dressed(body, replace(look, stretch=0.3)).meshes[0]
    for material in (Material.LAMP_BRAKE, Material.LAMP_LEFT, Material.LAMP_RIGHT):
        lamp = worn.triangles[worn.materials[worn.triangles[:, 0]] == int(material)]
        triangles = worn.positions_m[lamp, 0]
        rear = triangles[(triangles < 0).all(axis=1)]
        boot, window = -body.box_half_m[0] - 0.012, -0.6 * body.box_half_m[0] - 0.012
        # flat on the upright rear of the model or of its window, a little proud of it, and on both of them nowhere
        on_boot, on_window = (np.isclose(rear, x_m, atol=0.005).all(axis=1) for x_m in (boot, window))
        assert on_boot.any()
        assert (on_boot | on_window).all()


def test_riders_stay_and_sit_on_what_is_dressed(look):
    body = procedural()["vehicle.yamaha.yzf"]
    worn = dressed(body, replace(look, stretch=5.0)).meshes[0]
    rider, before = worn.tags == int(Tag.RIDER), body.meshes[0].tags == int(Tag.RIDER)
    assert rider.sum() == before.sum()
    assert worn.positions_m[rider].max(axis=0) == pytest.approx(body.meshes[0].positions_m[before].max(axis=0))
    assert np.ptp(worn.positions_m[~rider], axis=0) == pytest.approx(
        np.ptp(body.meshes[0].positions_m[~before], axis=0), abs=0.03
    )


def test_a_look_that_would_be_stretched_too_much_is_refused(look):
    with pytest.raises(DataError, match=r"boxy.*cannot fill the box of vehicle.mitsubishi.fusorosa.*at most 12%"):
        dressed(procedural()["vehicle.mitsubishi.fusorosa"], look)


def test_the_lidar_sees_the_mesh_that_the_camera_sees(look):
    worn = dressed(procedural()["vehicle.audi.a2"], replace(look, stretch=0.3))
    ground = Mesh(
        np.array([[-9, -9, 0], [9, -9, 0], [0, 9, 0]], dtype=np.float32),
        np.tile(np.float32([0, 0, 1]), (3, 1)),
        np.zeros((3, 3), np.uint8),
        np.zeros(3, np.uint8),
        np.full(3, int(Tag.ROADS), np.uint8),
        np.array([[0, 1, 2]], dtype=np.uint32),
    )
    rays = RayScene(ground, {"vehicle.audi.a2": worn})
    scene = Scene(0, 0.0, (Instance(7, "vehicle.audi.a2", 0, np.eye(4)),), Weather())
    hits = rays.trace(scene, [5.0, 0.0, 0.5], [[-1.0, 0.0, 0.0]], 10.0)
    assert hits.actor_id[0] == 7
    assert hits.range_m[0] == pytest.approx(5.0 - worn.box_half_m[0], abs=0.02)


def test_a_look_is_the_same_after_it_was_kept(look):
    again = unpacked(packed(look), "there")
    assert packed(again) == packed(look)
    with pytest.raises(DataError, match="there: is not the file of a look"):
        unpacked(b"something else", "there")


def test_regions_name_what_is_only_in_a_place(tmp_path):
    region = {"finish": "tail_lamp", "low": (-0.1, 0.0, 0.0), "high": (0.05, 1.0, 0.6), "of": ["body"]}
    look = made(tmp_path, regions=[region])
    lamps = look.points_m[look.triangles[of(look, Material.LAMP_BRAKE)]]
    assert lamps[..., 0].max() == pytest.approx(-2.0, abs=0.01)


def test_a_region_that_nothing_can_lie_in_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="want each of low below that of high"):
        made(tmp_path, regions=[{"finish": "paint", "low": (0.5, 0.0, 0.0), "high": (0.5, 1.0, 1.0)}])


def test_a_flat_grid_is_simplified_to_its_outline_and_keeps_its_places():
    side = 20
    x, y = np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1)
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
    quads = np.stack([corner, corner + side + 1, corner + side + 2, corner + 1], axis=1)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    uvs = points[triangles][..., :2] / side
    substance = np.zeros(len(triangles), dtype=np.int64)
    model = Model(points, triangles, uvs, substance, (Substance("a", (0, 0, 0)),))
    fewer = simplified(model, 20, np.ones(1))
    assert 2 <= len(fewer.triangles) <= 20
    assert np.ptp(fewer.points, axis=0).tolist() == [side, side, 0.0]
    a, b, c = (fewer.points[fewer.triangles[:, k]] for k in range(3))
    assert np.cross(b - a, c - a)[:, 2].sum() / 2 == pytest.approx(side * side)
    assert fewer.uvs == pytest.approx(fewer.points[fewer.triangles][..., :2] / side)
