"""The dark under bodies that the sky does not reach: one soft quad on the ground for each."""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.geometry import Shape
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Instance

_REACH_M = 90.0
_LIFT_M = 0.03
_HANGING_M = 0.1  # above the origin of a body, from which its lowest point is not on the ground: a door's
_TALL_M = 2.2  # half height from which a body is a pole, with nothing wide above the ground


def contact_quads(placed: list[tuple[Instance, Shape]], eye_m: Array) -> list[Array]:
    """Quads (6, 6) each, camera-relative, of the shapes that stand upright on the ground within sight of it."""
    quads = []
    for instance, shape in placed:
        offset = instance.world_from_body[:3, 3] - eye_m
        poles = shape.half_m[2] > _TALL_M
        hanging = shape.centre_m[2] - shape.half_m[2] > _HANGING_M
        if poles or hanging or np.linalg.norm(offset) > _REACH_M or instance.world_from_body[2, 2] < 0.9:
            continue
        # wide and low bodies keep more of the sky off the ground than thin and tall ones, open frames less
        half = shape.half_m[:2]
        dark = (0.72 * min(float(half.min()) / 0.8, 1.0) + 0.15) * min(2.0 * shape.cover, 1.0)
        spread = CORNERS * (half * 1.12 + 0.12)
        corners = np.zeros((6, 3))
        corners[:, :2] = shape.centre_m[:2] + spread
        corners[:, 2] = shape.centre_m[2] - shape.half_m[2] + _LIFT_M
        relative = corners @ instance.world_from_body[:3, :3].T + offset
        quads.append(np.concatenate([relative, CORNERS, np.full((6, 1), dark)], axis=1))
    return quads
