"""How much of an actor the cameras see, as nuScenes means it: the share of its pixels over all cameras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from av_synth.capture import LabelImage
from av_synth.geometry.boxes import CORNER_SIGNS, corners
from av_synth.geometry.cameras import project, unproject
from av_synth.geometry.transforms import Array, apply, invert, rotate
from av_synth.rig.model import Camera

_GRID = 32  # sample pixels across the projected box
_IN_FRONT_M = 0.25  # nearer than the box by more than this hides it
_NEAR_M = 0.1
# (12, 2): an edge joins two corners that differ in one sign
_EDGES = np.argwhere(np.triu((CORNER_SIGNS[:, None] != CORNER_SIGNS).sum(axis=2) == 1))


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


def visibility(actor_id: int, world_from_box: Array, size_lwh_m: Array, looks: Mapping[str, Look]) -> Visibility:
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
            whole, part = (extent.alone_px, extent.visible_px) if extent is not None else (0, 0)
        else:
            method = "estimated"
            whole, part = _estimate(world_from_box, size_lwh_m, look)
        alone, seen = alone + whole, seen + part
    if alone <= 0:
        return Visibility(0, method, 0.0)
    fraction = min(1.0, seen / alone)
    return Visibility(1 + (fraction >= 0.4) + (fraction >= 0.6) + (fraction >= 0.8), method, fraction)


def _estimate(world_from_box: Array, size_lwh_m: Array, look: Look) -> tuple[float, float]:
    """(pixels of the box in the image, those with nothing nearer than the box), from a grid of sample pixels."""
    camera = look.camera
    camera_from_box = invert(look.world_from_camera) @ world_from_box
    around = in_front(corners(camera_from_box, size_lwh_m))
    if len(around) == 0:
        return 0.0, 0.0
    uv, _ = project(around, camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px)
    low = np.maximum(uv.min(axis=0), 0.0)
    high = np.minimum(uv.max(axis=0), [camera.width_px - 1.0, camera.height_px - 1.0])
    if (high <= low).any():
        return 0.0, 0.0
    u, v = np.meshgrid(np.linspace(low[0], high[0], _GRID), np.linspace(low[1], high[1], _GRID))
    pixels = np.round(np.stack([u.ravel(), v.ravel()], axis=1)).astype(int)
    rays = unproject(pixels, np.ones(len(pixels)), camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px)
    entry_m = _ray_entry(invert(camera_from_box), rays, size_lwh_m)
    hit = np.isfinite(entry_m)
    free = look.label.depth_m[pixels[:, 1], pixels[:, 0]] > entry_m - _IN_FRONT_M
    pixels_per_sample = float(np.prod(high - low)) / len(pixels)
    return float(hit.sum()) * pixels_per_sample, float((hit & free).sum()) * pixels_per_sample


def in_front(around: Array) -> Array:
    """What bounds the part of a box before the near plane (K, 3): its corners (8, 3) there, and where edges cross it.

    A car alongside the camera reaches behind it, and its corners there would be projected to the wrong side.
    """
    one, two = around[_EDGES[:, 0]], around[_EDGES[:, 1]]
    crossing = (one[:, 2] < _NEAR_M) != (two[:, 2] < _NEAR_M)
    one, two = one[crossing], two[crossing]
    share = (_NEAR_M - one[:, 2:]) / (two[:, 2:] - one[:, 2:])
    return np.concatenate([around[around[:, 2] >= _NEAR_M], one + share * (two - one)])


def _ray_entry(box_from_camera: Array, rays_camera: Array, size_lwh_m: Array) -> Array:
    """Depth (N,) at which rays (N, 3) with unit depth from the camera enter the box; inf where they miss (slabs)."""
    origin = apply(box_from_camera, np.zeros(3))
    directions = rotate(box_from_camera, rays_camera)
    directions = np.where(np.abs(directions) < 1e-12, 1e-12, directions)
    half = np.asarray(size_lwh_m) / 2.0
    one, two = (-half - origin) / directions, (half - origin) / directions
    enter, leave = np.minimum(one, two).max(axis=1), np.maximum(one, two).min(axis=1)
    entry: Array = np.where((enter <= leave) & (leave > 0), enter, np.inf)
    return entry
