"""The uniform block that every program reads: the fields of `shaders/frame.glsl`, packed as std140 wants them."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.shadows import ShadowMaps

SIZE = 3 * 64 + 18 * 16


def pack(
    light: Lighting,
    clip_from_relative: Array,
    last_clip_from_relative: Array,
    eye_m: Array,
    elapsed_s: float,
    shadow: ShadowMaps,
    lamp_map: tuple[float, float, float],
) -> bytes:
    """The block's bytes. `lamp_map`: scale and offsets to 0..1.

    `last_clip_from_relative` is that of the frame before; only optical flow reads it.
    """
    vectors = [
        *((row[:3], row[3]) for row in shadow.atlas),
        (eye_m, elapsed_s % 3600.0),
        (light.key_direction, shadow.lift_m),
        (light.key_colour, 0.0),
        (light.sun_direction, light.cloudiness),
        (light.sky_light, light.snow_cover),
        (light.ground_light, 0.0),
        (light.zenith, 0.0),
        (light.horizon, 0.0),
        (light.halo, 0.0),
        (light.cloud_light, 0.0),
        (light.cloud_shade, 0.0),
        (light.haze, light.haze_per_m),
        ((light.fog_start_m, light.fog_falloff_per_m, light.fog_per_m), 0.0),
        ((light.night, light.wetness, light.puddles), light.rain),
        (lamp_map, light.lamps),
        (light.haze_glow, 0.0),
    ]
    # GLSL's matrices lie in memory column by column
    matrices = [m.T.reshape(-1) for m in (clip_from_relative, shadow.from_relative, last_clip_from_relative)]
    flat = [*matrices, *(np.append(np.asarray(xyz, dtype=np.float64), w) for xyz, w in vectors)]
    return bytes(np.concatenate(flat).astype("<f4").data)
