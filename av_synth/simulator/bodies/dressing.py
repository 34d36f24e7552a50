"""A body of the catalogue in a look: the same box, weight and movements, another mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.look import Look
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.scene import Mesh, Tag


def dressed(body: Body, look: Look) -> Body:
    """The body in the look, which fills its box.

    Doors that open would show the procedural body behind them, so a body in a look opens none: `doors` is kept for the
    physics of who opens one, and drawn with what it was made of.

    Raises:
        DataError: the look does not fit the body.
    """
    return replace(body, meshes=(_rigid(body, look),), texture=look.texture if look.texture.size else None)


def factors(body: Body, look: Look) -> Array:
    """By how much each axis (3,) of a look is stretched to fill the body's box.

    Raises:
        DataError: one axis is stretched more against the others than the look allows.
    """
    size = 2.0 * body.box_half_m
    found = size / look.size_m
    against = found / np.median(found) - 1.0
    if np.abs(against).max() > look.stretch + 1e-9:
        worst = int(np.argmax(np.abs(against)))
        raise DataError(
            f"look {look.name}: {look.size_m.round(2).tolist()} m cannot fill the box of {body.blueprint_id}, "
            f"{size.round(2).tolist()} m: its {('length', 'width', 'height')[worst]} would be stretched by "
            f"{against[worst]:+.0%} against the others; want at most {look.stretch:.0%}"
        )
    return found


def _rigid(body: Body, look: Look) -> Mesh:
    scale = factors(body, look)
    points = look.points_m.astype(np.float64) * scale
    of_wheel = look.wheel >= 0
    if of_wheel.any():
        hub = look.hubs_m[look.wheel[of_wheel], 0].astype(np.float64)
        points[of_wheel, 0] = hub * scale[0] + (look.points_m[of_wheel, 0] - hub) * scale[2]
    low, high = points.min(axis=0), points.max(axis=0)
    points += body.box_centre_m - (low + high) / 2
    normals = look.normals / scale
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return mesh_of(look, points, normals, body.tag)


def mesh_of(look: Look, points: Array, normals: Array, tag: Tag) -> Mesh:
    """The mesh of a look with other points and normals (V, 3), all of one class."""
    return Mesh(
        points.astype(np.float32),
        normals.astype(np.float32),
        look.colours,
        look.materials,
        np.full(len(points), int(tag), dtype=np.uint8),
        look.triangles,
        look.uvs,
    )
