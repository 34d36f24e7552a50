"""Falling rain near the camera: faint streaks, different in every frame and view, the same whenever drawn again."""

from __future__ import annotations

import zlib

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Scene, View

_MOST = 500
_FALL_MPS, _EXPOSURE_S = 8.0, 1 / 90


def streaks(scene: Scene, view: View, light: Lighting) -> list[Array]:
    """Quads (6, 8) each, camera-relative; none when it does not rain."""
    count = int(_MOST * light.rain)
    if count == 0:
        return []
    seed = zlib.crc32(view.world_from_camera.tobytes() + repr((scene.frame, view.width_px, view.fx_px)).encode())
    random = np.random.Generator(np.random.PCG64(seed))
    share, depth = random.random((count, 2)), random.uniform(1.5, 9.0, count)
    u, v = share[:, 0] * view.width_px, share[:, 1] * view.height_px
    camera = np.stack([(u - view.cx_px) / view.fx_px, (v - view.cy_px) / view.fy_px, np.ones(count)], axis=1)
    middles = (camera * depth[:, None]) @ view.world_from_camera[:3, :3].T
    right = view.world_from_camera[:3, 0]
    drift = np.array([0.03, 0.02]) * scene.weather.wind_intensity / 10.0
    fall = np.array([drift[0], drift[1], -1.0]) * _FALL_MPS * _EXPOSURE_S
    # a drop is about 1 mm wide, which would be lost between pixels: at least a third of one
    widths = np.maximum(0.0012, depth / view.fx_px * 0.35)
    brightness = 0.10 * (light.sky_light + 0.3 * light.key_colour)
    return [
        np.concatenate(
            [m + CORNERS[:, :1] * right * w + CORNERS[:, 1:] * fall, CORNERS, np.tile(brightness, (6, 1))], axis=1
        )
        for m, w in zip(middles, widths, strict=True)
    ]
