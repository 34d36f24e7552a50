"""Vehicles that drive on a wet road draw a mist behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import DEPTH, LABELS, RGB, Scene, Weather
from tests.simulator.render.conftest import at, camera

WET = Weather(cloudiness=100, wetness=100, precipitation_deposits=50)
DRY = Weather(cloudiness=100)
DAMP = replace(WET, wetness=30.0, precipitation_deposits=10.0)
BEHIND = (slice(110, 150), slice(120, 205))


def frames(
    renderer: Renderer, speed_mps: float, weather: Weather = WET, elapsed_s: float = 2.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours, classes and depth behind a dark car that drives away."""
    car = at(3, "car", 11.0, colour=(20, 20, 20), velocity_mps=np.array([speed_mps, 0.0, 0.0]))
    seen = renderer.render(Scene(7, elapsed_s, (car,), weather), camera(), frozenset({RGB, LABELS, DEPTH}))
    assert seen.rgb is not None
    assert seen.tag is not None
    assert seen.depth_m is not None
    return seen.rgb[..., :3].astype(float), seen.tag, seen.depth_m


def test_spray_grows_with_speed_and_begins_above_that_of_walkers(renderer: Renderer) -> None:
    colours = {speed: frames(renderer, speed)[0] for speed in (0.0, 6.0, 12.0, 25.0)}
    assert np.array_equal(colours[0.0], colours[6.0])
    mist = {speed: (colours[speed] - colours[0.0])[BEHIND].mean() for speed in (12.0, 25.0)}
    assert mist[25.0] > 2.0 * mist[12.0] > 1.0


def test_spray_is_no_surface_and_needs_water(renderer: Renderer) -> None:
    still, fast = frames(renderer, 0.0), frames(renderer, 25.0)
    assert np.array_equal(still[1], fast[1])
    assert np.array_equal(still[2], fast[2])
    assert np.array_equal(frames(renderer, 0.0, DRY)[0], frames(renderer, 25.0, DRY)[0])
    damp, wet = ((frames(renderer, 25.0, w)[0] - frames(renderer, 0.0, w)[0])[BEHIND].mean() for w in (DAMP, WET))
    assert 0.0 < damp < wet


def test_spray_moves_with_the_time_and_is_the_same_when_drawn_again(renderer: Renderer) -> None:
    first, again, later = (frames(renderer, 25.0, elapsed_s=t)[0] for t in (2.0, 2.0, 2.3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
