"""What exposure and gamma work on is what the renderer's tone curve made."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest

from av_synth.simulator.sensors.development import Development


def shown(light: np.ndarray) -> np.ndarray:
    """What the shader makes of light, 0..1, by the numbers in its text."""
    text = (resources.files("av_synth.simulator.render") / "shaders" / "light.glsl").read_text(encoding="utf-8")
    curve = re.search(r"vec3 developed\(vec3 light\) \{(.*?)\n\}", text, re.DOTALL)
    assert curve is not None
    a, b, c, d, e = (float(number) for number in re.findall(r"\d+\.\d+", curve[1]))
    return np.asarray(np.sqrt(light * (a * light + b) / (light * (c * light + d) + e)))


@pytest.mark.parametrize("stops", [-1.0, 0.5, 1.0])
def test_compensation_makes_what_twice_the_light_would_have_made(stops: float) -> None:
    light = np.linspace(0.02, 1.2, 60)
    pixels = np.zeros((1, 60, 4), np.uint8)
    pixels[..., :3] = np.rint(255.0 * np.minimum(shown(light), 1.0))[None, :, None]
    developed = Development(compensation=stops).develop(pixels, metered_ev100=0.0)
    wanted = 255.0 * np.minimum(shown(light * 2.0**stops), 1.0)
    assert np.abs(developed[0, :, 1] - wanted).max() < 4.0
