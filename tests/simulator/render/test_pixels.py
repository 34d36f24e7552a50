"""Where things land in the image, to the pixel, and what labels and depth say of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.cameras import project
from av_synth.geometry.transforms import apply, invert
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, LABELS, RGB, Instance, Scene, Tag, View, Weather
from tests.simulator.render.conftest import WALL_X_M, at, bodies, camera, scene, town

EVERYTHING = frozenset({RGB, DEPTH, LABELS})


def ray_slopes(view: View) -> tuple[np.ndarray, np.ndarray]:
    """x/z and y/z (H, W) in the camera of every pixel centre."""
    v, u = np.mgrid[: view.height_px, : view.width_px]
    return (u - view.cx_px) / view.fx_px, (v - view.cy_px) / view.fy_px


@pytest.mark.parametrize(("x_m", "y_m", "yaw_rad"), [(0.0, 0.0, 0.0), (391.7, -385.3, 0.4)])
def test_a_triangle_covers_exactly_the_pixels_whose_centres_it_holds(
    renderer: Renderer, x_m: float, y_m: float, yaw_rad: float
) -> None:
    view = camera(x_m, y_m, 1.5, yaw_rad)
    card = at(9, "card", x_m + 6 * np.cos(yaw_rad), y_m + 6 * np.sin(yaw_rad), 1.6)
    labels = renderer.render(scene(card), view, frozenset({LABELS})).actor_id
    corners_world = apply(card.world_from_body, bodies()["card"].meshes[0].positions_m)
    corners, _ = project(
        apply(invert(view.world_from_camera), corners_world), view.fx_px, view.fy_px, view.cx_px, view.cy_px
    )
    v, u = np.mgrid[: view.height_px, : view.width_px]
    sides = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = (b - a) / np.linalg.norm(b - a)
        sides.append(edge[0] * (v - a[1]) - edge[1] * (u - a[0]))
    sides = np.array(sides) * np.sign(np.sum(sides, axis=0)[int(corners[:, 1].mean()), int(corners[:, 0].mean())])
    inside, doubtful = (sides > 0).all(axis=0), (np.abs(sides) < 0.02).any(axis=0)
    assert inside.sum() > 500
    assert labels is not None
    assert ((labels == 9) == inside)[~doubtful].all()


def test_row_0_is_the_top_and_column_0_the_left(renderer: Renderer) -> None:
    frames = renderer.render(scene(at(5, "card", 8.0, 2.0, 2.8)), camera(), frozenset({LABELS}))
    assert frames.actor_id is not None
    rows, columns = np.nonzero(frames.actor_id == 5)
    assert rows.max() < 90
    assert columns.max() < 160
    assert frames.tag is not None
    assert (frames.tag[-1] == Tag.ROADS).all()
    assert (frames.tag[0] == Tag.SKY).all()


def test_depth_of_the_ground_and_of_a_wall_is_right_to_a_centimetre_at_50_m(renderer: Renderer) -> None:
    view = camera(x_m=WALL_X_M - 50.0)
    frames = renderer.render(scene(), view, frozenset({DEPTH, LABELS}))
    assert frames.depth_m is not None
    assert frames.tag is not None
    assert frames.depth_m.dtype == np.float32
    _, down = ray_slopes(view)
    ground, wall, sky = (frames.tag == t for t in (Tag.ROADS, Tag.BUILDINGS, Tag.SKY))
    assert min(ground.sum(), wall.sum(), sky.sum()) > 1000
    assert np.abs(frames.depth_m - 1.5 / np.where(ground, down, 1.0))[ground].max() < 0.01
    assert np.abs(frames.depth_m[wall] - 50.0).max() < 0.001
    assert (frames.depth_m[sky] == 1000.0).all()


def test_labels_tell_actor_and_class_and_a_rider_belongs_to_the_bicycle(renderer: Renderer) -> None:
    frames = renderer.render(scene(at(0xABCD, "bicycle", 6.0), at(1, "car", 12.0, 4.0)), camera(), frozenset({LABELS}))
    assert frames.actor_id is not None
    assert frames.tag is not None
    assert set(np.unique(frames.tag[frames.actor_id == 0xABCD])) == {Tag.RIDER, Tag.BICYCLE}
    assert set(np.unique(frames.tag[frames.actor_id == 1])) == {Tag.CAR}
    assert set(np.unique(frames.tag[frames.actor_id == 0])) == {Tag.ROADS, Tag.BUILDINGS, Tag.SKY}


def test_colour_and_labels_change_at_the_same_pixels(renderer: Renderer) -> None:
    with_car = scene(at(9, "car", 7.0))
    a = renderer.render(with_car, camera(z_m=0.8), EVERYTHING)
    b = renderer.render(scene(), camera(z_m=0.8), EVERYTHING)
    assert a.rgb is not None
    assert b.rgb is not None
    assert a.actor_id is not None
    above = slice(0, 90)  # over the horizon, where no shadow falls
    changed = (a.rgb != b.rgb).any(axis=2)[above]
    car = (a.actor_id == 9)[above]
    assert changed[car].mean() > 0.99
    # smoothing edges looks a few pixels along them, no further
    near_car = cv2.dilate(car.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert not changed[~near_car].any()


def test_nothing_behind_the_camera_is_seen(renderer: Renderer) -> None:
    frames = renderer.render(scene(at(5, "car", -9.0), at(6, "car", 0.0, 30.0)), camera(), frozenset({LABELS}))
    assert frames.actor_id is not None
    assert not frames.actor_id.any()


def test_what_cannot_be_drawn_is_refused_by_name(renderer: Renderer) -> None:
    view = camera()
    with pytest.raises(DataError, match="outputs"):
        renderer.render(scene(), view, frozenset({"albedo"}))
    with pytest.raises(DataError, match=r"actor 8.*'tram'"):
        renderer.render(scene(at(8, "tram", 5.0)), view, frozenset({LABELS}))
    with pytest.raises(DataError, match="65535"):
        renderer.render(scene(at(70000, "car", 5.0)), view, frozenset({LABELS}))
    with pytest.raises(DataError, match="size"):
        renderer.render(scene(), View(view.world_from_camera, 0, 90, 90, 90, 1, 1), frozenset({LABELS}))
    with pytest.raises(DataError, match="finite"):
        renderer.render(scene(Instance(8, "car", 0, np.full((4, 4), np.nan))), view, frozenset({RGB}))


def test_equal_scenes_give_equal_bytes_in_a_fresh_and_in_a_used_renderer(renderer: Renderer) -> None:
    weathers = [Weather(), Weather(cloudiness=90, precipitation=60, wetness=80), Weather(sun_altitude_angle=-20)]

    def world(weather: Weather) -> Scene:
        return scene(at(3, "car", 9.0, 1.0, lights=11), at(4, "bicycle", 6.0, -1.0), weather=weather)

    for x_m in (-31.0, 45.0):  # other places and weathers first, so that what is kept between frames is of those
        renderer.render(world(weathers[1]), camera(x_m), EVERYTHING)
    fresh = Renderer(town(), bodies())
    try:
        for weather in weathers:
            a, b = (r.render(world(weather), camera(), EVERYTHING) for r in (renderer, fresh))
            again = renderer.render(world(weather), camera(), EVERYTHING)
            for name in ("rgb", "depth_m", "tag", "actor_id"):
                assert getattr(a, name).tobytes() == getattr(b, name).tobytes() == getattr(again, name).tobytes()
    finally:
        fresh.close()
