"""Which instances a view may see, and where they stand relative to its camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.errors import DataError
from av_synth.simulator.render import projection
from av_synth.simulator.render.geometry import Geometry, Shape
from av_synth.simulator.scene import Instance, Scene, View


@dataclass(frozen=True)
class Placed:
    """An instance inside a view, its shape, and `relative_from_body` as the bytes of a GLSL mat4."""

    instance: Instance
    shape: Shape
    matrix: bytes


def place(geometry: Geometry, scene: Scene, view: View) -> list[Placed]:
    """The instances that the view may see, in the order of the scene.

    Raises:
        DataError: a body, pose, transform or actor id that cannot be drawn.
    """
    if not scene.instances:
        return []
    shapes = [_shape(geometry, instance) for instance in scene.instances]
    poses = np.stack([instance.world_from_body for instance in scene.instances])
    middles = np.stack([shape.centre_m for shape in shapes])
    centres = np.einsum("nij,nj->ni", poses[:, :3, :3], middles) + poses[:, :3, 3]
    seen = projection.frustum(view).spheres(centres, np.array([shape.radius_m for shape in shapes]))
    # the difference is taken in float64, so that far from the origin float32 loses nothing near the camera
    poses[:, :3, 3] -= view.world_from_camera[:3, 3]
    matrices = poses.transpose(0, 2, 1).astype("<f4")
    return [
        Placed(instance, shape, matrix.tobytes())
        for instance, shape, matrix, keep in zip(scene.instances, shapes, matrices, seen, strict=True)
        if keep
    ]


def _shape(geometry: Geometry, instance: Instance) -> Shape:
    shape = geometry.shapes.get((instance.body, instance.pose))
    if shape is None:
        raise DataError(f"actor {instance.actor_id}: no pose {instance.pose} of a body {instance.body!r} to draw")
    if instance.world_from_body.shape != (4, 4) or not np.isfinite(instance.world_from_body).all():
        raise DataError(f"actor {instance.actor_id}: want a finite (4, 4) transform")
    if not 1 <= instance.actor_id <= 0xFFFF:
        raise DataError(f"actor {instance.actor_id}: want an id from 1 to 65535 for what can be seen")
    return shape
