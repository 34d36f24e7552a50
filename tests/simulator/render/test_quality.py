from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import cv2
import numpy as np
import pytest

from av_synth.errors import DocumentError
from av_synth.simulator.quality import DEFAULT, FAST, HIGH, QUALITIES, parse_quality
from av_synth.simulator.render import Renderer, projection
from av_synth.simulator.render.antialias import smooth_edges
from av_synth.simulator.render.renderer import Frames
from av_synth.simulator.scene import DEPTH, FLOW, LABELS, NORMALS, RGB, Scene, Weather
from tests.simulator.render.conftest import at, bodies, camera, scene, town

EVERYTHING = frozenset({RGB, DEPTH, LABELS, FLOW, NORMALS})
DAY = Weather(sun_altitude_angle=40.0, sun_azimuth_angle=130.0)
DRY_NIGHT = Weather(sun_altitude_angle=-30.0)
WET_NIGHT = Weather(80.0, 30.0, 60.0, sun_altitude_angle=-30.0, wetness=90.0)
SEEN = [at(3, "car", 9.0, 1.0), at(4, "bicycle", 6.0, -2.0), at(5, "car", 41.0, -6.0), at(6, "flag", 5.0, 0.3, 1.2)]


@pytest.fixture(scope="module")
def renderers() -> Iterator[dict[str, Renderer]]:
    made = {name: Renderer(town(), bodies(), quality) for name, quality in QUALITIES.items()}
    yield made
    for renderer in made.values():
        renderer.close()


def street(weather: Weather) -> Scene:
    return scene(*SEEN, weather=weather)


@pytest.mark.parametrize("weather", [DAY, WET_NIGHT], ids=["day", "wet night"])
def test_every_quality_gives_the_same_bytes_of_all_but_colour_and_colours_of_its_own(renderers, weather):
    last = camera(-0.4).world_from_camera
    made = {name: each.render(street(weather), camera(), EVERYTHING, last) for name, each in renderers.items()}

    usual = made[DEFAULT.name]
    for other in (made[FAST.name], made[HIGH.name]):
        for what in fields(Frames):
            one, two = getattr(usual, what.name), getattr(other, what.name)
            same = one.tobytes() == two.tobytes() and one.shape == two.shape and one.dtype == two.dtype
            assert same == (what.name != "rgb"), what.name
        assert (other.rgb[..., 3] == 255).all()
        assert np.abs(other.rgb.astype(int) - usual.rgb).mean() < 6.0  # it is the same picture all the same


@pytest.mark.parametrize("outputs", [{RGB}, {RGB, DEPTH}, {LABELS}])
def test_what_is_asked_for_alone_is_what_comes_with_everything_at_high_quality_too(renderers, outputs):
    whole = renderers[HIGH.name].render(street(DAY), camera(), EVERYTHING)
    alone = renderers[HIGH.name].render(street(DAY), camera(), frozenset(outputs))

    names = {RGB: ("rgb",), DEPTH: ("depth_m",), LABELS: ("tag", "actor_id")}
    wanted = [name for output in outputs for name in names[output]]
    for each in fields(Frames):
        found = getattr(alone, each.name)
        if each.name in wanted:
            assert np.array_equal(found, getattr(whole, each.name))
        else:
            assert found is None


def test_high_quality_is_nearest_to_a_picture_drawn_much_larger(renderers):
    large = renderers[DEFAULT.name].render(street(DAY), projection.enlarged(camera(), 6), frozenset({RGB})).rgb
    true = cv2.resize(large, (320, 180), interpolation=cv2.INTER_AREA).astype(float)
    pictures = {name: each.render(street(DAY), camera(), frozenset({RGB})).rgb for name, each in renderers.items()}

    error = {name: float(((picture - true)[..., :3] ** 2).mean()) for name, picture in pictures.items()}

    assert error[HIGH.name] < 0.6 * min(error[FAST.name], error[DEFAULT.name])


@pytest.mark.parametrize(
    ("weather", "differs"), [(DRY_NIGHT, False), (DAY, True), (WET_NIGHT, True)], ids=["neither", "shadows", "mirrors"]
)
def test_fast_has_stair_steps_coarser_shadows_and_coarser_mirrors_and_nothing_else(renderers, weather, differs):
    fast, usual = (
        renderers[each.name].render(street(weather), camera(), frozenset({RGB})).rgb for each in (FAST, DEFAULT)
    )

    assert not np.array_equal(fast, usual)
    assert np.array_equal(smooth_edges(fast), usual) != differs


def test_pixels_of_an_enlarged_view_divide_those_of_the_view():
    view = camera()
    large = projection.enlarged(view, 2)

    assert (large.width_px, large.height_px) == (640, 360)
    assert np.allclose(projection.clip_from_relative(large), projection.clip_from_relative(view), rtol=0, atol=1e-12)


def test_a_quality_that_is_not_there_is_an_error_of_the_option_with_those_that_are():
    assert parse_quality("high") is HIGH
    with pytest.raises(DocumentError, match="--quality: got 'best'; want fast, default, high"):
        parse_quality("best")
