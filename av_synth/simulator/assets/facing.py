"""Which triangles of a model can be seen from outside, and from which side: rays tell.

Files of others have faces turned inside out, double walls and whole interiors. Here glass is not looked through, so
what no ray from outside reaches is left out, and what is left is turned to where it is seen from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from embreex import mesh_construction, rtcore_scene

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.model import Model

_RAYS = 48
_SEEN = 0.021  # of the rays of one side; below, the side is hidden


def seen_from_outside(model: Model) -> Model:
    """The model without hidden triangles; each is counter-clockwise from where it is seen, twice if from both sides.

    Args:
        model: welded.
    """
    scene = rtcore_scene.EmbreeScene()
    mesh_construction.TriangleMesh(scene, model.points.astype(np.float32), model.triangles.astype(np.int32))
    a, b, c = (model.points[model.triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    reach = float(np.ptp(model.points, axis=0).max())
    front, back = (_seen(scene, (a, b, c), side * normal, reach) for side in (1.0, -1.0))
    # a wall that is seen a lot from one side is not one that needs another side, but for a slit
    outside = (front >= _SEEN) & (front >= 0.25 * back)
    inside = (back >= _SEEN) & (back > 0.25 * front)
    kept, turned = model.kept(outside), model.kept(inside)
    return joined(kept, replace(turned, triangles=turned.triangles[:, ::-1], uvs=turned.uvs[:, ::-1]))


def _seen(scene: rtcore_scene.EmbreeScene, corners: tuple[Array, Array, Array], normal: Array, reach: float) -> Array:
    """Share (T,) of rays from each triangle to its side of `normal` (T, 3) that meet nothing."""
    side = np.cross(normal, np.where(np.abs(normal[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    third = np.cross(normal, side)
    free = np.zeros(len(normal))
    for k in range(_RAYS):
        # directions spread evenly over the hemisphere by the golden angle, from three places in turn
        up = (k + 0.5) / _RAYS
        turn, flat = k * np.pi * (3 - np.sqrt(5)), np.sqrt(1 - up * up)
        rays = up * normal + flat * (np.cos(turn) * side + np.sin(turn) * third)
        weights = np.roll([0.6, 0.2, 0.2], k)
        start = sum(weight * corner for weight, corner in zip(weights, corners, strict=True)) + 2e-4 * reach * normal
        hit = scene.run(start.astype(np.float32), rays.astype(np.float32))
        free += hit < 0
    return free / _RAYS


def joined(one: Model, other: Model) -> Model:
    """Two models of the same substances as one, whose points stay apart."""
    return Model(
        np.concatenate([one.points, other.points]),
        np.concatenate([one.triangles, other.triangles + len(one.points)]),
        np.concatenate([one.uvs, other.uvs]),
        np.concatenate([one.substance, other.substance]),
        one.substances,
    )
