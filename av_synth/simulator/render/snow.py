"""Falling snow near the camera: flakes that drift through the world, the same ones for all cameras of a frame.

They fill a cube around the camera that repeats itself in all directions, so that where each is follows from the time
alone. They are no surfaces: labels and depth go through them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Scene, View

_CUBE_M = 11.0
_MOST, _MOST_MM_H = 14_000, 5.0  # flakes in the cube, and the rate that has as many
_FALL_MPS = 1.1
_SWAY_M = 0.12
_RADII_M = 0.003, 0.008
_NEAREST_M, _FADES_FROM_M = 0.5, 4.0
_LEAST_PX = 0.55  # half the width of what is not lost between pixels
_EXPOSURE_S = 1 / 60


def flakes(scene: Scene, view: View, light: Lighting) -> list[Array]:
    """Quads (6, 6) each, camera-relative; none when it does not snow.

    More snow adds flakes to those of less, the last of them faint, so that nothing jumps as it sets in.
    """
    if light.snow_mm_h <= 0.0:
        return []
    wanted = _MOST * min(light.snow_mm_h / _MOST_MM_H, 1.0)
    count = int(np.ceil(wanted))
    places, size, phase = (each[:count] for each in _cube())
    # houses keep half of the wind off
    drift = np.array([*(0.5 * np.array(light.wind_mps)), -_FALL_MPS])
    sway = _SWAY_M * np.column_stack(
        [np.sin(phase + 1.9 * scene.elapsed_s), np.cos(phase * 1.7 + 1.6 * scene.elapsed_s)]
    )
    eye, turn = view.world_from_camera[:3, 3], view.world_from_camera[:3, :3]
    now = places + np.column_stack([sway, np.zeros(count)]) + drift * scene.elapsed_s
    relative = (now - eye) % _CUBE_M - _CUBE_M / 2
    seen = relative @ turn  # right, down, ahead
    ahead = seen[:, 2]
    wide, tall = (0.5 * n / f for n, f in ((view.width_px, view.fx_px), (view.height_px, view.fy_px)))
    slack = 1.1
    kept = (ahead > _NEAREST_M) & (np.abs(seen[:, 0]) < slack * wide * ahead + 0.05)
    kept &= np.abs(seen[:, 1]) < slack * tall * ahead + 0.05
    distance = np.linalg.norm(relative, axis=1)
    kept &= distance < _CUBE_M / 2
    relative, distance, ahead, size = relative[kept], distance[kept], ahead[kept], size[kept]
    faint = np.clip(wanted - np.flatnonzero(kept), 0.0, 1.0)
    fading = np.clip((_CUBE_M / 2 - distance) / (_CUBE_M / 2 - _FADES_FROM_M), 0.0, 1.0)
    radius = _RADII_M[0] + (_RADII_M[1] - _RADII_M[0]) * size
    least = _LEAST_PX * ahead / view.fx_px
    shown = np.maximum(radius, least)
    # what is drawn larger than it is hides so much less
    dense = faint * fading * np.minimum(radius / least, 1.0)
    order = np.argsort(-ahead, kind="stable")
    relative, shown, dense = relative[order], shown[order], dense[order]
    streak = drift * (_EXPOSURE_S / 2)
    quads = np.empty((len(relative), 6, 6))
    across = CORNERS[None, :, :1] * turn[:, 0] + CORNERS[None, :, 1:] * turn[:, 1]
    quads[:, :, :3] = relative[:, None, :] + across * shown[:, None, None]
    quads[:, :, :3] -= CORNERS[None, :, 1:] * streak
    quads[:, :, 3:5] = CORNERS
    quads[:, :, 5] = dense[:, None]
    return list(quads)


@lru_cache(maxsize=1)
def _cube() -> tuple[Array, Array, Array]:
    """Where flakes are in the cube at first (N, 3), how large each is, 0..1, and when it sways (N,)."""
    random = np.random.default_rng(20).random((_MOST, 5))
    return random[:, :3] * _CUBE_M, random[:, 3] ** 2, random[:, 4] * 2.0 * np.pi
