"""Which instances a view may see, and where they stand relative to its camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.render import projection
from av_synth.simulator.render.geometry import Geometry, Shape
from av_synth.simulator.scene import Instance, Scene, View
from av_synth.simulator.wheel_parts import parted

_WHEEL_M = 0.65
_LEAST_PX = 14.0  # a wheel that is shown smaller than this across is drawn as the body's mesh has it


@dataclass(frozen=True)
class Placed:
    """An instance inside a view, and what its draw calls are told.

    Attributes:
        shape: of its pose.
        matrix: `relative_from_body` as the bytes of a GLSL mat4.
        moved: the same matrix of the frame before less this one; empty where nobody wants optical flow.
        last_vertex: from a vertex of the shape to the same one of the frame before, in the vertex buffer.
        whole: the body that it is all or the most of, which darkens the ground below; None for a part that moves.
    """

    instance: Instance
    shape: Shape
    matrix: bytes
    moved: bytes = b""
    last_vertex: int = 0
    whole: Shape | None = None


def place(geometry: Geometry, scene: Scene, view: View, last_eye_m: Array | None = None) -> list[Placed]:
    """The instances that the view may see, in the order of the scene.

    Args:
        geometry: what can be drawn.
        scene: what stands where.
        view: from where it is seen.
        last_eye_m: (3,), where the camera was on the frame before, for optical flow; None for none.

    Raises:
        DataError: a body, pose, transform or actor id that cannot be drawn.
    """
    if not scene.instances:
        return []
    instances, wholes = _taken_apart(geometry, scene, view)
    shapes = [_shape(geometry, instance) for instance in instances]
    poses = np.stack([instance.world_from_body for instance in instances])
    middles = np.stack([shape.centre_m for shape in shapes])
    centres = np.einsum("nij,nj->ni", poses[:, :3, :3], middles) + poses[:, :3, 3]
    seen = projection.frustum(view).spheres(centres, np.array([shape.radius_m for shape in shapes]))
    # the difference is taken in float64, so that far from the origin float32 loses nothing near the camera
    poses[:, :3, 3] -= view.world_from_camera[:3, 3]
    matrices = poses.transpose(0, 2, 1).astype("<f4")
    placed = [
        Placed(instance, shape, matrix.tobytes(), whole=whole)
        for instance, shape, whole, matrix, keep in zip(instances, shapes, wholes, matrices, seen, strict=True)
        if keep
    ]
    return placed if last_eye_m is None else [_moved(geometry, item, view, last_eye_m) for item in placed]


def moved_from_body(now: Array, last: Array, eye_m: Array, last_eye_m: Array) -> bytes:
    """What a body's points gain towards the frame before, as the bytes of a GLSL mat4.

    Args:
        now: (4, 4), `world_from_body` on this frame.
        last: the same on the frame before.
        eye_m: (3,), where the camera is.
        last_eye_m: where it was.
    """
    # differences in float64: float32 then loses nothing of a small step far from the origin
    moved = last - now
    moved[:3, 3] -= last_eye_m - eye_m
    return moved.T.astype("<f4").tobytes()


def _moved(geometry: Geometry, item: Placed, view: View, last_eye_m: Array) -> Placed:
    instance, shape = item.instance, item.shape
    last = instance.world_from_body if instance.last_world_from_body is None else instance.last_world_from_body
    if last.shape != (4, 4) or not np.isfinite(last).all():
        raise DataError(f"actor {instance.actor_id}: want a finite (4, 4) transform for the frame before")
    pose = instance.pose if instance.last_pose is None else instance.last_pose
    last_shape = geometry.shapes.get((instance.body, pose))
    if last_shape is None:
        raise DataError(f"actor {instance.actor_id}: no pose {pose} of a body {instance.body!r} on the frame before")
    moved = moved_from_body(instance.world_from_body, last, view.world_from_camera[:3, 3], last_eye_m)
    return replace(item, moved=moved, last_vertex=shape.follows * (last_shape.first_vertex - shape.first_vertex))


def _taken_apart(geometry: Geometry, scene: Scene, view: View) -> tuple[list[Instance], list[Shape | None]]:
    """All instances, those with turned wheels that a view shows large enough in parts, and the `whole` of each."""
    instances: list[Instance] = []
    wholes: list[Shape | None] = []
    reach_m = _WHEEL_M * max(view.fx_px, view.fy_px) / _LEAST_PX
    for instance in scene.instances:
        whole = _shape(geometry, instance)
        away = instance.world_from_body[:3, 3] - view.world_from_camera[:3, 3]
        if instance.wheels is None or away @ away > reach_m * reach_m:
            instances.append(instance)
            wholes.append(whole)
        else:
            parts = list(parted(instance))
            instances += parts
            wholes += [whole, *[None] * (len(parts) - 1)]
    return instances, wholes


def _shape(geometry: Geometry, instance: Instance) -> Shape:
    shape = geometry.shapes.get((instance.body, instance.pose))
    if shape is None:
        raise DataError(f"actor {instance.actor_id}: no pose {instance.pose} of a body {instance.body!r} to draw")
    if instance.world_from_body.shape != (4, 4) or not np.isfinite(instance.world_from_body).all():
        raise DataError(f"actor {instance.actor_id}: want a finite (4, 4) transform")
    if not 1 <= instance.actor_id <= 0xFFFF:
        raise DataError(f"actor {instance.actor_id}: want an id from 1 to 65535 for what can be seen")
    return shape
