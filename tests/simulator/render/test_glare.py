"""The sun in the lens lays a veil over the image, unless something stands before it."""

from __future__ import annotations

import math

import numpy as np

from av_synth.simulator.render import Renderer
from av_synth.simulator.render.glare import sun_pixel
from av_synth.simulator.render.lighting import lighting
from av_synth.simulator.scene import DEPTH, LABELS, RGB, Weather
from tests.simulator.render.conftest import WALL_X_M, at, camera, scene

AHEAD = Weather(sun_altitude_angle=12.0, sun_azimuth_angle=0.0, cloudiness=0.0)
VIEW = camera(z_m=3.0)


def test_the_sun_is_found_where_the_sky_is_brightest(renderer: Renderer) -> None:
    pixel = sun_pixel(VIEW, lighting(AHEAD))
    assert pixel is not None
    column, row = pixel
    assert abs(column - VIEW.cx_px) < 1.5
    assert abs(row - (VIEW.cy_px - VIEW.fy_px * math.tan(math.radians(12.0)))) < 1.5
    rgb = renderer.render(scene(weather=AHEAD), VIEW, frozenset({RGB})).rgb
    assert rgb is not None
    assert rgb[row - 1 : row + 2, column - 1 : column + 2, :3].min() > 250
    for weather in (Weather(sun_altitude_angle=12.0, sun_azimuth_angle=180.0), Weather(cloudiness=100)):
        assert sun_pixel(VIEW, lighting(weather)) is None


def test_a_sun_that_something_hides_dazzles_nobody_and_no_label_changes(renderer: Renderer) -> None:
    outputs = frozenset({RGB, DEPTH, LABELS})
    pixel = sun_pixel(VIEW, lighting(AHEAD))
    assert pixel is not None
    ground = (slice(120, 180), slice(pixel[0] - 40, pixel[0] + 40))
    bare = renderer.render(scene(weather=AHEAD), VIEW, outputs)
    # a car high up in the line to the sun
    distance_m = 12.0
    car = at(3, "car", distance_m, 0.0, 3.0 + distance_m * math.tan(math.radians(12.0)) - 0.85)
    hidden = renderer.render(scene(car, weather=AHEAD), VIEW, outputs)
    assert hidden.actor_id is not None
    assert hidden.actor_id[pixel[1], pixel[0]] == 3
    assert bare.rgb is not None
    assert hidden.rgb is not None
    veil = bare.rgb[ground][..., :3].astype(int) - hidden.rgb[ground][..., :3].astype(int)
    assert np.median(veil) > 3
    assert hidden.depth_m is not None
    assert bare.depth_m is not None
    others = hidden.actor_id != 3
    assert (hidden.depth_m == bare.depth_m)[others].all()
    assert bare.depth_m[170].max() < WALL_X_M
