"""A body of the catalogue in a look: the same box, weight and movements, another mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.look import Look
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.bodies.striding import walking
from av_synth.simulator.scene import Mesh


def dressed(body: Body, look: Look) -> Body:
    """The body in the look, which fills its box.

    A body that opens a door shows the procedural mesh meanwhile, for `doors` stays; all sensors see the same.

    Raises:
        DataError: the look does not fit the body.
    """
    walks = len(body.meshes) > 1
    if walks and not len(look.joints_m):
        raise DataError(f"look {look.name}: {body.blueprint_id} walks; want a look with `legs`")
    poses = walking(look, body) if walks else [(look.points_m.astype(np.float64), look.normals.astype(np.float64))]
    scale = _factors(body, look, poses)
    low = np.min([points.min(axis=0) for points, _ in poses], axis=0)
    high = np.max([points.max(axis=0) for points, _ in poses], axis=0)
    meshes = tuple(_placed(body, look, points, normals, scale, (low + high) / 2) for points, normals in poses)
    return replace(body, meshes=meshes, texture=look.texture if look.texture.size else None)


def _factors(body: Body, look: Look, poses: list[tuple[Array, Array]]) -> Array:
    """By how much each axis (3,) of all poses of a look is stretched to fill the body's box.

    Raises:
        DataError: one axis is stretched more against the others than the look allows.
    """
    low = np.min([points.min(axis=0) for points, _ in poses], axis=0)
    high = np.max([points.max(axis=0) for points, _ in poses], axis=0)
    wanted = 2.0 * body.box_half_m
    found = wanted / (high - low)
    against = found / np.median(found) - 1.0
    if np.abs(against).max() > look.stretch + 1e-9:
        worst = int(np.argmax(np.abs(against)))
        raise DataError(
            f"look {look.name}: {(high - low).round(2).tolist()} cannot fill the box of {body.blueprint_id}, "
            f"{wanted.round(2).tolist()} m: its {('length', 'width', 'height')[worst]} would be stretched by "
            f"{against[worst]:+.0%} against the others; want at most {look.stretch:.0%}"
        )
    return np.asarray(found)


def _placed(body: Body, look: Look, points: Array, normals: Array, scale: Array, middle: Array) -> Mesh:
    """One pose (V, 3), stretched and put into the body's box; `middle` (3,) is that of all poses."""
    moved = points * scale
    of_wheel = look.wheel >= 0
    if of_wheel.any():
        hub = look.hubs_m[look.wheel[of_wheel], 0].astype(np.float64)
        moved[of_wheel, 0] = hub * scale[0] + (points[of_wheel, 0] - hub) * scale[2]
        middle = (moved.min(axis=0) + moved.max(axis=0)) / 2 / scale
    moved += body.box_centre_m - middle * scale
    stretched = normals / scale
    stretched /= np.maximum(np.linalg.norm(stretched, axis=1, keepdims=True), 1e-12)
    return Mesh(
        moved.astype(np.float32),
        stretched.astype(np.float32),
        look.colours,
        look.materials,
        np.full(len(points), int(body.tag), dtype=np.uint8),
        look.triangles,
        look.uvs,
    )
