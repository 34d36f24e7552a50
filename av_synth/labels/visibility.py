"""How much of an actor the cameras see, as nuScenes means it: the share of its pixels over all cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.capture import LabelImage
from av_synth.geometry.boxes import corners, in_front, points_inside
from av_synth.geometry.transforms import Array, apply, invert, rotate
from av_synth.labels.classes import tags_of
from av_synth.rig.model import Camera

_GRID = 64  # sample pixels across the projected box, at most
_MARGIN_M = 0.1  # depth is quantised and pixels at a silhouette straddle two surfaces
_IN_FRONT_M = 0.25  # nearer than the box by more than this hides it

# What fills a box: a car is its body and its cabin, a van has a bonnet, two-wheelers and people are slim.
_CAR = np.array([[[-0.93, -0.83, -0.74], [0.93, 0.83, 0.02]], [[-0.87, -0.78, 0.02], [0.31, 0.78, 1.0]]])
_VAN = np.array([[[-0.97, -0.85, -0.75], [0.97, 0.85, 0.0]], [[-0.97, -0.8, 0.0], [0.6, 0.8, 0.97]]])
_LOW_CAR_M = 2.0  # nuScenes' cars are vans, too
_CYCLE = np.array([[[-0.95, -0.4, -1.0], [0.95, 0.4, -0.1]], [[-0.4, -0.75, -0.1], [0.55, 0.75, 1.0]]])
_SHAPES = {
    "vehicle.bicycle": _CYCLE,
    "vehicle.motorcycle": _CYCLE,
    "vehicle": np.array([[[-0.97, -0.88, -0.78], [0.97, 0.88, 0.97]]]),
    "human": np.array([[[-0.55, -0.75, -1.0], [0.55, 0.75, 1.0]]]),
}
_SOLID = np.array([[[-0.9, -0.9, -1.0], [0.9, 0.9, 1.0]]])


@dataclass(frozen=True)
class Visibility:
    """nuScenes level 1 to 4 (0: in no camera), how it was got, and the share itself (0 to 1)."""

    level: int
    method: str
    fraction: float


@dataclass(frozen=True)
class Look:
    """One camera's label image with the camera that took it and where that was (4, 4)."""

    label: LabelImage
    camera: Camera
    world_from_camera: Array


def visibility(
    actor_id: int, category: str, world_from_box: Array, size_lwh_m: Array, looks: Mapping[str, Look]
) -> Visibility:
    """Visibility of one actor over all cameras of a keyframe.

    By `amodal_render` where the simulator drew the actor alone as well, else `estimated` from the box and the depth
    images. Pixels outside all images do not count, as in nuScenes.
    """
    alone = seen = 0.0
    method = "amodal_render"
    for look in looks.values():
        whole: float
        part: float
        if look.label.extent_px is not None:
            extent = look.label.extent_px.get(actor_id)
            whole, part = (0, 0) if extent is None else (extent.alone_px, extent.visible_px)
        else:
            method = "estimated"
            whole, part = _estimate(category, world_from_box, size_lwh_m, look)
        alone, seen = alone + whole, seen + part
    if alone <= 0:
        return Visibility(0, method, 0.0)
    fraction = min(1.0, seen / alone)
    return Visibility(1 + (fraction >= 0.4) + (fraction >= 0.6) + (fraction >= 0.8), method, fraction)


def _estimate(category: str, world_from_box: Array, size_lwh_m: Array, look: Look) -> tuple[float, float]:
    """(pixels that the actor would fill alone, those that it fills), from a grid of sample pixels.

    What it fills are pixels in its box of a class that it can have. What it would fill besides are those where its
    shape is behind something nearer; so only the hidden part is guessed, and from a shape, for a box is larger than
    what is in it. The shapes (fractions of half sizes) were fitted to this simulator's bodies:
    docs/reference/ue4-profile.md.
    """
    camera = look.camera
    camera_from_box = invert(look.world_from_camera) @ world_from_box
    around = in_front(corners(camera_from_box, size_lwh_m), camera.edge_pieces)
    if len(around) == 0:
        return 0.0, 0.0
    uv, _ = camera.project(around)
    low = np.maximum(np.floor(uv.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(uv.max(axis=0)), [camera.width_px - 1, camera.height_px - 1]).astype(int)
    if (high < low).any():
        return 0.0, 0.0
    step = np.maximum(1, -(-(high - low + 1) // _GRID))
    u, v = np.meshgrid(*(np.arange(low[axis], high[axis] + 1, step[axis]) for axis in (0, 1)))
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)
    rays = camera.unproject(pixels, np.ones(len(pixels)))
    box_from_camera = invert(camera_from_box)
    depth_m = look.label.depth_m[pixels[:, 1], pixels[:, 0]]
    inside = points_inside(np.eye(4), size_lwh_m + 2.0 * _MARGIN_M, apply(box_from_camera, rays * depth_m[:, None]))
    own = inside & np.isin(look.label.tag[pixels[:, 1], pixels[:, 0]], list(tags_of(category)))
    entry_m = np.full(len(pixels), np.inf)
    for part in _shape(category, size_lwh_m):
        entry_m = np.minimum(entry_m, _ray_entry(box_from_camera, rays, part * size_lwh_m / 2.0))
    hidden = ~own & np.isfinite(entry_m) & (depth_m < entry_m - _IN_FRONT_M)
    pixels_per_sample = float(np.prod(step))
    return float((own | hidden).sum()) * pixels_per_sample, float(own.sum()) * pixels_per_sample


def _shape(category: str, size_lwh_m: Array) -> Array:
    """Boxes that fill about what an actor fills of its own box: lowest and highest corner (K, 2, 3), -1 to 1."""
    if category == "vehicle.car":
        return _CAR if size_lwh_m[2] < _LOW_CAR_M else _VAN
    return _SHAPES.get(category, _SHAPES.get(category.split(".", maxsplit=1)[0], _SOLID))


def _ray_entry(box_from_camera: Array, rays_camera: Array, bounds_m: Array) -> Array:
    """Depth (N,) at which rays (N, 3) with unit depth from the camera enter a box; inf where they miss (slabs).

    The box's lowest and highest corner are `bounds_m` (2, 3).
    """
    origin = apply(box_from_camera, np.zeros(3))
    directions = rotate(box_from_camera, rays_camera)
    directions = np.where(np.abs(directions) < 1e-12, 1e-12, directions)
    one, two = (bounds_m[0] - origin) / directions, (bounds_m[1] - origin) / directions
    enter, leave = np.minimum(one, two).max(axis=1), np.maximum(one, two).min(axis=1)
    entry: Array = np.where((enter <= leave) & (leave > 0), enter, np.inf)
    return entry
