"""What throws beams back to lidars is matte to cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.simulator.render.geometry import pack
from av_synth.simulator.scene import Material, Mesh, Tag


def test_a_retroreflecting_face_is_drawn_with_the_matte_ones() -> None:
    corners = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    grey, tags = np.full((4, 3), 90, np.uint8), np.full(4, Tag.TRAFFIC_SIGNS, np.uint8)
    faces, up = np.array([[0, 1, 2], [0, 2, 3]], np.uint32), np.tile(np.float32([0, 0, 1]), (4, 1))
    matte = Mesh(corners, up, grey, np.full(4, Material.MATTE, np.uint8), tags, faces)
    sign = replace(matte, positions_m=corners + np.float32([0, 0, 1]), materials=np.full(4, Material.RETRO, np.uint8))
    drawn = pack(Mesh.merge([matte, sign]), {})

    assert drawn.town.materials.tolist() == [Material.MATTE]
    assert drawn.town.counts.tolist() == [12]
