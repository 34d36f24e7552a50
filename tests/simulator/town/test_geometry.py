"""Reference lines and solids."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.simulator.scene import Material, Tag
from av_synth.simulator.town.network import Node, Street, build
from av_synth.simulator.town.reference import ReferenceLine, turn_between
from av_synth.simulator.town.shapes import Look, box, circle, icosphere, prism, smooth, triangulate

LOOK = Look((100, 100, 100), Material.MATTE, Tag.STATIC)


@settings(max_examples=50, deadline=None)
@given(
    heading=st.floats(-3.0, 3.0),
    turn=st.floats(0.2, 2.0).flatmap(lambda a: st.sampled_from([a, -a])),
    before=st.floats(5.0, 30.0),
    after=st.floats(5.0, 30.0),
)
def test_a_turn_ends_in_the_pose_asked_for(heading: float, turn: float, before: float, after: float) -> None:
    out = heading + turn
    end = (
        10.0 + before * math.cos(heading) + after * math.cos(out),
        -5.0 + before * math.sin(heading) + after * math.sin(out),
        out,
    )
    way = turn_between((10.0, -5.0, heading), end)

    x, y, angle = way.end
    assert math.hypot(x - end[0], y - end[1]) < 1e-6
    assert abs(math.remainder(angle - out, 2 * math.pi)) < 1e-9
    s = np.linspace(0.0, way.length_m, 400)
    steps = np.diff(way.poses(s)[:, :2], axis=0)
    assert np.allclose(np.hypot(*steps.T), way.length_m / 399, atol=2e-3)


def test_a_corner_behind_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="no forward corner"):
        turn_between((0.0, 0.0, 0.0), (-10.0, 10.0, math.pi / 2))


def test_a_street_that_misses_its_crossing_is_refused() -> None:
    nodes = [Node(1, "a", 0.0, 0.0, {"E": 1, "N": 1}), Node(2, "b", 100.0, 1.0, {"W": 1, "N": 1})]
    with pytest.raises(ValueError, match="beside"):
        build(nodes, [Street(10, "crooked", (1, "E"), (2, "W"), 50.0)])


def test_points_lie_to_the_left_of_the_line_for_positive_offsets() -> None:
    line = ReferenceLine.at(0.0, 0.0, 0.0).line(10.0).arc(math.pi / 2, 5.0)

    assert np.allclose(line.points([5.0, line.length_m], [2.0, 2.0]), [[5.0, 2.0], [13.0, 5.0]])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.3, 1.0), min_size=3, max_size=14))
def test_triangles_of_a_star_cover_its_area_once(radii: list[float]) -> None:
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii)
    ring = np.array(radii)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    # corners on straight edges, as cutting by a grid leaves them
    ring = np.stack([ring, (ring + np.roll(ring, -1, axis=0)) / 2], axis=1).reshape(-1, 2)
    x, y = ring.T
    area = float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2

    a, b, c = (ring[np.array(triangulate(ring))[:, k]] for k in range(3))
    parts = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert (parts > 0).all()
    assert parts.sum() == pytest.approx(area, abs=1e-6)


def volume(mesh: object) -> float:
    corners = mesh.positions_m[mesh.triangles].astype(np.float64)
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()) / 6


def test_solids_are_closed_and_look_outwards() -> None:
    points, faces = icosphere(2)

    assert volume(box([1.0, 2.0, 3.0], [1.0, 2.0, 0.5], LOOK, 0.7)) == pytest.approx(8.0, rel=1e-5)
    assert volume(smooth(points, points, faces, LOOK)) == pytest.approx(4 / 3 * math.pi, rel=0.05)
    # a prism has no bottom, so it must stand on 0 for its volume
    assert volume(prism(circle(4.0, 5.0, 1.0, 64), 0.0, 2.0, LOOK)) == pytest.approx(2 * math.pi, rel=0.01)
