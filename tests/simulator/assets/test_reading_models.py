"""OBJ and glTF as they are written: what is read, and what is refused with its place."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import cv2
import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.simulator.assets.files import Archive, Folder
from av_synth.simulator.assets.gltf import read_gltf
from av_synth.simulator.assets.wavefront import read_obj
from tests.simulator.assets.models import panel_gltf, write_car

PICTURED = {"name": "p", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0, "texCoord": 1}}}


def picture(content: bytes) -> dict[str, Any]:
    """What a glTF document says of its one picture."""
    uri = "data:image/png;base64," + base64.b64encode(content).decode()
    return {"textures": [{"source": 0}], "images": [{"uri": uri}]}


def test_an_obj_file_is_read_with_its_colours_places_and_pictures(tmp_path):
    write_car(tmp_path)
    model = read_obj(Folder(tmp_path), "car.obj")
    assert np.ptp(model.points, axis=0) == pytest.approx([1.601, 1.5, 4.0])
    by_name = {each.name: each for each in model.substances}
    assert by_name["body"].colour == (204, 26, 26)
    picture = by_name["sticker"].picture
    assert picture is not None
    assert picture[0, 0].tolist() == [20, 30, 220]
    of_sticker = model.substance == list(by_name).index("sticker")
    assert of_sticker.sum() == 12
    assert sorted(set(model.uvs[of_sticker].reshape(-1).tolist())) == [0.0, 1.0]


@pytest.mark.parametrize("glb", [False, True])
def test_a_gltf_file_is_read_as_its_scene_places_it(glb, tmp_path):
    (tmp_path / "panel.glb").write_bytes(panel_gltf(glb=glb))
    model = read_gltf(Folder(tmp_path), "panel.glb")
    # turned a quarter about y, what was along x is along -z
    assert model.points == pytest.approx(np.array([[5, -1, 1], [5, -1, -1], [5, 1, -1], [5, 1, 1]], dtype=float))
    assert model.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert model.uvs[0].tolist() == [[0, 1], [1, 1], [1, 0]]
    assert model.substances[0].colour == (128, 0, 255)  # linear 0.216 is 128 of 255 in sRGB


def test_a_gltf_file_has_its_pictures_places_in_the_set_that_its_material_names(tmp_path):
    _, png = cv2.imencode(".png", np.full((4, 4, 3), 90, np.uint8))
    piece = {"attributes": {"POSITION": 0, "TEXCOORD_0": 0, "TEXCOORD_1": 1}, "indices": 2, "material": 0}
    changes = {"materials": [PICTURED], "meshes": [{"primitives": [piece]}], **picture(png.tobytes())}
    (tmp_path / "panel.gltf").write_bytes(panel_gltf(**changes))
    model = read_gltf(Folder(tmp_path), "panel.gltf")
    assert model.uvs[0].tolist() == [[0, 1], [1, 1], [1, 0]]
    assert model.substances[0].picture is not None
    assert (model.substances[0].picture == 90).all()


def test_the_colour_of_a_gltf_material_tints_its_picture(tmp_path):
    _, png = cv2.imencode(".png", np.full((4, 4, 3), 90, np.uint8))
    tint = {"baseColorFactor": [0.2158605, 0.0, 1.0, 1.0], "baseColorTexture": {"index": 0}}
    changes = {"materials": [{"pbrMetallicRoughness": tint}], **picture(png.tobytes())}
    (tmp_path / "panel.gltf").write_bytes(panel_gltf(**changes))
    (substance, _) = read_gltf(Folder(tmp_path), "panel.gltf").substances
    # 90 of 255 in sRGB is 0.102 in linear light; 0.216 of that is 0.022, which is 41
    assert substance.picture[0, 0].tolist() == [41, 0, 90]


@pytest.mark.parametrize("kept_as", ["my panel.bin", "my%20panel.bin"])
def test_a_gltf_file_finds_what_it_names_with_percent_signs_for_spaces(kept_as, tmp_path):
    document = json.loads(panel_gltf())
    (buffer,) = document["buffers"]
    (tmp_path / kept_as).write_bytes(base64.b64decode(buffer["uri"].partition(",")[2]))
    buffer["uri"] = "my%20panel.bin"
    (tmp_path / "panel.gltf").write_text(json.dumps(document))
    assert len(read_gltf(Folder(tmp_path), "panel.gltf").triangles) == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "bad.obj:4: .*no point 9 of 3"),
        ("v 0 0 zero\n", "bad.obj:1: .*zero"),
        ("v 0 0 0\nv 0 0\n", "bad.obj:2: 'v 0 0' cannot be understood"),
        ("v 0 0 0\n", "bad.obj: has no faces"),
    ],
)
def test_a_broken_obj_file_is_refused_with_its_line(text, wanted, tmp_path):
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(DataError, match=wanted):
        read_obj(Folder(tmp_path), "bad.obj")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"{}", "no triangles"),
        (b"not json", "not the glTF 2.0"),
        (b"[" * 100_000, "not the glTF 2.0"),
        (panel_gltf(asset={"version": "1.0"}), "is glTF 1.0; want 2.0"),
        (panel_gltf(extensionsRequired=["KHR_draco_mesh_compression"]), "requires KHR_draco_mesh_compression"),
        (panel_gltf(accessors=[]), "not the glTF 2.0"),
        (panel_gltf(materials=[]), "there is no material 0 of 0"),
        (panel_gltf(nodes=[{"children": [0]}]), "part 0 of its scene is there twice"),
        (
            panel_gltf(nodes=[{"children": [1, 2]}, {"children": [2]}, {"mesh": 0}]),
            "part 2 of its scene is there twice",
        ),
        (panel_gltf(materials=[PICTURED], **picture(b"")), "image 0: is not a picture"),
    ],
)
def test_a_gltf_file_that_cannot_be_read_is_refused(content, wanted, tmp_path):
    (tmp_path / "bad.gltf").write_bytes(content)
    with pytest.raises(DataError, match=wanted):
        read_gltf(Folder(tmp_path), "bad.gltf")


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match=re.escape("none.obj: cannot be read")):
        read_obj(Folder(tmp_path), "none.obj")
    with pytest.raises(DataError, match="cannot be read: embedded null byte"):
        read_obj(Folder(tmp_path), "no\0ne.obj")
    (tmp_path / "plain.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match="not a zip archive"):
        Archive(tmp_path / "plain.zip")
