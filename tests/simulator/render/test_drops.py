"""Drops on a camera's glass: they bend what is behind them, and are in the picture alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.simulator.profile import NATIVE
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import Weather
from av_synth.simulator.sensors.cameras import expose_cameras
from av_synth.simulator.sensors.drops import wet_lens
from av_synth.simulator.sensors.exposure import Exposure, Message
from av_synth.simulator.sensors.spec import make_sensor
from tests.simulator.render.conftest import at, scene

HEAVY = Weather(precipitation=100.0)


def halves() -> np.ndarray:
    """An image (540, 960, 4) that is bright above and dark below."""
    image = np.full((540, 960, 4), 255, dtype=np.uint8)
    image[270:, :, :3] = 20
    return image


def test_a_dry_lens_is_the_image_itself() -> None:
    image = halves()
    assert wet_lens(image, Weather(wetness=100.0, precipitation_deposits=100.0), 4, 0) is image


def test_drops_show_the_street_upside_down_and_cover_a_small_part_of_it() -> None:
    image = halves()
    seen = wet_lens(image, HEAVY, 4, 5_000_000)
    changed = (seen != image).any(axis=2)
    assert 0.005 < changed.mean() < 0.08
    dark_above = (seen[:250, :, 0] < 100).sum()
    bright_below = (seen[290:, :, 0] > 200).sum()
    assert dark_above > 40
    assert bright_below > 40
    assert (seen[..., 3] == 255).all()


def test_drops_are_the_same_whenever_the_image_is_taken_again_and_each_camera_has_its_own() -> None:
    image = halves()
    seen = wet_lens(image, HEAVY, 4, 5_000_000)
    assert np.array_equal(seen, wet_lens(image, HEAVY, 4, 5_000_000))
    assert not np.array_equal(seen, wet_lens(image, HEAVY, 5, 5_000_000))
    assert not np.array_equal(seen, wet_lens(image, HEAVY, 4, 9_000_000))


def test_drops_grow_with_the_rain_from_nothing() -> None:
    image = halves()
    begin, middle, end = (np.linspace(first, first + 5.0, 21).tolist() for first in (0.0, 47.5, 95.0))
    covered, steps = {}, []
    for amounts in (begin, middle, end):
        seen = [wet_lens(image, Weather(precipitation=each), 4, 5_000_000).astype(np.int16) for each in amounts]
        covered |= {each: int((wet != image).any(axis=2).sum()) for each, wet in zip(amounts, seen, strict=True)}
        steps += [np.abs(b - a).mean() for a, b in pairwise(seen)]
    assert covered[0.0] == 0
    assert covered[1.0] < 600
    assert covered[5.0] < covered[50.0] < covered[100.0]
    assert max(steps) < 0.15  # of 255, over the image: less than one drop of 20 pixels that comes from nowhere


@pytest.mark.parametrize("shape", [(3, 5), (40, 40), (31, 400)])
def test_images_of_any_size_pass_through_a_wet_lens(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 4), 90, dtype=np.uint8)
    assert wet_lens(image, HEAVY, 4, 5_000_000).shape == image.shape


def test_labels_and_depth_know_nothing_of_drops(renderer: Renderer) -> None:
    size = {"image_size_x": "320", "image_size_y": "180"}
    kinds = ("rgb", "depth", "instance_segmentation")
    sensors = [
        make_sensor(f"sensor.camera.{kind}", size, np.eye(4), 9 + k, 0, k, (0, 0.0)) for k, kind in enumerate(kinds)
    ]
    pose = from_yaw(0.0, 0.0, 1.6, 0.0)

    def sent(elapsed_s: float) -> list[bytes]:
        """Bodies of rgb, depth and labels: of one frame, so that only the lens knows how late it is."""
        exposures = [Exposure(sensor, 7, elapsed_s, 0.05, pose, np.zeros(3)) for sensor in sensors]
        messages: list[Message] = []
        expose_cameras(renderer, scene(at(3, "car", 9.0), weather=HEAVY), exposures, messages.append, NATIVE, {})
        return [b"".join(bytes(part) for part in message.parts[1:]) for message in messages]

    (rgb, depth, labels), (later_rgb, later_depth, later_labels) = sent(5.0), sent(11.0)
    assert rgb != later_rgb
    assert depth == later_depth
    assert labels == later_labels
