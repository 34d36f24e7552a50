"""Snow: flakes near the camera, and white on what looks up."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.render import Renderer
from av_synth.simulator.render.lighting import lighting
from av_synth.simulator.render.snow import flakes
from av_synth.simulator.scene import DEPTH, LABELS, RGB, Scene, Tag, View, Weather
from tests.simulator.render.conftest import at, camera, scene

WHITE = Weather(cloudiness=100.0, snow_cover=100.0)
BARE = Weather(cloudiness=100.0)
FALLING = Weather(cloudiness=100.0, snow_mm_h=4.0)


def seen(view: View, scene: Scene) -> np.ndarray:
    """Where the flakes of a picture are (N, 3) in the world."""
    quads = flakes(scene, view, lighting(scene.weather))
    middles = np.array([quad[:, :3].mean(axis=0) for quad in quads]).reshape(-1, 3)
    return middles + view.world_from_camera[:3, 3]


def test_snow_whitens_the_ground_and_not_the_cars_and_changes_no_label(renderer: Renderer) -> None:
    car = at(3, "car", 9.0, colour=(20, 20, 20))
    bare, white = (
        renderer.render(scene(car, weather=weather), camera(z_m=3.0), frozenset({RGB, LABELS, DEPTH}))
        for weather in (BARE, WHITE)
    )

    assert np.array_equal(bare.tag, white.tag)
    assert np.array_equal(bare.depth_m, white.depth_m)
    road, body = bare.tag == int(Tag.ROADS), bare.actor_id == 3
    assert white.rgb[road][:, :3].mean() > 1.35 * bare.rgb[road][:, :3].mean()
    assert abs(white.rgb[body][:, :3].mean() - bare.rgb[body][:, :3].mean()) < 12.0


def test_flakes_fall_through_the_world_and_all_cameras_see_the_same_ones() -> None:
    one, other = camera(), camera(x_m=-0.02)
    here, beside = seen(one, scene(weather=FALLING)), seen(other, scene(weather=FALLING))
    near = here[np.linalg.norm(here - one.world_from_camera[:3, 3], axis=1) < 4.0]
    apart = np.linalg.norm(near[:, None] - beside[None], axis=2).min(axis=1)

    assert len(near) > 20
    assert np.mean(apart < 1e-6) > 0.9  # the others are outside the picture


def test_more_snow_adds_flakes_to_those_of_less() -> None:
    view = camera()
    less, more = (seen(view, scene(weather=Weather(cloudiness=100.0, snow_mm_h=rate))) for rate in (1.0, 4.0))

    assert len(more) > 3 * len(less) > 60
    assert (np.linalg.norm(less[:, None] - more[None], axis=2).min(axis=1) < 1e-9).all()
    assert seen(view, scene(weather=BARE)).size == 0
