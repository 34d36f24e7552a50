"""Spray: the mist that wheels throw up behind vehicles on a wet road, as soft puffs that face the camera.

Where a puff is comes from the pose and speed of its vehicle and the time alone, so that it is the same whenever it is
drawn again. It is no surface: labels and depth go through it.
"""

from __future__ import annotations

import math

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.sensing.spray import SPRAY_FROM_MPS, SPRAY_LAG, SPRAY_LASTS_S, spray_density, thrown
from av_synth.simulator.render.lighting import Lighting, smooth_step
from av_synth.simulator.render.placement import Placed
from av_synth.simulator.render.quads import CORNERS
from av_synth.simulator.scene import Scene, View

_PUFFS = 13
_NEAR_M, _FAR_M = 3.0, 70.0
_DENSEST = 0.85  # share of what is behind that a puff hides
_FAINT = 0.02  # a puff below this is not worth its pixels


def puffs(scene: Scene, view: View, placed: list[Placed], light: Lighting) -> list[Array]:
    """Quads (6, 7) each, camera-relative, far ones first; none on a dry road."""
    if light.wetness <= 0.0:
        return []
    eye, turn = view.world_from_camera[:3, 3], view.world_from_camera[:3, :3]
    found, depths = [np.zeros((0, 6, 7))], [np.zeros(0)]
    for item in _driven(placed):
        pose, velocity = item.instance.world_from_body, item.instance.velocity_mps
        speed = float(np.linalg.norm(velocity))
        distance = float(np.linalg.norm(pose[:3, 3] - eye))
        strength = thrown(light.wetness, speed) * smooth_step(_FAR_M, 0.6 * _FAR_M, distance)
        if strength * _DENSEST < _FAINT:
            continue
        random = np.random.default_rng(item.instance.actor_id).random((_PUFFS, 4))
        age = (random[:, 0] + scene.elapsed_s / SPRAY_LASTS_S) % 1.0
        whole = item.whole or item.shape
        half, middle = whole.half_m, whole.centre_m
        size = (0.38 + 0.8 * min(half[2], 1.6) * age) * (0.7 + 0.6 * random[:, 1])
        behind = np.zeros((_PUFFS, 3))
        behind[:, 0] = middle[0] - half[0] * 0.75 - age * SPRAY_LASTS_S * SPRAY_LAG * speed
        behind[:, 1] = middle[1] + (np.where(random[:, 2] < 0.5, -0.75, 0.75) + (random[:, 3] - 0.5) * age) * half[1]
        behind[:, 2] = 0.15 + 0.5 * age * half[2] + 0.3 * size
        relative = behind @ pose[:3, :3].T + pose[:3, 3] - eye
        ahead = relative @ turn[:, 2]
        dense = spray_density(age) * np.clip((ahead - 0.3) / _NEAR_M, 0.0, 1.0)
        # the air before it hides it as it hides all else
        murk = light.haze_per_m * distance + light.fog_per_m * max(distance - light.fog_start_m, 0.0)
        dense *= _DENSEST * strength * math.exp(-murk)
        shown = dense > _FAINT
        quads = np.empty((int(shown.sum()), 6, 7))
        spread = CORNERS[:, :1] * turn[:, 0] + CORNERS[:, 1:] * turn[:, 1]
        quads[:, :, :3] = relative[shown, None, :] + spread * size[shown, None, None]
        quads[:, :, 3:5] = CORNERS
        quads[:, :, 5] = dense[shown, None]
        quads[:, :, 6] = pose[2, 3] - eye[2]
        found.append(quads)
        depths.append(ahead[shown])
    order = np.argsort(-np.concatenate(depths), kind="stable")
    return list(np.concatenate(found)[order])


def _driven(placed: list[Placed]) -> list[Placed]:
    """The bodies of what moves, one for each actor: open doors and turned wheels throw no spray of their own."""
    first: dict[int, Placed] = {}
    for item in placed:
        if item.whole is not None:
            first.setdefault(item.instance.actor_id, item)
    return [item for item in first.values() if float(np.linalg.norm(item.instance.velocity_mps)) > SPRAY_FROM_MPS]
