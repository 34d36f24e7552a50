"""Shadows: of what is there now, whatever stood there before."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import RGB, View, Weather
from tests.simulator.render.conftest import at, bodies, camera, scene, town

SUN = Weather(sun_altitude_angle=40.0, sun_azimuth_angle=90.0)


def seen(renderer: Renderer, *x_m: float) -> np.ndarray:
    cars = [at(3 + k, "car", x, -1.5) for k, x in enumerate(x_m)]
    frames = renderer.render(scene(*cars, weather=SUN), camera(z_m=3.0), frozenset({RGB}))
    assert frames.rgb is not None
    return frames.rgb


def test_a_car_that_has_gone_leaves_no_shadow_and_takes_none_with_it() -> None:
    used, fresh = Renderer(town(), bodies()), Renderer(town(), bodies())
    try:
        empty = seen(fresh)
        with_car = seen(used, 9.0)
        assert (with_car != empty).any(axis=2).sum() > 2000
        for places in ((14.0, 9.0), (9.5,), (), (20.0,)):
            assert seen(used, *places).tobytes() == seen(fresh, *places).tobytes()
        assert seen(used).tobytes() == empty.tobytes()
    finally:
        used.close()
        fresh.close()


def test_ground_beside_a_car_is_in_its_shadow_away_from_the_sun(renderer: Renderer) -> None:
    # the sun stands to the right of who looks along +x, so shadows fall to the left
    empty, with_car = (seen(renderer, *places).astype(int).sum(axis=2) for places in ((), (12.0,)))
    darker = empty - with_car > 60
    columns = np.nonzero(darker[100:])[1]
    assert len(columns) > 200
    car = np.nonzero((empty != with_car)[100:])[1]
    assert columns.min() <= np.quantile(car, 0.05)


def test_shadows_of_upright_edges_run_straight_along_the_sunshine(renderer: Renderer) -> None:
    azimuth, height_m = np.radians(37.0), 8.0
    pose = np.eye(4)
    pose[:3, :3] = [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]  # straight down
    pose[:3, 3] = [0.0, 0.0, height_m]
    view = View(pose, 640, 360, 512.0, 512.0, 320.0, 180.0)
    sun = Weather(cloudiness=0.0, sun_altitude_angle=35.0, sun_azimuth_angle=37.0)
    empty, with_car = (
        renderer.render(scene(*cars, weather=sun), view, frozenset({RGB})).rgb
        for cars in ((), (at(3, "car", 1.5, -0.9),))
    )
    assert empty is not None
    assert with_car is not None
    dark = (empty[..., :3].astype(int) - with_car[..., :3]).sum(axis=2) > 60
    rows, columns = np.nonzero(dark)
    x, y = (columns + 0.5 - 320.0) * height_m / 512.0, (180.0 - rows - 0.5) * height_m / 512.0
    # azimuth is clockwise, and shadows fall the other way: upright edges draw lines of one `across`
    along, across = -x * np.cos(azimuth) + y * np.sin(azimuth), x * np.sin(azimuth) + y * np.cos(azimuth)
    strips = np.floor(along / 0.05)
    left = [across[strips == strip].max() for strip in range(-44, -16)]
    right = [across[strips == strip].min() for strip in range(-4, 26)]
    assert max(np.ptp(left), np.ptp(right)) < 0.025
