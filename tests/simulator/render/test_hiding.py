from __future__ import annotations

import numpy as np
import pytest

from av_synth.simulator.render import projection
from av_synth.simulator.render.hiding import Hiding
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, NORMALS, RGB, Weather
from tests.simulator.render.conftest import at, camera, scene

SIZE = (328, 187)  # neither is a multiple of a block
EVERYTHING = frozenset({RGB, DEPTH, LABELS, FLOW, NORMALS})
SOME = [at(k + 2, "car", 62.0 + 9.0 * (k % 9), -20.0 + 5.0 * (k // 9)) for k in range(63)]  # beyond the wall
STREET = [*SOME, at(100, "car", 59.0, 1.0), at(101, "bicycle", 70.0, 0.0, 5.5), at(102, "car", 8.0, 1.0)]


def wall_from(left: int, metres: float) -> Hiding:
    """A wall that fills all columns of an image from one on."""
    stored = np.zeros(SIZE[::-1], dtype=np.float32)
    stored[:, left:] = projection.NEAR_M / metres
    return Hiding(stored, camera(0.0, 0.0, 0.0, size=SIZE))


def box(x_m: float, y_m: float, z_m: float, half_m: float = 1.0) -> np.ndarray:
    return projection.box_corners(np.array([x_m, y_m, z_m]), np.full(3, half_m))[None]


@pytest.mark.parametrize(
    ("corners", "left", "hidden"),
    [
        (box(40.0, 0.0, 0.0), 0, True),
        (box(20.5, 0.0, 0.0), 0, False),  # part of it is before the wall
        (box(10.0, 0.0, 0.0), 0, False),
        (box(1.2, 0.0, 0.0), 0, False),  # round the camera
        (box(40.0, 0.0, 0.0), 170, False),  # it stands out to the left
        (box(40.0, -8.0, 0.0), 170, True),
        (box(400.0, 0.0, 0.0, 300.0), 0, True),  # and out of the image on all sides
    ],
)
def test_a_box_is_hidden_if_all_of_it_is_behind_what_was_drawn(corners, left, hidden):
    assert wall_from(left, 20.0).hides(corners).tolist() == [hidden]


def test_of_many_boxes_each_has_its_answer_and_none_has_none():
    corners = np.concatenate([box(40.0, 0.0, 0.0), box(10.0, 0.0, 0.0), box(50.0, 3.0, 1.0)])

    assert wall_from(0, 20.0).hides(corners).tolist() == [True, False, True]
    assert wall_from(0, 20.0).hides(corners[:0]).tolist() == []


@pytest.mark.parametrize("weather", [Weather(), Weather(80.0, 30.0, 60.0, sun_altitude_angle=-30.0, wetness=90.0)])
@pytest.mark.parametrize("outputs", [EVERYTHING, frozenset({LABELS, DEPTH})], ids=["colour", "labels"])
def test_pictures_are_the_same_bytes_when_what_is_hidden_is_drawn_and_fewer_bodies_are_drawn(
    renderer, monkeypatch, weather, outputs
):
    street, view = scene(*STREET, weather=weather), camera(size=SIZE)
    made = renderer.render(street, view, outputs)
    counts = []

    def hides_nothing(self: Hiding, corners_m: np.ndarray) -> np.ndarray:
        counts.append(int(hides(self, corners_m).sum()))
        return np.zeros(len(corners_m), dtype=bool)

    hides = Hiding.hides
    monkeypatch.setattr(Hiding, "hides", hides_nothing)
    whole = renderer.render(street, view, outputs)

    for name, found in vars(made).items():
        assert np.array_equal(found, getattr(whole, name)), name
    assert max(counts) > 8
    assert {100, 101, 102} <= set(np.unique(whole.actor_id).tolist())
