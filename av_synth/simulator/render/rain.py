"""Falling rain near the camera: faint streaks, different in every frame and view, the same whenever drawn again."""

from __future__ import annotations

import zlib

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Scene, View

_MOST = 700
_FALL_MPS = 8.0
_DAY_S, _NIGHT_S = 1 / 90, 1 / 40  # exposures: how long a drop draws its streak


def streaks(scene: Scene, view: View, light: Lighting) -> list[Array]:
    """Quads (6, 8) each, camera-relative; none when it does not rain.

    More rain adds streaks to those of less rain, the last of them faint, so that nothing jumps as it sets in.
    """
    if light.rain <= 0.0:
        return []
    seed = zlib.crc32(view.world_from_camera.tobytes() + repr((scene.frame, view.width_px, view.fx_px)).encode())
    random = np.random.Generator(np.random.PCG64(seed)).random((_MOST, 4))
    wanted = _MOST * light.rain
    count = min(int(np.ceil(wanted)), _MOST)
    share, depth, size = random[:count, :2], 1.5 + 8.5 * random[:count, 2], 0.6 + 0.8 * random[:count, 3]
    u, v = share[:, 0] * view.width_px, share[:, 1] * view.height_px
    camera = np.stack([(u - view.cx_px) / view.fx_px, (v - view.cy_px) / view.fy_px, np.ones(count)], axis=1)
    middles = (camera * depth[:, None]) @ view.world_from_camera[:3, :3].T
    right = view.world_from_camera[:3, 0]
    exposure_s = _DAY_S + (_NIGHT_S - _DAY_S) * light.lamps
    # houses keep half of the wind off
    fall = np.array([*(0.5 * np.array(light.wind_mps)), -_FALL_MPS]) * (exposure_s / 2)
    # a drop is about 1 mm wide, which would be lost between pixels: at least a third of one
    widths = np.maximum(0.0012, depth / view.fx_px * 0.35) * size
    faint = np.clip(wanted - np.arange(count), 0.0, 1.0) * size
    brightness = 0.10 * faint[:, None] * (light.sky_light + 0.3 * light.key_colour)
    quads = np.empty((count, 6, 8))
    across = CORNERS[None, :, :1] * right * widths[:, None, None]
    quads[:, :, :3] = middles[:, None, :] + across + CORNERS[None, :, 1:] * fall * size[:, None, None]
    quads[:, :, 3:5] = CORNERS
    quads[:, :, 5:] = brightness[:, None, :]
    return list(quads)
