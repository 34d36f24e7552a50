"""The veil that a camera's lens lays over the image when the sun is in it."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render import projection
from av_synth.simulator.render.lighting import Lighting
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import View

_BEFORE_M = 0.5  # nearer than anything that is drawn at all
_VEILS = ((0.75, 0.10), (0.22, 0.22))  # half size, as a share of the distance; strength, as one of the sun's light


def sun_pixel(view: View, light: Lighting) -> tuple[int, int] | None:
    """Column and row of the pixel that the sun stands in; None if it is not in the image, or too weak to dazzle."""
    clip = projection.clip_from_relative(view) @ np.append(light.sun_direction, 0.0)
    if not light.sharp or clip[3] <= 0.0:
        return None
    u = (clip[0] / clip[3] + 1.0) / 2.0 * view.width_px
    v = (clip[1] / clip[3] + 1.0) / 2.0 * view.height_px
    return (int(u), int(v)) if 0 <= u < view.width_px and 0 <= v < view.height_px else None


def veils(view: View, light: Lighting, shown: float) -> list[Array]:
    """Quads (6, 8), camera-relative, of light around the sun; `shown` is how much of it is not hidden, 0..1."""
    if shown <= 0.0:
        return []
    middle = light.sun_direction * _BEFORE_M
    right, down = view.world_from_camera[:3, 0], view.world_from_camera[:3, 1]
    quads = []
    for size, strength in _VEILS:
        spread = (CORNERS[:, :1] * right + CORNERS[:, 1:] * down) * (size * _BEFORE_M)
        colour = np.minimum(light.key_colour, 2.5) * (strength * shown)
        quads.append(np.concatenate([middle + spread, CORNERS, np.tile(colour, (6, 1))], axis=1))
    return quads
